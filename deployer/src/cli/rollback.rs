//! `deployer rollback`

use futures::future::try_join_all;
use tokio::time::Instant;

use super::logs::chosen;
use super::options::{Approval, Choice};
use super::run::Run;
use super::{ERROR, Exit, INTERRUPTED, OK, approval};
use crate::failure::{Failure, aws_finding};
use crate::graph::owner::Owner;
use crate::kinds::Kind;
use crate::kinds::lambda_function::LambdaFunction;
use crate::operate::history::{History, Way};
use crate::operate::rollback::{Event, Outcome, RollbackError, Step, carry_out};
use crate::operate::{Target, functions};
use crate::pipeline::{self, Desk, Loaded};
use crate::plan::{PlanError, Problem};
use crate::report::progress::Preparation;
use crate::report::rollback::{self as form, Listed, Shown};
use crate::report::terminal::Terminal;
use crate::spec::finding::{At, Finding, Findings, Severity};
use crate::state::{Record, State};

/// The rollback that the user asked for.
pub(super) struct Wish {
    pub functions: Vec<String>,
    pub to: Option<u64>,
    pub list: bool,
}

pub(super) async fn run(run: &Run, wish: &Wish, approved: &Approval) -> Exit {
    if wish.to.is_some() && wish.functions.len() != 1 {
        let message = "`--to` is about the versions of one function, and none or several are named";
        return Err(Failure::plain("run::usage", message, "`deployer rollback FUNCTION --to VERSION`"));
    }
    if !wish.list {
        approval::possible(run, approved, "rollback")?;
    }
    let settings = run.settings(&Choice::default(), "rollback")?;
    let loaded = run.load(&settings)?;
    let progress = Preparation::new(run.terminal);
    if wish.list {
        let desk = Desk::to_read(&loaded, &settings, &progress, &run.stop).await?;
        return list(run, &loaded, &desk, &wish.functions).await;
    }
    let desk = Desk::to_write(&loaded, &settings, &progress, &run.stop).await?;
    let ended = go_back(run, &loaded, &desk, wish, approved).await;
    desk.leave().await;
    ended
}

async fn list(run: &Run, loaded: &Loaded, desk: &Desk, names: &[String]) -> Exit {
    let subjects = subjects(run, loaded, desk, names).await?;
    let listed: Vec<Listed<'_>> = subjects.iter().map(|s| (&s.target, s.history.as_ref())).collect();
    let text = if run.terminal.json {
        format!("{}\n", form::list_json(&listed, loaded.document.stack(), &desk.aws.place))
    } else {
        form::list(&listed, run.terminal.out)
    };
    run.terminal.data(&text);
    Ok(OK)
}

async fn go_back(run: &Run, loaded: &Loaded, desk: &Desk, wish: &Wish, approved: &Approval) -> Exit {
    let began = Instant::now();
    let (terminal, document) = (run.terminal, &loaded.document);
    let subjects = subjects(run, loaded, desk, &wish.functions).await?;
    let (steps, there) =
        decided(subjects, wish, document.stack()).map_err(|problems| Failure::plan(problems, document))?;
    let say = |text: String| terminal.data(&text);
    if terminal.json {
        say(form::version(document.stack(), &desk.aws.place));
    } else {
        say(form::intended(&steps, &there, terminal.out));
    }
    if !steps.is_empty() {
        approval::given(run, approved, "rollback", "Put this code back? Type `yes` to continue:").await?;
    }
    let observe = |event: &Event<'_>| match terminal.json {
        true => say(form::event_json(event)),
        false => terminal.say(&form::event(event)),
    };
    let outcome = carry_out(&desk.aws, &steps, &run.stop, &observe).await;
    failures(terminal, &outcome, loaded);
    let (calls, took) = (desk.aws.calls(), began.elapsed());
    if terminal.json {
        say(form::summary_json(&outcome, &there, calls, took));
    } else {
        terminal.say(&form::summary(&outcome, calls, took, terminal.err));
    }
    Ok(match &outcome {
        o if !o.failed.is_empty() => ERROR,
        o if *run.stop.borrow() > 0 && !(o.not_started.is_empty() && o.unwatched.is_empty()) => INTERRUPTED,
        _ => OK,
    })
}

/// A function with its versions in AWS and its record in the state.
struct Subject {
    target: Target,
    history: Option<History>,
    recorded: bool,
    /// The hash of the code from the last apply.
    applied: Option<String>,
    /// Whether the last apply changed its code; `None` if the state records that of no function.
    latest: Option<bool>,
}

impl Subject {
    fn of(target: Target, history: Option<History>, state: &State) -> Self {
        let is_of =
            |record: &&Record| record.kind == LambdaFunction::NAME && record.physical_id == target.function_name;
        let record = state.resources.get(&target.element).filter(is_of);
        let applied = record.and_then(|record| record.inputs["code"]["sha256"].as_str()).map(str::to_owned);
        let said = !state.deployed_code.is_empty();
        let latest = said.then(|| state.deployed_code.contains(&target.element));
        Self { recorded: record.is_some(), applied, latest, target, history }
    }

