//! The table is whole, and each protocol's requests are read by it.

use super::*;

fn violations(service: &str, operation: &str, request: &Request) -> Vec<String> {
    broken(service, operation, request).iter().map(ToString::to_string).collect()
}

fn json(body: &str) -> Request<'_> {
    Request { uri: "https://sqs.eu-west-1.amazonaws.com/", headers: Vec::new(), body: Body::Bytes(body.as_bytes()) }
}

fn at<'a>(uri: &'a str, body: &'a str) -> Request<'a> {
    Request { uri, headers: Vec::new(), body: Body::Bytes(body.as_bytes()) }
}

#[test]
fn the_table_has_every_service_and_names_its_source() {
    let source = table::source();
    assert!(source.starts_with("PyPI botocore ") && source.contains(", sha256 "), "{source}");
    let ids = table::ids();
    assert_eq!(ids.len(), 17, "{ids:?}");
    for id in ids {
        let service = table::service(id).unwrap_or_else(|| panic!("{id} can be read"));
        assert!(!service.operations.is_empty(), "{id}");
        for (name, operation) in &service.operations {
            assert!(service.shape(&operation.input).is_some(), "{id} {name}");
        }
    }
    assert!(table::size() <= 300 * 1024, "{}", table::size());
}

/// The engine lacks Unicode classes and look-around. Their number is known, so that a newer table does not lose more.
#[test]
fn nearly_every_pattern_is_checked() {
    let mut skipped = Vec::new();
    for id in table::ids() {
        let shapes = &table::service(id).expect("a service").shapes;
        let patterns = shapes.values().filter_map(|shape| shape.pattern.as_ref());
        skipped.extend(patterns.filter(|pattern| pattern.regex().is_none()).map(table::Pattern::text));
    }
    skipped.sort_unstable();
    skipped.dedup();
    let expected = |pattern: &&str| pattern.contains("\\p{") || pattern.contains("(?") || pattern.contains("\\x{D7FF}");
    assert!(skipped.iter().all(expected), "{skipped:#?}");
}

#[test]
fn a_request_in_json_is_held_against_the_model() {
    assert_eq!(violations("SQS", "CreateQueue", &json(r#"{"QueueName":"orders"}"#)), [""; 0]);
    assert_eq!(violations("SQS", "CreateQueue", &json("{}")), ["`QueueName` is required"]);
    let batch = r#"{"QueueUrl":"u","Entries":[{"Id":"1","VisibilityTimeout":"x"}]}"#;
    assert_eq!(
        violations("SQS", "ChangeMessageVisibilityBatch", &json(batch)),
        ["`Entries[0].ReceiptHandle` is required", "`Entries[0].VisibilityTimeout` has to be a number"]
    );
    let retention = r#"{"logGroupName":"a b","retentionInDays":7}"#;
    assert_eq!(
        violations("CloudWatch Logs", "PutRetentionPolicy", &json(retention)),
        ["`logGroupName` is `a b`, which does not match `[\\.\\-_/#A-Za-z0-9]+`"]
    );
}

#[test]
fn a_rest_request_is_read_from_path_query_and_body() {
    let create = "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions";
    let body = r#"{"FunctionName":"draw","Role":"arn:aws:iam::123456789012:role/draw","Code":{"ZipFile":"UEsFBg=="},
        "MemorySize":64,"Timeout":0,"Runtime":"provided.al2042","Environment":{"Variables":{"1":"x"}}}"#;
    let mut found = violations("Lambda", "CreateFunction", &at(create, body));
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "`Environment.Variables.1` is `1`, which does not match `[a-zA-Z]([a-zA-Z0-9_])+`",
            "`MemorySize` is 64, at least 128 is required",
            "`Runtime` is `provided.al2042`, which is none of its values",
            "`Timeout` is 0, at least 1 is required",
        ]
    );
    let concurrency = "https://lambda.eu-west-1.amazonaws.com/2017-10-31/functions/a%20b/concurrency";
    assert_eq!(
        violations("Lambda", "PutFunctionConcurrency", &at(concurrency, "{}"))[1],
        "`ReservedConcurrentExecutions` is required"
    );
    let list = "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/?MaxItems=0";
    assert_eq!(violations("Lambda", "ListFunctions", &at(list, "")), ["`MaxItems` is 0, at least 1 is required"]);
}

