//! Changed routes end as if they had been created that way: read back from AWS, method by method.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::roomy;
use crate::trial::{End, Phase, Scene, StatePlace, Trial};
use crate::wire::{Fault, FaultKind};

/// A route and its target.
type Route<'a> = (&'a str, &'a str);

const WRITE: &str = "write";
const ERASE: &str = "erase";
const SIGNED: &str = "{ function: write, authorization: AWS_IAM }";

/// The description of a change, and the routes before and after it.
const PAIRS: &[(&str, &[Route<'static>], &[Route<'static>])] = &[
    (
        "a variable with two methods gets another name, and one method that asks for a signature",
        &[("POST /items/{id}", WRITE), ("DELETE /items/{id}", ERASE)],
        &[("ANY /items/{name}", SIGNED)],
    ),
    (
        "a variable gets another name, and a route under it goes",
        &[("GET /items/{id}", WRITE), ("GET /items/{id}/image", WRITE)],
        &[("GET /items/{name}", WRITE)],
    ),
    (
        "a variable gets another name, and a route under it comes",
        &[("GET /items/{name}/parts", WRITE)],
        &[("GET /items/{id}/parts", WRITE), ("POST /items/{id}/parts/{part}", ERASE)],
    ),
    (
        "a variable gets another name, and a route under it another function",
        &[("GET /items/{name}/parts", WRITE), ("GET /items", WRITE)],
        &[("GET /items/{id}/parts", ERASE), ("GET /items", WRITE)],
    ),
    (
        "a variable with a path under it becomes one that takes all that follows",
        &[("GET /{id}", WRITE), ("GET /{id}/image", WRITE), ("GET /health", WRITE)],
        &[("ANY /{proxy+}", WRITE), ("GET /health", WRITE)],
    ),
    (
        "two variables change places",
        &[("GET /{a}/x/{b}", WRITE), ("GET /{a}", WRITE)],
        &[("GET /{b}/x/{a}", WRITE), ("GET /{b}", ERASE)],
    ),
    ("a path ends later", &[("POST /api/path", WRITE)], &[("POST /api/path/{proxy+}", WRITE)]),
    ("a path ends earlier", &[("POST /api/path/{proxy+}", WRITE)], &[("POST /api/path", WRITE)]),
    (
        "any method becomes some, and some become any",
        &[("ANY /a", WRITE), ("GET /b", WRITE), ("POST /b", WRITE)],
        &[("GET /a", WRITE), ("POST /a", ERASE), ("ANY /b", WRITE)],
    ),
];

fn stack(routes: &[(String, String)]) -> String {
    let routes: String = routes.iter().map(|(route, target)| format!("      \"{route}\": {target}\n")).collect();
    format!(
        "stack: faults\nregion: eu-west-1\nfunctions:\n  write: {{ zip: one.zip }}\n  erase: {{ zip: one.zip }}\n\
         apis:\n  shop:\n    routes:\n{routes}"
    )
}

