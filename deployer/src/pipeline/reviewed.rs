//! Compares the reviewed plan with the one that is about to be applied.

use serde_json::Value;

use crate::aws::digest;
use crate::failure::Failure;
use crate::plan::Effects;
use crate::spec::visible;

/// The reviewed plan, as far as it is known.
#[derive(Debug, Clone)]
pub struct Review {
    pub digest: String,
    /// The plan's effects, if they were recorded.
    pub effects: Option<Effects>,
    /// The place of the review, for messages: `#7`, `--expect-plan`.
    pub source: String,
}

/// A fresh plan with other effects than the reviewed one.
#[derive(Debug)]
pub struct DifferentPlan {
    pub digest: String,
    pub differences: Vec<String>,
}

impl Review {
    /// Reads `--expect-plan`: a digest, or a file with a plan's JSON.
    ///
    /// # Errors
    /// When the word is neither a digest nor such a file.
    pub fn read(word: Option<&str>) -> Result<Option<Self>, Failure> {
        let Some(word) = word else { return Ok(None) };
        let source = "--expect-plan".to_owned();
        if digest::is_digest(word) {
            return Ok(Some(Self { digest: word.to_owned(), effects: None, source }));
        }
        let unusable = |why: String| {
            let help =
                "give the digest that `deployer ci` or `plan -v` prints, or a file that `deployer plan --json` wrote";
            Failure::plain("plan::no-digest", format!("--expect-plan {word:?}: {why}"), help)
        };
        let text =
            std::fs::read_to_string(word).map_err(|error| unusable(format!("no digest, and no file: {error}")))?;
        let plan: Value = serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))?;
        // A saved plan contains the report.
        let report = if plan["digest"].is_string() { &plan } else { &plan["plan"] };
        let digest = report["digest"].as_str().filter(|text| digest::is_digest(text));
        let digest = digest.ok_or_else(|| unusable("the file holds no plan's digest".to_owned()))?.to_owned();
        let effects = serde_json::from_value(report["effects"].clone()).ok();
        Ok(Some(Self { digest, effects, source }.without_false_effects()))
    }

    /// Drops effects that do not match the digest.
    #[must_use]
    pub fn without_false_effects(mut self) -> Self {
        self.effects = self.effects.filter(|effects| effects.digest() == self.digest);
        self
    }

    /// Compares a fresh plan with the reviewed one. A plan without effects always passes. With `resumed`, so does a
    /// plan that only does the rest of the reviewed one. Values that the review did not have may be any.
    ///
    /// # Errors
    /// When the fresh plan is another one.
    pub fn hold(&self, fresh: &Effects, resumed: bool) -> Result<(), DifferentPlan> {
        let digest = fresh.digest();
        let rest = resumed && self.effects.as_ref().is_some_and(|reviewed| fresh.is_rest_of(reviewed));
        let agrees = self.effects.as_ref().is_some_and(|reviewed| fresh.agree_with(reviewed));
        if fresh.is_empty() || digest == self.digest || rest || agrees {
            return Ok(());
        }
        let differences = self.effects.as_ref().map(|reviewed| fresh.differences(reviewed)).unwrap_or_default();
        Err(DifferentPlan { digest, differences })
    }
}

impl DifferentPlan {
    /// Describes the differences.
    pub fn message(&self, reviewed: &Review) -> String {
        let mut message = format!(
            "this plan is not the one that was reviewed ({}): its digest is {}, reviewed was {}",
            reviewed.source, self.digest, reviewed.digest
        );
        if reviewed.effects.is_none() && !reviewed.source.starts_with("--") {
            message += "; what it did is not known: the record of it is too long, damaged, or of another version of the deployer";
        }
        for line in &self.differences {
            message.push_str("\n  ");
            message.push_str(&visible::line(line));
        }
        message
    }

    /// Returns the failure. `asked` tells whether `--expect-plan` asked for the comparison.
    pub fn refusal(&self, reviewed: &Review, asked: bool) -> Failure {
        let warns = if asked { "" } else { " (`ci: { reviewed_plan: warn }` only warns)" };
        let help = format!("nothing was changed; review this plan, then give its digest with `--expect-plan`{warns}");
        Failure::plain("plan::not-reviewed", self.message(reviewed), help)
    }
}
