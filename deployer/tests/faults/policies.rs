//! The policies that `deployer iam` prints allow every call, and nothing that no call needs.

use std::collections::{BTreeMap, BTreeSet};

use deployer::iam::{Document, Task};

use crate::needs::{Need, OWN};
use crate::roomy;
use crate::trial::{End, Phase, Scene, StatePlace, Trial};

/// The policy that is printed for a task on a stack.
pub struct PrintedPolicy {
    pub policy: Document,
    /// The policy by the prefix of the names; none for a destroy.
    pub by_prefix: Option<Document>,
    /// The name of the stack, with which its resources are tagged.
    pub stack: String,
}

/// The calls of a trial's runs, and the permissions in the policies printed for them.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    exact: Entries,
    by_prefix: Entries,
}

/// The calls of some runs, and the permissions of one sort of policies.
#[derive(Debug, Clone, Default)]
struct Entries {
    /// The calls that no policy allowed.
    beyond: BTreeSet<String>,
    allowed: BTreeMap<&'static str, BTreeSet<&'static str>>,
    used: BTreeMap<&'static str, BTreeSet<String>>,
    /// The functions that got an event source mapping.
    functions: BTreeSet<String>,
}

impl Ledger {
    /// Records one run: its policies, and the permissions that IAM checked for its calls.
    pub fn enter(&mut self, task: Task, PrintedPolicy { policy, by_prefix, stack }: &PrintedPolicy, needs: &[Need]) {
        self.exact.enter(task, policy, stack, needs);
        by_prefix.iter().for_each(|policy| self.by_prefix.enter(task, policy, stack, needs));
    }

    /// Tells whether a run of a task was recorded.
    pub fn has(&self, task: Task) -> bool {
        self.exact.allowed.contains_key(task.name())
    }

    fn merge(&mut self, other: Self) {
        self.exact.merge(other.exact);
        self.by_prefix.merge(other.by_prefix);
    }

    /// # Errors
    /// Names the calls that the printed policies do not allow.
    pub fn sufficient(&self) -> Result<(), String> {
        self.exact.sufficient()?;
        self.by_prefix.sufficient().map_err(|why| format!("with --prefix {why}"))
    }
}

