//! Advises the user about errors of AWS.

use crate::aws::{AwsError, Cause, ServiceError, permission};
use crate::kinds::{About, REGISTRY};

/// AWS error codes, grouped by remedy.
const REMEDIES: &[(&[&str], &str)] = &[
    (
        &["BucketAlreadyExists"],
        "bucket names are shared by all accounts of AWS: choose another `name`; if the bucket is yours in another account or region, `external: true` refers to it",
    ),
    (
        &["Http400"],
        "S3 does not say why when it is asked whether a bucket exists. Mostly the session has ended (sign in again), or the bucket is in another region",
    ),
    (
        &["BucketNotEmpty"],
        "empty the bucket and run the same command again; or state `force_destroy: true`, which also counts for the bucket of a former name (an element that is gone is put back with it, and applied, first); or leave the bucket in AWS: `deployer state forget ADDRESS`",
    ),
    (
        &["MalformedPolicy", "MalformedPolicyDocument", "MalformedPolicyDocumentException"],
        "correct the actions, ARNs and principals here; IAM has to know each of them",
    ),
    (
        &[
            "CodeStorageExceededException",
            "LimitExceeded",
            "LimitExceededException",
            "LimitExceededFault",
            "OverLimit",
            "ResourceLimitExceeded",
            "ServiceQuotaExceededException",
            "SubscriptionLimitExceeded",
            "TooManyBuckets",
            "TopicLimitExceeded",
        ],
        "a quota of the account is used up: delete what nobody needs, or ask for more in the console under Service Quotas; then run the same command again",
    ),
    (
        &["PolicyLengthExceededException"],
        "the function's resource policy is full, and its 20,480 characters cannot be raised: let fewer topics, APIs or alarms call this function, or divide it",
    ),
    (
        &["OptInRequired", "SubscriptionRequiredException", "NotSignedUp"],
        "the account has not signed up for this service or region: enable it in the console, then run the same command again",
    ),
    (
        &[
            "NoSuchEntity",
            "NoSuchEntityException",
            "NotFound",
            "NotFoundException",
            "ResourceNotFound",
            "ResourceNotFoundException",
        ],
        "make what the message names first, or correct its name or ARN here; then run the same command again",
    ),
    (
        &["Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"],
        "the account calls AWS too often: run the same command again in a minute, with `--parallelism 4` if it stays so",
    ),
    (
        &["DeleteConflict", "ResourceInUseException"],
        "something outside the stack still uses it: detach that first, then run the same command again",
    ),
];

/// Phrases of AWS that distinguish refusals with the same code, with the remedy.
const TEXTS: &[(&str, &str)] = &[
    ("cannot be assumed", "let `lambda.amazonaws.com` assume the role: its trust policy has to name that service"),
    ("less than Function timeout", "raise the queue's `visibility_timeout` to six times the function's `timeout`"),
    (
        "Signature expired",
        "set this machine's clock; if it is right, the upload took longer than the five minutes that AWS takes a signature for: use a faster line or a smaller zip",
    ),
    (
        "does not have permissions to call",
        "allow what the message names in the `permissions` of the function, or in the role that it runs with",
    ),
    (
        "marked for deletion",
        "restore it, `aws secretsmanager restore-secret --secret-id NAME`, or name another secret here",
    ),
    (
        "UnreservedConcurrentExecution",
        "lower `reserved_concurrency`, or ask for more concurrent executions in the console under Service Quotas",
    ),
];

/// Remedy for a name that another resource has.
const TAKEN: &str = "choose another `name`, or take over what has it: `deployer adopt ADDRESS`";
/// Remedy for a value that AWS refuses.
const GO_ON: &str = "correct what the message names, here or in the variable that it comes from; the same command then goes on where this one stopped";

