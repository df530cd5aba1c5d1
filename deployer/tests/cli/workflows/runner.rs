//! The parts of a GitHub runner that the workflows need: contexts, conditions, shell steps and their outputs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_yaml::Value;

/// Stands in for programs: records its calls, and creates the files of a build.
const STAND_IN: &str = r#"
program=$(basename "$0")
echo "$program $*" >>"$ROOT/calls"
case "$program $1" in
  "cargo build")
    directory="${CARGO_TARGET_DIR:-target}/${TARGET:+$TARGET/}release"
    mkdir -p "$directory"
    if [ -n "$SCRIPT" ]; then
      printf '#!/bin/sh\necho deployer 1.2.3\n' >"$directory/deployer" && chmod 755 "$directory/deployer"
    else
      ln -sf "$DEPLOYER" "$directory/deployer"
    fi ;;
  "cargo zigbuild") ;;
  "readelf --version-info") echo "  0x0010: Name: GLIBC_${NEEDS-2.34}"; echo "  0x0020: Name: GLIBC_2.3.4" ;;
  "readelf --program-headers") echo LOAD ;;
  "python3 -m") mkdir -p "$3/bin" "$3/lib/python3.12/site-packages/ziglang"; printf '#!/bin/sh\n' >"$3/bin/pip"; chmod 755 "$3/bin/pip" ;;
  "docker run") [ -n "$MUTE" ] || echo "usage: couch-client" >&2; exit "${ENDS-2}" ;;
  "docker login") cat >/dev/null; [ -z "$REFUSED" ] ;;
  "docker buildx") if [ "$2" = build ]; then printf '{\n  "containerimage.digest": "sha256:0a1b"\n}\n' >built.json; fi ;;
  "gh api") [ -z "$DOWN" ] && echo "${OPEN-0}" ;;
  "gh release") if [ "$2" = view ]; then [ -n "$PUBLISHED" ] && echo false; fi ;;
esac
"#;

/// A machine with a checkout and the contexts of an event.
pub struct Machine {
    root: PathBuf,
    contexts: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    credentials: BTreeMap<String, String>,
}

/// The result of a job.
#[derive(Debug)]
pub struct JobResult {
    pub ok: bool,
    /// The output of all steps.
    pub text: String,
    /// The actions that were not skipped.
    pub used: Vec<String>,
    outputs: BTreeMap<String, String>,
}

impl JobResult {
    pub fn output(&self, step: &str, name: &str) -> &str {
        self.outputs.get(&format!("steps.{step}.outputs.{name}")).map_or("", String::as_str)
    }
}

impl fmt::Display for JobResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ok: {}, used: {:?}, outputs: {:?}\n{}", self.ok, self.used, self.outputs, self.text)
    }
}

