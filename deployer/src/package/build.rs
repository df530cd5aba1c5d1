//! The order of work: what is fresh is taken, what is not is built in as few cargo invocations as possible.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::cargo::{self, Builder, Made};
use super::environment::Environment;
use super::stamp::{self, Stamp};
use super::workspace::Workspace;
use super::{
    Artifact, CargoBin, Event, PackageError, Platform, Progress, Request, Runtime, Source, archive, elf, names, show,
    store,
};

/// A binary that a request needs from cargo.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Which of the requests it answers.
    pub index: usize,
    pub workspace: Workspace,
    pub package: String,
    pub bin: String,
    pub profile: String,
    pub features: BTreeSet<String>,
    pub platform: Platform,
}

type Answer = Result<Artifact, PackageError>;

/// Packages every request, in order; one failure does not stop the others.
///
/// All cargo binaries of one workspace, profile and target are built by one cargo invocation; those that are up to date
/// need none.
pub async fn build_all(requests: Vec<Request>, environment: &Environment, progress: &dyn Progress) -> Vec<Answer> {
    let mut answers: Vec<Option<Answer>> = Vec::new();
    let mut waiting: Vec<(Builder, Job)> = Vec::new();
    for (index, request) in requests.into_iter().enumerate() {
        let Request { root, source, platform } = request;
        let answer = match source {
            Source::Cargo(wanted) => match start(index, &root, wanted, platform, environment) {
                Ok(Begun::Fresh(bin, artifact)) => {
                    progress.on(Event::Fresh { bin: &bin });
                    Some(Ok(artifact))
                }
                Ok(Begun::Stale(builder, job)) => {
                    waiting.push((builder, job));
                    None
                }
                Err(error) => Some(Err(error)),
            },
            Source::Zip(path) => {
                let path = root.join(path);
                Some(off_thread(move || ready_zip(path, platform)).await)
            }
            Source::Binary(path) => {
                let environment = environment.clone();
                Some(off_thread(move || ready_binary(&root, &path, platform, &environment)).await)
            }
        };
        answers.push(answer);
    }
    for (builder, batch) in batches(waiting) {
        for (index, answer) in build_batch(builder, batch, environment, progress).await {
            answers[index] = Some(answer);
        }
    }
    answers.into_iter().flatten().collect()
}

enum Begun {
    Fresh(String, Artifact),
    Stale(Builder, Job),
}

/// Takes what an earlier build left, if that is up to date; else decides what will build.
fn start(
    index: usize,
    root: &Path,
    wanted: CargoBin,
    platform: Platform,
    environment: &Environment,
) -> Result<Begun, PackageError> {
    compiled(platform)?;
    let workspace = Workspace::around(root, environment)?;
    let profile = wanted.profile.unwrap_or_else(|| workspace.default_profile.to_owned());
    let features: BTreeSet<String> = wanted.features.into_iter().collect();
    let (package, bin) = (wanted.package, wanted.bin);
    let job = Job { index, workspace, package, bin, profile, features, platform };
    let stamp = Stamp::read(&job);
    let earlier = stamp.as_ref().map(|s| s.builder);
    if let Some(artifact) = stamp.and_then(|s| s.fresh(&job, environment)) {
        return Ok(Begun::Fresh(job.bin, artifact));
    }
    let cross = Builder::cross(environment);
    let builder = match (platform.architecture.is_native(), cross) {
        // A host whose glibc was too new the last time still has it.
        (true, Some(cross)) if earlier.is_some_and(|e| e != Builder::Cargo) => cross,
        (true, _) => Builder::Cargo,
        (false, Some(cross)) => cross,
        (false, None) => {
            return Err(PackageError::NoCrossCompiler { host: names::host(), wanted: platform.architecture });
        }
    };
    Ok(Begun::Stale(builder, job))
}

/// Fails for runtimes that start no compiled executable.
fn compiled(platform: Platform) -> Result<(), PackageError> {
    match platform.runtime {
        Runtime::Managed => Err(PackageError::NotCompiled { runtime: platform.runtime }),
        Runtime::ProvidedAl2023 | Runtime::ProvidedAl2 => Ok(()),
    }
}

fn ready_zip(path: PathBuf, platform: Platform) -> Answer {
    let zip = std::fs::read(&path).map_err(|e| PackageError::io(&path, &e))?;
    let bootstrap = archive::check(&path, &zip, platform)?;
    Ok(Artifact {
        code_sha256: archive::code_sha256(&zip),
        size: zip.len() as u64,
        binary_sha256: archive::hex_sha256(bootstrap.as_deref().unwrap_or(&zip)),
        zip: path,
    })
}

