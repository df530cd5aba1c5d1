//! The forges that code is reviewed on: comments on what was proposed, and what a commit was proposed in.
//!
//! # Guarantees
//! Only comments of the run's own author are read or edited, so that nobody else's text passes for a reviewed plan.
//! The token goes to the forge's API alone and into no error text.

mod http;

use serde_json::{Value, json};

use http::Http;

/// The author of comments made with a GitHub job's own token.
const GITHUB_AUTHOR: &str = "github-actions[bot]";
/// Comments asked for at once, the most that both forges give.
const PAGE: usize = 100;
/// Pages of comments looked through.
const PAGES: usize = 20;

/// Which forge it is, and so which paths and words its API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    GitHub,
    GitLab,
}

/// One project of a forge.
pub struct Forge {
    flavour: Flavour,
    /// `https://api.github.com/repos/OWNER/NAME`, `https://gitlab.com/api/v4/projects/ID`.
    project: String,
    base: String,
    http: Http,
}

/// A comment that begins with our mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    pub body: String,
}

/// Why a forge could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    #[error("{0}")]
    Unreachable(String),
    #[error("{method} {url} answered {status}: {message}")]
    Refused { method: &'static str, url: String, status: u16, message: String },
    #[error("{method} {url} gave no usable answer")]
    Shape { method: &'static str, url: String },
}

impl Forge {
    /// Takes the API's address, the project (`OWNER/NAME`, or GitLab's id) and a token.
    pub fn new(flavour: Flavour, base: &str, project: &str, token: &str) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        let (project, http) = match flavour {
            Flavour::GitHub => {
                (format!("{base}/repos/{project}"), Http::new("authorization", format!("Bearer {token}")))
            }
            Flavour::GitLab => (format!("{base}/projects/{project}"), Http::new("private-token", token.to_owned())),
        };
        Self { flavour, project, base, http }
    }

    /// Writes `body`, which begins with `mark`, into the comment that has this mark, or into a new one; returns its id.
    ///
    /// # Errors
    /// When the forge cannot be reached or refuses.
    pub async fn comment(&self, proposal: u64, mark: &str, body: &str) -> Result<u64, ForgeError> {
        let known = self.find(proposal, mark).await?;
        let comments = self.comments(proposal);
        let (method, url) = match (&known, self.flavour) {
            (Some(comment), _) if comment.body == body => return Ok(comment.id),
            (None, _) => ("POST", comments),
            (Some(comment), Flavour::GitHub) => ("PATCH", format!("{}/issues/comments/{}", self.project, comment.id)),
            (Some(comment), Flavour::GitLab) => ("PUT", format!("{comments}/{}", comment.id)),
        };
        let answer = self.http.ask(method, &url, Some(&json!({ "body": body }))).await?;
        answer["id"].as_u64().or(known.map(|comment| comment.id)).ok_or(ForgeError::Shape { method, url })
    }

    /// Finds our comment that begins with `mark`.
    ///
    /// # Errors
    /// When the forge cannot be reached or refuses.
    pub async fn find(&self, proposal: u64, mark: &str) -> Result<Option<Comment>, ForgeError> {
        let mut author = None;
        for page in 1..=PAGES {
            let url = format!("{}?per_page={PAGE}&page={page}", self.comments(proposal));
            let answer = self.http.ask("GET", &url, None).await?;
            let entries = answer.as_array().ok_or(ForgeError::Shape { method: "GET", url })?;
            for entry in entries {
                let Some(comment) = comment(entry).filter(|comment| comment.body.starts_with(mark)) else { continue };
                if author.is_none() {
                    author = Some(self.author().await);
                }
                if author.as_deref().is_some_and(|author| by(entry, author)) {
                    return Ok(Some(comment));
                }
            }
            if entries.len() < PAGE {
                break;
            }
        }
        Ok(None)
    }

    /// The number of the merged request that brought `commit`, the one into `branch` first.
    ///
    /// # Errors
    /// When the forge cannot be reached or refuses.
    pub async fn merged(&self, commit: &str, branch: &str) -> Result<Option<u64>, ForgeError> {
        let (path, number, target, done) = match self.flavour {
            Flavour::GitHub => (format!("commits/{commit}/pulls"), "number", "/base/ref", "/merged_at"),
            Flavour::GitLab => {
                (format!("repository/commits/{commit}/merge_requests"), "iid", "/target_branch", "/merged_at")
            }
        };
        let url = format!("{}/{path}", self.project);
        let answer = self.http.ask("GET", &url, None).await?;
        let requests = answer.as_array().ok_or(ForgeError::Shape { method: "GET", url })?;
        let into = |request: &&Value| request.pointer(target).and_then(Value::as_str) == Some(branch);
        let merged = |request: &&Value| request.pointer(done).is_some_and(|at| !at.is_null());
        let found = requests.iter().filter(merged).find(into).or_else(|| requests.iter().find(merged));
        Ok(found.and_then(|request| request[number].as_u64()))
    }

    fn comments(&self, proposal: u64) -> String {
        match self.flavour {
            Flavour::GitHub => format!("{}/issues/{proposal}/comments", self.project),
            Flavour::GitLab => format!("{}/merge_requests/{proposal}/notes", self.project),
        }
    }

    /// Who the token is. A GitHub job's own token may not ask that.
    async fn author(&self) -> String {
        let (field, unknown) = match self.flavour {
            Flavour::GitHub => ("login", GITHUB_AUTHOR),
            Flavour::GitLab => ("username", ""),
        };
        let user = self.http.ask("GET", &format!("{}/user", self.base), None).await.ok();
        user.and_then(|user| user[field].as_str().map(str::to_owned)).unwrap_or_else(|| unknown.to_owned())
    }
}

fn comment(entry: &Value) -> Option<Comment> {
    Some(Comment { id: entry["id"].as_u64()?, body: entry["body"].as_str()?.to_owned() })
}

/// Whose comment it is; a forge that names no authors at all is believed.
fn by(entry: &Value, author: &str) -> bool {
    match entry.get("user").or_else(|| entry.get("author")) {
        None => true,
        Some(user) => ["login", "username"].iter().any(|field| user[*field].as_str() == Some(author)),
    }
}
