//! `s3.website`: the website that a bucket serves.
//!
//! **Guarantees**: the whole configuration is one resource, as S3 keeps it. A bucket without `website` causes no call,
//! and a write is watched until S3 reports it.
//! **Assumptions**: the stack that has the bucket has its website, too.
//! **Caveats**: S3 serves websites over HTTP only, and objects to everybody only if the bucket's policy lets everybody
//! read them. A website that somebody else sets on a bucket without `website` is seen only when the bucket is adopted.

mod convert;

use serde::{Deserialize, Serialize};

use super::storage::until_told;
use super::{
    About, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Person, Rule,
    WatchedOperation,
};
use crate::aws::service::{S3, cure};
use crate::aws::{Aws, AwsError, Place, Trust};

/// The website kind.
pub struct S3Website;

/// A website: either its documents and routing rules, or one redirection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Website {
    pub bucket: String,
    /// The name that is appended to paths of folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_document: Option<String>,
    /// The key of the object that answers errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_document: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_all_requests_to: Option<RedirectAll>,
    /// S3 follows the first rule that matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routing_rules: Vec<RoutingRule>,
}

/// The host that all requests are redirected to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RedirectAll {
    pub host_name: String,
    /// `http` or `https`; without it that of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

/// A redirection of some requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RoutingRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_prefix_equals: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_error_code_returned_equals: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_redirect_code: Option<String>,
    /// Replaces the beginning of the key, or all of it if it is empty; an empty text removes the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_key_prefix_with: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_key_with: Option<String>,
}

const ABSENT: &[&str] = &["NoSuchWebsiteConfiguration", "NoSuchBucket", "NotFound"];

/// The regions in whose website addresses a hyphen precedes the region. All others have a dot.
/// Source: AWS General Reference, "Amazon S3 website endpoints".
const HYPHENATED: &[&str] = &[
    "ap-northeast-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "eu-west-1",
    "sa-east-1",
    "us-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

impl Kind for S3Website {
    const ABOUT: About = About {
        outputs: &["url", "domain_name"],
        identity: &["bucket"],
        rules: &[("bucket", Rule::Replace("a website belongs to its bucket"))],
        parent: Some(Parent { kind: "s3.bucket", owns: true, deletes: true }),
        calls: Calls {
            cures: &[cure("s3:", "NoSuchBucket", "", 60, "the new bucket is not visible everywhere yet")],
            watched: true,
            ..Calls::DEFAULT
        },
        person: Person { gap: Some("the website answers with an error for seconds"), ..Person::DEFAULT },
        ..About::of("s3.website", &S3)
    };
    type Spec = Website;

    fn predict(spec: &Website, place: &Place) -> Outputs {
        let domain = domain(&spec.bucket, place);
        let url = match local_address(&spec.bucket, place) {
            Some(local) => local,
            None => format!("http://{domain}"),
        };
        Outputs::from([("url".into(), url), ("domain_name".into(), domain)])
    }

    fn iam(op: Op, spec: &Website, place: &Place) -> Vec<Grant> {
        let actions: &[&str] = match op {
            Op::Read | Op::Present => &["s3:GetBucketWebsite"],
            Op::Create | Op::Update => &["s3:PutBucketWebsite"],
            Op::Delete => &["s3:DeleteBucketWebsite"],
        };
        vec![Grant::new(actions, format!("arn:{}:s3:::{}", place.partition, spec.bucket))]
    }

    fn any_named(names: &str, _: &Place) -> Vec<Website> {
        vec![Website { bucket: names.to_owned(), ..Website::default() }]
    }

    /// Calls GetBucketWebsite.
    async fn read(aws: &Aws, spec: &Website, _: Trust) -> Result<Option<ObservedResource<Website>>, AwsError> {
        let call = aws.clients.s3.get_bucket_website().bucket(&spec.bucket).send();
        let Some(found) = aws.find("s3:GetBucketWebsite", ABSENT, call).await? else { return Ok(None) };
        let website = convert::observed(&spec.bucket, found);
        Ok(Some(ObservedResource::new(&spec.bucket, website, Self::predict(spec, &aws.place))))
    }

    async fn create(aws: &Aws, want: &Website) -> Result<CreatedResource, AwsError> {
        put(aws, want).await?;
        Ok(CreatedResource { physical_id: want.bucket.clone(), outputs: Self::predict(want, &aws.place) })
    }

    async fn update(aws: &Aws, _: &ObservedResource<Website>, want: &Website, _: &Changes) -> Result<(), AwsError> {
        put(aws, want).await
    }

    /// Calls DeleteBucketWebsite.
    async fn delete(aws: &Aws, live: &ObservedResource<Website>) -> Result<(), AwsError> {
        let call = aws.clients.s3.delete_bucket_website().bucket(&live.spec.bucket).send();
        aws.find("s3:DeleteBucketWebsite", ABSENT, call).await.map(drop)
    }

    /// Reads the website until S3 reports it as it was written. One that S3 has not reported in time appears later.
    async fn watch(aws: &Aws, spec: &Website, event: &WatchedOperation) -> Result<(), AwsError> {
        if matches!(event, WatchedOperation::Deleted) {
            return Ok(());
        }
        until_told(aws, "S3 to tell the bucket's new website", || async {
            let live = Self::read(aws, spec, Trust::Resource).await?;
            Ok(live.is_some_and(|live| live.spec == *spec))
        })
        .await
    }
}

/// Calls PutBucketWebsite, which replaces the whole configuration.
async fn put(aws: &Aws, want: &Website) -> Result<(), AwsError> {
    let call = aws.clients.s3.put_bucket_website().bucket(&want.bucket);
    let call = call.website_configuration(convert::sdk(want)?);
    aws.call("s3:PutBucketWebsite", call.send()).await.map(drop)
}

fn domain(bucket: &str, place: &Place) -> String {
    let apart = if HYPHENATED.contains(&place.region.as_str()) { '-' } else { '.' };
    format!("{bucket}.s3-website{apart}{}.{}", place.region, place.suffix())
}

/// Returns the website's address in a local cloud: a name below `localhost`, so that a page has an origin of its own, as
/// on AWS.
fn local_address(bucket: &str, place: &Place) -> Option<String> {
    let endpoint = place.endpoint_url.as_ref()?.trim_end_matches('/');
    let (scheme, authority) = endpoint.split_once("://")?;
    let port = authority.rsplit_once(':').map(|(_, port)| format!(":{port}")).unwrap_or_default();
    Some(format!("{scheme}://{bucket}.s3-website.localhost{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(region: &str, endpoint_url: Option<&str>) -> Place {
        Place {
            account: "123456789012".into(),
            region: region.into(),
            partition: crate::aws::partition::Partition::of(region).name.into(),
            endpoint_url: endpoint_url.map(str::to_owned),
        }
    }

    #[test]
    fn a_website_has_the_address_of_its_region() {
        let url = |region: &str, endpoint: Option<&str>| {
            let website = Website { bucket: "site".into(), ..Website::default() };
            S3Website::predict(&website, &place(region, endpoint))["url"].clone()
        };
        assert_eq!(url("eu-west-1", None), "http://site.s3-website-eu-west-1.amazonaws.com");
        assert_eq!(url("eu-central-1", None), "http://site.s3-website.eu-central-1.amazonaws.com");
        assert_eq!(url("cn-north-1", None), "http://site.s3-website.cn-north-1.amazonaws.com.cn");
        assert_eq!(url("eu-west-1", Some("http://127.0.0.1:4566")), "http://site.s3-website.localhost:4566");
    }
}
