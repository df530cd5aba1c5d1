//! Files beside a binary, and requests of which nothing can be built.

use std::io::Cursor;

use deployer::package::{FileRule, Request};

use crate::project::Project;

#[tokio::test]
async fn a_missing_workspace_is_found_without_a_build() {
    let project = Project::new();
    let found = deployer::package::missing(vec![project.request("hello")], &project.environment);
    assert_eq!(found.iter().map(|(_, error)| error.code()).collect::<Vec<_>>(), ["package::no-workspace"]);
}

#[tokio::test]
async fn files_beside_a_binary_are_found_zipped_and_named_in_its_origin() {
    let project = Project::tiny();
    project.write("letters/welcome.html", "Hello");
    let rule = |from: &str| FileRule { from: from.to_owned(), to: None };
    let request = |from: &str| Request { files: vec![rule(from)], ..project.request("hello") };
    let lost = deployer::package::missing(vec![request("leters")], &project.environment);
    assert_eq!(lost.iter().map(|(_, error)| error.code()).collect::<Vec<_>>(), ["package::files"]);
    let built = async || project.build(vec![request("letters")]).await.remove(0).unwrap();
    let first = built().await;
    let mut zip = zip::ZipArchive::new(Cursor::new(first.bytes().unwrap())).unwrap();
    assert!(zip.by_name("bootstrap").is_ok() && zip.by_name("letters/welcome.html").is_ok());
    assert_eq!(first.binary_sha256, project.hello().await.binary_sha256);
    assert_eq!(built().await, first, "nothing changed");
    project.edit("letters/welcome.html", "Good day");
    let second = built().await;
    assert_ne!(second.code_sha256, first.code_sha256);
    assert_ne!(second.origin, first.origin);
    assert_eq!(project.starts().len(), 1, "files are no reason to build");
}
