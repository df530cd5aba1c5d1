//! The same source gives the same zip, whatever else is built, was built, or changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use deployer::package::{Request, build_all};

use crate::project::{EventRecorder, Project};

/// The functions, one package each.
const FIVE: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Creates a workspace of five functions whose common dependency has a different feature for each. Its code thus shows
/// which packages were built together.
fn five(resolver: &str) -> Project {
    let project = Project::new();
    let members: Vec<String> = FIVE.iter().map(|name| format!("{name:?}")).collect();
    project.write(
        "Cargo.toml",
        &format!(
            "[workspace]\nresolver = \"{resolver}\"\nmembers = [{}, \"common\"]\ndefault-members = [\"a\"]\n\n\
             [profile.lambda]\ninherits = \"dev\"\ndebug = false\n",
            members.join(", ")
        ),
    );
    let features: Vec<String> = FIVE.iter().map(|name| format!("{name} = []\n")).collect();
    let head = |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    project.write("common/Cargo.toml", &format!("{}\n[features]\n{}", head("common"), features.concat()));
    let checks: Vec<String> = FIVE.iter().map(|name| format!("cfg!(feature = {name:?})")).collect();
    project.write("common/src/lib.rs", &format!("pub const BUILT_FOR: [bool; 5] = [{}];\n", checks.join(", ")));
    for name in FIVE {
        let common = format!("common = {{ path = \"../common\", features = [{name:?}] }}\n");
        // Under resolver 1 a build script shares the function's features; under later ones it has its own.
        let build = "\n[build-dependencies]\ncommon = { path = \"../common\", features = [\"e\"] }\n";
        let extra = if name == "c" { build } else { "" };
        project.write(&format!("{name}/Cargo.toml"), &format!("{}\n[dependencies]\n{common}{extra}", head(name)));
        project.write(&format!("{name}/src/main.rs"), "fn main() { println!(\"{:?}\", common::BUILT_FOR); }\n");
    }
    project.write(
        "c/build.rs",
        "fn main() { println!(\"cargo::rerun-if-changed=build.rs {}\", common::BUILT_FOR.len()); }\n",
    );
    project
}

fn requests(project: &Project, names: &[&str]) -> Vec<Request> {
    names.iter().map(|name| project.request_of(name, name)).collect()
}

/// Returns the hashes of functions sorted by name, whatever order they were built in.
async fn hashes(project: &Project, orders: &[&[&str]]) -> Vec<String> {
    let mut found = BTreeMap::new();
    for names in orders {
        let answers = project.build(requests(project, names)).await;
        for (name, answer) in names.iter().zip(answers) {
            found.insert((*name).to_owned(), answer.unwrap().code_sha256);
        }
    }
    found.into_values().collect()
}

#[tokio::test]
async fn five_functions_are_the_same_in_every_company_and_order() {
    let together = five("2");
    let first = hashes(&together, &[&FIVE]).await;
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 5, "each has another dependency");
    let orders: [&[&[&str]]; 3] =
        [&[&["e"], &["d"], &["c"], &["b"], &["a"]], &[&["c", "a"], &["e", "b", "d"]], &[&["b"], &["a", "c", "d", "e"]]];
    for order in orders {
        let clean = five("2");
        assert_eq!(hashes(&clean, order).await, first, "{order:?} in another directory");
    }
}

/// Every earlier build stays, and every function is built again beside it, one by one. Cargo's command lines equal
/// those of the first time in every order; with equal command lines, no binary can depend on the others.
#[tokio::test]
async fn what_was_built_before_does_not_matter() {
    let project = five("3");
    let first = hashes(&project, &[&FIVE]).await;
    let before = project.starts().len();
    let alone: BTreeMap<&str, String> = FIVE.into_iter().zip(project.starts()).collect();
    for order in [["e", "d", "c", "b", "a"], ["b", "d", "a", "e", "c"], ["c", "e", "b", "a", "d"]] {
        fs::remove_dir_all(project.path("target/deployer")).unwrap();
        let singly: Vec<&[&str]> = order.chunks(1).collect();
        assert_eq!(hashes(&project, &singly).await, first, "{order:?}");
    }
    for (at, line) in project.starts()[before..].iter().enumerate() {
        assert!(alone.values().any(|known| known == line), "cargo's {at}th command line is another one: {line}");
    }
}

#[tokio::test]
async fn a_change_of_another_function_changes_nothing() {
    let project = five("2");
    let first = hashes(&project, &[&FIVE]).await;
    let manifest = fs::read_to_string(project.path("b/Cargo.toml")).unwrap();
    project.write("b/Cargo.toml", &manifest.replace("[\"b\"]", "[\"b\", \"a\", \"e\"]"));
    project.edit("b/src/main.rs", "fn main() { println!(\"changed {:?}\", common::BUILT_FOR); }\n");
    let changed = hashes(&project, &[&FIVE]).await;
    assert_ne!(changed[1], first[1]);
    for other in [0, 2, 3, 4] {
        assert_eq!(changed[other], first[other], "{}", FIVE[other]);
    }
    let clean = five("2");
    clean.write("b/Cargo.toml", &fs::read_to_string(project.path("b/Cargo.toml")).unwrap());
    clean.write("b/src/main.rs", &fs::read_to_string(project.path("b/src/main.rs")).unwrap());
    assert_eq!(hashes(&clean, &[&FIVE]).await, changed, "a clean tree");
}

