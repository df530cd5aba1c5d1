//! The checks of requests that API Gateway makes before it calls a function.

use std::collections::{BTreeMap, BTreeSet};

use super::check::property;
use super::cors::is_header;
use super::{ApiElement, RouteTarget};
use crate::kinds::api_model::{ApiModel, Model};
use crate::kinds::api_validator::{ApiValidator, Validator};
use crate::spec::finding::Findings;
use crate::spec::sections::{LoweredStack, Scope, reference};

const JSON: &str = "application/json";
/// The key of the model for bodies of any other type. Without it API Gateway would not check them.
const DEFAULT: &str = "$default";

/// The parts of an API that check requests.
#[derive(Default)]
pub(super) struct Checks {
    pub validators: Vec<Validator>,
    pub models: Vec<Model>,
    /// The addresses of both.
    pub addresses: BTreeSet<String>,
}

impl RouteTarget {
    /// Returns the name of the validator that a route needs, if any.
    fn validator(&self) -> Option<&'static str> {
        let has_parameters = !self.required_headers.is_empty() || !self.required_query.is_empty();
        match (self.model.is_some(), has_parameters) {
            (true, true) => Some("all"),
            (true, false) => Some("body"),
            (false, true) => Some("parameters"),
            (false, false) => None,
        }
    }

    /// Returns a reference to the id of the route's validator.
    pub(super) fn validator_id(&self, at: &Scope<'_>) -> Option<String> {
        self.validator().map(|name| reference(&validator_address(name, at), "id"))
    }

    /// Returns the models of the route's bodies, by media type.
    pub(super) fn models(&self, at: &Scope<'_>) -> BTreeMap<String, String> {
        let name = self.model.as_ref().map(|name| reference(&model_address(name, at), "name"));
        name.into_iter().flat_map(|name| [JSON, DEFAULT].map(|media| (media.to_owned(), name.clone()))).collect()
    }

    /// Returns the parameters that requests need, by API Gateway's names.
    pub(super) fn parameters(&self) -> BTreeMap<String, bool> {
        let headers = self.required_headers.iter().map(|name| format!("method.request.header.{name}"));
        let query = self.required_query.iter().map(|name| format!("method.request.querystring.{name}"));
        headers.chain(query).map(|name| (name, true)).collect()
    }
}

fn validator_address(name: &str, at: &Scope<'_>) -> String {
    at.part(&format!("validator[{name}]"))
}

fn model_address(name: &str, at: &Scope<'_>) -> String {
    at.part(&format!("model[{name}]"))
}

/// Adds the models, and the validators that routes need.
pub(super) fn lower(element: &ApiElement, at: &Scope<'_>, out: &mut LoweredStack) -> Checks {
    let mut checks = Checks::default();
    let needed: BTreeSet<&str> = element.routes.values().filter_map(|route| route.target().validator()).collect();
    for name in needed {
        let validator = Validator {
            rest_api_id: reference(&at.element(), "id"),
            name: name.to_owned(),
            validate_request_body: name != "parameters",
            validate_request_parameters: name != "body",
        };
        out.add::<ApiValidator>(at, validator_address(name, at), &validator);
        checks.addresses.insert(validator_address(name, at));
        checks.validators.push(validator);
    }
    for (name, schema) in &element.models {
        let model = Model {
            rest_api_id: reference(&at.element(), "id"),
            name: name.clone(),
            content_type: JSON.into(),
            schema: schema.to_string(),
        };
        out.add::<ApiModel>(at, model_address(name, at), &model);
        checks.addresses.insert(model_address(name, at));
        checks.models.push(model);
    }
    checks
}

pub(super) fn check(element: &ApiElement, at: &Scope<'_>, findings: &mut Findings) {
    for (name, schema) in &element.models {
        let path = at.path(["models", name]);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            findings
                .error("api::model-name", path.clone(), format!("`{name}` cannot be a model's name"))
                .at_key()
                .help("use only letters and digits");
        }
        if !schema.is_object() {
            findings
                .error("api::model", path, "a model is a JSON schema")
                .help("write it as a map: `{ type: object, required: [name] }`");
        }
    }
    for (route, written) in &element.routes {
        let (path, target) = (at.path(["routes", route]), written.target());
        if let Some(name) = target.model.as_ref().filter(|name| !element.models.contains_key(*name)) {
            let known: Vec<&str> = element.models.keys().map(String::as_str).collect();
            let help = match known.as_slice() {
                [] => "describe it under `models` of the API".to_owned(),
                known => format!("there are: {}", known.join(", ")),
            };
            findings
                .error("api::model", property(&path, written, "model"), format!("the API has no model `{name}`"))
                .help(help);
        }
        let lists = [("required_headers", &target.required_headers), ("required_query", &target.required_query)];
        for (list, names) in lists {
            let fits = |name: &&String| {
                name.as_str() != "*" && (list == "required_query" && !name.is_empty() || is_header(name))
            };
            for name in names.iter().filter(|name| !fits(name)) {
                findings
                    .error(
                        "api::parameter",
                        property(&path, written, list),
                        format!("`{name}` cannot be a parameter's name"),
                    )
                    .help("use letters, digits, `-` and `_`");
            }
        }
    }
}
