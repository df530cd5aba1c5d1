//! The order of work: up-to-date binaries are reused, the others are built, one package at a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::beside::Contents;
use super::cargo;
use super::config::Config;
use super::environment::BuildEnvironment;
use super::job::{Builder, BuiltExecutable, Job};
use super::libraries::Beside;
use super::members::{self, Members};
use super::run::CargoRun;
use super::stamp::{self, Stamp};
use super::workspace::Workspace;
use super::{
    Artifact, BuildEvent, BuildProgress, PackageError, Platform, Request, Runtime, Source, Warning, archive, elf,
    fetch, flags, origin, show, store,
};
use crate::origin::digest;

type ArtifactResult = Result<Artifact, PackageError>;
/// An artifact and the warnings about it.
type CheckedArtifact = Result<(Artifact, Vec<Warning>), PackageError>;

/// Packages every request, in order; one failure does not stop the others.
///
/// A binary depends only on its package, features, profile and target, never on what else is built or up to date.
/// Therefore each cargo invocation builds binaries of one package. Binaries that are up to date need no invocation.
pub async fn build_all(
    requests: Vec<Request>,
    environment: &BuildEnvironment,
    progress: &dyn BuildProgress,
) -> Vec<ArtifactResult> {
    let mut answers: BTreeMap<usize, ArtifactResult> = BTreeMap::new();
    let (mut jobs, mut filled) = (Vec::new(), BTreeMap::new());
    for (index, request) in requests.into_iter().enumerate() {
        let answer = match (Contents::of(&request, environment), &request.source) {
            (Err(error), _) => Err(error),
            (Ok(contents), Source::Cargo(_)) => match job(index, request, environment) {
                Ok(job) => {
                    jobs.push(Job { libraries: contents.libraries(), ..job });
                    filled.insert(index, contents);
                    continue;
                }
                Err(error) => Err(error),
            },
            (Ok(contents), _) => {
                let environment = environment.clone();
                off_thread(move || ready(&request, &contents, &environment)).await
            }
        };
        answers.insert(index, report_warnings(index, answer, progress));
    }
    mark_contested(&mut jobs);
    let mut configs = BTreeMap::new();
    let mut workspaces: BTreeMap<Workspace, Vec<(Builder, Job)>> = BTreeMap::new();
    for job in jobs {
        let read = || Config::of(&job.workspace.directory, environment);
        let config = configs.entry(job.workspace.clone()).or_insert_with(read);
        match start(&job, config, environment, progress) {
            Ok(BuildStart::Fresh(artifact, warnings)) => {
                progress.on(BuildEvent::Fresh { bin: &job.bin });
                answers.insert(job.index, report_warnings(job.index, Ok((*artifact, warnings)), progress));
            }
            Ok(BuildStart::Stale(builder)) => workspaces.entry(job.workspace.clone()).or_default().push((builder, job)),
            Err(error) => {
                answers.insert(job.index, Err(error));
            }
        }
    }
    for waiting in workspaces.into_values() {
        answers.extend(build_workspace(waiting, environment, progress).await);
    }
    join_files(filled, &mut answers).await;
    answers.into_values().collect()
}

/// Adds the files of each request to the zip of its binary.
async fn join_files(filled: BTreeMap<usize, Contents>, answers: &mut BTreeMap<usize, ArtifactResult>) {
    for (index, contents) in filled.into_iter().filter(|(_, contents)| !contents.is_plain()) {
        if let Some(Ok(plain)) = answers.get(&index) {
            let plain = plain.clone();
            let joined = off_thread(move || Ok((contents.join(plain)?, Vec::new()))).await;
            answers.insert(index, joined.map(|(artifact, _)| artifact));
        }
    }
}

/// Reports the warnings about an artifact.
fn report_warnings(index: usize, answer: CheckedArtifact, progress: &dyn BuildProgress) -> ArtifactResult {
    let (artifact, warnings) = answer?;
    for warning in &warnings {
        progress.on(BuildEvent::Warning { request: index, warning });
    }
    Ok(artifact)
}

