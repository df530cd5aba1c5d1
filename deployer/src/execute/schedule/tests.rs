//! The order of steps, drawn as `a ← b` where b waits for a.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::kinds::{ObservedResource, Outputs};
use crate::plan::{Deletion, DesiredSpec, Reason, Replacement};

const REMOVAL: StepPart = StepPart::Removal;

fn kind_of(name: &str) -> KindRef {
    KindRef::find(name).expect("a kind")
}

fn some() -> ObservedResource<Value> {
    ObservedResource::new("id", Value::Null, Outputs::new())
}

fn revision() -> Revision {
    Revision { wanted: DesiredSpec::default(), live: some(), changes: Vec::new(), leftover: None }
}

/// Any effect of this action. A replacement creates first.
fn effect(action: Action) -> Effect {
    let (wanted, changes) = (DesiredSpec::default(), Vec::new());
    match action {
        Action::Create => Effect::Create { wanted, changes },
        Action::Update => Effect::Update(revision()),
        Action::Adopt => Effect::Adopt(revision()),
        Action::Replace => {
            Effect::Replace { wanted, changes, order: Replacement::CreateFirst { predecessor: Some(some()) } }
        }
        Action::Unchanged => Effect::Unchanged { wanted, live: some() },
        Action::Delete => Effect::Delete { live: some(), how: Deletion::Called { leftover: None } },
        Action::Forget => Effect::Forget { live: None },
    }
}

fn plan_of(address: &str, kind: &str, action: Action, dependencies: &[&str]) -> PlannedResource {
    let planned = PlannedResource::new(address, address, kind_of(kind), effect(action), Reason::UpToDate);
    PlannedResource { dependencies: dependencies.iter().map(|d| (*d).to_owned()).collect(), ..planned }
}

fn queue(address: &str, action: Action, dependencies: &[&str]) -> PlannedResource {
    plan_of(address, "sqs.queue", action, dependencies)
}

/// Returns a replacement that creates first.
fn replaced(address: &str, dependencies: &[&str]) -> PlannedResource {
    queue(address, Action::Replace, dependencies)
}

fn plan(actions: Vec<PlannedResource>) -> Plan {
    Plan { actions, ..Plan::default() }
}

fn all_ready(schedule: &mut Schedule) -> Vec<StepId> {
    std::iter::from_fn(|| schedule.take_along().or_else(|| schedule.take())).collect()
}

/// Runs every step as soon as it is ready. Returns the steps by wave.
fn waves(plan: &Plan) -> Vec<Vec<String>> {
    let mut schedule = Schedule::of(plan);
    let mut waves = Vec::new();
    loop {
        let mut ready = all_ready(&mut schedule);
        ready.sort();
        if ready.is_empty() && schedule.relent() {
            continue;
        }
        if ready.is_empty() {
            assert_eq!(schedule.not_taken().count(), 0, "nothing waits for ever: {waves:?}");
            return waves;
        }
        waves.push(ready.iter().map(|id| name(plan, *id)).collect());
        ready.into_iter().for_each(|id| schedule.finish(id));
    }
}

fn name(plan: &Plan, (index, part): StepId) -> String {
    let address = &plan.actions()[index].address;
    if part == REMOVAL { format!("{address}'s predecessor") } else { address.clone() }
}

/// a ← b ← c, and d alone.
#[test]
fn each_step_comes_after_what_it_waits_for_and_the_unrelated_at_once() {
    let plan = plan(vec![
        queue("a", Action::Create, &[]),
        queue("b", Action::Create, &["a"]),
        queue("c", Action::Update, &["b"]),
        queue("d", Action::Create, &[]),
    ]);
    assert_eq!(waves(&plan), [vec!["a", "d"], vec!["b"], vec!["c"]]);
}

#[test]
fn a_destruction_takes_dependents_first() {
    let plan = plan(vec![
        queue("a", Action::Delete, &[]),
        queue("b", Action::Delete, &["a"]),
        queue("c", Action::Delete, &["b"]),
    ]);
    assert_eq!(waves(&plan), [["c"], ["b"], ["a"]]);
}

#[test]
fn what_is_deleted_goes_after_those_who_used_it_have_moved_on() {
    let mut user = queue("user", Action::Update, &["next"]);
    user.prior_dependencies = ["last".to_owned()].into();
    let plan = plan(vec![queue("next", Action::Create, &[]), user, queue("last", Action::Delete, &[])]);
    assert_eq!(waves(&plan), [["next"], ["user"], ["last"]]);
}

#[test]
fn a_predecessor_goes_after_the_dependents_use_its_successor() {
    let plan = plan(vec![replaced("a", &[]), queue("b", Action::Update, &["a"])]);
    assert_eq!(waves(&plan), [["a"], ["b"], ["a's predecessor"]]);
}