fn owned(routes: &[Route<'_>]) -> Vec<(String, String)> {
    routes.iter().map(|(route, target)| ((*route).to_owned(), (*target).to_owned())).collect()
}

fn trial(before: &[(String, String)], after: &[(String, String)]) -> Trial {
    let leaked = |text: String| -> &'static str { text.leak() };
    Trial::new(StatePlace::Directory, Scene::Texts(leaked(stack(before)), leaked(stack(after))))
}

fn done(trial: &Trial, phase: Phase) -> Result<(), String> {
    match trial.run(phase, None).0 {
        End::Done => Ok(()),
        other => Err(format!("{}: {other:?}", phase.name())),
    }
}

/// Returns the account's contents after a fresh apply of `after`.
fn fresh(after: &[(String, String)]) -> Vec<String> {
    let trial = trial(after, after);
    done(&trial, Phase::Apply).expect("a fresh apply");
    trial.holds()
}

/// Checks that the plan is empty and that the account has the same contents as after a fresh apply.
fn ends_as(trial: &Trial, expected: &[String]) -> Result<(), String> {
    if let Some(plan) = trial.planned(Phase::Update)? {
        return Err(format!("the second plan is not empty: {plan}"));
    }
    let holds = trial.holds();
    let more: Vec<_> = holds.iter().filter(|one| !expected.contains(one)).collect();
    let less: Vec<_> = expected.iter().filter(|one| !holds.contains(one)).collect();
    if more.is_empty() && less.is_empty() { Ok(()) } else { Err(format!("more {more:#?}, less {less:#?}")) }
}

fn changed(before: &[(String, String)], after: &[(String, String)]) -> Result<(), String> {
    let trial = trial(before, after);
    done(&trial, Phase::Apply)?;
    done(&trial, Phase::Update)?;
    ends_as(&trial, &fresh(after))?;
    done(&trial, Phase::Destroy)?;
    if trial.holds().is_empty() { Ok(()) } else { Err(format!("destroy leaves {:#?}", trial.holds())) }
}

#[test]
fn changed_routes_end_as_a_fresh_apply_would_leave_them() {
    roomy(|| {
        let fails = PAIRS.iter().filter_map(|(what, before, after)| {
            changed(&owned(before), &owned(after)).err().map(|why| format!("{what}: {why}"))
        });
        let fails: Vec<String> = fails.collect();
        assert!(fails.is_empty(), "{}", fails.join("\n"));
    });
}

/// For some of the pairs, kills a run at each call of the change. `DEPLOYER_FAULTS=all` tries all pairs.
#[test]
fn a_change_of_routes_that_is_killed_anywhere_is_finished_by_the_next_run() {
    roomy(|| {
        let all = std::env::var("DEPLOYER_FAULTS").is_ok();
        let mut fails = Vec::new();
        for (number, (what, before, after)) in PAIRS.iter().enumerate().filter(|(number, _)| all || number % 3 == 0) {
            let (before, after) = (owned(before), owned(after));
            let expected = fresh(&after);
            let first = trial(&before, &after);
            done(&first, Phase::Apply).expect("applied");
            let calls = first.run(Phase::Update, None).1.len();
            for at in (1..=calls).filter(|at| all || at % 15 == number % 15) {
                for wrong in [FaultKind::Unsent, FaultKind::Lost].into_iter().skip(usize::from(!all && at % 2 == 0)) {
                    let trial = trial(&before, &after);
                    done(&trial, Phase::Apply).expect("applied");
                    trial.run(Phase::Update, Some(Fault { at, wrong }));
                    trial.unlock();
                    let ended = done(&trial, Phase::Update).and_then(|()| ends_as(&trial, &expected));
                    fails.extend(ended.err().map(|why| format!("{what}, {wrong} at {at}: {why}")));
                }
            }
        }
        assert!(fails.is_empty(), "{}", fails.join("\n"));
    });
}

/// Generates routes with short paths, in which each place has only one variable.
fn routes() -> impl Strategy<Value = Vec<(String, String)>> {
    let part = prop_oneof![Just("a"), Just("b"), Just("{x}"), Just("{y}"), Just("{z+}")];
    let path = prop::collection::vec(part, 0..4);
    let method = prop_oneof![Just("GET"), Just("POST"), Just("ANY")];
    let target = prop_oneof![Just(WRITE), Just(ERASE), Just(SIGNED)];
    prop::collection::vec((method, path, target), 1..6).prop_map(|all| {
        let mut variables = std::collections::BTreeMap::new();
        let mut found = std::collections::BTreeMap::new();
        for (method, parts, target) in all {
            let mut path = String::new();
            for part in parts {
                let variable = part.starts_with('{');
                let part = if variable { *variables.entry(path.clone()).or_insert(part) } else { part };
                path = format!("{path}/{part}");
                if part.ends_with("+}") {
                    break;
                }
            }
            let path = if path.is_empty() { "/" } else { &path };
            found.insert(format!("{method} {path}"), target.to_owned());
        }
        found.into_iter().collect()
    })
}

/// `DEPLOYER_ROUTES=200` tries 200 pairs.
#[test]
fn any_two_sets_of_routes_end_alike_however_the_second_came_about() {
    roomy(|| {
        let cases = std::env::var("DEPLOYER_ROUTES").ok().and_then(|many| many.parse().ok()).unwrap_or(8);
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let outcome =
            runner.run(&(routes(), routes()), |(before, after)| changed(&before, &after).map_err(TestCaseError::fail));
        outcome.unwrap_or_else(|why| panic!("{why}"));
    });
}

#[test]
fn what_others_add_to_an_api_is_planned_and_taken_away_before_it_is_served() {
    roomy(|| {
        let routes = owned(&[("GET /items/{id}", WRITE)]);
        let trial = trial(&routes, &routes);
        done(&trial, Phase::Apply).expect("applied");
        let before = trial.holds();
        trial.add_method("{id}", "ANY");
        let plan = trial.planned(Phase::Update).expect("a plan").expect("changes");
        assert!(plan.contains("unlisted_routes") && plan.contains("ANY /items/{id}"), "{plan}");
        done(&trial, Phase::Update).expect("applied");
        assert_eq!(trial.holds(), before);
        assert_eq!(trial.planned(Phase::Update).expect("a plan"), None);
    });
}

#[test]
fn without_its_state_an_api_is_brought_in_line_as_well() {
    roomy(|| {
        let (before, after) = (owned(PAIRS[0].1), owned(PAIRS[0].2));
        let trial = trial(&before, &after);
        done(&trial, Phase::Apply).expect("applied");
        trial.lose_state();
        done(&trial, Phase::Update).expect("applied");
        let routes = |all: Vec<String>| all.into_iter().filter(|one| one.starts_with("route")).collect::<Vec<_>>();
        assert_eq!(routes(trial.holds()), routes(fresh(&after)));
    });
}
