//! Examines an executable as Lambda will: its machine, and the glibc and libraries that it requires.

use object::elf::{EM_AARCH64, EM_X86_64};
use object::read::elf::{ElfFile64, FileHeader as _};

use super::error::ExecutableOrigin;
use super::libraries::{self, Beside};
use super::{Architecture, PackageError, Platform, Warning};

/// Fails unless Lambda can start `binary` on this architecture and runtime. `file` names it in errors. A statically
/// linked binary requires no glibc and no library, and always passes that part.
pub(super) fn check(
    file: &str,
    binary: &[u8],
    platform: Platform,
    beside: Beside<'_>,
) -> Result<Vec<Warning>, PackageError> {
    let Platform { architecture, runtime } = platform;
    let not_elf = |found: &str| PackageError::NotExecutableFormat { file: file.to_owned(), found: found.to_owned() };
    if !binary.starts_with(b"\x7fELF") {
        return Err(not_elf(foreign_format(binary)));
    }
    let elf = ElfFile64::<object::Endianness>::parse(binary).map_err(|_| not_elf("a damaged or 32-bit ELF file"))?;
    let machine = elf.elf_header().e_machine(elf.endian());
    let wanted = match architecture {
        Architecture::X86_64 => EM_X86_64,
        Architecture::Arm64 => EM_AARCH64,
    };
    if machine != wanted {
        return Err(PackageError::WrongMachine {
            file: file.to_owned(),
            found: machine_name(machine),
            wanted: architecture,
        });
    }
    let Some(limit) = runtime.glibc() else {
        return Ok(Vec::new());
    };
    let newest = newest_glibc(&elf).map_err(|e| not_elf(&format!("damaged ELF file: {e}")))?;
    match newest {
        Some(version) if version > limit => Err(PackageError::Glibc {
            file: file.to_owned(),
            version: format!("GLIBC_{}", dotted(&version)),
            runtime,
            limit: dotted(&limit),
            made: ExecutableOrigin::Elsewhere,
        }),
        _ => libraries::check(file, &elf, platform, beside),
    }
}

/// A glibc version: major, minor, patch.
pub(super) type Glibc = [u32; 3];

/// Returns the newest `GLIBC_x.y` among the symbol versions in `.gnu.version_r`.
fn newest_glibc(elf: &ElfFile64<'_>) -> object::read::Result<Option<Glibc>> {
    let (endian, sections) = (elf.endian(), elf.elf_section_table());
    let Some((mut needs, strings)) = sections.gnu_verneed(endian, elf.data())? else {
        return Ok(None);
    };
    let strings = sections.strings(endian, elf.data(), strings)?;
    let mut newest = None;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            newest = newest.max(parse_glibc(version.name(endian, strings)?));
        }
    }
    Ok(newest)
}

/// Parses `GLIBC_2.34` or `GLIBC_2.2.5`. Returns `None` for `GLIBC_PRIVATE` and other libraries' versions.
fn parse_glibc(name: &[u8]) -> Option<Glibc> {
    let digits = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut version = [0; 3];
    for (at, part) in digits.split('.').enumerate() {
        *version.get_mut(at)? = part.parse().ok()?;
    }
    Some(version)
}

fn dotted(version: &Glibc) -> String {
    match version {
        [major, minor, 0] => format!("{major}.{minor}"),
        [major, minor, patch] => format!("{major}.{minor}.{patch}"),
    }
}

fn machine_name(machine: object::elf::Machine) -> String {
    match machine {
        EM_X86_64 => "x86_64".to_owned(),
        EM_AARCH64 => "arm64".to_owned(),
        other => format!("ELF machine {other:?}"),
    }
}

/// Names the format of a file that is not ELF, by its first bytes.
fn foreign_format(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "it is empty",
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => "a macOS executable",
        [b'M', b'Z', ..] => "a Windows executable",
        [b'#', b'!', ..] => "a script",
        [b'P', b'K', 3, 4, ..] => "a zip (use `zip:` for it)",
        _ => "no ELF header",
    }
}

#[cfg(test)]
mod tests {
    use super::super::Runtime;
    use super::*;

    fn on(architecture: Architecture, runtime: Runtime) -> Platform {
        Platform { architecture, runtime }
    }

    fn own_binary() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    fn own_architecture() -> Architecture {
        Architecture::host().unwrap()
    }

    #[test]
    fn a_binary_of_this_machine_passes_and_the_other_architecture_is_named() {
        let binary = own_binary();
        let host = own_architecture();
        assert!(check("own", &binary, on(host, Runtime::Managed), Beside::default()).is_ok());
        let other = match host {
            Architecture::X86_64 => Architecture::Arm64,
            Architecture::Arm64 => Architecture::X86_64,
        };
        let error = check("own", &binary, on(other, Runtime::ProvidedAl2023), Beside::default()).unwrap_err();
        assert_eq!(error.code(), "package::wrong-architecture");
        assert_eq!(error.to_string(), format!("own is built for {host}, but the function runs on {other}"));
    }

    #[test]
    fn a_too_new_symbol_version_is_named_with_the_limit() {
        let binary = own_binary();
        let elf = ElfFile64::<object::Endianness>::parse(&*binary).unwrap();
        let newest = newest_glibc(&elf).unwrap().unwrap();
        // Rust's standard library requires 2.17 at least; binaries built on hosts since 2021 require 2.28 and more.
        assert!(newest > [2, 26, 0], "{newest:?}");
        let error = check("own", &binary, on(own_architecture(), Runtime::ProvidedAl2), Beside::default()).unwrap_err();
        assert_eq!(error.to_string(), format!("own needs GLIBC_{}, but provided.al2 has glibc 2.26", dotted(&newest)));
        assert!(error.help().contains("cargo zigbuild --target TARGET.2.26"), "{}", error.help());
    }

    #[test]
    fn versions_compare_by_number_and_private_ones_do_not_count() {
        assert!(parse_glibc(b"GLIBC_2.34") > parse_glibc(b"GLIBC_2.4"));
        assert!(parse_glibc(b"GLIBC_2.2.5") > parse_glibc(b"GLIBC_2.2"));
        assert_eq!(parse_glibc(b"GLIBC_PRIVATE"), None);
        assert_eq!(parse_glibc(b"GCC_3.0"), None);
    }

    #[test]
    fn other_formats_are_named() {
        for (bytes, named) in [
            (&b"#!/bin/sh\n"[..], "a script"),
            (b"MZ\x90", "a Windows executable"),
            (b"\xcf\xfa\xed\xfe\x07", "a macOS executable"),
            (b"\x7fELF\x02\x01", "a damaged or 32-bit ELF file"),
        ] {
            let error = check("f", bytes, on(Architecture::X86_64, Runtime::ProvidedAl2023), Beside::default());
            assert_eq!(error.unwrap_err().to_string(), format!("f is not a Linux executable: {named}"));
        }
    }
}
