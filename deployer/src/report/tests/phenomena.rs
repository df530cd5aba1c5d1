//! One plan for each kind of change, as text and as Markdown.

use insta::assert_snapshot;
use serde_json::json;

use crate::plan::tests::world::{Stack, World, place};
use crate::plan::{Cost, Goal, Plan, Selection};
use crate::report::heading::Heading;
use crate::report::markdown::PageHead;
use crate::report::paint::Paint;
use crate::report::plan::PlanView;
use crate::report::planned::PlanReport;
use crate::report::{json, markdown, plan};
use crate::spec::secrets::Secrets;

pub(super) const SHOP: &str = r#"
stack: shop
vars: { token: { default: "tok-4711-4711", secret: true } }
buckets:
  pictures: { name: shop-pictures, external: true }
queues:
  orders: { visibility_timeout: 120s, redrive: { max_receive_count: 3 } }
functions:
  draw:
    zip: draw.zip
    memory_size: 512
    timeout: 20s
    environment: { TOKEN: "${vars.token}", BUCKET: "${buckets.pictures.name}" }
    permissions:
      - { allow: s3:PutObject, on: "${buckets.pictures.arn}/drawn/*" }
    events: [ { queue: orders, batch_size: 5 } ]
apis:
  front: { stage: Prod, routes: { "POST /draw": draw } }
topics:
  alarms: { subscriptions: [ { email: ops@example.com } ] }
alarms:
  oldest:
    namespace: AWS/SQS
    metric_name: ApproximateAgeOfOldestMessage
    dimensions: { QueueName: "${queues.orders.name}" }
    statistic: Maximum
    comparison_operator: GreaterThanThreshold
    threshold: 30
    period: 60s
    evaluation_periods: 1
    alarm_actions: [ "${topics.alarms.arn}" ]
outputs: { url: "${apis.front.url}/draw" }
"#;

const COST: Cost = Cost { reads: 21, waves: 3, seconds: 0.25 };

pub(super) fn heading() -> Heading {
    let place = place();
    Heading { owner: "shop".into(), region: place.region, account: place.account, local: false }
}

fn view(secrets: &Secrets) -> PlanView<'_> {
    PlanView { paint: Paint { colour: false }, verbose: false, width: 100, secrets }
}

/// Plans `text` in a world where [`SHOP`] was applied.
fn plan_change(text: &str, outside: impl FnOnce(&mut World)) -> (Plan, Stack) {
    let mut world = World::applied(SHOP);
    outside(&mut world);
    planned_in(&world, text, Goal::Apply, &Selection::default())
}

fn planned_in(world: &World, text: &str, goal: Goal, selection: &Selection) -> (Plan, Stack) {
    let stack = Stack::of(text, &[]);
    let mut plan = world.plan(&stack, goal, selection).unwrap_or_else(|e| panic!("{e:?}"));
    let draw = plan.actions.iter_mut().filter(|planned| planned.address == "functions.draw");
    draw.for_each(|planned| planned.artifact.packaged_bytes = Some(2_345_678));
    (plan, stack)
}

/// Renders the plan for people and programs, and checks that a saved plan renders the same.
fn rendered_plan((value, stack): &(Plan, Stack)) -> String {
    let secrets = stack.document.secrets();
    let text = plan::plan(value, COST, view(secrets));
    let report = json::plan(value, &heading(), COST, secrets);
    let (restored, cost) = PlanReport::parse(report).unwrap().restore().unwrap();
    let shown = plan::plan(&restored, cost, view(&Secrets::default()));
    let settled = |text: &str| !text.contains("(known after apply)");
    let same = |text: &str| text.lines().filter(|line| settled(line)).map(str::to_owned).collect::<Vec<_>>();
    if settled(&text) {
        assert_eq!(same(&shown), same(&text), "a saved plan reads as it did");
    }
    text
}

fn page((value, stack): &(Plan, Stack)) -> String {
    let head = PageHead { title: "shop: plan", heading: &heading(), why: "a pull request" };
    markdown::plan(value, COST, head, stack.document.secrets(), 65_000)
}

#[test]
fn everything_is_new() {
    let live = World::applied(SHOP).live.into_iter().filter(|((kind, _), _)| kind == "s3.bucket").collect();
    let world = World { live, ..World::default() };
    let first = planned_in(&world, SHOP, Goal::Apply, &Selection::default());
    assert_snapshot!("create_text", rendered_plan(&first));
    assert_snapshot!("create_markdown", page(&first));
}

/// Saved plans of versions that knew no codes of reasons.
#[test]
fn a_saved_plan_without_codes_of_reasons_is_still_shown() {
    fn without(value: &mut serde_json::Value, keys: &[&str]) {
        match value {
            serde_json::Value::Object(map) => {
                map.retain(|key, _| !keys.contains(&key.as_str()));
                map.values_mut().for_each(|inner| without(inner, keys));
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|inner| without(inner, keys)),
            _ => {}
        }
    }
    let wanted = SHOP.replace("orders: { visib", "orders: { name: shop-other, visib");
    let (value, stack) = plan_change(&wanted, |world| world.delete("functions.draw.role"));
    let report = json::plan(&value, &heading(), COST, stack.document.secrets());
    let mut old = report.clone();
    without(&mut old, &["reason_code", "reason_details", "set_again"]);
    assert_ne!(old, report);
    let (restored, cost) = PlanReport::parse(old).unwrap().restore().unwrap();
    let text = plan::plan(&restored, cost, view(&Secrets::default()));
    // Only a code tells that a reason need not be printed.
    for reason in
        ["# name changes: SQS cannot rename a queue", "(was deleted outside deployer)", "(differs from stack.yaml)"]
    {
        assert!(text.contains(reason), "{text}");
    }
    assert!(text.contains("    role: arn:aws:iam::123456789012:role/shop-draw-role  # set again"), "{text}");
}

