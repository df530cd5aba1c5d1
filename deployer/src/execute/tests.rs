//! Tests of the state that an execution writes, without calls to AWS.

use std::sync::{Arc, Mutex};

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::watch;

use super::*;
use crate::aws::Clients;
use crate::aws::clients::Connection;
use crate::plan::tests::world::{Stack, World, place};
use crate::plan::{Goal, Selection};
use crate::state::Intent;

/// A journal that keeps the committed states.
#[derive(Default)]
struct StateRecorder(Mutex<Vec<State>>);

impl Journal for StateRecorder {
    fn note(&self, _: &State) {}

    fn commit<'a>(&'a self, state: &'a State) -> BoxFuture<'a, Result<(), StateError>> {
        self.0.lock().unwrap().push(state.clone());
        async { Ok(()) }.boxed()
    }
}

struct Silent;

impl Observer for Silent {
    fn event(&self, _: &ExecutionEvent<'_>) {}
}

/// Carries out a plan without changes, and returns the state after it.
async fn state_after_apply(world: &World, stack: &Stack) -> State {
    applied_with_commits(world, stack).await.0
}

/// Carries out a plan without changes. Returns the state after it, and each state that was committed.
async fn applied_with_commits(world: &World, stack: &Stack) -> (State, Vec<State>) {
    let plan = world.plan(stack, Goal::Apply, &Selection::default()).expect("a plan");
    assert_eq!(plan.summary().unchanged, plan.actions().len(), "nothing is to be called");
    let clients = Clients::of(
        &aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::v2026_01_12()).build(),
    );
    let aws = Aws::new(Arc::new(clients), place());
    let (_stop, stop) = watch::channel(0);
    let (seen, journal) = (world.observe(&stack.graph), StateRecorder::default());
    let execution = Execution {
        aws: &aws,
        stack: stack.document.stack(),
        plan: &plan,
        known: seen.known,
        state: seen.prior,
        journal: &journal,
        observer: &Silent,
        secrets: stack.document.secrets(),
        graph: &stack.graph,
        origins: BTreeMap::new(),
        parallelism: 4,
        stop,
        now: "2026-11-22T10:00:00Z".into(),
    };
    let state = execution.run().await.expect("a journal that never fails").0.state;
    let commits = std::mem::take(&mut *journal.0.lock().unwrap());
    for written in &commits {
        assert_eq!(written.resources.keys().collect::<Vec<_>>(), state.resources.keys().collect::<Vec<_>>());
    }
    (state, commits)
}

const QUEUE: &str = "stack: couch\nqueues: { inbox: { visibility_timeout: 60s } }\n";

#[tokio::test]
async fn a_protection_that_was_added_or_taken_away_is_remembered() {
    let protected = QUEUE.replace("{ visi", "{ protect: true, retain: true, visi");
    let mut world = World::applied(QUEUE);
    for (text, expected) in [(protected.as_str(), true), (QUEUE, false)] {
        world.prior = state_after_apply(&world, &Stack::of(text, &[])).await;
        let record = &world.prior.resources["queues.inbox"];
        assert_eq!((record.protect, record.retain), (expected, expected));
    }
}

#[tokio::test]
async fn a_drift_that_stack_yaml_has_come_to_want_is_told_once() {
    let mut world = World::applied(QUEUE);
    world.edit("queues.inbox", |queue| queue["visibility_timeout"] = 90.into());
    let stack = Stack::of(&QUEUE.replace("60s", "90s"), &[]);
    let drift = |world: &World| world.plan(&stack, Goal::Apply, &Selection::default()).expect("a plan").drift().len();
    assert_eq!(drift(&world), 1);
    world.prior = state_after_apply(&world, &stack).await;
    assert_eq!(drift(&world), 0);
}

/// The endpoint of a subscription is a part of its address and of its identity.
#[tokio::test]
async fn an_endpoint_that_became_a_secret_leaves_the_state_and_comes_back_when_it_is_none_any_more() {
    let plain = "stack: couch\nvars: { mail: { required: true } }\n\
        topics: { news: { subscriptions: [ { email: \"${vars.mail}\" } ] } }\n\
        queues: { late: { depends_on: [topics.news] } }\n";
    let secret = plain.replace("required: true", "required: true, secret: true");
    let vars = ["mail=ops@example.com".to_owned()];
    let written = |world: &World| serde_json::to_string(&world.prior).expect("JSON");
    let mut world = World::applied_with(plain, &vars).with_arns();
    world.prior.left_in_aws.insert("sns.subscription".into(), ["arn · email · ops@example.com".into()].into());
    let first = world.prior.resources.clone();
    assert!(written(&world).contains("ops@"));
    world.prior = state_after_apply(&world, &Stack::of(&secret, &vars)).await;
    assert!(!written(&world).contains("ops@"), "{:#?}", world.prior);
    assert!(world.prior.resources.contains_key("topics.news.subscription[email:vars.mail]"));
    let again = state_after_apply(&world, &Stack::of(&secret, &vars)).await;
    assert!(again.says_the_same(&world.prior), "{again:#?}");
    world.prior = state_after_apply(&world, &Stack::of(plain, &vars)).await;
    assert_eq!(world.prior.resources, first);
}