/// Returns the stable code and the next step for an AWS error.
pub(super) fn of(error: &AwsError) -> (&'static str, String) {
    match error {
        e if e.is_credentials() && e.is(&["ExpiredToken", "ExpiredTokenException"]) => {
            ("aws::expired-credentials", "sign in again (`aws sso login`, or fresh keys), then run the same command".into())
        }
        AwsError::Transport { cause: Cause::MfaCode, .. } => (
            "aws::mfa",
            "run it at a terminal, which asks for the code; or get keys with the AWS CLI first: `eval \"$(aws configure export-credentials --profile NAME --format env)\"`".into(),
        ),
        AwsError::Transport { cause: Cause::CaBundle, .. } => (
            "aws::ca-bundle",
            "name a PEM file with the authority's certificate in AWS_CA_BUNDLE or in the profile's `ca_bundle`, or unset it".into(),
        ),
        AwsError::Transport { cause: Cause::Certificate, .. } => (
            "aws::untrusted",
            "where a proxy opens TLS, name its authority's certificate, a PEM file, in AWS_CA_BUNDLE".into(),
        ),
        AwsError::Transport { cause: Cause::Credentials, .. } => (
            "aws::no-credentials",
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; to try without AWS: `deployer local start`, then `--local`".into(),
        ),
        e if e.is_credentials() => ("aws::bad-credentials", "check AWS_PROFILE and the access keys".into()),
        e if e.is_access_denied() => ("aws::access-denied", advise_permission(e)),
        AwsError::Transport { cause: Cause::Silence, .. } => (
            "aws::unreachable",
            "check the network: the connection was there, and nothing moved on it; then run the same command again".into(),
        ),
        AwsError::Transport { cause: Cause::Network, .. } => (
            "aws::unreachable",
            "check the network, the region, `--endpoint-url`, and HTTPS_PROXY and NO_PROXY where there is a proxy".into(),
        ),
        AwsError::Deadline { last, .. } => {
            let known = last.as_deref().and_then(by_text);
            ("aws::deadline", known.unwrap_or("run the same command again: it goes on where this one stopped").into())
        }
        AwsError::Fenced { .. } => ("state::fenced", "another run took the lock over; run the same command again".into()),
        AwsError::Invalid { .. } => (
            "aws::invalid-request",
            "correct the property of stack.yaml that the message names; please report it if `deployer validate` accepts the value".into(),
        ),
        AwsError::Package { code, .. } => (code, "let nothing else build meanwhile, then run the same command again".into()),
        AwsError::Foreign { .. } => ("plan::foreign", "run the same command again: the plan then leaves it alone".into()),
        AwsError::Ambiguous { address, .. } => (
            "plan::ambiguous",
            format!("name the one that is meant: `deployer adopt '{address}' ID`; if the state holds the id of another one that is gone, `deployer state forget '{address}'` first"),
        ),
        AwsError::Unplanned { .. } => (
            "plan::overtaken",
            "run the same command again, without `--target`: the plan then shows what is there and what becomes of it".into(),
        ),
        AwsError::Unprepared { code, help, .. } => (code, (*help).into()),
        AwsError::Unresolved { address, .. } => (
            "plan::unresolved",
            format!("make that first: `deployer apply --target '{address}'`; please report it if that does not help"),
        ),
        AwsError::Shape { .. } => ("aws::unexpected-answer", "run again with -v and report what it shows".into()),
        AwsError::Service(service) if service.status >= 500 => {
            ("aws::service-error", "AWS failed; run the same command again".into())
        }
        AwsError::Service(service) => ("aws::refused", remedy(service).into()),
    }
}

fn remedy(refusal: &ServiceError) -> &'static str {
    let (code, message) = (refusal.code.as_str(), refusal.message.as_str());
    let key = code.starts_with("KMS") || code.starts_with("Kms") || message.contains("KMS key");
    let key = key.then_some("check that the key exists in this region and is enabled, and that its policy allows the role and these credentials to use it");
    let by_code = || REMEDIES.iter().find(|(codes, _)| codes.contains(&code)).map(|(_, help)| *help);
    let taken = || is_name_taken(refusal.operation, code).then_some(TAKEN);
    by_text(message).or(key).or_else(by_code).or_else(taken).unwrap_or(GO_ON)
}

