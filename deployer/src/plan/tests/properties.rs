//! Properties that hold for every stack.

use proptest::prelude::*;
use serde_json::Value;

use super::World;
use super::world::{Stack, place, print_plan};
use crate::kinds::{self, Rule};
use crate::plan::Cost;
use crate::plan::{Goal, Plan, Selection};
use crate::report::heading::Heading;
use crate::report::json;

/// Generates elements of many kinds, each present or not, with varying properties.
fn stacks() -> impl Strategy<Value = String> {
    let queue = prop_oneof![
        Just("  inbox: {}\n"),
        Just("  inbox: { visibility_timeout: 7m, redrive: { max_receive_count: 3 } }\n"),
        Just("  inbox: { fifo_queue: true, content_based_deduplication: true, tags: { a: b } }\n"),
        Just(
            "  inbox: { policy: { Version: '2012-10-17', Statement: [ { Effect: Allow, Principal: '*', Action: 'sqs:*', Resource: '*' } ] } }\n"
        ),
    ];
    let topic = prop_oneof![
        Just("topics: { news: {} }\n"),
        Just("topics: { news: { subscriptions: [ { email: a@example.com }, { email: b@example.com } ] } }\n"),
    ];
    let function = prop_oneof![
        Just("functions: { draw: { zip: a.zip } }\n"),
        Just(
            "functions: { draw: { zip: a.zip, memory_size: 512, environment: { MODE: dev, EMPTY: '' }, tracing: Active, permissions: [ { allow: 's3:PutObject', on: '*' } ] } }\napis: { couch: { routes: { 'POST /draw': draw, 'GET /{id}': draw } } }\n"
        ),
        Just("functions: { draw: { zip: a.zip, timeout: 5s, events: [ { queue: inbox, batch_size: 5 } ] } }\n"),
    ];
    let rest = prop_oneof![
        Just("log_groups: { audit: { retention_in_days: 7 } }\n"),
        Just("buckets: { images: { versioning: true } }\n"),
        Just(
            "roles: { r: { trust: [ lambda.amazonaws.com ], managed_policy_arns: [ 'arn:aws:iam::aws:policy/A', 'arn:aws:iam::aws:policy/B' ] } }\n"
        ),
        Just(""),
    ];
    (queue, topic, function, rest)
        .prop_map(|(queue, topic, function, rest)| format!("stack: couch\nqueues:\n{queue}{topic}{function}{rest}"))
}

/// Changes a spec as AWS may report it: sets in another order, JSON in another layout, AWS's own values for unstated
/// properties.
fn retold(kind: &str, spec: &mut Value) {
    for (path, rule) in kinds::find(kind).expect("a registered kind").rules() {
        match rule {
            Rule::Unordered => {
                if let Some(items) = spec.get_mut(*path).and_then(Value::as_array_mut) {
                    items.reverse();
                }
            }
            Rule::Policy | Rule::Json => {
                if let Some(Value::String(text)) = spec.get_mut(*path)
                    && let Ok(parsed) = serde_json::from_str::<Value>(text)
                {
                    *text = serde_json::to_string_pretty(&parsed).expect("JSON");
                }
            }
            Rule::Unmanaged if !path.contains('.') && spec.get(*path).is_none() => {
                spec[*path] = Value::from("AWS's own")
            }
            _ => {}
        }
    }
}

