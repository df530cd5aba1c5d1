//! Code that builds but that Lambda could not run: processors, libraries, loaders, glibc.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use deployer::package::{PackageError, Request, Runtime, Source, build_all};

use crate::project::{EventRecorder, Project};

async fn heard(project: &Project, request: Request) -> (Vec<String>, Result<(), PackageError>) {
    let heard = EventRecorder::default();
    let answer = build_all(vec![request], &project.environment, &heard).await.remove(0);
    let words = heard.0.into_inner().unwrap().into_iter().filter(|word| word.starts_with("warning"));
    (words.collect(), answer.map(drop))
}

#[tokio::test]
async fn code_for_this_machines_processor_is_refused_wherever_the_flag_stands() {
    let mut project = Project::tiny();
    let plain = project.environment.clone();
    for (name, value) in [
        ("RUSTFLAGS", "-C target-cpu=native"),
        ("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-cpu=native"),
        ("CFLAGS", "-O2 -march=native"),
    ] {
        project.environment = plain.clone().with(name, value);
        let error = project.error_of(project.request("hello")).await;
        assert_eq!(error.code(), "package::native-processor", "{name}");
        assert!(error.to_string().contains(&format!("(from {name})")), "{error}");
    }
    project.environment = plain.without("RUSTFLAGS");
    project.write(".cargo/config.toml", "[build]\nrustflags = [\"-C\", \"target-cpu=native\"]\n");
    let error = project.error_of(project.request("hello")).await;
    assert_eq!(error.code(), "package::native-processor");
    assert!(error.to_string().contains(".cargo/config.toml"), "{error}");
    assert!(error.help().contains("target-cpu="), "{}", error.help());
    assert!(project.starts().is_empty());
}

/// A project's own flag overrides one for all projects of a machine.
#[tokio::test]
async fn the_last_of_several_processors_counts() {
    let mut project = Project::tiny();
    project.environment = project.environment.clone().with("RUSTFLAGS", "-Ctarget-cpu=native -Ctarget-cpu=generic");
    project.hello().await;
}

#[tokio::test]
async fn a_processor_beyond_lambdas_is_a_warning_each_time() {
    let mut project = Project::tiny();
    let flags = if cfg!(target_arch = "x86_64") { "-Ctarget-feature=+gfni" } else { "-Ctarget-feature=+sha3" };
    project.environment = project.environment.clone().with("RUSTFLAGS", flags);
    for _ in 0..2 {
        let (warnings, answer) = heard(&project, project.request("hello")).await;
        assert!(answer.is_ok());
        assert_eq!(warnings, ["warning package::processor"]);
    }
    assert_eq!(project.starts().len(), 1);
}

