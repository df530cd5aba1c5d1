//! Checks the images without a Docker engine: runs the Dockerfile's stages, and tests its final root file system.

mod dns;
mod dockerfile;
mod trial;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dockerfile::Instruction;
use xtask::cargo;

const DOCKERFILE: &str = "Dockerfile";
/// Type of a program header that names an interpreter: such a binary requires a dynamic linker.
const PT_INTERP: u32 = 3;

/// A program for which the Dockerfile builds an image.
struct Program {
    package: &'static str,
    bin: &'static str,
    /// Path of its source; if it is missing, the program does not exist yet.
    source: &'static str,
    /// Maximum size of its root file system, in bytes.
    limit: u64,
}

const CLIENT: Program =
    Program { package: "couch-client", bin: "couch-client", source: "client/src/main.rs", limit: 10_000_000 };
const WORKER: Program = Program {
    package: "functions",
    bin: "image-worker-poll",
    source: "functions/src/bin/image-worker-poll.rs",
    limit: 15_000_000,
};

/// The settings in the Dockerfile's final stage.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stage {
    from: String,
    /// Pairs of a path in the build stage and a path in the image.
    copies: Vec<(String, String)>,
    user: String,
    entrypoint: String,
    stop_signal: String,
    health_check: String,
    labels: Vec<String>,
}

/// Builds, lays out, checks and tests every image.
pub fn run() -> Result<(), String> {
    let root = cargo::root();
    let text = fs::read_to_string(root.join(DOCKERFILE)).map_err(|error| format!("{DOCKERFILE}: {error}"))?;
    let stages = dockerfile::stages(&text);
    let [arguments, build, last] = stages.as_slice() else {
        return Err(format!("{DOCKERFILE} has {} stages; two are expected", stages.len() - 1));
    };
    check_builder(arguments)?;
    let stage = Stage::of(last);
    check_stage(&stage)?;
    for program in [&CLIENT, &WORKER] {
        if !root.join(program.source).exists() {
            println!("skipped  {}: there is no {}", program.bin, program.source);
            continue;
        }
        let site = root.join("target/image/site");
        let given = BTreeMap::from([("PACKAGE", program.package), ("BIN", program.bin)]);
        dockerfile::carry_out(build, &root, &site, &given)?;
        let rootfs = lay_out(&root.join("target/image").join(program.bin), &stage, &site)?;
        check_static(&rootfs.join(stage.entrypoint.trim_start_matches('/')))?;
        let size = weight(&rootfs)?;
        if size >= program.limit {
            return Err(format!(
                "{}: the root file system weighs {size} bytes, more than {}",
                program.bin, program.limit
            ));
        }
        println!("{}: {} files, {:.1} MB, user {}", program.bin, stage.copies.len(), size as f64 / 1e6, stage.user);
        trial::run(program, &trial::Image { root: &root, rootfs: &rootfs, stage: &stage })?;
    }
    Ok(())
}

impl Stage {
    fn of(instructions: &[Instruction]) -> Self {
        let mut stage = Self::default();
        for Instruction { word, rest } in instructions {
            match word.as_str() {
                "FROM" => stage.from.clone_from(rest),
                "COPY" => {
                    let paths: Vec<&str> = rest.split_whitespace().filter(|part| !part.starts_with("--")).collect();
                    if let [from, to] = paths[..] {
                        stage.copies.push((from.to_owned(), to.to_owned()));
                    }
                }
                "USER" => stage.user.clone_from(rest),
                "ENTRYPOINT" => stage.entrypoint = rest.trim_matches(['[', ']', '"']).to_owned(),
                "STOPSIGNAL" => stage.stop_signal.clone_from(rest),
                "HEALTHCHECK" => stage.health_check.clone_from(rest),
                "LABEL" => stage.labels.extend(dockerfile::pairs(rest).into_iter().map(|(name, _)| name)),
                _ => {}
            }
        }
        stage
    }
}