#[tokio::test]
async fn an_unrelated_package_of_the_workspace_changes_nothing() {
    let project = five("2");
    let first = hashes(&project, &[&["a"]]).await;
    let root = fs::read_to_string(project.path("Cargo.toml")).unwrap();
    project.write("Cargo.toml", &root.replace("\"common\"]", "\"common\", \"tool\"]"));
    project.write(
        "tool/Cargo.toml",
        "[package]\nname = \"tool\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ncommon = { path = \"../common\", features = [\"d\"] }\n",
    );
    project.write("tool/src/main.rs", "fn main() {}\n");
    assert_eq!(hashes(&project, &[&["a"]]).await, first);
}

/// Under resolver 1 the features of the working directory's package apply to all others.
#[tokio::test]
async fn the_package_beside_the_stack_does_not_change_the_others_under_any_resolver() {
    for resolver in ["1", "2", "3"] {
        let project = five(resolver);
        let at_root = hashes(&project, &[&["a", "b"]]).await;
        let inside = |name: &str| Request { root: project.path("e"), ..project.request_of(name, name) };
        let answers = build_all(vec![inside("a"), inside("b")], &project.environment, &()).await;
        let found: Vec<String> = answers.into_iter().map(|answer| answer.unwrap().code_sha256).collect();
        assert_eq!(found, at_root, "resolver {resolver}");
    }
}

/// Incremental builds produce different code than clean builds.
#[tokio::test]
async fn the_setting_for_incremental_builds_does_not_matter() {
    let mut project = five("2");
    let first = hashes(&project, &[&["a"]]).await;
    project.environment = project.environment.clone().with("CARGO_INCREMENTAL", "1");
    fs::remove_dir_all(project.path("target")).unwrap();
    assert_eq!(hashes(&project, &[&["a"]]).await, first);
}

#[tokio::test]
async fn binaries_of_one_name_in_two_packages_are_told_apart_and_stay_fresh() {
    let project = five("2");
    for name in ["a", "b"] {
        let manifest = fs::read_to_string(project.path(&format!("{name}/Cargo.toml"))).unwrap();
        let bin = "\n[[bin]]\nname = \"bootstrap\"\npath = \"src/main.rs\"\n";
        project.write(&format!("{name}/Cargo.toml"), &format!("{manifest}{bin}"));
    }
    let requests = vec![project.request_of("a", "bootstrap"), project.request_of("b", "bootstrap")];
    let first: Vec<_> = project.build(requests.clone()).await.into_iter().map(Result::unwrap).collect();
    assert_ne!(first[0].code_sha256, first[1].code_sha256);
    let heard = EventRecorder::default();
    let second = build_all(requests.clone(), &project.environment, &heard).await;
    assert_eq!(second.into_iter().map(Result::unwrap).collect::<Vec<_>>(), first);
    assert_eq!(*heard.0.lock().unwrap(), ["fresh bootstrap", "fresh bootstrap"]);
    project.edit("b/src/main.rs", "fn main() { println!(\"changed {:?}\", common::BUILT_FOR); }\n");
    let third: Vec<_> = project.build(requests).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(third[0], first[0]);
    assert_ne!(third[1].code_sha256, first[1].code_sha256);
    let alone = five("2");
    for name in ["a", "b"] {
        let path = format!("{name}/Cargo.toml");
        alone.write(&path, &fs::read_to_string(project.path(&path)).unwrap());
    }
    let answers = alone.build(vec![alone.request_of("a", "bootstrap")]).await;
    assert_eq!(answers[0].as_ref().unwrap().code_sha256, first[0].code_sha256, "built alone");
}

/// A stamp from an earlier deployer, which built packages together, is not trusted.
#[tokio::test]
async fn a_stamp_of_another_version_is_built_again() {
    let project = Project::tiny();
    project.hello().await;
    let store = project.path("target/deployer");
    let stamp =
        fs::read_dir(&store).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "stamp"));
    fs::rename(stamp.unwrap(), store.join("hello-0123456789ab.stamp")).unwrap();
    project.hello().await;
    assert_eq!(project.starts().len(), 2);
}

#[tokio::test]
async fn in_ci_cargo_takes_the_versions_of_the_lock_file_or_none() {
    let mut project = Project::tiny();
    project.environment = project.environment.clone().with("CI", "true");
    project.hello().await;
    assert!(project.starts()[0].ends_with("--locked"), "{:?}", project.starts());
    let lock = fs::read_to_string(project.path("Cargo.lock")).unwrap();
    let manifest = fs::read_to_string(project.path("Cargo.toml")).unwrap();
    project.write("Cargo.toml", &manifest.replace("0.1.0", "0.2.0"));
    let error = project.error_of(project.request("hello")).await;
    assert_eq!(error.code(), "package::lock-outdated");
    assert!(error.to_string().contains("Cargo.lock does not fit the Cargo.toml files"), "{error}");
    assert_eq!(fs::read_to_string(project.path("Cargo.lock")).unwrap(), lock);
    project.environment = project.environment.clone().with("CI", "");
    project.hello().await;
    fs::remove_file(project.path("Cargo.lock")).unwrap();
    project.environment = project.environment.clone().with("CI", "1");
    let heard = EventRecorder::default();
    let answers = build_all(vec![project.request("hello")], &project.environment, &heard).await;
    assert!(answers[0].is_ok());
    assert_eq!(heard.0.lock().unwrap()[0], "warning package::no-lock");
}

#[tokio::test]
async fn a_manifest_that_cargo_cannot_read_is_shown_in_its_own_words() {
    let project = Project::tiny();
    project.write("Cargo.toml", "[package]\nname = \n");
    let error = project.error_of(project.request("hello")).await;
    assert_eq!(error.code(), "package::bad-manifest");
    assert!(error.to_string().contains("Cargo.toml:2"), "{error}");
}
