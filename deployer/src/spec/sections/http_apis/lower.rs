//! Lowers an HTTP API to the API itself, its integrations, authorizers, routes and permissions, and the stage.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::route_key::{RouteKey, label};
use super::{AuthorizerElement, HttpApiElement, HttpRouteTarget, PayloadFormat, longest};
use crate::kinds::http_api::{Api, Cors, HttpApi, Parts};
use crate::kinds::http_authorizer::{Authorizer, HttpAuthorizer, JWT, JwtConfiguration, REQUEST};
use crate::kinds::http_integration::{HttpIntegration, Integration};
use crate::kinds::http_route::{HttpRoute, Route};
use crate::kinds::http_stage::{AccessLogSettings, HttpStage, RouteSettings, Stage};
use crate::kinds::lambda_permission::{LambdaPermission, Permission, statement_id};
use crate::spec::sections::access_logs::AccessLogs;
use crate::spec::sections::{LoweredStack, Scope, reference, tag_value};

const GATEWAY: &str = "apigateway.amazonaws.com";
/// Where callers put a token unless something else is said.
const TOKEN: &str = "$request.header.Authorization";
/// A line of the log: what is most asked for.
pub(super) const LINE: &str = r#"{"requestId":"$context.requestId","time":"$context.requestTime","ip":"$context.identity.sourceIp","method":"$context.httpMethod","path":"$context.path","route":"$context.routeKey","status":"$context.status","latency":"$context.responseLatency","length":"$context.responseLength","error":"$context.integrationErrorMessage","authorizerError":"$context.authorizer.error"}"#;

/// The integration of a route: shared by all routes to a function, or the route's own.
struct Behind {
    /// The integration's description: that of the function, or the route's key.
    name: String,
    address: String,
    integration: Integration,
}

pub(super) fn lower(element: &HttpApiElement, at: &Scope<'_>, out: &mut LoweredStack) {
    let targets: Vec<(&String, HttpRouteTarget)> = element
        .routes
        .iter()
        // `check` reports a route that cannot be read.
        .filter(|(key, _)| RouteKey::parse(key).is_ok())
        .map(|(key, route)| (key, route.target()))
        .collect();
    let behind: BTreeMap<&String, Behind> =
        targets.iter().map(|(key, target)| (*key, behind(key, target, at))).collect();
    out.add::<HttpApi>(at, at.element(), &api(element, &behind, at));
    for Behind { address, integration, .. } in shared(&behind) {
        out.add::<HttpIntegration>(at, address.clone(), integration);
    }
    let mut allowed = BTreeSet::new();
    for (_, target) in &targets {
        let address = at.part(&format!("permission[{}]", target.function));
        if allowed.insert(address.clone()) {
            let calls = permission(&target.function, "*/*", at);
            out.add::<LambdaPermission>(at, address, &calls);
        }
    }
    for (name, authorizer) in &element.authorizers {
        allowed.extend(lower_authorizer(name, authorizer, at, out));
    }
    let mut routes = BTreeSet::new();
    for (key, target) in &targets {
        let address = at.part(&format!("route[{key}]"));
        let waits = [Some(&target.function), target.authorizer.as_ref()].into_iter().flatten();
        let waits: BTreeSet<String> = waits
            .flat_map(|name| [format!("permission[{name}]"), format!("authorizer_permission[{name}]")])
            .map(|part| at.part(&part))
            .filter(|address| allowed.contains(address))
            .collect();
        let route = route(key, target, &behind[*key], element, at);
        out.add::<HttpRoute>(at, address.clone(), &route).depends_on.extend(waits);
        routes.insert(address);
    }
    let logs = element.access_logs.as_ref().map(|logs| lower_logs(element, logs, at, out));
    let address = at.part("stage");
    let stage = stage(element, &targets, logs, at, &address);
    let resource = out.add::<HttpStage>(at, address.clone(), &stage);
    resource.depends_on.extend(routes);
    resource.depends_on.extend(allowed);
    for output in ["url", "stage_name"] {
        out.alias(at, output, &address, output);
    }
}