#[test]
fn a_function_gets_more_memory_a_permission_and_new_code() {
    let wanted = SHOP.replace("memory_size: 512", "memory_size: 1024").replace(
        "    events:",
        "      - { allow: s3:GetObject, on: \"${buckets.pictures.arn}/drawn/*\" }\n    events:",
    );
    let plan = plan_change(&wanted, |world| {
        world.edit("functions.draw", |spec| {
            spec["code"] = json!({"sha256": "bm90IHRoZSBzYW1lIHppcA==", "size": 1_234_567})
        });
    });
    assert_snapshot!("function_text", rendered_plan(&plan));
    assert_snapshot!("function_markdown", page(&plan));
}

#[test]
fn drift_is_told_apart_from_changes_of_mind() {
    let wanted = SHOP.replace("threshold: 30", "threshold: 45").replace("batch_size: 5", "batch_size: 8");
    let plan = plan_change(&wanted, |world| {
        world.edit("functions.draw", |spec| spec["memory_size"] = json!(1024));
        world.edit("functions.draw.role", |spec| {
            spec["inline_policies"]["permissions"] = json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
            ]});
        });
        world.edit("alarms.oldest", |spec| spec["threshold"] = json!(10));
        world.delete("topics.alarms");
    });
    assert_snapshot!("drift_text", rendered_plan(&plan));
    assert_snapshot!("drift_markdown", page(&plan));
}

#[test]
fn a_queue_that_keeps_its_name_is_away_for_a_minute() {
    let selection = Selection { replace: vec!["queues.orders".into()], ..Selection::default() };
    let plan = planned_in(&World::applied(SHOP), SHOP, Goal::Apply, &selection);
    assert_snapshot!("replace_text", rendered_plan(&plan));
}

#[test]
fn a_queue_under_another_name_is_made_first() {
    let plan = plan_change(&SHOP.replace("orders: { visib", "orders: { name: shop-purchases, visib"), |_| {});
    assert_snapshot!("rename_text", rendered_plan(&plan));
    assert_snapshot!("rename_markdown", page(&plan));
}

#[test]
fn a_stage_under_another_name_moves_the_address_that_callers_know() {
    let plan = plan_change(&SHOP.replace("stage: Prod", "stage: Live"), |_| {});
    assert_snapshot!("stage_text", rendered_plan(&plan));
    assert_snapshot!("stage_markdown", page(&plan));
}

#[test]
fn outputs_that_differ_are_shown_where_no_resource_does() {
    let wanted = SHOP.replace(
        "outputs: { url: \"${apis.front.url}/draw\" }",
        "outputs: { queue: \"${queues.orders.url}\", token: \"${vars.token}\" }",
    );
    let plan = plan_change(&wanted, |_| {});
    assert_snapshot!("outputs_text", rendered_plan(&plan));
}

#[test]
fn a_changed_subscription_has_to_be_confirmed_again() {
    let plan = plan_change(&SHOP.replace("ops@example.com", "dev@example.com"), |_| {});
    assert_snapshot!("subscription_text", rendered_plan(&plan));
}

#[test]
fn a_route_more_and_a_function_less() {
    let plan = plan_change(&SHOP.replace("\"POST /draw\": draw", "\"POST /draw\": draw, \"GET /drawn\": draw"), |_| {});
    assert_snapshot!("route_text", rendered_plan(&plan));
    let without = SHOP
        .replace("    events: [ { queue: orders, batch_size: 5 } ]\n", "")
        .replace("queues:\n  orders: { visibility_timeout: 120s, redrive: { max_receive_count: 3 } }\n", "")
        .replace("dimensions: { QueueName: \"${queues.orders.name}\" }", "dimensions: { QueueName: shop-orders }");
    assert_snapshot!("delete_text", rendered_plan(&plan_change(&without, |_| {})));
}

#[test]
fn what_a_cut_off_run_made_is_adopted() {
    let plan = plan_change(&SHOP.replace("timeout: 20s", "timeout: 25s"), |world| {
        world.forget("functions.draw");
        world.forget("topics.alarms");
    });
    assert_snapshot!("adopt_text", rendered_plan(&plan));
}

#[test]
fn a_secret_that_changes_is_not_shown() {
    let plan = plan_change(&SHOP.replace("tok-4711-4711", "tok-0815-0815"), |_| {});
    let text = rendered_plan(&plan) + &page(&plan);
    assert!(!text.contains("4711") && !text.contains("0815"), "{text}");
    assert_snapshot!("secret_text", text);
}

#[test]
fn everything_goes() {
    let plan = planned_in(&World::applied(SHOP), SHOP, Goal::Destroy, &Selection::default());
    assert_snapshot!("destroy_text", rendered_plan(&plan));
}

#[test]
fn all_of_a_changed_resource_shows_on_demand() {
    let (value, stack) = plan_change(&SHOP.replace("timeout: 20s", "timeout: 25s"), |_| {});
    let verbose = PlanView { verbose: true, ..view(stack.document.secrets()) };
    let text = plan::plan(&value, COST, verbose);
    assert!(text.contains("memory_size: 512") && !text.contains("4711"), "{text}");
    assert_snapshot!("verbose_text", text);
}

#[test]
fn lines_are_no_wider_than_the_terminal_where_a_value_can_be_moved() {
    let (value, stack) = plan_change(&SHOP.replace("orders: { visib", "orders: { name: shop-purchases, visib"), |_| {});
    for width in [60, 80, 120] {
        let text = plan::plan(&value, COST, PlanView { width, ..view(stack.document.secrets()) });
        let arrows = text.lines().filter(|line| line.contains(" → ") && !line.starts_with('!'));
        for line in arrows {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}
