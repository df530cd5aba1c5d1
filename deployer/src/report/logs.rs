//! Renders log lines, for people and programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::paint::{Paint, Tone};
use super::terminal::Terminal;
use crate::operate::logs::LogLine;
use crate::operate::logs::entry::Entry;
use crate::spec::secrets::Secrets;
use crate::spec::visible;

/// How log lines are shown.
#[derive(Clone, Copy)]
pub struct LogView<'a> {
    /// The length of the longest function name, in characters.
    pub width: usize,
    pub paint: Paint,
    pub secrets: &'a Secrets,
}

/// Prints lines, for people or programs.
pub fn print(terminal: &Terminal, lines: &[LogLine], view: LogView<'_>) {
    let one = |line: &LogLine| match terminal.json {
        true => format!("{}\n", as_json(line, view.secrets)),
        false => self::line(line, view),
    };
    let all: String = lines.iter().map(one).collect();
    if !all.is_empty() {
        terminal.data(&all);
    }
}

/// Renders one line: time, function and message. A structured message begins with its level and text.
pub fn line(line: &LogLine, view: LogView<'_>) -> String {
    indent_lines(&time(line.at), line, view)
}

/// Indents further lines of a message below its first one, so that none of them passes for another function's.
pub(super) fn indent_lines(when: &str, line: &LogLine, LogView { width, paint, secrets }: LogView<'_>) -> String {
    let said = message_text(&secrets.mask_cut(&line.message), paint);
    let gap = format!("\n{:1$}", "", when.chars().count() + width + 4);
    let said = said.trim_end_matches('\n').replace('\n', &gap);
    format!("{}  {:<width$}  {said}\n", paint.tone(Tone::Faint, when), line.function)
}

/// Renders the line as one object; a structured message stays an object.
pub(super) fn as_json(line: &LogLine, secrets: &Secrets) -> Value {
    let message = secrets.mask_cut(&line.message);
    let message = serde_json::from_str(&message).unwrap_or_else(|_| Value::from(message));
    json!({"time": time(line.at), "function": line.function, "stream": line.stream, "message": message})
}

/// Formats a time as RFC 3339 in UTC, with milliseconds.
pub(super) fn time(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |at| format!("{at:.3}"))
}

fn message_text(message: &str, paint: Paint) -> String {
    let Some(Entry { level, message: text, fields }) = Entry::parse(message) else { return message.to_owned() };
    let tone = match level.as_str() {
        "ERROR" | "FATAL" => Tone::Bad,
        "WARN" => Tone::Change,
        _ => Tone::Note,
    };
    let mut out = paint.tone(tone, &visible::line(&format!("{level:<5}")));
    if !text.is_empty() {
        let _ = write!(out, " {}", visible::line(&text));
    }
    for (key, value) in fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(out, "  {}", paint.tone(Tone::Faint, &visible::line(&format!("{key}={value}"))));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(message: &str) -> LogLine {
        let (function, stream, id) = ("worker".into(), "s".into(), "1".into());
        LogLine { at: 1_700_000_000_250, function, message: message.into(), stream, id }
    }

    #[test]
    fn structured_lines_lead_with_their_message_and_others_stay_as_they_are() {
        let secrets = Secrets::default();
        let view = |width| LogView { width, paint: Paint { colour: false }, secrets: &secrets };
        let json = sample(r#"{"timestamp":"x","level":"WARN","message":"slow","request_id":"r-1","took_ms":12}"#);
        assert_eq!(
            line(&json, view(8)),
            "2023-11-14T22:13:20.250Z  worker    WARN  slow  request_id=r-1  took_ms=12\n"
        );
        assert_eq!(line(&sample("START r-1"), view(6)), "2023-11-14T22:13:20.250Z  worker  START r-1\n");
        assert_eq!(as_json(&json, &secrets)["message"]["took_ms"], 12);
    }

    #[test]
    fn lines_of_tracing_and_of_lambda_are_structured_too_and_bad_json_stays_raw() {
        let secrets = Secrets::default();
        let view = LogView { width: 6, paint: Paint { colour: false }, secrets: &secrets };
        for (message, expected) in [
            (
                r#"{"timestamp":"x","level":"ERROR","fields":{"message":"no order","n":7},"target":"worker"}"#,
                "ERROR no order  n=7  target=worker",
            ),
            (
                r#"{"time":"x","type":"platform.start","record":{"requestId":"r-1","version":"7"}}"#,
                "INFO  platform.start  requestId=r-1  version=7",
            ),
            (r#"{"level":"INFO","fields":{"n":7}}"#, "INFO   n=7"),
            (r#"{"level":"INFO","mess"#, r#"{"level":"INFO","mess"#),
        ] {
            assert_eq!(line(&sample(message), view), format!("2023-11-14T22:13:20.250Z  worker  {expected}\n"));
        }
    }

    #[test]
    fn no_message_passes_for_a_line_of_its_own() {
        let secrets = Secrets::default();
        let view = LogView { width: 6, paint: Paint { colour: false }, secrets: &secrets };
        let forged = "paid\n2023-11-14T22:13:20.250Z  worker  ERROR forged";
        let structured = serde_json::json!({"message": forged, "note": "a\nb"}).to_string();
        assert_eq!(
            line(&sample(&structured), view),
            "2023-11-14T22:13:20.250Z  worker  INFO  paid\\n2023-11-14T22:13:20.250Z  worker  ERROR forged  note=a\\nb\n"
        );
        assert_eq!(
            line(&sample(forged), view),
            "2023-11-14T22:13:20.250Z  worker  paid\n                                  2023-11-14T22:13:20.250Z  worker  ERROR forged\n"
        );
    }

    #[test]
    fn a_secret_is_masked_before_its_escapes_are_read() {
        let mut secrets = Secrets::default();
        secrets.add("{\"key\":\"0123456789\\nabcdef\"}");
        let view = LogView { width: 6, paint: Paint { colour: false }, secrets: &secrets };
        let logged = sample("{\"key\":\"0123456789\\nabcdef\"}");
        assert!(line(&logged, view).ends_with("(sensitive)\n"));
        assert_eq!(as_json(&logged, &secrets)["message"], "(sensitive)");
    }
}
