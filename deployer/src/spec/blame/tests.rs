use super::{RefusedCall, place, snake};
use crate::spec::finding::DocPath;
use crate::spec::secrets::Secrets;
use serde_json::{Value, json};

fn blame(element: &Value, address: &str, operation: &str, code: &str, message: &str) -> String {
    let at = DocPath::of(address.split('.').take(2));
    place(element, &at, RefusedCall { address, operation, code, message }, &Secrets::default()).to_string()
}

fn worker() -> Value {
    json!({
        "name": "image-worker-32", "memory_size": 512, "timeout": 120, "runtime": "provided.al2023",
        "role": "arn:aws:iam::123456789012:role/painter",
        "layers": ["arn:aws:lambda:eu-west-1:123456789012:layer:fonts:1"],
        "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1",
        "reserved_concurrency": 900,
        "log_retention": 14,
        "environment": { "BUCKET": "pictures" },
        "vpc": { "subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"] },
        "permissions": [ { "allow": "s3:PutObject", "on": "arn:aws:s3:::pictures/*" } ],
        "events": [ { "queue": "others" }, { "queue": "jobs", "batch_size": 50, "maximum_concurrency": 2 } ],
    })
}

#[test]
fn a_refusal_is_at_the_property_that_aws_names_or_quotes() {
    let (f, invalid) = ("functions.worker", "InvalidParameterValueException");
    let create = "lambda:CreateFunction";
    for (address, operation, code, message, expected) in [
        (
            f,
            create,
            invalid,
            "Value '20000' at 'memorySize' failed to satisfy constraint",
            "functions.worker.memory_size",
        ),
        (
            f,
            create,
            invalid,
            "'MemorySize' value failed to satisfy constraint: Member must be less",
            "functions.worker.memory_size",
        ),
        (
            f,
            create,
            invalid,
            "The runtime parameter of provided.al2023 is no longer supported",
            "functions.worker.runtime",
        ),
        (
            f,
            create,
            invalid,
            "Layer version arn:aws:lambda:eu-west-1:123456789012:layer:fonts:1 does not exist.",
            "functions.worker.layers.0",
        ),
        (f, create, invalid, "The subnet ID 'subnet-1' does not exist", "functions.worker.vpc.subnet_ids.0"),
        (
            f,
            create,
            "KMSAccessDeniedException",
            "Lambda was unable to decrypt: KMS Access is denied.",
            "functions.worker.kms_key_arn",
        ),
        (
            f,
            create,
            "AccessDeniedException",
            "is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/painter",
            "functions.worker.role",
        ),
        (f, create, invalid, "The role defined for the function cannot be assumed by Lambda.", "functions.worker.role"),
        (
            f,
            "lambda:PutFunctionConcurrency",
            invalid,
            "Specified ReservedConcurrentExecutions decreases",
            "functions.worker.reserved_concurrency",
        ),
        (f, create, "CodeStorageExceededException", "Code storage limit exceeded.", "functions.worker"),
        (
            "functions.worker.role",
            "iam:PutRolePolicy",
            "MalformedPolicyDocument",
            "Syntax errors in policy.",
            "functions.worker.permissions",
        ),
        (
            "functions.worker.role",
            "iam:CreateRole",
            "LimitExceeded",
            "Cannot exceed quota for RolesPerAccount",
            "functions.worker",
        ),
        ("functions.worker.log_group", "logs:PutRetentionPolicy", invalid, "no", "functions.worker.log_retention"),
        (
            "functions.worker.event[jobs]",
            "lambda:CreateEventSourceMapping",
            invalid,
            "Maximum concurrency 2 is too low",
            "functions.worker.events.1.maximum_concurrency",
        ),
        (
            "functions.worker.event[jobs]",
            "lambda:CreateEventSourceMapping",
            invalid,
            "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
            "functions.worker.events.1.queue",
        ),
    ] {
        assert_eq!(blame(&worker(), address, operation, code, message), expected, "{message}");
    }
}

#[test]
fn a_refusal_of_a_part_is_at_what_the_part_is_made_from() {
    let api = json!({ "stage": "Prod", "routes": { "POST /draw": "draw", "GET /{id}": { "function": "draw", "timeout": 5000 } } });
    let topic =
        json!({ "subscriptions": [ { "email": "a@b.org" }, { "sqs": "${queues.q.arn}", "filter_policy": {} } ] });
    let queue = json!({ "name": "jobs", "visibility_timeout": 30, "redrive": { "max_receive_count": 3 } });
    let bucket = json!({ "name": "pictures", "encryption": { "kms_master_key_id": "k" } });
    for (element, address, operation, code, message, expected) in [
        (
            &api,
            "apis.a.route[POST /draw]",
            "apigateway:PutMethod",
            "BadRequestException",
            "no",
            "apis.a.routes.POST /draw",
        ),
        (
            &api,
            "apis.a.route[GET /{id}]",
            "apigateway:PutIntegration",
            "BadRequestException",
            "Timeout should be between 50 ms and 29000 ms",
            "apis.a.routes.GET /{id}.timeout",
        ),
        (
            &api,
            "apis.a.permission[POST /draw]",
            "lambda:AddPermission",
            "PolicyLengthExceededException",
            "no",
            "apis.a.routes.POST /draw",
        ),
        (&api, "apis.a.stage", "apigateway:CreateStage", "BadRequestException", "Invalid stage name", "apis.a.stage"),
        (
            &topic,
            "topics.t.subscription[email:a@b.org]",
            "sns:Subscribe",
            "InvalidParameter",
            "Invalid parameter: Email address",
            "topics.t.subscriptions.0.email",
        ),
        (
            &topic,
            "topics.t.subscription[sqs:queues.q.arn]",
            "sns:Subscribe",
            "InvalidParameter",
            "Invalid parameter: FilterPolicy: Match value must be",
            "topics.t.subscriptions.1.filter_policy",
        ),
        (
            &queue,
            "queues.q",
            "sqs:CreateQueue",
            "InvalidAttributeValue",
            "Invalid value for the parameter VisibilityTimeout.",
            "queues.q.visibility_timeout",
        ),
        (
            &queue,
            "queues.q",
            "sqs:CreateQueue",
            "QueueNameExists",
            "A queue already exists with the same name",
            "queues.q.name",
        ),
        (&queue, "queues.q.dead_letter", "sqs:CreateQueue", "AccessDenied", "no", "queues.q.redrive"),
        (
            &bucket,
            "buckets.b",
            "s3:CreateBucket",
            "BucketAlreadyExists",
            "The requested bucket name is not available.",
            "buckets.b.name",
        ),
        (&bucket, "buckets.b", "s3:PutBucketEncryption", "InvalidArgument", "no", "buckets.b.encryption"),
        (&json!({}), "buckets.b", "s3:CreateBucket", "BucketAlreadyExists", "taken", "buckets.b"),
    ] {
        assert_eq!(blame(element, address, operation, code, message), expected, "{address} {message}");
    }
}

#[test]
fn names_of_aws_are_read_as_people_write_them_here() {
    for (word, expected) in [
        ("KmsMasterKeyId", "kms_master_key_id"),
        ("KMSKeyArn", "kms_key_arn"),
        ("memorySize", "memory_size"),
        ("Timeout", "timeout"),
        ("PassRole", "pass_role"),
    ] {
        assert_eq!(snake(word), expected);
    }
}
