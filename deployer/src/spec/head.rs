//! The top-level properties of `stack.yaml` besides its sections.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::sections::buckets::Algorithm;
use super::variables::Variable;

/// Other tools' names for properties of the head, as in [`About::synonyms`](super::sections::About::synonyms).
pub const SYNONYMS: &[(&str, &str)] = &[("parameters", "vars"), ("variables", "vars")];

/// A stack: what AWS shall be made to match.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The stack's name: letters, digits and `-`. It marks everything that the stack owns.
    #[schemars(length(min = 1, max = 60), regex(pattern = r"^[a-zA-Z][a-zA-Z0-9-]*$"))]
    pub stack: String,
    /// The AWS region; default: AWS_REGION, else AWS_DEFAULT_REGION.
    #[schemars(regex(pattern = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]+$"))]
    pub region: Option<String>,
    /// The AWS account, 12 digits. With any other account's credentials the deployer refuses to work.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub account: Option<String>,
    /// Where the stack's state is kept; default: a directory beside stack.yaml.
    pub state: Option<StateLocation>,
    /// What the stack takes from outside: `--var`, `--var-file`, DEPLOYER_VAR_….
    #[serde(default)]
    pub vars: BTreeMap<String, Variable>,
    /// Tags for everything that the stack makes.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Tags that others set and that stay as they are: an organisation's tools, cost reports.
    #[serde(default)]
    pub ignore_tags: IgnoreTags,
    /// Values to print after an apply, such as `${apis.couch.url}`.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
    /// How `deployer ci` goes about its work.
    #[serde(default)]
    pub ci: Ci,
}

/// Tags that others set: never compared, removed or reported. A tag that stack.yaml states is compared all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IgnoreTags {
    /// Whole keys, such as `map-migrated`.
    #[schemars(inner(length(min = 1, max = 128)))]
    pub keys: Vec<String>,
    /// What keys begin with, such as `cost:`.
    #[schemars(inner(length(min = 1, max = 128)))]
    pub prefixes: Vec<String>,
}

/// Where a stack's state is kept.
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
    /// The bucket's region; default: the stack's.
    #[schemars(regex(pattern = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]+$"))]
    pub region: Option<String>,
    /// The account that the bucket belongs to, 12 digits; default: the stack's. A bucket of any other account is refused.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub account: Option<String>,
    /// Said with the state, its lock and its earlier versions, for a bucket whose policy demands it; default: nothing,
    /// so that the bucket's own encryption counts.
    pub encryption: Option<StateEncryption>,
}

/// How the state is encrypted at rest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateEncryption {
    /// With keys of S3's own (`AES256`), of KMS (`aws:kms`), or of KMS in two layers (`aws:kms:dsse`).
    #[serde(default)]
    pub sse_algorithm: Algorithm,
    /// The KMS key: id, ARN, or an alias; default: the account's `alias/aws/s3`.
    pub kms_master_key_id: Option<String>,
}

/// State in a local directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateDirectory {
    /// The directory, from where stack.yaml is.
    #[schemars(length(min = 1))]
    pub path: String,
    /// Says that the directory outlives a CI job, or that nothing is lost with it. Without it the deployer does not apply
    /// in CI: what the state alone knows would be gone with the job.
    #[serde(default)]
    pub in_ci: bool,
}

/// How `deployer ci` goes about its work.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ci {
    /// The branches that are applied; others are only planned.
    pub apply_on: Vec<String>,
    /// What happens when the plan about to be applied is not the one that the merged pull request showed.
    pub reviewed_plan: ReviewedPlan,
    /// Writes the plan into one comment of the pull or merge request, where there is a token that may.
    pub comment: bool,
    /// Which pull requests or branches are deployed, too, each into an environment of its own.
    pub preview: Preview,
}

impl Default for Ci {
    fn default() -> Self {
        Self {
            apply_on: vec!["main".to_owned()],
            reviewed_plan: ReviewedPlan::Match,
            comment: true,
            preview: Preview::Off,
        }
    }
}

/// What gets a preview environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preview {
    Off,
    /// Each pull or merge request of this repository: `pr-7`, `mr-7`. It goes when the request is closed.
    PullRequest,
    /// Each branch that is not in `apply_on`, under its own name. It goes when the branch is deleted.
    Branch,
}

/// What happens when a plan is not the one that was reviewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReviewedPlan {
    /// It is refused. One that no pull request is known for is applied.
    Match,
    /// It is refused, and so is one that no pull request is known for.
    Require,
    /// The difference is shown, and the plan applied.
    Warn,
    /// Nobody looks.
    Off,
}
