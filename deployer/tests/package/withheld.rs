//! Tests which variables of the run's environment reach build scripts and macros.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use deployer::package::{Runtime, build_all};

use crate::project::{EventRecorder, Project};

/// Part of every value that no build may see.
const MARK: &str = "planted-secret";

const PLANTED: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GITHUB_ENV",
    "GITHUB_PATH",
    "GITHUB_OUTPUT",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "CI_JOB_TOKEN",
    "GITLAB_TOKEN",
    "DEPLOYER_VAR_api_key",
    "CARGO_REGISTRY_TOKEN",
    "CARGO_REGISTRIES_OURS_TOKEN",
    "DOCKER_PASSWORD",
    "NPM_TOKEN",
    "SSH_AUTH_SOCK",
    "STRIPE",
    "DATABASE_URL",
    "SCCACHE_WEBDAV_TOKEN",
];

/// Creates a package whose build script and sources read their environment.
fn curious() -> Project {
    let mut project = Project::tiny();
    for name in PLANTED {
        project.environment = project.environment.clone().with(name, format!("{MARK}-{name}"));
    }
    project.environment = project
        .environment
        .clone()
        .with("HTTPS_PROXY", format!("http://me:{MARK}@proxy:3128"))
        .with("PKG_CONFIG_PATH", "/pkg")
        .with("GIT_SHA", MARK);
    project.write(
        "build.rs",
        "fn main() {\n    let all: Vec<String> = std::env::vars().map(|(k, v)| format!(\"{k}={v}\\n\")).collect();\n    \
         std::fs::write(\"seen.txt\", all.concat()).unwrap();\n    println!(\"cargo::rerun-if-changed=build.rs\");\n    \
         println!(\"cargo::rerun-if-env-changed=STRIPE\");\n}\n",
    );
    project.write("src/lib.rs", "pub const WORD: Option<&str> = option_env!(\"GIT_SHA\");\n");
    for bin in ["hello", "other"] {
        project.write(&format!("src/bin/{bin}.rs"), "fn main() { println!(\"{:?}\", tiny::WORD); }\n");
    }
    project
}

#[tokio::test]
async fn a_build_script_sees_no_credentials_and_what_it_needs() {
    let project = curious();
    let heard = EventRecorder::default();
    let answers = build_all(vec![project.request("hello")], &project.environment, &heard).await;
    assert!(answers[0].is_ok(), "{answers:?}");
    let seen = fs::read_to_string(project.path("seen.txt")).unwrap();
    let leaked: Vec<&str> = seen.lines().filter(|line| line.contains(MARK)).collect();
    assert!(leaked.is_empty(), "{leaked:#?}");
    for needed in ["PATH=", "HOME=", "PKG_CONFIG_PATH=/pkg", "CARGO_NET_OFFLINE=true"] {
        assert!(seen.lines().any(|line| line.starts_with(needed)), "{needed} is missing in\n{seen}");
    }
    let binary = fs::read(project.path("target/lambda/hello")).unwrap();
    assert!(!binary.windows(MARK.len()).any(|window| window == MARK.as_bytes()));
    // The source reads one of them, the build script another.
    let warnings = heard.0.lock().unwrap().iter().filter(|word| word.starts_with("warning")).count();
    assert_eq!(warnings, 2, "{:?}", heard.0.lock().unwrap());
}

#[tokio::test]
async fn a_variable_that_was_named_reaches_the_build_and_changes_it() {
    let mut project = curious();
    let without = project.hello().await;
    project.environment = project.environment.clone().with("DEPLOYER_BUILD_ENV", "OTHER, GIT_SHA");
    let with = project.hello().await;
    assert_ne!(with.code_sha256, without.code_sha256);
    project.environment = project.environment.clone().with("GIT_SHA", "another");
    assert_ne!(project.hello().await.code_sha256, with.code_sha256);
}

#[tokio::test]
async fn a_withheld_variable_that_changes_starts_no_build() {
    let mut project = curious();
    project.hello().await;
    let starts = project.starts().len();
    project.environment = project.environment.clone().with("GIT_SHA", "another").with("STRIPE", "another");
    project.hello().await;
    assert_eq!(project.starts().len(), starts);
}

/// The registry's token goes to `cargo fetch`, which runs no package's code; the build follows.
#[tokio::test]
async fn packages_are_downloaded_before_the_build_where_that_takes_a_token() {
    let project = curious();
    project.hello().await;
    let verbs: Vec<String> =
        project.calls().iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(verbs, ["metadata", "fetch", "build"]);
    let plain = Project::tiny();
    plain.hello().await;
    assert!(!plain.calls().iter().any(|line| line.starts_with("fetch")));
}

#[tokio::test]
async fn the_cross_compiler_sees_no_credentials_either() {
    let mut project = curious();
    let home = project.path("home");
    fs::create_dir_all(home.join("bin")).unwrap();
    let zigbuild = home.join("bin/cargo-zigbuild");
    let seen = project.path("seen-by-zigbuild");
    fs::write(&zigbuild, format!("#!/bin/sh\nenv > '{}'\nexit 1\n", seen.display())).unwrap();
    fs::set_permissions(&zigbuild, fs::Permissions::from_mode(0o755)).unwrap();
    project.environment = project.environment.clone().with("CARGO_HOME", home.as_os_str());
    let mut request = project.request("hello");
    request.platform.runtime = Runtime::ProvidedAl2;
    project.error_of(request).await;
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.contains("PKG_CONFIG_PATH=/pkg"), "{seen}");
    assert!(!seen.contains(MARK), "{seen}");
}

#[tokio::test]
async fn a_build_that_lacks_a_variable_is_told_how_to_get_it() {
    let mut project = Project::tiny();
    project.write("src/lib.rs", "pub const WORD: &str = env!(\"GIT_SHA\");\n");
    let error = project.error_of(project.request("hello")).await;
    assert_eq!(error.code(), "package::build-failed");
    assert!(error.help().contains("name it in DEPLOYER_BUILD_ENV"), "{}", error.help());
    project.environment = project.environment.clone().with("GIT_SHA", "abc");
    let error = project.error_of(project.request("hello")).await;
    assert!(error.help().ends_with("set DEPLOYER_BUILD_ENV=GIT_SHA"), "{}", error.help());
}