/// Returns an enum's name in `stack.yaml`, which is also AWS's.
fn text(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn name(element: &HttpApiElement, at: &Scope<'_>) -> String {
    element.name.clone().unwrap_or_else(|| at.name_within(super::NAME_LENGTH))
}

fn api(element: &HttpApiElement, behind: &BTreeMap<&String, Behind>, at: &Scope<'_>) -> Api {
    let cors = element.cors.as_ref().map(|cors| Cors {
        allow_credentials: cors.allow_credentials,
        allow_headers: cors.allow_headers.clone(),
        allow_methods: cors.allow_methods.clone(),
        allow_origins: cors.allow_origins.clone(),
        expose_headers: cors.expose_headers.clone(),
        max_age: cors.max_age,
    });
    let integrations: BTreeSet<String> = behind.values().map(|behind| behind.name.clone()).collect();
    Api {
        owner_stack: at.stack.to_owned(),
        owner_address: tag_value(&at.element()),
        name: name(element, at),
        description: element.description.clone().filter(|text| !text.is_empty()),
        cors_configuration: cors.map(Cors::normalized),
        disable_execute_api_endpoint: element.disable_execute_api_endpoint,
        ip_address_type: text(element.ip_address_type),
        tags: at.tags(&at.element()),
        parts: Parts {
            stage: element.stage.clone(),
            routes: element.routes.keys().cloned().collect(),
            integrations: integrations.into_iter().collect(),
            authorizers: element.authorizers.keys().cloned().collect(),
        },
        ..Api::default()
    }
}

/// Returns the integration behind a route. A route with a timeout or a format of its own has one of its own.
fn behind(key: &str, target: &HttpRouteTarget, at: &Scope<'_>) -> Behind {
    let is_shared = target.timeout == longest() && target.payload_format_version == PayloadFormat::default();
    let name = if is_shared { target.function.clone() } else { key.to_owned() };
    let address = at.part(&format!("integration[{}]", if is_shared { name.clone() } else { label(key) }));
    let integration = Integration {
        api_id: reference(&at.element(), "id"),
        description: name.clone(),
        integration_type: "AWS_PROXY".into(),
        integration_method: "POST".into(),
        integration_uri: function(&target.function, "arn"),
        payload_format_version: text(target.payload_format_version),
        timeout_in_millis: target.timeout.0,
        unlisted_settings: Vec::new(),
    };
    Behind { name, address, integration }
}

/// Returns each integration once.
fn shared<'b>(behind: &'b BTreeMap<&String, Behind>) -> impl Iterator<Item = &'b Behind> {
    let by_name: BTreeMap<&String, &Behind> = behind.values().map(|behind| (&behind.name, behind)).collect();
    by_name.into_values()
}

fn function(name: &str, output: &str) -> String {
    reference(&format!("functions.{name}"), output)
}

