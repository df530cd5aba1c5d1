//! The client's image without a Docker engine: the Dockerfile's stages run by hand, and its final root file system tried.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cargo;
use crate::signed::Signer;

const DOCKERFILE: &str = "client/Dockerfile";
/// The most that the final root file system may weigh, in bytes.
const LIMIT: u64 = 10_000_000;
/// A program header that names an interpreter: the binary would need a dynamic linker.
const PT_INTERP: u32 = 3;
const STACK: &str =
    "stack: image-check\nregion: eu-west-1\nqueues: { prompts: {} }\noutputs: { url: \"${queues.prompts.url}\" }\n";
const PROMPT: &str = "a couch in a container";

/// What the final stage of the Dockerfile says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stage {
    from: String,
    /// (in the build stage, in the image)
    copies: Vec<(String, String)>,
    user: String,
    entrypoint: String,
    labels: Vec<String>,
}

/// Builds, lays out, checks and tries.
pub fn run() -> Result<(), String> {
    let root = cargo::root();
    let text = fs::read_to_string(root.join(DOCKERFILE)).map_err(|error| format!("{DOCKERFILE}: {error}"))?;
    let stage = Stage::last(&text);
    check_stage(&stage)?;
    let binary = build(&root)?;
    let rootfs = lay_out(&root, &stage, &binary)?;
    check_static(&rootfs.join(stage.entrypoint.trim_start_matches('/')))?;
    let size = weight(&rootfs)?;
    if size >= LIMIT {
        return Err(format!("the root file system weighs {size} bytes, more than {LIMIT}"));
    }
    println!("{} files, {:.1} MB, user {}", stage.copies.len(), size as f64 / 1e6, stage.user);
    try_it(&root, &rootfs, &stage)
}

impl Stage {
    /// Reads the last stage; continued lines are one.
    fn last(text: &str) -> Self {
        let joined = text.replace("\\\n", " ");
        let mut stage = Self::default();
        for line in joined.lines() {
            let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            let rest = rest.trim();
            match word {
                "FROM" => stage = Self { from: rest.to_owned(), ..Self::default() },
                "COPY" => {
                    let paths: Vec<&str> = rest.split_whitespace().filter(|part| !part.starts_with("--")).collect();
                    if let [from, to] = paths[..] {
                        stage.copies.push((from.to_owned(), to.to_owned()));
                    }
                }
                "USER" => stage.user = rest.to_owned(),
                "ENTRYPOINT" => stage.entrypoint = rest.trim_matches(['[', ']', '"']).to_owned(),
                "LABEL" => {
                    let keys = rest.split_whitespace().filter_map(|part| part.split_once("=\"")).map(|(key, _)| key);
                    stage.labels.extend(keys.map(str::to_owned));
                }
                _ => {}
            }
        }
        stage
    }
}

fn check_stage(stage: &Stage) -> Result<(), String> {
    let numbers: Vec<Option<u32>> = stage.user.split(':').map(|id| id.parse().ok()).collect();
    if stage.from != "scratch" {
        return Err(format!("the final stage is FROM {}, not scratch", stage.from));
    }
    if numbers.len() != 2 || numbers.iter().any(|id| id.is_none_or(|id| id == 0)) {
        return Err(format!("USER is {:?}; an image without names needs two numbers, neither of them 0", stage.user));
    }
    for label in ["title", "source", "licenses", "version", "revision", "created"] {
        let label = format!("org.opencontainers.image.{label}");
        if !stage.labels.contains(&label) {
            return Err(format!("the label {label} is missing"));
        }
    }
    Ok(())
}

/// Builds the client as the first stage does, where it does not disturb other builds.
fn build(root: &Path) -> Result<PathBuf, String> {
    let version = captured(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?.to_owned();
    let target = root.join("target/image");
    let mut command = Command::new("cargo");
    command
        .args(["build", "--locked", "--release", "--package", "couch-client", "--target", &host])
        .current_dir(root)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_TARGET_DIR", &target);
    succeed(&mut command)?;
    Ok(target.join(host).join("release/couch-client"))
}

/// Puts exactly what the final stage copies into an empty directory.
fn lay_out(root: &Path, stage: &Stage, binary: &Path) -> Result<PathBuf, String> {
    let rootfs = root.join("target/image/rootfs");
    let failed = |error: std::io::Error| format!("{}: {error}", rootfs.display());
    if rootfs.exists() {
        fs::remove_dir_all(&rootfs).map_err(failed)?;
    }
    for (from, to) in &stage.copies {
        let source = if from.ends_with("/couch-client") { binary } else { Path::new(from) };
        let place = rootfs.join(to.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap_or(&rootfs)).map_err(failed)?;
        fs::copy(source, &place).map_err(|error| format!("{}: {error}", source.display()))?;
    }
    if !rootfs.join("etc/ssl/certs/ca-certificates.crt").exists() {
        return Err("the image has no CA certificates: no HTTPS call of it could succeed".to_owned());
    }
    Ok(rootfs)
}

/// Holds that an ELF file asks for no dynamic linker and may be executed.
fn check_static(path: &Path) -> Result<(), String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mode = fs::metadata(path).map_err(|error| error.to_string())?.permissions().mode();
    if mode & 0o001 == 0 {
        return Err(format!("{} may not be executed by everybody", path.display()));
    }
    match interpreter(&bytes) {
        Some(false) => Ok(()),
        Some(true) => Err(format!("{} needs a dynamic linker, which the image does not have", path.display())),
        None => Err(format!("{} is no 64-bit ELF file", path.display())),
    }
}

