//! The occasion of a CI run, and whether it applies.

use std::fmt;

/// The reason why a CI system started a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Occasion {
    /// Somebody with write permission pushed commits to a branch, or started a run there.
    Branch(String),
    Tag(String),
    /// A pull or merge request: its changes are not approved yet.
    Proposal(String),
    /// An event whose reference does not show who wrote the checked-out code.
    Event(String),
    /// No branch is checked out, or the branch is unknown.
    Nowhere,
}

/// The decision whether to apply, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub apply: bool,
    pub why: String,
}

impl fmt::Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "the branch {name}"),
            Self::Tag(name) => write!(f, "the tag {name}"),
            Self::Proposal(what) => f.write_str(what),
            Self::Event(name) => write!(f, "the event {name}"),
            Self::Nowhere => f.write_str("no branch"),
        }
    }
}

/// Events for which GITHUB_REF is the code that runs, started by a user who may write to it. Other events name the
/// default branch, whoever starts them and whatever they check out.
const TRUSTED_EVENTS: &[&str] = &["push", "workflow_dispatch", "repository_dispatch", "schedule"];

impl Occasion {
    /// Reads GitHub's variables, else GitLab's, else asks git for the branch that is checked out.
    pub(super) fn of<'a>(get: impl Fn(&str) -> Option<&'a str>, git: impl FnOnce() -> Option<String>) -> Self {
        if get("GITHUB_ACTIONS") == Some("true") {
            return Self::of_github(get);
        }
        if get("GITLAB_CI") == Some("true") {
            return Self::of_gitlab(get);
        }
        match git() {
            // Git reports `HEAD` for a checkout without a branch.
            None => Self::Nowhere,
            Some(name) if name.is_empty() || name == "HEAD" => Self::Nowhere,
            Some(name) => Self::Branch(name),
        }
    }

    fn of_github<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        let event = get("GITHUB_EVENT_NAME").unwrap_or_default();
        if event.starts_with("pull_request") {
            let from = get("GITHUB_HEAD_REF").map(|branch| format!(" from the branch {branch}"));
            return Self::Proposal(format!("a pull request{}", from.unwrap_or_default()));
        }
        if event == "merge_group" {
            return Self::Proposal("a merge queue's group".to_owned());
        }
        let name = get("GITHUB_REF_NAME").unwrap_or_default();
        let by_type = || match get("GITHUB_REF_TYPE") {
            Some("branch") if !name.is_empty() => Some(format!("refs/heads/{name}")),
            Some("tag") if !name.is_empty() => Some(format!("refs/tags/{name}")),
            _ => None,
        };
        let reference = get("GITHUB_REF").map(str::to_owned).or_else(by_type).unwrap_or_default();
        if let Some(tag) = reference.strip_prefix("refs/tags/") {
            return Self::Tag(tag.to_owned());
        }
        match reference.strip_prefix("refs/heads/") {
            Some(branch) if TRUSTED_EVENTS.contains(&event) => Self::Branch(branch.to_owned()),
            Some(_) => Self::Event(event.to_owned()),
            None if reference.starts_with("refs/pull/") => Self::Proposal("a pull request".to_owned()),
            None => Self::Nowhere,
        }
    }

    fn of_gitlab<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        if let Some(number) = get("CI_MERGE_REQUEST_IID") {
            return Self::Proposal(format!("the merge request !{number}"));
        }
        if let Some(number) = get("CI_EXTERNAL_PULL_REQUEST_IID") {
            return Self::Proposal(format!("the pull request #{number}"));
        }
        if let Some(tag) = get("CI_COMMIT_TAG") {
            return Self::Tag(tag.to_owned());
        }
        get("CI_COMMIT_BRANCH").map_or(Self::Nowhere, |branch| Self::Branch(branch.to_owned()))
    }

    /// Decides whether to apply. `apply_on` lists the branches that are applied.
    pub(super) fn decide(&self, apply_on: &[String]) -> Decision {
        let listed = if apply_on.is_empty() { "empty".to_owned() } else { apply_on.join(", ") };
        match self {
            Self::Branch(name) if apply_on.contains(name) => {
                Decision { apply: true, why: format!("{self} is in `ci.apply_on` ({listed})") }
            }
            Self::Branch(_) => Decision { apply: false, why: format!("{self} is not in `ci.apply_on` ({listed})") },
            Self::Nowhere => Decision { apply: false, why: "no branch is checked out".to_owned() },
            _ => Decision { apply: false, why: format!("this is {self}, and only branches are applied") },
        }
    }

    pub(super) fn is_proposal(&self) -> bool {
        matches!(self, Self::Proposal(_))
    }
}

#[cfg(test)]
mod tests {
    use super::Occasion;

