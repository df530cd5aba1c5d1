//! The next moments at which a schedule fires.
//!
//! Source: EventBridge Scheduler User Guide, "Schedule types": a time that clocks skip in spring is skipped, and a time
//! that they show twice in autumn fires once.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::cron::{Cron, LAST_YEAR};
use super::{Expression, zone};

/// Everything that decides when a schedule fires.
#[derive(Debug, Clone)]
pub struct Timing<'a> {
    pub expression: &'a str,
    pub zone: &'a str,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
}

impl Timing<'_> {
    /// Says when it fires next: `fires 2030-01-31 06:00 Europe/Oslo, 2030-02-01 06:00, …`. `None` if the expression or
    /// the time zone cannot be read.
    pub fn words(&self, now: Timestamp, count: usize) -> Option<String> {
        // A rate without a start counts from the creation, a moment that only AWS knows.
        if let (Ok(Expression::Rate(_)), None) = (Expression::parse(self.expression), self.start) {
            let is_over = self.end.is_some_and(|end| end < now);
            let every = self.expression.trim_start_matches("rate(").trim_end_matches(')');
            let every = every.strip_prefix("1 ").unwrap_or(every);
            return Some(if is_over { NEVER.to_owned() } else { format!("fires at its creation, then every {every}") });
        }
        let next = self.next(now, count)?;
        Some(if next.is_empty() { NEVER.to_owned() } else { format!("fires {} {}", next.join(", "), self.zone) })
    }

    /// Tells whether it never fires again. A text that cannot be read is not known to be over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.next(now, 1).is_some_and(|next| next.is_empty())
    }

    /// Returns the next moments after `now`, at most `count`, as the clocks of the schedule's time zone show them:
    /// `2030-01-31 06:00`. Empty if it never fires again; `None` if the expression cannot be read.
    fn next(&self, now: Timestamp, count: usize) -> Option<Vec<String>> {
        let expression = Expression::parse(self.expression).ok()?;
        let rules = zone::rules(self.zone)?;
        let after = self.start.map_or(now, |start| now.max(before(start)));
        let mut found = match &expression {
            Expression::Cron(cron) => of_cron(cron, &rules, after, count),
            Expression::Rate(seconds) => self.of_rate(*seconds, now, count),
            Expression::At(moment) => moment_of(*moment, &rules).filter(|at| *at > now).into_iter().collect(),
        };
        if !matches!(expression, Expression::At(_)) {
            found.retain(|at| self.end.is_none_or(|end| *at <= end));
        }
        let shown = |at: &Timestamp| {
            let local = at.to_zoned(rules.clone());
            local.strftime("%Y-%m-%d %H:%M").to_string()
        };
        Some(found.iter().map(shown).collect())
    }

    /// A rate counts from the start.
    fn of_rate(&self, seconds: i64, now: Timestamp, count: usize) -> Vec<Timestamp> {
        let first = self.start.unwrap_or(now).as_second();
        let passed = (now.as_second() - first).max(-1).div_euclid(seconds) + 1;
        let at = |n: i64| first.checked_add(passed.checked_add(n)?.checked_mul(seconds)?);
        let moments = (0..count as i64).map_while(|n| Timestamp::from_second(at(n)?).ok());
        moments.collect()
    }
}

const NEVER: &str = "never fires again";

/// Returns a moment right before `at`, so that `at` itself comes after it.
fn before(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() - 1).unwrap_or(at)
}

/// Returns the moment at which the clocks show a time; `None` if they skip it. The first one if they show it twice.
fn moment_of(shown: DateTime, rules: &TimeZone) -> Option<Timestamp> {
    let offset = match rules.to_ambiguous_timestamp(shown).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Fold { before, .. } => before,
        AmbiguousOffset::Gap { .. } => return None,
    };
    offset.to_timestamp(shown).ok()
}

