//! Findings: every mistake and doubt in a `stack.yaml`, not only the first.

use std::collections::HashSet;

use serde::Serialize;

/// A place in the document: `functions`, `image-worker`, `timeout`. List items are given by index.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocPath(pub Vec<String>);

impl DocPath {
    pub fn of<S: Into<String>>(parts: impl IntoIterator<Item = S>) -> Self {
        Self(parts.into_iter().map(Into::into).collect())
    }

    #[must_use]
    pub fn then(&self, part: impl Into<String>) -> Self {
        let mut parts = self.0.clone();
        parts.push(part.into());
        Self(parts)
    }
}

impl std::fmt::Display for DocPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// The part of the entry that is underlined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Key,
    Value,
}

/// A line and a column, both from 1, and the byte range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    pub line: usize,
    pub column: usize,
    #[serde(skip)]
    pub start: usize,
    #[serde(skip)]
    pub end: usize,
}

/// One mistake or doubt.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Stable and documented, such as `stack::unknown-property`.
    pub code: &'static str,
    pub severity: Severity,
    pub path: DocPath,
    pub at: At,
    /// Derived from the path once the source text is known. The parser sets it directly.
    pub span: Option<Span>,
    pub message: String,
    /// The next step for the user.
    pub help: Option<String>,
}

/// All findings of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Adds an error about the value at `path`.
    pub fn error(&mut self, code: &'static str, path: DocPath, message: impl Into<String>) -> &mut Finding {
        self.push(Severity::Error, code, path, message.into())
    }

    /// Adds a warning about the value at `path`.
    pub fn warning(&mut self, code: &'static str, path: DocPath, message: impl Into<String>) -> &mut Finding {
        self.push(Severity::Warning, code, path, message.into())
    }

    fn push(&mut self, severity: Severity, code: &'static str, path: DocPath, message: String) -> &mut Finding {
        let index = self.0.len();
        self.0.push(Finding { code, severity, path, at: At::Value, span: None, message, help: None });
        &mut self.0[index]
    }

    /// Removes duplicates: one wrong name may affect several resources.
    pub fn dedup(&mut self) {
        let mut said = HashSet::new();
        self.0.retain(|finding| said.insert((finding.code, finding.path.clone(), finding.message.clone())));
    }

    /// Returns the errors, without the warnings.
    pub fn errors(&self) -> Self {
        Self(self.0.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect())
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|f| f.severity == Severity::Error)
    }
}

impl Finding {
    /// Adds a hint: the next step for the user.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Underlines the key instead of the value.
    pub fn at_key(&mut self) -> &mut Self {
        self.at = At::Key;
        self
    }
}