#[test]
fn of_two_replaced_the_dependents_predecessor_goes_first() {
    let plan = plan(vec![replaced("a", &[]), replaced("b", &["a"])]);
    assert_eq!(waves(&plan), [["a"], ["b"], ["b's predecessor"], ["a's predecessor"]]);
}

#[test]
fn a_route_is_deleted_before_the_stage_is_deployed_again() {
    let mut stage = plan_of("stage", "apigateway.stage", Action::Update, &["api"]);
    stage.prior_dependencies = ["api".to_owned(), "route".to_owned()].into();
    let plan = plan(vec![
        plan_of("api", "apigateway.rest_api", Action::Unchanged, &[]),
        plan_of("route", "apigateway.route", Action::Delete, &["api"]),
        stage,
    ]);
    assert_eq!(waves(&plan), [["api", "route"].to_vec(), vec!["stage"]]);
}

#[test]
fn in_a_destruction_the_stage_goes_before_its_routes() {
    let plan = plan(vec![
        plan_of("api", "apigateway.rest_api", Action::Delete, &[]),
        plan_of("route", "apigateway.route", Action::Delete, &["api"]),
        plan_of("stage", "apigateway.stage", Action::Delete, &["api", "route"]),
    ]);
    assert_eq!(waves(&plan), [["stage"], ["route"], ["api"]]);
}

fn along(taker: &str, planned: PlannedResource) -> PlannedResource {
    let effect = Effect::Delete { live: some(), how: Deletion::WithParent(taker.to_owned()) };
    PlannedResource { effect, ..planned }
}

#[test]
fn what_aws_deletes_with_its_parent_waits_for_that_alone() {
    let plan = plan(vec![
        plan_of("api", "apigateway.rest_api", Action::Delete, &[]),
        plan_of("function", "lambda.function", Action::Delete, &[]),
        along("api", plan_of("route", "apigateway.route", Action::Delete, &["api", "function"])),
        along("function", plan_of("permission", "lambda.permission", Action::Delete, &["api", "function"])),
        along("api", plan_of("stage", "apigateway.stage", Action::Delete, &["api", "route", "permission"])),
    ]);
    assert_eq!(waves(&plan), [vec!["api", "function"], vec!["route", "permission", "stage"]]);
}

#[test]
fn a_function_goes_after_the_stage_serves_its_route_no_more_even_if_its_permission_goes_along() {
    let mut stage = plan_of("stage", "apigateway.stage", Action::Update, &["api"]);
    stage.prior_dependencies = ["api", "route", "permission"].map(str::to_owned).into();
    let plan = plan(vec![
        plan_of("api", "apigateway.rest_api", Action::Unchanged, &[]),
        plan_of("function", "lambda.function", Action::Delete, &[]),
        plan_of("route", "apigateway.route", Action::Delete, &["api"]),
        along("function", plan_of("permission", "lambda.permission", Action::Delete, &["api", "function"])),
        stage,
    ]);
    assert_eq!(waves(&plan), [vec!["api", "route"], vec!["stage"], vec!["function"], vec!["permission"]]);
}

#[test]
fn a_name_holds_nobody_back_but_who_moves_on_still_frees_what_it_named() {
    let named = |action| PlannedResource { by_name: ["queue".to_owned()].into(), ..queue("role", action, &["queue"]) };
    let steps =
        |queue_does: Action, role_does: Action| waves(&plan(vec![queue("queue", queue_does, &[]), named(role_does)]));
    assert_eq!(steps(Action::Create, Action::Create), [["queue", "role"]]);
    assert_eq!(steps(Action::Delete, Action::Delete), [["queue", "role"]]);
    assert_eq!(steps(Action::Delete, Action::Update), [["role"], ["queue"]]);
}

#[test]
fn no_step_waits_for_one_that_does_not_exist() {
    // "a" is deleted together with its predecessor, so it has no removal step of its own.
    let mut both = queue("a", Action::Delete, &[]);
    both.effect = Effect::Delete { live: some(), how: Deletion::Called { leftover: Some(some()) } };
    let plan = plan(vec![both, queue("b", Action::Delete, &["a"]), queue("c", Action::Create, &["not in the plan"])]);
    assert_eq!(waves(&plan), [["c"], ["b"], ["a"]]);
}

#[test]
fn what_goes_waits_for_what_comes_of_its_kind() {
    let renamed = || vec![queue("old", Action::Delete, &[]), queue("new", Action::Create, &[])];
    assert_eq!(waves(&plan(renamed())), [["new"], ["old"]]);
    let mut both = renamed();
    both[0].kind = kind_of("sns.topic");
    assert_eq!(waves(&plan(both)), [["old", "new"]]);
}