fn of_cron(cron: &Cron, rules: &TimeZone, after: Timestamp, count: usize) -> Vec<Timestamp> {
    let mut date = after.to_zoned(rules.clone()).date();
    let mut found = Vec::new();
    while date.year() <= LAST_YEAR && found.len() < count {
        if cron.is_on(date) {
            let times = cron.hours.iter().flat_map(|hour| cron.minutes.iter().map(move |minute| (hour, minute)));
            let moments = times.filter_map(|(hour, minute)| {
                let (hour, minute) = (i8::try_from(*hour).ok()?, i8::try_from(*minute).ok()?);
                moment_of(date.at(hour, minute, 0, 0), rules)
            });
            found.extend(moments.filter(|at| *at > after).take(count - found.len()));
        }
        let Ok(next) = date.tomorrow() else { break };
        date = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing<'a>(expression: &'a str, zone: &'a str) -> Timing<'a> {
        Timing { expression, zone, start: None, end: None }
    }

    fn at(moment: &str) -> Timestamp {
        moment.parse().unwrap()
    }

    fn next(expression: &str, zone: &str, now: &str) -> Vec<String> {
        timing(expression, zone).next(at(now), 3).expect("an expression")
    }

    #[test]
    fn a_cron_expression_fires_on_the_clocks_of_its_zone() {
        let oslo = next("cron(0 6 * * ? *)", "Europe/Oslo", "2026-12-01T05:00:00Z");
        assert_eq!(oslo, ["2026-12-02 06:00", "2026-12-03 06:00", "2026-12-04 06:00"]);
        let utc = next("cron(0/30 23 ? * MON-FRI *)", "UTC", "2026-12-04T23:00:00Z");
        assert_eq!(utc, ["2026-12-04 23:30", "2026-12-07 23:00", "2026-12-07 23:30"]);
        assert_eq!(next("cron(0 0 29 2 ? *)", "UTC", "2026-12-01T00:00:00Z")[0], "2028-02-29 00:00");
        assert!(next("cron(0 0 1 1 ? 2026)", "UTC", "2026-12-01T00:00:00Z").is_empty());
    }

    #[test]
    fn a_skipped_hour_fires_not_at_all_and_a_repeated_one_once() {
        let spring = next("cron(30 2 * * ? *)", "Europe/Oslo", "2027-03-27T12:00:00Z");
        assert_eq!(spring[0], "2027-03-29 02:30", "clocks go from 2 to 3 on the 28th");
        let autumn = next("cron(30 2 * * ? *)", "Europe/Oslo", "2027-10-30T12:00:00Z");
        assert_eq!(autumn[..2], ["2027-10-31 02:30", "2027-11-01 02:30"]);
    }

    #[test]
    fn a_rate_counts_from_its_start() {
        let rate = Timing { start: Some(at("2026-12-01T00:03:00Z")), ..timing("rate(10 minutes)", "UTC") };
        let now = at("2026-12-01T00:23:00Z");
        assert_eq!(rate.next(now, 2).unwrap(), ["2026-12-01 00:33", "2026-12-01 00:43"]);
        let later = Timing { start: Some(at("2026-12-01T02:00:00Z")), ..rate.clone() };
        assert_eq!(later.next(now, 2).unwrap(), ["2026-12-01 02:00", "2026-12-01 02:10"]);
        let ended = Timing { end: Some(at("2026-12-01T00:35:00Z")), ..rate };
        assert_eq!(ended.next(now, 3).unwrap(), ["2026-12-01 00:33"]);
    }

    #[test]
    fn one_moment_fires_once_and_never_again() {
        let once = "at(2026-12-24T18:00:00)";
        assert_eq!(next(once, "Europe/Oslo", "2026-12-24T16:59:59Z"), ["2026-12-24 18:00"]);
        assert!(next(once, "Europe/Oslo", "2026-12-24T17:00:00Z").is_empty());
        assert_eq!(timing("cron(x)", "UTC").next(Timestamp::UNIX_EPOCH, 1), None);
    }

    #[test]
    fn words_name_the_zone_once_and_claim_nothing_that_only_aws_knows() {
        let words = |expression, zone| timing(expression, zone).words(at("2026-12-01T00:00:00Z"), 2);
        let daily = words("cron(0 6 * * ? *)", "Europe/Oslo").unwrap();
        assert_eq!(daily, "fires 2026-12-01 06:00, 2026-12-02 06:00 Europe/Oslo");
        assert_eq!(words("rate(5 minutes)", "UTC").unwrap(), "fires at its creation, then every 5 minutes");
        assert_eq!(words("rate(1 day)", "UTC").unwrap(), "fires at its creation, then every day");
        assert_eq!(words("at(2026-01-01T00:00:00)", "UTC").unwrap(), "never fires again");
        assert_eq!((words("${vars.x}", "UTC"), words("rate(1 day)", "Nowhere").is_some()), (None, true));
    }
}
