//! An API's element as resources: the API, its routes with their permissions, the stage.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::path::Place;
use super::{ApiElement, RouteTarget};
use crate::kinds::api_route::{ApiRoute, Route};
use crate::kinds::api_stage::{ApiStage, Stage};
use crate::kinds::lambda_permission::{LambdaPermission, Permission, statement_id};
use crate::kinds::rest_api::{Api, RestApi};
use crate::spec::sections::{Lowered, Scope, reference, tag_value};

const GATEWAY: &str = "apigateway.amazonaws.com";

pub(super) fn lower(element: &ApiElement, at: &Scope<'_>, out: &mut Lowered) {
    let api = api(element, at);
    out.add::<RestApi>(at, at.element(), &api);
    let (mut routes, mut before) = (Vec::new(), BTreeSet::new());
    for (written, target) in &element.routes {
        // `check` reports a route that cannot be read.
        let Ok(place) = Place::parse(written) else { continue };
        let target = target.target();
        let route = route(place, &target, at);
        let (address, allowed) = (at.part(&format!("route[{written}]")), at.part(&format!("permission[{written}]")));
        out.add::<ApiRoute>(at, address.clone(), &route);
        out.add::<LambdaPermission>(at, allowed.clone(), &permission(place, &target, at));
        before.extend([address, allowed]);
        routes.push(route);
    }
    let address = at.part("stage");
    let stage = stage(element, definition(&api, routes), at, &address);
    out.add::<ApiStage>(at, address.clone(), &stage).depends_on.extend(before);
    for output in ["url", "stage_name"] {
        out.alias(at, output, &address, output);
    }
}

/// The name that an enum has in `stack.yaml`, which is AWS's.
fn text(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn api(element: &ApiElement, at: &Scope<'_>) -> Api {
    let mut binary_media_types = element.binary_media_types.clone();
    binary_media_types.sort();
    binary_media_types.dedup();
    Api {
        owner_stack: at.stack.to_owned(),
        owner_address: tag_value(&at.element()),
        name: element.name.clone().unwrap_or_else(|| at.default_name()),
        description: element.description.clone().filter(|text| !text.is_empty()),
        endpoint_type: text(element.endpoint_type),
        binary_media_types,
        minimum_compression_size: element.minimum_compression_size,
        disable_execute_api_endpoint: element.disable_execute_api_endpoint,
        api_key_source: text(element.api_key_source),
        tags: at.tags(&at.element()),
    }
}

fn function(target: &RouteTarget, output: &str) -> String {
    reference(&format!("functions.{}", target.function), output)
}

fn route(place: Place<'_>, target: &RouteTarget, at: &Scope<'_>) -> Route {
    Route {
        rest_api_id: reference(&at.element(), "id"),
        path: place.path.to_owned(),
        http_method: place.method.to_owned(),
        authorization_type: text(target.authorization),
        api_key_required: target.api_key_required,
        integration_type: "AWS_PROXY".into(),
        integration_http_method: "POST".into(),
        uri: format!(
            "arn:${{aws.partition}}:apigateway:${{aws.region}}:lambda:path/2015-03-31/functions/{}/invocations",
            function(target, "arn")
        ),
        timeout_in_millis: target.timeout.0,
    }
}

fn permission(place: Place<'_>, target: &RouteTarget, at: &Scope<'_>) -> Permission {
    let name = function(target, "name");
    let source = format!(
        "arn:${{aws.partition}}:execute-api:${{aws.region}}:${{aws.account_id}}:{}/{}",
        reference(&at.element(), "id"),
        place.source()
    );
    Permission {
        // Several stacks may let APIs of the same name call one function.
        statement_id: statement_id(&name, GATEWAY, &format!("{} {source}", at.stack)),
        function_name: name,
        action: "lambda:InvokeFunction".into(),
        principal: GATEWAY.into(),
        source_arn: Some(source),
        source_account: None,
        qualifier: None,
    }
}

fn stage(element: &ApiElement, definition: String, at: &Scope<'_>, address: &str) -> Stage {
    Stage {
        rest_api_id: reference(&at.element(), "id"),
        stage_name: element.stage.clone(),
        definition,
        unused_paths: Vec::new(),
        unused_deployments: Vec::new(),
        description: None,
        variables: element.variables.clone(),
        throttling_rate_limit: element.throttling_rate_limit,
        throttling_burst_limit: element.throttling_burst_limit,
        metrics_enabled: element.metrics_enabled,
        tracing_enabled: element.tracing_enabled,
        tags: at.tags(address),
    }
}

/// What a deployment is a snapshot of, as a text in which equal APIs are equal: all that takes effect with a
/// deployment alone. Without the API's id, which is unknown until the API is made.
fn definition(api: &Api, mut routes: Vec<Route>) -> String {
    #[derive(Serialize)]
    struct Definition<'a> {
        routes: Vec<Route>,
        binary_media_types: &'a [String],
        minimum_compression_size: Option<u32>,
        disable_execute_api_endpoint: bool,
        api_key_source: &'a str,
    }
    for route in &mut routes {
        route.rest_api_id.clear();
    }
    routes.sort_by(|a, b| (&a.path, &a.http_method).cmp(&(&b.path, &b.http_method)));
    let definition = Definition {
        routes,
        binary_media_types: &api.binary_media_types,
        minimum_compression_size: api.minimum_compression_size,
        disable_execute_api_endpoint: api.disable_execute_api_endpoint,
        api_key_source: &api.api_key_source,
    };
    serde_json::to_string(&definition).expect("plain structs with string keys")
}
