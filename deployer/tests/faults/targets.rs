//! Runs for some elements, and destroys of retained ones, after a run that was interrupted elsewhere.

use std::collections::BTreeSet;

use deployer::plan::{Goal, Selection};

use crate::account::{Account, End, StatePlace};
use crate::catalog::names;
use crate::roomy;
use crate::wire::{Fault, FaultKind};

const STACK: &str = "
stack: faults
region: eu-west-1
queues:
  mail: { visibility_timeout: 30s }
functions:
  write: { zip: one.zip }
apis:
  shop: { routes: { \"GET /\": write } }
";
const CREATE_API: &str = "apigateway POST /restapis";

/// Applies `stack`, all of it or the elements in `target`. Returns the end and the calls.
fn apply(account: &Account, stack: &str, target: &[&str], fault: Option<Fault>) -> (End, Vec<String>) {
    let target = target.iter().map(|name| (*name).to_owned()).collect();
    let mut settings = account.settings(stack);
    settings.selection = Selection { target, ..Selection::default() };
    let run = account.run(settings, Goal::Apply, fault);
    account.unlock();
    (run.end, run.calls)
}

fn done(account: &Account, stack: &str, target: &[&str]) {
    assert_eq!(apply(account, stack, target, None).0, End::Done, "{target:?}");
}

/// Kills an apply of `stack` when `call` has arrived and its answer has not. `before` brings an account to that apply.
fn killed_at(before: fn() -> Account, stack: &str, call: &str) -> Account {
    let calls = apply(&before(), stack, &[], None).1;
    let at = calls.iter().position(|other| other == call).unwrap_or_else(|| panic!("no {call} in {calls:?}")) + 1;
    let account = before();
    assert_eq!(apply(&account, stack, &[], Some(Fault { at, wrong: FaultKind::Lost })).0, End::Died);
    account
}

/// Returns an account with the stack, whose API somebody has deleted.
fn without_api() -> Account {
    let account = Account::new(StatePlace::Directory);
    done(&account, STACK, &[]);
    let client = &account.aws.clients.apigateway;
    let listed = account.wait(client.get_rest_apis().send()).expect("GetRestApis");
    for api in listed.items() {
        let deletion = client.delete_rest_api().rest_api_id(api.id().expect("an id"));
        account.wait(deletion.send()).expect("DeleteRestApi");
    }
    account
}

fn with_mail(timeout: &str) -> String {
    STACK.replace("30s", timeout)
}

fn holds(account: &Account) -> Vec<String> {
    let all = account.wait(names(&account.aws));
    all.iter().map(|name| name.replace(account.number(), "ACCOUNT")).collect()
}

/// Checks that the account is as if `stack` alone had ever been applied, and that nothing is left to do.
fn is_as_fresh(account: &Account, stack: &str) {
    let fresh = Account::new(StatePlace::Directory);
    done(&fresh, stack, &[]);
    assert_eq!(holds(account), holds(&fresh));
    let plan = account.plan(account.settings(stack), Goal::Apply).0.expect("a plan");
    assert!(!plan.has_changes() && plan.notes().is_empty(), "{:#?} {:?}", plan.actions(), plan.notes());
    assert!(account.state().intents.is_empty(), "{:#?}", account.state().intents);
}

#[test]
fn an_api_that_a_killed_run_recreated_is_found_after_a_run_for_another_element() {
    roomy(|| {
        let account = killed_at(without_api, STACK, CREATE_API);
        done(&account, &with_mail("40s"), &["queues.mail"]);
        assert!(account.state().intents.iter().any(|intent| intent.address == "apis.shop"));
        done(&account, &with_mail("50s"), &["queues.mail"]);
        done(&account, &with_mail("50s"), &[]);
        is_as_fresh(&account, &with_mail("50s"));
    });
}

#[test]
fn an_api_that_a_killed_run_recreated_goes_with_its_element_after_a_run_for_another_element() {
    roomy(|| {
        let account = killed_at(without_api, STACK, CREATE_API);
        done(&account, &with_mail("40s"), &["queues.mail"]);
        let rest = with_mail("40s").split("apis:").next().expect("the elements before it").to_owned();
        done(&account, &rest, &[]);
        is_as_fresh(&account, &rest);
    });
}

/// Returns an account of a killed run that created a queue with this property.
fn with_interrupted_queue(property: &str) -> Account {
    let stack = RETAINED.replace("retain: true", property);
    let empty = || Account::new(StatePlace::Directory);
    killed_at(empty, &stack, "sqs CreateQueue")
}

const WITHOUT_QUEUES: &str = "stack: faults\nregion: eu-west-1\n";

#[test]
fn a_retained_queue_that_a_killed_run_created_stays_when_its_element_leaves() {
    roomy(|| {
        let account = with_interrupted_queue("retain: true");
        done(&account, WITHOUT_QUEUES, &[]);
        assert_eq!(holds(&account), ["queue first"]);
        assert_eq!(account.state().left_in_aws.get("sqs.queue"), Some(&BTreeSet::from(["first".to_owned()])));
        let account = with_interrupted_queue("retain: false");
        done(&account, WITHOUT_QUEUES, &[]);
        assert_eq!(holds(&account), [""; 0]);
    });
}

#[test]
fn a_protected_queue_that_a_killed_run_created_is_not_deleted_with_its_element() {
    roomy(|| {
        let account = with_interrupted_queue("protect: true");
        let (end, _) = apply(&account, WITHOUT_QUEUES, &[], None);
        assert!(matches!(&end, End::Failed(why) if why.contains("protect")), "{end:?}");
        assert_eq!(holds(&account), ["queue first"]);
    });
}

const RETAINED: &str = "stack: faults\nregion: eu-west-1\nqueues:\n  mail: { name: first, retain: true }\n";

fn with_first() -> Account {
    let account = Account::new(StatePlace::Directory);
    done(&account, RETAINED, &[]);
    account
}

#[test]
fn a_destroy_after_a_killed_replacement_leaves_both_retained_queues_on_purpose() {
    roomy(|| {
        let renamed = RETAINED.replace("first", "second");
        let account = killed_at(with_first, &renamed, "sqs CreateQueue");
        assert_eq!(account.run(account.settings(&renamed), Goal::Destroy, None).end, End::Done);
        assert_eq!(holds(&account), ["queue first", "queue second"]);
        let names = ["first", "second"].map(str::to_owned);
        assert_eq!(account.state().left_in_aws.get("sqs.queue"), Some(&BTreeSet::from(names)));
    });
}
