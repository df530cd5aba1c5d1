//! Words of layers that are no property.

use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

/// The words of a layer.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    UncoveredWords::of(
        &["content", "source", "source_dir", "path", "code", "filename", "s3_bucket", "s3_key", "package", "include", "patterns"],
        Otherwise("write `dir: DIRECTORY`, `zip: FILE` or `crate: PACKAGE`; `files: [ … ]` adds further files"),
    ),
    UncoveredWords::of(
        &["retention_policy", "skip_destroy", "retain_versions"],
        Otherwise("write `retain: true` to keep the layer when it leaves the stack. The newest ten versions are kept in any case"),
    ),
    UncoveredWords::of(
        &["permissions", "permission", "allowed_accounts", "accounts", "principal", "organization_id", "layer_version_permission"],
        unmanaged("the sharing of layers with other accounts", "run `aws lambda add-layer-version-permission` for the version: the deployer leaves that permission as it is. A later version needs it again"),
    ),
    UncoveredWords::of(&["version", "versions"], Otherwise("leave it out: each change publishes the next version, and `${layers.NAME.arn}` is the newest one's")),
    UncoveredWords::of(&["build_method", "build", "metadata"], Otherwise("run the build first, and name its result: `dir: DIRECTORY`. A `crate` is built by plan and apply")),
];
