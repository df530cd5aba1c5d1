//! A copy of the stack's directory, in which the cloud keeps its files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Directories that no stack needs, and that may be large.
const LEFT_OUT: &[&str] = &["target", ".git", ".deployer", "node_modules"];

/// Copies the stack's directory to `to`, with `stack.yaml` in its root. Each crate of a function is replaced by its
/// binary.
///
/// # Panics
/// If a file cannot be read or written, or a function's crate has no binary.
pub(crate) fn copy(stack: &Path, binaries: &[(String, PathBuf)], to: &Path) {
    let text = fs::read_to_string(stack).unwrap_or_else(|error| panic!("{}: {error}", stack.display()));
    let from = stack.parent().unwrap_or_else(|| panic!("{} has no directory", stack.display()));
    copy_directory(from, to).unwrap_or_else(|error| panic!("cannot copy {}: {error}", from.display()));
    let file = to.join("stack.yaml");
    let with_binaries = replace_crates(&text, binaries).unwrap_or_else(|why| panic!("{}: {why}", stack.display()));
    fs::write(&file, with_binaries).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

fn copy_directory(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let copy = to.join(entry.file_name());
        if kind.is_dir() {
            if !LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
                fs::create_dir(&copy)?;
                copy_directory(&path, &copy)?;
            }
        } else {
            fs::copy(&path, &copy)?;
        }
    }
    Ok(())
}

/// Replaces `crate` by `binary` in each function, and drops what belongs to the build.
fn replace_crates(text: &str, binaries: &[(String, PathBuf)]) -> Result<String, String> {
    let mut stack: Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    let functions = stack.get_mut("functions").and_then(Value::as_object_mut);
    for (name, function) in functions.into_iter().flatten() {
        let Some(element) = function.as_object_mut() else { continue };
        if element.remove("crate").is_none() {
            continue;
        }
        let bin = element.remove("bin").and_then(|bin| bin.as_str().map(str::to_owned));
        let bin = bin.unwrap_or_else(|| name.clone());
        ["profile", "features"].iter().for_each(|of_the_build| drop(element.remove(*of_the_build)));
        let found = binaries.iter().find(|(one, _)| *one == bin);
        let (_, path) = found.ok_or_else(|| {
            format!("the function {name} needs a binary: .binary(\"{bin}\", env!(\"CARGO_BIN_EXE_{bin}\"))")
        })?;
        element.insert("binary".to_owned(), path.to_string_lossy().into());
    }
    serde_yaml::to_string(&stack).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "stack: shop\nfunctions: { draw: { crate: shop, profile: dev, timeout: 5s }, pay: { zip: pay.zip }, ship: { crate: shop, bin: sender } }\n";

    #[test]
    fn a_crate_becomes_the_binary_of_its_name() {
        let binaries = ["draw", "sender"].map(|bin| (bin.to_owned(), PathBuf::from(format!("/built/{bin}"))));
        let text = replace_crates(STACK, &binaries).expect("a stack");
        let stack: Value = serde_yaml::from_str(&text).expect("YAML");
        let functions = serde_json::json!({
            "draw": { "timeout": "5s", "binary": "/built/draw" },
            "pay": { "zip": "pay.zip" },
            "ship": { "binary": "/built/sender" },
        });
        assert_eq!(stack["functions"], functions);
    }

    #[test]
    fn a_crate_without_a_binary_is_an_error_that_shows_the_line() {
        let why = replace_crates(STACK, &[]).expect_err("no binaries");
        assert_eq!(why, "the function draw needs a binary: .binary(\"draw\", env!(\"CARGO_BIN_EXE_draw\"))");
    }
}
