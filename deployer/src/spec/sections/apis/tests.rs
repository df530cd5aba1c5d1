mod access;
mod cors;
mod validation;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ApiElement, Apis};
use crate::aws::Place;
use crate::graph::Graph;
use crate::graph::resolve::{self, KnownOutputs};
use crate::kinds::Outputs;
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::secrets::Secrets;
use crate::spec::sections::{Common, LoweredStack, Resource, Scope, Section};
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

fn element(value: Value) -> ApiElement {
    serde_json::from_value(value).unwrap()
}

fn with_scope<T>(stack: &str, external: bool, run: impl FnOnce(&Scope<'_>) -> T) -> T {
    let (common, tags) = (Common { external, ..Common::default() }, Default::default());
    run(&Scope {
        is_preview: false,
        stack,
        section: "apis",
        name: "couch",
        common: &common,
        stack_tags: &tags,
        secrets: &Secrets::default(),
    })
}

fn codes(value: Value) -> BTreeSet<(&'static str, String)> {
    let mut findings = Findings::default();
    with_scope("explorers", false, |at| Apis::check(&element(value), at, &mut findings));
    findings.0.into_iter().map(|f| (f.code, f.path.0[2..].join(" · "))).collect()
}

fn lowered_for(stack: &str, value: Value) -> LoweredStack {
    let mut out = LoweredStack::default();
    with_scope(stack, false, |at| Apis::lower(element(value), at, &mut out));
    out
}

fn lower(value: Value) -> LoweredStack {
    lowered_for("explorers", value)
}

fn at<'a>(out: &'a LoweredStack, address: &str) -> &'a Resource {
    out.resources.iter().find(|r| r.address == address).unwrap_or_else(|| panic!("{address} in {:#?}", out.resources))
}

fn definition(value: Value) -> String {
    at(&lower(value), "apis.couch.stage").spec["definition"].as_str().unwrap().to_owned()
}

/// Returns a document's graph and its findings, each with its place.
fn document(api: &str) -> (Option<Graph>, Vec<String>) {
    let text = format!(
        "stack: explorers\nregion: eu-west-1\nfunctions:\n  paint: {{ zip: f.zip, name: painter }}\n\
         apis:\n  couch: {{ {api} }}\n\
         outputs:\n  url: ${{apis.couch.url}}/images\n  stage: ${{apis.couch.stage_name}}\n  id: ${{apis.couch.id}}\n"
    );
    let said = |findings: Findings| findings.0.into_iter().map(|f| format!("{} {}", f.code, f.path)).collect();
    let (document, mut findings) = match Document::load(SourceText::new("stack.yaml", text), &Inputs::default()) {
        Ok(loaded) => loaded,
        Err(failed) => return (None, said(failed.findings)),
    };
    let (lowered, more) = document.lower();
    findings.0.extend(more.0);
    let graph = Graph::of(lowered, document.outputs().clone(), &document, &mut findings);
    document.place(&mut findings);
    (Some(graph), said(findings))
}

#[test]
fn an_api_is_lowered_to_itself_its_routes_their_permissions_and_its_stage() {
    let out = lower(json!({ "routes": { "POST /generate-image": "paint" } }));
    let addresses: Vec<_> = out.resources.iter().map(|r| (r.address.as_str(), r.kind)).collect();
    assert_eq!(
        addresses,
        [
            ("apis.couch", "apigateway.rest_api"),
            ("apis.couch.route[POST /generate-image]", "apigateway.route"),
            ("apis.couch.permission[POST /generate-image]", "lambda.permission"),
            ("apis.couch.stage", "apigateway.stage"),
        ]
    );
    let tags = |address: &str| json!({ "deployer:stack": "explorers", "deployer:address": address });
    assert_eq!(
        at(&out, "apis.couch").spec,
        json!({
            "owner_stack": "explorers",
            "owner_address": "apis.couch",
            "name": "explorers-couch",
            "endpoint_type": "REGIONAL",
            "binary_media_types": [],
            "disable_execute_api_endpoint": false,
            "api_key_source": "HEADER",
            "tags": tags("apis.couch"),
            "parts": { "stage": "Prod", "routes": ["POST /generate-image"] },
        })
    );
    assert_eq!(
        at(&out, "apis.couch.route[POST /generate-image]").spec,
        json!({
            "rest_api_id": "${apis.couch.id}",
            "path": "/generate-image",
            "http_method": "POST",
            "authorization_type": "NONE",
            "api_key_required": false,
            "integration_type": "AWS_PROXY",
            "integration_http_method": "POST",
            "uri": "arn:${aws.partition}:apigateway:${aws.region}:lambda:path/2015-03-31/functions/${functions.paint.arn}/invocations",
            "timeout_in_millis": 29_000,
        })
    );
    let permission = &at(&out, "apis.couch.permission[POST /generate-image]").spec;
    assert_eq!(permission["function_name"], "${functions.paint.name}");
    assert_eq!(permission["action"], "lambda:InvokeFunction");
    assert_eq!(permission["principal"], "apigateway.amazonaws.com");
    assert_eq!(
        permission["source_arn"],
        "arn:${aws.partition}:execute-api:${aws.region}:${aws.account_id}:${apis.couch.id}/*/POST/generate-image"
    );
    let stage = at(&out, "apis.couch.stage");
    assert_eq!((&stage.spec["rest_api_id"], &stage.spec["stage_name"]), (&json!("${apis.couch.id}"), &json!("Prod")));
    assert_eq!(stage.spec["tags"], tags("apis.couch.stage"));
    assert_eq!(
        stage.depends_on.iter().map(String::as_str).collect::<Vec<_>>(),
        ["apis.couch.permission[POST /generate-image]", "apis.couch.route[POST /generate-image]"]
    );
}

