//! Checks that the schema cannot say.

use serde_json::Value;

use super::element::{Algorithm, BlockElement, BucketElement, EncryptionElement, OwnershipElement};
use super::website::lets_everybody_read;
use super::{NAME_LENGTH, SHORTEST_NAME};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::Scope;

/// Reports a public policy that the public access block refuses. Statements with conditions are left to S3.
pub fn public_policy(policy: &Value, block: &BlockElement, at: &Scope<'_>, findings: &mut Findings) {
    let all = |principal: &Value| match principal {
        Value::String(one) => one == "*",
        Value::Array(many) => many.iter().any(|one| one == "*"),
        _ => false,
    };
    let is_public = |statement: &Value| {
        let principal = &statement["Principal"];
        let narrowed = statement["Condition"].as_object().is_some_and(|block| !block.is_empty());
        statement["Effect"] == "Allow" && !narrowed && (all(principal) || all(&principal["AWS"]))
    };
    let statements = match &policy["Statement"] {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    if block.block_public_policy && statements.iter().any(is_public) {
        findings
            .error(
                "bucket::public-policy",
                at.path(["policy"]),
                "this policy lets everybody in, which the bucket's public access block refuses",
            )
            .at_key()
            .help("if that is meant, add `public_access_block: { block_public_policy: false, restrict_public_buckets: false }`; else name the principals");
    }
}

/// Reports an access list that S3 refuses or ignores.
pub fn acl(bucket: &BucketElement, at: &Scope<'_>, findings: &mut Findings) {
    let Some(acl) = bucket.acl.name().filter(|_| !at.common.external) else { return };
    let path = at.path(["acl"]);
    let block = &bucket.public_access_block;
    if bucket.object_ownership == OwnershipElement::BucketOwnerEnforced {
        findings
            .error("bucket::acl-ownership", path.clone(), "S3 refuses access lists where the bucket's owner owns all objects")
            .at_key()
            .help("write a `policy` instead; or add `object_ownership: BucketOwnerPreferred`, with which access lists count");
    }
    let opened = "add `public_access_block: { block_public_acls: false, ignore_public_acls: false }`";
    if block.block_public_acls {
        findings
            .error(
                "bucket::public-acl",
                path,
                format!("`{acl}` is public, which the bucket's public access block refuses"),
            )
            .at_key()
            .help(format!("if that is meant, {opened}"));
    } else if block.ignore_public_acls {
        findings
            .warning(
                "bucket::acl-ignored",
                path,
                format!("`{acl}` is public, which the bucket's public access block ignores"),
            )
            .at_key()
            .help(format!("if that is meant, {opened}"));
    }
}

/// Warns of a website whose objects no visitor can read. Objects may have access lists of their own, where these count.
pub fn visitors(bucket: &BucketElement, at: &Scope<'_>, findings: &mut Findings) {
    let serves = bucket.website.as_ref().is_some_and(|website| website.index_document.is_some());
    if !serves || at.common.external {
        return;
    }
    let block = &bucket.public_access_block;
    let has_lists = bucket.object_ownership != OwnershipElement::BucketOwnerEnforced && !block.ignore_public_acls;
    let is_open = bucket.policy.as_ref().is_some_and(lets_everybody_read);
    let opened = "`public_access_block: { block_public_policy: false, restrict_public_buckets: false }`";
    let element = at.element();
    let (why, help) = if bucket.encryption.sse_algorithm != Algorithm::Aes256 {
        (
            "visitors cannot read objects that a KMS key encrypts",
            "remove `encryption`: S3's own keys encrypt the objects then".to_owned(),
        )
    } else if !is_open && !has_lists {
        (
            "S3 answers 403 to every visitor: no policy lets everybody read the objects",
            format!(
                "add {opened} and `policy: {{ Version: \"2012-10-17\", Statement: [ {{ Effect: Allow, Principal: \"*\", Action: s3:GetObject, Resource: \"${{{element}.arn}}/*\" }} ] }}`"
            ),
        )
    } else if is_open && block.restrict_public_buckets {
        (
            "S3 answers 403 to every visitor: `restrict_public_buckets` closes a public policy to all but the account",
            format!("add {opened}"),
        )
    } else {
        return;
    };
    findings.warning("bucket::website-private", at.path(["website"]), why).at_key().help(help);
}

/// Warns of settings of a bucket that belongs to others. CORS rules, a website and an access list are one document each,
/// so a stack cannot have a part of them.
pub fn external_settings(bucket: &BucketElement, at: &Scope<'_>, findings: &mut Findings) {
    if !at.common.external {
        return;
    }
    let stated = [
        ("cors", !bucket.cors.is_empty()),
        ("website", bucket.website.is_some()),
        ("acl", bucket.acl.name().is_some()),
    ];
    for (property, _) in stated.into_iter().filter(|(_, is_stated)| *is_stated) {
        findings
            .warning(
                "bucket::external-setting",
                at.path([property]),
                "it has no effect: the bucket belongs to others, and S3 has one for the whole bucket",
            )
            .at_key()
            .help("remove it, and ask the bucket's owner to set it");
    }
}

/// Reports resources in a policy that are not the bucket or objects in it ("Policy has invalid resource").
pub fn policy_resources(policy: &Value, bucket: &BucketElement, at: &Scope<'_>, findings: &mut Findings) {
    let name = bucket.name.clone().unwrap_or_else(|| at.default_name());
    let path = at.path(["policy", "Statement"]);
    let statements: Vec<(DocPath, &Value)> = match &policy["Statement"] {
        Value::Array(all) => all.iter().enumerate().map(|(index, one)| (path.then(index.to_string()), one)).collect(),
        one => vec![(path, one)],
    };
    for (path, statement) in statements {
        let path = path.then("Resource");
        let resources: Vec<(DocPath, &Value)> = match &statement["Resource"] {
            Value::Array(all) => {
                all.iter().enumerate().map(|(index, one)| (path.then(index.to_string()), one)).collect()
            }
            one => vec![(path, one)],
        };
        for (path, resource) in resources {
            let Some(text) = resource.as_str().filter(|text| !is_of_bucket(text, &name, &at.element())) else {
                continue;
            };
            findings
                .error(
                    "policy::resource",
                    path,
                    format!("`{text}` is not this bucket, and S3 takes no other in its policy"),
                )
                .help(format!(
                    "write \"${{{0}.arn}}\" for the bucket, \"${{{0}.arn}}/*\" for its objects",
                    at.element()
                ));
        }
    }
}

/// Tells whether a resource may be the bucket or objects in it. Patterns and references that decide later pass.
fn is_of_bucket(resource: &str, name: &str, element: &str) -> bool {
    if let Some((reference, _)) = resource.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
        let is_bucket = reference.starts_with("buckets.") && reference.ends_with(".arn");
        return !is_bucket || reference == format!("{element}.arn");
    }
    let Some((_, path)) = resource.strip_prefix("arn:").and_then(|arn| arn.split_once(":::")) else {
        return resource.contains(['*', '$']);
    };
    let bucket = path.split('/').next().unwrap_or_default();
    bucket.contains(['*', '?', '$']) || name.contains('$') || bucket == name
}

