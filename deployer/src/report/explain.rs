//! Explains finding codes, for the terminal and for docs/errors.md.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::diagnostics::{self, Style};
use super::terminal::Terminal;
use crate::codes::{self, Code, Example, GROUPS};
use crate::failure::Failure;
use crate::pipeline;
use crate::spec::finding::{Findings, Severity};
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

/// Prints the explanation of one code.
pub fn print(terminal: &Terminal, code: &Code) {
    terminal.data(&match terminal.json {
        true => format!("{}\n", object(code)),
        false => text(code, terminal.out_style()),
    });
}

/// Prints all codes, one a line.
pub fn print_all(terminal: &Terminal) {
    match terminal.json {
        true => codes::all().for_each(|code| terminal.data(&format!("{}\n", object(code)))),
        false => terminal.data(&list()),
    }
}

fn object(code: &Code) -> Value {
    let (example, right) = match code.example {
        Example::Stack { wrong, right } => (wrong, Some(right)),
        Example::Situation(when) => (when, None),
    };
    json!({"code": code.code, "severity": code.severity, "means": code.means, "example": example, "put_right": right, "fix": code.fix})
}

/// Explains one code: its meaning, an example with its findings, and what to do.
pub fn text(code: &Code, style: Style) -> String {
    let mut text = format!("{} ({})\n\n", code.code, severity(code));
    text += &wrapped(code.means, "", style.width);
    match code.example {
        Example::Situation(when) => text += &wrapped(&format!("For example: {when}."), "\n", style.width),
        Example::Stack { wrong, right } => {
            let whole = Example::complete_stack(wrong);
            let _ = write!(text, "\nThis stack.yaml has it:\n\n{}", indented(&whole));
            let (findings, source) = findings_of(&whole, code.code);
            let _ = write!(text, "\n{}", diagnostics::text(&findings, &source, style));
            let _ = write!(text, "\nPut right:\n\n{}", indented(&Example::complete_stack(right)));
        }
    }
    text + &wrapped(&format!("What to do: {}", code.fix), "\n", style.width)
}

/// Lists all codes, one a line.
pub fn list() -> String {
    let mut text = String::new();
    for (title, codes) in GROUPS {
        let _ = writeln!(text, "{title}");
        for code in *codes {
            let _ = writeln!(text, "  {:<34} {}", code.code, first_sentence(code.means));
        }
        text.push('\n');
    }
    text + "`deployer validate --explain CODE` says more about one.\n"
}

/// Renders docs/errors.md.
pub fn document() -> String {
    let mut text = String::from(
        "<!-- Generated from deployer/src/codes by `cargo xtask docs`. -->\n# Codes\n\nEvery finding carries one of these codes. \
         They stay as they are from version to version, so scripts may match them; the words of a message may change.\n\
         `deployer validate --explain CODE` shows an entry of this page in the terminal.\n",
    );
    for (title, codes) in GROUPS {
        let _ = write!(text, "\n## {title}\n");
        for code in *codes {
            let _ = write!(text, "\n### {}\n{}\n", code.code, code.means);
            match code.example {
                Example::Situation(when) => {
                    let _ = write!(text, "\nFor example: {when}.\n");
                }
                Example::Stack { wrong, right } => {
                    let (findings, source) = findings_of(&Example::complete_stack(wrong), code.code);
                    let said = diagnostics::text(&findings, &source, Style::default());
                    let _ =
                        write!(text, "\n```yaml\n{wrong}```\n```text\n{said}```\nPut right:\n```yaml\n{right}```\n");
                }
            }
            let _ = write!(text, "\n{}\n", code.fix);
        }
    }
    text
}

/// Returns the findings of one code for an example.
fn findings_of(stack: &str, code: &str) -> (Findings, SourceText) {
    let inputs = Inputs { env: [("AWS_REGION".to_owned(), "eu-west-1".to_owned())].into(), ..Inputs::default() };
    let source = SourceText::new("stack.yaml", stack);
    let (findings, source) = match pipeline::check(source, &inputs) {
        Ok(loaded) => (loaded.warnings, loaded.document.source().clone()),
        Err(Failure { findings, source }) => (findings, source.unwrap_or_default()),
    };
    (Findings(findings.0.into_iter().filter(|finding| finding.code == code).collect()), source)
}

fn severity(code: &Code) -> &'static str {
    match code.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// Wraps a paragraph at `width` columns.
fn wrapped(text: &str, before: &str, width: usize) -> String {
    let width = width.clamp(40, 100);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always one line");
        if line.is_empty() {
            *line = word.to_owned();
        } else if line.chars().count() + word.chars().count() < width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    format!("{before}{}\n", lines.join("\n"))
}