#[test]
fn every_property_arrives_where_it_belongs() {
    let out = lower(json!({
        "name": "couch", "description": "Paints.", "stage": "v1", "endpoint_type": "EDGE",
        "binary_media_types": ["image/png", "image/jpeg", "image/png"], "minimum_compression_size": 0,
        "throttling_rate_limit": 2.5, "throttling_burst_limit": 5, "variables": { "mood": "calm" },
        "metrics_enabled": true, "tracing_enabled": true, "disable_execute_api_endpoint": true,
        "api_key_source": "AUTHORIZER",
        "routes": { "ANY /i/{id}": {
            "function": "paint", "authorization": "AWS_IAM", "api_key_required": true, "timeout": "500ms",
        } },
    }));
    let api = &at(&out, "apis.couch").spec;
    for (property, value) in [
        ("name", json!("couch")),
        ("description", json!("Paints.")),
        ("endpoint_type", json!("EDGE")),
        ("binary_media_types", json!(["image/jpeg", "image/png"])),
        ("minimum_compression_size", json!(0)),
        ("disable_execute_api_endpoint", json!(true)),
        ("api_key_source", json!("AUTHORIZER")),
    ] {
        assert_eq!(api[property], value, "{property}");
    }
    let route = &at(&out, "apis.couch.route[ANY /i/{id}]").spec;
    for (property, value) in [
        ("http_method", json!("ANY")),
        ("path", json!("/i/{id}")),
        ("authorization_type", json!("AWS_IAM")),
        ("api_key_required", json!(true)),
        ("timeout_in_millis", json!(500)),
    ] {
        assert_eq!(route[property], value, "{property}");
    }
    let stage = &at(&out, "apis.couch.stage").spec;
    for (property, value) in [
        ("stage_name", json!("v1")),
        ("throttling_rate_limit", json!(2.5)),
        ("throttling_burst_limit", json!(5)),
        ("variables", json!({ "mood": "calm" })),
        ("metrics_enabled", json!(true)),
        ("tracing_enabled", json!(true)),
    ] {
        assert_eq!(stage[property], value, "{property}");
    }
}

#[test]
fn apis_of_the_same_name_in_two_stacks_may_call_one_function() {
    let id = |stack| {
        let out = lowered_for(stack, json!({ "routes": { "GET /": "paint", "ANY /": "paint" } }));
        let of = |route: &str| at(&out, &format!("apis.couch.permission[{route}]")).spec["statement_id"].clone();
        assert_ne!(of("GET /"), of("ANY /"));
        of("GET /")
    };
    assert_ne!(id("one"), id("other"));
    assert_eq!(id("one"), id("one"));
}

#[test]
fn the_definition_changes_with_what_a_deployment_makes_effective_and_with_nothing_else() {
    let route = |target: Value| json!({ "routes": { "GET /": target } });
    let with = |property: &str, value: Value| {
        let mut element = route(json!("paint"));
        element[property] = value;
        definition(element)
    };
    let plain = definition(route(json!("paint")));
    for different in [
        definition(json!({ "routes": { "POST /": "paint" } })),
        definition(json!({ "routes": { "GET /x": "paint" } })),
        definition(json!({ "routes": { "GET /": "paint", "GET /x": "paint" } })),
        definition(route(json!("other"))),
        definition(route(json!({ "function": "paint", "authorization": "AWS_IAM" }))),
        definition(route(json!({ "function": "paint", "api_key_required": true }))),
        definition(route(json!({ "function": "paint", "timeout": 3 }))),
        with("binary_media_types", json!(["image/png"])),
        with("minimum_compression_size", json!(0)),
        with("api_key_source", json!("AUTHORIZER")),
        with("disable_execute_api_endpoint", json!(true)),
    ] {
        assert_ne!(different, plain);
    }
    for same in [
        definition(route(json!({ "function": "paint" }))),
        with("name", json!("n")),
        with("description", json!("d")),
        with("stage", json!("v2")),
        with("endpoint_type", json!("EDGE")),
        with("throttling_rate_limit", json!(1)),
        with("variables", json!({ "a": "b" })),
        with("metrics_enabled", json!(true)),
    ] {
        assert_eq!(same, plain);
    }
}