pub(super) fn job(index: usize, request: Request, environment: &BuildEnvironment) -> Result<Job, PackageError> {
    let Request { root, source: Source::Cargo(wanted), platform, layers, .. } = request else {
        return Err(PackageError::NotCompiled { runtime: request.platform.runtime });
    };
    check_runtime(platform)?;
    let workspace = Workspace::around(&root, environment)?;
    let profile = wanted.profile.unwrap_or_else(|| workspace.default_profile.to_owned());
    let features = wanted.features.into_iter().collect();
    let (package, bin, or_only) = (wanted.package, wanted.bin, wanted.or_only);
    let asked = bin.clone();
    let libraries = Vec::new();
    Ok(Job {
        index,
        workspace,
        package,
        bin,
        asked,
        or_only,
        profile,
        features,
        platform,
        layers,
        libraries,
        contested: false,
    })
}

enum BuildStart {
    Fresh(Box<Artifact>, Vec<Warning>),
    Stale(Builder),
}

/// Reuses the result of an earlier build if it is up to date; otherwise chooses the builder.
fn start(
    job: &Job,
    config: &Config,
    environment: &BuildEnvironment,
    progress: &dyn BuildProgress,
) -> Result<BuildStart, PackageError> {
    let stamp = Stamp::read(job);
    let cross = Builder::cross(environment);
    let architecture = job.platform.architecture;
    let builder = match (architecture.is_native(), cross) {
        // If the host's glibc was too new for the runtime in the last build, it still is.
        (true, Some(cross)) if stamp.as_ref().is_some_and(|s| s.builder != Builder::Cargo) => cross,
        (true, _) => Builder::Cargo,
        (false, Some(cross)) => cross,
        (false, None) => {
            return Err(PackageError::NoCrossCompiler { host: members::host(), wanted: architecture });
        }
    };
    for warning in flags::check(job, builder, config, environment)? {
        progress.on(BuildEvent::Warning { request: job.index, warning: &warning });
    }
    Ok(match stamp.and_then(|s| s.fresh(job, environment)) {
        Some((artifact, warnings)) => BuildStart::Fresh(Box::new(artifact), warnings),
        None => BuildStart::Stale(builder),
    })
}

/// Fails for runtimes that cannot start a compiled executable.
fn check_runtime(platform: Platform) -> Result<(), PackageError> {
    match platform.runtime {
        Runtime::Managed => Err(PackageError::NotCompiled { runtime: platform.runtime }),
        Runtime::ProvidedAl2023 | Runtime::ProvidedAl2 => Ok(()),
    }
}

fn ready(request: &Request, contents: &Contents, environment: &BuildEnvironment) -> CheckedArtifact {
    match &request.source {
        Source::Zip(path) => ready_zip(request.root.join(path), request),
        Source::Binary(path) => {
            let (artifact, warnings) = ready_binary(&request.root.join(path), request, contents, environment)?;
            Ok((if contents.is_plain() { artifact } else { contents.join(artifact)? }, warnings))
        }
        Source::Directory(path) => {
            let packed = contents.pack()?;
            let sound = archive::check(&request.root.join(path), &packed.bytes()?, request.platform, request.layers)?;
            let binary_sha256 = sound.bootstrap.map_or(packed.binary_sha256, |binary| archive::hex_sha256(&binary));
            Ok((Artifact { binary_sha256, ..packed }, sound.warnings))
        }
        Source::Cargo(_) => Err(PackageError::NotCompiled { runtime: request.platform.runtime }),
    }
}

fn ready_zip(path: PathBuf, request: &Request) -> CheckedArtifact {
    let zip = std::fs::read(&path).map_err(|e| PackageError::io(&path, &e))?;
    let sound = archive::check(&path, &zip, request.platform, request.layers)?;
    let artifact = Artifact {
        code_sha256: archive::code_sha256(&zip),
        size: zip.len() as u64,
        binary_sha256: archive::hex_sha256(sound.bootstrap.as_deref().unwrap_or(&zip)),
        origin: archive::entries(&zip).map(origin::of_zip),
        zip: path,
    };
    Ok((artifact, sound.warnings))
}

