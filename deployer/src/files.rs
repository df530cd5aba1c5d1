//! Files that only their user may read: states, plans, logs, the files of the local cloud.
//!
//! # Guarantees
//! A file is private from the moment it has a name, whatever the umask is, and appears whole or not at all. A
//! `.deployer` directory is closed to other users, even if an earlier version left it open, and git ignores its
//! content.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The directory beside `stack.yaml` for everything that the deployer keeps there.
const OWN: &str = ".deployer";
const FILE: u32 = 0o600;
const DIRECTORY: u32 = 0o700;
/// Permission bits of everybody but the user.
const OTHERS: u32 = 0o077;

/// Creates a directory and its ancestors, closed to other users. A `.deployer` among them is closed and gets a
/// `.gitignore` that covers all its content.
///
/// # Errors
/// When it cannot be created.
pub(crate) fn directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY).create(path)?;
    let Some(own) = path.ancestors().find(|above| above.file_name().is_some_and(|name| name == OWN)) else {
        return Ok(());
    };
    close(own, DIRECTORY);
    let ignore = own.join(".gitignore");
    if !ignore.exists() {
        // The file only helps the user, and the directory works without it.
        let _ = write(&ignore, b"*\n");
    }
    Ok(())
}

/// Closes the `.deployer` directory in `root` that an earlier version may have left open.
pub(crate) fn close_own(root: &Path) {
    close(&root.join(OWN), DIRECTORY);
}

/// Writes a whole file, and replaces an existing one atomically. If the path is not a plain file but for example a
/// pipe, the bytes are written into it.
///
/// # Errors
/// When it cannot be written; an existing file is then unchanged.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let found = fs::metadata(path).ok();
    if found.as_ref().is_some_and(|found| !found.is_file()) {
        return fs::write(path, bytes);
    }
    // A link stays a link: the file that it names is replaced.
    let path = if found.is_some() { fs::canonicalize(path)? } else { path.to_owned() };
    match replace(&path, bytes) {
        // The file may be writable although its directory is not.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && found.is_some() => {
            close(&path, FILE);
            fs::write(&path, bytes)
        }
        done => done,
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = parent(path);
    let mut fresh = tempfile::Builder::new().prefix(".deployer-").suffix(".new").tempfile_in(&parent)?;
    fresh.write_all(bytes)?;
    fresh.as_file().set_permissions(Permissions::from_mode(FILE))?;
    fresh.as_file().sync_all()?;
    fresh.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Opens a file for writing, and creates it if it does not exist; existing content stays.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_as(path, FILE)
}

/// Like [`open`], with the given permissions.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_as(path: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(mode).open(path)?;
    close(path, mode);
    Ok(file)
}

/// Opens an empty file for writing; existing content is dropped.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    create_as(path, FILE)
}

/// Like [`create`], with exactly these permissions, even if the umask would remove some.
///
/// # Errors
/// As [`create`].
pub(crate) fn create_as(path: &Path, mode: u32) -> io::Result<File> {
    let file = open_as(path, mode)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.set_len(0)?;
    Ok(file)
}

/// Removes the permissions of other users beyond `mode`. A failure means that the file belongs to another user.
fn close(path: &Path, mode: u32) {
    let Ok(found) = fs::metadata(path) else { return };
    let open = found.permissions().mode();
    if open & OTHERS & !mode != 0 {
        let _ = fs::set_permissions(path, Permissions::from_mode(open & 0o7777 & (mode | !OTHERS)));
    }
}

/// Returns the permissions for a file in a directory that may be shared on purpose: members of its group who may add
/// files there may also change this file.
pub(crate) fn mode_in(directory: &Path) -> u32 {
    let shared = fs::metadata(directory).is_ok_and(|found| found.permissions().mode() & 0o020 != 0);
    if shared { FILE | 0o060 } else { FILE }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn open_to_all(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn files_are_the_users_alone_and_open_ones_are_closed() {
        let root = tempfile::tempdir().unwrap();
        let (fresh, old) = (root.path().join("fresh"), root.path().join("old"));
        fs::write(&old, "before").unwrap();
        open_to_all(&old, 0o666);
        for path in [&fresh, &old] {
            write(path, b"now").unwrap();
            assert_eq!((mode(path), fs::read(path).unwrap()), (0o600, b"now".to_vec()));
        }
        open_to_all(&old, 0o664);
        drop(open(&old).unwrap());
        assert_eq!((mode(&old), fs::read(&old).unwrap()), (0o600, b"now".to_vec()));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn a_link_and_a_pipe_are_written_through() {
        let root = tempfile::tempdir().unwrap();
        let (link, file) = (root.path().join("link"), root.path().join("file"));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        write(&link, b"now").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"now");
        write(Path::new("/dev/null"), b"now").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_directory_of_the_deployers_is_closed_and_no_part_of_the_code() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join(".deployer");
        fs::create_dir(&own).unwrap();
        open_to_all(&own, 0o775);
        directory(&own.join("local/data")).unwrap();
        assert_eq!((mode(&own), mode(&own.join("local")), mode(&own.join("local/data"))), (0o700, 0o700, 0o700));
        assert_eq!(fs::read_to_string(own.join(".gitignore")).unwrap(), "*\n");
        fs::write(own.join(".gitignore"), "mine").unwrap();
        directory(&own.join("local")).unwrap();
        assert_eq!(fs::read_to_string(own.join(".gitignore")).unwrap(), "mine", "a user's own stays");
        open_to_all(&own, 0o755);
        close_own(root.path());
        assert_eq!(mode(&own), 0o700);
        directory(&root.path().join("other")).unwrap();
        assert!(!root.path().join("other/.gitignore").exists());
    }

    #[test]
    fn who_shares_a_directory_with_a_group_shares_what_is_kept_there() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(mode_in(root.path()), 0o600);
        open_to_all(root.path(), 0o2775);
        assert_eq!(mode_in(root.path()), 0o660);
    }
}
