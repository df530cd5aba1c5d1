//! Decides whether a binary is up to date without starting cargo.
//!
//! After a build, a stamp records the binary's inputs: time and size of each file in the dep-info file that cargo
//! leaves beside it, and one hash over everything else that cargo considers. A stamp vouches only for files that last
//! changed before the build began. When in doubt cargo is started, which decides reliably and is quick when nothing
//! changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::archive;
use super::config::Config;
use super::environment::BuildEnvironment;
use super::job::{Builder, BuiltExecutable, Job};
use super::origin::{self, BuildFiles};
use super::seen::FileStamp;
use super::{Artifact, PackageError, Warning, store};
use crate::origin::WholeOrigin;

/// Version of the stamps. Increase it whenever stamps of earlier versions must not be trusted.
const VERSION: u32 = 3;

/// Files that cargo and rustup look for in the working directory and all directories above it.
const LOOKED_FOR: &[&str] =
    &["Cargo.toml", "Cargo.lock", ".cargo/config.toml", ".cargo/config", "rust-toolchain.toml", "rust-toolchain"];

/// The inputs and the result of the newest build of one binary.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// The builder that made it; the next build starts with the same one.
    pub builder: Builder,
    /// Hash of all inputs but the sources; `None` if the stamp cannot vouch for the build.
    fingerprint: Option<String>,
    /// Manifests of the packages that the sources belong to.
    manifests: BTreeSet<PathBuf>,
    /// Variables that the sources or build scripts read.
    variables: BTreeSet<String>,
    /// Sources, dep-info file, executable and zip.
    files: Vec<FileStamp>,
    /// Shared libraries that Lambda has today but does not promise.
    unpromised: Vec<String>,
    zip: PathBuf,
    code_sha256: String,
    size: u64,
    binary_sha256: String,
    /// The origin of the code, as the build left it.
    origin: Option<WholeOrigin>,
}

