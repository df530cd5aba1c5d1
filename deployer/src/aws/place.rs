//! The account and region of a stack.

use super::partition::Partition;

/// Where the stack lives. ARNs and URLs are computed from it before any resource exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub account: String,
    pub region: String,
    /// `aws`, `aws-cn`, … ([`PARTITIONS`](super::partition::PARTITIONS)).
    pub partition: String,
    /// A local AWS in place of the real one.
    pub endpoint_url: Option<String>,
}

impl Place {
    /// Builds an ARN in this place: `arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE`.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account, .. } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// Names the partition that a region belongs to.
    pub fn partition_of(region: &str) -> &'static str {
        Partition::of(region).name
    }

    /// Returns the end of host names in this partition: `amazonaws.com`, in China `amazonaws.com.cn`.
    pub fn suffix(&self) -> &'static str {
        Partition::by_name(&self.partition).unwrap_or_else(|| Partition::of(&self.region)).suffix
    }
}
