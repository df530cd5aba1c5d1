//! Decides which functions roll back, and to which version.

use futures::future::try_join_all;

use super::RollbackStep;
use crate::aws::Aws;
use crate::failure::Failure;
use crate::graph::owner::Owner;
use crate::kinds::{self, Capability};
use crate::operate::FunctionTarget;
use crate::operate::history::{History, Way};
use crate::plan::{PlanError, Problem};
use crate::spec::document::Document;
use crate::state::{Record, State};

/// The functions and the version that the user named.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Empty means all functions whose code the last apply changed.
    pub functions: Vec<String>,
    pub to: Option<u64>,
}

/// The functions that roll back, and those that stay as they are.
#[derive(Debug, Default)]
pub struct Decision {
    pub steps: Vec<RollbackStep>,
    pub unchanged: Vec<SkippedFunction>,
}

/// A function that is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkippedFunction {
    /// The version that runs already.
    Runs(String, u64),
    /// The reason for leaving it as it is.
    Because(String, String),
}

/// A function with its versions in AWS and its record in the state.
#[derive(Debug)]
pub struct RollbackCandidate {
    pub target: FunctionTarget,
    /// `None` if AWS does not have the function.
    pub history: Option<History>,
    recorded: bool,
    /// The hash of the code from the last apply.
    applied: Option<String>,
    /// Whether the last apply changed its code; `None` if the state records that of no function.
    latest: Option<bool>,
}

/// A reason why a function does not roll back.
struct Obstacle {
    problem: Problem,
    /// Other functions that the user did not name can still roll back.
    minor: bool,
}

/// Reads the functions' versions.
///
/// # Errors
/// The first refusal by Lambda.
pub async fn subjects(
    aws: &Aws,
    targets: Vec<FunctionTarget>,
    state: &State,
    document: &Document,
) -> Result<Vec<RollbackCandidate>, Failure> {
    let read = |target: FunctionTarget| async move {
        let history = History::read(aws, &target.function_name).await;
        let history = history.map_err(|error| Failure::aws(&error, &target.element, document))?;
        Ok(RollbackCandidate::of(target, history, state))
    };
    try_join_all(targets.into_iter().map(read)).await
}

/// Decides which functions roll back and which stay as they are. If functions are named, any problem stops them all.
/// Else only a foreign function does, or that no function can roll back.
///
/// # Errors
/// The problems that stop the rollback.
pub fn decide(subjects: Vec<RollbackCandidate>, wish: &Wish, stack: &str) -> Result<Decision, PlanError> {
    let (mut decision, mut problems, mut minor) = (Decision::default(), Vec::new(), Vec::new());
    for subject in subjects {
        let element = subject.target.element.clone();
        if wish.functions.is_empty() && subject.recorded && subject.latest == Some(false) {
            let why = "the last apply left its code as it was".to_owned();
            decision.unchanged.push(SkippedFunction::Because(element, why));
            continue;
        }
        match subject.way(wish, stack) {
            Ok(Way::Back(version)) => {
                let RollbackCandidate { target, history: Some(seen), .. } = subject else { continue };
                decision.steps.push(RollbackStep { target, seen, version: *version });
            }
            Ok(Way::There(number)) => decision.unchanged.push(SkippedFunction::Runs(element, number)),
            Ok(Way::Nowhere) => minor.push(subject.without_earlier_code()),
            Err(Obstacle { problem, minor: true }) => minor.push(problem),
            Err(Obstacle { problem, minor: false }) => problems.push(problem),
        }
    }
    if !wish.functions.is_empty() || (decision.steps.is_empty() && decision.unchanged.is_empty()) {
        problems.append(&mut minor);
    }
    let unchanged = minor.into_iter().map(|problem| SkippedFunction::Because(problem.element, problem.message));
    decision.unchanged.extend(unchanged);
    if problems.is_empty() { Ok(decision) } else { Err(PlanError(problems)) }
}

impl RollbackCandidate {
    fn of(target: FunctionTarget, history: Option<History>, state: &State) -> Self {
        let is_of = |record: &&Record| {
            let kind = kinds::find(&record.kind);
            kind.is_some_and(|kind| kind.about().operated == Some(Capability::Code))
                && record.physical_id == target.function_name
        };
        let record = state.resources.get(&target.element).filter(is_of);
        let applied = record.and_then(|record| record.inputs["code"]["sha256"].as_str()).map(str::to_owned);
        let is_recorded = !state.deployed_code.is_empty();
        let latest = is_recorded.then(|| state.deployed_code.contains(&target.element));
        Self { recorded: record.is_some(), applied, latest, target, history }
    }

    /// Finds the version to go to.
    fn way(&self, wish: &Wish, stack: &str) -> Result<Way, Obstacle> {
        if wish.functions.is_empty() && self.recorded && self.latest.is_none() {
            return Err(self.minor(
                "rollback::unnamed",
                format!("the state does not say whether the last apply brought the code of `{}`", self.target.element),
                format!("name it: `deployer rollback {}`", self.target.name()),
            ));
        }
        let history = self.our_history(stack)?;
        match wish.to {
            None => Ok(history.previous(self.applied.as_deref())),
            Some(number) => history.find_version(number).ok_or_else(|| self.without_version(history, number)),
        }
    }

    /// Returns the function's versions, if the function is ours.
    fn our_history(&self, stack: &str) -> Result<&History, Obstacle> {
        let FunctionTarget { element, function_name, external, .. } = &self.target;
        if *external {
            let help = format!("roll it back in the stack that `{element}` comes from");
            let message = format!("the function {function_name} is only referred to by this stack");
            return Err(self.minor("rollback::foreign", message, help));
        }
        let Some(history) = &self.history else {
            let help = "check its name and the region in stack.yaml; `deployer apply` makes it".to_owned();
            let message = format!("the function {function_name} does not exist");
            return Err(self.minor("rollback::absent", message, help));
        };
        let Owner::Foreign(owner) = history.owner(stack, self.recorded) else { return Ok(history) };
        let help = format!("take it over first: `deployer adopt '{element}'`");
        let message = format!("the function {function_name} {owner}");
        Err(Obstacle { problem: self.problem("rollback::foreign", message, help), minor: false })
    }

    fn without_version(&self, history: &History, number: u64) -> Obstacle {
        let kept: Vec<String> = history.versions.iter().map(|version| version.number.to_string()).collect();
        let help = match kept.is_empty() {
            true => "AWS keeps no version of it".to_owned(),
            false => {
                format!("AWS keeps {}; `deployer rollback {} --list` shows them", kept.join(", "), self.target.name())
            }
        };
        let message = format!("`{}` has no version {number}", self.target.element);
        Obstacle { problem: self.problem("rollback::unknown-version", message, help), minor: false }
    }

    fn without_earlier_code(&self) -> Problem {
        let message = format!("no earlier code of `{}` is kept", self.target.element);
        let help =
            "AWS keeps what was deployed since its last ten changes; go back in the source, then `deployer apply`";
        self.problem("rollback::no-earlier", message, help.to_owned())
    }

    fn minor(&self, code: &'static str, message: String, help: String) -> Obstacle {
        Obstacle { problem: self.problem(code, message, help), minor: true }
    }

    fn problem(&self, code: &'static str, message: String, help: String) -> Problem {
        let element = self.target.element.clone();
        Problem { code, address: element.clone(), element, message, help }
    }
}