impl Stamp {
    /// Reads the stamp of a job's newest build, if there is one that this version understands.
    pub fn read(job: &Job) -> Option<Self> {
        let text = fs::read(job.workspace.store.join(name(job))).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Returns the artifact and its warnings, if none of its inputs has changed.
    pub fn fresh(self, job: &Job, environment: &BuildEnvironment) -> Option<(Artifact, Vec<Warning>)> {
        let recorded = self.fingerprint?;
        let inputs = Inputs::collect(job, environment, &self.manifests, &self.variables)?;
        let fresh = self.files.iter().all(FileStamp::holds) && inputs.hash == recorded;
        let file = job.bin.clone();
        let library = |library| Warning::Library { file: file.clone(), library, runtime: job.platform.runtime };
        let warnings = self.unpromised.into_iter().map(library).chain(withheld(job, &self.variables, environment));
        let artifact = Artifact {
            zip: self.zip,
            code_sha256: self.code_sha256,
            size: self.size,
            binary_sha256: self.binary_sha256,
            origin: self.origin,
        };
        fresh.then(|| (artifact, warnings.collect()))
    }

    /// Records a build that began at `began_ns`, by the file system's own clock, and adds the origin to its artifact.
    pub fn write(
        job: &Job,
        environment: &BuildEnvironment,
        made: &BuiltExecutable,
        began_ns: u64,
        (artifact, warnings): (&mut Artifact, &[Warning]),
    ) -> Result<(), PackageError> {
        let paths = dep_info(&made.dep_info());
        let sources =
            paths.as_ref().and_then(|paths| paths.iter().map(|p| FileStamp::of(p)).collect::<Option<Vec<_>>>());
        let vouched = sources.is_some() && made.tracked;
        let mut files = sources.unwrap_or_default();
        let manifests: BTreeSet<PathBuf> = files.iter().filter_map(|s| manifest_of(&s.path)).collect();
        let inputs = Inputs::collect(job, environment, &manifests, &made.variables);
        let settled =
            files.iter().all(|f| f.mtime_ns < began_ns) && inputs.as_ref().is_some_and(|i| i.newest_ns < began_ns);
        // A file that changed during the build may not be the one that was compiled.
        artifact.origin = paths.filter(|_| settled).map(|sources| {
            let files = BuildFiles { sources: &sources, manifests: &manifests };
            origin::of_build(job, made, &files, environment)
        });
        let dep_info = FileStamp::of(&made.dep_info());
        let zip = FileStamp::of(&artifact.zip);
        let complete = dep_info.is_some() && zip.is_some();
        let left = [Some(made.executable.clone()), dep_info].into_iter().filter(|_| !job.contested);
        files.extend(left.chain([zip]).flatten());
        let stamp = Self {
            builder: made.builder,
            fingerprint: inputs.filter(|_| vouched && settled && complete).map(|i| i.hash),
            manifests,
            variables: made.variables.clone(),
            files,
            unpromised: warnings.iter().filter_map(library_of).collect(),
            zip: artifact.zip.clone(),
            code_sha256: artifact.code_sha256.clone(),
            size: artifact.size,
            binary_sha256: artifact.binary_sha256.clone(),
            origin: artifact.origin.clone(),
        };
        let Ok(text) = serde_json::to_vec(&stamp) else {
            // A path that is not valid Unicode cannot be stored, so the next run starts cargo.
            return Ok(());
        };
        store::write(&job.workspace.store, &name(job), &text).map(drop)
    }
}

fn library_of(warning: &Warning) -> Option<String> {
    match warning {
        Warning::Library { library, .. } => Some(library.clone()),
        _ => None,
    }
}

/// Warns about variables that a build asked for and did not get: the binary may differ from the intended one.
pub(super) fn withheld(job: &Job, variables: &BTreeSet<String>, environment: &BuildEnvironment) -> Vec<Warning> {
    let names = variables.iter().filter(|name| environment.withholds(name));
    names.map(|name| Warning::Withheld { bin: job.bin.clone(), variable: name.clone() }).collect()
}

/// Returns the time by the clock of the store's file system, which can differ from the machine's and ticks more
/// coarsely.
pub(super) fn now_ns(directory: &Path) -> Result<u64, PackageError> {
    store::open(directory)?;
    let probe = store::write(directory, "began", b"")?;
    Ok(FileStamp::of(&probe).map_or(0, |seen| seen.mtime_ns))
}

/// Returns the stamp's file name: readable, and different for all binaries that may be built side by side.
fn name(job: &Job) -> String {
    let key = archive::hex_sha256(identity(job).as_bytes());
    format!("{}-{}.stamp", job.asked, &key[..12])
}

fn identity(job: &Job) -> String {
    format!(
        "{VERSION} {} {:?} {} {} {} {} {:?} {:?} {} {:?}",
        archive::FORMAT,
        job.workspace.directory,
        job.package,
        job.asked,
        job.or_only,
        job.profile,
        job.features,
        job.platform,
        job.layers,
        job.libraries
    )
}

/// All inputs but the sources that decide what cargo builds.
struct Inputs {
    hash: String,
    newest_ns: u64,
}

impl Inputs {
    /// Returns `None` if an existing file cannot be read.
    fn collect(
        job: &Job,
        environment: &BuildEnvironment,
        manifests: &BTreeSet<PathBuf>,
        variables: &BTreeSet<String>,
    ) -> Option<Self> {
        let mut inputs = Hasher::default();
        inputs.add(identity(job).as_bytes());
        for (name, value) in environment.changing_output() {
            inputs.add(name.as_encoded_bytes());
            inputs.add(value.as_encoded_bytes());
        }
        for name in variables {
            inputs.add(name.as_bytes());
            inputs.add(environment.get(name).unwrap_or_default().as_encoded_bytes());
        }
        for ancestor in job.workspace.directory.ancestors() {
            for name in LOOKED_FOR {
                inputs.content(&ancestor.join(name))?;
            }
        }
        if let Some(home) = environment.cargo_home() {
            inputs.content(&home.join("config.toml"))?;
            inputs.content(&home.join("config"))?;
        }
        // Adds the files that the configuration files include, and those files themselves once more.
        for file in Config::of(&job.workspace.directory, environment).paths() {
            inputs.content(file)?;
        }
        for manifest in manifests {
            inputs.content(manifest)?;
            // Cargo uses a build script merely because the file exists.
            inputs.add(&[u8::from(manifest.with_file_name("build.rs").exists())]);
            if job.or_only {
                inputs.binaries(manifest);
            }
        }
        inputs.toolchain(environment)?;
        Some(Self {
            hash: inputs.sha.finalize().iter().map(|b| format!("{b:02x}")).collect(),
            newest_ns: inputs.newest_ns,
        })
    }
}

#[derive(Default)]
struct Hasher {
    sha: Sha256,
    newest_ns: u64,
}

impl Hasher {
    /// Adds one field; its length separates it from its neighbours.
    fn add(&mut self, field: &[u8]) {
        self.sha.update((field.len() as u64).to_le_bytes());
        self.sha.update(field);
    }

