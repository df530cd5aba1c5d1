//! When a schedule fires: expressions, as EventBridge Scheduler reads them, and the moments that follow from them.
//!
//! **Guarantees**: pure. The time is an argument, and the rules of time zones are those of IANA's database in the
//! version that `Cargo.lock` pins, whatever the machine has.
//!
//! - `cron`: the six fields and their wildcards
//! - `zone`: time zones
//! - `firing`: the next moments

mod cron;
mod field;
mod firing;
mod zone;

use jiff::civil::DateTime;

use cron::Cron;
pub use firing::Timing;
pub use zone::{is_zone, zones};

/// The reason why AWS would refuse an expression, and the fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    pub message: String,
    pub help: String,
}

impl Objection {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// The expression of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    Cron(Cron),
    /// The time between two firings, in seconds.
    Rate(i64),
    /// One moment, on the clocks of the schedule's time zone.
    At(DateTime),
}

const FORMS: &str = "write `rate(5 minutes)`, `cron(0 6 * * ? *)` or `at(2030-01-31T06:00:00)`";

impl Expression {
    /// Reads `rate(…)`, `cron(…)` or `at(…)`.
    ///
    /// # Errors
    /// The reason why AWS would refuse it.
    pub fn parse(text: &str) -> Result<Self, Objection> {
        let inner = |form: &str| text.strip_prefix(form)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(fields) = inner("cron") {
            return Cron::parse(fields).map(Self::Cron);
        }
        if let Some(rate) = inner("rate") {
            return parse_rate(rate).map(Self::Rate);
        }
        if let Some(moment) = inner("at") {
            return parse_at(moment).map(Self::At);
        }
        // Users of other schedulers write the fields alone.
        let help = match Cron::parse(text) {
            Ok(_) => format!("write `cron({text})`"),
            Err(_) => FORMS.to_owned(),
        };
        Err(Objection::new(format!("`{text}` is no schedule"), help))
    }
}

fn parse_rate(rate: &str) -> Result<i64, Objection> {
    const FORM: &str = "write `rate(5 minutes)`, `rate(1 hour)` or `rate(7 days)`";
    let wrong = |message: String| Err(Objection::new(message, FORM));
    let Some((number, unit)) = rate.split_once(' ').filter(|(number, unit)| !number.is_empty() && !unit.is_empty())
    else {
        return wrong(format!("`rate({rate})` has no number and unit"));
    };
    let number = match number.parse::<i64>() {
        Ok(number) if number > 0 => number,
        Ok(_) => return wrong("a rate is 1 or more".to_owned()),
        Err(_) => return wrong(format!("`{number}` is no whole number")),
    };
    let (seconds, is_plural) = match unit {
        "minute" => (60, false),
        "minutes" => (60, true),
        "hour" => (3_600, false),
        "hours" => (3_600, true),
        "day" => (86_400, false),
        "days" => (86_400, true),
        "second" | "seconds" => return wrong("the shortest unit of a rate is a minute".to_owned()),
        "week" | "weeks" => return wrong("the longest unit of a rate is a day".to_owned()),
        _ => return wrong(format!("`{unit}` is no unit of a rate")),
    };
    if number > 1 && !is_plural {
        let help = format!("write `rate({number} {unit}s)`");
        return Err(Objection::new(format!("AWS takes the plural after {number}"), help));
    }
    number.checked_mul(seconds).map_or_else(|| wrong(format!("{number} {unit} are too long")), Ok)
}

fn parse_at(moment: &str) -> Result<DateTime, Objection> {
    const FORM: &str =
        "write `at(2030-01-31T06:00:00)`, on the clocks of the schedule's `timezone`, which is UTC if none is given";
    let has_form = moment.len() == "2030-01-31T06:00:00".len() && moment.as_bytes()[10] == b'T';
    let parsed = has_form.then(|| moment.parse::<DateTime>().ok()).flatten();
    parsed.ok_or_else(|| Objection::new(format!("`{moment}` is no date and time in this form"), FORM))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objection(text: &str) -> String {
        let Objection { message, help } = Expression::parse(text).expect_err(text);
        format!("{message}: {help}")
    }

    #[test]
    fn rates_and_moments_are_read() {
        assert_eq!(Expression::parse("rate(5 minutes)"), Ok(Expression::Rate(300)));
        assert_eq!(Expression::parse("rate(1 hour)"), Ok(Expression::Rate(3_600)));
        assert_eq!(Expression::parse("rate(2 days)"), Ok(Expression::Rate(172_800)));
        let at = Expression::parse("at(2030-01-31T06:00:00)");
        assert!(matches!(at, Ok(Expression::At(moment)) if moment.to_string() == "2030-01-31T06:00:00"));
    }

    #[test]
    fn an_objection_says_what_to_write() {
        for (text, wanted) in [
            ("rate(5 minute)", "AWS takes the plural after 5: write `rate(5 minutes)`"),
            ("rate(0 minutes)", "a rate is 1 or more"),
            ("rate(1.5 hours)", "`1.5` is no whole number"),
            ("rate(30 seconds)", "the shortest unit of a rate is a minute"),
            ("rate(2 weeks)", "the longest unit of a rate is a day"),
            ("rate(5)", "has no number and unit"),
            ("at(2030-01-31)", "is no date and time"),
            ("at(2030-02-30T06:00:00)", "is no date and time"),
            ("at(2030-01-31T06:00:00Z)", "is no date and time"),
            ("0 6 * * ? *", "write `cron(0 6 * * ? *)`"),
            ("every day", "`every day` is no schedule: write `rate(5 minutes)`"),
        ] {
            assert!(objection(text).contains(wanted), "{text}: {}", objection(text));
        }
    }
}
