//! Packaging with the real cargo: what is built when, what the zip holds, and what is said when it fails.

use std::fs;
use std::io::{Cursor, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use deployer::package::{
    Architecture, Artifact, CargoBin, Environment, Event, PackageError, Platform, Progress, Request, Runtime, Source,
    build_all,
};
use zip::write::SimpleFileOptions;

/// A cargo workspace in a directory of its own, and a cargo that counts how often it is started.
struct Project {
    dir: tempfile::TempDir,
    environment: Environment,
}

impl Project {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // The outer cargo's target directory and flags are not this project's.
        let real = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let counting = dir.path().join("cargo-counting");
        let script =
            format!("#!/bin/sh\necho \"$@\" >> '{}'\nexec '{real}' \"$@\"\n", dir.path().join("starts").display());
        fs::write(&counting, script).unwrap();
        fs::set_permissions(&counting, fs::Permissions::from_mode(0o755)).unwrap();
        let environment = Environment::of_process()
            .with("CARGO", &counting)
            .with("CARGO_TARGET_DIR", dir.path().join("target"))
            .with("RUSTFLAGS", "")
            .with("CARGO_NET_OFFLINE", "true");
        let project = Self { dir, environment };
        project.write(
            "Cargo.toml",
            "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[features]\nloud = []\n\n\
             [workspace]\n\n[profile.lambda]\ninherits = \"dev\"\n",
        );
        project.write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"tiny\"\nversion = \"0.1.0\"\n");
        project.write("src/lib.rs", "pub const WORD: &str = \"one\";\n");
        for bin in ["hello", "other"] {
            project.write(
                &format!("src/bin/{bin}.rs"),
                "fn main() { println!(\"{} {:?}\", tiny::WORD, option_env!(\"TINY_STAGE\")); }\n",
            );
        }
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file as if a while ago, so that a build that begins now is newer by any clock.
    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let before = fs::metadata(&path).and_then(|m| m.modified()).ok();
        fs::write(&path, text).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        let then = before.map_or(written - Duration::from_secs(3600), |before| before + Duration::from_secs(1));
        file.set_modified(then).unwrap();
    }

    /// Edits a file just now: newer than all that was built so far.
    fn edit(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn request(&self, bin: &str) -> Request {
        self.request_for(Source::Cargo(CargoBin {
            package: "tiny".to_owned(),
            bin: bin.to_owned(),
            profile: None,
            features: Vec::new(),
        }))
    }

    fn request_for(&self, source: Source) -> Request {
        Request { root: self.dir.path().to_owned(), source, platform: platform() }
    }

    async fn build(&self, requests: Vec<Request>) -> Vec<Result<Artifact, PackageError>> {
        build_all(requests, &self.environment, &()).await
    }

    async fn hello(&self) -> Artifact {
        let mut answers = self.build(vec![self.request("hello")]).await;
        answers.remove(0).unwrap()
    }

    async fn error_of(&self, request: Request) -> PackageError {
        self.build(vec![request]).await.remove(0).unwrap_err()
    }

    fn starts(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("starts")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

fn platform() -> Platform {
    Platform { architecture: Architecture::host().unwrap(), runtime: Runtime::ProvidedAl2023 }
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn on(&self, event: Event<'_>) {
        let word = match event {
            Event::Fresh { bin } => format!("fresh {bin}"),
            Event::Building { bins } => format!("building {}", bins.join(" ")),
            Event::Output { .. } => return,
            Event::Built { success, .. } => format!("built {success}"),
        };
        self.0.lock().unwrap().push(word);
    }
}

#[tokio::test]
async fn two_functions_are_built_by_one_cargo_and_the_second_run_starts_none() {
    let project = Project::new();
    let requests = vec![project.request("hello"), project.request("other")];
    let heard = Heard::default();
    let first = build_all(requests.clone(), &project.environment, &heard).await;
    let second = build_all(requests, &project.environment, &heard).await;
    assert_eq!(project.starts().len(), 1, "{:?}", project.starts());
    assert!(project.starts()[0].contains("--profile lambda"));
    assert_eq!(*heard.0.lock().unwrap(), ["building hello other", "built true", "fresh hello", "fresh other"]);
    for (first, second) in first.into_iter().zip(second) {
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first, second);
        let bytes = second.bytes().unwrap();
        assert_eq!(bytes.len() as u64, second.size);
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let bootstrap = zip.by_name("bootstrap").unwrap();
        assert_eq!(bootstrap.unix_mode(), Some(0o100_755));
    }
}

#[tokio::test]
async fn an_edit_gives_a_new_hash_and_undoing_it_the_first_one() {
    let project = Project::new();
    let first = project.hello().await;
    project.edit("src/lib.rs", "pub const WORD: &str = \"two\";\n");
    let edited = project.hello().await;
    assert_ne!(edited.code_sha256, first.code_sha256);
    assert_ne!(edited.binary_sha256, first.binary_sha256);
    project.edit("src/lib.rs", "pub const WORD: &str = \"one\";\n");
    assert_eq!(project.hello().await, first);
    assert_eq!(project.starts().len(), 3);
}

#[tokio::test]
async fn a_touched_file_starts_cargo_and_keeps_the_hash() {
    let project = Project::new();
    let first = project.hello().await;
    let text = fs::read_to_string(project.path("src/lib.rs")).unwrap();
    project.write("src/lib.rs", &text);
    assert_eq!(project.hello().await.code_sha256, first.code_sha256);
    assert_eq!(project.starts().len(), 2);
    project.hello().await;
    assert_eq!(project.starts().len(), 2, "vouched for again");
}

/// A file that changed while cargo ran may or may not be in the binary.
#[tokio::test]
async fn a_file_newer_than_the_build_is_never_vouched_for() {
    let project = Project::new();
    let file = fs::File::options().write(true).open(project.path("src/lib.rs")).unwrap();
    let soon = file.metadata().unwrap().modified().unwrap() + Duration::from_secs(7200);
    file.set_modified(soon).unwrap();
    project.hello().await;
    project.hello().await;
    assert_eq!(project.starts().len(), 2);
}

#[tokio::test]
async fn everything_else_that_cargo_looks_at_starts_it_again() {
    let mut project = Project::new();
    let first = project.hello().await;
    let manifest = fs::read_to_string(project.path("Cargo.toml")).unwrap();
    let mut starts = 1;
    let mut changed = async |project: &Project, what: &str| {
        project.hello().await;
        starts += 1;
        assert_eq!(project.starts().len(), starts, "{what} changed");
        project.hello().await;
        assert_eq!(project.starts().len(), starts, "{what} stayed");
    };
    project.write("Cargo.toml", &format!("{manifest}opt-level = 1\n"));
    changed(&project, "the profile").await;
    project.write("Cargo.lock", &format!("# edited\n{}", fs::read_to_string(project.path("Cargo.lock")).unwrap()));
    changed(&project, "Cargo.lock").await;
    project.write(".cargo/config.toml", "[build]\nincremental = false\n");
    changed(&project, ".cargo/config.toml").await;
    project.environment = project.environment.clone().with("RUSTFLAGS", "-C debuginfo=0");
    changed(&project, "RUSTFLAGS").await;
    project.environment = project.environment.clone().with("TINY_STAGE", "prod");
    changed(&project, "a variable that the source reads").await;
    fs::remove_file(project.path("target/lambda/hello")).unwrap();
    changed(&project, "a deleted binary").await;
    fs::remove_file(&project.hello().await.zip).unwrap();
    changed(&project, "a deleted zip").await;
    assert_ne!(project.hello().await.code_sha256, first.code_sha256);
}

#[tokio::test]
async fn a_build_script_without_rules_is_left_to_cargo() {
    let project = Project::new();
    project.hello().await;
    project.write("build.rs", "fn main() {}\n");
    project.hello().await;
    project.hello().await;
    assert_eq!(project.starts().len(), 3, "cargo watches the whole package");
    project.write("build.rs", "fn main() { println!(\"cargo::rerun-if-changed=build.rs\"); }\n");
    project.hello().await;
    let settled = project.starts().len();
    project.hello().await;
    assert_eq!(project.starts().len(), settled, "a rule can be relied on");
}

#[tokio::test]
async fn two_feature_sets_of_one_package_do_not_mix() {
    let project = Project::new();
    let mut loud = project.request("other");
    if let Source::Cargo(bin) = &mut loud.source {
        bin.features = vec!["loud".to_owned()];
    }
    let answers = project.build(vec![project.request("hello"), loud]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let starts = project.starts();
    assert_eq!(starts.len(), 2);
    assert!(!starts[0].contains("tiny/loud") && starts[1].contains("tiny/loud"));
}

#[tokio::test]
async fn a_compile_error_is_shown_in_rustcs_own_words() {
    let project = Project::new();
    project.write("src/lib.rs", "pub const WORD: &str = 1;\n");
    let error = project.error_of(project.request("hello")).await;
    assert_eq!(error.code(), "package::build-failed");
    let text = error.to_string();
    assert!(text.contains("error[E0308]: mismatched types"), "{text}");
    assert!(text.contains("src/lib.rs:1:23"), "{text}");
    assert!(!text.contains("Compiling tiny"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours: {text}");
}

#[tokio::test]
async fn unknown_names_are_told_with_those_that_exist_and_the_others_are_built() {
    let project = Project::new();
    let mut lost = project.request("hello");
    if let Source::Cargo(bin) = &mut lost.source {
        bin.package = "tinny".to_owned();
    }
    let requests = vec![project.request("helo"), lost, project.request("other")];
    let answers = project.build(requests).await;
    let bin = answers[0].as_ref().unwrap_err();
    assert_eq!(bin.code(), "package::unknown-bin");
    assert_eq!(bin.to_string(), "the package `tiny` has no binary `helo`; it has `hello`, `other`");
    assert_eq!(bin.help().unwrap(), "did you mean `hello`?");
    let package = answers[1].as_ref().unwrap_err();
    assert_eq!(package.code(), "package::unknown-package");
    assert_eq!(package.help().unwrap(), "did you mean `tiny`?");
    assert!(answers[2].is_ok(), "{:?}", answers[2]);
}

#[tokio::test]
async fn a_missing_cargo_is_named() {
    let mut project = Project::new();
    project.environment = project.environment.clone().with("CARGO", "/nowhere/cargo");
    let error = project.error_of(project.request("hello")).await;
    assert_eq!(error.code(), "package::no-cargo");
    assert!(error.to_string().starts_with("/nowhere/cargo could not be started"));
}

#[tokio::test]
async fn another_architecture_without_a_cross_compiler_says_what_to_install() {
    let mut project = Project::new();
    project.environment = project.environment.clone().with("PATH", "/nowhere").with("CARGO_HOME", "/nowhere");
    let mut request = project.request("hello");
    let other = match platform().architecture {
        Architecture::X86_64 => Architecture::Arm64,
        Architecture::Arm64 => Architecture::X86_64,
    };
    request.platform.architecture = other;
    let error = project.error_of(request).await;
    assert_eq!(error.code(), "package::no-cross-compiler");
    let help = error.help().unwrap();
    assert!(help.contains("pip install cargo-zigbuild ziglang"), "{help}");
    assert!(help.contains(&format!("rustup target add {}", other.triple())), "{help}");
    assert!(project.starts().is_empty());
}

/// The installed cross compiler gets the runtime's glibc; it is a stand-in that records how it is called.
#[tokio::test]
async fn cargo_zigbuild_is_used_when_the_hosts_glibc_is_too_new() {
    let mut project = Project::new();
    let home = project.path("home");
    fs::create_dir_all(home.join("bin")).unwrap();
    let zigbuild = home.join("bin/cargo-zigbuild");
    let calls = project.path("zigbuild");
    fs::write(&zigbuild, format!("#!/bin/sh\necho \"$@\" >> '{}'\nexit 1\n", calls.display())).unwrap();
    fs::set_permissions(&zigbuild, fs::Permissions::from_mode(0o755)).unwrap();
    project.environment = project.environment.clone().with("CARGO_HOME", home.as_os_str());
    let mut request = project.request("hello");
    request.platform.runtime = Runtime::ProvidedAl2;
    project.error_of(request).await;
    let starts = project.starts();
    assert!(starts[0].starts_with("build "), "{starts:?}");
    assert!(starts[1].starts_with("zigbuild "), "{starts:?}");
    let target = format!("--target {}.2.26", platform().architecture.triple());
    assert!(fs::read_to_string(calls).unwrap().contains(&target));
}

#[tokio::test]
async fn a_ready_binary_is_packed_like_a_built_one() {
    let project = Project::new();
    let built = project.hello().await;
    let request = project.request_for(Source::Binary("target/lambda/hello".into()));
    let ready = project.build(vec![request]).await.remove(0).unwrap();
    assert_eq!(ready, built);
    project.write("script", "#!/bin/sh\n");
    let error = project.error_of(project.request_for(Source::Binary("script".into()))).await;
    assert_eq!(error.code(), "package::not-an-executable");
    let error = project.error_of(project.request_for(Source::Binary("absent".into()))).await;
    assert_eq!(error.code(), "package::io");
}

fn zipped(name: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().unix_permissions(mode);
    writer.start_file(name, options).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap().into_inner()
}

async fn zip_answer(zip: &[u8], platform: Platform) -> Result<Artifact, PackageError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("code.zip"), zip).unwrap();
    let request =
        Request { root: dir.path().to_owned(), source: Source::Zip(Path::new("code.zip").to_owned()), platform };
    build_all(vec![request], &Environment::of_process(), &()).await.remove(0)
}

#[tokio::test]
async fn a_ready_zip_is_taken_as_it_is() {
    let project = Project::new();
    let built = project.hello().await;
    let request = project.request_for(Source::Zip(built.zip.clone()));
    let ready = project.build(vec![request]).await.remove(0).unwrap();
    assert_eq!(ready, built);
    let script = zipped("bootstrap", 0o755, b"#!/bin/sh\n");
    assert!(zip_answer(&script, platform()).await.is_ok(), "Lambda starts scripts");
}

#[tokio::test]
async fn ready_zips_that_lambda_could_not_start_are_refused() {
    let code = async |zip: &[u8]| zip_answer(zip, platform()).await.unwrap_err().code();
    assert_eq!(code(b"no zip").await, "package::not-a-zip");
    assert_eq!(code(&zipped("main", 0o755, b"#!")).await, "package::no-bootstrap");
    assert_eq!(code(&zipped("bin/bootstrap", 0o755, b"#!")).await, "package::no-bootstrap");
    assert_eq!(code(&zipped("bootstrap", 0o644, b"#!")).await, "package::bootstrap-not-executable");
    assert_eq!(code(&zipped("bootstrap", 0o755, b"text")).await, "package::not-an-executable");
    let zeroes = vec![0; 50 * 1024 * 1024 + 1];
    assert_eq!(code(&zeroes).await, "package::too-large");
    let bomb = zipped("big", 0o755, &vec![0; 250 * 1024 * 1024 + 1]);
    let error = zip_answer(&bomb, platform()).await.unwrap_err();
    assert_eq!(error.to_string().split(" is ").last(), Some("250.0 MiB unzipped, more than Lambda's 250.0 MiB"));
    let managed = Platform { runtime: Runtime::Managed, ..platform() };
    assert!(zip_answer(&zipped("app.py", 0o644, b"x"), managed).await.is_ok());
}
