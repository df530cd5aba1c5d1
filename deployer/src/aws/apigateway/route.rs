//! A route as a value, and the definition that a deployment is a snapshot of.

use std::collections::BTreeMap;

use aws_sdk_apigateway::types::{Integration, IntegrationType, Method, Resource};
use serde::{Deserialize, Serialize};

use super::authorizer::Authorizer;
use super::mock::{self, Mock, is_mock};
use super::response::GatewayResponse;
use super::tree::methods;
use super::validation::{Model, Validator};

/// A method of a REST API with its integration; times in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Route {
    pub rest_api_id: String,
    /// `/images/{id}`.
    pub path: String,
    /// `GET`, …, or `ANY`.
    pub http_method: String,
    /// `NONE`, `AWS_IAM`, `CUSTOM` or `COGNITO_USER_POOLS`.
    pub authorization_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer_id: Option<String>,
    /// Of these, a token of a user pool needs one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_scopes: Vec<String>,
    pub api_key_required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_validator_id: Option<String>,
    /// The models of bodies by media type; `$default` for all others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub request_models: BTreeMap<String, String>,
    /// `method.request.header.X-Tenant`, and whether requests need it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub request_parameters: BTreeMap<String, bool>,
    /// `AWS_PROXY` for a Lambda function, `MOCK` for an answer of API Gateway itself.
    pub integration_type: String,
    /// How API Gateway calls the integration: `POST` for a Lambda function.
    pub integration_http_method: String,
    /// `arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations`.
    pub uri: String,
    pub timeout_in_millis: u32,
    /// The answer of API Gateway itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mock: Option<Mock>,
    /// Settings made by others that change how the route is called, such as `credentials`; none are wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted_settings: Vec<String>,
}

/// How `stack.yaml` writes a route: `POST /images`.
pub(crate) fn name(method: &str, path: &str) -> String {
    format!("{method} {path}")
}

impl Route {
    /// Reads the settings that AWS has for this method.
    pub(crate) fn read(&self, method: &Method) -> Self {
        let integration = method.method_integration();
        let behind = integration.filter(|integration| !is_mock(integration));
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Self {
            rest_api_id: self.rest_api_id.clone(),
            path: self.path.clone(),
            http_method: self.http_method.clone(),
            authorization_type: text(method.authorization_type()),
            authorizer_id: method.authorizer_id().filter(|id| !id.is_empty()).map(str::to_owned),
            authorization_scopes: sorted(method.authorization_scopes()),
            api_key_required: method.api_key_required().unwrap_or(false),
            request_validator_id: method.request_validator_id().filter(|id| !id.is_empty()).map(str::to_owned),
            request_models: method.request_models().cloned().unwrap_or_default().into_iter().collect(),
            request_parameters: method.request_parameters().cloned().unwrap_or_default().into_iter().collect(),
            integration_type: text(integration.and_then(|i| i.r#type()).map(IntegrationType::as_str)),
            integration_http_method: text(behind.and_then(|i| i.http_method())),
            uri: text(behind.and_then(|i| i.uri())),
            timeout_in_millis: integration.and_then(|i| u32::try_from(i.timeout_in_millis()).ok()).unwrap_or_default(),
            mock: Mock::read(method),
            unlisted_settings: unmanaged_settings(method, integration),
        }
    }
}

fn sorted(texts: &[String]) -> Vec<String> {
    let mut texts = texts.to_vec();
    texts.sort();
    texts
}

/// Lists the settings of a method that no route of ours has.
fn unmanaged_settings(method: &Method, integration: Option<&Integration>) -> Vec<String> {
    let said = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
    let any = |map: Option<&std::collections::HashMap<String, String>>| map.is_some_and(|map| !map.is_empty());
    let of_integration = integration.map(|i| {
        [
            ("credentials", said(i.credentials())),
            ("connection_id", said(i.connection_id())),
            ("integration_request_parameters", any(i.request_parameters())),
            ("request_templates", any(i.request_templates()) && !is_mock(i)),
        ]
    });
    let all = of_integration.into_iter().flatten();
    let of_mock = integration.filter(|i| is_mock(i)).map(|i| mock::unlisted(method, i)).unwrap_or_default();
    all.filter(|(_, set)| *set).map(|(name, _)| name.to_owned()).chain(of_mock).collect()
}

/// The part of an API that takes effect with a deployment alone. It leaves out the API's id, which is unknown until the
/// API exists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// 2: the snapshot was taken after its routes had been compared with these.
    pub format: u32,
    pub routes: Vec<Route>,
    pub binary_media_types: Vec<String>,
    pub minimum_compression_size: Option<u32>,
    pub disable_execute_api_endpoint: bool,
    pub api_key_source: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<GatewayResponse>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorizers: Vec<Authorizer>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validators: Vec<Validator>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<Model>,
}

impl Definition {
    /// The definition as a text in which equal APIs are equal.
    pub fn text(mut self) -> String {
        self.format = 2;
        for route in &mut self.routes {
            route.rest_api_id.clear();
        }
        for validator in &mut self.validators {
            validator.rest_api_id.clear();
        }
        for model in &mut self.models {
            model.rest_api_id.clear();
        }
        for authorizer in &mut self.authorizers {
            authorizer.rest_api_id.clear();
        }
        for response in &mut self.responses {
            response.rest_api_id.clear();
        }
        self.routes.sort_by(|a, b| (&a.path, &a.http_method).cmp(&(&b.path, &b.http_method)));
        serde_json::to_string(&self).expect("plain structs with string keys")
    }

