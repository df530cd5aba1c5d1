//! The six fields of a cron expression: minutes, hours, day of month, month, day of week, year.
//!
//! Source: EventBridge Scheduler User Guide, "Cron-based schedules". A form that the guide does not show and that AWS's
//! parser is known to read (`LW`, ranges over the end of a week) passes.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};

use super::Objection;
use super::field::Field;

const MINUTES: Field = Field { name: "minutes", least: 0, most: 59, names: &[] };
const HOURS: Field = Field { name: "hours", least: 0, most: 23, names: &[] };
const DAY_OF_MONTH: Field = Field { name: "day of month", least: 1, most: 31, names: &[] };
const MONTH: Field = Field {
    name: "month",
    least: 1,
    most: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
const DAY_OF_WEEK: Field =
    Field { name: "day of week", least: 1, most: 7, names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };
const YEAR: Field = Field { name: "year", least: 1970, most: 2199, names: &[] };

/// The last year that a cron expression can name.
pub(super) const LAST_YEAR: i16 = YEAR.most;

/// A cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    pub(super) minutes: BTreeSet<i16>,
    pub(super) hours: BTreeSet<i16>,
    days: Days,
    months: BTreeSet<i16>,
    years: BTreeSet<i16>,
}

/// The days that an expression names, by one of its two fields.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    OfMonth(BTreeSet<i16>),
    /// `L`.
    LastOfMonth,
    /// `LW`.
    LastWorkday,
    /// `3W`: the day from Monday to Friday that is nearest to the third, within the month.
    NearestWorkday(i16),
    OfWeek(BTreeSet<i16>),
    /// `6L`: the last Friday of the month.
    LastOfWeek(i16),
    /// `6#3`: the third Friday of the month.
    NthOfWeek(i16, i8),
}

impl Cron {
    /// Reads what stands in the parentheses of `cron(…)`.
    pub(super) fn parse(text: &str) -> Result<Self, Objection> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, day_of_month, month, day_of_week, year] = fields[..] else {
            return Err(count(&fields));
        };
        Ok(Self {
            minutes: MINUTES.values(minutes)?,
            hours: HOURS.values(hours)?,
            days: days(day_of_month, day_of_week)?,
            months: MONTH.values(month)?,
            years: YEAR.values(year)?,
        })
    }

    /// Tells whether the expression fires on a day.
    pub(super) fn is_on(&self, date: Date) -> bool {
        self.years.contains(&date.year()) && self.months.contains(&date.month().into()) && self.days.contain(date)
    }
}

impl Days {
    fn contain(&self, date: Date) -> bool {
        let (day, weekday) = (i16::from(date.day()), number(date));
        let days_in_month = i16::from(date.days_in_month());
        match self {
            Self::OfMonth(days) => days.contains(&day),
            Self::LastOfMonth => day == days_in_month,
            Self::LastWorkday => day == nearest_workday(date, days_in_month),
            Self::NearestWorkday(wanted) => *wanted <= days_in_month && day == nearest_workday(date, *wanted),
            Self::OfWeek(days) => days.contains(&weekday),
            Self::LastOfWeek(wanted) => weekday == *wanted && day + 7 > days_in_month,
            Self::NthOfWeek(wanted, nth) => weekday == *wanted && (day - 1) / 7 + 1 == i16::from(*nth),
        }
    }
}

/// Returns AWS's number of a day's weekday: Sunday is 1.
fn number(date: Date) -> i16 {
    i16::from(date.weekday().to_sunday_one_offset())
}

/// Returns the day from Monday to Friday that is nearest to `day` within the month of `date`.
fn nearest_workday(date: Date, day: i16) -> i16 {
    let on = |day: i16| Date::new(date.year(), date.month(), i8::try_from(day).unwrap_or(1)).unwrap_or(date);
    match on(day).weekday() {
        Weekday::Saturday if day == 1 => 3,
        Weekday::Saturday => day - 1,
        Weekday::Sunday if day == i16::from(date.days_in_month()) => day - 2,
        Weekday::Sunday => day + 1,
        _ => day,
    }
}