    /// Returns the decision for these variables. `git` is the branch that is checked out.
    fn decide(variables: &[(&'static str, &'static str)], git: Option<&str>) -> (bool, String) {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let decision = Occasion::of(get, || git.map(str::to_owned)).decide(&["main".to_owned(), "release".to_owned()]);
        (decision.apply, decision.why)
    }

    fn github(event: &'static str, reference: &'static str) -> (bool, String) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", event),
            ("GITHUB_REF", reference),
            ("GITHUB_REF_NAME", name),
        ];
        decide(&variables, Some("main"))
    }

    #[test]
    fn github_applies_a_listed_branch_after_a_push_a_hand_start_or_the_clock() {
        for event in ["push", "workflow_dispatch", "repository_dispatch", "schedule"] {
            let (apply, why) = github(event, "refs/heads/main");
            assert!(apply, "{event}");
            assert_eq!(why, "the branch main is in `ci.apply_on` (main, release)");
            assert!(github(event, "refs/heads/release").0);
            assert!(!github(event, "refs/heads/feature/main").0, "only the whole name counts");
        }
        assert_eq!(github("push", "refs/heads/x").1, "the branch x is not in `ci.apply_on` (main, release)");
    }

    #[test]
    fn github_only_plans_proposals_whatever_they_are_called() {
        for (event, reference) in [
            ("pull_request", "refs/pull/7/merge"),
            ("pull_request_target", "refs/heads/main"),
            ("pull_request_review", "refs/pull/7/merge"),
            ("merge_group", "refs/heads/gh-readonly-queue/main/pr-7"),
            ("merge_group", "refs/heads/main"),
            ("push", "refs/pull/7/merge"),
        ] {
            assert!(!github(event, reference).0, "{event} {reference}");
        }
        let from = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_HEAD_REF", "main"),
        ];
        let expected = "this is a pull request from the branch main, and only branches are applied";
        assert_eq!(decide(&from, None), (false, expected.to_owned()));
    }

    #[test]
    fn github_only_plans_tags_even_one_named_main() {
        assert_eq!(
            github("push", "refs/tags/main"),
            (false, "this is the tag main, and only branches are applied".into())
        );
        assert!(!github("release", "refs/tags/v1").0);
        assert!(!github("workflow_dispatch", "refs/tags/v1").0);
    }

    #[test]
    fn github_only_plans_events_that_anyone_can_set_off_on_the_default_branch() {
        for event in ["issue_comment", "workflow_run", "issues", "fork", ""] {
            assert!(!github(event, "refs/heads/main").0, "{event}");
        }
    }

    #[test]
    fn github_is_believed_by_its_ref_type_when_there_is_no_ref() {
        let of = |kind| {
            let variables = [
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_EVENT_NAME", "push"),
                ("GITHUB_REF_TYPE", kind),
                ("GITHUB_REF_NAME", "main"),
            ];
            decide(&variables, Some("main")).0
        };
        assert!(of("branch"));
        assert!(!of("tag"));
        assert!(!decide(&[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "push")], Some("main")).0);
    }

    #[test]
    fn gitlab_applies_a_listed_branch_and_plans_tags_and_merge_requests() {
        let of = |key, value| decide(&[("GITLAB_CI", "true"), (key, value)], Some("main")).0;
        assert!(of("CI_COMMIT_BRANCH", "main"));
        assert!(!of("CI_COMMIT_BRANCH", "feature"));
        assert!(!of("CI_COMMIT_TAG", "main"));
        assert!(!of("CI_MERGE_REQUEST_IID", "12"));
        assert!(!of("CI_EXTERNAL_PULL_REQUEST_IID", "12"));
        let both = [("GITLAB_CI", "true"), ("CI_COMMIT_BRANCH", "main"), ("CI_MERGE_REQUEST_IID", "12")];
        assert!(!decide(&both, None).0);
        assert!(!decide(&[("GITLAB_CI", "true")], Some("main")).0);
    }

    #[test]
    fn elsewhere_git_says_which_branch_it_is() {
        assert!(decide(&[], Some("main")).0);
        assert!(!decide(&[], Some("feature")).0);
        assert_eq!(decide(&[], Some("HEAD")), (false, "no branch is checked out".into()));
        assert!(!decide(&[], None).0);
        assert!(!decide(&[], Some("")).0);
        // Without GITHUB_ACTIONS, GITHUB_REF is not a branch of GitHub's.
        assert!(!decide(&[("GITHUB_REF", "refs/heads/main")], Some("feature")).0);
    }

    #[test]
    fn nothing_is_applied_when_no_branch_is_listed() {
        let decision = Occasion::Branch("main".into()).decide(&[]);
        assert!(!decision.apply);
        assert_eq!(decision.why, "the branch main is not in `ci.apply_on` (empty)");
    }
}
