//! Every rule makes the emulator answer like AWS, and can be turned off.

use std::collections::BTreeMap;

use super::scene::Scene;
use super::{
    answers, apis, buckets, delivery, destinations, events, http_apis, notifications, subscriptions, tables, urls,
};
use crate::local::Local;

/// Rules that need more than a request, and are tested in [`super`].
const ELSEWHERE: [&str; 4] = ["caller-key", "finished-requests", "named-resources", "topic-tags"];
/// The emulator's own checks of permissions would hide some rules.
const OPEN: &str = "--no-check-permissions";

/// Tells of each rule whether it is kept.
async fn observe(scene: &Scene) -> BTreeMap<&'static str, bool> {
    BTreeMap::from([
        ("topic-to-queue", delivery::topic_to_queue(scene).await),
        ("topic-to-function", delivery::topic_to_function(scene).await),
        ("alarm-to-topic", delivery::alarm_to_topic(scene).await),
        ("alarm-to-function", delivery::alarm_to_function(scene).await),
        ("rule-to-target", events::rule_to_target(scene).await),
        ("bucket-to-receiver", notifications::receivers(scene).await),
        ("bucket-overlap", notifications::overlaps(scene).await),
        ("bucket-cors", buckets::cors(scene).await),
        ("bucket-website", buckets::website(scene).await),
        ("bus-policy", events::bus_policy(scene).await),
        ("schedule-firings", events::schedule_firings(scene).await),
        ("schedule-tags", events::schedule_tags(scene).await),
        ("mapping-role", delivery::mapping_role(scene).await),
        ("mapping-to-function", delivery::mapping_to_function(scene).await),
        ("function-role", delivery::function_role(scene).await),
        ("dead-letter-role", delivery::dead_letter_role(scene).await),
        ("log-role", delivery::log_role(scene).await),
        ("route-permission", apis::route_permission(scene).await),
        ("proxy-answer", apis::proxy_answer(scene).await),
        ("api-snapshot", apis::snapshot(scene).await),
        ("api-deployments", apis::deployments(scene).await),
        ("api-authorizers", apis::authorizers(scene).await),
        ("api-mock", apis::mock(scene).await),
        ("api-subtree", apis::subtree(scene).await),
        ("api-callers", apis::callers(scene).await),
        ("http-api-callers", http_apis::callers(scene).await),
        ("http-api-routes", http_apis::routes(scene).await),
        ("http-api-permission", http_apis::permission(scene).await),
        ("http-api-format", http_apis::format(scene).await),
        ("http-api-parts", http_apis::parts(scene).await),
        ("async-destinations", destinations::async_destinations(scene).await),
        ("log-subscriptions", subscriptions::log_subscriptions(scene).await),
        ("function-url", urls::function_url(scene).await),
        ("table-settings", tables::table_settings(scene).await),
        ("stream-settings", tables::stream_settings(scene).await),
        ("function-policy", answers::function_policy(scene).await),
        ("attachable-policy", answers::attachable_policy(scene).await),
        ("dead-letter-sources", answers::dead_letter_sources(scene).await),
        ("message-moves", answers::message_moves(scene).await),
        ("alias-weights", answers::alias_weights(scene).await),
        ("version-code", answers::version_code(scene).await),
        ("function-metrics", apis::metrics(scene).await),
        ("log-format", answers::log_format(scene).await),
        ("function-layers", answers::function_layers(scene).await),
        ("alarm-evaluation", answers::alarm_evaluation(scene).await),
        ("mail-confirmation", answers::mail_confirmation(scene).await),
    ])
}

fn expected(kept: bool) -> BTreeMap<&'static str, bool> {
    let rules = deployer::local::rules().into_iter().map(|rule| rule.name);
    rules.filter(|rule| !ELSEWHERE.contains(rule)).map(|rule| (rule, kept)).collect()
}

#[tokio::test]
async fn every_rule_makes_the_emulator_answer_like_aws() {
    let scene = Scene::new(Local::without(&[], OPEN)).await;
    assert_eq!(observe(&scene).await, expected(true));
}

#[tokio::test]
async fn without_its_rules_the_emulator_accepts_what_aws_refuses() {
    let rules: Vec<&str> = expected(false).into_keys().collect();
    let scene = Scene::new(Local::without(&rules, OPEN)).await;
    assert_eq!(observe(&scene).await, expected(false));
}