/// Reads the two fields for days. AWS takes `?` in exactly one of them.
fn days(of_month: &str, of_week: &str) -> Result<Days, Objection> {
    match (of_month, of_week) {
        ("?", "?") => {
            let help = "write `*` for the day of month: `cron(0 6 * * ? *)`";
            Err(Objection::new("the cron expression has `?` for both the day of month and the day of week", help))
        }
        (_, "?") => day_of_month(of_month),
        ("?", _) => day_of_week(of_week),
        ("*", "*") => {
            let help = "write `?` for one of them: `cron(0 6 * * ? *)`";
            Err(Objection::new("the cron expression has `*` for both the day of month and the day of week", help))
        }
        _ => {
            let help = if of_month == "*" {
                "write `?` for the day of month: `cron(0 6 ? * MON-FRI *)`"
            } else {
                "write `?` for one of them: `cron(0 6 1 * ? *)`, `cron(0 6 ? * MON-FRI *)`"
            };
            Err(Objection::new("the cron expression has both a day of month and a day of week", help))
        }
    }
}

fn day_of_month(text: &str) -> Result<Days, Objection> {
    let upper = text.to_ascii_uppercase();
    match upper.as_str() {
        "L" => return Ok(Days::LastOfMonth),
        "LW" => return Ok(Days::LastWorkday),
        _ => {}
    }
    if let Some(day) = upper.strip_suffix('W') {
        return DAY_OF_MONTH.value(day).map(Days::NearestWorkday);
    }
    if upper.contains(['L', 'W', '#']) {
        let help = "write `L` for the last day, `15W` for the workday nearest to the 15th, or numbers";
        return Err(DAY_OF_MONTH.objection(&format!("`{text}` is no day of a month"), help));
    }
    DAY_OF_MONTH.values(text).map(Days::OfMonth)
}

fn day_of_week(text: &str) -> Result<Days, Objection> {
    let upper = text.to_ascii_uppercase();
    if let Some((day, nth)) = upper.split_once('#') {
        let nth = nth.parse::<i8>().ok().filter(|nth| (1..=5).contains(nth));
        let nth = nth.ok_or_else(|| {
            let help = "write one day and a number from 1 to 5: `6#3` is the third Friday of the month";
            DAY_OF_WEEK.objection(&format!("`{text}` is no day of a week"), help)
        })?;
        return DAY_OF_WEEK.value(day).map(|day| Days::NthOfWeek(day, nth));
    }
    if upper == "L" {
        return Ok(Days::OfWeek([DAY_OF_WEEK.most].into()));
    }
    // No name of a weekday ends in L.
    if let Some(day) = upper.strip_suffix('L') {
        return DAY_OF_WEEK.value(day).map(Days::LastOfWeek);
    }
    DAY_OF_WEEK.values(text).map(Days::OfWeek)
}

/// Objects to a wrong number of fields. Cron on Unix has five, and counts weekdays from 0.
fn count(fields: &[&str]) -> Objection {
    let message = format!("a cron expression of AWS has 6 fields, not {}", fields.len());
    let help = match fields {
        [minutes, hours, of_month, month, of_week] => {
            let (of_month, of_week) = match (*of_month, *of_week) {
                (of_month, "*") => (of_month, "?".to_owned()),
                ("*", of_week) => ("?", renumber(of_week)),
                (of_month, of_week) => (of_month, renumber(of_week)),
            };
            format!(
                "add the year, and `?` for the field of days that says nothing: `cron({minutes} {hours} {of_month} {month} {of_week} *)`"
            )
        }
        _ => "write minutes, hours, day of month, month, day of week and year: `cron(0 6 * * ? *)`".to_owned(),
    };
    Objection::new(message, help)
}

