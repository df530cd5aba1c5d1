//! The IAM permissions that the state's place needs.

use super::history::history_prefix;
use super::lock::lock_key;
use super::store::{Location, S3Location};
use crate::aws::Place;
use crate::kinds::Grant;

/// How a run uses the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// The run takes the lock.
    pub lock: bool,
    pub write: bool,
    pub create_bucket: bool,
    /// The run lists the states of environments, reads them, and erases its own.
    pub environments: bool,
}

impl Location {
    /// Returns the ARNs of the bucket, of everything in it, and of the state itself; none for a directory.
    pub fn arns(&self, place: &Place) -> Vec<String> {
        let Self::S3(at) = self else { return Vec::new() };
        let bucket = format!("arn:{}:s3:::{}", place.partition, at.bucket);
        vec![format!("{bucket}/*"), format!("{bucket}/{}", at.key), bucket]
    }

    /// Returns grants for the calls that `how` needs; none for a directory. They cover the bucket only if the expected
    /// account owns it. So another account that creates a bucket of this name, with any policy, gains nothing.
    pub fn grants(&self, how: Use, place: &Place) -> Vec<Grant> {
        let Self::S3(at) = self else { return Vec::new() };
        let bucket = format!("arn:{}:s3:::{}", place.partition, at.bucket);
        let object = |key: &str| format!("{bucket}/{key}");
        let (state, lock, kept) = (object(&at.key), object(&lock_key(&at.key)), object(&history_prefix(&at.key)) + "*");
        let list = Grant::new(&["s3:ListBucket"], &bucket);
        let mut grants = vec![
            // The lock tells a plan about a run that is changing the stack.
            Grant::on(&["s3:GetObject"], [state.clone(), kept.clone(), lock.clone()]),
            // S3 reports a missing state as missing only to callers who may list the bucket; that check has no prefix.
            list.only("StringLikeIfExists", "s3:prefix", vec![history_prefix(&at.key) + "*"]),
        ];
        if how.lock {
            grants.push(Grant::new(&["s3:PutObject", "s3:DeleteObject"], lock));
        }
        if how.write {
            grants.push(Grant::on(&["s3:GetObject", "s3:PutObject"], [state, kept.clone()]));
            grants.push(Grant::new(&["s3:DeleteObject"], kept));
        }
        if how.environments {
            let stem = at.key.strip_suffix(".json").unwrap_or(&at.key);
            let list = Grant::new(&["s3:ListBucket"], &bucket);
            grants.push(list.only("StringLikeIfExists", "s3:prefix", vec![stem.to_owned()]));
        }
        if how.environments && how.write {
            grants.push(Grant::new(&["s3:DeleteObject"], object(&at.key)));
        }
        let creates = how.write && how.create_bucket;
        if creates {
            grants.push(Grant::new(SETTINGS, &bucket));
        }
        let owner = at.owner(place);
        let of_owner = |grant: Grant| grant.only("StringEquals", "aws:ResourceAccount", vec![owner.to_owned()]);
        let mut grants: Vec<Grant> = grants.into_iter().map(of_owner).collect();
        if creates {
            // A bucket that does not exist yet has no owner.
            grants.push(Grant::new(&["s3:CreateBucket", "s3:TagResource"], bucket));
        }
        grants.extend(at.key_grant(how, place));
        grants
    }
}

/// Actions that set up a bucket created with `--create-state-bucket`.
const SETTINGS: &[&str] = &[
    "s3:GetBucketPolicy",
    "s3:GetBucketTagging",
    "s3:GetLifecycleConfiguration",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
];

impl S3Location {
    fn owner<'a>(&'a self, place: &'a Place) -> &'a str {
        self.account.as_deref().unwrap_or(&place.account)
    }

    /// Grants the use of the configured KMS key, through S3 only.
    fn key_grant(&self, how: Use, place: &Place) -> Option<Grant> {
        let key = self.encryption.as_ref()?.kms_master_key_id.as_deref()?;
        let region = self.region.as_deref().unwrap_or(&place.region);
        let keys = |id: &str| format!("arn:{}:kms:{region}:{}:key/{id}", place.partition, self.owner(place));
        let alias = key.split_once("alias/").map(|(_, name)| format!("alias/{name}"));
        let resource = match (&alias, key.strip_prefix("arn:")) {
            // A grant on an alias would allow actions on the alias, not on its key.
            (Some(_), _) => keys("*"),
            (None, Some(_)) => key.to_owned(),
            (None, None) => keys(key),
        };
        let actions: &[_] =
            if how.lock || how.write { &["kms:Decrypt", "kms:GenerateDataKey"] } else { &["kms:Decrypt"] };
        let grant = Grant::new(actions, resource);
        let grant = grant.only("StringEquals", "kms:ViaService", vec![format!("s3.{region}.{}", place.suffix())]);
        Some(match alias {
            Some(alias) => grant.only("ForAnyValue:StringEquals", "kms:ResourceAliases", vec![alias]),
            None => grant,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Encryption;

    fn place() -> Place {
        Place {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            partition: "aws".into(),
            endpoint_url: None,
        }
    }

    fn at(account: Option<&str>, key: Option<&str>) -> Location {
        let encryption =
            key.map(|key| Encryption { sse_algorithm: "aws:kms".into(), kms_master_key_id: Some(key.to_owned()) });
        let account = account.map(str::to_owned);
        Location::S3(S3Location { bucket: "b".into(), key: "k.json".into(), region: None, account, encryption })
    }

    const APPLY: Use = Use { lock: true, write: true, create_bucket: true, environments: true };

    #[test]
    fn every_grant_on_the_bucket_names_the_account_that_it_has_to_belong_to() {
        for (stated, wanted) in [(None, "123456789012"), (Some("210987654321"), "210987654321")] {
            for grant in at(stated, None).grants(APPLY, &place()) {
                if grant.actions.contains(&"s3:CreateBucket") {
                    continue;
                }
                let owner = grant.conditions.iter().find(|condition| condition.key == "aws:ResourceAccount");
                assert_eq!(owner.expect("a condition").values, [wanted], "{grant:?}");
            }
        }
    }

    #[test]
    fn the_stated_key_may_be_used_by_s3_alone() {
        let grant = |key: &str, how: Use| {
            let grants = at(None, Some(key)).grants(how, &place());
            grants.into_iter().find(|grant| grant.actions.contains(&"kms:Decrypt")).expect("a grant")
        };
        let plan = Use { lock: false, write: false, create_bucket: false, environments: false };
        let by_id = grant("1234-5", plan);
        assert_eq!(
            (&by_id.actions[..], &*by_id.resources),
            (&["kms:Decrypt"][..], &["arn:aws:kms:eu-west-1:123456789012:key/1234-5".to_owned()][..])
        );
        assert_eq!(by_id.conditions[0].values, ["s3.eu-west-1.amazonaws.com"]);
        let arn = "arn:aws:kms:eu-west-1:210987654321:key/1234-5";
        assert_eq!((&*grant(arn, APPLY).resources, grant(arn, APPLY).actions.len()), (&[arn.to_owned()][..], 2));
        let by_alias = grant("alias/state", plan);
        assert_eq!(by_alias.resources, ["arn:aws:kms:eu-west-1:123456789012:key/*"]);
        assert_eq!(by_alias.conditions[1].values, ["alias/state"]);
    }
}
