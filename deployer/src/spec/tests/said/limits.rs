//! Values that exceed a limit once their references are resolved.

use crate::spec::tests::inputs;

/// Returns the code and place of each finding of the whole check.
fn codes(stack: &str) -> Vec<(&'static str, String)> {
    let source = crate::spec::source::SourceText::new("stack.yaml", stack);
    let findings = match crate::pipeline::check(source, &inputs(&[])) {
        Ok(loaded) => loaded.warnings,
        Err(failure) => failure.findings,
    };
    findings.0.into_iter().map(|finding| (finding.code, finding.path.to_string())).collect()
}

fn function(environment: &[(String, String)]) -> String {
    let mut stack = "stack: s\nfunctions:\n  f:\n    zip: f.zip\n    environment:\n".to_owned();
    for (name, value) in environment {
        stack.push_str(&format!("      {name}: {}\n", serde_json::json!(value)));
    }
    stack
}

#[test]
fn the_environment_is_measured_as_the_json_that_lambda_makes_of_it() {
    let wanted = [("function::environment-size", "functions.f.environment".to_owned())];
    // 30 names and values of 4,080 bytes are 4,261 as JSON.
    let many: Vec<_> = (0..30).map(|n| (format!("V{n:02}"), "x".repeat(133))).collect();
    assert_eq!(codes(&function(&many)), wanted);
    // Each quote of a document gets a backslash.
    let document = [("DOCUMENT".to_owned(), r#"{"a":"b"}"#.repeat(433))];
    assert_eq!(codes(&function(&document)), wanted);
    let fits = |value: String| codes(&function(&[("AB".to_owned(), value)]));
    assert!(fits("x".repeat(4_096 - r#"{"AB":""}"#.len())).is_empty());
    assert_eq!(fits("x".repeat(4_097 - r#"{"AB":""}"#.len())), wanted);
    // Lambda counts bytes.
    assert_eq!(fits("é".repeat(2_044)), wanted);
}

#[test]
fn a_reference_counts_as_what_it_stands_for() {
    // 30 URLs of more than 100 characters each exceed the limit once they are resolved.
    let stack = |times: usize| {
        let mut stack = function(&[("PAD".to_owned(), "x".repeat(100))]);
        for n in 0..times {
            stack.push_str(&format!("      U{n:02}: \"${{queues.q.url}}\"\n"));
        }
        // A role outside the stack may use the queue, so nothing is said about permissions.
        stack.push_str("    role: \"arn:aws:iam::123456789012:role/f\"\n");
        stack + &format!("queues: {{ q: {{ name: {} }} }}\n", "q".repeat(80))
    };
    assert!(codes(&stack(10)).is_empty());
    assert_eq!(codes(&stack(30)), [("function::environment-size", "functions.f.environment".to_owned())]);
    // Outputs that only AWS can tell count as nothing.
    let api = "apis: { a: { routes: { \"GET /\": g } } }\n  g: { zip: g.zip }\n";
    let stack = format!(
        "{}  g: {{ zip: g.zip }}\n{}",
        function(&[("ID".into(), "${apis.a.id}".into())]),
        api.lines().next().unwrap()
    );
    assert!(codes(&stack).is_empty(), "{:?}", codes(&stack));
}

#[test]
fn policies_are_measured_with_their_references() {
    let statement = |n: usize| {
        format!(
            r#"{{ Sid: s{n}, Effect: Allow, Principal: {{ Service: sns.amazonaws.com }}, Action: "sqs:SendMessage", Resource: "${{queues.q.arn}}" }}"#
        )
    };
    let policy = |count: usize| (0..count).map(statement).collect::<Vec<_>>().join(", ");
    let queue = |count: usize| {
        format!(
            "stack: s\nqueues: {{ q: {{ policy: {{ Version: \"2012-10-17\", Statement: [ {} ] }} }} }}\n",
            policy(count)
        )
    };
    assert!(codes(&queue(10)).is_empty());
    let too_many = ("stack::too-many", "queues.q.policy.Statement".to_owned());
    assert_eq!(codes(&queue(60)), [("policy::size", "queues.q.policy".to_owned()), too_many]);
    let bucket = |count: usize| {
        let of_queue = queue(count).replace("queues: { q", "buckets: { b").replace("sqs:SendMessage", "s3:PutObject");
        of_queue.replace("${queues.q.arn}", "${buckets.b.arn}/*")
    };
    assert!(codes(&bucket(60)).is_empty());
    assert_eq!(codes(&bucket(200)), [("policy::size", "buckets.b.policy".to_owned())]);
    let permission = |n: usize| format!("      - {{ allow: \"sqs:SendMessage\", on: \"${{queues.q.arn}}/{n}\" }}\n");
    let function = |count: usize| {
        let permissions: String = (0..count).map(permission).collect();
        format!("stack: s\nqueues: {{ q: {{}} }}\nfunctions:\n  f:\n    zip: f.zip\n    permissions:\n{permissions}")
    };
    assert!(codes(&function(50)).is_empty());
    assert_eq!(codes(&function(120)), [("role::policy-size", "functions.f.permissions".to_owned())]);
}

#[test]
fn fifty_tags_are_taken_the_deployers_own_among_them() {
    let tags = |count: usize| (0..count).map(|n| format!("k{n}: v")).collect::<Vec<_>>().join(", ");
    let function =
        |count: usize| format!("stack: s\ntags: {{ {} }}\nfunctions: {{ f: {{ zip: f.zip }} }}\n", tags(count));
    assert!(codes(&function(48)).is_empty());
    assert_eq!(codes(&function(49)), [("stack::too-many", "tags".to_owned())]);
    let own = format!("stack: s\nroles: {{ r: {{ trust: [lambda.amazonaws.com], tags: {{ {} }} }} }}\n", tags(49));
    assert_eq!(codes(&own), [("stack::too-many", "roles.r.tags".to_owned())]);
}