    /// Returns the function's versions. A problem comes with whether other functions can still roll back.
    fn ours(&self, stack: &str) -> Result<&History, (Problem, bool)> {
        let Target { element, function_name, external, .. } = &self.target;
        let foreign = |who: &str, help: String| {
            problem(element, "rollback::foreign", format!("the function {function_name} {who}"), help)
        };
        if *external {
            let help = format!("roll it back in the stack that `{element}` comes from");
            return Err((foreign("is only referred to by this stack", help), true));
        }
        let Some(history) = &self.history else {
            let help = "check its name and the region in stack.yaml; `deployer apply` makes it".to_owned();
            let message = format!("the function {function_name} does not exist");
            return Err((problem(element, "rollback::absent", message, help), true));
        };
        let adopt = || format!("take it over first: `deployer adopt '{element}'`");
        match history.owner(stack, self.recorded) {
            Owner::Ours => Ok(history),
            Owner::Foreign(owner) => Err((foreign(&owner.to_string(), adopt()), false)),
        }
    }
}

fn problem(element: &str, code: &'static str, message: String, help: String) -> Problem {
    Problem { code, address: element.to_owned(), element: element.to_owned(), message, help }
}

async fn subjects(run: &Run, loaded: &Loaded, desk: &Desk, names: &[String]) -> Result<Vec<Subject>, Failure> {
    let targets = chosen(functions(&loaded.graph, &desk.aws.place), names)?;
    let read = |target: Target| async move {
        let history = History::read(&desk.aws, &target.function_name).await;
        let history = history.map_err(|error| Failure::aws(&error, &target.element, &loaded.document))?;
        Ok(Subject::of(target, history, &desk.state))
    };
    pipeline::unless_stopped(&run.stop, try_join_all(targets.into_iter().map(read))).await
}

/// Decides which functions roll back and which stay as they are. If functions are named, any problem stops them all.
/// Else only a foreign function does, or that no function can roll back.
fn decided(subjects: Vec<Subject>, wish: &Wish, stack: &str) -> Result<(Vec<Step>, Vec<Shown>), PlanError> {
    let (mut steps, mut asides, mut problems, mut minor) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for subject in subjects {
        let element = &subject.target.element;
        match subject.latest {
            _ if !(wish.functions.is_empty() && subject.recorded) => {}
            Some(true) => {}
            Some(false) => {
                asides.push(Shown::Left(element.clone(), "the last apply left its code as it was".to_owned()));
                continue;
            }
            None => {
                let message = format!("the state does not say whether the last apply brought the code of `{element}`");
                let help = format!("name it: `deployer rollback {}`", subject.target.name());
                minor.push(problem(element, "rollback::unnamed", message, help));
                continue;
            }
        }
        match way(&subject, wish.to, stack) {
            Ok(Way::Back(version)) => {
                let Subject { target, history: Some(seen), .. } = subject else { continue };
                steps.push(Step { target, seen, version: *version });
            }
            Ok(Way::There(number)) => asides.push(Shown::Runs(subject.target.element, number)),
            Ok(Way::Nowhere) => {
                let element = &subject.target.element;
                let message = format!("no earlier code of `{element}` is kept");
                let help = "AWS keeps what was deployed since its last ten changes; go back in the source, then `deployer apply`";
                minor.push(problem(element, "rollback::no-earlier", message, help.to_owned()));
            }
            Err((problem, true)) => minor.push(problem),
            Err((problem, false)) => problems.push(problem),
        }
    }
    if !wish.functions.is_empty() || (steps.is_empty() && asides.is_empty()) {
        problems.append(&mut minor);
    }
    asides.extend(minor.into_iter().map(|problem| Shown::Left(problem.element, problem.message)));
    if problems.is_empty() { Ok((steps, asides)) } else { Err(PlanError(problems)) }
}

fn way(subject: &Subject, to: Option<u64>, stack: &str) -> Result<Way, (Problem, bool)> {
    let history = subject.ours(stack)?;
    let Some(number) = to else { return Ok(history.previous(subject.applied.as_deref())) };
    history.named(number).ok_or_else(|| {
        let element = &subject.target.element;
        let kept: Vec<String> = history.versions.iter().map(|version| version.number.to_string()).collect();
        let help = match kept.is_empty() {
            true => "AWS keeps no version of it".to_owned(),
            false => format!(
                "AWS keeps {}; `deployer rollback {} --list` shows them",
                kept.join(", "),
                subject.target.name()
            ),
        };
        let message = format!("`{element}` has no version {number}");
        (problem(element, "rollback::unknown-version", message, help), false)
    })
}

/// Reports each function that could not roll back at its element.
fn failures(terminal: Terminal, outcome: &Outcome, loaded: &Loaded) {
    let document = &loaded.document;
    let finding = |(element, error): &(String, RollbackError)| {
        let (code, help) = match error {
            RollbackError::Aws(error) => {
                let finding = aws_finding(error, element, document);
                return Finding { message: format!("`{element}`: {}", finding.message), ..finding };
            }
            RollbackError::OtherCode { .. } => (
                "rollback::other-code",
                "nothing was changed; go back in the source, then `deployer apply`. Emulators of AWS may keep the newest code alone",
            ),
            RollbackError::Moved => {
                ("rollback::moved", "it was left as it is; run the same command again to look anew")
            }
        };
        let (path, message) = (document.locate(element), format!("`{element}`: {error}"));
        Finding { code, severity: Severity::Error, path, at: At::Key, span: None, message, help: Some(help.to_owned()) }
    };
    let mut findings = Findings(outcome.failed.iter().map(finding).collect());
    if findings.0.is_empty() {
        return;
    }
    document.place(&mut findings);
    terminal.failure(&Failure::of(findings, Some(document)).masked(document.secrets()));
}