fn ready_binary(
    path: &Path,
    request: &Request,
    contents: &Contents,
    environment: &BuildEnvironment,
) -> CheckedArtifact {
    let Request { root, platform, layers, .. } = request;
    check_runtime(*platform)?;
    let binary = std::fs::read(path).map_err(|e| PackageError::io(path, &e))?;
    let files = contents.libraries();
    let warnings = elf::check(&show(path), &binary, *platform, Beside { layers: *layers, files: &files })?;
    let store =
        Workspace::around(root, environment).map_or_else(|_| store::below(&root.join(".deployer")), |w| w.store);
    let artifact = store::zip(&store, &show(path), &binary)?;
    let origin = Some(origin::of_file(root, path, &digest(&binary)));
    Ok((Artifact { origin, ..artifact }, warnings))
}

/// Builds the stale binaries of one workspace, one package at a time.
async fn build_workspace(
    waiting: Vec<(Builder, Job)>,
    environment: &BuildEnvironment,
    progress: &dyn BuildProgress,
) -> BTreeMap<usize, ArtifactResult> {
    let Some((_, first)) = waiting.first() else {
        return BTreeMap::new();
    };
    let members = match Members::of(&first.workspace, environment).await {
        Ok(members) => members,
        Err(error) => return waiting.iter().map(|(_, job)| (job.index, Err(error.clone()))).collect(),
    };
    if environment.is_ci() && !members.lock().is_file() {
        let warning = Warning::NoLock { lock: show(&members.lock()) };
        progress.on(BuildEvent::Warning { request: first.index, warning: &warning });
    }
    let mut answers = BTreeMap::new();
    let (mut builders, mut known) = (Vec::new(), Vec::new());
    for (builder, mut job) in waiting {
        members.settle(&mut job);
        match members::unknown(&job, &members) {
            Some(error) => {
                answers.insert(job.index, Err(error));
            }
            None => {
                builders.push(builder);
                known.push(job);
            }
        }
    }
    // Checks again, because the only binaries of two packages may have the same name.
    mark_contested(&mut known);
    let known: Vec<(Builder, Job)> = builders.into_iter().zip(known).collect();
    let unfetched = match fetch::before(&known, &members, environment, progress).await {
        Ok(unfetched) => unfetched,
        Err(error) => return known.iter().map(|(_, job)| (job.index, Err(error.clone()))).collect(),
    };
    let site = Site { members: &members, unfetched, environment, progress };
    for (builder, batch) in batches(known) {
        answers.extend(site.build_batch(builder, batch).await);
    }
    answers
}

/// Groups jobs so that each group is one cargo invocation: binaries of one package with the same features.
fn batches(waiting: Vec<(Builder, Job)>) -> Vec<(Builder, Vec<Job>)> {
    let mut batches: Vec<(Builder, Vec<Job>)> = Vec::new();
    for (builder, job) in waiting {
        let fits = |(other, jobs): &&mut (Builder, Vec<Job>)| {
            *other == builder && jobs.iter().all(|placed| go_together(builder, placed, &job))
        };
        match batches.iter_mut().find(fits) {
            Some((_, jobs)) => jobs.push(job),
            None => batches.push((builder, vec![job])),
        }
    }
    batches
}

fn go_together(builder: Builder, a: &Job, b: &Job) -> bool {
    a.package == b.package
        && a.features == b.features
        && a.profile == b.profile
        && a.platform.architecture == b.platform.architecture
        && (builder == Builder::Cargo || a.platform == b.platform)
}

/// Marks the jobs whose executable another job of the run writes to the same file.
fn mark_contested(jobs: &mut [Job]) {
    let same_file = |a: &Job, b: &Job| {
        a.bin == b.bin
            && a.workspace == b.workspace
            && a.profile == b.profile
            && a.platform.architecture == b.platform.architecture
            && (&a.package, &a.features, a.platform) != (&b.package, &b.features, b.platform)
    };
    let contested: Vec<bool> = jobs.iter().map(|job| jobs.iter().any(|other| same_file(job, other))).collect();
    for (job, contested) in jobs.iter_mut().zip(contested) {
        job.contested |= contested;
    }
}