impl Machine {
    pub fn new(root: &Path) -> Self {
        let bin = root.join("stand-ins");
        std::fs::create_dir_all(&bin).expect("a directory");
        for program in ["cargo", "docker", "gh", "python3", "readelf", "rustup", "sudo"] {
            let path = bin.join(program);
            // A step may clear the environment, so the script contains these values.
            let known = format!("#!/bin/sh\nROOT='{}' DEPLOYER='{}'", root.display(), env!("CARGO_BIN_EXE_deployer"));
            std::fs::write(&path, known + STAND_IN).expect("a file");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).expect("it may be executed");
        }
        let mut machine = Self {
            root: root.to_owned(),
            contexts: BTreeMap::new(),
            environment: BTreeMap::new(),
            credentials: BTreeMap::new(),
        };
        let path = std::env::var("PATH").unwrap_or_default();
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        machine.set("PATH", &format!("{}:{path}", text(&bin))).set("HOME", &text(root)).set("ROOT", &text(root));
        machine.set("CI", "true").set("GITHUB_ACTIONS", "true").set("GITHUB_WORKSPACE", &text(root));
        machine.set("RUNNER_TEMP", &text(root)).set("GITHUB_SERVER_URL", "https://github.com");
        machine
    }

    /// Sets the value of a context: `github.ref`, `secrets.TOKEN`.
    pub fn know(&mut self, name: &str, value: &str) -> &mut Self {
        self.contexts.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets a variable for the steps after a sign-in to AWS.
    pub fn sign_in(&mut self, name: &str, value: &str) -> &mut Self {
        self.credentials.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn run(self, workflow: &str, job: &str) -> JobResult {
        let workflow: Value = serde_yaml::from_str(workflow).expect("YAML");
        self.steps(&workflow["jobs"][job])
    }

    pub fn run_composite(self, action: &str) -> JobResult {
        let action: Value = serde_yaml::from_str(action).expect("YAML");
        self.steps(&action["runs"])
    }

    fn steps(mut self, job: &Value) -> JobResult {
        let mut done = JobResult { ok: true, text: String::new(), used: Vec::new(), outputs: BTreeMap::new() };
        for (name, value) in self.variables(&job["env"]) {
            self.know(&format!("env.{name}"), &value).set(&name, &value);
        }
        for step in job["steps"].as_sequence().expect("steps") {
            if step["if"].as_str().is_some_and(|condition| !truthy(&self.value(condition))) {
                continue;
            }
            if let Some(action) = step["uses"].as_str() {
                done.used.push(action.to_owned());
                if action.starts_with("aws-actions/configure-aws-credentials@") {
                    self.environment.extend(self.credentials.clone());
                }
                continue;
            }
            self.shell(step, &mut done);
            if !done.ok {
                break;
            }
        }
        done
    }

    fn shell(&mut self, step: &Value, done: &mut JobResult) {
        let script = self.root.join("step.sh");
        std::fs::write(&script, step["run"].as_str().expect("a script")).expect("a file");
        let output = self.root.join("step-output");
        let added = self.root.join("step-path");
        for file in [&output, &added] {
            std::fs::write(file, "").expect("a file");
        }
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-e", "-o", "pipefail"]).arg(&script).current_dir(&self.root);
        command.env_clear().envs(&self.environment).envs(self.variables(&step["env"])).stdin(Stdio::null());
        command
            .env("GITHUB_OUTPUT", &output)
            .env("GITHUB_PATH", &added)
            .env("GITHUB_STEP_SUMMARY", self.root.join("step-summary"));
        let ran = command.output().expect("bash runs");
        done.ok = ran.status.success();
        done.text += &format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        for directory in std::fs::read_to_string(&added).expect("directories").lines() {
            let path = format!("{directory}:{}", self.environment["PATH"]);
            self.set("PATH", &path);
        }
        let Some(id) = step["id"].as_str() else { return };
        for (name, value) in outputs(&std::fs::read_to_string(&output).expect("outputs")) {
            let name = format!("steps.{id}.outputs.{name}");
            done.outputs.insert(name.clone(), value.clone());
            self.know(&name, &value);
        }
    }

    fn variables(&self, env: &Value) -> BTreeMap<String, String> {
        let entries = env.as_mapping().into_iter().flatten();
        entries.map(|(name, value)| (name.as_str().expect("a name").to_owned(), self.filled(value))).collect()
    }

    /// Replaces `${{ … }}` by values.
    fn filled(&self, value: &Value) -> String {
        let text = value.as_str().expect("a text");
        let mut parts = text.split("${{");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once("}}").expect("a closed expression");
            out += &self.value(expression);
            out += rest;
        }
        out
    }

    /// Evaluates `a && b || c`, `==`, `!=`, texts and contexts; a condition is `true` or `false`.
    fn value(&self, expression: &str) -> String {
        let mut value = String::new();
        for alternative in expression.split("||") {
            value = String::from("true");
            for term in alternative.split("&&") {
                value = self.term(term.trim());
                if !truthy(&value) {
                    break;
                }
            }
            if truthy(&value) {
                break;
            }
        }
        value
    }

    fn term(&self, term: &str) -> String {
        if let Some((left, right)) = term.split_once("!=") {
            return (self.term(left.trim()) != self.term(right.trim())).to_string();
        }
        if let Some((left, right)) = term.split_once("==") {
            return (self.term(left.trim()) == self.term(right.trim())).to_string();
        }
        match term.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            Some(text) => text.to_owned(),
            None => {
                assert!(term.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "no context: {term}");
                self.contexts.get(term).cloned().unwrap_or_default()
            }
        }
    }
}

fn truthy(value: &str) -> bool {
    !matches!(value, "" | "false")
}

/// Parses a step's outputs, with one line or several.
fn outputs(text: &str) -> Vec<(String, String)> {
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if let Some((name, end)) = line.split_once("<<").filter(|(name, _)| !name.contains('=')) {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            found.push((name.to_owned(), value.join("\n")));
        } else if let Some((name, value)) = line.split_once('=') {
            found.push((name.to_owned(), value.to_owned()));
        }
    }
    found
}

/// Makes a repository with one commit and returns its short revision.
pub fn commit(root: &Path) -> String {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments).current_dir(root);
        let ran = command.env("HOME", root).env("GIT_CONFIG_NOSYSTEM", "1").output().expect("git runs");
        assert!(ran.status.success(), "git {arguments:?}");
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    };
    git(&["init", "--initial-branch", "main"]);
    git(&["commit", "--allow-empty", "--message", "a"]);
    git(&["rev-parse", "--short", "HEAD"])
}
