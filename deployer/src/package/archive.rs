//! Writes and checks function zips.
//!
//! The zip of a binary depends on the binary's bytes alone: one entry, a fixed time, fixed attributes, a fixed
//! compressor at a fixed level. Lambda's `CodeSha256` is the hash of the zip, so equal code needs no upload.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipArchive, ZipWriter};

use super::libraries::Beside;
use super::{Artifact, PackageError, Platform, Runtime, Warning, elf};

/// Version of the zip's format. Increase it whenever [`zip_of`] would write other bytes for the same binary.
pub(super) const FORMAT: u32 = 1;

/// Limit of a direct upload in `CreateFunction` and `UpdateFunctionCode`, in bytes.
pub(super) const MAX_ZIPPED: u64 = 50 * 1024 * 1024;
/// Limit of function and layers together once unpacked, in bytes.
pub(super) const MAX_UNZIPPED: u64 = 250 * 1024 * 1024;

pub(super) const BOOTSTRAP: &str = "bootstrap";
pub(super) const LEVEL: i64 = 9;

/// Computes Lambda's `CodeSha256`: the SHA-256 of the zip in padded base64.
pub(super) fn code_sha256(zip: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(zip))
}

/// Computes the SHA-256 in lower-case hexadecimal.
pub(super) fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Packs `binary` as the only entry `bootstrap`.
pub(super) fn zip_of(file: &str, binary: &[u8]) -> Result<Vec<u8>, PackageError> {
    within(file, binary.len() as u64, MAX_UNZIPPED, true)?;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .last_modified_time(DateTime::default())
        .system(System::Unix)
        .unix_permissions(0o755);
    let failed = |message: String| PackageError::Io { path: file.to_owned(), message };
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(BOOTSTRAP, options).map_err(|e| failed(e.to_string()))?;
    writer.write_all(binary).map_err(|e| failed(e.to_string()))?;
    let zip = writer.finish().map_err(|e| failed(e.to_string()))?.into_inner();
    within(file, zip.len() as u64, MAX_ZIPPED, false)?;
    Ok(zip)
}

/// Returns a zip that Lambda would accept, and its `CodeSha256`, in place of code that is not known.
pub fn placeholder() -> Result<(Vec<u8>, String), PackageError> {
    let zip = zip_of("a placeholder", b"#!/bin/sh\n")?;
    let hash = code_sha256(&zip);
    Ok((zip, hash))
}

/// Tells whether `zip` is undamaged and unpacks to `binary`.
pub(super) fn holds(zip: &[u8], binary: &[u8]) -> bool {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(zip)) else {
        return false;
    };
    let Ok(entry) = archive.by_name(BOOTSTRAP) else {
        return false;
    };
    let mut unpacked = Vec::with_capacity(binary.len());
    let room = binary.len() as u64 + 1;
    entry.take(room).read_to_end(&mut unpacked).is_ok() && unpacked == binary
}

/// Returns the checksums of the files in a zip, by name; `None` if its directory cannot be read.
pub(super) fn entries(zip: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).ok()?;
    let mut found = BTreeMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).ok()?;
        if !entry.is_dir() {
            let mode = entry.unix_mode().unwrap_or_default() & 0o111;
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            found.insert(name, format!("{:08x}-{:x}-{mode:o}", entry.crc32(), entry.size()));
        }
    }
    Some(found)
}

/// Fails if zips that Lambda unpacks beside each other are too large together.
///
/// # Errors
/// [`PackageError::TooLarge`], and the errors of reading a zip.
pub fn check_together<'a>(artifacts: impl Iterator<Item = &'a Artifact>) -> Result<(), PackageError> {
    let mut size = 0;
    for artifact in artifacts {
        let archive = ZipArchive::new(Cursor::new(artifact.bytes()?));
        size += archive.map_or(0, |archive| unzipped(&archive));
    }
    within("the code together with its layers", size, MAX_UNZIPPED, true)
}

fn unzipped<R: std::io::Read + std::io::Seek>(archive: &ZipArchive<R>) -> u64 {
    archive.decompressed_size().map_or(0, |size| u64::try_from(size).unwrap_or(u64::MAX))
}

/// A ready zip that Lambda would accept and could start.
#[derive(Debug, Default)]
pub(super) struct Sound {
    /// Its `bootstrap`, if the runtime requires one.
    pub bootstrap: Option<Vec<u8>>,
    pub warnings: Vec<Warning>,
}

