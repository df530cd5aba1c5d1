//! Keeps finished zips beside cargo's output, named by the binary's hash.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Artifact, PackageError, archive};

const NAME: &str = "deployer";
/// Age up to which a zip that no stamp names is kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Content of the file that marks a directory as a cache for backup tools (https://bford.info/cachedir/).
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";

/// Returns the store's path below a target directory.
pub(super) fn below(target: &Path) -> PathBuf {
    target.join(NAME)
}

pub(super) fn is_store(directory: &Path) -> bool {
    directory.file_name().is_some_and(|n| n == NAME)
}

/// Creates the store. A target directory that is created on the way is marked as a cache, as cargo does.
pub(super) fn open(store: &Path) -> Result<(), PackageError> {
    let target = store.parent().unwrap_or(store);
    let tag = target.join("CACHEDIR.TAG");
    let fresh = !target.exists();
    fs::create_dir_all(store).map_err(|e| PackageError::io(store, &e))?;
    if fresh {
        fs::write(&tag, CACHE_TAG).map_err(|e| PackageError::io(&tag, &e))?;
    }
    Ok(())
}

/// Replaces the file `name` in one step, so that a reader sees all of it or none.
pub(super) fn write(store: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, PackageError> {
    let path = store.join(name);
    let put = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(store)?;
        file.write_all(bytes)?;
        file.persist(&path)?;
        Ok(())
    };
    put().map_err(|e| PackageError::io(&path, &e))?;
    Ok(path)
}

/// Packs `binary`, or finds the zip that an earlier run packed from the same bytes.
pub(super) fn zip(store: &Path, file: &str, binary: &[u8]) -> Result<Artifact, PackageError> {
    let binary_sha256 = archive::hex_sha256(binary);
    let name = format!("{binary_sha256}.{}.zip", archive::FORMAT);
    let kept = store.join(&name);
    let (path, bytes) = match fs::read(&kept) {
        Ok(bytes) if archive::holds(&bytes, binary) => (kept, bytes),
        _ => {
            let bytes = archive::zip_of(file, binary)?;
            open(store)?;
            let path = write(store, &name, &bytes)?;
            prune(store, &path);
            (path, bytes)
        }
    };
    let code_sha256 = archive::code_sha256(&bytes);
    Ok(Artifact { zip: path, code_sha256, size: bytes.len() as u64, binary_sha256, origin: None })
}

/// Removes zips that no stamp names and that are a week older than `newest`. Files that cannot be removed stay.
pub(super) fn prune(store: &Path, newest: &Path) {
    let modified = |path: &Path| fs::metadata(path).and_then(|m| m.modified());
    let (Ok(now), Ok(entries)) = (modified(newest), fs::read_dir(store)) else {
        return;
    };
    let (mut zips, mut stamps) = (Vec::new(), String::new());
    for path in entries.flatten().map(|e| e.path()) {
        match path.extension().and_then(|e| e.to_str()) {
            Some("zip") => zips.push(path),
            Some("stamp") => stamps.push_str(&fs::read_to_string(&path).unwrap_or_default()),
            _ => {}
        }
    }
    for zip in zips {
        let named = zip.file_name().and_then(|n| n.to_str()).is_some_and(|n| stamps.contains(n));
        let age = modified(&zip).ok().and_then(|m| now.duration_since(m).ok());
        if !named && age.is_some_and(|age| age > KEPT) {
            let _ = fs::remove_file(zip);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(path: &Path, by: Duration) {
        let file = fs::File::options().write(true).open(path).unwrap();
        let then = file.metadata().unwrap().modified().unwrap() - by;
        file.set_modified(then).unwrap();
    }

    #[test]
    fn zips_are_found_again_by_the_binary_alone() {
        let dir = tempfile::tempdir().unwrap();
        let store = below(dir.path());
        let first = zip(&store, "a", b"code").unwrap();
        let mark = fs::metadata(&first.zip).unwrap().modified().unwrap();
        let second = zip(&store, "b", b"code").unwrap();
        assert_eq!(first, second);
        assert_eq!(fs::metadata(&second.zip).unwrap().modified().unwrap(), mark);
        assert_eq!(archive::code_sha256(&first.bytes().unwrap()), first.code_sha256);
    }

    #[test]
    fn a_damaged_zip_is_made_anew_and_never_uploaded() {
        let dir = tempfile::tempdir().unwrap();
        let store = below(dir.path());
        let artifact = zip(&store, "a", b"code").unwrap();
        fs::write(&artifact.zip, b"damaged").unwrap();
        assert_eq!(zip(&store, "a", b"code").unwrap(), artifact);
        fs::write(&artifact.zip, archive::zip_of("a", b"other").unwrap()).unwrap();
        assert_eq!(artifact.bytes().unwrap_err().code(), "package::moved");
        assert_eq!(zip(&store, "a", b"code").unwrap(), artifact);
        assert!(artifact.bytes().is_ok());
    }

    #[test]
    fn old_zips_go_unless_a_stamp_names_them() {
        let dir = tempfile::tempdir().unwrap();
        let store = below(dir.path());
        let (named, unnamed) = (zip(&store, "a", b"1").unwrap(), zip(&store, "a", b"2").unwrap());
        let young = zip(&store, "a", b"3").unwrap();
        age(&named.zip, KEPT * 2);
        age(&unnamed.zip, KEPT * 2);
        let name = named.zip.file_name().unwrap().to_str().unwrap();
        write(&store, "x.stamp", name.as_bytes()).unwrap();
        zip(&store, "a", b"4").unwrap();
        assert!(named.zip.exists() && young.zip.exists());
        assert!(!unnamed.zip.exists());
    }
}
