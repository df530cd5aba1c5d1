//! Reads the process's environment variables and its clock. Only this module does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::log;
use crate::report::github::StepFiles;
use crate::report::terminal::{Terminal, Wishes};
use crate::spec::secrets::{SHORTEST, Secrets};

/// The environment variables of a process.
#[derive(Clone)]
pub(super) struct ProcessEnvironment {
    known: BTreeMap<String, String>,
    /// The names of variables whose values are not UTF-8.
    unreadable: Vec<String>,
}

impl ProcessEnvironment {
    pub(super) fn of_process() -> Self {
        let (mut known, mut unreadable) = (BTreeMap::new(), Vec::new());
        for (name, value) in std::env::vars_os() {
            match value.into_string() {
                Ok(value) => drop(name.into_string().map(|name| known.insert(name, value))),
                Err(_) => unreadable.push(name.to_string_lossy().into_owned()),
            }
        }
        Self { known, unreadable }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.known.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns all variables, for the stack's variables and its region.
    pub(super) fn all(&self) -> &BTreeMap<String, String> {
        &self.known
    }

    /// Finds the first variable that begins with `beginning`, is not `except`, and whose value is not text.
    pub(super) fn unreadable(&self, beginning: &str, except: &str) -> Option<&str> {
        self.unreadable.iter().map(String::as_str).find(|name| name.starts_with(beginning) && *name != except)
    }

    /// Returns the terminal for a command line that could not be parsed.
    pub(super) fn usage_terminal(&self) -> Terminal {
        let no_color = std::env::args_os().any(|argument| argument == "--no-color");
        Terminal::new(&Wishes { no_color, json: self.wants_json(), ..self.wishes() })
    }

    /// Returns the settings from environment variables alone.
    pub(super) fn wishes(&self) -> Wishes {
        Wishes {
            no_color_env: self.get("NO_COLOR").map(str::to_owned),
            force_color_env: self.get("FORCE_COLOR").map(str::to_owned),
            ci: self.is_ci(),
            columns: self.get("COLUMNS").and_then(|c| c.parse().ok()),
            watched: self.github_step().is_some(),
            ..Wishes::default()
        }
    }

    /// Tells whether JSON output is wanted, for a command line that could not be parsed.
    fn wants_json(&self) -> bool {
        let asked =
            self.get("DEPLOYER_JSON").is_some_and(|value| !["0", "false", "no", "off", "n", "f"].contains(&value));
        asked || std::env::args_os().any(|argument| argument == "--json")
    }

    /// Tells whether nobody can answer questions.
    pub(super) fn is_ci(&self) -> bool {
        self.get("CI").is_some_and(|value| value != "false" && value != "0")
    }

    /// Tells whether a CI system runs this, probably on a machine that is deleted afterwards.
    pub(super) fn is_ci_system(&self) -> bool {
        self.is_ci() || ["GITHUB_ACTIONS", "GITLAB_CI"].iter().any(|name| self.get(name) == Some("true"))
    }

    /// Returns the directory for the user's files that belong to no stack.
    pub(super) fn own_directory(&self) -> Option<PathBuf> {
        let state = self.get("XDG_STATE_HOME").map(PathBuf::from);
        let state = state.or_else(|| Some(PathBuf::from(self.get("HOME")?).join(".local/state")));
        state.filter(|path| path.is_absolute()).map(|path| path.join("deployer"))
    }

    /// Returns the address of this CI run's page.
    pub(super) fn run_url(&self) -> Option<String> {
        let github = || {
            let (server, repository) = (self.get("GITHUB_SERVER_URL")?, self.get("GITHUB_REPOSITORY")?);
            Some(format!("{server}/{repository}/actions/runs/{}", self.get("GITHUB_RUN_ID")?))
        };
        github().or_else(|| self.get("CI_JOB_URL").map(str::to_owned))
    }

    /// Tells whether GitHub repeats this job after an earlier attempt ended.
    pub(super) fn is_rerun(&self) -> bool {
        self.get("GITHUB_RUN_ATTEMPT")
            .and_then(|attempt| attempt.parse::<u32>().ok())
            .is_some_and(|attempt| attempt > 1)
    }

    /// Returns the files for GitHub Actions; `None` elsewhere.
    pub(super) fn github_step(&self) -> Option<StepFiles> {
        let path = |name| self.get(name).map(PathBuf::from);
        (self.get("GITHUB_ACTIONS") == Some("true")).then(|| StepFiles {
            summary: path("GITHUB_STEP_SUMMARY"),
            output: path("GITHUB_OUTPUT"),
            workspace: path("GITHUB_WORKSPACE"),
        })
    }

    /// Returns the user who runs this: the CI's actor, else `USER`, else the user's number.
    pub(super) fn who(&self) -> String {
        let names = ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME"];
        let named = names.iter().find_map(|name| self.get(name)).map(str::to_owned);
        named.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
    }

    pub(super) fn host(&self) -> String {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        name.map(|n| n.trim().to_owned())
            .or_else(|| self.get("HOSTNAME").map(str::to_owned))
            .unwrap_or_else(|| "unknown".into())
    }

    /// Writes the program's own log to stderr: as DEPLOYER_LOG says, or at debug level with `-v`. Masks secrets as soon
    /// as they are known.
    pub(super) fn init_logging(&self, verbose: bool) {
        use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
        use tracing_subscriber::layer::{Layer, SubscriberExt};
        use tracing_subscriber::util::SubscriberInitExt;
        let keys = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].into_iter().filter_map(|name| self.get(name));
        let mut secrets = Secrets::default();
        keys.filter(|key| key.len() >= SHORTEST).for_each(|key| secrets.add(key));
        log::mask(&secrets);
        let chosen = self.get("DEPLOYER_LOG").map(str::to_owned);
        if chosen.is_none() && !verbose {
            return;
        }
        let filter = chosen.as_deref().unwrap_or("deployer=debug").parse().unwrap_or_else(|_| Targets::new());
        // At trace level the SDK logs whole requests and responses, including secrets that are not known as such yet.
        let bodiless =
            filter_fn(|event| event.target().starts_with("deployer") || *event.level() <= tracing::Level::DEBUG);
        let layer =
            tracing_subscriber::fmt::layer().with_writer(log::MaskedEvent::default).with_ansi(false).without_time();
        let _ = tracing_subscriber::registry().with(layer.with_filter(filter.and(bodiless))).try_init();
    }
}

/// Returns the time that long ago, in milliseconds since 1970.
pub(super) fn since(back: Duration) -> i64 {
    let back_ms = i64::try_from(back.as_millis()).unwrap_or(i64::MAX);
    now_ms().saturating_sub(back_ms).max(0)
}

/// Returns the wall clock in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Returns the wall clock as RFC 3339 in UTC, to the second.
pub(super) fn now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}
