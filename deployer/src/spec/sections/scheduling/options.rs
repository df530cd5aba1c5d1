//! The properties that say when a schedule fires and what happens if the call fails, and their checks.

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use super::window;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::nearest;
use crate::spec::values::Seconds;
use crate::timetable::{self, Expression, Timing};

/// The properties, wherever they are written.
#[derive(Debug, Clone, Default)]
pub struct Options<'e> {
    pub expression: &'e str,
    pub timezone: Option<&'e str>,
    pub flexible_window: Option<Seconds>,
    pub start: Option<&'e str>,
    pub end: Option<&'e str>,
    pub enabled: bool,
    pub delete_after_completion: bool,
    pub description: Option<&'e str>,
    pub kms_key_arn: Option<&'e str>,
    pub input: Option<&'e Payload>,
    pub retries: Option<u32>,
    pub max_age: Option<Seconds>,
    pub dead_letter: Option<&'e str>,
    pub group: Option<&'e str>,
}

/// The message that a schedule sends: a text, or a map or list that becomes JSON.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Payload(pub Value);

impl Payload {
    /// Reports a text that is no JSON, for a target that takes nothing else.
    pub fn check_json(&self, path: DocPath, findings: &mut Findings) {
        if let Some(text) = self.plain_text() {
            findings
                .error("schedule::input", path, format!("this target takes JSON alone, and `{text}` is none"))
                .help(json_help(text));
        }
    }

    /// Returns the payload if it is written out as a text and is no JSON.
    pub fn plain_text(&self) -> Option<&str> {
        let is_json = |text: &str| is_open(text) || serde_json::from_str::<Value>(text).is_ok();
        self.0.as_str().filter(|text| !is_json(text))
    }

    /// Returns the text that AWS gets.
    pub fn text(&self) -> String {
        self.0.as_str().map_or_else(|| self.0.to_string(), str::to_owned)
    }
}

impl JsonSchema for Payload {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Payload".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["object", "array", "string"] })
    }
}

/// The default time zone.
pub(super) const UTC: &str = "UTC";

/// Tells how to send a text as JSON.
pub fn json_help(text: &str) -> String {
    format!("write a map, or the text in quotes: `input: '\"{}\"'`", text.replace('"', ""))
}

fn is_open(text: &str) -> bool {
    text.contains("${")
}

impl Options<'_> {
    /// Checks the properties of the map at `path`.
    pub fn check(&self, path: &DocPath, findings: &mut Findings) {
        self.check_expression(path, findings);
        if let Some(zone) = self.timezone.filter(|zone| !is_open(zone) && !timetable::is_zone(zone)) {
            let help = match nearest(zone, timetable::zones()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "write a name of IANA's database, such as `Europe/Oslo`".to_owned(),
            };
            findings
                .error("schedule::timezone", path.then("timezone"), format!("there is no time zone `{zone}`"))
                .help(help);
        }
        if let Some(window) = self.flexible_window {
            window::check(window, &path.then("flexible_window"), findings);
        }
        self.check_range(path, findings);
    }

    fn check_expression(&self, path: &DocPath, findings: &mut Findings) {
        let expression = self.expression;
        if is_open(expression) {
            return;
        }
        match Expression::parse(expression) {
            Err(objection) => {
                findings.error("schedule::expression", path.then("schedule"), objection.message).help(objection.help);
            }
            Ok(Expression::At(_)) => self.check_past(expression, path, findings),
            Ok(_) if self.delete_after_completion && self.end.is_none() => {
                findings
                    .warning(
                        "schedule::never-complete",
                        path.then("delete_after_completion"),
                        "this schedule has no end, so it never completes and is never deleted",
                    )
                    .at_key()
                    .help("add `end: 2030-01-31T00:00:00Z`, or remove this property");
            }
            Ok(_) => {}
        }
    }

    /// Warns of a single moment that has passed.
    fn check_past(&self, expression: &str, path: &DocPath, findings: &mut Findings) {
        let timing = Timing { expression, zone: self.timezone.unwrap_or(UTC), start: None, end: None };
        if timing.is_over(Timestamp::now()) {
            findings
                .warning("schedule::past", path.then("schedule"), "this moment has passed: the schedule never fires")
                .help("write a moment to come, or remove the schedule");
        }
    }

    /// Checks the start and the end.
    fn check_range(&self, path: &DocPath, findings: &mut Findings) {
        let mut read = |property: &'static str, text: Option<&str>| {
            let text = text.filter(|text| !is_open(text))?;
            let moment = text.parse::<Timestamp>().ok();
            if moment.is_none() {
                findings
                    .error("schedule::moment", path.then(property), format!("`{text}` is no moment"))
                    .help("write date, time and offset from UTC: `2030-01-31T06:00:00Z`");
            }
            moment
        };
        let (start, end) = (read("start", self.start), read("end", self.end));
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            findings
                .error("schedule::moment", path.then("end"), "the schedule ends before it starts")
                .help("write an `end` after the `start`");
        }
        if end.is_some_and(|end| end < Timestamp::now()) {
            findings
                .warning("schedule::past", path.then("end"), "this moment has passed: the schedule fires no more")
                .help("write a moment to come, or remove the schedule");
        }
        for (property, _) in [("start", self.start), ("end", self.end)].iter().filter(|(_, text)| text.is_some()) {
            if self.expression.starts_with("at(") {
                findings
                    .warning(
                        "schedule::once",
                        path.then(*property),
                        format!("a schedule that fires once has no `{property}`: AWS takes no notice of it"),
                    )
                    .at_key()
                    .help("remove it");
            }
        }
    }
}