    /// Adds a file's content, or the fact that it does not exist.
    fn content(&mut self, path: &Path) -> Option<()> {
        let Some(seen) = FileStamp::of(path) else {
            self.add(b"absent");
            return Some(());
        };
        self.newest_ns = self.newest_ns.max(seen.mtime_ns);
        self.add(path.as_os_str().as_encoded_bytes());
        self.add(&fs::read(path).ok()?);
        Some(())
    }

    /// Adds the files that cargo treats as a package's binaries, since a package with two has no only binary.
    fn binaries(&mut self, manifest: &Path) {
        self.add(&[u8::from(manifest.with_file_name("src").join("main.rs").exists())]);
        let listed = fs::read_dir(manifest.with_file_name("src").join("bin"));
        let mut names: Vec<_> = listed.into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        names.iter().for_each(|name| self.add(name.as_encoded_bytes()));
    }

    /// Adds data that distinguishes compilers without starting one: the files of every installed toolchain's rustc.
    fn toolchain(&mut self, environment: &BuildEnvironment) -> Option<()> {
        let on_path = environment.program("rustc");
        let mut compilers: Vec<PathBuf> = on_path.into_iter().collect();
        if let Some(home) = environment.rustup_home() {
            self.content(&home.join("settings.toml"))?;
            let installed = fs::read_dir(home.join("toolchains"));
            let mut installed: Vec<PathBuf> =
                installed.into_iter().flatten().flatten().map(|e| e.path().join("bin/rustc")).collect();
            installed.sort();
            compilers.append(&mut installed);
        }
        for compiler in compilers {
            let seen = fs::canonicalize(&compiler).ok().and_then(|p| FileStamp::of(&p));
            self.add(format!("{seen:?}").as_bytes());
        }
        Some(())
    }
}

/// Returns the manifest of the package that a source file belongs to.
fn manifest_of(source: &Path) -> Option<PathBuf> {
    source.ancestors().skip(1).map(|directory| directory.join("Cargo.toml")).find(|manifest| manifest.is_file())
}

/// Reads the paths after the first colon of a dep-info file; `None` if the file is missing or lists no source.
fn dep_info(path: &Path) -> Option<Vec<PathBuf>> {
    let text = fs::read_to_string(path).ok()?;
    let mut words = words(text.lines().next()?).into_iter();
    words.find(|word| word.ends_with(':'))?;
    let sources: Vec<PathBuf> = words.map(PathBuf::from).collect();
    (!sources.is_empty()).then_some(sources)
}

/// Splits a make rule at blanks without a preceding backslash.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&' ') => {
                chars.next();
                words.last_mut().into_iter().for_each(|w| w.push(' '));
            }
            ' ' => words.push(String::new()),
            c => words.last_mut().into_iter().for_each(|w| w.push(c)),
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dep_info_keeps_blanks_in_paths() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.d");
        fs::write(&file, "/t/my\\ bin: /s/a.rs /s/b\\ c.rs\n").unwrap();
        let paths = dep_info(&file).unwrap();
        assert_eq!(paths, [Path::new("/s/a.rs"), Path::new("/s/b c.rs")]);
        fs::write(&file, "/t/bin:\n").unwrap();
        assert_eq!(dep_info(&file), None, "no sources: cannot tell");
    }

    #[test]
    fn a_file_is_seen_anew_when_size_or_time_differ() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "1").unwrap();
        let seen = FileStamp::of(&path).unwrap();
        assert!(seen.holds());
        let file = fs::File::options().write(true).open(&path).unwrap();
        let time = file.metadata().unwrap().modified().unwrap();
        file.set_modified(time - std::time::Duration::from_secs(60)).unwrap();
        assert!(!seen.holds(), "older is different too");
        fs::write(&path, "12").unwrap();
        file.set_modified(time).unwrap();
        assert!(!seen.holds());
        assert!(FileStamp::of(dir.path()).is_none(), "a directory cannot be vouched for");
    }
}
