//! Requests to the local cloud that only look signed: no rule of AWS sees them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::SystemTime;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, Runtime, VpcConfig};
use serde_json::Value;

use crate::bench::ready_zip;
use crate::local::{Local, basic};

const STACK: &str = "stack: forged\nregion: eu-west-1\nqueues: { old: {} }\nfunctions: { draw: { zip: draw.zip } }\n";

/// A request without its signature.
#[derive(Clone, Copy)]
struct Unsigned {
    service: &'static str,
    line: &'static str,
    headers: &'static str,
    body: &'static str,
}

const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "content-type: application/x-amz-json-1.0\r\n";

/// Requests that rules would refuse, answer themselves, or learn from.
const REQUESTS: &[Unsigned] = &[
    // The subnet's interface is shown to callers with permission.
    Unsigned {
        service: "ec2",
        line: "POST /",
        headers: FORM,
        body: "Action=DescribeNetworkInterfaces&Version=2016-11-15",
    },
    // The name is taken for a while.
    Unsigned {
        service: "sqs",
        line: "POST /",
        headers: "content-type: application/x-amz-json-1.0\r\nx-amz-target: AmazonSQS.CreateQueue\r\n",
        body: r#"{"QueueName":"forged-old"}"#,
    },
    // Breaks a constraint of AWS's model.
    Unsigned {
        service: "lambda",
        line: "PUT /2015-03-31/functions/forged-draw/configuration",
        headers: JSON,
        body: r#"{"MemorySize":1}"#,
    },
    Unsigned {
        service: "iam",
        line: "POST /",
        headers: FORM,
        body: "Action=GetRole&RoleName=absent%20&Version=2010-05-08",
    },
    Unsigned {
        service: "sns",
        line: "POST /",
        headers: FORM,
        body: "Action=CreateTopic&Name=a%20b&Version=2010-03-31",
    },
    // Would be in progress, so that other changes of the function wait.
    Unsigned { service: "lambda", line: "DELETE /2015-03-31/functions/forged-draw", headers: "", body: "" },
    // Would be believed if the guard looked at the head alone.
    Unsigned {
        service: "sqs",
        line: "POST /",
        headers: "content-type: application/x-amz-json-1.0\r\nx-amz-target: AmazonSQS.CreateQueue\r\nx-deployer-admission-length: 2\r\n",
        body: r#"{"QueueName":"forged-old"}"#,
    },
    // The stated hash is that of an empty body.
    Unsigned {
        service: "s3",
        line: "PUT /forged",
        headers: "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n",
        body: "<a/>",
    },
];

impl Unsigned {
    /// Sends the request with a signature that anybody could write. Returns the status and the body of the answer.
    fn forge(self, host: &str, port: u16) -> (u16, String) {
        let time = basic(aws_smithy_types::DateTime::from(SystemTime::now()).secs());
        let Self { service, line, headers, body } = self;
        let (day, digits, length) = (&time[..8], "0".repeat(64), body.len());
        let signed = format!(
            "authorization: AWS4-HMAC-SHA256 Credential=test/{day}/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature={digits}\r\nx-amz-date: {time}\r\n"
        );
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a server");
        write!(stream, "{line} HTTP/1.1\r\nhost: {host}\r\n{headers}{signed}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .expect("the request is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer in UTF-8");
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        // The guard sends its answer in chunks, the gateway whole.
        let body = answer
            .split_once("\r\n\r\n")
            .expect("a body")
            .1
            .trim_start_matches(|letter| letter != '<' && letter != '{');
        (status, body.trim_end_matches(|letter| letter != '>' && letter != '}').to_owned())
    }
}

/// Creates a function in a network, so that there is an interface to list.
async fn join_network(local: &Local) {
    let clients = local.clients().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let role = clients.iam.create_role().role_name("net").assume_role_policy_document(trust).send().await;
    let role = role.expect("a role").role.expect("a role").arn;
    let policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole";
    clients.iam.attach_role_policy().role_name("net").policy_arn(policy).send().await.expect("a policy");
    let network = VpcConfig::builder().subnet_ids("subnet-1").security_group_ids("sg-1").build();
    let code = FunctionCode::builder().zip_file(Blob::new(ready_zip("net"))).build();
    let create = clients.lambda.create_function().function_name("net").role(role).runtime(Runtime::Providedal2023);
    let create = create.handler("bootstrap").vpc_config(network).code(code);
    let mut tries = 0;
    while let Err(refused) = create.clone().send().await {
        // IAM has not spread the role yet.
        tries += 1;
        assert!(tries < 200, "{refused:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[test]
fn a_rule_that_is_off_by_default_is_listed_with_its_reason_and_can_be_switched_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let local = Local::started(dir, &["local", "start", "--with", "lost-answers=0.2", "--with", "api-rates"]);
    let rule = |name: &str| {
        let rules = local.status["rules"].as_array().expect("a list");
        rules.iter().find(|rule| rule["name"] == name).expect("a rule").clone()
    };
    for (name, on) in [("lost-answers", true), ("api-rates", true), ("service-rates", false), ("thin-line", false)] {
        let found = rule(name);
        assert!(found["on"] == on && found["off_because"].is_string(), "{found:#}");
    }
    assert_eq!(rule("queue-names")["off_because"], Value::Null);
    let text = local.ok(&["local", "status"]).stdout;
    assert!(text.contains("(switched on)") && text.contains("These rules are off"), "{text}");
    for (argument, why) in [
        ("nothing", "there is no rule `nothing`"),
        ("queue-names", "the rule `queue-names` is on by default"),
        ("lost-answers=much", "the value of the rule `lost-answers` is a number above 0"),
        ("api-rates=3", "the rule `api-rates` has no value"),
    ] {
        let ran = local.run(&["local", "start", "--with", argument]);
        assert!(ran.code == Some(1) && ran.stderr.contains("local::no-rule") && ran.stderr.contains(why), "{ran}");
    }
}

#[tokio::test]
async fn a_forged_request_gets_the_answer_of_the_guard_and_no_rule_sees_it() {
    let local = Local::with(STACK, "draw.zip", &ready_zip("one"));
    local.ok(&["--local", "apply", "-y"]);
    join_network(&local).await;
    std::fs::write(local.dir.path().join("stack.yaml"), STACK.replace("queues: { old: {} }\n", "")).expect("a file");
    local.ok(&["--local", "apply", "-y"]);
    let before = local.ok(&["--local", "plan", "--json"]).stdout;

    let record = std::fs::read(local.dir.path().join(".deployer/local/cloud.json")).expect("a record");
    let record: Value = serde_json::from_slice(&record).expect("JSON");
    let port = |name: &str| u16::try_from(record[name].as_u64().expect("a port")).expect("a port");
    let host = local.text("endpoint_url").trim_start_matches("http://").to_owned();
    for request in REQUESTS {
        let answer = request.forge(&host, port("port"));
        assert_eq!(answer.0, 403, "{}: {answer:?}", request.service);
        assert_eq!(answer, request.forge(&host, port("emulator_port")), "{}", request.service);
        assert!(answer.1.contains("sign requests with the keys"), "{}: {answer:?}", request.service);
    }

    let after = local.ok(&["--local", "plan", "--json"]).stdout;
    let actions = |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["actions"].clone();
    assert_eq!(actions(&before), actions(&after), "nothing was changed");
    assert!(after.contains("\"action\":\"unchanged\"") || after.contains("\"action\": \"unchanged\""), "{after}");
}
