//! The versions that AWS keeps of a function, and which of them precedes the running code.

use futures::future::try_join;

use crate::aws::{Aws, AwsError, tags};
use crate::graph::owner::Owner;
use crate::kinds::lambda_function::FunctionZip;

pub use crate::kinds::lambda_function::Function;
pub(super) use crate::kinds::lambda_function::versions;
pub use crate::kinds::lambda_function::versions::Version;

/// A function with its running code, and the versions that AWS keeps of it.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    pub running: Function,
    /// The newest first.
    pub versions: Vec<Version>,
}

/// The result of looking for a version to roll back to.
#[derive(Debug, Clone, PartialEq)]
pub enum Way {
    /// Put this version's code back.
    Back(Box<Version>),
    /// This version's code is already running.
    There(u64),
    /// No earlier version has different code.
    Nowhere,
}

impl History {
    /// Reads a function and its versions; `None` if there is no such function. GetFunction and ListVersionsByFunction.
    ///
    /// # Errors
    /// When AWS refuses one of the calls.
    pub async fn read(aws: &Aws, function_name: &str) -> Result<Option<Self>, AwsError> {
        let (running, versions) =
            try_join(versions::running(aws, function_name), versions::list(aws, function_name)).await?;
        Ok(running.map(|running| Self { running, versions }))
    }

    /// Returns the newest version whose code is running.
    pub fn runs(&self) -> Option<u64> {
        self.newest(&self.running.code).map(|version| version.number)
    }

    /// Returns the function's owner by its tags. `recorded` tells whether the last apply recorded the function.
    pub fn owner(&self, stack: &str, recorded: bool) -> Owner {
        Owner::by_tag(stack, self.running.tags.get(tags::STACK).map(String::as_str), recorded)
    }

    /// Finds the code from before the last apply, whose code was `applied`. The result stays the same when the rollback
    /// is repeated.
    pub fn previous(&self, applied: Option<&str>) -> Way {
        let base = self.base(applied);
        let older = self.versions.iter().filter(|version| base.is_none_or(|base| version.number < base.number));
        let left = base.map_or(&self.running.code, Version::code);
        self.to(older.into_iter().find(|version| version.code().sha256 != left.sha256))
    }

    /// Finds the version that the user named; `None` if AWS does not keep it.
    pub fn find_version(&self, number: u64) -> Option<Way> {
        let version = self.versions.iter().find(|version| version.number == number)?;
        Some(self.to(Some(version)))
    }

    fn to(&self, version: Option<&Version>) -> Way {
        match version {
            None => Way::Nowhere,
            Some(version) if version.code().sha256 == self.running.code.sha256 => Way::There(version.number),
            Some(version) => Way::Back(Box::new(version.clone())),
        }
    }

    /// Returns the version to roll back from: the code of the last apply, even after a rollback from it. If the running
    /// code is newer, it came from an interrupted apply and is used instead.
    fn base(&self, applied: Option<&str>) -> Option<&Version> {
        let running = self.newest(&self.running.code);
        let Some(applied) = applied.and_then(|sha256| self.versions.iter().find(|v| v.code().sha256 == sha256)) else {
            return running;
        };
        let came_later = self
            .versions
            .iter()
            .filter(|version| version.code().sha256 == self.running.code.sha256)
            .all(|version| version.number > applied.number);
        if came_later { running.or(Some(applied)) } else { Some(applied) }
    }

    fn newest(&self, code: &FunctionZip) -> Option<&Version> {
        self.versions.iter().find(|version| version.code().sha256 == code.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(sha256: &str) -> Function {
        serde_json::from_value(serde_json::json!({
            "function_name": "draw", "role": "r", "code": { "sha256": sha256 }, "runtime": "provided.al2023",
            "handler": "bootstrap", "architectures": ["x86_64"], "memory_size": 128, "timeout": 3,
            "ephemeral_storage": 512, "tracing_config": { "mode": "PassThrough" },
            "logging_config": { "log_format": "Text", "log_group": "/aws/lambda/draw" },
        }))
        .unwrap()
    }

    /// Builds versions numbered from 1 with these codes, a letter each, and the running code.
    fn history(codes: &str, running: &str) -> History {
        let version = |(number, code): (u64, char)| Version {
            number,
            published: String::new(),
            function: function(&code.to_string()),
        };
        let versions: Vec<Version> = (1..).zip(codes.chars()).map(version).collect();
        History { running: function(running), versions: versions.into_iter().rev().collect() }
    }

    fn way(codes: &str, running: &str, applied: Option<&str>) -> String {
        match history(codes, running).previous(applied) {
            Way::Back(version) => format!("back to {}", version.number),
            Way::There(number) => format!("{number} runs"),
            Way::Nowhere => "nowhere".to_owned(),
        }
    }

    #[test]
    fn the_way_back_leads_to_the_newest_version_with_other_code() {
        assert_eq!(way("AB", "B", Some("B")), "back to 1");
        assert_eq!(way("ABB", "B", Some("B")), "back to 1", "the same code twice is one code");
        assert_eq!(way("ABABC", "C", Some("C")), "back to 4");
        assert_eq!(way("A", "A", Some("A")), "nowhere");
        assert_eq!(way("AA", "A", Some("A")), "nowhere");
        assert_eq!(way("", "A", Some("A")), "nowhere");
    }

    #[test]
    fn asked_twice_it_is_the_same_way() {
        assert_eq!(way("ABC", "C", Some("C")), "back to 2");
        assert_eq!(way("ABCB", "B", Some("C")), "2 runs", "a rollback publishes what it puts back");
        assert_eq!(way("ABC", "B", Some("C")), "2 runs", "or was cut off before it did");
        assert_eq!(
            way("ABCA", "A", Some("C")),
            "back to 2",
            "after `--to 1` the previous one is still the previous one"
        );
    }

    #[test]
    fn after_the_next_apply_what_was_gone_back_to_is_the_previous_code() {
        assert_eq!(way("ABAC", "C", Some("C")), "back to 3");
        assert_eq!(way("ABAB", "B", Some("B")), "back to 3", "the same code applied again");
    }

    #[test]
    fn an_apply_that_was_cut_off_before_it_was_recorded_is_undone_too() {
        assert_eq!(way("AB", "B", Some("A")), "back to 1");
        assert_eq!(way("AB", "B", None), "back to 1", "the state is lost");
    }

    #[test]
    fn code_that_is_no_version_is_gone_back_from_as_well() {
        assert_eq!(way("AB", "X", Some("B")), "back to 1", "somebody changed it by hand");
        assert_eq!(way("AB", "X", Some("X")), "back to 2", "it was applied before versions were published");
        assert_eq!(way("AB", "X", None), "back to 2");
    }

    #[test]
    fn a_version_that_is_named_need_not_be_an_older_one() {
        let history = history("ABA", "A");
        assert_eq!(history.runs(), Some(3));
        assert!(matches!(history.find_version(2), Some(Way::Back(version)) if version.number == 2));
        assert_eq!(history.find_version(1), Some(Way::There(1)));
        assert_eq!(history.find_version(7), None);
    }
}
