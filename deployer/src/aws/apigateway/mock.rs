//! A method's answer from API Gateway itself, without an integration behind it.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_apigateway::types::{ContentHandlingStrategy, Integration, IntegrationType, Method};
use serde::{Deserialize, Serialize};

/// The media type of the templates. API Gateway falls back on the only template for other types.
pub(crate) const JSON: &str = "application/json";
const HEADER: &str = "method.response.header.";

/// An answer of API Gateway itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Mock {
    pub status_code: String,
    /// The headers as API Gateway writes mappings: a fixed text stands between single quotes.
    pub headers: BTreeMap<String, String>,
    /// The template of the answer (VTL), which may set headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

impl Mock {
    /// The template by which a request chooses the answer's status.
    pub(crate) fn request_template(&self) -> String {
        format!(r#"{{"statusCode": {}}}"#, self.status_code)
    }

    /// The names of the headers as a method declares them.
    pub(crate) fn declared(&self) -> HashMap<String, bool> {
        self.headers.keys().map(|name| (format!("{HEADER}{name}"), true)).collect()
    }

    /// The headers as an integration maps them.
    pub(crate) fn mapped(&self) -> HashMap<String, String> {
        self.headers.iter().map(|(name, value)| (format!("{HEADER}{name}"), value.clone())).collect()
    }

    /// Reads the answer of a method, if API Gateway answers it itself. A header counts if the method declares it and the
    /// integration maps it.
    pub(crate) fn read(method: &Method) -> Option<Self> {
        let integration = method.method_integration().filter(|integration| is_mock(integration))?;
        let responses: BTreeMap<_, _> = integration.integration_responses().into_iter().flatten().collect();
        let Some((status, response)) = responses.into_iter().next() else { return Some(Self::default()) };
        let declared =
            method.method_responses().and_then(|all| all.get(status)).and_then(|one| one.response_parameters());
        let is_declared = |name: &String| declared.is_some_and(|all| all.contains_key(name));
        let mapped = response.response_parameters().into_iter().flatten().filter(|(name, _)| is_declared(name));
        let templates = response.response_templates();
        Some(Self {
            status_code: status.clone(),
            headers: mapped
                .map(|(name, value)| (name.strip_prefix(HEADER).unwrap_or(name).to_owned(), value.clone()))
                .collect(),
            template: templates.and_then(|all| all.get(JSON)).filter(|text| !text.is_empty()).cloned(),
        })
    }
}

/// Tells whether API Gateway answers itself.
pub(crate) fn is_mock(integration: &Integration) -> bool {
    integration.r#type() == Some(&IntegrationType::Mock)
}

/// Lists the settings of such a method that no route of ours has.
pub(crate) fn unlisted(method: &Method, integration: &Integration) -> Vec<String> {
    let wanted = Mock::read(method).unwrap_or_default();
    let templates: BTreeMap<_, _> = integration.request_templates().into_iter().flatten().collect();
    let (media, template) = (JSON.to_owned(), wanted.request_template());
    let is_other_body = integration.content_handling() != Some(&ContentHandlingStrategy::ConvertToText);
    [
        ("request_templates", templates != BTreeMap::from([(&media, &template)])),
        ("integration_responses", integration.integration_responses().is_some_and(|all| all.len() > 1)),
        ("content_handling", is_other_body),
    ]
    .into_iter()
    .filter(|(_, is_other)| *is_other)
    .map(|(name, _)| name.to_owned())
    .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_apigateway::types::{IntegrationResponse, MethodResponse};

    use super::*;

    fn method(declared: &[&str]) -> Method {
        let declared = declared.iter().map(|name| (format!("{HEADER}{name}"), true)).collect();
        let response = MethodResponse::builder().status_code("204").set_response_parameters(Some(declared)).build();
        let mapped = IntegrationResponse::builder()
            .status_code("204")
            .response_parameters(format!("{HEADER}Access-Control-Allow-Origin"), "'*'")
            .build();
        let integration = Integration::builder()
            .r#type(IntegrationType::Mock)
            .content_handling(ContentHandlingStrategy::ConvertToText)
            .request_templates(JSON, r#"{"statusCode": 204}"#)
            .integration_responses("204", mapped)
            .build();
        Method::builder().method_responses("204", response).method_integration(integration).build()
    }

    #[test]
    fn a_header_counts_if_it_is_declared_and_mapped() {
        let headers = |declared: &[&str]| Mock::read(&method(declared)).unwrap().headers;
        let origin = "Access-Control-Allow-Origin";
        assert_eq!(headers(&[origin]), BTreeMap::from([(origin.to_owned(), "'*'".to_owned())]));
        assert_eq!(headers(&[]), BTreeMap::new());
    }

    #[test]
    fn another_template_of_the_request_is_seen() {
        let mut method = method(&[]);
        let integration = method.method_integration.clone().unwrap();
        assert_eq!(unlisted(&method, &integration), Vec::<String>::new());
        let mut other = integration;
        other.request_templates = None;
        method.method_integration = Some(other.clone());
        assert_eq!(unlisted(&method, &other), ["request_templates"]);
    }
}
