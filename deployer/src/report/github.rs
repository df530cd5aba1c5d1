//! Writes the files and commands of a GitHub Actions step: workflow commands, outputs and the summary.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::plan::Plan;
use crate::spec::finding::{Findings, Severity};
use crate::spec::secrets::{SHORTEST, Secrets};
use crate::spec::visible;

/// GitHub refuses a step's summary of more than 1 MiB; this many bytes are safe.
pub const SUMMARY_LIMIT: usize = 1_000_000;

/// GitHub allows 65,536 characters in a comment; this many bytes are safe.
pub const COMMENT_LIMIT: usize = 65_000;

/// The files that a step may write, and the directory where the repository is checked out.
#[derive(Debug, Clone, Default)]
pub struct StepFiles {
    /// GITHUB_STEP_SUMMARY.
    pub summary: Option<PathBuf>,
    /// GITHUB_OUTPUT.
    pub output: Option<PathBuf>,
    /// GITHUB_WORKSPACE.
    pub workspace: Option<PathBuf>,
}

impl StepFiles {
    /// Returns the number of bytes that still fit into the summary.
    pub fn room(&self) -> usize {
        let size = |path: &PathBuf| path.metadata().ok().and_then(|meta| usize::try_from(meta.len()).ok());
        SUMMARY_LIMIT.saturating_sub(self.summary.as_ref().and_then(size).unwrap_or_default())
    }

    /// Appends Markdown to the step's summary. Writes nothing if it does not fit.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn summarise(&self, markdown: &str) -> io::Result<()> {
        match &self.summary {
            Some(path) if markdown.len() <= self.room() => append(path, markdown),
            _ => Ok(()),
        }
    }

    /// Sets outputs of the step.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written, or if the system has no randomness for the delimiter.
    pub fn set_outputs(&self, outputs: &BTreeMap<String, String>) -> io::Result<()> {
        let Some(path) = &self.output else { return Ok(()) };
        let mut text = String::new();
        for (name, value) in outputs {
            let delimiter = delimiter(value)?;
            let _ = writeln!(text, "{name}<<{delimiter}\n{value}\n{delimiter}");
        }
        append(path, &text)
    }

    /// Returns a file's path relative to the repository's root, as GitHub expects it.
    fn in_repository(&self, file: &Path) -> String {
        let whole = std::fs::canonicalize(file).ok();
        let root = self.workspace.as_ref().and_then(|root| std::fs::canonicalize(root).ok());
        let inside = whole.as_deref().zip(root.as_deref()).and_then(|(file, root)| file.strip_prefix(root).ok());
        inside.unwrap_or(file).display().to_string()
    }

    /// Renders findings as commands that show them beside their lines.
    pub fn annotations(&self, findings: &Findings, file: &Path, secrets: Option<&Secrets>) -> String {
        let file = self.in_repository(file);
        let mut commands = String::new();
        for finding in &findings.0 {
            let command = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let place = finding
                .span
                .map(|span| format!("file={},line={},col={},", escaped_property(&file), span.line, span.column));
            let mut message = finding.message.clone();
            if let Some(help) = &finding.help {
                let _ = write!(message, "\n{help}");
            }
            let message = secrets.map_or_else(|| message.clone(), |all| all.mask(&message).into_owned());
            let title = escaped_property(finding.code);
            let _ =
                writeln!(commands, "::{command} {}title={title}::{}", place.unwrap_or_default(), clean_text(&message));
        }
        commands
    }
}

/// Renders commands that make GitHub mask the secrets in everything that the job prints from now on.
pub fn masks(secrets: &Secrets) -> String {
    // GitHub masks line by line. A short line of a long secret, such as `{`, would be masked everywhere.
    let lines = secrets.forms().flat_map(|form| {
        let whole = !form.trim().contains('\n');
        form.lines().filter(move |line| line.trim().len() >= if whole { 1 } else { SHORTEST })
    });
    lines.map(|line| format!("::add-mask::{}\n", escaped(line))).collect()
}

/// Renders a warning without a place.
pub fn warning(title: &str, text: &str) -> String {
    format!("::warning title={}::{}\n", escaped_property(title), clean_text(text))
}

/// Renders a notice.
pub fn notice(title: &str, text: &str) -> String {
    format!("::notice title={}::{}\n", escaped_property(title), clean_text(text))
}

/// Returns a plan's outputs for later steps: `changed`, and the number of resources for each action.
pub fn counts(plan: &Plan) -> BTreeMap<String, String> {
    let s = plan.summary();
    let counts = [
        ("create", s.create),
        ("update", s.update),
        ("replace", s.replace),
        ("delete", s.delete),
        ("adopt", s.adopt),
        ("widen", s.widen),
    ];
    let mut outputs: BTreeMap<String, String> = counts.map(|(name, n)| (name.to_owned(), n.to_string())).into();
    outputs.insert("changed".to_owned(), plan.has_changes().to_string());
    outputs
}

