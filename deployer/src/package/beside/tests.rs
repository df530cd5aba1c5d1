use std::io::Read as _;

use super::*;
use crate::package::{Architecture, Platform, Runtime};

fn rule(from: &str, to: Option<&str>) -> FileRule {
    FileRule { from: from.to_owned(), to: to.map(str::to_owned) }
}

/// Makes a project with these files. The directory of its stack is `stack`.
fn project(files: &[&str]) -> tempfile::TempDir {
    let top = tempfile::tempdir().expect("a directory");
    for file in ["Cargo.toml", "stack/stack.yaml"].iter().chain(files) {
        let path = top.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, file).expect("a file");
    }
    top
}

const FILES: &[&str] = &[
    "stack/static/index.html",
    "stack/static/css/a.css",
    "stack/static/.secret",
    "stack/model.bin",
    "stack/b/bootstrap",
    "mailer/templates/a.html",
];

fn contents(top: &Path, source: Source, files: &[FileRule]) -> Result<Contents, PackageError> {
    let request = Request {
        root: top.join("stack"),
        source,
        platform: Platform { architecture: Architecture::X86_64, runtime: Runtime::ProvidedAl2023 },
        layers: false,
        files: files.to_vec(),
        executable: None,
    };
    Contents::of(&request, &BuildEnvironment::default())
}

fn of_binary(top: &Path, files: &[FileRule]) -> Result<Contents, PackageError> {
    contents(top, Source::Binary("app".into()), files)
}

fn names(rules: &[FileRule]) -> Result<Vec<String>, String> {
    let top = project(FILES);
    let found = of_binary(top.path(), rules).map_err(|error| error.to_string())?;
    Ok(found.files.into_keys().collect())
}

#[test]
fn patterns_directories_and_names_find_files_and_hidden_ones_only_by_name() {
    let all = Ok(vec!["static/css/a.css".to_owned(), "static/index.html".to_owned()]);
    assert_eq!(names(&[rule("static/**", None)]), all);
    assert_eq!(names(&[rule("./static/", None)]), all);
    assert_eq!(names(&[rule("**/*.css", None)]), Ok(vec!["static/css/a.css".to_owned()]));
    assert_eq!(names(&[rule("static/.secret", None)]), Ok(vec!["static/.secret".to_owned()]));
    assert_eq!(names(&[rule("model.???", None)]), Ok(vec!["model.bin".to_owned()]));
}

#[test]
fn a_file_goes_to_another_name_and_a_directory_below_one() {
    assert_eq!(names(&[rule("model.bin", Some("data/m"))]), Ok(vec!["data/m".to_owned()]));
    assert_eq!(names(&[rule("model.bin", Some("data/"))]), Ok(vec!["data/model.bin".to_owned()]));
    let www = Ok(vec!["www/css/a.css".to_owned(), "www/index.html".to_owned()]);
    assert_eq!(names(&[rule("static/**", Some("www"))]), www);
    assert_eq!(names(&[rule("static/css", Some("www"))]), Ok(vec!["www/a.css".to_owned()]));
    assert_eq!(names(&[rule("static/css", Some("/"))]), Ok(vec!["a.css".to_owned()]));
    assert_eq!(names(&[rule("../mailer/templates", Some("t"))]), Ok(vec!["t/a.html".to_owned()]));
}