/// Compiles C, which every machine that builds Rust can do.
fn cc(directory: &Path, arguments: &[&str]) {
    let output = Command::new("cc").args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Builds an executable that loads the library of that name.
fn linked_to(project: &Project, library: &str) -> Vec<u8> {
    project.write("part.c", "int part(void) { return 0; }\n");
    project.write("main.c", "int part(void);\nint main(void) { return part(); }\n");
    let name = format!("-Wl,-soname,{library}");
    cc(project.dir.path(), &["-shared", "-fPIC", "-o", "libpart.so", &name, "part.c"]);
    cc(project.dir.path(), &["-o", "linked", "main.c", "-L.", "-lpart"]);
    fs::read(project.path("linked")).unwrap()
}

fn zip_with(project: &Project, files: &[(&str, &[u8])]) -> Request {
    let mut writer = zip::ZipWriter::new(fs::File::create(project.path("code.zip")).unwrap());
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap();
    project.request_for(Source::Zip("code.zip".into()))
}

#[tokio::test]
async fn a_library_that_lambda_does_not_have_is_named() {
    let project = Project::new();
    let binary = linked_to(&project, "libpq.so.5");
    let request = project.request_for(Source::Binary("linked".into()));
    let error = project.error_of(request.clone()).await;
    assert_eq!(error.code(), "package::missing-library");
    assert!(error.to_string().ends_with("loads `libpq.so.5`, which provided.al2023 does not have"), "{error}");
    let error = project.error_of(zip_with(&project, &[("bootstrap", &binary)])).await;
    assert_eq!(error.code(), "package::missing-library");
    let with = zip_with(&project, &[("bootstrap", &binary), ("lib/libpq.so.5", b"library")]);
    assert!(project.build(vec![with]).await[0].is_ok(), "the zip brings it");
    let layered = Request { layers: true, ..request };
    assert!(project.build(vec![layered]).await[0].is_ok(), "a layer may bring it");
}

#[tokio::test]
async fn a_library_that_the_image_has_by_chance_is_a_warning() {
    let project = Project::new();
    linked_to(&project, "libz.so.1");
    let request = project.request_for(Source::Binary("linked".into()));
    let (warnings, answer) = heard(&project, request.clone()).await;
    assert!(answer.is_ok());
    assert_eq!(warnings, ["warning package::library-not-promised"]);
    linked_to(&project, "libssl.so.3");
    assert!(heard(&project, request.clone()).await.1.is_ok());
    let older = Request {
        platform: deployer::package::Platform { runtime: Runtime::ProvidedAl2, ..request.platform },
        ..request
    };
    assert!(heard(&project, older).await.1.is_err(), "of another image");
}

/// The function's own build is checked as well, and again when nothing is built.
#[tokio::test]
async fn libraries_that_a_crate_links_are_looked_at() {
    let project = Project::tiny();
    linked_to(&project, "libz.so.1");
    project.write("build.rs", "fn main() { println!(\"cargo::rustc-link-search={}\", std::env::var(\"CARGO_MANIFEST_DIR\").unwrap()); println!(\"cargo::rerun-if-changed=build.rs\"); }\n");
    project.write("src/lib.rs", "pub const WORD: &str = \"one\";\n#[link(name = \"part\")]\nunsafe extern \"C\" { pub safe fn part() -> i32; }\n");
    for bin in ["hello", "other"] {
        project.write(&format!("src/bin/{bin}.rs"), "fn main() { std::process::exit(tiny::part()); }\n");
    }
    for _ in 0..2 {
        let (warnings, answer) = heard(&project, project.request("hello")).await;
        assert!(answer.is_ok(), "{answer:?}");
        assert_eq!(warnings, ["warning package::library-not-promised"]);
    }
    assert_eq!(project.starts().len(), 1);
}

#[tokio::test]
async fn a_loader_that_lambda_does_not_have_is_named() {
    let project = Project::new();
    project.write("main.c", "int main(void) { return 0; }\n");
    cc(project.dir.path(), &["-o", "foreign", "main.c", "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"]);
    let error = project.error_of(project.request_for(Source::Binary("foreign".into()))).await;
    assert_eq!(error.code(), "package::no-loader");
    assert!(error.to_string().contains("/lib/ld-musl-x86_64.so.1"), "{error}");
    assert!(error.help().contains("crt-static"), "{}", error.help());
    cc(
        project.dir.path(),
        &["-o", "foreign", "main.c", "-Wl,--dynamic-linker=/nix/store/x-glibc/lib/ld-linux-x86-64.so.2"],
    );
    let error = project.error_of(project.request_for(Source::Binary("foreign".into()))).await;
    assert!(error.help().contains("patchelf"), "{}", error.help());
}

/// The stand-in for cargo-zigbuild builds against this host's glibc, as a prebuilt C library would.
#[tokio::test]
async fn a_glibc_that_is_too_new_after_the_cross_compiler_too_is_told_so() {
    let mut project = Project::tiny();
    let home = project.path("home");
    fs::create_dir_all(home.join("bin")).unwrap();
    let zigbuild = home.join("bin/cargo-zigbuild");
    let script = "#!/bin/sh\nshift\nset -- build \"$@\"\nfor word; do shift; case $word in *-linux-gnu.2.26) set -- \"$@\" \
                  \"${word%.2.26}\";; *) set -- \"$@\" \"$word\";; esac; done\nexec \"$CARGO\" \"$@\"\n";
    fs::write(&zigbuild, script).unwrap();
    fs::set_permissions(&zigbuild, fs::Permissions::from_mode(0o755)).unwrap();
    let mut request = project.request("hello");
    request.platform.runtime = Runtime::ProvidedAl2;
    let error = project.error_of(request.clone()).await;
    assert_eq!(error.code(), "package::glibc-too-new");
    assert!(error.help().contains("cargo-zigbuild"), "{}", error.help());
    project.environment = project.environment.clone().with("CARGO_HOME", home.as_os_str());
    let error = project.error_of(request).await;
    assert_eq!(error.code(), "package::glibc-too-new");
    assert!(error.help().contains("linked in"), "{}", error.help());
}

#[tokio::test]
async fn a_cross_compiler_without_zig_says_what_to_install() {
    let mut project = Project::tiny();
    let home = project.path("home");
    fs::create_dir_all(home.join("bin")).unwrap();
    let zigbuild = home.join("bin/cargo-zigbuild");
    fs::write(&zigbuild, "#!/bin/sh\necho 'Error: Failed to find zig' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&zigbuild, fs::Permissions::from_mode(0o755)).unwrap();
    project.environment = project.environment.clone().with("CARGO_HOME", home.as_os_str());
    let mut request = project.request("hello");
    request.platform.runtime = Runtime::ProvidedAl2;
    let error = project.error_of(request).await;
    assert!(error.help().contains("pip install ziglang"), "{}", error.help());
}