impl Entries {
    fn enter(&mut self, task: Task, policy: &Document, stack: &str, needs: &[Need]) {
        self.allowed.entry(task.name()).or_default().extend(policy.actions());
        for need in needs {
            let of = |value: &String| if value == OWN { stack.to_owned() } else { value.clone() };
            let own: BTreeMap<_, _> = need.context.iter().map(|(key, value)| (*key, of(value))).collect();
            let function = own.get("lambda:FunctionArn").filter(|function| *function != "*");
            self.functions.extend(function.cloned());
            let allows = |function: &String| {
                let mut context = own.clone();
                context.entry("lambda:FunctionArn").and_modify(|arn| arn.clone_from(function));
                policy.allows(&need.action, &need.resource, &context)
            };
            let is_open = need.context.contains_key("lambda:FunctionArn") && function.is_none();
            let allowed = match is_open {
                true => self.functions.iter().any(allows),
                false => policy.allows(&need.action, &need.resource, &own),
            };
            // AWS lists HTTP APIs by their tags. Only a local AWS is asked for all of them, whatever the stack has.
            let owned = BTreeMap::from([("aws:ResourceTag/deployer:stack", stack.to_owned())]);
            let has_apis = || policy.allows("apigateway:GET", &format!("{}/id", need.resource), &owned);
            if !allowed && need.resource.ends_with("::/apis") && !has_apis() {
                continue;
            }
            if allowed {
                self.used.entry(task.name()).or_default().insert(need.action.clone());
            } else {
                let Need { call, action, resource, .. } = need;
                self.beyond.insert(format!("{}: {call} needs {action} on {resource}", task.name()));
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.beyond.extend(other.beyond);
        for (task, actions) in other.allowed {
            self.allowed.entry(task).or_default().extend(actions);
        }
        for (task, actions) in other.used {
            self.used.entry(task).or_default().extend(actions);
        }
    }

    fn sufficient(&self) -> Result<(), String> {
        match self.beyond.is_empty() {
            true => Ok(()),
            false => Err(format!("`deployer iam` does not allow:\n{}", join(&self.beyond))),
        }
    }

    /// Lists the actions that a task was allowed and that no call used.
    fn unused(&self, task: Task) -> BTreeSet<&'static str> {
        let (allowed, used) = (&self.allowed[task.name()], &self.used[task.name()]);
        allowed.iter().copied().filter(|action| !used.contains(*action)).collect()
    }
}

fn join(all: &BTreeSet<String>) -> String {
    all.iter().map(|one| format!("  {one}\n")).collect()
}

const LISTED: &str = "a deleted mapping is still listed by its tags; the listing is up to date without the rule";

/// Actions that the trials below have no occasion for: (task, action, the occasion).
const NO_OCCASION: &[(Task, &str, &str)] = &[
    (Task::Plan, "bedrock:GetFoundationModel", "the suite does not ask Bedrock: the local AWS has none"),
    (Task::Apply, "bedrock:GetFoundationModel", "the suite does not ask Bedrock: the local AWS has none"),
    (
        Task::Apply,
        "ec2:DescribeNetworkInterfaces",
        "a function in a VPC is deleted; the local AWS makes no network interfaces",
    ),
    (
        Task::Apply,
        "lambda:ListFunctions",
        "a function in a VPC is deleted, and Lambda has interfaces there; the local AWS makes none",
    ),
    (Task::Plan, "lambda:GetEventSourceMapping", LISTED),
    (Task::Apply, "lambda:GetEventSourceMapping", LISTED),
    (Task::Destroy, "lambda:GetEventSourceMapping", LISTED),
    (
        Task::Apply,
        "iam:CreateServiceLinkedRole",
        "the account's first API, or table with insights; AWS calls it by itself",
    ),
    (Task::Apply, "logs:DisassociateKmsKey", "a log group's key is taken away; the local AWS has no such call"),
    (Task::Apply, "logs:PutLogGroupDeletionProtection", "the protection is changed; the local AWS has no such call"),
];

#[test]
fn every_call_is_allowed_by_the_printed_policies_and_every_action_is_used() {
    roomy(|| {
        let mut all = Ledger::default();
        for (keep, scene) in
            [(StatePlace::S3, Scene::Kinds), (StatePlace::NewBucket, Scene::Settings), (StatePlace::S3, Scene::Couch)]
        {
            all.merge(lived(keep, scene));
        }
        all.sufficient().unwrap_or_else(|why| panic!("{why}"));
        for task in [Task::Plan, Task::Apply, Task::Destroy] {
            let excused: BTreeSet<_> =
                NO_OCCASION.iter().filter(|(of, ..)| *of == task).map(|(_, action, _)| *action).collect();
            assert_eq!(all.exact.unused(task), excused, "`deployer iam {}` allows more than needed", task.name());
            if all.by_prefix.allowed.contains_key(task.name()) {
                assert_eq!(all.by_prefix.unused(task), excused, "`iam {} --prefix` allows more", task.name());
            }
        }
        assert_eq!(all.by_prefix.allowed.len(), 2, "plan and apply are printed by prefix");
    });
}

/// Plans, applies, changes, reverts, changes again and destroys a stack, with a plan before and after each.
fn lived(keep: StatePlace, scene: Scene) -> Ledger {
    let trial = Trial::new(keep, scene);
    for (i, phase) in [Phase::Apply, Phase::Update, Phase::Apply, Phase::Update, Phase::Destroy].into_iter().enumerate()
    {
        if i > 0 || keep != StatePlace::NewBucket {
            trial.planned(phase).expect("a plan beforehand");
        }
        assert_eq!(trial.run(phase, None).0, End::Done, "{scene:?}: {}", phase.name());
        assert_eq!(trial.planned(phase).expect("a plan afterwards"), None);
        if i == 0 && scene == Scene::Settings {
            trial.use_it();
        }
    }
    trial.ledger()
}
