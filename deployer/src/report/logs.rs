//! Log lines, as people and programs read them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::paint::{Paint, Tone};
use crate::operate::logs::Line;

/// One line: when, which function, and what it said. Structured lines lead with level and message.
pub fn line(line: &Line, width: usize, paint: Paint) -> String {
    let when = paint.tone(Tone::Faint, &time(line.at));
    format!("{when}  {:<width$}  {}\n", line.function, said(&line.message, paint))
}

/// One line of a timeline that began at `start` (milliseconds since 1970).
pub fn step(line: &Line, start: i64, width: usize, paint: Paint) -> String {
    let offset = format!("+{:.3} s", (line.at - start) as f64 / 1000.0);
    let when = paint.tone(Tone::Faint, &format!("{offset:>11}"));
    format!("{when}  {:<width$}  {}\n", line.function, said(&line.message, paint))
}

/// The line as one object; a structured message stays an object.
pub fn as_json(line: &Line) -> Value {
    let message = serde_json::from_str(&line.message).unwrap_or_else(|_| Value::from(line.message.as_str()));
    json!({"time": time(line.at), "function": line.function, "stream": line.stream, "message": message})
}

/// The moment in RFC 3339, UTC, with milliseconds.
fn time(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |at| format!("{at:.3}"))
}

fn said(message: &str, paint: Paint) -> String {
    let Ok(Value::Object(map)) = serde_json::from_str::<Value>(message) else { return message.to_owned() };
    let Some(text) = map.get("message").and_then(Value::as_str) else { return message.to_owned() };
    let level = map.get("level").and_then(Value::as_str).unwrap_or("INFO");
    let tone = match level {
        "ERROR" | "FATAL" => Tone::Bad,
        "WARN" => Tone::Change,
        _ => Tone::Note,
    };
    let mut out = format!("{} {text}", paint.tone(tone, &format!("{level:<5}")));
    for (key, value) in
        map.iter().filter(|(key, _)| !["message", "level", "timestamp", "function"].contains(&key.as_str()))
    {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(out, "  {}", paint.tone(Tone::Faint, &format!("{key}={value}")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(message: &str) -> Line {
        let (function, stream, id) = ("worker".into(), "s".into(), "1".into());
        Line { at: 1_700_000_000_250, function, message: message.into(), stream, id }
    }

    #[test]
    fn structured_lines_lead_with_their_message_and_others_stay_as_they_are() {
        let plain = Paint { colour: false };
        let json = sample(r#"{"timestamp":"x","level":"WARN","message":"slow","request_id":"r-1","took_ms":12}"#);
        assert_eq!(
            line(&json, 8, plain),
            "2023-11-14T22:13:20.250Z  worker    WARN  slow  request_id=r-1  took_ms=12\n"
        );
        assert_eq!(line(&sample("START r-1"), 6, plain), "2023-11-14T22:13:20.250Z  worker  START r-1\n");
        assert!(step(&json, 1_700_000_000_000, 6, plain).starts_with("   +0.250 s  worker  WARN  slow"));
        assert_eq!(as_json(&json)["message"]["took_ms"], 12);
    }
}