/// Returns the stack's outputs under their names as outputs of a step.
pub fn stack_outputs(outputs: &BTreeMap<String, String>, secrets: &Secrets) -> BTreeMap<String, String> {
    outputs.iter().map(|(name, value)| (format!("output_{name}"), secrets.mask(value).into_owned())).collect()
}

/// Disarms lines that the runner would take for commands: `::` before the first word, `##[` anywhere. Quoted texts come
/// from `stack.yaml` and AWS, where others may write, too.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let commands = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
    if !text.split(['\n', '\r']).any(commands) {
        return Cow::Borrowed(text);
    }
    let tamed = |line: &str| {
        if !commands(line) {
            return line.to_owned();
        }
        let indent = line.len() - line.trim_start().len();
        let (indent, rest) = line.split_at(indent);
        let rest = rest.strip_prefix("::").map_or_else(|| rest.to_owned(), |rest| format!(": :{rest}"));
        format!("{indent}{}", rest.replace("##[", "# #["))
    };
    Cow::Owned(text.split_inclusive(['\n', '\r']).map(tamed).collect())
}

fn clean_text(text: &str) -> String {
    escaped(&visible::text(text))
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escaped_property(text: &str) -> String {
    clean_text(text).replace(':', "%3A").replace(',', "%2C")
}

/// Generates a random line that ends a value; the author of a value cannot guess it.
fn delimiter(value: &str) -> io::Result<String> {
    loop {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
        let delimiter = bytes.iter().fold("end_".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        if !value.contains(&delimiter) {
            return Ok(delimiter);
        }
    }
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    let written = OpenOptions::new().append(true).create(true).open(path);
    let written = written.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::{SUMMARY_LIMIT, StepFiles, harmless};
    use crate::spec::finding::{DocPath, Findings, Span};
    use crate::spec::secrets::Secrets;

    #[test]
    fn a_finding_stands_at_its_line_and_cannot_write_commands_of_its_own() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(root.path().join("a,b")).expect("a directory");
        let file = root.path().join("a,b/stack.yaml");
        std::fs::write(&file, "").expect("a file");
        let step = StepFiles { workspace: Some(root.path().to_owned()), ..StepFiles::default() };
        let mut findings = Findings::default();
        let message = "100% wrong\r\n::stop-commands::hunter22";
        let finding = findings.error("stack::unknown-property", DocPath::default(), message);
        finding.span = Some(Span { line: 3, column: 5, start: 0, end: 1 });
        finding.help("write `name`");
        findings.warning("lint::x", DocPath::default(), "nowhere");
        let mut secrets = Secrets::default();
        secrets.add("hunter22");
        assert_eq!(
            step.annotations(&findings, &file, Some(&secrets)),
            "::error file=a%2Cb/stack.yaml,line=3,col=5,title=stack%3A%3Aunknown-property::\
             100%25 wrong\\u000d%0A::stop-commands::(sensitive)%0Awrite `name`\n\
             ::warning title=lint%3A%3Ax::nowhere\n"
        );
        assert!(StepFiles::default().annotations(&findings, Path::new("s.yaml"), None).contains("file=s.yaml,"));
    }

    #[test]
    fn a_quoted_line_is_no_command_of_the_runner() {
        let text = "tags.a:\n    ::set-output name=x::y\rb\n::stop-commands::t\n  c ##[add-path]/x\nd::e # [f]\n";
        let tamed = "tags.a:\n    : :set-output name=x::y\rb\n: :stop-commands::t\n  c # #[add-path]/x\nd::e # [f]\n";
        assert_eq!(harmless(text), tamed);
        assert!(matches!(harmless("aws::access-denied\n- a::b\n"), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn an_output_of_many_lines_cannot_set_another() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("output");
        std::fs::write(&path, "before=1\n").expect("a file");
        let step = StepFiles { output: Some(path.clone()), ..StepFiles::default() };
        let value = "one\nEOF\nadmin=true\n";
        step.set_outputs(&BTreeMap::from([("text".to_owned(), value.to_owned())])).expect("it is written");
        let text = std::fs::read_to_string(&path).expect("it is there");
        let (first, delimiter) = text.lines().nth(1).and_then(|line| line.split_once("<<")).expect("a heading");
        assert_eq!(first, "text");
        assert_eq!(text, format!("before=1\ntext<<{delimiter}\n{value}\n{delimiter}\n"));
        assert!(delimiter.len() > 30);
    }

    #[test]
    fn a_full_summary_takes_no_more() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("summary");
        std::fs::write(&path, "x".repeat(SUMMARY_LIMIT - 5)).expect("a file");
        let step = StepFiles { summary: Some(path.clone()), ..StepFiles::default() };
        step.summarise("123456").expect("it is left out");
        step.summarise("12345").expect("it is written");
        assert_eq!(std::fs::metadata(&path).expect("it is there").len(), SUMMARY_LIMIT as u64);
    }
}
