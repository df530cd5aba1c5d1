//! `deployer completions`

use clap::Args;
use clap::builder::PossibleValuesParser;
use clap_complete::env::Shells;

use super::examples::Examples;
use super::run::Run;
use super::{Exit, OK, complete};
use crate::failure::Failure;

/// The shells that the deployer completes in.
const SHELLS: [&str; 4] = [BASH, "zsh", "fish", "powershell"];
const BASH: &str = "bash";

/// Print a completion script
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Completions {
    /// The shell that is to complete.
    #[arg(value_parser = PossibleValuesParser::new(SHELLS))]
    shell: String,
}

const EXAMPLES: Examples = Examples(&[
    ("source <(deployer completions bash)", "in ~/.bashrc"),
    ("source <(deployer completions zsh)", "in ~/.zshrc, after compinit"),
    ("deployer completions fish | source", "in ~/.config/fish/config.fish"),
    ("deployer completions powershell | Out-String | Invoke-Expression", "in $PROFILE"),
]);

impl Completions {
    /// Prints the script that makes a shell ask for completions.
    pub(super) async fn run(self, run: &Run) -> Exit {
        let name = self.shell.as_str();
        let mut script = Vec::new();
        let shells = Shells::builtins();
        let written = shells.completer(name).ok_or_else(|| std::io::Error::other("unknown shell")).and_then(|shell| {
            shell.write_registration(complete::ASKED, "deployer", "deployer", "deployer", &mut script)
        });
        written.map_err(|error| Failure::internal(&format!("no script for {name}: {error}")))?;
        let script = String::from_utf8_lossy(&script);
        run.terminal.data(&if name == BASH { quoting(&script) } else { script.into_owned() });
        Ok(OK)
    }
}

/// Makes bash quote the inserted words, as the other shells do themselves: a route's address contains a space and
/// braces. A word that begins with a quote is not quoted again; candidates never contain a quote.
fn quoting(script: &str) -> String {
    const FILLED: &str = "    if [[ $? != 0 ]]; then\n";
    const QUOTING: &str = r#"    local answered=$?
    if [[ "${COMP_WORDS[COMP_CWORD]}" != [\"\']* ]]; then
        local index
        for index in "${!COMPREPLY[@]}"; do
            if [[ "${COMPREPLY[index]}" == *[!A-Za-z0-9._:/@=+-]* ]]; then
                printf -v "COMPREPLY[index]" %q "${COMPREPLY[index]}"
            fi
        done
    fi
    if [[ $answered != 0 ]]; then
"#;
    script.replacen(FILLED, QUOTING, 1)
}
