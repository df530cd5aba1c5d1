//! The size of functions' resource policies, to which alarms, APIs and topics add their permissions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::aws::Place;
use crate::kinds::lambda_permission::LambdaPermission;
use crate::kinds::{self, Kind};
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::sections::Resources;
use crate::spec::template::{TextPart, parse};

/// Most bytes in a function's resource policy. This quota cannot be raised.
const POLICY_BYTES: usize = 20_480;
/// Placeholder for an id that AWS assigns, no longer than the shortest such id.
const UNKNOWN: &str = "aaaaaaaaaa";

/// Reports functions whose permissions do not fit into their resource policy.
pub(super) fn check(document: &Document, all: &Resources<'_>, findings: &mut Findings) {
    let place = place(document);
    let mut statements: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for permission in all.0.iter().filter(|resource| resource.kind == LambdaPermission::NAME && !resource.external) {
        let Some(name) = permission.spec["function_name"].as_str() else { continue };
        statements.entry(name).or_default().push(statement(&permission.spec, all, &place));
    }
    for (name, statements) in statements {
        let count = statements.len();
        let policy = json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements });
        let bytes = policy.to_string().len();
        let Some(function) = all.resolve(&Value::from(name)).filter(|_| bytes > POLICY_BYTES) else { continue };
        let message = format!(
            "the {count} permissions to call `{}` take {bytes} bytes, and its resource policy has room for {POLICY_BYTES}",
            function.address
        );
        findings
            .error("function::policy-size", document.locate(&function.element), message)
            .help("let fewer topics, APIs and alarms call it, or divide it into several functions; AWS does not raise this limit");
    }
}

/// Builds a permission as Lambda stores it.
fn statement(spec: &Value, all: &Resources<'_>, place: &Place) -> Value {
    let text = |property: &str| resolve_text(spec[property].as_str().unwrap_or_default(), all, place);
    let mut condition = json!({});
    if spec["source_arn"].is_string() {
        condition["ArnLike"] = json!({ "AWS:SourceArn": text("source_arn") });
    }
    if spec["source_account"].is_string() {
        condition["StringEquals"] = json!({ "AWS:SourceAccount": text("source_account") });
    }
    json!({
        "Sid": text("statement_id"),
        "Effect": "Allow",
        "Principal": { "Service": text("principal") },
        "Action": text("action"),
        "Resource": place.arn("lambda", &format!("function:{}", text("function_name"))),
        "Condition": condition,
    })
}

/// Resolves everything in a text that is known before AWS is read. Unknown parts get a placeholder of their minimum
/// length.
fn resolve_text(text: &str, all: &Resources<'_>, place: &Place) -> String {
    let part = |part: TextPart| match part {
        TextPart::Text(text) => text,
        TextPart::Aws(name) => match name.as_str() {
            "region" => place.region.clone(),
            "partition" => place.partition.clone(),
            _ => place.account.clone(),
        },
        TextPart::Ref(to) => {
            let resource = all.0.iter().find(|resource| resource.address == to.address);
            let outputs = resource.and_then(|r| kinds::find(r.kind)?.predict(&r.spec, place).ok());
            outputs.and_then(|outputs| outputs.get(&to.output).cloned()).unwrap_or_else(|| UNKNOWN.to_owned())
        }
        TextPart::Var(_) | TextPart::Env => String::new(),
    };
    parse(text).map(|parts| parts.into_iter().map(part).collect()).unwrap_or_default()
}

fn place(document: &Document) -> Place {
    let region = document.region().to_owned();
    let partition = Place::partition_of(&region).to_owned();
    Place { account: "123456789012".to_owned(), region, partition, endpoint_url: None }
}

#[cfg(test)]
mod tests {
    use crate::spec::document::Document;
    use crate::spec::source::SourceText;
    use crate::spec::variables::Inputs;

    fn messages(text: &str) -> Vec<String> {
        let text = format!("stack: s\nregion: eu-west-1\n{text}");
        let (document, _) = Document::load(SourceText::new("stack.yaml", text.as_bytes()), &Inputs::default()).unwrap();
        let mut findings = crate::spec::finding::Findings::default();
        crate::spec::lint::lint(&document, &document.lower().0, &mut findings);
        findings.0.iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect()
    }

    fn api(name: &str, routes: usize) -> String {
        let routes: String = (0..routes).map(|n| format!("      \"GET /v1/a{n:03}\": app\n")).collect();
        format!("  {name}:\n    routes:\n{routes}")
    }

    #[test]
    fn more_permissions_than_a_resource_policy_takes_are_an_error() {
        let topics = |count: usize| {
            let topics: String = (0..count)
                .map(|n| format!("  t{n:03}: {{ subscriptions: [ {{ lambda: \"${{functions.app.arn}}\" }} ] }}\n"))
                .collect();
            messages(&format!("functions:\n  app: {{ zip: f.zip }}\ntopics:\n{topics}"))
        };
        assert_eq!(topics(60), Vec::<String>::new());
        let said = topics(90);
        assert!(said.len() == 1 && said[0].starts_with("function::policy-size: the 90 permissions"), "{said:?}");
    }

    #[test]
    fn routes_topics_and_several_apis_count_together() {
        let apis: String = (0..7).map(|n| api(&format!("a{n}"), 10)).collect();
        let said = messages(&format!("functions:\n  app: {{ zip: f.zip }}\napis:\n{apis}"));
        assert!(said.iter().any(|said| said.starts_with("function::policy-size: the 70 permissions")), "{said:?}");
    }
}
