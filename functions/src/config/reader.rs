//! Reads variables one by one, and keeps all findings.

use super::ConfigError;
use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::time::Duration;

/// A reader of variables that keeps every finding.
pub(super) struct Reader<G> {
    get: G,
    pub(super) findings: Vec<String>,
}

impl<G: Fn(&str) -> Option<String>> Reader<G> {
    pub(super) fn new(get: G) -> Self {
        Self { get, findings: Vec::new() }
    }

    /// Returns `settings` if no finding was made.
    pub(super) fn finish<T>(self, settings: T) -> Result<T, ConfigError> {
        match self.findings.is_empty() {
            true => Ok(settings),
            false => Err(ConfigError(self.findings)),
        }
    }

    /// Returns the value of `name` without surrounding blanks; `None` if it is not set or blank.
    pub(super) fn optional(&self, name: &str) -> Option<String> {
        let value = (self.get)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    pub(super) fn required(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.findings.push(format!("{name} is not set"));
            String::new()
        })
    }

    /// Returns the parts of a comma-separated value, without surrounding blanks. A blank part is a finding.
    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        let value = self.optional(name).unwrap_or_default();
        let parts: Vec<String> = value.split(',').map(|part| part.trim().to_owned()).collect();
        if value.is_empty() {
            return Vec::new();
        }
        if parts.iter().any(String::is_empty) {
            self.findings.push(format!("{name} has an empty entry: a comma too many"));
        }
        parts.into_iter().filter(|part| !part.is_empty()).collect()
    }

    pub(super) fn number<T>(&mut self, name: &str, least: T, most: T) -> Option<T>
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let text = self.optional(name)?;
        let value = text.parse::<T>().ok().filter(|value| *value >= least && *value <= most);
        if value.is_none() {
            self.findings.push(format!("{name} {} is no number in {least}..={most}", shown(&text)));
        }
        value
    }

    /// Returns a number of seconds, fractions allowed.
    pub(super) fn seconds(&mut self, name: &str, least: f64, most: f64) -> Option<Duration> {
        self.number(name, least, most).map(Duration::from_secs_f64)
    }

    /// Returns the value that `choices` has for the text of `name`.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.optional(name)?;
        let found = choices.iter().find(|(choice, _)| *choice == text);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            self.findings.push(format!("{name} {} is none of {}", shown(&text), names.join(", ")));
        }
        found.map(|(_, value)| *value)
    }
}

/// Quotes a value that is no secret, shortened for messages.
pub(super) fn shown(text: &str) -> impl Debug + Display {
    const MOST: usize = 120;
    match text.char_indices().nth(MOST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
    }
}
