//! Refusals that only AWS can make also point at a line of stack.yaml: for people, for scripts and on the pages of a CI
//! run.

use serde_json::Value;

use crate::bench::{Bench, RunOutput};
use crate::common;
use crate::lifecycle::SHOP;
use crate::proxy::{CannedAnswer, Proxy};

const REFUSALS: &[CannedAnswer] = &[
    CannedAnswer {
        holds: &["PUT /files-of-state-", "CreateBucketConfiguration"],
        status: 409,
        form: "xml",
        body: "<Error><Code>BucketAlreadyExists</Code><Message>The requested bucket name is not available.</Message></Error>",
    },
    CannedAnswer {
        holds: &["Action=PutRolePolicy", "RoleName=shop-reader"],
        status: 400,
        form: "xml",
        body: "<ErrorResponse><Error><Type>Sender</Type><Code>MalformedPolicyDocument</Code><Message>Policy statement must contain resources.</Message></Error></ErrorResponse>",
    },
    CannedAnswer {
        holds: &["AmazonSQS.CreateQueue", "shop-spare"],
        status: 403,
        form: "x-amz-json-1.0",
        body: r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"User: arn:aws:iam::1:user/ci is not authorized to perform: sqs:createqueue on resource: arn:aws:sqs:eu-west-1:1:shop-spare because no identity-based policy allows the sqs:createqueue action"}"#,
    },
    CannedAnswer {
        holds: &["POST /2015-03-31/functions ", "shop-worker"],
        status: 403,
        form: "json",
        body: r#"{"__type":"AccessDeniedException","Message":"User: arn:aws:iam::1:user/ci is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/shop-worker-role"}"#,
    },
    CannedAnswer {
        holds: &["Logs_20140328.PutRetentionPolicy", "audit"],
        status: 400,
        form: "x-amz-json-1.1",
        body: r#"{"__type":"InvalidParameterException","message":"1 validation error detected: Value '30' at 'retentionInDays' failed to satisfy constraint"}"#,
    },
    CannedAnswer {
        holds: &["Action=Subscribe", "ops%40example.com"],
        status: 400,
        form: "xml",
        body: "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter</Code><Message>Invalid parameter: Email address</Message></Error></ErrorResponse>",
    },
];

fn settled(bench: &Bench, text: &str) -> String {
    text.replace(&bench.bucket(), "BUCKET").replace(&bench.aws.place.account, "ACCOUNT")
}

fn refused(bench: &Bench, proxy: &Proxy, arguments: &[&str], on_github: bool) -> RunOutput {
    let mut command = bench.command(arguments);
    command.env("AWS_ENDPOINT_URL", &proxy.url);
    if on_github {
        command.env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", bench.path());
    }
    let ran = RunOutput::of(command.output().expect("the binary runs"));
    assert_eq!(ran.code, Some(1), "{ran}");
    ran
}

/// Extracts the findings. The order of the actions before them varies.
fn findings(text: &str) -> Vec<String> {
    let mut found: Vec<String> = text.split("error[").skip(1).map(|one| format!("error[{}", one.trim_end())).collect();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_refuses_points_at_its_line() {
    let bench = Bench::new(SHOP).await;
    let proxy = Proxy::answering(&common::cloud().endpoint_url, REFUSALS);
    let ran = refused(&bench, &proxy, &["apply", "-y"], false);
    insta::assert_snapshot!("text", findings(&settled(&bench, &ran.stderr)).join("\n\n"));

    let ran = refused(&bench, &proxy, &["apply", "-y", "--json"], false);
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let mut places: Vec<String> = lines
        .iter()
        .filter(|line| line["type"] == "error")
        .map(|line| format!("{} {}:{}:{}", line["code"], line["file"], line["line"], line["column"]))
        .collect();
    places.sort();
    insta::assert_snapshot!("json", places.join("\n"));

    let ran = refused(&bench, &proxy, &["apply", "-y"], true);
    let annotations = format!("{}\n{}", ran.stdout, ran.stderr);
    let mut lines: Vec<&str> = annotations.lines().filter(|line| line.starts_with("::error ")).collect();
    lines.sort_unstable();
    insta::assert_snapshot!("github", settled(&bench, &lines.join("\n")));
}
