//! S3's actions: buckets with their settings, objects.

use super::asked::ApiRequest;
use super::{NeedParts, need, under};

/// The query parameters of a bucket's settings, and their names in IAM.
const SETTINGS: &[(&str, &str)] = &[
    ("acl", "BucketAcl"),
    ("cors", "BucketCORS"),
    ("encryption", "EncryptionConfiguration"),
    ("lifecycle", "LifecycleConfiguration"),
    ("notification", "BucketNotification"),
    ("ownershipControls", "BucketOwnershipControls"),
    ("policy", "BucketPolicy"),
    ("publicAccessBlock", "BucketPublicAccessBlock"),
    ("tagging", "BucketTagging"),
    ("versioning", "BucketVersioning"),
    ("website", "BucketWebsite"),
];

pub fn found(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let bucket = format!("arn:aws:s3:::{}", asked.path[0]);
    let key = asked.path[1..].join("/");
    if !key.is_empty() {
        return object(asked, &bucket, &format!("{bucket}/{key}"));
    }
    let method = asked.request.method();
    let asks = |name: &str| asked.query.contains_key(name);
    if let Some((name, setting)) = SETTINGS.iter().find(|(name, _)| asks(name)) {
        let verb = match (method, *name) {
            ("GET", _) => "Get",
            ("DELETE", "policy" | "website") => "Delete",
            // Removing a setting needs the permission to write it.
            _ => "Put",
        };
        return vec![need(format!("s3:{verb}{setting}"), bucket)];
    }
    match method {
        "GET" if asks("versions") => vec![need("s3:ListBucketVersions", bucket)],
        "GET" => match asked.query.get("prefix") {
            Some(prefix) => vec![under("s3:ListBucket", bucket, "s3:prefix", prefix)],
            None => vec![need("s3:ListBucket", bucket)],
        },
        "HEAD" => vec![need("s3:ListBucket", bucket)],
        "DELETE" => vec![need("s3:DeleteBucket", bucket)],
        "POST" if asks("delete") => deleted(asked, &bucket),
        "PUT" => new_bucket(asked, &bucket),
        other => panic!("the action of {other} on a bucket is not known"),
    }
}

/// Lists the permissions for each key of a DeleteObjects. Deleting a version is a separate action.
fn deleted(asked: &ApiRequest<'_>, bucket: &str) -> Vec<NeedParts> {
    let text = String::from_utf8_lossy(asked.request.body().bytes().expect("a list of keys"));
    let object = |part: &str| {
        let key = part.split("</Key>").next().unwrap_or_default();
        let version = part.contains("<VersionId>").then_some("s3:DeleteObjectVersion");
        let actions = ["s3:DeleteObject"].into_iter().chain(version);
        actions.map(|action| need(action, format!("{bucket}/{key}"))).collect::<Vec<_>>()
    };
    text.split("<Key>").skip(1).flat_map(object).collect()
}

fn new_bucket(asked: &ApiRequest<'_>, bucket: &str) -> Vec<NeedParts> {
    let text = String::from_utf8_lossy(asked.request.body().bytes().unwrap_or_default());
    let tags = text.contains("<Tag").then(|| need("s3:TagResource", bucket));
    let owns = asked.request.headers().get("x-amz-object-ownership");
    let ownership = owns.map(|_| need("s3:PutBucketOwnershipControls", bucket));
    [need("s3:CreateBucket", bucket)].into_iter().chain(tags).chain(ownership).collect()
}

fn object(asked: &ApiRequest<'_>, bucket: &str, object: &str) -> Vec<NeedParts> {
    let compares = asked.request.headers().get("if-match").is_some();
    let read = || need("s3:GetObject", object);
    match asked.request.method() {
        // S3 reports a missing object as missing only to callers who may list the bucket.
        "GET" | "HEAD" => vec![read(), need("s3:ListBucket", bucket)],
        "PUT" if compares => vec![need("s3:PutObject", object), read()],
        "PUT" => vec![need("s3:PutObject", object)],
        "DELETE" if compares => vec![need("s3:DeleteObject", object), read()],
        "DELETE" => vec![need("s3:DeleteObject", object)],
        other => panic!("the action of {other} on an object is not known"),
    }
}
