//! The reviewed plan: recorded in the request's comment, and looked up there after the merge.

use std::fmt;

use super::super::environment::ProcessEnvironment;
use super::seal::{self, Seal};
use crate::aws::digest;
use crate::forge::{Forge, ForgeError};
use crate::pipeline::Review;
use crate::plan::Effects;

/// The start of a plan's record in a comment.
const RECORD: &str = "<!-- deployer:plan ";
/// The longest record, in bytes. A longer one would leave no room for the plan itself.
const LONGEST_RECORD: usize = 30_000;

/// Returns the hidden first line of a stack's comment.
pub(super) fn mark(stack: &str) -> String {
    format!("<!-- deployer:stack:{stack} -->")
}

/// Builds a whole comment: `shown`, which begins with the mark, and a hidden last line. That line holds the digest, the
/// effects if there is room, and the seal of the whole comment.
pub(super) fn seal_comment(shown: &str, effects: &Effects, number: u64, seal: &Seal) -> String {
    let record = record(effects);
    format!("{shown}\n{RECORD}{record} {} -->\n", seal.of(number, shown, &record))
}

/// Returns the number of characters that [`seal_comment`] adds.
pub(super) fn added_length(effects: &Effects) -> usize {
    RECORD.len() + record(effects).len() + seal::LENGTH + " \n -->\n".len()
}

fn record(effects: &Effects) -> String {
    let whole = effects.to_record();
    let kept = if whole.len() <= LONGEST_RECORD { whole.as_str() } else { "-" };
    format!("{} {kept}", effects.digest())
}

/// The reason why there is no reviewed plan.
#[derive(Debug)]
pub(super) enum NoReview {
    /// No plan can be expected.
    None(String),
    /// The request exists but has no comment with a plan.
    Missing(String),
    /// The forge did not answer.
    NoAnswer(String),
    /// A plan exists, but somebody changed it or its origin cannot be verified.
    Doubtful(String),
}

impl fmt::Display for NoReview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::None(why) | Self::Missing(why) | Self::NoAnswer(why) | Self::Doubtful(why)) = self;
        f.write_str(why)
    }
}

impl From<ForgeError> for NoReview {
    fn from(error: ForgeError) -> Self {
        Self::NoAnswer(format!("the pull request cannot be looked up: {error}"))
    }
}

/// Reads the record at the end of a comment on request `number`. Returns `None` if there is no record.
pub(super) fn read_record(body: &str, number: u64, seal: &Seal) -> Option<Result<Review, NoReview>> {
    let body = body.trim_end();
    let (shown, last) = body.rsplit_once('\n')?;
    let words: Vec<&str> = last.trim_end().strip_prefix(RECORD)?.strip_suffix(" -->")?.split(' ').collect();
    let [digest, effects, rest @ ..] = &words[..] else { return None };
    // A missing seal is worse than no record: the person who removed it may have shown reviewers another plan.
    if rest.is_empty() {
        let why =
            "has no seal, as one written by an earlier version of deployer: run the plan of the pull request again";
        return Some(Err(NoReview::Doubtful(format!("the comment at #{number} {why}"))));
    }
    if rest != [seal.of(number, shown, &format!("{digest} {effects}"))] {
        let why = "its text and the record of the plan do not belong together, or the record was made without this stack's state";
        return Some(Err(NoReview::Doubtful(format!("the comment at #{number} cannot be relied on: {why}"))));
    }
    let source = format!("#{number}");
    let reviewed = Review { digest: (*digest).to_owned(), effects: Effects::of_record(effects), source };
    digest::is_digest(digest).then(|| Ok(reviewed.without_false_effects()))
}

/// Finds the plan that was shown when this run's commit was reviewed, or the reason why there is none.
pub(super) async fn find(
    environment: &ProcessEnvironment,
    forge: Option<&Forge>,
    branch: &str,
    stack: &str,
    seal: &Seal,
) -> Result<Review, NoReview> {
    let none = |why: &str| Err(NoReview::None(why.to_owned()));
    let Some(forge) = forge else { return none("there is no token to ask for the pull request") };
    let commit = environment.get("GITHUB_SHA").or_else(|| environment.get("CI_COMMIT_SHA"));
    let Some(commit) = commit else { return none("the commit is not known") };
    let Some(number) = forge.find_merged_request(commit, branch).await? else {
        return none(&format!("no pull request merged into {branch} is known for the commit {commit}"));
    };
    let missing = || NoReview::Missing(format!("#{number} has no comment with the plan of {stack}"));
    let comment = forge.find(number, &mark(stack)).await?.ok_or_else(missing)?;
    if let Some(editor) = forge.last_editor(&comment).await? {
        return Err(NoReview::Doubtful(format!("the comment at #{number} cannot be relied on: {editor} changed it")));
    }
    read_record(&comment.body, number, seal).unwrap_or_else(|| Err(missing()))
}

#[cfg(test)]
mod tests {
    use super::{NoReview, RECORD, mark, read_record, record, seal_comment};
    use crate::cli::ci::seal::Seal;
    use crate::plan::Effects;

    #[test]
    fn only_the_last_line_of_a_comment_is_its_record() {
        let effects = Effects { stack: "shop".into(), ..Effects::default() };
        let other = Effects { stack: "other".into(), ..Effects::default() };
        let seal = Seal::new(Some("key".into()));
        let shown = seal_comment(&format!("{}\ntext", mark("shop")), &other, 7, &seal);
        let body = seal_comment(&shown, &effects, 7, &seal);
        let found = read_record(&body, 7, &seal).expect("a record").expect("sealed");
        assert_eq!((found.digest, found.effects), (effects.digest(), Some(effects.clone())));
        assert!(read_record(&format!("{body}more"), 7, &seal).is_none());
        let longer = Effects { stack: "shop".into(), account: "1".into(), ..Effects::default() };
        for changed in [
            body.replace("\ntext", "\nother text"),
            body.replace(&record(&effects), &record(&longer)),
            body.replace(&record(&effects), &format!("{} -", effects.digest())),
        ] {
            assert_ne!(changed, body);
            let refused = read_record(&changed, 7, &seal).expect("a record").expect_err("changed");
            assert!(matches!(refused, NoReview::Doubtful(_)), "{refused}");
        }
    }

    #[test]
    fn a_comment_of_an_earlier_version_is_not_called_changed() {
        let effects = Effects { stack: "shop".into(), ..Effects::default() };
        let body = format!("{}\ntext\n{RECORD}{} -->\n", mark("shop"), record(&effects));
        let seal = Seal::new(Some("key".into()));
        let missing = read_record(&body, 7, &seal).expect("a record").expect_err("not believed");
        assert!(matches!(missing, NoReview::Doubtful(_)), "{missing}");
        assert!(missing.to_string().contains("#7 has no seal, as one written by an earlier version"), "{missing}");
        let empty = body.replace(" -->\n", "  -->\n");
        let wrong = read_record(&empty, 7, &seal).expect("a record").expect_err("not believed");
        assert!(matches!(wrong, NoReview::Doubtful(_)), "{wrong}");
    }
}