#[test]
fn the_definition_is_the_same_in_whatever_order_things_are_written_and_known_before_the_api_is_made() {
    let one =
        json!({ "routes": { "GET /a": "f", "POST /a": "f", "GET /b": "g" }, "binary_media_types": ["b/b", "a/a"] });
    let other =
        json!({ "binary_media_types": ["a/a", "b/b"], "routes": { "GET /b": "g", "POST /a": "f", "GET /a": "f" } });
    assert_eq!(definition(one.clone()), definition(other));
    assert!(!definition(one).contains("apis."));
}

#[test]
fn a_function_that_is_renamed_in_aws_makes_another_definition() {
    let place = Place {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        partition: "aws".into(),
        endpoint_url: None,
    };
    let resolved = |name: &str| {
        let arn = format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}");
        let known = KnownOutputs::from([("functions.paint".to_owned(), Outputs::from([("arn".to_owned(), arn)]))]);
        let text = resolve::text(&definition(json!({ "routes": { "GET /{proxy+}": "paint" } })), &known, &place);
        assert!(!resolve::is_unknown(&json!(text)), "{text}");
        text
    };
    assert_ne!(resolved("one"), resolved("other"));
    let parsed: Value = serde_json::from_str(&resolved("one")).unwrap();
    assert_eq!(parsed["routes"][0]["path"], "/{proxy+}");
}

#[test]
fn many_routes_of_a_function_share_one_permission_which_the_stage_waits_for() {
    let routes = |many: usize| {
        let all = (0..many).map(|n| (format!("GET /a{n}"), json!("paint"))).chain([("GET /b".into(), json!("other"))]);
        lower(json!({ "routes": all.collect::<serde_json::Map<_, _>>() }))
    };
    let permissions = |out: &LoweredStack| -> Vec<String> {
        let all = out.resources.iter().filter(|r| r.kind == "lambda.permission");
        all.map(|r| r.address.clone()).collect()
    };
    assert_eq!(permissions(&routes(10)).len(), 11);
    let many = routes(300);
    assert_eq!(permissions(&many), ["apis.couch.permission[paint]", "apis.couch.permission[GET /b]"]);
    let source = at(&many, "apis.couch.permission[paint]").spec["source_arn"].as_str().unwrap();
    assert!(source.ends_with(":${apis.couch.id}/*/*"), "{source}");
    assert!(at(&many, "apis.couch.stage").depends_on.contains("apis.couch.permission[paint]"));
}

#[test]
fn what_aws_would_refuse_is_found() {
    let found = |code, path: &str| BTreeSet::from([(code, path.to_owned())]);
    assert_eq!(codes(json!({ "routes": {} })), found("api::no-routes", "routes"));
    assert_eq!(codes(json!({ "routes": { "get /": "f" } })), found("api::route", "routes · get /"));
    let timeout = |timeout: Value, endpoint: &str| {
        codes(json!({ "routes": { "GET /": { "function": "f", "timeout": timeout } }, "endpoint_type": endpoint }))
    };
    for wrong in [json!("49ms"), json!("301s"), json!(0)] {
        assert_eq!(timeout(wrong, "REGIONAL"), found("api::timeout", "routes · GET / · timeout"));
    }
    for long in [json!("30s"), json!("29001ms"), json!(300)] {
        assert_eq!(timeout(long.clone(), "REGIONAL"), found("api::long-timeout", "routes · GET / · timeout"));
        assert_eq!(timeout(long, "EDGE"), found("api::timeout", "routes · GET / · timeout"));
    }
    for timeout in [json!("50ms"), json!("29s"), json!(29), json!("29000ms")] {
        assert_eq!(codes(json!({ "routes": { "GET /": { "function": "f", "timeout": timeout } } })), [].into());
    }
    let variables = |variables: Value| codes(json!({ "routes": { "GET /": "f" }, "variables": variables }));
    assert_eq!(variables(json!({ "a-b": "x" })), found("api::variable-name", "variables · a-b"));
    assert_eq!(variables(json!({ "a": "x y" })), found("api::variable-value", "variables · a"));
    assert_eq!(variables(json!({ "a": "" })), found("api::variable-value", "variables · a"));
    assert_eq!(variables(json!({ "a_1": "https://x.y/z?q=1", "b": "${functions.f.name}" })), [].into());
}

