//! When cargo builds, what the zip contains, and which errors are reported.

use std::fs;
use std::io::{Cursor, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use deployer::package::{
    Architecture, Artifact, BuildEnvironment, PackageError, Platform, Request, Runtime, Source, build_all,
};
use zip::write::SimpleFileOptions;

use crate::project::{EventRecorder, Project, platform};

#[tokio::test]
async fn two_functions_are_built_by_one_cargo_and_the_second_run_starts_none() {
    let project = Project::tiny();
    let requests = vec![project.request("hello"), project.request("other")];
    let heard = EventRecorder::default();
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
    let project = Project::tiny();
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
    let project = Project::tiny();
    let first = project.hello().await;
    let text = fs::read_to_string(project.path("src/lib.rs")).unwrap();
    project.write("src/lib.rs", &text);
    assert_eq!(project.hello().await.code_sha256, first.code_sha256);
    assert_eq!(project.starts().len(), 2);
    project.hello().await;
    assert_eq!(project.starts().len(), 2, "vouched for again");
}

/// Cargo itself rewrites an edited lock file, so only the stamp of the run after the next one can vouch for it.
#[tokio::test]
async fn an_edited_lock_file_starts_cargo() {
    let project = Project::tiny();
    project.hello().await;
    let lock = fs::read_to_string(project.path("Cargo.lock")).unwrap();
    project.write("Cargo.lock", &format!("# edited\n{lock}"));
    project.hello().await;
    assert_eq!(project.starts().len(), 2);
}

/// A file that changed while cargo ran may or may not be in the binary.
#[tokio::test]
async fn a_file_newer_than_the_build_is_never_vouched_for() {
    let project = Project::tiny();
    let file = fs::File::options().write(true).open(project.path("src/lib.rs")).unwrap();
    let soon = file.metadata().unwrap().modified().unwrap() + Duration::from_secs(7200);
    file.set_modified(soon).unwrap();
    project.hello().await;
    project.hello().await;
    assert_eq!(project.starts().len(), 2);
}

#[tokio::test]
async fn everything_else_that_cargo_looks_at_starts_it_again() {
    let mut project = Project::tiny();
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
    let project = Project::tiny();
    project.hello().await;
    project.write("build.rs", "fn main() {}\n");
    project.hello().await;
    project.hello().await;
    assert_eq!(project.starts().len(), 3, "cargo watches the whole package");
    project.edit("build.rs", "fn main() { println!(\"cargo::rerun-if-changed=build.rs\"); }\n");
    project.hello().await;
    // The edit may fall into the same clock tick as the start of the build; the next run settles that.
    project.hello().await;
    let settled = project.starts().len();
    project.hello().await;
    assert_eq!(project.starts().len(), settled, "a rule can be relied on");
}

#[tokio::test]
async fn two_feature_sets_of_one_package_do_not_mix() {
    let project = Project::tiny();
    let mut loud = project.request("other");
    if let Source::Cargo(bin) = &mut loud.source {
        bin.features = vec!["loud".to_owned()];
    }
    let answers = project.build(vec![project.request("hello"), loud]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let starts = project.starts();
    assert_eq!(starts.len(), 2);
    assert!(!starts[0].contains("loud") && starts[1].contains("--features loud"));
}

#[tokio::test]
async fn a_compile_error_is_shown_in_rustcs_own_words() {
    let project = Project::tiny();
    project.write("src/lib.rs", "pub const WORD: &str = 1;\n");
    let error = project.error_of(project.request("hello")).await;
    assert_eq!(error.code(), "package::build-failed");
    let text = error.to_string();
    assert!(text.contains("error[E0308]: mismatched types"), "{text}");
    assert!(text.contains("src/lib.rs:1:24"), "{text}");
    assert!(!text.contains("Compiling tiny"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours: {text}");
}

#[tokio::test]
async fn unknown_names_are_told_with_those_that_exist_and_the_others_are_built() {
    let project = Project::tiny();
    let mut lost = project.request("hello");
    if let Source::Cargo(bin) = &mut lost.source {
        bin.package = "tinny".to_owned();
    }
    let requests = vec![project.request("helo"), lost, project.request("other")];
    let answers = project.build(requests).await;
    let bin = answers[0].as_ref().unwrap_err();
    assert_eq!(bin.code(), "package::unknown-bin");
    assert_eq!(bin.to_string(), "the package `tiny` has no binary `helo`; it has `hello`, `other`");
    assert_eq!(bin.help(), "did you mean `hello`?");
    let package = answers[1].as_ref().unwrap_err();
    assert_eq!(package.code(), "package::unknown-package");
    assert_eq!(package.help(), "did you mean `tiny`?");
    assert!(answers[2].is_ok(), "{:?}", answers[2]);
}

#[tokio::test]
async fn the_only_binary_of_a_package_needs_no_name() {
    let project = Project::tiny();
    std::fs::remove_file(project.path("src/bin/other.rs")).unwrap();
    let mut request = project.request("consumer");
    if let Source::Cargo(bin) = &mut request.source {
        bin.or_only = true;
    }
    let build = || async { project.build(vec![request.clone()]).await.remove(0) };
    let hello = project.hello().await;
    let only = build().await.unwrap();
    assert_eq!(only, hello);
    let starts = project.starts();
    assert_eq!(build().await.unwrap(), only);
    assert_eq!(project.starts(), starts, "cargo is not started for an unchanged binary");
    // Neither of two binaries is built, unless it has the requested name.
    project.write("src/bin/other.rs", "fn main() {}\n");
    assert_eq!(build().await.unwrap_err().code(), "package::unknown-bin");
    project.write("src/bin/consumer.rs", "fn main() { println!(\"consumer\"); }\n");
    assert_ne!(build().await.unwrap().binary_sha256, only.binary_sha256);
}

#[tokio::test]
async fn missing_packages_and_binaries_are_found_without_a_build() {
    let project = Project::tiny();
    let mut lost = project.request("hello");
    if let Source::Cargo(bin) = &mut lost.source {
        bin.package = "tinny".to_owned();
    }
    let requests = vec![project.request("hello"), project.request("helo"), lost];
    let found = |environment| {
        let missing = deployer::package::missing(requests.clone(), &environment).into_iter();
        missing.map(|(index, error)| (index, error.code(), error.help())).collect::<Vec<_>>()
    };
    assert_eq!(
        found(project.environment.clone()),
        [
            (1, "package::unknown-bin", "did you mean `hello`?".to_owned()),
            (2, "package::unknown-package", "did you mean `tiny`?".to_owned()),
        ]
    );
    assert_eq!(project.starts(), [""; 0]);
    assert_eq!(found(project.environment.clone().with("CARGO", "/nowhere/cargo")), []);
    // Rustup would run the programs of this toolchain.
    project.write("rust-toolchain.toml", "[toolchain]\npath = \"./own\"\n");
    let calls = project.calls().len();
    assert_eq!(found(project.environment.clone()), []);
    assert_eq!(project.calls().len(), calls);
}

#[tokio::test]
async fn a_missing_cargo_is_named() {
    let mut project = Project::tiny();
    project.environment = project.environment.clone().with("CARGO", "/nowhere/cargo");
    let error = project.error_of(project.request("hello")).await;
    assert_eq!(error.code(), "package::no-cargo");
    assert!(error.to_string().starts_with("/nowhere/cargo could not be started"));
}

#[tokio::test]
async fn another_architecture_without_a_cross_compiler_says_what_to_install() {
    let mut project = Project::tiny();
    project.environment = project.environment.clone().with("PATH", "/nowhere").with("CARGO_HOME", "/nowhere");
    let mut request = project.request("hello");
    let other = match platform().architecture {
        Architecture::X86_64 => Architecture::Arm64,
        Architecture::Arm64 => Architecture::X86_64,
    };
    request.platform.architecture = other;
    let error = project.error_of(request).await;
    assert_eq!(error.code(), "package::no-cross-compiler");
    let help = error.help();
    assert!(help.contains("pip install cargo-zigbuild ziglang"), "{help}");
    assert!(help.contains(&format!("rustup target add {}", other.triple())), "{help}");
    assert!(project.starts().is_empty());
}

/// The installed cross compiler gets the runtime's glibc version. It is a stand-in that records its arguments.
#[tokio::test]
async fn cargo_zigbuild_is_used_when_the_hosts_glibc_is_too_new() {
    let mut project = Project::tiny();
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
    let project = Project::tiny();
    let built = project.hello().await;
    let request = project.request_for(Source::Binary("target/lambda/hello".into()));
    let ready = project.build(vec![request]).await.remove(0).unwrap();
    assert_eq!(Artifact { origin: built.origin.clone(), ..ready }, built, "only the origin differs");
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
    let request = Request {
        root: dir.path().to_owned(),
        source: Source::Zip(Path::new("code.zip").to_owned()),
        platform,
        layers: false,
        files: Vec::new(),
        executable: None,
    };
    build_all(vec![request], &BuildEnvironment::of_process(), &()).await.remove(0)
}

#[tokio::test]
async fn a_ready_zip_is_taken_as_it_is() {
    let project = Project::tiny();
    let built = project.hello().await;
    let request = project.request_for(Source::Zip(built.zip.clone()));
    let ready = project.build(vec![request]).await.remove(0).unwrap();
    assert_eq!(Artifact { origin: built.origin.clone(), ..ready }, built, "only the origin differs");
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
    // The size claimed in the central directory is checked before anything is unpacked.
    let mut bomb = zipped("bootstrap", 0o755, b"#!");
    let directory = bomb.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    bomb[directory + 24..directory + 28].copy_from_slice(&(251 * 1024 * 1024_u32).to_le_bytes());
    let error = zip_answer(&bomb, platform()).await.unwrap_err();
    assert_eq!(error.to_string().split(" is ").last(), Some("251.0 MiB unzipped, more than Lambda's 250.0 MiB"));
    let managed = Platform { runtime: Runtime::Managed, ..platform() };
    assert!(zip_answer(&zipped("app.py", 0o644, b"x"), managed).await.is_ok());
}

/// CI builds the functions before the job signs in.
#[tokio::test]
async fn what_cargo_built_before_is_not_compiled_again() {
    let mut project = Project::tiny();
    project.environment = project.environment.clone().with("CI", "true").with("GITHUB_SHA", "1");
    project.write("build.rs", "fn main() { println!(\"cargo::rerun-if-changed=build.rs\"); }\n");
    let status = std::process::Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["build", "--locked", "--profile", "lambda", "--package", "tiny", "--bins"])
        .current_dir(project.dir.path())
        .env("CARGO_TARGET_DIR", project.path("target"))
        .env("RUSTFLAGS", "")
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_INCREMENTAL", "0")
        .status();
    assert!(status.unwrap().success());
    let built = fs::metadata(project.path("target/lambda/hello")).unwrap().modified().unwrap();
    project.hello().await;
    assert_eq!(fs::metadata(project.path("target/lambda/hello")).unwrap().modified().unwrap(), built);
}