#[test]
fn what_goes_waits_no_longer_once_what_comes_of_its_kind_has_failed_or_cannot_come() {
    let (old, new) = (queue("old", Action::Delete, &[]), queue("new", Action::Create, &["topic"]));
    let topic = plan_of("topic", "sns.topic", Action::Create, &[]);
    let plan = plan(vec![old, new, topic]);
    let (old, new, topic) = ((0, StepPart::Main), (1, StepPart::Main), (2, StepPart::Main));
    let mut schedule = Schedule::of(&plan);
    assert_eq!(all_ready(&mut schedule), [topic]);
    schedule.finish(topic);
    assert_eq!(all_ready(&mut schedule), [new]);
    schedule.fail(new);
    assert_eq!(all_ready(&mut schedule), [old]);

    let mut schedule = Schedule::of(&plan);
    assert_eq!(all_ready(&mut schedule), [topic]);
    schedule.fail(topic);
    assert_eq!(all_ready(&mut schedule), []);
    assert!(schedule.relent());
    assert_eq!(all_ready(&mut schedule), [old]);
    assert_eq!(schedule.not_taken().collect::<Vec<_>>(), [new]);
}

/// The second of two APIs depends on the first. At the same time the first loses a route and the second gets one.
#[test]
fn what_comes_of_a_kind_may_itself_need_that_something_of_it_goes() {
    let route = |address, action| plan_of(address, "apigateway.route", action, &[]);
    let mut lost = route("a.lost", Action::Delete);
    lost.prior_dependencies = ["a".to_owned()].into();
    let mut stage = plan_of("a.stage", "apigateway.stage", Action::Update, &["a"]);
    stage.prior_dependencies = ["a.lost".to_owned()].into();
    let mut made = route("b.made", Action::Create);
    made.dependencies = ["b".to_owned()].into();
    let first = plan_of("a", "apigateway.rest_api", Action::Unchanged, &[]);
    let second = plan_of("b", "apigateway.rest_api", Action::Unchanged, &["a.stage"]);
    let plan = plan(vec![first, lost, stage, second, made]);
    assert_eq!(waves(&plan), [vec!["a", "a.lost"], vec!["a.stage"], vec!["b"], vec!["b.made"]]);
}

#[test]
fn what_is_forgotten_holds_nobody_up() {
    let plan = plan(vec![queue("a", Action::Forget, &[]), queue("b", Action::Delete, &["a"])]);
    assert_eq!(waves(&plan), [["a", "b"]]);
}

const ACTIONS: &[Action] = &[
    Action::Create,
    Action::Update,
    Action::Replace,
    Action::Adopt,
    Action::Unchanged,
    Action::Delete,
    Action::Forget,
];