/// If this run is interrupted as well, the next one finds the API by its record alone.
#[tokio::test]
async fn an_api_that_an_interrupted_run_recreated_is_recorded_before_anything_else_happens() {
    let text = "stack: couch\nfunctions: { draw: { zip: draw.zip } }\napis: { web: { routes: { \"GET /\": draw } } }\n";
    let mut world = World::applied(text);
    world.live_of("apis.web").physical_id = "recreated".into();
    let (_, commits) = applied_with_commits(&world, &Stack::of(text, &[])).await;
    let ids: Vec<&str> = commits.iter().map(|state| state.resources["apis.web"].physical_id.as_str()).collect();
    assert!(!ids.is_empty() && ids.iter().all(|id| *id == "recreated"), "{ids:?}");
}

#[tokio::test]
async fn an_apply_without_changes_leaves_the_state_as_it_is() {
    let world = World::applied(QUEUE);
    let state = state_after_apply(&world, &Stack::of(QUEUE, &[])).await;
    assert!(state.says_the_same(&world.prior), "{state:#?}");
}

#[test]
fn who_waits_for_an_element_waits_for_all_that_it_is_made_of() {
    let stack = Stack::of(
        "stack: couch\nfunctions: { draw: { zip: draw.zip } }\napis: { web: { routes: { \"GET /\": draw } } }\n\
         queues: { late: { depends_on: [apis.web] }, later: { depends_on: [apis.web.stage] } }\n",
        &[],
    );
    let waits = |address: &str| -> Vec<String> {
        stack.graph.node(address).expect("a node").dependencies.iter().cloned().collect()
    };
    let parts = ["apis.web", "apis.web.permission[GET /]", "apis.web.route[GET /]", "apis.web.stage"];
    assert_eq!(waits("queues.late"), parts);
    assert_eq!(waits("queues.later"), ["apis.web.stage"]);
}

#[tokio::test]
async fn what_a_stopped_run_no_longer_watches_is_named() {
    let stack = Stack::of("stack: couch\nfunctions: { draw: { zip: draw.zip } }\n", &[]);
    let world = World::default();
    let plan = world.plan(&stack, Goal::Apply, &Selection::default()).expect("a plan");
    let planned = plan.actions().iter().find(|planned| planned.kind.name() == "lambda.function").expect("a function");
    // Nobody answers at this address.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let connection = Connection {
        region: "eu-west-1".into(),
        endpoint_url: Some(format!("http://{}", silent.local_addr().expect("an address"))),
        credentials: Some(("key".into(), "secret".into())),
        ..Connection::default()
    };
    let aws = Aws::new(Arc::new(Clients::connect(&connection).await), place());
    let (mut outcome, mut watching) = (ExecutionOutcome::new(), Watching::new(&Silent));
    let unfinished =
        planned.effect.desired_spec().map(|w| (w.desired.clone(), crate::kinds::WatchedOperation::Created));
    let step = WatchedStep { planned, part: step::StepPart::Main, began: Instant::now() };
    watching.add(&aws, step, unfinished, &mut outcome);
    let (_stop, mut stop) = watch::channel(1);
    watching.finish(&mut outcome, &mut stop).await;
    assert!(outcome.interrupted);
    assert_eq!(outcome.unwatched, ["functions.draw"]);
    assert!(outcome.done.is_empty() && outcome.failed.is_empty());
}