/// Checks S3's rules for names. External buckets may be older than the rules.
pub fn name(bucket: &BucketElement, at: &Scope<'_>, findings: &mut Findings) {
    let external = at.common.external;
    let default = at.default_name();
    let (name, path) = match &bucket.name {
        Some(name) => (name.as_str(), at.path(["name"])),
        None if external => {
            findings
                .error("bucket::external-name", at.path::<&str>([]), "an external bucket is known by its name alone")
                .at_key()
                .help("add `name:`");
            return;
        }
        None => (default.as_str(), at.path::<&str>([])),
    };
    if external || name.contains("${") {
        return;
    }
    if let Some(message) = name_objection(name) {
        findings
            .error("bucket::name", path, format!("`{name}` cannot be a bucket's name: {message}"))
            .help("write `name:` with 3 to 63 of a–z, 0–9 and hyphens");
    } else if name.contains('.') {
        findings
            .warning("bucket::dots", path, "TLS certificates of S3 do not cover bucket names with dots")
            .help("write hyphens instead");
    }
}

/// Returns S3's objection to a bucket's name.
fn name_objection(name: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    if !(SHORTEST_NAME..=NAME_LENGTH).contains(&bytes.len()) {
        Some("it has 3 to 63 characters")
    } else if !bytes.iter().copied().all(allowed) {
        Some("it has none but a–z, 0–9, dots and hyphens")
    } else if !edge(bytes.first()) || !edge(bytes.last()) {
        Some("it begins and ends with a letter or digit")
    } else if name.contains("..") {
        Some("two dots do not follow each other")
    } else if name.parse::<std::net::Ipv4Addr>().is_ok() {
        Some("it does not look like an IP address")
    } else if ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix)) {
        Some("AWS keeps this beginning for itself")
    } else if ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|suffix| name.ends_with(suffix)) {
        Some("AWS keeps this ending for itself")
    } else {
        None
    }
}