fn ready_binary(root: &Path, path: &Path, platform: Platform, environment: &Environment) -> Answer {
    compiled(platform)?;
    let path = root.join(path);
    let binary = std::fs::read(&path).map_err(|e| PackageError::io(&path, &e))?;
    elf::check(&show(&path), &binary, platform)?;
    let store =
        Workspace::around(root, environment).map_or_else(|_| store::below(&root.join(".deployer")), |w| w.store);
    store::zip(&store, &show(&path), &binary)
}

/// Groups jobs so that each group is one cargo invocation. Jobs that would disturb each other in one (two feature sets of
/// a package, two packages with a binary of the same name) go to different groups.
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
    a.workspace == b.workspace
        && a.profile == b.profile
        && a.platform.architecture == b.platform.architecture
        && (builder == Builder::Cargo || a.platform == b.platform)
        && (a.package != b.package || a.features == b.features)
        && (a.bin != b.bin || a.package == b.package)
}

/// Builds one group; again with a cross compiler where the host's glibc is too new for the runtime.
async fn build_batch(
    builder: Builder,
    jobs: Vec<Job>,
    environment: &Environment,
    progress: &dyn Progress,
) -> BTreeMap<usize, Answer> {
    let mut answers = invoke(builder, &jobs, environment, progress).await;
    let Some(cross) = Builder::cross(environment).filter(|_| builder == Builder::Cargo) else {
        return answers;
    };
    let too_new = |job: &Job| matches!(answers.get(&job.index), Some(Err(PackageError::Glibc { .. })));
    let again = jobs.into_iter().filter(too_new).map(|job| (cross, job)).collect();
    for (builder, jobs) in batches(again) {
        answers.extend(invoke(builder, &jobs, environment, progress).await);
    }
    answers
}

/// Runs cargo for one group. If a package or binary does not exist, cargo builds nothing: those jobs get that error, and
/// the others are built without them.
async fn invoke(
    builder: Builder,
    jobs: &[Job],
    environment: &Environment,
    progress: &dyn Progress,
) -> BTreeMap<usize, Answer> {
    let mut answers = BTreeMap::new();
    let mut jobs = jobs.to_vec();
    loop {
        let (began_ns, run) = match run(builder, &jobs, environment, progress).await {
            Ok(begun) => begun,
            Err(error) => {
                answers.extend(jobs.iter().map(|job| (job.index, Err(error.clone()))));
                return answers;
            }
        };
        if !run.success {
            let unknown = unknown_names(&jobs, environment).await;
            if !unknown.is_empty() {
                jobs.retain(|job| !unknown.contains_key(&job.index));
                answers.extend(unknown.into_iter().map(|(index, error)| (index, Err(error))));
                if jobs.is_empty() {
                    return answers;
                }
                continue;
            }
        }
        for job in &jobs {
            let answer = match run.made(job, builder) {
                Some(made) => finish(job.clone(), made, began_ns, environment.clone()).await,
                None if run.success => Err(PackageError::NoExecutable { bin: job.bin.clone() }),
                None => Err(PackageError::BuildFailed {
                    bins: jobs.iter().map(|j| j.bin.clone()).collect(),
                    output: run.output.clone(),
                }),
            };
            answers.insert(job.index, answer);
        }
        return answers;
    }
}

async fn run(
    builder: Builder,
    jobs: &[Job],
    environment: &Environment,
    progress: &dyn Progress,
) -> Result<(u64, cargo::Run), PackageError> {
    let store = jobs.first().map_or_else(PathBuf::new, |job| job.workspace.store.clone());
    let began_ns = stamp::now_ns(&store)?;
    let run = cargo::build(jobs, builder, environment, progress).await?;
    Ok((began_ns, run))
}

async fn unknown_names(jobs: &[Job], environment: &Environment) -> BTreeMap<usize, PackageError> {
    let Some(first) = jobs.first() else {
        return BTreeMap::new();
    };
    let packages = names::of_workspace(first, environment).await.unwrap_or_default();
    if packages.is_empty() {
        return BTreeMap::new();
    }
    let unknown = |job: &Job| names::unknown(job, &packages).map(|error| (job.index, error));
    jobs.iter().filter_map(unknown).collect()
}

/// Checks and packs an executable, and stamps the build.
async fn finish(job: Job, made: Made, began_ns: u64, environment: Environment) -> Answer {
    off_thread(move || {
        let file = show(&made.path);
        let binary = std::fs::read(&made.path).map_err(|e| PackageError::io(&made.path, &e))?;
        elf::check(&file, &binary, job.platform)?;
        let artifact = store::zip(&job.workspace.store, &file, &binary)?;
        Stamp::write(&job, &environment, &made, began_ns, &artifact)?;
        Ok(artifact)
    })
    .await
}

/// Runs blocking work where it does not hold up the other tasks.
async fn off_thread(work: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(PackageError::Io { path: "packaging".to_owned(), message: e.to_string() }))
}