/// Generates plans over random graphs: a node depends on some of the nodes before it, now and in the prior state.
fn plans() -> impl Strategy<Value = Plan> {
    let node = (0..ACTIONS.len(), any::<u16>(), any::<u16>());
    (any::<bool>(), proptest::collection::vec(node, 1..12)).prop_map(|(destroy, nodes)| {
        let action = |i: usize| ACTIONS[if destroy { 5 + nodes[i].0 % 2 } else { nodes[i].0 }];
        let goes = |i: usize| matches!(action(i), Action::Delete | Action::Forget);
        let among = |bits: u16, below: usize| (0..below).filter(move |j| bits >> j & 1 == 1);
        let names = |nodes: Vec<usize>| nodes.into_iter().map(|j| format!("n{j}")).collect::<BTreeSet<_>>();
        let actions = nodes.iter().enumerate().map(|(i, (_, desired, prior))| {
            let mut one = queue(&format!("n{i}"), action(i), &[]);
            one.prior_dependencies = names(among(*prior, i).collect());
            // A deleted node has only its record; a remaining node refers to no deleted one.
            one.dependencies = if goes(i) {
                one.prior_dependencies.clone()
            } else {
                names(among(*desired, i).filter(|j| !goes(*j)).collect())
            };
            one
        });
        plan(actions.collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_step_becomes_ready_once_and_never_before_what_it_waits_for(plan in plans(), choice in any::<u64>()) {
        let mut schedule = Schedule::of(&plan);
        let waits_for = waits(&plan);
        let mut ready = all_ready(&mut schedule);
        let mut finished: BTreeSet<StepId> = BTreeSet::new();
        let mut seen: BTreeSet<StepId> = BTreeSet::new();
        while !ready.is_empty() {
            for id in &ready {
                prop_assert!(!seen.contains(id) || !finished.contains(id), "{} ran twice", name(&plan, *id));
                seen.insert(*id);
                prop_assert!(waits_for[id].is_subset(&finished), "{} came too early", name(&plan, *id));
            }
            let pick = usize::try_from(choice % 1_000).unwrap_or(0) % ready.len();
            let done = ready.swap_remove(pick);
            finished.insert(done);
            schedule.finish(done);
            ready.extend(all_ready(&mut schedule));
            if ready.is_empty() && schedule.relent() {
                ready.extend(all_ready(&mut schedule));
            }
        }
        prop_assert_eq!(finished, waits_for.keys().copied().collect::<BTreeSet<_>>());
    }

    #[test]
    fn what_builds_comes_after_its_dependencies_and_what_goes_before_them(plan in plans()) {
        let at: BTreeMap<String, usize> =
            waves(&plan).into_iter().enumerate().flat_map(|(i, wave)| wave.into_iter().map(move |n| (n, i))).collect();
        let actions = plan.actions();
        let by_address: BTreeMap<&str, &PlannedResource> = actions.iter().map(|p| (p.address.as_str(), p)).collect();
        for user in actions {
            for dependency in &user.dependencies {
                let other = by_address[dependency.as_str()];
                if user.action().builds() && other.action().builds() {
                    prop_assert!(at[dependency] < at[&user.address]);
                }
                if user.action() == Action::Delete && other.action() == Action::Delete {
                    prop_assert!(at[&user.address] < at[dependency]);
                }
            }
        }
    }
}

/// role ← function (started once the role exists) ← mapping, which waits for both.
#[test]
fn a_function_is_made_beside_its_roles_policies_and_what_uses_it_after_them() {
    let early = || ["role".to_owned()].into();
    let function =
        |action| PlannedResource { early: early(), ..plan_of("function", "lambda.function", action, &["role"]) };
    let of = |action| {
        plan(vec![
            plan_of("role", "iam.role", Action::Create, &[]),
            function(action),
            plan_of("mapping", "lambda.event_source_mapping", Action::Create, &["function"]),
        ])
    };
    let (role, worker, mapping) = ((0, StepPart::Main), (1, StepPart::Main), (2, StepPart::Main));
    let mut schedule = Schedule::of(&of(Action::Create));
    assert_eq!(all_ready(&mut schedule), [role]);
    schedule.exists(role);
    assert_eq!(all_ready(&mut schedule), [worker]);
    schedule.exists(role);
    schedule.finish(worker);
    assert_eq!(all_ready(&mut schedule), [], "the role has no policies yet");
    schedule.finish(role);
    assert_eq!(all_ready(&mut schedule), [mapping]);

    // The outputs of a role that replaces another one are known only when it is finished.
    let mut replaced = of(Action::Create);
    replaced.actions[0].effect = effect(Action::Replace);
    let mut schedule = Schedule::of(&replaced);
    assert_eq!(all_ready(&mut schedule), [role]);
    schedule.exists(role);
    assert_eq!(all_ready(&mut schedule), []);

    // An existing function is not given a role without its policies.
    let mut schedule = Schedule::of(&of(Action::Update));
    assert_eq!(all_ready(&mut schedule), [role]);
    schedule.exists(role);
    assert_eq!(all_ready(&mut schedule), []);
    schedule.finish(role);
    assert_eq!(all_ready(&mut schedule), [worker]);
}

/// `role ← function ← role's withdrawal`: permissions that the function used are removed once it has switched over.
#[test]
fn what_a_role_may_no_more_goes_after_the_functions_that_change() {
    let role = |statements: Value| {
        serde_json::json!({
            "name": "r", "path": "/", "max_session_duration": 3600, "assume_role_policy": {}, "managed_policy_arns": [],
            "inline_policies": { "permissions": { "Version": "2012-10-17", "Statement": statements } }, "tags": {},
        })
    };
    let allow = |action: &str| serde_json::json!({ "Effect": "Allow", "Action": action, "Resource": "*" });
    let changed = |live: Value, desired: Value| {
        let (wanted, live) =
            (DesiredSpec { desired, spec: Value::Null }, ObservedResource::new("r", live, Outputs::new()));
        let effect = Effect::Update(Revision { wanted, live, ..revision() });
        PlannedResource { effect, ..plan_of("role", "iam.role", Action::Update, &[]) }
    };
    let function = |action| plan_of("function", "lambda.function", action, &["role"]);
    let (less, more) = (role(serde_json::json!([])), role(serde_json::json!([allow("ec2:DeleteNetworkInterface")])));
    let shrinking = || changed(more.clone(), less.clone());
    let of = |actions: Vec<PlannedResource>| waves(&plan(actions));
    assert_eq!(of(vec![shrinking(), function(Action::Update)]), [["role"], ["function"], ["role's predecessor"]]);
    assert_eq!(of(vec![shrinking(), function(Action::Unchanged)]), [["role"], ["function"]]);
    assert_eq!(of(vec![changed(less, more), function(Action::Update)]), [["role"], ["function"]]);
}
