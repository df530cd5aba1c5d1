//! Writes the table of AWS's own constraints on requests, from a package of PyPI.
//!
//! botocore (Apache-2.0) carries AWS's service models. For newer models raise the version and the hash, which
//! `pip download --no-deps botocore` and `pip hash` print. Run this also after a call of another operation was added.

use std::path::Path;

use xtask::cargo;

use crate::pypi::Table;

const TABLE: Table = Table {
    package: "botocore",
    version: "1.44.8",
    sha256: "76342a76c338701db80dcb8afe1c9bd079283d6fffbb9d881442abb02a215043",
    program: include_str!("constraints.py"),
    table: "deployer/src/constraints/table.zlib",
};

pub fn run() -> Result<(), String> {
    TABLE.write(&[Path::new(&cargo::root().join("deployer/src"))])
}
