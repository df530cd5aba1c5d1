//! Shows the whole system on one machine: cloud, stack, a picture over HTTP, a picture over the queue, and the removal
//! of everything.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::signed::Signer;
use xtask::cargo;

const PROMPT_BY_HTTP: &str = "a couch on a mountain at sunrise";
const PROMPT_BY_QUEUE: &str = "a couch by the sea under the stars";
const ADDRESS: &str = "you@example.com";
const VARIABLE: &str = "alarm_email=you@example.com";
const PICTURE_DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

/// Runs the demonstration. With `keep`, stack and cloud stay at its end.
pub fn run(keep: bool) -> Result<(), String> {
    let binaries = cargo::build(&["deployer", "couch-client"])?;
    let start = Instant::now();
    let demo = Demo { root: cargo::root(), binaries };
    // A cloud that was already running is used, and left running.
    let found_running = demo.status()?["running"] == true;
    let result = demo.show(keep);
    if keep {
        eprintln!("The local cloud keeps running: `deployer local stop` ends it.");
    } else if !found_running {
        let stopped = demo.deployer(&["local", "stop"]);
        if result.is_ok() {
            stopped?;
        }
    }
    result.map_err(|message| format!("demo failed: {message}"))?;
    eprintln!("Done in {:.1} s.", start.elapsed().as_secs_f32());
    Ok(())
}

struct Demo {
    root: PathBuf,
    binaries: PathBuf,
}

impl Demo {
    fn show(&self, keep: bool) -> Result<(), String> {
        self.deployer(&["local", "start", "--var", VARIABLE])?;
        self.stack(&["plan"])?;
        let result = self.deployed();
        if !keep {
            let destroyed = self.stack(&["destroy", "-y"]);
            result.and(destroyed)
        } else {
            result
        }
    }

    fn deployed(&self) -> Result<(), String> {
        self.stack(&["apply", "-y"])?;
        self.pictures()?;
        let plan = self.captured("deployer", &on_stack(&["plan"]), &[])?;
        println!("{plan}");
        if !plan.contains("No changes.") {
            return Err("the plan after apply has changes".to_owned());
        }
        self.deployer(&["local", "confirm", ADDRESS])?;
        self.stack(&["verify", "-y"])
    }

    /// Orders a picture from each function and saves both.
    fn pictures(&self) -> Result<(), String> {
        let cloud = self.status()?;
        let bucket_of = Buckets { endpoint: text(&cloud, "endpoint_url")?, signer: Signer::of(&cloud)? };
        let (bucket, by_http) = self.by_http()?;
        let before = bucket_of.keys(&bucket)?;
        self.by_queue(&cloud)?;
        let by_queue = bucket_of.wait_for_another(&bucket, &before)?;
        let directory = self.root.join("couch-pictures");
        fs::create_dir_all(&directory).map_err(|error| format!("cannot create {}: {error}", directory.display()))?;
        for key in [by_http, by_queue] {
            bucket_of.save(&bucket, &key, &directory)?;
        }
        eprintln!("The pictures are in {}", directory.display());
        Ok(())
    }

    /// Orders a picture from the API and returns its bucket and key.
    fn by_http(&self) -> Result<(String, String), String> {
        let url = self.captured("deployer", &on_stack(&["output", "api_url"]), &[])?;
        let body = json!({"prompt": PROMPT_BY_HTTP});
        eprintln!("$ curl --json '{body}' {url}");
        let mut reply = ureq::post(&url)
            .config()
            .http_status_as_error(false)
            .timeout_global(Some(PICTURE_DEADLINE))
            .build()
            .send_json(&body)
            .map_err(|error| format!("POST {url}: {error}"))?;
        let answer = reply.body_mut().read_to_string().map_err(|error| format!("POST {url}: {error}"))?;
        println!("{answer}");
        let uri = serde_json::from_str::<Value>(&answer)
            .ok()
            .and_then(|answer| answer["image_uri"].as_str()?.strip_prefix("s3://").map(str::to_owned));
        let place = uri.as_deref().and_then(|uri| uri.split_once('/'));
        let (bucket, key) =
            place.ok_or_else(|| format!("POST {url} answered {} without an image_uri", reply.status()))?;
        Ok((bucket.to_owned(), key.to_owned()))
    }

    /// Orders a picture through the queue, with the released client.
    fn by_queue(&self, cloud: &Value) -> Result<(), String> {
        let queue = self.captured("deployer", &on_stack(&["output", "queue_url"]), &[])?;
        let environment = [
            ("SQS_QUEUE_URL", queue.as_str()),
            ("AWS_ENDPOINT_URL", text(cloud, "endpoint_url")?),
            ("AWS_REGION", text(cloud, "region")?),
            ("AWS_ACCESS_KEY_ID", text(cloud, "access_key_id")?),
            ("AWS_SECRET_ACCESS_KEY", text(cloud, "secret_access_key")?),
        ];
        let said = self.captured("couch-client", &[PROMPT_BY_QUEUE], &environment)?;
        println!("{said}");
        Ok(())
    }

