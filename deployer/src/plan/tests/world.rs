//! A small AWS made of maps, and the state beside it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::aws::Place;
use crate::graph::resolve;
use crate::graph::{Graph, Node};
use crate::kinds::{Action, AnyKind, ObservedResource, Outputs};
use crate::observe::{Observation, Orphan, StateOnlyResource, hidden, identity_known, predict, records_without_node};
use crate::plan::Cost;
use crate::plan::{Goal, Plan, PlanError, Question, Selection, plan};
use crate::report;
use crate::report::paint::Paint;
use crate::report::plan::PlanView;
use crate::spec::document::Document;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;
use crate::state::{Intent, Record, State, fingerprint};

/// The resources in AWS, by kind and identity, and the state of the last apply.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) live: BTreeMap<(String, String), ObservedResource<Value>>,
    pub(crate) prior: State,
    pub(crate) orphans: Vec<Orphan>,
}

/// A stack, processed as far as possible without AWS.
pub(crate) struct Stack {
    pub(crate) document: Document,
    pub(crate) graph: Graph,
}

pub(crate) fn place() -> Place {
    Place { account: "123456789012".into(), region: "eu-west-1".into(), partition: "aws".into(), endpoint_url: None }
}

impl Stack {
    /// Reads a stack; `vars` are `NAME=VALUE`.
    pub(crate) fn of(text: &str, vars: &[String]) -> Self {
        let env = [("AWS_REGION".to_owned(), "eu-west-1".to_owned())].into();
        let inputs = Inputs { vars: vars.to_vec(), env, ..Inputs::default() };
        let (document, mut findings) = Document::load(SourceText::new("stack.yaml", text), &inputs)
            .unwrap_or_else(|e| panic!("{:#?}", e.findings));
        let (lowered, more) = document.lower();
        findings.0.extend(more.0);
        let mut graph = Graph::of(lowered, document.outputs().clone(), &document, &mut findings);
        assert!(!findings.has_errors(), "{findings:#?}");
        let with_code: Vec<_> = graph.nodes().filter(|n| n.code.is_some()).map(|n| n.address.clone()).collect();
        for address in with_code {
            graph.set_artifact(&address, &format!("zip of {address}"), None);
        }
        Self { document, graph }
    }
}

impl World {
    /// Returns the world right after `text` was applied to an empty account.
    pub(crate) fn applied(text: &str) -> Self {
        Self::applied_with(text, &[])
    }

    pub(crate) fn applied_with(text: &str, vars: &[String]) -> Self {
        let stack = Stack::of(text, vars);
        let state = State { stack: stack.document.stack().into(), lineage: "lineage".into(), ..State::default() };
        let mut world = Self { prior: state, ..Self::default() };
        let mut known = predict(&stack.graph, &place());
        for node in stack.graph.nodes() {
            let spec = resolve::value(&node.spec, &known, &place());
            assert!(!resolve::is_unknown(&spec), "{} is settled after what it waits for", node.address);
            let outputs = outputs(node.kind, &node.address, &spec);
            known.insert(node.address.clone(), outputs.clone());
            world.live.insert(
                key(node, &spec),
                ObservedResource::new(physical_id(node, &spec), spec.clone(), outputs.clone()),
            );
            if !node.external {
                world.prior.resources.insert(node.address.clone(), record(&stack, node, &spec, outputs));
            }
        }
        let secrets = stack.document.secrets();
        let outputs = stack.graph.outputs().iter().map(|(k, v)| (k.clone(), resolve::text(v, &known, &place())));
        world.prior.outputs = outputs.filter(|(_, text)| !secrets.touches(text)).collect();
        world
    }

    /// Gives subscriptions the ids that SNS gives them.
    pub(crate) fn with_arns(mut self) -> Self {
        let told = self.live.iter_mut().filter(|((kind, _), _)| kind == "sns.subscription");
        for (number, (_, live)) in told.enumerate() {
            let arn = format!("arn:aws:sns:eu-west-1:123456789012:couch-news:{number}");
            let records = self.prior.resources.values_mut();
            let same = records.filter(|record| record.physical_id == live.physical_id);
            same.for_each(|record| record.physical_id.clone_from(&arn));
            live.physical_id = arn;
        }
        self
    }

    /// Changes a live resource, as another user would.
    pub(crate) fn edit(&mut self, address: &str, edit: impl FnOnce(&mut Value)) {
        edit(&mut self.live_of(address).spec);
    }

    pub(crate) fn live_of(&mut self, address: &str) -> &mut ObservedResource<Value> {
        let key = self.key_of(address);
        self.live.get_mut(&key).expect("it is live")
    }

    /// Deletes a live resource, as another user would.
    pub(crate) fn delete(&mut self, address: &str) {
        let key = self.key_of(address);
        self.live.remove(&key).expect("it was live");
    }

    /// Removes the state's record, as if the run had been interrupted before it wrote.
    pub(crate) fn forget(&mut self, address: &str) {
        self.prior.resources.remove(address).expect("it was in the state");
    }

