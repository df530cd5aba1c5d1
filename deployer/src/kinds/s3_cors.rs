//! `s3.cors`: the CORS rules of a bucket.
//!
//! **Guarantees**: all rules are one resource, as S3 keeps them. A bucket without `cors` causes no call, and a write is
//! watched until S3 reports it.
//! **Assumptions**: the stack that has the bucket has its CORS rules, too.
//! **Caveats**: rules that somebody else sets on a bucket without `cors` are seen only when the bucket is adopted. S3
//! uses the first rule that matches, so the order of rules counts.

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{CorsConfiguration, CorsRule as SdkRule};
use serde::{Deserialize, Serialize};

use super::storage::until_told;
use super::{
    About, Bound, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Person, Rule,
    WatchedOperation,
};
use crate::aws::service::{S3, cure};
use crate::aws::{Aws, AwsError, Place, Trust};

/// The CORS kind.
pub struct S3Cors;

/// The CORS rules of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cors {
    pub bucket: String,
    pub cors_rules: Vec<CorsRule>,
}

/// Requests that pages of other sites may send. The lists are sorted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CorsRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub allowed_origins: Vec<String>,
    pub allowed_methods: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<u32>,
}

impl CorsRule {
    /// Sorts the lists, whose order has no meaning.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        for list in
            [&mut self.allowed_origins, &mut self.allowed_methods, &mut self.allowed_headers, &mut self.expose_headers]
        {
            list.sort();
            list.dedup();
        }
        self
    }
}

const ABSENT: &[&str] = &["NoSuchCORSConfiguration", "NoSuchBucket", "NotFound"];

impl Kind for S3Cors {
    const ABOUT: About = About {
        identity: &["bucket"],
        rules: &[("bucket", Rule::Replace("CORS rules belong to their bucket"))],
        bounds: &[("cors_rules", Bound::Members)],
        parent: Some(Parent { kind: "s3.bucket", owns: true, deletes: true }),
        calls: Calls {
            cures: &[cure("s3:", "NoSuchBucket", "", 60, "the new bucket is not visible everywhere yet")],
            watched: true,
            ..Calls::DEFAULT
        },
        person: Person { gap: Some("browsers refuse requests of other sites' pages for seconds"), ..Person::DEFAULT },
        ..About::of("s3.cors", &S3)
    };
    type Spec = Cors;

    fn predict(_: &Cors, _: &Place) -> Outputs {
        Outputs::new()
    }

    fn iam(op: Op, spec: &Cors, place: &Place) -> Vec<Grant> {
        let actions: &[&str] = match op {
            Op::Read | Op::Present => &["s3:GetBucketCORS"],
            Op::Create | Op::Update | Op::Delete => &["s3:PutBucketCORS"],
        };
        vec![Grant::new(actions, format!("arn:{}:s3:::{}", place.partition, spec.bucket))]
    }

    fn any_named(names: &str, _: &Place) -> Vec<Cors> {
        vec![Cors { bucket: names.to_owned(), ..Cors::default() }]
    }

    /// Calls GetBucketCors.
    async fn read(aws: &Aws, spec: &Cors, _: Trust) -> Result<Option<ObservedResource<Cors>>, AwsError> {
        let call = aws.clients.s3.get_bucket_cors().bucket(&spec.bucket).send();
        let Some(found) = aws.find("s3:GetBucketCors", ABSENT, call).await? else { return Ok(None) };
        let cors_rules = found.cors_rules.unwrap_or_default().into_iter().map(observed_rule).collect();
        Ok(Some(ObservedResource::new(&spec.bucket, Cors { bucket: spec.bucket.clone(), cors_rules }, Outputs::new())))
    }

    async fn create(aws: &Aws, want: &Cors) -> Result<CreatedResource, AwsError> {
        put(aws, want).await?;
        Ok(CreatedResource { physical_id: want.bucket.clone(), outputs: Outputs::new() })
    }