    fn status(&self) -> Result<Value, String> {
        let text = self.captured("deployer", &["local", "status", "--json"], &[])?;
        serde_json::from_str(&text).map_err(|error| format!("`deployer local status --json` answered no JSON: {error}"))
    }

    fn stack(&self, arguments: &[&str]) -> Result<(), String> {
        self.deployer(&on_stack(arguments))
    }

    fn deployer(&self, arguments: &[&str]) -> Result<(), String> {
        let status = self.command("deployer", arguments, &[]).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("`{}` failed ({status})", line("deployer", arguments))),
            Err(error) => Err(format!("cannot run `{}`: {error}", line("deployer", arguments))),
        }
    }

    /// Runs a command and returns its trimmed output; its stderr is shown.
    fn captured(&self, binary: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<String, String> {
        let output = self.command(binary, arguments, environment).stderr(Stdio::inherit()).output();
        match output {
            Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            Ok(output) => Err(format!("`{}` failed ({})", line(binary, arguments), output.status)),
            Err(error) => Err(format!("cannot run `{}`: {error}", line(binary, arguments))),
        }
    }

    fn command(&self, binary: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        // The terminal's log must not contain the key; `deployer local status --json` prints it on request.
        let shown =
            |name: &str, value: &str| if name == "AWS_SECRET_ACCESS_KEY" { "…".to_owned() } else { value.to_owned() };
        let settings: String =
            environment.iter().map(|(name, value)| format!("{name}={} ", shown(name, value))).collect();
        eprintln!("$ {settings}{}", line(binary, arguments));
        let mut command = Command::new(self.binaries.join(binary));
        command.args(arguments).envs(environment.iter().copied()).current_dir(&self.root);
        command
    }
}

fn on_stack<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["--local", "--var", VARIABLE], arguments].concat()
}

/// Returns a command as a user would type it.
fn line(binary: &str, arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() });
    std::iter::once(binary.to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, String> {
    value[key].as_str().ok_or_else(|| format!("`deployer local status --json` has no {key}"))
}

/// The buckets of the local cloud.
struct Buckets<'a> {
    endpoint: &'a str,
    signer: Signer,
}

impl Buckets<'_> {
    /// Waits until a bucket contains a new picture.
    fn wait_for_another(&self, bucket: &str, before: &BTreeSet<String>) -> Result<String, String> {
        let start = Instant::now();
        loop {
            // Beside the pictures lie records.
            if let Some(key) = self.keys(bucket)?.difference(before).find(|key| key.ends_with(".png")) {
                return Ok(key.clone());
            }
            if start.elapsed() >= PICTURE_DEADLINE {
                let seconds = PICTURE_DEADLINE.as_secs();
                return Err(format!("the queue's picture did not appear in {bucket} within {seconds} s"));
            }
            thread::sleep(POLL);
        }
    }

    fn keys(&self, bucket: &str) -> Result<BTreeSet<String>, String> {
        let listing = self.signer.get("s3", &format!("{}/{bucket}?list-type=2", self.endpoint))?;
        Ok(listed_keys(&String::from_utf8_lossy(&listing)))
    }

    fn save(&self, bucket: &str, key: &str, directory: &Path) -> Result<(), String> {
        let picture = self.signer.get("s3", &format!("{}/{bucket}/{key}", self.endpoint))?;
        if !picture.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Err(format!("s3://{bucket}/{key} is not a PNG"));
        }
        let path = directory.join(key.replace('/', "-"));
        fs::write(&path, picture).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}

fn listed_keys(listing: &str) -> BTreeSet<String> {
    let parts = listing.split("<Key>").skip(1);
    parts.filter_map(|part| Some(part.split_once("</Key>")?.0.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        assert_eq!(line("couch-client", &["a couch"]), "couch-client 'a couch'");
        assert_eq!(line("deployer", &on_stack(&["plan"])), "deployer --local --var alarm_email=you@example.com plan");
    }

    #[test]
    fn keys_are_read_from_a_listing() {
        let listing = "<R><Contents><Key>32/a.png</Key><Size>1</Size></Contents><Contents><Key>b</Key></Contents></R>";
        assert_eq!(listed_keys(listing), BTreeSet::from(["32/a.png".to_owned(), "b".to_owned()]));
        assert!(listed_keys("<R></R>").is_empty());
    }
}
