//! Compares the shared libraries that an executable requires with those of Lambda's images.

use object::elf::DT_NEEDED;
use object::read::elf::{ElfFile64, ProgramHeader as _};

use super::{Architecture, PackageError, Platform, Runtime, Warning};

/// Libraries of every image: glibc's, and the one for unwinding Rust's panics.
const PROMISED: &[&str] = &[
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libanl.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libmvec.so.1",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libutil.so.1",
];

/// Libraries of the images' own tools (the package manager, curl, rpm), which no document promises. An update of
/// provided.al2 already removed one: <https://github.com/aws/aws-lambda-rust-runtime/issues/683>.
const AL2023: &[&str] = &[
    "libbz2.so.1",
    "libcrypt.so.2",
    "libcrypto.so.3",
    "libcurl.so.4",
    "libffi.so.8",
    "liblz4.so.1",
    "liblzma.so.5",
    "libnghttp2.so.14",
    "libpcre2-8.so.0",
    "libsqlite3.so.0",
    "libssl.so.3",
    "libstdc++.so.6",
    "libuuid.so.1",
    "libxml2.so.2",
    "libz.so.1",
    "libzstd.so.1",
];
const AL2: &[&str] = &[
    "libbz2.so.1",
    "libcrypt.so.1",
    "libcrypto.so.10",
    "libcurl.so.4",
    "liblzma.so.5",
    "libsqlite3.so.0",
    "libssl.so.10",
    "libstdc++.so.6",
    "libuuid.so.1",
    "libxml2.so.2",
    "libz.so.1",
];

/// Files that accompany the executable.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside<'a> {
    /// The paths in its zip.
    pub files: &'a [String],
    /// Tells whether the function has layers, whose files are not known here.
    pub layers: bool,
}

/// Fails if Lambda cannot load `elf` because its loader or a library is missing. Warns about libraries that Lambda does
/// not promise.
pub(super) fn check(
    file: &str,
    elf: &ElfFile64<'_>,
    platform: Platform,
    beside: Beside<'_>,
) -> Result<Vec<Warning>, PackageError> {
    let unreadable = |e: object::Error| PackageError::NotExecutableFormat {
        file: file.to_owned(),
        found: format!("damaged ELF file: {e}"),
    };
    if let Some(loader) = interpreter(elf).map_err(unreadable)?.filter(|loader| !is_lambdas(loader, platform)) {
        return Err(PackageError::NoLoader { file: file.to_owned(), loader });
    }
    if beside.layers {
        return Ok(Vec::new());
    }
    let provided = |library: &str| beside.files.iter().any(|path| path.rsplit('/').next() == Some(library));
    let others = needed_libraries(elf).map_err(unreadable)?.into_iter();
    let others = others.filter(|library| !PROMISED.contains(&library.as_str()) && !provided(library));
    let by_chance = match platform.runtime {
        Runtime::ProvidedAl2023 => AL2023,
        Runtime::ProvidedAl2 => AL2,
        Runtime::Managed => return Ok(Vec::new()),
    };
    let (unpromised, missing): (Vec<String>, Vec<String>) =
        others.partition(|library| by_chance.contains(&library.as_str()));
    if !missing.is_empty() {
        return Err(PackageError::NoLibrary { file: file.to_owned(), libraries: missing, runtime: platform.runtime });
    }
    let warning = |library| Warning::Library { file: file.to_owned(), library, runtime: platform.runtime };
    Ok(unpromised.into_iter().map(warning).collect())
}

fn needed_libraries(elf: &ElfFile64<'_>) -> object::read::Result<Vec<String>> {
    let table = elf.elf_section_table().dynamic_table(elf.endian(), elf.data())?;
    let mut names = Vec::new();
    for entry in table.iter().filter(|entry| entry.tag == DT_NEEDED) {
        names.push(String::from_utf8_lossy(table.string(entry)?).into_owned());
    }
    Ok(names)
}

fn interpreter(elf: &ElfFile64<'_>) -> object::read::Result<Option<String>> {
    for header in elf.elf_program_headers() {
        if let Some(path) = header.interpreter(elf.endian(), elf.data())? {
            return Ok(Some(String::from_utf8_lossy(path).into_owned()));
        }
    }
    Ok(None)
}

fn is_lambdas(loader: &str, platform: Platform) -> bool {
    let known: &[&str] = match platform.architecture {
        Architecture::X86_64 => &["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-x86-64.so.2"],
        Architecture::Arm64 => &["/lib/ld-linux-aarch64.so.1", "/lib64/ld-linux-aarch64.so.1"],
    };
    known.contains(&loader)
}