    /// Describes the first difference between a tree's methods and these routes, if any.
    pub(crate) fn mismatch(&self, tree: &[Resource]) -> Option<String> {
        let wanted: BTreeMap<String, &Route> =
            self.routes.iter().map(|route| (name(&route.http_method, &route.path), route)).collect();
        let found = methods(tree);
        let besides = found.keys().find(|name| !wanted.contains_key(*name));
        let missing = wanted.keys().find(|name| !found.contains_key(*name));
        let other = || {
            let differs = |(name, route): &(&String, &&Route)| {
                found.get(*name).is_some_and(|(_, _, method)| route.read(method) != ***route)
            };
            wanted.iter().find(differs).map(|(name, _)| name)
        };
        besides
            .map(|name| format!("has the route `{name}`, which stack.yaml does not have"))
            .or_else(|| missing.map(|name| format!("does not have the route `{name}`")))
            .or_else(|| other().map(|name| format!("has the route `{name}` in another form than stack.yaml")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(methods: &[(&str, &str, Method)]) -> Vec<Resource> {
        let one = |(path, name, method): &(&str, &str, Method)| {
            Resource::builder().path(*path).resource_methods(*name, method.clone()).build()
        };
        methods.iter().map(one).collect()
    }

    #[test]
    fn a_snapshot_of_anything_else_than_the_definition_is_seen() {
        let open = Method::builder().authorization_type("NONE").build();
        let closed = Method::builder().authorization_type("AWS_IAM").build();
        let route = |path: &str| Route {
            path: path.into(),
            http_method: "GET".into(),
            authorization_type: "NONE".into(),
            ..Route::default()
        };
        let definition = Definition { routes: vec![route("/a"), route("/b")], ..Definition::default() };
        let (a, b) = (("/a", "GET", open.clone()), ("/b", "GET", open.clone()));
        assert_eq!(definition.mismatch(&tree(&[a.clone(), b.clone()])), None);
        let said = [
            definition.mismatch(&tree(&[a.clone(), b.clone(), ("/admin", "ANY", open)])),
            definition.mismatch(&tree(std::slice::from_ref(&a))),
            definition.mismatch(&tree(&[a, ("/b", "GET", closed)])),
        ];
        insta::assert_snapshot!(said.map(Option::unwrap).join("\n"), @r"
        has the route `ANY /admin`, which stack.yaml does not have
        does not have the route `GET /b`
        has the route `GET /b` in another form than stack.yaml
        ");
    }

    #[test]
    fn a_method_without_its_integration_is_present_and_different() {
        let method = Method::builder().authorization_type("NONE").build();
        let spec = Route { uri: "arn:x".into(), authorization_type: "NONE".into(), ..Route::default() };
        assert_ne!(spec.read(&method), spec);
    }

    #[test]
    fn a_role_that_somebody_gave_an_integration_is_seen() {
        let integration = Integration::builder().credentials("arn:aws:iam::1:role/other").build();
        let method = Method::builder().method_integration(integration).build();
        assert_eq!(Route::default().read(&method).unlisted_settings, ["credentials"]);
    }
}
