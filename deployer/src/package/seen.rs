//! Notices whether a file changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// A file's time and size at the moment of use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileStamp {
    pub path: PathBuf,
    pub mtime_ns: u64,
    size: u64,
}

impl FileStamp {
    /// Reads a file's time and size; `None` if it is not a plain file with a time after 1970.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self { path: path.to_owned(), mtime_ns: u64::try_from(since.as_nanos()).ok()?, size: metadata.len() })
    }

    /// Tells whether the file is still the same.
    pub fn holds(&self) -> bool {
        Self::of(&self.path).as_ref() == Some(self)
    }
}
