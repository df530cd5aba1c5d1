//! Checks whether a text is a region.

use super::check::words;
use super::finding::{DocPath, Findings};
use super::nearest::nearest;
use crate::aws::partition::{self, Partition};

/// Warns of an unknown region. The region is used anyway: AWS may have opened it recently.
pub(super) fn doubt(region: &str, what: &str, path: DocPath, findings: &mut Findings) {
    if !is_code(region) || partition::regions().any(|known| known == region) {
        return;
    }
    let help = match nearest(region, partition::regions()) {
        Some(meant) => format!("did you mean `{meant}`? A region that opened lately is taken as it is"),
        None => "look for a typing error; a region that opened lately is taken as it is".to_owned(),
    };
    findings
        .warning("stack::unknown-region", path, format!("{what}, `{region}`, is not a known one of AWS"))
        .help(help);
}

/// Takes the region from an environment variable, which can mean nothing but a region code.
pub(super) fn of_environment(name: &str, region: &str, findings: &mut Findings) -> Option<String> {
    if is_code(region) {
        doubt(region, &format!("the region of {name}"), DocPath::of(["stack"]), findings);
        return Some(region.to_owned());
    }
    let shown: String = region.chars().filter(|c| !c.is_control()).take(40).collect();
    findings
        .error("stack::bad-value", DocPath::of(["stack"]), format!("{name} holds `{shown}`, which is no region's code"))
        .help(format!("set {name} to a code such as `eu-west-1`, or add `region:` to the stack"));
    None
}

/// Warns of an ARN in a partition other than the stack's: resources cannot refer to each other across partitions.
pub(super) fn foreign(text: &str, region: &str, path: &DocPath, findings: &mut Findings) {
    let own = Partition::of(region);
    let named = text.split("arn:").skip(1).filter_map(|rest| Partition::by_name(rest.split(':').next()?));
    if let Some(other) = named.filter(|_| !region.is_empty()).find(|partition| *partition != own) {
        let message =
            format!("this ARN is of the partition `{}`, and the stack's region is in `{}`", other.name, own.name);
        findings
            .warning("stack::other-partition", path.clone(), message)
            .help("write `arn:${aws.partition}:…`, which is right in every region");
    }
}

fn is_code(region: &str) -> bool {
    regex_lite::Regex::new(words::REGION).is_ok_and(|code| code.is_match(region))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(region: &str) -> Vec<(String, Option<String>)> {
        let mut findings = Findings::default();
        of_environment("AWS_REGION", region, &mut findings);
        findings.0.into_iter().map(|finding| (finding.message, finding.help)).collect()
    }

    #[test]
    fn regions_of_every_partition_are_known() {
        for region in ["eu-west-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-west-1", "eusc-de-east-1"]
        {
            assert!(messages(region).is_empty(), "{region}");
        }
    }

    #[test]
    fn a_region_that_is_none_is_refused_and_one_that_nobody_knows_doubted() {
        assert_eq!(messages("Frankfurt")[0].0, "AWS_REGION holds `Frankfurt`, which is no region's code");
        assert!(
            messages("eu-wets-1")[0].1.as_deref().is_some_and(|help| help.starts_with("did you mean `eu-west-1`?"))
        );
        assert_eq!(messages("eu-atlantis-1").len(), 1);
    }
}
