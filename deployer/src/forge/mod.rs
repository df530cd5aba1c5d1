//! The forges on which code is reviewed: comments on a pull or merge request, and the request that a commit came from.
//!
//! # Guarantees
//! Only comments of the token's own user are read or edited. The forge says who that is; without its answer no comment
//! is used. The token goes only to the forge's API and never into an error text.
//!
//! # Caveats
//! Forges let other users change the comments of that user: [`Forge::last_editor`] returns the last editor, and the
//! content of a comment has to be verified.

mod http;

use serde_json::{Value, json};

use http::Http;

/// Comments per page, the most that both forges return.
const PAGE: usize = 100;
/// Pages of comments that are searched.
const PAGES: usize = 20;
/// Asks for the token's user.
const GITHUB_VIEWER: &str = "query { viewer { login } }";
/// Asks for the author of a comment and its last editor, who is absent if nobody edited it.
const GITHUB_EDITOR: &str =
    "query($id: ID!) { node(id: $id) { ... on IssueComment { author { login } editor { login } } } }";
const GITLAB_EDITOR: &str =
    "query($id: NoteID!) { note(id: $id) { author { username } editor: lastEditedBy { username } } }";

/// The kind of forge, which decides the paths and words of its API.
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

/// A comment that begins with the deployer's mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    pub body: String,
    /// Its id in GitHub's GraphQL API.
    node: Option<String>,
}

/// Reason why a call to a forge failed.
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
    /// Creates a client from the API's address, the project (`OWNER/NAME`, or GitLab's id) and a token.
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

    /// Writes `body`, which begins with `mark`, into the existing comment with this mark, or into a new one. Returns
    /// the text that the forge stores.
    ///
    /// # Errors
    /// When the forge cannot be reached or refuses.
    pub async fn comment(&self, proposal: u64, mark: &str, body: &str) -> Result<String, ForgeError> {
        let known = self.find(proposal, mark).await?;
        let comments = self.comments(proposal);
        let (method, url) = match (&known, self.flavour) {
            (Some(comment), _) if comment.body == body => return Ok(comment.body.clone()),
            (None, _) => ("POST", comments),
            (Some(comment), Flavour::GitHub) => ("PATCH", format!("{}/issues/comments/{}", self.project, comment.id)),
            (Some(comment), Flavour::GitLab) => ("PUT", format!("{comments}/{}", comment.id)),
        };
        let answer = self.http.ask(method, &url, Some(&json!({ "body": body }))).await?;
        answer["body"].as_str().map(str::to_owned).ok_or(ForgeError::Shape { method, url })
    }

    /// Finds the token user's comment that begins with `mark`.
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
                    author = Some(self.author().await?);
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

    /// Returns the last editor of a comment, if that is anybody but its author.
    ///
    /// # Errors
    /// When the forge cannot be reached or refuses.
    pub async fn last_editor(&self, comment: &Comment) -> Result<Option<String>, ForgeError> {
        let (query, id, at, field) = match (self.flavour, &comment.node) {
            (Flavour::GitHub, Some(node)) => (GITHUB_EDITOR, node.clone(), "node", "login"),
            // A forge with GitHub's REST API may lack its GraphQL API.
            (Flavour::GitHub, None) => return Ok(None),
            (Flavour::GitLab, _) => (GITLAB_EDITOR, format!("gid://gitlab/Note/{}", comment.id), "note", "username"),
        };
        let url = self.graphql();
        let answer =
            match self.http.ask("POST", &url, Some(&json!({ "query": query, "variables": { "id": id } }))).await {
                Err(ForgeError::Refused { status: 404, .. }) => return Ok(None),
                answer => answer?,
            };
        // Older versions of GitLab do not record the editor of a note.
        if self.flavour == Flavour::GitLab && answer.get("errors").is_some() {
            return Ok(None);
        }
        let known = &answer["data"][at];
        let author = known["author"][field].as_str().ok_or(ForgeError::Shape { method: "POST", url })?;
        Ok(known["editor"][field].as_str().filter(|editor| *editor != author).map(str::to_owned))
    }

    /// Returns the number of the request that brought `commit` to `branch` when it was merged. A request merged into
    /// another branch does not count: a user with write access to a branch of their own could merge unreviewed code
    /// there.
    ///
    /// # Errors
    /// When the forge cannot be reached or refuses.
    pub async fn find_merged_request(&self, commit: &str, branch: &str) -> Result<Option<u64>, ForgeError> {
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
        let found = requests.iter().filter(merged).find(into);
        Ok(found.and_then(|request| request[number].as_u64()))
    }

    fn comments(&self, proposal: u64) -> String {
        match self.flavour {
            Flavour::GitHub => format!("{}/issues/{proposal}/comments", self.project),
            Flavour::GitLab => format!("{}/merge_requests/{proposal}/notes", self.project),
        }
    }

    /// Returns the token's user. For GitHub's apps, which include a job's own token, only the GraphQL API gives it.
    async fn author(&self) -> Result<String, ForgeError> {
        let url = format!("{}/user", self.base);
        let (method, url, name) = match (self.http.ask("GET", &url, None).await, self.flavour) {
            (Err(ForgeError::Refused { status: 403, .. }), Flavour::GitHub) => {
                let url = self.graphql();
                let answer = self.http.ask("POST", &url, Some(&json!({ "query": GITHUB_VIEWER }))).await?;
                ("POST", url, answer["data"]["viewer"]["login"].clone())
            }
            (answer, Flavour::GitHub) => ("GET", url, answer?["login"].clone()),
            (answer, Flavour::GitLab) => ("GET", url, answer?["username"].clone()),
        };
        name.as_str().map(str::to_owned).ok_or(ForgeError::Shape { method, url })
    }

    /// Returns the address of the forge's GraphQL API: `/graphql` or `/api/graphql`.
    fn graphql(&self) -> String {
        let base = self.base.strip_suffix("/v3").or_else(|| self.base.strip_suffix("/v4")).unwrap_or(&self.base);
        format!("{base}/graphql")
    }
}

fn comment(entry: &Value) -> Option<Comment> {
    let text = |name: &str| entry[name].as_str().map(str::to_owned);
    Some(Comment { id: entry["id"].as_u64()?, body: text("body")?, node: text("node_id") })
}

/// Tells whether `author` wrote the comment; a forge that names no authors at all is trusted.
fn by(entry: &Value, author: &str) -> bool {
    match entry.get("user").or_else(|| entry.get("author")) {
        None => true,
        Some(user) => ["login", "username"].iter().any(|field| user[*field].as_str() == Some(author)),
    }
}