fn plan_goal(world: &World, stack: &Stack, goal: Goal) -> Plan {
    world.plan(stack, goal, &Selection::default()).expect("a plan")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn planning_what_was_just_applied_is_empty(text in stacks()) {
        let mut world = World::applied(&text);
        for ((kind, _), live) in &mut world.live {
            retold(kind, &mut live.spec);
        }
        let stack = Stack::of(&text, &[]);
        let plan = plan_goal(&world, &stack, Goal::Apply);
        prop_assert!(!plan.has_changes() && plan.drift().is_empty(), "{}", print_plan(&plan, &stack));
    }

    #[test]
    fn with_the_state_lost_everything_is_adopted_unchanged(text in stacks()) {
        let mut world = World::applied(&text);
        world.prior.resources.clear();
        let stack = Stack::of(&text, &[]);
        let plan = plan_goal(&world, &stack, Goal::Apply);
        let summary = plan.summary();
        prop_assert_eq!(summary.adopt, world.live.len());
        prop_assert!(plan.actions().iter().all(|p| p.changes().is_empty()), "{}", print_plan(&plan, &stack));
    }

    #[test]
    fn the_same_world_gives_the_same_plan(text in stacks(), wanted in stacks()) {
        let world = World::applied(&text);
        let stack = Stack::of(&wanted, &[]);
        let one = world.plan(&stack, Goal::Apply, &Selection::default());
        let other = world.plan(&Stack::of(&wanted, &[]), Goal::Apply, &Selection::default());
        prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }

    #[test]
    fn destroying_deletes_each_resource_once(text in stacks()) {
        let world = World::applied(&text);
        let plan = plan_goal(&world, &Stack::of(&text, &[]), Goal::Destroy);
        prop_assert_eq!(plan.summary().delete, world.live.len());
    }

    #[test]
    fn a_secret_shows_nowhere(
        secret in "[!-~]{8,24}",
        before in "[!-~]{8,24}",
        place_of_it in 0..5_usize,
        prefix in "[a-z]{0,4}",
    ) {
        prop_assume!(!TEMPLATE.contains(&secret) && !TEMPLATE.contains(&before) && !secret.contains('$') && !before.contains('$'));
        let text = secret_stack(place_of_it, &prefix);
        let vars = |secret: &str| vec![format!("token={secret}")];
        let stack = Stack::of(&text, &vars(&secret));
        let world = World::applied_with(&text, &vars(&before));
        for world in [&World::default(), &world] {
            let plan = plan_goal(world, &stack, Goal::Apply);
            let secrets = stack.document.secrets();
            let shown = [
                print_plan(&plan, &stack),
                json::plan(&plan, &Heading::of(&stack.document, &place(), false), Cost::default(), secrets).to_string(),
                serde_json::to_string(&World::applied_with(&text, &vars(&secret)).prior.resources.values().map(|r| &r.inputs).collect::<Vec<_>>()).expect("JSON"),
                serde_json::to_string(&world.prior.resources.values().map(|r| &r.inputs).collect::<Vec<_>>()).expect("JSON"),
            ];
            for text in shown {
                prop_assert!(!holds(&text, &secret), "{text}");
                prop_assert!(!holds(&text, &before), "{text}");
            }
        }
    }
}

const TEMPLATE: &str =
    "stack: couch vars token secret required functions draw zip environment description tags sensitive";

/// Tells whether a text contains a secret, plain or as JSON escapes it.
fn holds(text: &str, secret: &str) -> bool {
    let json = Value::from(secret).to_string();
    text.contains(secret) || text.contains(&json[1..json.len() - 1])
}

fn secret_stack(place: usize, prefix: &str) -> String {
    let property = match place {
        0 => format!("environment: {{ TOKEN: \"{prefix}${{vars.token}}\", MODE: dev }}"),
        1 => format!("description: \"{prefix}${{vars.token}}\""),
        2 => "environment: { URL: \"https://user:${vars.token}@example.com/x\" }".to_owned(),
        3 => "environment: { ONE: \"${vars.token}\", TWO: \"${vars.token}${vars.token}\" }".to_owned(),
        _ => format!("permissions: [ {{ allow: 's3:GetObject', on: \"arn:aws:s3:::b/{prefix}${{vars.token}}\" }} ]"),
    };
    format!(
        "stack: couch\nvars: {{ token: {{ secret: true, required: true }} }}\nfunctions: {{ draw: {{ zip: a.zip, {property} }} }}\n"
    )
}