#[test]
fn names_that_are_missing_or_taken_are_refused() {
    for (rules, why) in [
        (vec![rule("none/**", None)], "matches no file"),
        (vec![rule("model.bin", Some("bootstrap"))], "would replace the executable `bootstrap`"),
        (vec![rule("b/*", Some("/"))], "would replace the executable `bootstrap`"),
        (vec![rule("model.bin", Some("bootstrap/m"))], "would lie below `bootstrap`"),
        (vec![rule("model.bin", Some("static")), rule("static/index.html", None)], "would lie below `static`"),
        (vec![rule("model.bin", None), rule("static/index.html", Some("model.bin"))], "already"),
        (vec![rule("../mailer/templates", None)], "is above the directory of stack.yaml"),
        (vec![rule("/etc/hosts", Some("hosts"))], "begins with `/`"),
        (vec![rule("../../..", Some("all"))], "is outside the project"),
        (vec![rule("static/../../../*", Some("all"))], "is outside the project"),
    ] {
        let refused = names(&rules).expect_err(why);
        assert!(refused.contains(why), "{refused}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_files_of_the_project_and_to_none_outside() {
    use std::os::unix::fs::symlink;
    let (top, other) = (project(&["stack/own", "shared/a"]), project(&["key"]));
    let root = top.path().join("stack");
    for (to, name) in [(other.path().join("key"), "file"), (other.path().to_owned(), "directory")] {
        symlink(to, root.join(name)).expect("a link");
        for pattern in [name, "**"] {
            let refused = of_binary(top.path(), &[rule(pattern, None)]).expect_err("it is outside").to_string();
            assert!(refused.contains("outside the project"), "{refused}");
        }
        fs::remove_file(root.join(name)).expect("it is removed");
    }
    symlink("../shared", root.join("linked")).expect("a link");
    let found = of_binary(top.path(), &[rule("**", None)]).expect("files");
    assert_eq!(found.files.into_keys().collect::<Vec<_>>(), ["linked/a", "own", "stack.yaml"]);
    symlink("../stack", root.join("again")).expect("a link");
    let refused = of_binary(top.path(), &[rule("**", None)]).expect_err("it has no end").to_string();
    assert!(refused.contains("a directory that it lies in"), "{refused}");
}

fn joined(top: &tempfile::TempDir) -> Artifact {
    let found = of_binary(top.path(), &[rule("static/**", None), rule("model.bin", None)]).expect("files");
    let plain = store::zip(&found.store, "binary", b"code").expect("a zip");
    found.join(Artifact { origin: Some(WholeOrigin::default()), ..plain }).expect("a zip")
}

#[test]
fn equal_files_give_equal_zips_whose_bootstrap_stays_an_executable() {
    let top = project(FILES);
    let (one, two) = (joined(&top), joined(&project(FILES)));
    assert_eq!((&one.code_sha256, one.size), (&two.code_sha256, two.size));
    assert_eq!(joined(&top).zip, one.zip, "the second run finds the zip of the first");
    let mut archive = ZipArchive::new(Cursor::new(one.bytes().expect("the zip"))).expect("a zip");
    let names: Vec<String> = archive.file_names().map(|name| name.expect("a text").into_owned()).collect();
    assert_eq!(names, ["bootstrap", "model.bin", "static/css/a.css", "static/index.html"]);
    let mut bootstrap = archive.by_name("bootstrap").expect("it");
    assert_eq!(bootstrap.unix_mode(), Some(0o100_755));
    let mut text = String::new();
    bootstrap.read_to_string(&mut text).expect("a text");
    assert_eq!(text, "code");
    drop(bootstrap);
    assert_eq!(archive.by_name("model.bin").expect("it").unix_mode(), Some(0o100_644));
}

#[cfg(unix)]
#[test]
fn content_and_executable_bit_of_each_file_decide_about_the_zip_and_a_damaged_one_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let top = project(FILES);
    let file = top.path().join("stack/model.bin");
    let first = joined(&top);
    fs::write(&first.zip, b"damaged").expect("it is damaged");
    assert_eq!(joined(&top).code_sha256, first.code_sha256);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a mode");
    let executable = joined(&top);
    assert_ne!((&executable.code_sha256, &executable.origin), (&first.code_sha256, &first.origin));
    fs::write(&file, "other").expect("a file");
    assert_ne!(joined(&top).code_sha256, executable.code_sha256);
}

#[test]
fn a_directory_is_packed_as_it_is() {
    let top = project(FILES);
    let found = contents(top.path(), Source::Directory("b".into()), &[rule("model.bin", None)]).expect("files");
    let artifact = found.pack().expect("a zip");
    let archive = ZipArchive::new(Cursor::new(artifact.bytes().expect("the zip"))).expect("a zip");
    let names: Vec<String> = archive.file_names().map(|name| name.expect("a text").into_owned()).collect();
    assert_eq!(names, ["bootstrap", "model.bin"]);
}
