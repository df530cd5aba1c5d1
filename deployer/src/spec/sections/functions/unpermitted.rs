//! Warns of a function that knows a resource of the stack by its environment and may not use it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::sections::about::Usage;
use crate::spec::sections::keys::{list, list_statements};
use crate::spec::sections::{Resource, Resources, SECTIONS};
use crate::spec::template::{self, TextPart};

/// Reports each resource that the function's environment names and that its role may not use. A role outside the stack
/// and managed policies may allow it, so they end the check.
pub(super) fn lint(document: &Document, all: &Resources<'_>, function: &Resource, findings: &mut Findings) {
    let Some(role) = all.resolve(&function.spec["role"]).filter(|role| !role.external) else { return };
    if role.spec["managed_policy_arns"].as_array().is_some_and(|arns| !arns.is_empty()) {
        return;
    }
    for (address, variable) in list_referred(function) {
        let Some(resource) = all.0.iter().find(|resource| resource.address == address) else { continue };
        let Some(usage) = usage(resource).filter(|_| resource.element != function.element) else { continue };
        if is_allowed(role, resource, usage) || admits(resource, function, role) {
            continue;
        }
        let derived = role.element == function.element;
        let owner = if derived { "the function".to_owned() } else { format!("`{}`", role.element) };
        let on = format!("${{{address}.arn}}{}", usage.on);
        let allow = if let [one] = usage.allow { (*one).to_owned() } else { format!("[{}]", usage.allow.join(", ")) };
        findings
            .warning(
                "function::no-permission",
                document.locate(&function.element).then("environment").then(variable),
                format!("`{}` knows `{address}` by its environment and has no permission to use it", function.element),
            )
            .help(format!(
                "add to the `permissions` of {owner} what it does there: `{{ allow: {allow}, on: \"{on}\" }}`"
            ));
    }
}

/// Returns how functions use a resource, if they do.
fn usage(resource: &Resource) -> Option<&'static Usage> {
    let known = SECTIONS.iter().filter_map(|section| section.about().usage.as_ref());
    known.into_iter().find(|usage| usage.kind == resource.kind)
}

/// Lists the addresses that the environment refers to, each with its first variable.
fn list_referred(function: &Resource) -> BTreeMap<String, &str> {
    let mut named = BTreeMap::new();
    for (variable, value) in function.spec["environment"].as_object().into_iter().flatten() {
        for part in template::parse(value.as_str().unwrap_or_default()).unwrap_or_default() {
            if let TextPart::Ref(reference) = part
                && !is_of_url(&reference.address, &reference.output)
            {
                named.entry(reference.address).or_insert(variable.as_str());
            }
        }
    }
    named
}

/// Tells whether an output is a function's URL, whose callers the URL's own settings admit.
fn is_of_url(address: &str, output: &str) -> bool {
    address.starts_with("functions.") && output == "url"
}

/// Tells whether a statement of the role allows anything on the resource. An ARN with wildcards, or one that is written
/// out, may mean every resource of its service.
fn is_allowed(role: &Resource, resource: &Resource, usage: &Usage) -> bool {
    let service = usage.allow.first().and_then(|action| action.split(':').next()).unwrap_or_default();
    let is_it = |on: &Value| {
        let on = on.as_str().unwrap_or_default();
        let reference = format!("${{{}.", resource.address);
        let is_written_out = on.split(':').nth(2) == Some(service);
        on == "*" || on.contains(&reference) || (on.starts_with("arn:") && is_written_out)
    };
    list_statements(role).any(|statement| {
        statement["Effect"] == "Allow"
            && (!statement["NotResource"].is_null() || list(&statement["Resource"]).into_iter().any(is_it))
    })
}

