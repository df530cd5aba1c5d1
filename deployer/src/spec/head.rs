//! The top-level properties of `stack.yaml` besides its sections.

mod uncovered;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::sections::buckets::Algorithm;
use super::variables::Variable;

pub use uncovered::TABLE as UNCOVERED;

/// Other tools' names for properties of the head, as in [`About::synonyms`](super::sections::About::synonyms).
pub const SYNONYMS: &[(&str, &str)] = &[
    ("name", "stack"),
    ("parameters", "vars"),
    ("service", "stack"),
    ("servicename", "stack"),
    ("stackname", "stack"),
    ("variables", "vars"),
];

/// A stack: the resources that AWS is made to match.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The stack's name: letters, digits and `-`. Every resource of the stack is tagged with it.
    #[schemars(length(min = 1, max = 60), regex(pattern = r"^[a-zA-Z][a-zA-Z0-9-]*$"))]
    pub stack: String,
    /// The AWS region. Default: AWS_REGION, else AWS_DEFAULT_REGION.
    #[schemars(regex(pattern = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]+$"))]
    pub region: Option<String>,
    /// The AWS account, 12 digits. The deployer refuses credentials of any other account.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub account: Option<String>,
    /// The place of the stack's state. Default: a directory beside stack.yaml.
    pub state: Option<StateLocation>,
    /// The environments of the stack besides previews: no command works on another one. `main` is the stack without
    /// `--env`. Default: every name is an environment.
    #[serde(default)]
    #[schemars(length(min = 1), inner(length(min = 1, max = 32)))]
    pub environments: Vec<String>,
    /// Inputs of the stack, given by `vars/ENV.yaml`, `--var`, `--var-file` or DEPLOYER_VAR_….
    #[serde(default)]
    pub vars: BTreeMap<String, Variable>,
    /// Tags for every resource of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Tags of others, such as an organisation's tools and cost reports, which stay unchanged.
    #[serde(default)]
    pub ignore_tags: IgnoreTags,
    /// Values to print after an apply, such as `${apis.couch.url}`.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
    /// Settings of `deployer ci`.
    #[serde(default)]
    pub ci: Ci,
}

/// Tags of others: never compared, removed or reported. A tag that stack.yaml states is compared all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IgnoreTags {
    /// Whole keys, such as `map-migrated`.
    #[schemars(inner(length(min = 1, max = 128)))]
    pub keys: Vec<String>,
    /// Beginnings of keys, such as `cost:`.
    #[schemars(inner(length(min = 1, max = 128)))]
    pub prefixes: Vec<String>,
}

/// The place of a stack's state.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum StateLocation {
    S3(StateBucket),
    Directory(StateDirectory),
}

/// State in an S3 object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateBucket {
    /// The bucket's name.
    #[schemars(length(min = 3, max = 63), regex(pattern = r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$"))]
    pub bucket: String,
    /// The object's key.
    #[schemars(length(min = 1, max = 1_000))]
    pub key: String,
    /// The bucket's region. Default: the stack's.
    #[schemars(regex(pattern = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]+$"))]
    pub region: Option<String>,
    /// The account that owns the bucket, 12 digits. Default: the stack's. A bucket of any other account is refused.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub account: Option<String>,
    /// Encryption that is stated with every write, for a bucket whose policy demands it. Default: none, so that the
    /// bucket's own encryption applies.
    pub encryption: Option<StateEncryption>,
}

/// Encryption of the state at rest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateEncryption {
    /// The keys: S3's own (`AES256`), of KMS (`aws:kms`), or of KMS in two layers (`aws:kms:dsse`).
    #[serde(default)]
    pub sse_algorithm: Algorithm,
    /// The KMS key: an id, an ARN or an alias. Default: the account's `alias/aws/s3`.
    pub kms_master_key_id: Option<String>,
}

/// State in a local directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateDirectory {
    /// The directory, relative to stack.yaml.
    #[schemars(length(min = 1))]
    pub path: String,
    /// Whether the directory outlives a CI job, or may be lost with it. Without it the deployer does not apply in CI,
    /// because the state would be lost with the job.
    #[serde(default)]
    pub in_ci: bool,
}

/// Settings of `deployer ci`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ci {
    /// The branches that are applied. Others are only planned.
    pub apply_on: Vec<String>,
    /// The reaction if the plan differs from the plan that the merged pull request showed.
    pub reviewed_plan: ReviewedPlan,
    /// Whether the plan is written into one comment of the pull or merge request. It needs a token with that permission.
    pub comment: bool,
    /// The pull requests or branches that get a preview environment each.
    pub preview: Preview,
    /// Whether runs that only plan do without the secrets that are not given, like `plan --keep-secrets`.
    pub keep_secrets: bool,
    /// Whether each apply is rehearsed first, like `deployer rehearse`. A refusal ends the run before anything is changed.
    pub rehearse: bool,
}

impl Default for Ci {
    fn default() -> Self {
        Self {
            apply_on: vec!["main".to_owned()],
            reviewed_plan: ReviewedPlan::Match,
            comment: true,
            preview: Preview::Off,
            keep_secrets: false,
            rehearse: false,
        }
    }
}

/// Pull requests or branches that get a preview environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preview {
    Off,
    /// Each pull or merge request of this repository: `pr-7`, `mr-7`. The environment is destroyed when the request is
    /// closed.
    PullRequest,
    /// Each branch that is not in `apply_on`, under its own name. The environment is destroyed when the branch is
    /// deleted.
    Branch,
}

/// The reaction to a plan that differs from the reviewed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReviewedPlan {
    /// Refuse it. A commit without a pull request is applied.
    Match,
    /// Refuse it. A commit without a pull request is refused, too.
    Require,
    /// Print the difference and apply the plan.
    Warn,
    /// Apply the plan without a comparison.
    Off,
}
