//! Lowers an API to the API itself, its routes with their permissions, and the stage.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::cors::{self, OPTIONS};
use super::{ApiElement, CorsElement, Milliseconds, RouteTarget, access, responses, validation};
use crate::kinds::api_route::{ApiRoute, Mock, Route};
use crate::kinds::api_stage::{AccessLogSettings, ApiStage, Definition, Stage};
use crate::kinds::gateway_response::{GatewayResponse, GatewayResponseKind};
use crate::kinds::lambda_permission::{LambdaPermission, Permission, statement_id};
use crate::kinds::rest_api::{Api, Parts, RestApi};
use crate::spec::sections::path::MethodPath;
use crate::spec::sections::{LoweredStack, Scope, reference, tag_value};

const GATEWAY: &str = "apigateway.amazonaws.com";
/// A line of the log unless the API has its own format.
const LINE: &str = r#"{"requestId":"$context.requestId","time":"$context.requestTime","ip":"$context.identity.sourceIp","method":"$context.httpMethod","path":"$context.path","resource":"$context.resourcePath","status":"$context.status","latency":"$context.responseLatency","length":"$context.responseLength","error":"$context.error.message","authorizerError":"$context.authorizer.error"}"#;
/// Up to this many routes to one function have a permission each.
const APART: usize = 10;

pub(super) fn lower(element: &ApiElement, at: &Scope<'_>, out: &mut LoweredStack) {
    let responses = responses::lower(element, at);
    let preflights = preflights(element, at);
    let api = api(element, &preflights, &responses, at);
    out.add::<RestApi>(at, at.element(), &api);
    let authorizers = access::lower(element, at, out);
    let checks = validation::lower(element, at, out);
    let (mut routes, mut before) = (Vec::new(), BTreeSet::new());
    before.extend(checks.addresses);
    before.extend(authorizer_permissions(element, at, out));
    let mut served: BTreeMap<String, usize> = BTreeMap::new();
    for target in element.routes.values() {
        *served.entry(target.target().function).or_default() += 1;
    }
    for (written, target) in &element.routes {
        // `check` reports a route that cannot be read.
        let Ok(place) = MethodPath::parse(written) else { continue };
        let target = target.target();
        let route = route(element, written, &target, at);
        let address = at.part(&format!("route[{written}]"));
        out.add::<ApiRoute>(at, address.clone(), &route);
        before.insert(address);
        routes.push(route);
        // A resource policy has room for some sixty statements, so many routes share one.
        let many = served[&target.function] > APART;
        let (allowed, source) = match many {
            true => (at.part(&format!("permission[{}]", target.function)), "*/*".to_owned()),
            false => (at.part(&format!("permission[{written}]")), place.source()),
        };
        if before.insert(allowed.clone()) {
            out.add::<LambdaPermission>(at, allowed, &permission(&source, &target.function, at));
        }
    }
    for (written, route) in preflights {
        let address = at.part(&format!("route[{written}]"));
        out.add::<ApiRoute>(at, address.clone(), &route);
        before.insert(address);
        routes.push(route);
    }
    for response in &responses {
        let address = at.part(&format!("response[{}]", response.response_type));
        out.add::<GatewayResponseKind>(at, address.clone(), response);
        before.insert(address);
    }
    let (validators, models) = (checks.validators, checks.models);
    let definition = Definition { routes, authorizers, responses, validators, models, ..published(&api) };
    let address = at.part("stage");
    let logs = element.access_logs.as_ref().map(|logs| AccessLogSettings {
        destination_arn: logs.lower_group(&format!("/aws/apigateway/{}", api.name), at, out),
        format: logs.format.clone().unwrap_or_else(|| LINE.to_owned()),
    });
    let stage = Stage { access_log_settings: logs, ..stage(element, definition.text(), at, &address) };
    out.add::<ApiStage>(at, address.clone(), &stage).depends_on.extend(before);
    for output in ["url", "stage_name"] {
        out.alias(at, output, &address, output);
    }
}

/// Adds the permissions to call authorizers' functions. Returns the addresses of authorizers and permissions.
fn authorizer_permissions(element: &ApiElement, at: &Scope<'_>, out: &mut LoweredStack) -> Vec<String> {
    let mut addresses = Vec::new();
    for (name, written) in &element.authorizers {
        let address = access::address(name, at);
        if let Some(function) = &written.function {
            let allowed = at.part(&format!("authorizer_permission[{name}]"));
            let source = format!("authorizers/{}", reference(&address, "id"));
            out.add::<LambdaPermission>(at, allowed.clone(), &permission(&source, function, at));
            addresses.push(allowed);
        }
        addresses.push(address);
    }
    addresses
}