/// Turns Unix's numbers of weekdays into names: 0 and 7 are Sunday.
fn renumber(of_week: &str) -> String {
    let name = |c: char| match c.to_digit(10) {
        Some(day @ 0..=7) => DAY_OF_WEEK.names[day as usize % 7].to_owned(),
        _ => c.to_string(),
    };
    if of_week.contains(['/', '#']) { of_week.to_owned() } else { of_week.chars().map(name).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days_of(expression: &str, year: i16, month: i8) -> Vec<i8> {
        let cron = Cron::parse(expression).unwrap_or_else(|objection| panic!("{expression}: {objection:?}"));
        let first = Date::new(year, month, 1).unwrap();
        (1..=first.days_in_month()).filter(|day| cron.is_on(Date::new(year, month, *day).unwrap())).collect()
    }

    #[test]
    fn every_wildcard_names_its_days() {
        // May 2027 begins on a Saturday and ends on a Monday.
        for (expression, wanted) in [
            ("0 6 1,15 * ? *", vec![1, 15]),
            ("0 6 1-3 * ? *", vec![1, 2, 3]),
            ("0 6 28/2 * ? *", vec![28, 30]),
            ("0 6 L * ? *", vec![31]),
            ("0 6 LW * ? *", vec![31]),
            ("0 6 1W * ? *", vec![3]),
            ("0 6 16W * ? *", vec![17]),
            ("0 6 15W * ? *", vec![14]),
            ("0 6 ? * MON *", vec![3, 10, 17, 24, 31]),
            ("0 6 ? * 7 *", vec![1, 8, 15, 22, 29]),
            ("0 6 ? * L *", vec![1, 8, 15, 22, 29]),
            ("0 6 ? * 2L *", vec![31]),
            ("0 6 ? * friL *", vec![28]),
            ("0 6 ? * 6#3 *", vec![21]),
            ("0 6 ? * MON#5 *", vec![31]),
            ("0 6 ? * SAT-MON *", vec![1, 2, 3, 8, 9, 10, 15, 16, 17, 22, 23, 24, 29, 30, 31]),
            ("0 6 1 APR ? *", vec![]),
            ("0 6 1 jan-may ? 2027-2028", vec![1]),
            ("0 6 1 * ? 2028", vec![]),
        ] {
            assert_eq!(days_of(expression, 2027, 5), wanted, "{expression}");
        }
        assert_eq!(days_of("0 6 31W * ? *", 2027, 1), [29], "the 31st is a Sunday, and the month has no 1st after it");
        assert!(days_of("0 6 30W * ? *", 2027, 2).is_empty());
    }

    #[test]
    fn an_expression_that_aws_refuses_is_refused_with_the_fix() {
        for (expression, wanted) in [
            ("0 6 * * *", "`cron(0 6 * * ? *)`"),
            ("0 6 * * 1-5", "`cron(0 6 ? * MON-FRI *)`"),
            ("30 2 1 * *", "`cron(30 2 1 * ? *)`"),
            ("0 6 * * * *", "write `?` for one of them"),
            ("0 6 ? * ? *", "`?` for both"),
            ("0 6 1 * MON *", "both a day of month and a day of week"),
            ("0 6 * * MON-FRI *", "`cron(0 6 ? * MON-FRI *)`"),
            ("60 6 * * ? *", "the minutes of the cron expression: 60 is out of range"),
            ("0 24 * * ? *", "write 0 to 23"),
            ("0 6 0 * ? *", "write 1 to 31"),
            ("0 6 * 13 ? *", "write 1 to 12, or JAN to DEC"),
            ("0 6 ? * 0 *", "from 1, which is Sunday"),
            ("0 6 ? * MON#6 *", "a number from 1 to 5"),
            ("0 6 ? * 3#1,6#3 *", "one day and a number"),
            ("0 6 L-3 * ? *", "is no day of a month"),
            ("0 6 * * ? 1969", "write 1970 to 2199"),
            ("0/0 6 * * ? *", "`/0` is no step"),
            ("? 6 * * ? *", "`?` stands for a day alone"),
            ("0 6 * * ?", "add the year"),
            ("", "write minutes, hours"),
        ] {
            let Objection { message, help } = Cron::parse(expression).expect_err(expression);
            assert!(format!("{message}: {help}").contains(wanted), "{expression}: {message}: {help}");
        }
    }
}
