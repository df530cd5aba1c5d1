//! Adds files to the zip of an executable, and packs directories.
//!
//! The zip depends on the names, contents and executable bits of the files alone: entries are sorted, with a fixed time.
//! The entry of an executable is copied from its own zip as it is.

mod search;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipArchive, ZipWriter};

use super::archive::{self, BOOTSTRAP, LEVEL, MAX_UNZIPPED, MAX_ZIPPED, within};
use super::environment::BuildEnvironment;
use super::workspace::Workspace;
use super::{Artifact, FileRule, PackageError, Request, Source, store};
use crate::origin::{OriginParts, WholeOrigin, digest};

/// The ending of the names of zips with several files.
const ENDING: &str = ".files.zip";

/// The files that a zip has besides its executable.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    /// Files by their names in the zip.
    files: BTreeMap<String, PathBuf>,
    /// The name of the executable in the zip, if it is another one than `bootstrap`.
    executable: Option<String>,
    /// The directory for finished zips.
    store: PathBuf,
}

/// One file as it is packed.
struct Entry<'a> {
    name: &'a str,
    bytes: Vec<u8>,
    is_executable: bool,
}

impl Contents {
    /// Finds the files of a request. One of `files` takes the place of one of the directory.
    ///
    /// # Errors
    /// [`PackageError::Files`] if a rule names no file, one outside the project, or a name that is taken.
    pub(super) fn of(request: &Request, environment: &BuildEnvironment) -> Result<Self, PackageError> {
        let root = &request.root;
        let workspace = Workspace::around(root, environment).ok();
        let top = workspace.as_ref().and_then(|workspace| workspace.manifest.parent());
        let top = top.map_or_else(|| root.clone(), Path::to_owned);
        let store = workspace.as_ref().map_or_else(|| store::below(&root.join(".deployer")), |w| w.store.clone());
        let executable = match &request.source {
            Source::Cargo(_) | Source::Binary(_) => Some(request.executable.as_deref().unwrap_or(BOOTSTRAP)),
            Source::Zip(_) | Source::Directory(_) => None,
        };
        let mut files = search::find(root, &top, &request.files)?;
        if let Source::Directory(path) = &request.source {
            let rule = FileRule { from: path.display().to_string(), to: Some("/".to_owned()) };
            if root.join(path).is_file() {
                return Err(PackageError::file(rule.from, "is no directory").of_directory());
            }
            let within = search::find(root, &top, &[rule]).map_err(PackageError::of_directory)?;
            for (name, path) in within {
                files.entry(name).or_insert(path);
            }
        }
        refuse_clashes(&files, executable)?;
        refuse_size(&files)?;
        Ok(Self { files, executable: request.executable.clone(), store })
    }

    /// Tells whether the zip holds `bootstrap` alone.
    pub(super) fn is_plain(&self) -> bool {
        self.files.is_empty() && self.executable.is_none()
    }

    /// Lists the names of files that may be shared libraries.
    pub(super) fn libraries(&self) -> Vec<String> {
        self.files.keys().filter(|name| name.contains(".so")).cloned().collect()
    }

    /// Packs the files alone.
    pub(super) fn pack(&self) -> Result<Artifact, PackageError> {
        let entries = self.read()?;
        let (zip, bytes) = self.zip(None, &entries)?;
        let files = entries.iter().map(|entry| (entry.name.to_owned(), entry.digest())).collect();
        Ok(Artifact {
            zip,
            code_sha256: archive::code_sha256(&bytes),
            size: bytes.len() as u64,
            binary_sha256: archive::hex_sha256(&bytes),
            origin: Some(OriginParts { files, ..OriginParts::default() }.finish()),
        })
    }

    /// Adds the files to the zip of an executable, and to the origin of the code.
    pub(super) fn join(&self, plain: Artifact) -> Result<Artifact, PackageError> {
        let entries = self.read()?;
        let (zip, bytes) = self.zip(Some(&plain), &entries)?;
        let add = |whole: WholeOrigin| {
            let digests = entries.iter().map(|entry| (entry.name.to_owned(), entry.digest()));
            whole.with_files(digests)
        };
        Ok(Artifact {
            zip,
            code_sha256: archive::code_sha256(&bytes),
            size: bytes.len() as u64,
            origin: plain.origin.map(add),
            binary_sha256: plain.binary_sha256,
        })
    }

