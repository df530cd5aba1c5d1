//! The reviewed plan: written into the request's comment, and looked up there when it is merged.

use super::super::environment::Environment;
use super::super::expected::Reviewed;
use crate::aws::digest;
use crate::forge::{Forge, ForgeError};
use crate::plan::Effects;

/// Begins the record of a plan in a comment.
const RECORD: &str = "<!-- deployer:plan ";
/// A longer record would leave a comment no room for the plan itself.
const LONGEST_RECORD: usize = 30_000;

/// The hidden first line of a stack's one comment.
pub(super) fn mark(stack: &str) -> String {
    format!("<!-- deployer:stack:{stack} -->")
}

/// The hidden last line: the digest and, where there is room, what it is of.
pub(super) fn record(effects: &Effects) -> String {
    let whole = effects.to_record();
    let kept = if whole.len() <= LONGEST_RECORD { whole.as_str() } else { "-" };
    format!("{RECORD}{} {kept} -->", effects.digest())
}

/// Reads the record at the end of a comment.
fn recorded(body: &str, source: String) -> Option<Reviewed> {
    let last = body.trim_end().lines().last()?;
    let (digest, effects) = last.strip_prefix(RECORD)?.strip_suffix(" -->")?.split_once(' ')?;
    let reviewed = Reviewed { digest: digest.to_owned(), effects: Effects::of_record(effects), source };
    digest::is_digest(digest).then(|| reviewed.whole())
}

/// Finds the plan that was shown where the commit of this run was reviewed, or says why there is none.
pub(super) async fn find(
    environment: &Environment,
    forge: Option<&Forge>,
    branch: &str,
    stack: &str,
) -> Result<Result<Reviewed, String>, ForgeError> {
    let Some(forge) = forge else { return Ok(Err("there is no token to ask for the pull request".to_owned())) };
    let commit = environment.get("GITHUB_SHA").or_else(|| environment.get("CI_COMMIT_SHA"));
    let Some(commit) = commit else { return Ok(Err("the commit is not known".to_owned())) };
    let Some(number) = forge.merged(commit, branch).await? else {
        return Ok(Err(format!("no merged pull request is known for the commit {commit}")));
    };
    let comment = forge.find(number, &mark(stack)).await?;
    let reviewed = comment.and_then(|comment| recorded(&comment.body, format!("#{number}")));
    Ok(reviewed.ok_or_else(|| format!("#{number} has no comment with the plan of {stack}")))
}

#[cfg(test)]
mod tests {
    use super::{mark, record, recorded};
    use crate::plan::Effects;

    #[test]
    fn only_the_last_line_of_a_comment_is_its_record() {
        let effects = Effects { stack: "shop".into(), ..Effects::default() };
        let other = Effects { stack: "other".into(), ..Effects::default() };
        let body = format!("{}\ntext {}\n{}\n", mark("shop"), record(&other), record(&effects));
        let found = recorded(&body, "#7".into()).expect("a record");
        assert_eq!((found.digest, found.effects), (effects.digest(), Some(effects.clone())));
        assert!(recorded(&format!("{body}more"), String::new()).is_none());
        let forged = record(&effects).replace(&effects.digest(), &other.digest());
        assert!(recorded(&forged, String::new()).expect("a digest").effects.is_none());
    }
}
