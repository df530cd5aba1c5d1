//! The `deployer` that a test runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(Debug)]
pub(crate) struct Program {
    path: OsString,
    directory: PathBuf,
    variables: Vec<(String, String)>,
}

impl Program {
    /// Finds the program: `DEPLOYER`, else the one beside the test, else the one in `PATH`.
    pub(crate) fn find(directory: &Path, variables: Vec<(String, String)>) -> Self {
        let path = std::env::var_os("DEPLOYER").or_else(beside_the_test).unwrap_or_else(|| "deployer".into());
        Self { path, directory: directory.to_owned(), variables }
    }

    /// Returns the standard output.
    ///
    /// # Panics
    /// If the program cannot be started or fails.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output();
        let output = output.unwrap_or_else(|error| panic!("{} does not start: {error}", self.path.display()));
        let [said, told] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        assert!(output.status.success(), "deployer {} failed:\n{said}\n{told}", arguments.join(" "));
        said.into_owned()
    }

    /// Stops the local cloud. A failure is of no use to anybody who drops a stack.
    pub(crate) fn stop(&self) {
        let _ = self.command(&["local", "stop"]).output();
    }

    /// Returns a command that knows of no AWS but the local one.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null());
        let names = std::env::vars_os().map(|(name, _)| name);
        for name in names.filter(|name| ["AWS_", "DEPLOYER_"].iter().any(|own| has_prefix(name, own))) {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

fn has_prefix(name: &OsString, prefix: &str) -> bool {
    name.to_string_lossy().starts_with(prefix)
}

/// Returns `target/PROFILE/deployer` for a test in `target/PROFILE/deps`, if it is there.
fn beside_the_test() -> Option<OsString> {
    let test = std::env::current_exe().ok()?;
    let built = test.parent()?.parent()?.join("deployer");
    built.is_file().then(|| built.into_os_string())
}