/// Builds the permission to call a function for requests of the API: `*/*` for routes, `authorizers/ID`.
fn permission(function_name: &str, requests: &str, at: &Scope<'_>) -> Permission {
    let name = function(function_name, "name");
    let source = format!(
        "arn:${{aws.partition}}:execute-api:${{aws.region}}:${{aws.account_id}}:{}/{requests}",
        reference(&at.element(), "id"),
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

/// Adds an authorizer, and the permission to call its function. Returns the permission's address.
fn lower_authorizer(name: &str, element: &AuthorizerElement, at: &Scope<'_>, out: &mut LoweredStack) -> Option<String> {
    let address = at.part(&format!("authorizer[{name}]"));
    let of_token = element.jwt.as_ref();
    let version = element.payload_format_version.unwrap_or_default();
    let asks = of_token.is_none();
    let sources = element.identity_sources.clone();
    let authorizer = Authorizer {
        api_id: reference(&at.element(), "id"),
        name: name.to_owned(),
        authorizer_type: if asks { REQUEST } else { JWT }.into(),
        identity_source: sources.unwrap_or_else(|| if asks { Vec::new() } else { vec![TOKEN.into()] }),
        jwt_configuration: of_token.map(|jwt| {
            let mut audience = jwt.audience.clone();
            audience.sort();
            JwtConfiguration { issuer: jwt.issuer.clone(), audience }
        }),
        authorizer_uri: element.function.as_ref().map(|name| function(name, "invoke_arn")),
        authorizer_payload_format_version: asks.then(|| text(version)),
        authorizer_result_ttl_in_seconds: asks.then(|| element.ttl.unwrap_or_default().0),
        enable_simple_responses: asks && element.simple_responses.unwrap_or(version == PayloadFormat::Two),
    };
    out.add::<HttpAuthorizer>(at, address.clone(), &authorizer);
    let function = element.function.as_ref()?;
    let allowed = at.part(&format!("authorizer_permission[{name}]"));
    let requests = format!("authorizers/{}", reference(&address, "id"));
    out.add::<LambdaPermission>(at, allowed.clone(), &permission(function, &requests, at));
    Some(allowed)
}

fn route(key: &str, target: &HttpRouteTarget, behind: &Behind, element: &HttpApiElement, at: &Scope<'_>) -> Route {
    let authorizer = target.authorizer.as_ref();
    let of_token =
        authorizer.and_then(|name| element.authorizers.get(name)).is_some_and(|authorizer| authorizer.jwt.is_some());
    let authorization_type = match authorizer {
        Some(_) if of_token => JWT.to_owned(),
        Some(_) => "CUSTOM".to_owned(),
        None => text(target.authorization),
    };
    let id_of = |name: &String| reference(&at.part(&format!("authorizer[{name}]")), "id");
    let mut scopes = target.scopes.clone();
    scopes.sort();
    Route {
        api_id: reference(&at.element(), "id"),
        route_key: key.to_owned(),
        target: format!("integrations/{}", reference(&behind.address, "id")),
        authorization_type,
        authorizer_id: authorizer.map(id_of),
        authorization_scopes: scopes,
        function: function(&target.function, "arn"),
    }
}

/// Returns the log's settings, and adds a log group if the API has its own.
fn lower_logs(
    element: &HttpApiElement,
    logs: &AccessLogs,
    at: &Scope<'_>,
    out: &mut LoweredStack,
) -> AccessLogSettings {
    // AWS's own policy for logs covers all groups that begin so, and never grows too long.
    let group = format!("/aws/vendedlogs/http-apis/{}", name(element, at));
    let destination_arn = logs.lower_group(&group, at, out);
    AccessLogSettings { destination_arn, format: logs.format.clone().unwrap_or_else(|| LINE.to_owned()) }
}

fn stage(
    element: &HttpApiElement,
    targets: &[(&String, HttpRouteTarget)],
    access_log_settings: Option<AccessLogSettings>,
    at: &Scope<'_>,
    address: &str,
) -> Stage {
    let default = RouteSettings {
        detailed_metrics_enabled: element.metrics_enabled,
        throttling_burst_limit: element.throttling_burst_limit,
        throttling_rate_limit: element.throttling_rate_limit,
    };
    // AWS takes nothing from the default for a route with settings of its own.
    let own = |target: &HttpRouteTarget| RouteSettings {
        detailed_metrics_enabled: target.metrics_enabled.unwrap_or(default.detailed_metrics_enabled),
        throttling_burst_limit: target.throttling_burst_limit.or(default.throttling_burst_limit),
        throttling_rate_limit: target.throttling_rate_limit.or(default.throttling_rate_limit),
    };
    let route_settings: BTreeMap<String, RouteSettings> =
        targets.iter().map(|(key, target)| ((*key).clone(), own(target))).filter(|(_, own)| *own != default).collect();
    Stage {
        api_id: reference(&at.element(), "id"),
        stage_name: element.stage.clone(),
        auto_deploy: true,
        route_settings,
        default_route_settings: default,
        stage_variables: element.variables.clone(),
        access_log_settings,
        tags: at.tags(address),
    }
}