#[test]
fn a_function_is_called_by_its_name_alone() {
    for (target, path) in [
        (json!("${functions.paint.arn}"), "routes · GET /"),
        (json!({ "function": "arn:aws:lambda:eu-west-1:1:function:f" }), "routes · GET / · function"),
        (json!(""), "routes · GET /"),
    ] {
        assert_eq!(codes(json!({ "routes": { "GET /": target } })), [("api::function", path.to_owned())].into());
    }
}

#[test]
fn two_variables_in_one_place_are_found_a_greedy_one_too() {
    let routes = |routes: &[&str]| {
        let map: serde_json::Map<_, _> = routes.iter().map(|route| ((*route).to_owned(), json!("f"))).collect();
        codes(json!({ "routes": map }))
    };
    assert_eq!(
        routes(&["GET /images/{id}", "POST /images/{name}"]),
        [("api::path-variable", "routes · POST /images/{name}".to_owned())].into()
    );
    assert_eq!(
        routes(&["ANY /{proxy+}", "GET /{id}/x"]),
        [("api::path-variable", "routes · GET /{id}/x".to_owned())].into()
    );
    assert_eq!(routes(&["GET /{id}", "POST /{id}", "GET /{id}/{part}", "GET /x/{name}", "GET /x"]), [].into());
}

#[test]
fn an_api_cannot_be_external() {
    let mut findings = Findings::default();
    with_scope("explorers", true, |at| Apis::check(&element(json!({ "routes": { "GET /": "f" } })), at, &mut findings));
    assert_eq!(findings.0.iter().map(|f| f.code).collect::<Vec<_>>(), ["api::external"]);
}

#[test]
fn outputs_of_the_stage_are_outputs_of_the_api() {
    let (graph, said) =
        document("routes: { \"POST /images\": paint, \"ANY /{proxy+}\": { function: paint, timeout: 3 } }");
    assert_eq!(said, Vec::<String>::new());
    let outputs = graph.unwrap().outputs().clone();
    assert_eq!(outputs["url"], "${apis.couch.stage.url}/images");
    assert_eq!(outputs["stage"], "${apis.couch.stage.stage_name}");
    assert_eq!(outputs["id"], "${apis.couch.id}");
}

#[test]
fn an_unknown_function_is_found_where_it_is_named() {
    for (routes, path) in [
        ("\"POST /images\": pain", "apis.couch.routes.POST /images"),
        ("\"GET /\": paint, \"POST /images\": { function: pain }", "apis.couch.routes.POST /images.function"),
    ] {
        let (_, said) = document(&format!("routes: {{ {routes} }}"));
        let expected = format!("stack::unknown-reference {path}");
        assert_eq!(BTreeSet::from_iter(&said), BTreeSet::from([&expected]));
    }
}

#[test]
fn what_the_schema_limits_is_found() {
    for (api, expected) in [
        ("stage: a b", "stack::bad-value apis.couch.stage"),
        ("throttling_rate_limit: -1", "stack::out-of-range apis.couch.throttling_rate_limit"),
        ("throttling_burst_limit: -1", "stack::out-of-range apis.couch.throttling_burst_limit"),
        ("minimum_compression_size: 10485761", "stack::out-of-range apis.couch.minimum_compression_size"),
        ("binary_media_types: [png]", "stack::bad-value apis.couch.binary_media_types.0"),
        ("endpoint_type: PRIVATE", "stack::bad-value apis.couch.endpoint_type"),
    ] {
        let (_, said) = document(&format!("routes: {{ \"GET /\": paint }}, {api}"));
        assert_eq!(said, [expected], "{api}");
    }
    for (target, expected) in [
        ("timeout: 301", "stack::out-of-range apis.couch.routes.GET /.timeout"),
        ("timeout: 1m", "stack::bad-value apis.couch.routes.GET /.timeout"),
        ("authorization: CUSTOM", "stack::bad-value apis.couch.routes.GET /.authorization"),
        ("timeot: 3", "stack::unknown-property apis.couch.routes.GET /.timeot"),
    ] {
        let (_, said) = document(&format!("routes: {{ \"GET /\": {{ function: paint, {target} }} }}"));
        assert_eq!(said, [expected], "{target}");
    }
}

#[test]
fn a_route_that_is_written_twice_is_found() {
    let (_, said) = document("routes: { \"GET /\": paint, \"GET /\": paint }");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("stack::duplicate-key"), "{said:?}");
}
