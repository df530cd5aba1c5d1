//! Files beside the code of functions.

use super::{Code, error};

#[rustfmt::skip]
pub(super) const CODES: &[Code] = &[
    error(
        "package::file-place",
        "The place of a file in the zip leads out of the zip.",
        "functions:\n  mail: { binary: mail, files: [{ from: letters, to: /letters }] }\n",
        "functions:\n  mail: { binary: mail, files: [{ from: letters, to: letters }] }\n",
        "Write a path without `..` that does not begin with `/`. Lambda unpacks the zip to the directory that the variable LAMBDA_TASK_ROOT names.",
    ),
    error(
        "package::files-with-zip",
        "A ready zip is uploaded as it is, so nothing is added to it.",
        "functions:\n  mail: { zip: mail.zip, files: [letters] }\n",
        "functions:\n  mail: { binary: mail, files: [letters] }\n",
        "Add the files to the zip, or give the code with `crate`, `binary` or `dir`.",
    ),
];