    fn read(&self) -> Result<Vec<Entry<'_>>, PackageError> {
        let mut entries = Vec::new();
        for (name, path) in &self.files {
            let bytes = fs::read(path).map_err(|e| PackageError::io(path, &e))?;
            entries.push(Entry { name, bytes, is_executable: is_executable(path) });
        }
        Ok(entries)
    }

    /// Returns the zip of an executable and the entries. One that an earlier run packed of the same bytes is taken as it
    /// is.
    fn zip(&self, plain: Option<&Artifact>, entries: &[Entry<'_>]) -> Result<(PathBuf, Vec<u8>), PackageError> {
        let key = key(plain.map(|plain| (plain, self.executable_name())), entries);
        if let Some(found) = find_kept(&self.store, &key) {
            return Ok(found);
        }
        let bytes = self.write(plain, entries)?;
        store::open(&self.store)?;
        let name = format!("{key}.{}{ENDING}", archive::hex_sha256(&bytes));
        let path = store::write(&self.store, &name, &bytes)?;
        store::prune(&self.store, &path);
        Ok((path, bytes))
    }

    fn executable_name(&self) -> &str {
        self.executable.as_deref().unwrap_or(BOOTSTRAP)
    }

    fn write(&self, plain: Option<&Artifact>, entries: &[Entry<'_>]) -> Result<Vec<u8>, PackageError> {
        let failed = |error: zip::result::ZipError| PackageError::Io {
            path: "the zip of the files".to_owned(),
            message: error.to_string(),
        };
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let mut size = 0;
        if let Some(plain) = plain {
            let mut archive = ZipArchive::new(Cursor::new(plain.bytes()?)).map_err(failed)?;
            let entry = archive.by_name(BOOTSTRAP).map_err(failed)?;
            size = entry.size();
            writer.raw_copy_file_rename(entry, self.executable_name()).map_err(failed)?;
        }
        for entry in entries {
            size += entry.bytes.len() as u64;
            within(WHOLE, size, MAX_UNZIPPED, true)?;
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .compression_level(Some(LEVEL))
                .last_modified_time(DateTime::default())
                .system(System::Unix)
                .unix_permissions(if entry.is_executable { 0o755 } else { 0o644 });
            writer.start_file(entry.name, options).map_err(failed)?;
            writer.write_all(&entry.bytes).map_err(|error| failed(error.into()))?;
        }
        let zip = writer.finish().map_err(failed)?.into_inner();
        within(WHOLE, zip.len() as u64, MAX_ZIPPED, false)?;
        Ok(zip)
    }
}

impl Entry<'_> {
    /// Returns the digest of content and executable bit.
    fn digest(&self) -> String {
        let content = digest(&self.bytes);
        if self.is_executable { digest(format!("{content} x").as_bytes()) } else { content }
    }
}

/// The zip in messages about its size.
const WHOLE: &str = "the zip with all files";

/// Fails if two files cannot be in one directory, or if one takes the executable's place.
fn refuse_clashes(files: &BTreeMap<String, PathBuf>, executable: Option<&str>) -> Result<(), PackageError> {
    for (name, path) in files {
        let refused = |why: String| Err(PackageError::file(path.display().to_string(), why));
        if Some(name.as_str()) == executable {
            return refused(format!("would replace the executable `{name}`: give it another name with `to`"));
        }
        let directories = name.match_indices('/').map(|(at, _)| &name[..at]);
        for directory in directories {
            if files.contains_key(directory) || executable == Some(directory) {
                return refused(format!("would lie below `{directory}`, which is a file"));
            }
        }
    }
    Ok(())
}

/// Fails if the files alone are more than Lambda takes.
fn refuse_size(files: &BTreeMap<String, PathBuf>) -> Result<(), PackageError> {
    let sizes = files.values().map(|path| fs::metadata(path).map_or(0, |metadata| metadata.len()));
    within(WHOLE, sizes.sum(), MAX_UNZIPPED, true)
}

/// Returns a digest of all that decides about the bytes of a zip.
fn key(plain: Option<(&Artifact, &str)>, entries: &[Entry<'_>]) -> String {
    let mut sha = Sha256::new();
    let mut add = |field: &[u8]| {
        sha.update((field.len() as u64).to_le_bytes());
        sha.update(field);
    };
    add(&archive::FORMAT.to_le_bytes());
    if let Some((plain, name)) = plain {
        add(name.as_bytes());
        add(plain.code_sha256.as_bytes());
    }
    for entry in entries {
        add(entry.name.as_bytes());
        add(&[u8::from(entry.is_executable)]);
        add(&entry.bytes);
    }
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Finds the undamaged zip that an earlier run packed.
fn find_kept(store: &Path, key: &str) -> Option<(PathBuf, Vec<u8>)> {
    let mut paths = fs::read_dir(store).ok()?.flatten().map(|entry| entry.path());
    paths.find_map(|path| {
        let name = path.file_name()?.to_str()?;
        let recorded = name.strip_prefix(key)?.strip_prefix('.')?.strip_suffix(ENDING)?;
        let bytes = fs::read(&path).ok().filter(|bytes| archive::hex_sha256(bytes) == recorded)?;
        Some((path, bytes))
    })
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests;