    /// Adds the intent of an interrupted run.
    pub(crate) fn intend(&mut self, address: &str, action: Action) {
        let record = &self.prior.resources[address];
        let intent = Intent {
            address: address.into(),
            action,
            element: record.element.clone(),
            kind: record.kind.clone(),
            inputs: record.inputs.clone(),
            dependencies: record.dependencies.clone(),
            identity: record.physical_id.clone(),
            since: "2026-11-22T10:00:00Z".into(),
            created_since: None,
            protect: record.protect,
            retain: record.retain,
        };
        self.prior.intents.push(intent);
    }

    fn key_of(&self, address: &str) -> (String, String) {
        let record = &self.prior.resources[address];
        let kind = crate::kinds::find(&record.kind).expect("a registered kind");
        (record.kind.clone(), kind.identify(&record.inputs))
    }

    /// Returns the observation of a run.
    pub(crate) fn observe(&self, graph: &Graph) -> Observation {
        let predicted = predict(graph, &place());
        let mut prior = self.prior.clone();
        hidden::put_back(graph, &predicted, &place(), &mut prior);
        let mut known = predicted.clone();
        let mut live = BTreeMap::new();
        for node in graph.nodes() {
            let spec = resolve::value(&node.spec, &known, &place());
            if identity_known(node.kind, &spec)
                && let Some(seen) = self.live.get(&key(node, &spec))
            {
                known.entry(node.address.clone()).or_default().extend(seen.outputs.clone());
                live.insert(node.address.clone(), seen.clone());
            }
        }
        let unmeant = records_without_node(graph, &place(), &predicted, &prior).expect("known kinds");
        let left = unmeant
            .into_iter()
            .map(|(address, record, kind)| {
                let is_it = |((of, _), live): &(&(String, String), &ObservedResource<Value>)| {
                    *of == record.kind && hidden::is_of(kind, &record.inputs, &live.spec, &prior.lineage)
                };
                let found = self.live.iter().find(is_it).map(|(_, live)| live.clone());
                let live = found.map(|live| match hidden::is_hidden(kind, &record.inputs) {
                    true => ObservedResource { spec: record.inputs.clone(), ..live },
                    false => live,
                });
                (address.clone(), StateOnlyResource { record: record.clone(), live })
            })
            .collect();
        let (orphans, unread) = (self.orphans.clone(), Vec::new());
        Observation { live, left, known, prior, waves: 1, orphans, unlisted: false, unread }
    }

    pub(crate) fn plan(&self, stack: &Stack, goal: Goal, selection: &Selection) -> Result<Plan, PlanError> {
        let seen = self.observe(&stack.graph);
        let Stack { document, graph } = stack;
        plan(&Question {
            graph,
            seen: &seen,
            stack: document.stack(),
            place: &place(),
            goal: &goal,
            selection,
            secrets: document.secrets(),
        })
    }

    /// Returns the printed plan of `text`.
    pub(crate) fn printed_plan(&self, text: &str) -> String {
        self.printed_plan_for(&Stack::of(text, &[]), Goal::Apply, &Selection::default())
    }

    pub(crate) fn printed_plan_for(&self, stack: &Stack, goal: Goal, selection: &Selection) -> String {
        match self.plan(stack, goal, selection) {
            Ok(plan) => print_plan(&plan, stack),
            Err(PlanError(problems)) => {
                problems.iter().map(|p| format!("{}: {}\n  help: {}\n", p.code, p.message, p.help)).collect()
            }
        }
    }
}

/// Returns the plan's text without its cost.
pub(crate) fn print_plan(plan: &Plan, stack: &Stack) -> String {
    let view =
        PlanView { paint: Paint { colour: false }, verbose: false, width: 100, secrets: stack.document.secrets() };
    let text = report::plan::plan(plan, Cost::default(), view);
    text.rsplit_once("0 reads").expect("the cost comes last").0.to_owned()
}

fn key(node: &Node, spec: &Value) -> (String, String) {
    (node.kind.name().to_owned(), node.kind.identify(spec))
}

fn physical_id(node: &Node, spec: &Value) -> String {
    node.kind.identify(spec)
}

/// Returns the outputs that can be computed, and invented ones for those that AWS generates.
fn outputs(kind: &dyn AnyKind, address: &str, spec: &Value) -> Outputs {
    let mut outputs = kind.predict(spec, &place()).expect("a sound spec");
    for name in kind.outputs() {
        outputs.entry((*name).to_owned()).or_insert_with(|| format!("{name}-of-{address}"));
    }
    outputs
}

/// Returns the record that the executor would write.
fn record(stack: &Stack, node: &Node, spec: &Value, outputs: Outputs) -> Record {
    Record {
        kind: node.kind.name().into(),
        element: node.element.clone(),
        physical_id: physical_id(node, spec),
        inputs: fingerprint::hide(spec, "lineage", &|text| stack.document.secrets().touches(text)),
        outputs,
        dependencies: node.dependencies.clone(),
        protect: node.protect,
        retain: node.retain,
        origin: None,
    }
}
