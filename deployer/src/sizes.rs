//! Holds the length of files that `docs/style.md` names. Clippy holds that of functions.

use std::fs;
use std::path::Path;

const LONGEST: usize = 400;

/// Lists the Rust files below a directory that are too long, with their lines.
fn too_long(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(too_long(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let lines = fs::read_to_string(&path).expect("a source").lines().count();
            found.extend((lines > LONGEST).then(|| format!("{}: {lines}", path.display())));
        }
    }
    found
}

#[test]
fn no_file_is_longer_than_the_style_allows() {
    let found = too_long(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(found.is_empty(), "divide these:\n{}", found.join("\n"));
}

#[test]
fn a_file_that_is_too_long_is_found() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("inner")).expect("a directory");
    for (name, lines) in [("inner/long.rs", LONGEST + 1), ("short.rs", LONGEST), ("long.md", LONGEST + 1)] {
        fs::write(directory.path().join(name), "\n".repeat(lines)).expect("a file");
    }
    let found = too_long(directory.path());
    assert!(found.len() == 1 && found[0].ends_with("inner/long.rs: 401"), "{found:?}");
}