/// Returns an enum's name in `stack.yaml`, which is also AWS's.
fn text(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn api(
    element: &ApiElement,
    preflights: &BTreeMap<String, Route>,
    responses: &[GatewayResponse],
    at: &Scope<'_>,
) -> Api {
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
        parts: Parts {
            stage: element.stage.clone(),
            routes: element.routes.keys().chain(preflights.keys()).cloned().collect(),
            logs: element.access_logs.is_some(),
            authorizers: element.authorizers.keys().cloned().collect(),
            responses: responses.iter().map(|response| response.response_type.clone()).collect(),
        },
        ..Api::default()
    }
}

fn function(name: &str, output: &str) -> String {
    reference(&format!("functions.{name}"), output)
}

fn route(element: &ApiElement, written: &str, target: &RouteTarget, at: &Scope<'_>) -> Route {
    let (method, path) = written.split_once(' ').unwrap_or_default();
    let authorizer = element.authorizer_of(written, target);
    let mut scopes = target.scopes.clone();
    scopes.sort();
    Route {
        rest_api_id: reference(&at.element(), "id"),
        path: path.to_owned(),
        http_method: method.to_owned(),
        authorization_type: element.authorization_type(written, target).to_owned(),
        authorizer_id: authorizer.map(|name| reference(&access::address(name, at), "id")),
        authorization_scopes: scopes,
        api_key_required: target.api_key_required,
        request_validator_id: target.validator_id(at),
        request_models: target.models(at),
        request_parameters: target.parameters(),
        integration_type: "AWS_PROXY".into(),
        integration_http_method: "POST".into(),
        uri: format!(
            "arn:${{aws.partition}}:apigateway:${{aws.region}}:lambda:path/2015-03-31/functions/{}/invocations",
            function(&target.function, "arn")
        ),
        timeout_in_millis: target.timeout.0,
        mock: None,
        unlisted_settings: Vec::new(),
    }
}

/// Returns the routes by which API Gateway answers browsers' questions, by their names.
fn preflights(element: &ApiElement, at: &Scope<'_>) -> BTreeMap<String, Route> {
    let settings = element.cors.as_ref().map(CorsElement::settings).unwrap_or_default();
    let route = |path: &str, mock: Mock| Route {
        rest_api_id: reference(&at.element(), "id"),
        path: path.to_owned(),
        http_method: OPTIONS.into(),
        // Browsers send no credentials with the question.
        authorization_type: "NONE".into(),
        api_key_required: false,
        integration_type: "MOCK".into(),
        timeout_in_millis: Milliseconds::default().0,
        mock: Some(mock),
        ..Route::default()
    };
    let paths = cors::paths(element).into_iter();
    paths.map(|(path, methods)| (format!("{OPTIONS} {path}"), route(path, settings.preflight(&methods)))).collect()
}

/// Builds the permission to call the function for the requests in `source`: `*/POST/images`, `authorizers/ID`.
fn permission(source: &str, function_name: &str, at: &Scope<'_>) -> Permission {
    let name = function(function_name, "name");
    let source = format!(
        "arn:${{aws.partition}}:execute-api:${{aws.region}}:${{aws.account_id}}:{}/{}",
        reference(&at.element(), "id"),
        source
    );
    Permission {
        // APIs of the same name in several stacks may call one function.
        statement_id: statement_id(&name, GATEWAY, &format!("{} {source}", at.stack)),
        function_name: name,
        action: "lambda:InvokeFunction".into(),
        principal: GATEWAY.into(),
        source_arn: Some(source),
        ..Permission::default()
    }
}

fn stage(element: &ApiElement, definition: String, at: &Scope<'_>, address: &str) -> Stage {
    Stage {
        rest_api_id: reference(&at.element(), "id"),
        stage_name: element.stage.clone(),
        definition,
        unused_deployments: Vec::new(),
        description: None,
        variables: element.variables.clone(),
        throttling_rate_limit: element.throttling_rate_limit,
        throttling_burst_limit: element.throttling_burst_limit,
        metrics_enabled: element.metrics_enabled,
        tracing_enabled: element.tracing_enabled,
        access_log_settings: None,
        tags: at.tags(address),
    }
}

/// Returns the part of an API that a deployment publishes, without its routes and their parts.
fn published(api: &Api) -> Definition {
    Definition {
        binary_media_types: api.binary_media_types.clone(),
        minimum_compression_size: api.minimum_compression_size,
        disable_execute_api_endpoint: api.disable_execute_api_endpoint,
        api_key_source: api.api_key_source.clone(),
        ..Definition::default()
    }
}