    async fn update(aws: &Aws, _: &ObservedResource<Cors>, want: &Cors, _: &Changes) -> Result<(), AwsError> {
        put(aws, want).await
    }

    /// Calls DeleteBucketCors.
    async fn delete(aws: &Aws, live: &ObservedResource<Cors>) -> Result<(), AwsError> {
        let call = aws.clients.s3.delete_bucket_cors().bucket(&live.spec.bucket).send();
        aws.find("s3:DeleteBucketCors", ABSENT, call).await.map(drop)
    }

    /// Reads the rules until S3 reports them as they were written. Rules that S3 has not reported in time appear later.
    async fn watch(aws: &Aws, spec: &Cors, event: &WatchedOperation) -> Result<(), AwsError> {
        if matches!(event, WatchedOperation::Deleted) {
            return Ok(());
        }
        until_told(aws, "S3 to tell the bucket's new CORS rules", || async {
            let live = Self::read(aws, spec, Trust::Resource).await?;
            Ok(live.is_some_and(|live| live.spec == *spec))
        })
        .await
    }
}

/// Calls PutBucketCors, which replaces all rules.
async fn put(aws: &Aws, want: &Cors) -> Result<(), AwsError> {
    let shape = |error: BuildError| AwsError::Shape { what: "CORS rules".to_owned(), message: error.to_string() };
    let rules = want.cors_rules.iter().map(sdk_rule).collect::<Result<Vec<_>, _>>().map_err(shape)?;
    let configuration = CorsConfiguration::builder().set_cors_rules(Some(rules)).build().map_err(shape)?;
    let call = aws.clients.s3.put_bucket_cors().bucket(&want.bucket).cors_configuration(configuration);
    aws.call("s3:PutBucketCors", call.send()).await.map(drop)
}

fn sdk_rule(rule: &CorsRule) -> Result<SdkRule, BuildError> {
    let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    SdkRule::builder()
        .set_id(rule.id.clone())
        .set_allowed_origins(Some(rule.allowed_origins.clone()))
        .set_allowed_methods(Some(rule.allowed_methods.clone()))
        .set_allowed_headers(some(&rule.allowed_headers))
        .set_expose_headers(some(&rule.expose_headers))
        .set_max_age_seconds(rule.max_age_seconds.map(|age| i32::try_from(age).unwrap_or(i32::MAX)))
        .build()
}

fn observed_rule(live: SdkRule) -> CorsRule {
    let rule = CorsRule {
        id: live.id.filter(|id| !id.is_empty()),
        allowed_origins: live.allowed_origins,
        allowed_methods: live.allowed_methods,
        allowed_headers: live.allowed_headers.unwrap_or_default(),
        expose_headers: live.expose_headers.unwrap_or_default(),
        max_age_seconds: live.max_age_seconds.and_then(|age| u32::try_from(age).ok()),
    };
    rule.normalized()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_back_as_it_was_stated() {
        let plain = CorsRule {
            allowed_origins: vec!["*".into()],
            allowed_methods: vec!["GET".into(), "HEAD".into()],
            ..CorsRule::default()
        };
        let whole = CorsRule {
            id: Some("form".into()),
            allowed_headers: vec!["content-type".into()],
            expose_headers: vec!["ETag".into()],
            max_age_seconds: Some(0),
            ..plain.clone()
        };
        for rule in [plain, whole] {
            assert_eq!(observed_rule(sdk_rule(&rule).unwrap()), rule);
        }
    }

    #[test]
    fn the_order_within_a_rule_has_no_meaning() {
        let of = |methods: [&str; 2]| CorsRule {
            allowed_origins: vec!["*".into()],
            allowed_methods: methods.map(str::to_owned).into(),
            ..CorsRule::default()
        };
        assert_eq!(of(["PUT", "GET"]).normalized(), of(["GET", "PUT"]));
    }
}
