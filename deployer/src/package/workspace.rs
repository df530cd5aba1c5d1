//! Finds the cargo workspace around a directory by cargo's own rule, without starting cargo.

use std::path::{Path, PathBuf};

use super::environment::BuildEnvironment;
use super::{PackageError, show, store};

/// The workspace that contains a stack's functions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Workspace {
    /// The directory where cargo is started: the stack's.
    pub directory: PathBuf,
    /// The workspace's own Cargo.toml.
    pub manifest: PathBuf,
    /// "lambda" if the workspace defines that profile, else "release".
    pub default_profile: &'static str,
    /// The directory for stamps and zips.
    pub store: PathBuf,
}

impl Workspace {
    /// Finds the workspace around `directory`.
    ///
    /// # Errors
    /// [`PackageError::NoWorkspace`] if neither it nor a directory above has a Cargo.toml, [`PackageError::Io`] if one
    /// is unreadable.
    pub fn around(directory: &Path, environment: &BuildEnvironment) -> Result<Self, PackageError> {
        let directory = std::path::absolute(directory).map_err(|e| PackageError::io(directory, &e))?;
        let mut nearest = None;
        for ancestor in directory.ancestors() {
            let manifest = ancestor.join("Cargo.toml");
            let text = match std::fs::read_to_string(&manifest) {
                Ok(text) => text,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(PackageError::io(&manifest, &e)),
            };
            let is_workspace = has_table(&text, "workspace");
            if is_workspace || nearest.is_none() {
                nearest = Some((ancestor.to_owned(), text));
            }
            if is_workspace {
                break;
            }
        }
        let Some((root, text)) = nearest else {
            return Err(PackageError::NoWorkspace { directory: show(&directory) });
        };
        let target = target_directory(&directory, &root, environment);
        Ok(Self {
            default_profile: if has_table(&text, "profile.lambda") { "lambda" } else { "release" },
            store: store::below(&target),
            manifest: root.join("Cargo.toml"),
            directory,
        })
    }
}

/// Returns the target directory that the environment names, or the default. A `build.target-dir` in a config file moves
/// cargo's output, which stamps name by its full path, but not the stamps themselves.
fn target_directory(directory: &Path, root: &Path, environment: &BuildEnvironment) -> PathBuf {
    ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"]
        .iter()
        .find_map(|name| environment.get(name))
        .map_or_else(|| root.join("target"), |value| directory.join(value))
}

/// Tells whether a manifest's header lines contain the table `name` or one below it.
fn has_table(manifest: &str, name: &str) -> bool {
    manifest.lines().any(|line| {
        let Some(header) = line.trim().strip_prefix('[') else {
            return false;
        };
        let header: String =
            header.chars().take_while(|c| *c != ']').filter(|c| !matches!(c, ' ' | '\t' | '"' | '\'' | '[')).collect();
        header.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_by_their_headers() {
        assert!(has_table("[package]\n[workspace]\n", "workspace"));
        assert!(has_table("[ workspace . dependencies ] # c", "workspace"));
        assert!(has_table("[profile.lambda.package.\"*\"]", "profile.lambda"));
        assert!(!has_table("[profile.lambda2]", "profile.lambda"));
        assert!(!has_table("# [workspace]\nworkspace = 1", "workspace"));
    }

    #[test]
    fn a_directory_without_a_manifest_above_has_no_workspace() {
        let error = Workspace::around(Path::new("/"), &BuildEnvironment::default()).unwrap_err();
        assert_eq!(error.code(), "package::no-workspace");
    }

    #[test]
    fn the_outer_workspace_is_found_from_a_member() {
        let dir = tempfile::tempdir().unwrap();
        let member = dir.path().join("member");
        std::fs::create_dir(&member).unwrap();
        std::fs::write(member.join("Cargo.toml"), "[package]\nname = \"m\"").unwrap();
        let outer = "[workspace]\nmembers = [\"member\"]\n[profile.lambda]\n";
        std::fs::write(dir.path().join("Cargo.toml"), outer).unwrap();
        let found = Workspace::around(&member, &BuildEnvironment::default()).unwrap();
        assert_eq!(found.directory, member);
        assert_eq!(found.default_profile, "lambda");
    }
}