/// Whether a little-endian 64-bit ELF file names an interpreter.
fn interpreter(bytes: &[u8]) -> Option<bool> {
    let number = |at: usize, size: usize| -> Option<usize> {
        Some(bytes.get(at..at + size)?.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    if !bytes.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (start, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    let mut found = false;
    for index in 0..count {
        found |= number(start + index * size, 4)? == PT_INTERP as usize;
    }
    Some(found)
}

fn weight(directory: &Path) -> Result<u64, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut sum = 0;
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let meta = entry.metadata().map_err(failed)?;
        sum += if meta.is_dir() { weight(&entry.path())? } else { meta.len() };
    }
    Ok(sum)
}

/// Runs the image's entry point in its root file system as its user: its usage, and a message to a local queue.
fn try_it(root: &Path, rootfs: &Path, stage: &Stage) -> Result<(), String> {
    if captured(Command::new("id").arg("-u"))? != "0" {
        println!("skipped  running it: only root can change the root directory");
        return Ok(());
    }
    let client = || {
        let mut command = Command::new("chroot");
        command.arg(format!("--userspec={}", stage.user)).arg(rootfs).arg(&stage.entrypoint).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    };
    let words = client().output().map_err(|error| format!("chroot: {error}"))?;
    if words.status.code() != Some(2) || !String::from_utf8_lossy(&words.stderr).contains("usage: couch-client") {
        return Err(format!("without arguments the client does not say its usage: {}", words.status));
    }
    let deployer = cargo::build(&["deployer"])?.join("deployer");
    let place = root.join("target/image/stack");
    fs::create_dir_all(&place).map_err(|error| error.to_string())?;
    fs::write(place.join("stack.yaml"), STACK).map_err(|error| error.to_string())?;
    let run = |arguments: &[&str]| captured(Command::new(&deployer).arg("-C").arg(&place).args(arguments));
    run(&["local", "start"])?;
    let sent = (|| {
        run(&["--local", "apply", "-y"])?;
        let url = run(&["--local", "output", "url"])?;
        let mut sending = client();
        let status = run(&["local", "status", "--json"])?;
        let status: Value = serde_json::from_str(&status).map_err(|error| error.to_string())?;
        for (name, member) in [("AWS_ACCESS_KEY_ID", "access_key_id"), ("AWS_SECRET_ACCESS_KEY", "secret_access_key")] {
            sending.env(name, status[member].as_str().unwrap_or_default());
        }
        sending.env("SQS_QUEUE_URL", &url).env("AWS_ENDPOINT_URL", origin(&url)).arg(PROMPT);
        println!("{}", captured(&mut sending)?);
        let received = Signer::of(&status)?.get("sqs", &format!("{url}?Action=ReceiveMessage"));
        let received = received.map(|body| String::from_utf8_lossy(&body).into_owned());
        match received {
            Ok(text) if text.contains(PROMPT) => Ok(()),
            Ok(text) => Err(format!("the queue has another message: {text}")),
            Err(error) => Err(error),
        }
    })();
    let stopped = run(&["local", "stop"]);
    sent.and(stopped.map(|_| ()))
}

/// `http://127.0.0.1:4566/0/q` → `http://127.0.0.1:4566`
fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

fn captured(command: &mut Command) -> Result<String, String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed ({})", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn succeed(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} failed ({status})")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_final_stage_of_the_dockerfile_is_what_the_image_should_be() {
        let stage = Stage::last(&fs::read_to_string(cargo::root().join(DOCKERFILE)).unwrap());
        assert_eq!(check_stage(&stage), Ok(()));
        let paths: Vec<&str> = stage.copies.iter().map(|(_, to)| to.as_str()).collect();
        assert_eq!(paths, ["/etc/ssl/certs/ca-certificates.crt", "/couch-client"]);
        assert!(check_stage(&Stage { user: "0:0".into(), ..stage }).is_err());
    }

    #[test]
    fn a_binary_that_needs_a_linker_is_told_from_one_that_does_not() {
        let mut bytes = vec![0; 120];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (bytes[32], bytes[54], bytes[56]) = (64, 56, 1);
        assert_eq!(interpreter(&bytes), Some(false));
        bytes[64] = 3;
        assert_eq!(interpreter(&bytes), Some(true));
        assert_eq!(interpreter(b"#!/bin/sh"), None);
        assert_eq!(origin("http://a:1/b/c"), "http://a:1");
    }
}
