//! Settings that are resources of their own, and that `stack.yaml` does not state.

use super::Bucket;
use super::setting::{SettingRead, setting};
use crate::aws::{Aws, AwsError};

/// Tells of the CORS rules and the website of a bucket that are not this stack's. They stay as they are.
pub(super) async fn notes(aws: &Aws, spec: &Bucket) -> Result<Vec<String>, AwsError> {
    let (s3, name) = (&aws.clients.s3, &spec.bucket);
    let is_open = |part: &str| !spec.parts.iter().any(|stated| stated == part);
    let cors = async {
        let call = s3.get_bucket_cors().bucket(name).send();
        Ok(is_open("cors") && is_set(setting(aws, "s3:GetBucketCors", &["NoSuchCORSConfiguration"], call).await)?)
    };
    let website = async {
        let call = s3.get_bucket_website().bucket(name).send();
        Ok(is_open("website")
            && is_set(setting(aws, "s3:GetBucketWebsite", &["NoSuchWebsiteConfiguration"], call).await)?)
    };
    let (cors, website): (Result<bool, AwsError>, Result<bool, AwsError>) = tokio::join!(cors, website);
    let note = |what: &str, property: &str| {
        format!("the bucket has {what}, which stay as they are: `{property}` in stack.yaml would replace them")
    };
    let notes = [
        cors?.then(|| note("CORS rules of its own", "cors")),
        website?.then(|| note("settings of a website of its own", "website")),
    ];
    Ok(notes.into_iter().flatten().collect())
}

/// Tells whether a setting is there. A caller who may not read it learns nothing.
fn is_set<T>(read: Result<SettingRead<T>, AwsError>) -> Result<bool, AwsError> {
    match read {
        Ok(SettingRead::Bucket(found)) => Ok(found.is_some()),
        Ok(SettingRead::Nothing) => Ok(false),
        Err(refused) if refused.is_access_denied() => Ok(false),
        Err(error) => Err(error),
    }
}