/// Fails unless Lambda would accept and could start the ready zip at `path`.
pub(super) fn check(path: &Path, zip: &[u8], platform: Platform, layers: bool) -> Result<Sound, PackageError> {
    let shown = path.display().to_string();
    let not_zip = |message: String| PackageError::NotZip { path: shown.clone(), message };
    within(&shown, zip.len() as u64, MAX_ZIPPED, false)?;
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|e| not_zip(e.to_string()))?;
    within(&shown, unzipped(&archive), MAX_UNZIPPED, true)?;
    if platform.runtime == Runtime::Managed {
        return Ok(Sound::default());
    }
    let files: Vec<String> = archive.file_names_raw().map(|n| String::from_utf8_lossy(n).into_owned()).collect();
    let Some(index) = archive.index_for_name(BOOTSTRAP) else {
        return Err(PackageError::NoBootstrap { path: shown, found: files });
    };
    let entry = archive.by_index(index).map_err(|e| not_zip(e.to_string()))?;
    let mode = entry.unix_mode().unwrap_or(0);
    if mode & 0o111 == 0 {
        return Err(PackageError::NotExecutable { path: shown, mode });
    }
    let mut bootstrap = Vec::new();
    // The sizes in the zip's directory are only claims: a forged size must not fill the memory.
    entry.take(MAX_UNZIPPED + 1).read_to_end(&mut bootstrap).map_err(|e| not_zip(e.to_string()))?;
    within(&shown, bootstrap.len() as u64, MAX_UNZIPPED, true)?;
    // Lambda also starts scripts; the interpreter is the image's own.
    let warnings = if bootstrap.starts_with(b"#!") {
        Vec::new()
    } else {
        let name = format!("`bootstrap` in {shown}");
        elf::check(&name, &bootstrap, platform, Beside { files: &files, layers })?
    };
    Ok(Sound { bootstrap: Some(bootstrap), warnings })
}

pub(super) fn within(path: &str, size: u64, limit: u64, unzipped: bool) -> Result<(), PackageError> {
    if size <= limit {
        return Ok(());
    }
    Err(PackageError::TooLarge { path: path.to_owned(), size, limit, unzipped })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn u16_at(bytes: &[u8], at: usize) -> u16 {
        u16::from_le_bytes([bytes[at], bytes[at + 1]])
    }

    fn u32_at(bytes: &[u8], at: usize) -> u32 {
        u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
    }

    #[test]
    fn the_same_binary_gives_the_same_bytes() {
        let binary: Vec<u8> = (0..100_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        assert_eq!(zip_of("a", &binary).unwrap(), zip_of("b", &binary).unwrap());
    }

    /// A change of these bytes redeploys every function: increase [`FORMAT`] with it.
    #[test]
    fn the_bytes_of_a_known_binary_stay_as_they_are() {
        let zip = zip_of("a", b"same code, same hash").unwrap();
        assert_eq!(code_sha256(&zip), "aDdIEVhAduR54+0os26Edy+IjpocWTY2JvzVgaWnLng=");
    }

    #[test]
    fn the_central_directory_holds_fixed_attributes_and_no_extra_fields() {
        let zip = zip_of("a", b"code").unwrap();
        let end = zip.len() - 22;
        assert_eq!(u32_at(&zip, end), 0x0605_4b50, "end record, no comment");
        assert_eq!(u16_at(&zip, end + 10), 1, "entries");
        let dir = u32_at(&zip, end + 16) as usize;
        assert_eq!(u32_at(&zip, dir), 0x0201_4b50);
        assert_eq!(zip[dir + 5], 3, "made by Unix");
        assert_eq!(u16_at(&zip, dir + 10), 8, "deflate");
        assert_eq!(u16_at(&zip, dir + 12), 0, "00:00:00");
        assert_eq!(u16_at(&zip, dir + 14), 0b0000_0000_0010_0001, "1980-01-01");
        assert_eq!(u32_at(&zip, dir + 24), 4, "size");
        assert_eq!(u16_at(&zip, dir + 28), 9, "name length");
        assert_eq!(u16_at(&zip, dir + 30), 0, "extra fields");
        assert_eq!(u16_at(&zip, dir + 32), 0, "comment");
        assert_eq!(u32_at(&zip, dir + 38) >> 16, 0o100_755, "mode");
        assert_eq!(&zip[dir + 46..dir + 55], b"bootstrap");
        assert_eq!(dir + 55, end, "nothing between directory and end record");
        let local = u32_at(&zip, dir + 42) as usize;
        assert_eq!(local, 0);
        assert_eq!(u16_at(&zip, local + 28), 0, "local extra fields");
    }

    #[test]
    fn the_entry_reads_back_as_an_executable() {
        let zip = zip_of("a", b"code").unwrap();
        let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
        assert_eq!(archive.len(), 1);
        let mut entry = archive.by_name("bootstrap").unwrap();
        assert_eq!(entry.unix_mode(), Some(0o100_755));
        assert_eq!(entry.last_modified(), Some(DateTime::default()));
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        assert_eq!(text, "code");
    }

    #[test]
    fn hashes_are_written_as_lambda_and_sha256sum_write_them() {
        assert_eq!(code_sha256(b""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert!(hex_sha256(b"").starts_with("e3b0c44298fc1c14"));
    }

    #[test]
    fn limits_count_bytes_exactly() {
        assert!(within("z", MAX_ZIPPED, MAX_ZIPPED, false).is_ok());
        let error = within("z", MAX_ZIPPED + 1024 * 1024, MAX_ZIPPED, false).unwrap_err();
        assert_eq!(error.to_string(), "z is 51.0 MiB zipped, more than Lambda's 50.0 MiB");
    }
}