#[test]
fn a_new_function_begins_when_its_role_and_its_log_group_are_there() {
    let early = |function: &str| {
        let stack = Stack::of(&format!("stack: couch\nfunctions: {{ draw: {{ zip: draw.zip{function} }} }}\n"), &[]);
        let plan = World::default().plan(&stack, Goal::Apply, &Selection::default()).expect("a plan");
        let planned =
            plan.actions().iter().find(|planned| planned.kind.name() == "lambda.function").expect("a function");
        planned.early.iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(early(""), ["functions.draw.log_group", "functions.draw.role"]);
    assert_eq!(early(", tracing: Active"), ["functions.draw.log_group"], "Lambda looks at what the role may do");
}

/// Carries out a plan that deletes one queue of an AWS that does not answer. Returns the order in which the deletion
/// was started and the intents were written, which are written again after the failure.
async fn destroy_one(forgotten: bool, refuses: bool) -> (Vec<&'static str>, Result<ExecutionOutcome, StateError>) {
    /// A journal that records the order of events.
    struct Slow {
        said: Arc<Mutex<Vec<&'static str>>>,
        /// The first commit alone.
        refuses: std::sync::atomic::AtomicBool,
    }
    impl Journal for Slow {
        fn note(&self, _: &State) {}

        fn commit<'a>(&'a self, state: &'a State) -> BoxFuture<'a, Result<(), StateError>> {
            let first = !state.intents.is_empty();
            async move {
                if first {
                    let refuses = self.refuses.swap(false, std::sync::atomic::Ordering::Relaxed);
                    if !refuses {
                        tokio::task::yield_now().await;
                    }
                    self.said.lock().unwrap().push("intents");
                    if refuses {
                        return Err(StateError::Fenced { place: "there".into() });
                    }
                }
                Ok(())
            }
            .boxed()
        }
    }
    struct StartRecorder(Arc<Mutex<Vec<&'static str>>>);
    impl Observer for StartRecorder {
        fn event(&self, event: &ExecutionEvent<'_>) {
            if matches!(event, ExecutionEvent::Started { .. }) {
                self.0.lock().unwrap().push("started");
            }
        }
    }
    let mut world = World::applied(QUEUE);
    if forgotten {
        world.forget("queues.inbox");
    }
    let stack = Stack::of(QUEUE, &[]);
    let plan = world.plan(&stack, Goal::Destroy, &Selection::default()).expect("a plan");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .endpoint_url(format!("http://{nobody}"))
        .build();
    let aws = Aws::new(Arc::new(Clients::of(&config)), place());
    let said = Arc::new(Mutex::new(Vec::new()));
    let (_stop, stop) = watch::channel(0);
    let execution = Execution {
        aws: &aws,
        stack: "couch",
        plan: &plan,
        known: KnownOutputs::new(),
        state: world.prior.clone(),
        journal: &Slow { said: said.clone(), refuses: refuses.into() },
        observer: &StartRecorder(said.clone()),
        secrets: stack.document.secrets(),
        graph: &stack.graph,
        origins: BTreeMap::new(),
        parallelism: 4,
        stop,
        now: "2026-11-22T10:00:00Z".into(),
    };
    let outcome = execution.run().await.map(|(outcome, _)| outcome);
    let said = said.lock().unwrap().clone();
    (said, outcome)
}

#[tokio::test]
async fn what_is_recorded_is_deleted_while_the_intents_are_written() {
    let (said, outcome) = destroy_one(false, false).await;
    assert_eq!(said[..2], ["started", "intents"]);
    assert!(outcome.expect("an outcome").state_error.is_none());
    let (said, _) = destroy_one(true, false).await;
    assert_eq!(said[..2], ["intents", "started"], "nobody would find it without its intent");
}

#[tokio::test]
async fn intents_that_cannot_be_written_are_told() {
    let (_, outcome) = destroy_one(false, true).await;
    let outcome = outcome.expect("an outcome");
    // The step had not sent anything yet.
    assert_eq!(outcome.not_started, ["queues.inbox"]);
    assert!(outcome.failed.is_empty() && matches!(outcome.state_error, Some(StateError::Fenced { .. })));
    let (said, outcome) = destroy_one(true, true).await;
    assert!(outcome.is_err());
    assert_eq!(said, ["intents"]);
}

/// Returns the intents that a run at noon writes for `world`, where `stack.yaml` is `text`.
fn intents_at_noon(world: &World, text: &str) -> Vec<Intent> {
    let stack = Stack::of(text, &[]);
    let plan = world.plan(&stack, Goal::Apply, &Selection::default()).expect("a plan");
    let config = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::v2026_01_12()).build();
    let aws = Aws::new(Arc::new(Clients::of(&config)), place());
    let (_stop, stop) = watch::channel(0);
    let execution = Execution {
        aws: &aws,
        stack: "couch",
        plan: &plan,
        known: KnownOutputs::new(),
        state: world.prior.clone(),
        journal: &StateRecorder::default(),
        observer: &Silent,
        secrets: stack.document.secrets(),
        graph: &stack.graph,
        origins: BTreeMap::new(),
        parallelism: 4,
        stop,
        now: "2026-11-22T12:00:00Z".into(),
    };
    execution.intents()
}

#[test]
fn a_create_that_was_interrupted_is_remembered_until_a_run_records_its_resource() {
    let changed = QUEUE.replace("60s", "90s");
    let mut world = World::applied(QUEUE);
    let [only] = intents_at_noon(&world, &changed).try_into().expect("one action");
    assert_eq!((only.action, only.creates_since()), (Action::Update, None), "no run was interrupted");
    world.intend("queues.inbox", Action::Create);
    let mut runs = Vec::new();
    for _ in 0..3 {
        world.prior.intents = intents_at_noon(&world, &changed);
        let [own] = world.prior.intents.as_slice() else { panic!("{:?}", world.prior.intents) };
        runs.push((own.action, own.since.clone(), own.creates_since().map(str::to_owned)));
    }
    let kept = (Action::Update, "2026-11-22T12:00:00Z".to_owned(), Some("2026-11-22T10:00:00Z".to_owned()));
    assert_eq!(runs, [kept.clone(), kept.clone(), kept]);
}
