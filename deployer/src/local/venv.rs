//! The emulator's virtual environment.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::LocalError;

/// Every package with version and hash, so that exactly the reviewed packages are installed.
const REQUIREMENTS: &str = include_str!("requirements.txt");
const MINISTACK_VERSION: &str = "1.5.33";
const WANTED_PYTHON: (u32, u32) = (3, 10);
const WANTED_PYTHON_TEXT: &str = "3.10";
/// Names of Python, tried in order: on some systems the plain name is an old version.
const PYTHONS: &[&str] = &["python3", "python3.13", "python3.12", "python3.11", "python3.10"];
/// Prints the version, then the first missing module that `python -m venv` needs.
const ASK_PYTHON: &str = "\
import sys
print('%d.%d' % sys.version_info[:2])
for name in ('venv', 'ensurepip'):
    try: __import__(name)
    except ImportError: print(name); break";

/// Returns the default directory of the environment: in the user's cache, so that every clone of every project shares
/// it. Without a home directory it lies in `fallback`. The name changes with the requirements.
pub(super) fn default_directory(fallback: &Path) -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.or_else(|| env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".cache")));
    cache.map_or_else(|| fallback.to_owned(), |cache| cache.join("deployer")).join(directory_name())
}

fn directory_name() -> String {
    let digest = Sha256::digest(REQUIREMENTS.as_bytes());
    let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("ministack-{MINISTACK_VERSION}-{short}")
}

/// Installs the environment unless it is complete, and returns its Python. The caller keeps others from doing so at the
/// same time.
///
/// Reports progress only when it installs, which takes about ten seconds and needs the package index. `Err` when Python
/// is missing, too old or without its `venv` module, or when pip fails.
pub(super) async fn ensure(directory: &Path, progress: &dyn Fn(&str)) -> Result<PathBuf, LocalError> {
    let python = directory.join("bin/python");
    let complete = directory.join(".complete");
    if fs::read_to_string(&complete).is_ok_and(|text| text == REQUIREMENTS) && python.exists() {
        return Ok(python);
    }
    let base = find_python().await?;
    progress(&format!("installing ministack {MINISTACK_VERSION} into {}", directory.display()));
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(LocalError::io("replace", directory))?;
    }
    fs::create_dir_all(directory).map_err(LocalError::io("create", directory))?;
    let requirements = directory.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS).map_err(LocalError::io("write", &requirements))?;

    let mut create = Command::new(&base);
    create.args(["-I", "-m", "venv"]).arg(directory);
    step("creating the virtual environment", directory, create).await?;
    let mut install = Command::new(&python);
    install
        .args(["-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--require-hashes", "--only-binary=:all:", "--requirement"])
        .arg(&requirements);
    step("pip install", directory, install).await?;

    fs::write(&complete, REQUIREMENTS).map_err(LocalError::io("write", &complete))?;
    Ok(python)
}

async fn step(step: &'static str, directory: &Path, command: Command) -> Result<(), LocalError> {
    let output = run(command).await?;
    if output.status.success() {
        return Ok(());
    }
    let text =
        [&output.stdout[..], &output.stderr[..]].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    Err(LocalError::Install { step, directory: directory.to_owned(), output: text.trim().to_owned() })
}

async fn run(mut command: Command) -> Result<Output, LocalError> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).kill_on_drop(true).output().await.map_err(|source| LocalError::Run { program, source })
}

async fn find_python() -> Result<String, LocalError> {
    let mut first_failure = None;
    for name in PYTHONS {
        let mut ask = Command::new(name);
        ask.args(["-I", "-c", ASK_PYTHON]);
        let Ok(output) = run(ask).await else { continue };
        match judge_python(name, &String::from_utf8_lossy(&output.stdout)) {
            Ok(()) => return Ok((*name).to_owned()),
            Err(error) => {
                first_failure.get_or_insert(error);
            }
        }
    }
    Err(first_failure.unwrap_or(LocalError::NoPython { wanted: WANTED_PYTHON_TEXT }))
}

/// Checks the output of [`ASK_PYTHON`].
fn judge_python(name: &str, answer: &str) -> Result<(), LocalError> {
    let mut lines = answer.lines();
    let found = lines.next().unwrap_or("of an unknown version");
    let version = found.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    if version.is_none_or(|version: (u32, u32)| version < WANTED_PYTHON) {
        return Err(LocalError::OldPython {
            wanted: WANTED_PYTHON_TEXT,
            python: name.to_owned(),
            found: found.to_owned(),
        });
    }
    match lines.next() {
        Some(module) => Err(LocalError::NoVenvModule { python: name.to_owned(), module: module.to_owned() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned_by_version_and_hash() {
        let logical = REQUIREMENTS.replace("\\\n", " ");
        let requirements: Vec<&str> = logical.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(requirements.len() > 10);
        for requirement in requirements {
            assert!(requirement.contains("==") && requirement.contains("--hash=sha256:"), "{requirement}");
        }
        assert!(REQUIREMENTS.contains(&format!("\nministack=={MINISTACK_VERSION} ")));
        assert!(REQUIREMENTS.contains("\ncbor2=="));
    }

    #[test]
    fn a_python_is_judged_by_version_and_modules() {
        assert!(judge_python("python3", "3.10\n").is_ok());
        assert!(matches!(judge_python("python3", "3.9\n"), Err(LocalError::OldPython { found, .. }) if found == "3.9"));
        assert!(matches!(judge_python("python3", ""), Err(LocalError::OldPython { .. })));
        let missing = judge_python("python3", "3.12\nensurepip\n").unwrap_err();
        assert!(missing.to_string().contains("`ensurepip`") && missing.help().contains("python3-venv"), "{missing}");
    }
}
