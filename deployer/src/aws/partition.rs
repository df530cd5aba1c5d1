//! The partitions of AWS: their regions and the ends of their host names.
//!
//! From the partitions that botocore and the SDKs ship (`partitions.json`). A region that opens later is recognised by
//! its beginning. Only the warning about a misspelt region needs the complete list.

/// A part of AWS with accounts, ARNs and host names of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Partition {
    /// The name in ARNs: `aws-cn`.
    pub name: &'static str,
    /// The end of its host names: `amazonaws.com.cn`.
    pub suffix: &'static str,
    /// The beginning of its regions' names; none for the first partition, which has all the others.
    begins: &'static str,
    pub regions: &'static [&'static str],
}

/// All partitions. The last one is the default.
pub static PARTITIONS: &[Partition] = &[
    Partition { name: "aws-cn", suffix: "amazonaws.com.cn", begins: "cn-", regions: &["cn-north-1", "cn-northwest-1"] },
    Partition { name: "aws-eusc", suffix: "amazonaws.eu", begins: "eusc-", regions: &["eusc-de-east-1"] },
    Partition {
        name: "aws-iso",
        suffix: "c2s.ic.gov",
        begins: "us-iso-",
        regions: &["us-iso-east-1", "us-iso-west-1"],
    },
    Partition {
        name: "aws-iso-b",
        suffix: "sc2s.sgov.gov",
        begins: "us-isob-",
        regions: &["us-isob-east-1", "us-isob-west-1"],
    },
    Partition { name: "aws-iso-e", suffix: "cloud.adc-e.uk", begins: "eu-isoe-", regions: &["eu-isoe-west-1"] },
    Partition {
        name: "aws-iso-f",
        suffix: "csp.hci.ic.gov",
        begins: "us-isof-",
        regions: &["us-isof-east-1", "us-isof-south-1"],
    },
    Partition {
        name: "aws-us-gov",
        suffix: "amazonaws.com",
        begins: "us-gov-",
        regions: &["us-gov-east-1", "us-gov-west-1"],
    },
    Partition {
        name: "aws",
        suffix: "amazonaws.com",
        begins: "",
        regions: &[
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-central-1",
            "ca-west-1",
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "me-west-1",
            "mx-central-1",
            "sa-east-1",
            "sa-west-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ],
    },
];

impl Partition {
    /// Finds the partition of a region.
    pub fn of(region: &str) -> &'static Self {
        let last = &PARTITIONS[PARTITIONS.len() - 1];
        PARTITIONS.iter().find(|partition| region.starts_with(partition.begins)).unwrap_or(last)
    }

    /// Finds a partition by its name in ARNs.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        PARTITIONS.iter().find(|partition| partition.name == name)
    }
}

/// Lists every region that is known.
pub fn regions() -> impl Iterator<Item = &'static str> {
    PARTITIONS.iter().flat_map(|partition| partition.regions.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_is_in_its_partition() {
        for partition in PARTITIONS {
            for region in partition.regions {
                assert_eq!(Partition::of(region), partition, "{region}");
            }
            assert_eq!(Partition::by_name(partition.name), Some(partition));
        }
        assert_eq!(Partition::of("eu-atlantis-1").name, "aws");
        assert_eq!(Partition::of("eusc-fr-west-1").name, "aws-eusc");
    }
}