/// Checks the notifications, each by itself. Those of functions on the same bucket are known later.
pub fn notifications(bucket: &BucketElement, at: &Scope<'_>, findings: &mut Findings) {
    for (index, notification) in bucket.notifications.iter().enumerate() {
        let path = at.path(["notifications".to_owned(), index.to_string()]);
        match notification.notice() {
            Some(notice) => notice.check(&path, findings),
            None => {
                findings
                    .error("bucket::receiver", path, "a notification has exactly one of `function`, `queue` and `topic`")
                    .help("write `{ function: NAME }`, `{ queue: NAME }` or `{ topic: NAME }`; of several receivers each has an entry of its own");
            }
        }
    }
}

/// Warns of a bucket key that nothing uses: it saves calls to KMS, and S3's own keys need none.
pub fn bucket_key(encryption: &EncryptionElement, at: &Scope<'_>, findings: &mut Findings) {
    if encryption.bucket_key_enabled == Some(true) && encryption.sse_algorithm == Algorithm::Aes256 {
        findings
            .warning(
                "bucket::bucket-key",
                at.path(["encryption", "bucket_key_enabled"]),
                "`AES256` makes no calls to KMS that a bucket key could save",
            )
            .at_key()
            .help("add `sse_algorithm: aws:kms`, or remove this property");
    }
}

/// Checks the lifecycle rules.
pub fn lifecycle(bucket: &BucketElement, at: &Scope<'_>, findings: &mut Findings) {
    for (index, rule) in bucket.lifecycle_rules.iter().enumerate() {
        let path = |property: &str| -> DocPath {
            at.path(["lifecycle_rules".to_owned(), index.to_string(), property.to_owned()])
        };
        if bucket.lifecycle_rules[..index].iter().any(|other| other.id == rule.id) {
            let message = format!("two rules are called `{}`", rule.id);
            findings.error("bucket::lifecycle-id", path("id"), message).help("give each rule an id of its own");
        }
        let ends = rule.noncurrent_version_expiration_days;
        if rule.expiration_days.or(ends).or(rule.abort_incomplete_multipart_upload_days).is_none() {
            findings
                .error("bucket::lifecycle-empty", path("id"), "this rule does nothing")
                .help("add `expiration_days`, `noncurrent_version_expiration_days` or `abort_incomplete_multipart_upload_days`");
        }
        if ends.is_some() && !bucket.versioning {
            findings
                .warning(
                    "bucket::lifecycle-versions",
                    path("noncurrent_version_expiration_days"),
                    "without versioning there are no old versions",
                )
                .help("add `versioning: true` or remove this property");
        }
    }
}