/// Writes a moment as AWS reports it. A text with a reference, or one that `check` reports, stays as it is.
pub(super) fn in_utc(text: &str) -> String {
    let whole = |moment: Timestamp| Timestamp::from_second(moment.as_second()).unwrap_or(moment).to_string();
    text.parse::<Timestamp>().map_or_else(|_| text.to_owned(), whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(options: &Options<'_>) -> Vec<String> {
        let mut findings = Findings::default();
        options.check(&DocPath::default(), &mut findings);
        findings.0.into_iter().map(|finding| format!("{} {}", finding.code, finding.path)).collect()
    }

    #[test]
    fn every_property_is_checked_at_its_place() {
        let good = Options { expression: "cron(0 6 * * ? *)", timezone: Some("Europe/Oslo"), ..Options::default() };
        assert!(codes(&good).is_empty());
        assert_eq!(
            codes(&Options { expression: "cron(0 6 * * *)", ..good.clone() }),
            ["schedule::expression schedule"]
        );
        assert_eq!(codes(&Options { timezone: Some("Europe/Osslo"), ..good.clone() }), ["schedule::timezone timezone"]);
        let odd = Options { flexible_window: Some(Seconds(90)), ..good.clone() };
        assert_eq!(codes(&odd), ["schedule::window flexible_window"]);
        assert_eq!(codes(&Options { start: Some("2030-01-31"), ..good.clone() }), ["schedule::moment start"]);
        let (start, end) = (Some("2030-01-31T06:00:00Z"), Some("2030-01-31T06:00:00+02:00"));
        assert_eq!(codes(&Options { start, end, ..good.clone() }), ["schedule::moment end"]);
        let endless = Options { delete_after_completion: true, ..good.clone() };
        assert_eq!(codes(&endless), ["schedule::never-complete delete_after_completion"]);
        let once = Options { expression: "at(2030-01-31T06:00:00)", end: Some("2030-02-01T00:00:00Z"), ..good };
        assert_eq!(codes(&once), ["schedule::once end"]);
        let open = Options { expression: "${vars.when}", timezone: Some("${vars.zone}"), ..Options::default() };
        assert!(codes(&open).is_empty());
    }

    #[test]
    fn a_moment_that_has_passed_is_doubted() {
        let once = |expression| Options { expression, ..Options::default() };
        assert_eq!(codes(&once("at(2020-01-31T06:00:00)")), ["schedule::past schedule"]);
        assert!(codes(&once("at(2130-01-31T06:00:00)")).is_empty());
        let ended = Options { end: Some("2020-01-31T06:00:00Z"), ..once("rate(1 day)") };
        assert_eq!(codes(&ended), ["schedule::past end"]);
    }

    #[test]
    fn moments_are_written_as_aws_reports_them() {
        assert_eq!(in_utc("2030-01-31T06:00:00+02:00"), "2030-01-31T04:00:00Z");
        assert_eq!(in_utc("2030-01-31T06:00:00.25Z"), "2030-01-31T06:00:00Z");
        assert_eq!(in_utc("${vars.start}"), "${vars.start}");
    }
}