/// Checks that the builder's image is named by digest.
fn check_builder(arguments: &[Instruction]) -> Result<(), String> {
    let builder = arguments.iter().find_map(|argument| argument.rest.strip_prefix("BUILDER="));
    let digest = builder.and_then(|builder| builder.split_once("@sha256:")).map(|(_, digest)| digest);
    match digest.is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        true => Ok(()),
        false => Err(format!("BUILDER is {builder:?}, without a digest")),
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
    if stage.stop_signal != "SIGTERM" || stage.health_check != "NONE" {
        return Err(format!("STOPSIGNAL is {:?} and HEALTHCHECK {:?}", stage.stop_signal, stage.health_check));
    }
    for label in ["title", "source", "licenses", "version", "revision", "created"] {
        let label = format!("org.opencontainers.image.{label}");
        if !stage.labels.contains(&label) {
            return Err(format!("the label {label} is missing"));
        }
    }
    Ok(())
}

/// Copies exactly the files that the final stage copies into an empty directory; `site` is the build stage's working
/// directory.
fn lay_out(rootfs: &Path, stage: &Stage, site: &Path) -> Result<PathBuf, String> {
    if rootfs.exists() {
        fs::remove_dir_all(rootfs).map_err(|error| failed(rootfs, &error))?;
    }
    for (from, to) in &stage.copies {
        let source = match from.strip_prefix("/workspace/") {
            Some(built) => site.join(built),
            None => PathBuf::from(from),
        };
        let place = rootfs.join(to.trim_start_matches('/'));
        let parent = place.parent().unwrap_or(rootfs);
        fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
        fs::copy(&source, &place).map_err(|error| failed(&source, &error))?;
    }
    if !rootfs.join("etc/ssl/certs/ca-certificates.crt").exists() {
        return Err("the image has no CA certificates: no HTTPS call of it could succeed".to_owned());
    }
    Ok(rootfs.to_owned())
}

/// Checks that an ELF file requires no dynamic linker and is executable.
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

/// Tells whether a little-endian 64-bit ELF file names an interpreter.
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
    let mut sum = 0;
    for entry in fs::read_dir(directory).map_err(|error| failed(directory, &error))? {
        let entry = entry.map_err(|error| failed(directory, &error))?;
        let meta = entry.metadata().map_err(|error| failed(directory, &error))?;
        sum += if meta.is_dir() { weight(&entry.path())? } else { meta.len() };
    }
    Ok(sum)
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

fn failed(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dockerfile_says_what_the_images_should_be() {
        let stages = dockerfile::stages(&fs::read_to_string(cargo::root().join(DOCKERFILE)).unwrap());
        assert_eq!(stages.len(), 3);
        assert_eq!(check_builder(&stages[0]), Ok(()));
        assert!(check_builder(&[]).is_err());
        let stage = Stage::of(&stages[2]);
        assert_eq!(check_stage(&stage), Ok(()));
        let paths: Vec<&str> = stage.copies.iter().map(|(_, to)| to.as_str()).collect();
        assert_eq!(paths, ["/etc/ssl/certs/ca-certificates.crt", "/program"]);
        assert!(check_stage(&Stage { user: "0:0".into(), ..stage }).is_err());
    }

    #[test]
    fn the_image_s_build_has_the_manifest_of_every_workspace_member() {
        let read = |file: &str| fs::read_to_string(cargo::root().join(file)).unwrap();
        let (workspace, dockerfile, context) = (read("Cargo.toml"), read(DOCKERFILE), read(".dockerignore"));
        let members = workspace.lines().find_map(|line| line.strip_prefix("members = [")).unwrap();
        let members = members.trim_end_matches(']').split(", ").map(|name| name.trim_matches('"'));
        let (globs, mut all): (Vec<&str>, Vec<String>) = (
            members.clone().filter_map(|member| member.strip_suffix("/*")).collect(),
            members.filter(|member| !member.ends_with("/*")).map(str::to_owned).collect(),
        );
        for glob in globs {
            let entries = fs::read_dir(cargo::root().join(glob)).unwrap().map(|entry| entry.unwrap());
            let packages = entries.filter(|entry| entry.path().join("Cargo.toml").is_file());
            all.extend(packages.map(|package| format!("{glob}/{}", package.file_name().to_string_lossy())));
        }
        assert!(["xtask", "examples/alerts"].iter().all(|one| all.iter().any(|member| member == one)), "{all:?}");
        for member in all {
            assert!(dockerfile.contains(&format!("COPY {member}/Cargo.toml {member}/\n")), "{member}");
            let admitted = [format!("!{member}"), format!("!{member}/Cargo.toml")];
            assert!(context.lines().any(|line| admitted.iter().any(|pattern| pattern == line)), "{member}");
        }
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
    }
}