/// Tells whether the resource's own policy may let the function use it: it names the function's role, or everybody.
fn admits(resource: &Resource, function: &Resource, role: &Resource) -> bool {
    let Some(policy) = resource.spec.get("policy").and_then(Value::as_str) else { return false };
    let names = [format!("${{{}.role", function.element), format!("${{{}.", role.address)];
    let everybody = [r#""Principal":"*""#, r#""AWS":"*""#];
    names.iter().any(|name| policy.contains(name)) || everybody.iter().any(|all| policy.contains(all))
}

#[cfg(test)]
mod tests {
    use crate::pipeline;
    use crate::spec::source::SourceText;
    use crate::spec::variables::Inputs;

    /// Returns the findings about missing permissions, each with its place and its help.
    fn list_findings(lines: &str) -> Vec<(String, String)> {
        let text = format!("stack: s\nregion: eu-west-1\n{lines}");
        let loaded = pipeline::check(SourceText::new("stack.yaml", text), &Inputs::default());
        let loaded = loaded.map_err(|failure| failure.findings.0).expect("no error");
        let of_code = loaded.warnings.0.into_iter().filter(|finding| finding.code == "function::no-permission");
        of_code.map(|finding| (finding.path.to_string(), finding.help.unwrap_or_default())).collect()
    }

    fn function(environment: &str, more: &str) -> String {
        format!("  web: {{ zip: w.zip, environment: {{ TARGET: \"{environment}\" }}{more} }}\n")
    }

    #[test]
    fn a_resource_that_only_the_environment_knows_is_doubted_with_the_line_to_add() {
        let rest =
            "queues: { jobs: { redrive: { max_receive_count: 3 } } }\ntopics: { news: {} }\nbuckets: { images: {} }\n";
        for (reference, allow, on) in [
            ("queues.jobs.url", "sqs:SendMessage", "queues.jobs.arn}"),
            ("queues.jobs.dead_letter.name", "sqs:SendMessage", "queues.jobs.dead_letter.arn}"),
            ("topics.news.arn", "sns:Publish", "topics.news.arn}"),
            ("buckets.images.name", "[s3:GetObject, s3:PutObject]", "buckets.images.arn}/*"),
            ("functions.other.name", "lambda:InvokeFunction", "functions.other.arn}"),
        ] {
            let web = function(&format!("${{{reference}}}"), "");
            let found = list_findings(&format!("{rest}functions:\n  other: {{ zip: o.zip }}\n{web}"));
            let [(place, help)] = &found[..] else { panic!("{reference}: {found:?}") };
            assert_eq!(place, "functions.web.environment.TARGET");
            assert!(help.contains(&format!("{{ allow: {allow}, on: \"${{{on}\" }}")), "{reference}: {help}");
        }
    }

    #[test]
    fn any_permission_on_it_and_any_that_may_be_on_it_end_the_doubt() {
        let rest = "queues: { jobs: {}, more: {} }\nfunctions:\n";
        let one = |more: &str| list_findings(&format!("{rest}{}", function("${queues.jobs.url}", more))).len();
        let permission = |on: &str| format!(", permissions: [ {{ allow: sqs:GetQueueUrl, on: \"{on}\" }} ]");
        assert_eq!(one(&permission("${queues.jobs.arn}")), 0);
        assert_eq!(one(&permission("*")), 0);
        assert_eq!(one(&permission("arn:aws:sqs:eu-west-1:123456789012:s-*")), 0);
        assert_eq!(one(&permission("${queues.more.arn}")), 1);
        assert_eq!(one(&permission("arn:aws:sns:eu-west-1:123456789012:jobs")), 1);
        assert_eq!(one(", permissions: [ { deny: sqs:SendMessage, on: \"${queues.jobs.arn}\" } ]"), 1);
        assert_eq!(one(", managed_policy_arns: [ \"arn:aws:iam::aws:policy/AmazonSQSFullAccess\" ]"), 0);
        assert_eq!(one(", role: \"arn:aws:iam::123456789012:role/web\""), 0);
        assert_eq!(one(", events: [ { queue: jobs } ]"), 0);
        let own = "queues: { jobs: { policy: { Statement: [ { Effect: Allow, Principal: { AWS: \"${functions.web.role_arn}\" }, Action: sqs:SendMessage, Resource: \"*\" } ] } } }\nfunctions:\n";
        assert_eq!(list_findings(&format!("{own}{}", function("${queues.jobs.url}", ""))).len(), 0);
    }

    #[test]
    fn a_role_of_the_stack_is_named_and_a_function_may_know_itself() {
        let rest = "queues: { jobs: {} }\nroles: { web: { trust: [lambda.amazonaws.com] } }\nfunctions:\n";
        let found_with =
            |reference: &str| list_findings(&format!("{rest}{}", function(reference, ", role: \"${roles.web.arn}\"")));
        assert!(found_with("${queues.jobs.url}")[0].1.contains("the `permissions` of `roles.web`"));
        assert!(found_with("here").is_empty());
        assert!(list_findings(&format!("functions:\n{}", function("${functions.web.log_group}", ""))).is_empty());
        let public =
            format!("functions:\n  other: {{ zip: o.zip, url: true }}\n{}", function("${functions.other.url}", ""));
        assert!(list_findings(&public).is_empty(), "a URL admits its callers itself");
    }
}
