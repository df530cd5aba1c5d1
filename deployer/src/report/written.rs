//! Compares generated files of the repository with their generators' output.

use std::path::Path;

/// Asserts that a file of the repository equals `wanted`. With UPDATE set, writes it instead.
///
/// # Panics
/// If the file is not up to date.
#[track_caller]
pub(crate) fn hold(file: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    if std::env::var_os("UPDATE").is_some() {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).expect("the directory can be made");
        }
        std::fs::write(&path, wanted).expect("the file can be written");
        return;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == wanted, "{file} is not up to date: run `cargo xtask docs`");
}
