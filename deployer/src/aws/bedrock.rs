//! Foundation models of Bedrock, as permissions name them.

use super::policy;

/// What lets a role use a model. Converse needs the same two.
const INVOKE: &[&str] = &["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"];

/// A foundation model in one region. Both may be patterns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundationModel {
    pub partition: String,
    pub region: String,
    pub id: String,
}

impl FoundationModel {
    /// Takes an ARN apart: `arn:aws:bedrock:us-west-2::foundation-model/stability.sd3-5-large-v1:0`.
    pub fn parse(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, _account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let id = resource.strip_prefix("foundation-model/").filter(|_| scheme == "arn" && service == "bedrock")?;
        Some(Self { partition: partition.to_owned(), region: region.to_owned(), id: id.to_owned() })
    }

    /// Writes the ARN.
    pub fn arn(&self) -> String {
        let Self { partition, region, id } = self;
        format!("arn:{partition}:bedrock:{region}::foundation-model/{id}")
    }

    /// Is the region the code of one, with neither wildcards nor what is not known yet?
    pub fn has_region(&self) -> bool {
        is_plain(&self.region, "-")
    }

    /// Is it one model in one region, of which Bedrock can be asked?
    pub fn is_one(&self) -> bool {
        self.has_region() && is_plain(&self.id, "-.:")
    }
}

/// Does a text hold letters, digits and these marks alone?
fn is_plain(text: &str, marks: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || marks.contains(c))
}

/// Lists the resources of Bedrock that a policy document lets a role invoke, as it writes them.
pub fn invoked(document: &serde_json::Value) -> Vec<&str> {
    policy::allowed_on(document, INVOKE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_one_where_neither_region_nor_id_is_a_pattern() {
        let one = |arn: &str| FoundationModel::parse(arn).map(|model| model.is_one());
        let arn = "arn:aws:bedrock:us-west-2::foundation-model/stability.sd3-5-large-v1:0";
        assert_eq!(one(arn), Some(true));
        assert_eq!(FoundationModel::parse(arn).map(|model| model.arn()).as_deref(), Some(arn));
        for pattern in ["us-*::foundation-model/a.b", "us-west-2::foundation-model/*", "::foundation-model/a.b"] {
            assert_eq!(one(&format!("arn:aws:bedrock:{pattern}")), Some(false), "{pattern}");
        }
        assert_eq!(one("arn:aws:bedrock:${aws.region}::foundation-model/a.b"), Some(false));
        for other in ["*", "arn:aws:bedrock:us-west-2:1:inference-profile/us.a.b", "arn:aws:s3:::foundation-model/a"] {
            assert_eq!(one(other), None, "{other}");
        }
    }
}
