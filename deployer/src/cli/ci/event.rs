//! The request and the forge of a CI run.

use serde_json::Value;

use super::super::environment::ProcessEnvironment;
use crate::forge::{Flavour, Forge};

/// The address of GitHub's own API.
const GITHUB_API: &str = "https://api.github.com";

/// The user in whose name Dependabot opens pull requests.
const DEPENDABOT: &str = "dependabot[bot]";

/// A pull or merge request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Proposal {
    pub number: Option<u64>,
    /// Whether its branch belongs to another repository.
    pub from_fork: bool,
    /// Whether Dependabot opened it. GitHub gives such runs none of the repository's secrets.
    pub from_dependabot: bool,
    /// Whether it was merged or closed, and this run is about that.
    pub closed: bool,
    /// The request's last commit.
    pub head: Option<String>,
}

impl Proposal {
    /// Reads GitHub's event or GitLab's variables.
    pub(super) fn of(environment: &ProcessEnvironment) -> Self {
        let get = |name: &str| environment.get(name);
        if get("GITLAB_CI") == Some("true") {
            let (own, source) = (get("CI_MERGE_REQUEST_PROJECT_ID"), get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"));
            return Self {
                number: get("CI_MERGE_REQUEST_IID").and_then(|number| number.parse().ok()),
                from_fork: own != source,
                from_dependabot: false,
                closed: false,
                head: get("CI_COMMIT_SHA").map(str::to_owned),
            };
        }
        let event = event(environment);
        Self::of_github(&event, get("GITHUB_REF").unwrap_or_default())
    }

    fn of_github(event: &Value, reference: &str) -> Self {
        let by_ref = || reference.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok();
        let request = &event["pull_request"];
        let name = |side: &str| request[side]["repo"]["full_name"].as_str();
        Self {
            number: request["number"].as_u64().or_else(|| event["number"].as_u64()).or_else(by_ref),
            from_fork: request.is_null() || name("head").is_none() || name("head") != name("base"),
            from_dependabot: request["user"]["login"] == DEPENDABOT,
            closed: event["action"] == "closed",
            head: request["head"]["sha"].as_str().map(str::to_owned),
        }
    }
}

/// Reads the event file of a GitHub workflow.
pub(super) fn event(environment: &ProcessEnvironment) -> Value {
    let text = environment.get("GITHUB_EVENT_PATH").and_then(|path| std::fs::read_to_string(path).ok());
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// Returns the forge that started this run, if it provides a token.
pub(super) fn forge(environment: &ProcessEnvironment) -> Option<Forge> {
    let get = |name: &str| environment.get(name);
    if get("GITHUB_ACTIONS") == Some("true") {
        let base = get("GITHUB_API_URL").unwrap_or(GITHUB_API);
        return Some(Forge::new(Flavour::GitHub, base, get("GITHUB_REPOSITORY")?, get("GITHUB_TOKEN")?));
    }
    if get("GITLAB_CI") == Some("true") {
        let base = get("CI_API_V4_URL")?;
        return Some(Forge::new(Flavour::GitLab, base, get("CI_PROJECT_ID")?, get("GITLAB_TOKEN")?));
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Proposal;

    #[test]
    fn a_pull_request_is_read_from_the_event_and_in_doubt_it_is_a_forks() {
        let of = |head: &str| {
            json!({"action": "closed", "number": 7, "pull_request": {
                "head": {"sha": "abc", "repo": {"full_name": head}}, "base": {"repo": {"full_name": "a/b"}}}})
        };
        let own = Proposal::of_github(&of("a/b"), "");
        let expected = Proposal { number: Some(7), closed: true, head: Some("abc".into()), ..Proposal::default() };
        assert_eq!(own, expected);
        assert!(Proposal::of_github(&of("x/b"), "").from_fork);
        let mut bots = of("a/b");
        bots["pull_request"]["user"] = json!({"login": "dependabot[bot]"});
        assert!(Proposal::of_github(&bots, "").from_dependabot);
        let unknown = Proposal::of_github(&json!(null), "refs/pull/12/merge");
        assert!(unknown.from_fork && unknown.number == Some(12) && !unknown.closed);
    }
}