/// Tells whether a creation was refused because of a name that identifies the resource: `iam:CreateRole` with a code
/// that the kind `iam.role` states for it.
fn is_name_taken(operation: &str, code: &str) -> bool {
    let is_known_by_name = |about: &About| about.named.is_some_and(|named| about.identity.contains(&named.property));
    let is_creation = |about: &About| {
        let resource = operation.strip_prefix(about.service.name).and_then(|rest| rest.strip_prefix(":Create"));
        let kind = about.name.split('.').next_back().unwrap_or_default().replace('_', "");
        resource.is_some_and(|resource| resource.eq_ignore_ascii_case(&kind))
    };
    let mut kinds = REGISTRY.iter().map(|kind| kind.about());
    kinds.any(|about| is_known_by_name(about) && is_creation(about) && about.calls.exists.contains(&code))
}

fn by_text(message: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(text, _)| message.contains(text)).map(|(_, help)| *help)
}

/// Names the permission that a refused call lacked: `sqs:CreateQueue` on `arn:…`.
pub(crate) fn lacking(error: &AwsError) -> String {
    let (action, on) = missing(error);
    format!("`{action}`{on}")
}

/// Returns the action that a refused call lacked, and the resource in words.
fn missing(error: &AwsError) -> (String, String) {
    let message = error.message();
    let own = permission::action(error.operation());
    // SQS writes its own actions in lower case.
    let said = after(message, "perform: ").filter(|action| action.contains(':') && !action.eq_ignore_ascii_case(&own));
    let needed = match error {
        AwsError::Service(refusal) => refusal.needed.as_ref(),
        _ => None,
    };
    let resource = after(message, "on resource: ").or_else(|| Some(needed?.resources.first()?.as_str()));
    let on = resource.map(|arn| format!(" on `{arn}`")).unwrap_or_default();
    (said.unwrap_or(&own).to_owned(), on)
}

/// Advises which action to allow, and on which resource. AWS often names another action than the call's: `iam:PassRole`
/// for CreateFunction.
fn advise_permission(error: &AwsError) -> String {
    let message = error.message();
    let (action, on) = missing(error);
    if message.contains("explicit deny") {
        let by = if message.contains("service control policy") {
            "an organisation's service control policy"
        } else {
            "a policy"
        };
        return format!("{by} denies `{action}`{on} outright, so allowing it is not enough: ask who keeps that policy");
    }
    if message.contains("no permissions boundary allows") {
        return format!("let the permissions boundary of these credentials allow `{action}`{on}, too");
    }
    if message.to_ascii_lowercase().contains("service linked role") {
        return "allow `iam:CreateServiceLinkedRole` for these credentials, as `deployer iam apply` prints it: the account's first resource of this sort needs that role; or let an administrator make one such resource first".to_owned();
    }
    let verbs = ["FilterLogEvents", "InvokeFunction"];
    if verbs.iter().any(|verb| action.ends_with(verb)) {
        return format!("allow `{action}`{on} for these credentials");
    }
    format!(
        "allow `{action}`{on} for these credentials; `deployer iam apply` prints the exact policy, `deployer iam plan` that for a plan"
    )
}