/// The workspace and environment in which groups are built.
struct Site<'a> {
    members: &'a Members,
    /// Cargo's output when it could not download packages.
    unfetched: Option<String>,
    environment: &'a BuildEnvironment,
    progress: &'a dyn BuildProgress,
}

impl Site<'_> {
    /// Builds one group. Jobs for whose runtime the host's glibc is too new are built again with a cross compiler.
    async fn build_batch(&self, builder: Builder, jobs: Vec<Job>) -> BTreeMap<usize, ArtifactResult> {
        let mut answers = self.invoke(builder, &jobs).await;
        let Some(cross) = Builder::cross(self.environment).filter(|_| builder == Builder::Cargo) else {
            return answers;
        };
        let too_new = |job: &Job| matches!(answers.get(&job.index), Some(Err(PackageError::Glibc { .. })));
        let again = jobs.into_iter().filter(too_new).map(|job| (cross, job)).collect();
        for (builder, jobs) in batches(again) {
            answers.extend(self.invoke(builder, &jobs).await);
        }
        answers
    }

    async fn invoke(&self, builder: Builder, jobs: &[Job]) -> BTreeMap<usize, ArtifactResult> {
        let (began_ns, run) = match self.run(builder, jobs).await {
            Ok(begun) => begun,
            Err(error) => return jobs.iter().map(|job| (job.index, Err(error.clone()))).collect(),
        };
        let mut answers = BTreeMap::new();
        for job in jobs {
            let answer = match run.find_executable(job, builder) {
                Some(made) => {
                    let done = finish(job.clone(), made, began_ns, self.environment.clone()).await;
                    report_warnings(job.index, done, self.progress)
                }
                None => Err(self.why_not_made(job, jobs, &run)),
            };
            answers.insert(job.index, answer);
        }
        answers
    }

    async fn run(&self, builder: Builder, jobs: &[Job]) -> Result<(u64, CargoRun), PackageError> {
        let store = jobs.first().map_or_else(PathBuf::new, |job| job.workspace.store.clone());
        let began_ns = stamp::now_ns(&store)?;
        let run = cargo::build(jobs, builder, self.members, self.environment, self.progress).await?;
        Ok((began_ns, run))
    }

    fn why_not_made(&self, job: &Job, jobs: &[Job], run: &CargoRun) -> PackageError {
        if run.success {
            return PackageError::NoExecutable { bin: job.bin.clone() };
        }
        if run.lock_is_outdated() {
            return PackageError::LockOutdated { lock: show(&self.members.lock()) };
        }
        let bins = jobs.iter().map(|job| job.bin.clone()).collect();
        let said: Vec<&str> = self.unfetched.as_deref().into_iter().chain([run.output.as_str()]).collect();
        let output = said.join("\n");
        PackageError::BuildFailed { bins, withheld: self.environment.withheld_in(&output), output }
    }
}

/// Checks and packs an executable, and stamps the build.
async fn finish(job: Job, made: BuiltExecutable, began_ns: u64, environment: BuildEnvironment) -> CheckedArtifact {
    off_thread(move || {
        let file = show(&made.path);
        let binary = std::fs::read(&made.path).map_err(|e| PackageError::io(&made.path, &e))?;
        let beside = Beside { layers: job.layers, files: &job.libraries };
        let checked = elf::check(&file, &binary, job.platform, beside);
        let mut warnings = checked.map_err(|error| error.of_build(made.builder != Builder::Cargo))?;
        let mut artifact = store::zip(&job.workspace.store, &file, &binary)?;
        Stamp::write(&job, &environment, &made, began_ns, (&mut artifact, &warnings))?;
        warnings.extend(stamp::withheld(&job, &made.variables, &environment));
        Ok((artifact, warnings))
    })
    .await
}

/// Runs blocking work on a thread where it does not delay other tasks.
async fn off_thread(work: impl FnOnce() -> CheckedArtifact + Send + 'static) -> CheckedArtifact {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(PackageError::Io { path: "packaging".to_owned(), message: e.to_string() }))
}
