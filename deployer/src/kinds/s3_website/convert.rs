//! A website in the SDK's form and in the spec's.

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::operation::get_bucket_website::GetBucketWebsiteOutput;
use aws_sdk_s3::types::{
    Condition, ErrorDocument, IndexDocument, Protocol, Redirect, RedirectAllRequestsTo, RoutingRule as SdkRule,
    WebsiteConfiguration,
};

use super::{RedirectAll, RoutingRule, Website};
use crate::aws::AwsError;

pub(super) fn observed(bucket: &str, live: GetBucketWebsiteOutput) -> Website {
    Website {
        bucket: bucket.to_owned(),
        index_document: live.index_document.map(|document| document.suffix),
        error_document: live.error_document.map(|document| document.key),
        redirect_all_requests_to: live.redirect_all_requests_to.map(|all| RedirectAll {
            host_name: all.host_name,
            protocol: all.protocol.map(|protocol| protocol.as_str().to_owned()),
        }),
        routing_rules: live.routing_rules.unwrap_or_default().into_iter().map(observed_rule).collect(),
    }
}

pub(super) fn sdk(want: &Website) -> Result<WebsiteConfiguration, AwsError> {
    let shape = |error: BuildError| AwsError::Shape { what: "a website".to_owned(), message: error.to_string() };
    let index = want.index_document.as_ref().map(|suffix| IndexDocument::builder().suffix(suffix).build());
    let error = want.error_document.as_ref().map(|key| ErrorDocument::builder().key(key).build());
    let all = want.redirect_all_requests_to.as_ref().map(|all| {
        let protocol = all.protocol.as_deref().map(Protocol::from);
        RedirectAllRequestsTo::builder().host_name(&all.host_name).set_protocol(protocol).build()
    });
    let rules: Vec<SdkRule> = want.routing_rules.iter().map(sdk_rule).collect();
    Ok(WebsiteConfiguration::builder()
        .set_index_document(index.transpose().map_err(shape)?)
        .set_error_document(error.transpose().map_err(shape)?)
        .set_redirect_all_requests_to(all.transpose().map_err(shape)?)
        .set_routing_rules((!rules.is_empty()).then_some(rules))
        .build())
}

fn sdk_rule(rule: &RoutingRule) -> SdkRule {
    let has_condition = rule.key_prefix_equals.is_some() || rule.http_error_code_returned_equals.is_some();
    let condition = Condition::builder()
        .set_key_prefix_equals(rule.key_prefix_equals.clone())
        .set_http_error_code_returned_equals(rule.http_error_code_returned_equals.clone())
        .build();
    let redirect = Redirect::builder()
        .set_host_name(rule.host_name.clone())
        .set_protocol(rule.protocol.as_deref().map(Protocol::from))
        .set_http_redirect_code(rule.http_redirect_code.clone())
        .set_replace_key_prefix_with(rule.replace_key_prefix_with.clone())
        .set_replace_key_with(rule.replace_key_with.clone())
        .build();
    SdkRule::builder().set_condition(has_condition.then_some(condition)).redirect(redirect).build()
}

fn observed_rule(live: SdkRule) -> RoutingRule {
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (prefix, error) = live
        .condition
        .map(|found| (found.key_prefix_equals, found.http_error_code_returned_equals))
        .unwrap_or_default();
    let rule = RoutingRule {
        key_prefix_equals: text(prefix),
        http_error_code_returned_equals: text(error),
        ..RoutingRule::default()
    };
    let Some(redirect) = live.redirect else { return rule };
    RoutingRule {
        host_name: text(redirect.host_name),
        protocol: redirect.protocol.map(|protocol| protocol.as_str().to_owned()),
        http_redirect_code: text(redirect.http_redirect_code),
        // An empty text removes the beginning of the keys.
        replace_key_prefix_with: redirect.replace_key_prefix_with,
        replace_key_with: text(redirect.replace_key_with),
        ..rule
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_routing_rule_reads_back_as_it_was_stated() {
        let text = |text: &str| Some(text.to_owned());
        let moved = RoutingRule {
            key_prefix_equals: text("docs/"),
            replace_key_prefix_with: text(""),
            ..RoutingRule::default()
        };
        let missing = RoutingRule {
            http_error_code_returned_equals: text("404"),
            host_name: text("www.example.com"),
            protocol: text("https"),
            http_redirect_code: text("302"),
            replace_key_with: text("lost.html"),
            ..RoutingRule::default()
        };
        let always = RoutingRule { host_name: text("www.example.com"), ..RoutingRule::default() };
        for rule in [moved, missing, always] {
            assert_eq!(observed_rule(sdk_rule(&rule)), rule);
        }
    }
}