#[test]
fn a_form_is_read_by_the_shapes() {
    let body = "Action=CreateRole&RoleName=a%2Fb&AssumeRolePolicyDocument=%7B%7D&MaxSessionDuration=60\
                &Tags.member.1.Key=team&Tags.member.2.Value=sofa";
    assert_eq!(
        violations("IAM", "CreateRole", &at("https://iam.amazonaws.com/", body)),
        [
            "`RoleName` is `a/b`, which does not match `[\\w+=,.@-]+`",
            "`MaxSessionDuration` is 60, at least 3600 is required",
            "`Tags[0].Value` is required",
            "`Tags[1].Key` is required",
        ]
    );
    let attributes = "Action=CreateTopic&Name=alarms&Attributes.entry.1.key=KmsMasterKeyId&Attributes.entry.1.value=x";
    assert_eq!(violations("SNS", "CreateTopic", &at("https://sns.eu-west-1.amazonaws.com/", attributes)), [""; 0]);
}

#[test]
fn an_xml_body_is_read_by_the_shapes() {
    let encryption = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES255\
                      </SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
    for uri in ["https://pictures.s3.eu-west-1.amazonaws.com/?encryption", "http://127.0.0.1:1/pictures?encryption"] {
        let found = violations("S3", "PutBucketEncryption", &at(uri, encryption));
        let member = "ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm";
        assert_eq!(found, [format!("`{member}` is `AES255`, which is none of its values")], "{uri}");
    }
}

#[test]
fn only_rules_that_every_service_keeps_to_are_certain() {
    let body = r#"{"FunctionName":"draw","Role":"arn:aws:iam::123456789012:role/draw","Code":{},"Runtime":"new","MemorySize":1}"#;
    let found =
        broken("Lambda", "CreateFunction", &at("https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions", body));
    let certain: Vec<_> =
        found.iter().filter(|violation| violation.rule.is_certain()).map(|v| v.member.as_str()).collect();
    assert_eq!((found.len(), certain), (2, vec!["MemorySize"]));
}

#[test]
fn an_unknown_operation_or_an_unreadable_body_breaks_nothing() {
    assert_eq!(broken("SQS", "PaintQueue", &json("{}")), []);
    assert_eq!(broken("Paint", "CreateQueue", &json("{}")), []);
    assert_eq!(broken("SQS", "CreateQueue", &json("{")), []);
}

fn identified(signing: &str, method: &str, request: &Request) -> (String, serde_json::Value) {
    let found = identify(signing, method, request).expect("an operation of the table");
    (format!("{} {}", found.service, found.operation), found.input)
}

#[test]
fn an_arriving_request_is_identified_in_each_protocol() {
    let target = |body| Request { headers: vec![("x-amz-target", "AmazonSQS.CreateQueue")], ..json(body) };
    assert_eq!(
        identified("sqs", "POST", &target(r#"{"QueueName":"orders"}"#)),
        ("SQS CreateQueue".into(), serde_json::json!({"QueueName": "orders"}))
    );
    let body = "Action=CreateRole&RoleName=draw&MaxSessionDuration=3600&Tags.member.1.Key=a&Tags.member.1.Value=b";
    assert_eq!(
        identified("iam", "POST", &at("http://127.0.0.1:1/", body)),
        (
            "IAM CreateRole".into(),
            serde_json::json!({"RoleName": "draw", "MaxSessionDuration": 3600, "Tags": [{"Key": "a", "Value": "b"}]})
        )
    );
    let code = "http://127.0.0.1:1/2015-03-31/functions/draw/code";
    assert_eq!(
        identified("lambda", "PUT", &at(code, r#"{"Publish":true}"#)),
        ("Lambda UpdateFunctionCode".into(), serde_json::json!({"FunctionName": "draw", "Publish": true}))
    );
    let (operation, input) =
        identified("apigateway", "GET", &at("http://127.0.0.1:1/restapis/a1/resources?limit=500", ""));
    assert_eq!((operation.as_str(), &input["restApiId"]), ("API Gateway GetResources", &serde_json::json!("a1")));
    let (operation, input) =
        identified("apigateway", "POST", &at("http://127.0.0.1:1/v2/apis/a1/routes", r#"{"routeKey":"GET /"}"#));
    assert_eq!((operation.as_str(), &input["RouteKey"]), ("ApiGatewayV2 CreateRoute", &serde_json::json!("GET /")));
    for (method, path, operation) in [
        ("PUT", "/pictures", "S3 CreateBucket"),
        ("PUT", "/pictures?versioning", "S3 PutBucketVersioning"),
        ("GET", "/pictures?list-type=2&prefix=a", "S3 ListObjectsV2"),
        ("GET", "/pictures/a/b.png?x-id=GetObject", "S3 GetObject"),
        ("DELETE", "/pictures", "S3 DeleteBucket"),
    ] {
        let uri = format!("http://127.0.0.1:1{path}");
        assert_eq!(identified("s3", method, &at(&uri, "")).0, operation, "{path}");
    }
    assert_eq!(identify("s3", "PUT", &at("http://127.0.0.1:1/pictures?requestPayment", "")), None);
    assert_eq!(identify("paint", "PUT", &at("http://127.0.0.1:1/pictures", "")), None);
}