/// Returns the word after a phrase in a message of AWS.
fn after<'a>(message: &'a str, phrase: &str) -> Option<&'a str> {
    let rest = &message[message.find(phrase)? + phrase.len()..];
    let word = rest.split([' ', ',', '\n']).next().unwrap_or_default().trim_matches(['"', '\'', '.']);
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::aws::AwsError;
    use crate::aws::error::ServiceError;

    fn advice(operation: &'static str, code: &str, message: &str) -> String {
        let (code, message) = (code.to_owned(), message.to_owned());
        let error =
            ServiceError { operation, code, message, status: 400, request_id: None, retry_after_s: None, needed: None };
        of(&AwsError::Service(Box::new(error))).1
    }

    #[test]
    fn the_action_to_allow_is_the_one_that_aws_names() {
        let user = "User: arn:aws:iam::1:user/ci is not authorized to perform: ";
        let denied = |text: &str| advice("lambda:CreateFunction", "AccessDeniedException", &format!("{user}{text}"));
        insta::assert_snapshot!([
            advice("s3:HeadBucket", "AccessDenied", ""),
            denied("iam:PassRole on resource: arn:aws:iam::1:role/painter because no identity-based policy allows the iam:PassRole action"),
            denied("lambda:CreateFunction on resource: \"arn:aws:lambda:eu-west-1:1:function:f\" with an explicit deny in a service control policy"),
            denied("lambda:CreateFunction on resource: arn:aws:lambda:eu-west-1:1:function:f because no permissions boundary allows the lambda:CreateFunction action"),
        ].join("\n"), @r"
        allow `s3:ListBucket` for these credentials; `deployer iam apply` prints the exact policy, `deployer iam plan` that for a plan
        allow `iam:PassRole` on `arn:aws:iam::1:role/painter` for these credentials; `deployer iam apply` prints the exact policy, `deployer iam plan` that for a plan
        an organisation's service control policy denies `lambda:CreateFunction` on `arn:aws:lambda:eu-west-1:1:function:f` outright, so allowing it is not enough: ask who keeps that policy
        let the permissions boundary of these credentials allow `lambda:CreateFunction` on `arn:aws:lambda:eu-west-1:1:function:f`, too
        ");
    }

    #[test]
    fn every_refusal_has_a_next_step() {
        insta::assert_snapshot!([
            advice("s3:CreateBucket", "BucketAlreadyExists", ""),
            advice("iam:CreateRole", "EntityAlreadyExists", "Role with name worker already exists."),
            advice("lambda:CreateFunction", "ResourceConflictException", "Function already exist: worker"),
            advice("lambda:CreateEventSourceMapping", "ResourceConflictException", "An event source mapping already exists."),
            advice("iam:CreateRole", "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000"),
            advice("iam:PutRolePolicy", "MalformedPolicyDocument", "Syntax errors in policy."),
            advice("lambda:CreateFunction", "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."),
            advice("lambda:CreateFunction", "KMSAccessDeniedException", "KMS Access is denied."),
            advice("lambda:CreateFunction", "InvalidParameterValueException", "Uploaded file must be a non-empty zip"),
            advice("lambda:AddPermission", "PolicyLengthExceededException", "The final policy size (20749) is bigger than the limit (20480)"),
            advice("apigateway:CreateRestApi", "AccessDeniedException", "Caller does not have permissions to create a Service Linked Role."),
            advice("apigateway:CreateResource", "LimitExceededException", "Maximum number of resources for this API has been reached."),
        ].join("\n"), @r"
        bucket names are shared by all accounts of AWS: choose another `name`; if the bucket is yours in another account or region, `external: true` refers to it
        choose another `name`, or take over what has it: `deployer adopt ADDRESS`
        choose another `name`, or take over what has it: `deployer adopt ADDRESS`
        correct what the message names, here or in the variable that it comes from; the same command then goes on where this one stopped
        a quota of the account is used up: delete what nobody needs, or ask for more in the console under Service Quotas; then run the same command again
        correct the actions, ARNs and principals here; IAM has to know each of them
        let `lambda.amazonaws.com` assume the role: its trust policy has to name that service
        check that the key exists in this region and is enabled, and that its policy allows the role and these credentials to use it
        correct what the message names, here or in the variable that it comes from; the same command then goes on where this one stopped
        the function's resource policy is full, and its 20,480 characters cannot be raised: let fewer topics, APIs or alarms call this function, or divide it
        allow `iam:CreateServiceLinkedRole` for these credentials, as `deployer iam apply` prints it: the account's first resource of this sort needs that role; or let an administrator make one such resource first
        a quota of the account is used up: delete what nobody needs, or ask for more in the console under Service Quotas; then run the same command again
        ");
    }
}
