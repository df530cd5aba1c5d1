//! One field of a cron expression: values, ranges and steps.

use std::collections::BTreeSet;

use super::Objection;

/// A field's name, its limits and the names of its values.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) least: i16,
    pub(super) most: i16,
    /// Names in place of numbers; the first one means `least`.
    pub(super) names: &'static [&'static str],
}

impl Field {
    /// Reads lists, ranges and steps: `*`, `1,15`, `MON-FRI`, `0/15`.
    pub(super) fn values(&self, text: &str) -> Result<BTreeSet<i16>, Objection> {
        let mut all = BTreeSet::new();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(self.step(step)?)),
                None => (part, None),
            };
            let (from, to) = match range.split_once('-') {
                _ if range == "*" => (self.least, self.most),
                Some((from, to)) => (self.value(from)?, self.value(to)?),
                // `10/15` goes on to the end of the field.
                None if step.is_some() => (self.value(range)?, self.most),
                None => (self.value(range)?, self.value(range)?),
            };
            let size = self.most - self.least + 1;
            let length = if to >= from { to - from } else { to - from + size };
            let steps = (0..=length).step_by(usize::from(step.unwrap_or(1)));
            all.extend(steps.map(|n| (from - self.least + n).rem_euclid(size) + self.least));
        }
        Ok(all)
    }

    fn step(&self, text: &str) -> Result<u16, Objection> {
        let step = text.parse::<u16>().ok().filter(|step| *step > 0);
        step.ok_or_else(|| self.objection(&format!("`/{text}` is no step"), "write a number after `/`, such as `0/15`"))
    }

    /// Reads a number or a name.
    pub(super) fn value(&self, text: &str) -> Result<i16, Objection> {
        if let Some(at) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.least + i16::try_from(at).unwrap_or_default());
        }
        let range = || match self.names {
            [] => format!("write {} to {}", self.least, self.most),
            [first, .., last] => format!("write {} to {}, or {first} to {last}", self.least, self.most),
            [only] => format!("write {only}"),
        };
        match text.parse::<i16>() {
            Ok(value) if (self.least..=self.most).contains(&value) => Ok(value),
            // Cron on Unix counts the days of a week from 0.
            Ok(0) if self.names.first() == Some(&"SUN") => {
                Err(self.objection("AWS counts the days of a week from 1, which is Sunday", &range()))
            }
            Ok(value) => Err(self.objection(&format!("{value} is out of range"), &range())),
            Err(_) if text == "?" => {
                Err(self.objection("`?` stands for a day alone", "write `*`, or the values that are meant"))
            }
            Err(_) => Err(self.objection(&format!("`{text}` is no value"), &range())),
        }
    }

    pub(super) fn objection(&self, message: &str, help: &str) -> Objection {
        Objection::new(format!("the {} of the cron expression: {message}", self.name), help)
    }
}
