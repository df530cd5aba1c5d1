//! Layers, and files beside the code of functions.

use super::{Code, error, warning};

const LONG_DESCRIPTION: &str = "layers: { fonts: { zip: fonts.zip, description: Fonts for invoices and letters Fonts for invoices and letters Fonts for invoices and letters Fonts for invoices and letters Fonts for invoices and letters Fonts for invoices and letters Fonts for invoices and letters Fonts for invoices and letters } }\n";

#[rustfmt::skip]
pub(super) const CODES: &[Code] = &[
    error(
        "function::layer-architecture",
        "The layer of this stack is for another processor than the function's, so its programs and libraries would not start.",
        "layers: { fonts: { zip: fonts.zip, compatible_architectures: [arm64] } }\nfunctions:\n  mail: { zip: mail.zip, layers: [fonts] }\n",
        "layers: { fonts: { zip: fonts.zip, compatible_architectures: [arm64, x86_64] } }\nfunctions:\n  mail: { zip: mail.zip, layers: [fonts] }\n",
        "Change the function's `architecture`, or the layer's `compatible_architectures` if it is for both.",
    ),
    warning(
        "function::layer-runtime",
        "The layer of this stack names the runtimes that it is for, and the function's is none of them. Lambda does not check it.",
        "layers: { fonts: { zip: fonts.zip, compatible_runtimes: [python3.13] } }\nfunctions:\n  mail: { zip: mail.zip, layers: [fonts] }\n",
        "layers: { fonts: { zip: fonts.zip, compatible_runtimes: [python3.13, provided.al2023] } }\nfunctions:\n  mail: { zip: mail.zip, layers: [fonts] }\n",
        "Add the runtime, or give the function another layer.",
    ),
    error(
        "layer::architecture",
        "A layer that cargo builds is for one processor.",
        "layers: { telemetry: { crate: telemetry, compatible_architectures: [x86_64, arm64] } }\n",
        "layers: { telemetry: { crate: telemetry, compatible_architectures: [arm64] } }\n",
        "Keep one of them, and add a second layer for the other.",
    ),
    error(
        "layer::content",
        "The content of a layer is a directory, a zip or a crate.",
        "layers: { fonts: { description: Fonts } }\n",
        "layers: { fonts: { dir: fonts } }\n",
        "Give exactly one of `dir`, `zip` and `crate`.",
    ),
    error(
        "layer::description",
        "AWS keeps 256 characters of a description, and the stack's name is a part of them: a layer has no tags that could name its owner.",
        LONG_DESCRIPTION,
        "layers: { fonts: { zip: fonts.zip, description: Fonts for invoices } }\n",
        "Write a shorter description. The deployer adds `(deployer:stack=NAME)` to it, and AWS takes 256 characters in all.",
    ),
    error(
        "layer::only-with-crate",
        "The property is about a crate, and the layer is a directory or a zip.",
        "layers: { fonts: { dir: fonts, bin: fonts } }\n",
        "layers: { fonts: { dir: fonts } }\n",
        "Add `crate: PACKAGE`, or remove the property.",
    ),
    error(
        "layer::tags",
        "Lambda has no tags for layers.",
        "layers: { fonts: { dir: fonts, tags: { team: mail } } }\n",
        "layers: { fonts: { dir: fonts, description: of the team mail } }\n",
        "Remove them. `description` and `license_info` are texts that AWS keeps with a layer.",
    ),
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
