//! Bedrock's answers about the models that the stack's roles may invoke: requested alongside the reads, reported with
//! the plan.
//!
//! **Guarantees**: A user who may not ask Bedrock, or cannot reach it, still gets a plan, with a note in it. A missing
//! model blocks a plan only if the plan creates or changes something that uses the model; a repair elsewhere in the
//! stack goes on.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use futures::future::join_all;
use tokio::sync::watch;

use super::Settings;
use crate::aws::bedrock::{FoundationModel, Lifecycle};
use crate::aws::{AwsError, Place};
use crate::failure::Failure;
use crate::graph::Graph;
use crate::graph::models::{User, models_in_use};
use crate::models::{self, SERVED};
use crate::plan::{Action, Goal, Note, Plan};
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::nearest::quoted;

/// How long to wait for Bedrock after all other reads. If no network path leads to it, it never answers.
const GRACE: Duration = Duration::from_secs(2);
const DAY_S: i64 = 86_400;

/// A model, the roles that may invoke it, and Bedrock's answer; `None` if it did not arrive in time.
pub(super) struct ModelAnswer {
    model: FoundationModel,
    users: Vec<User>,
    answer: Option<Result<Option<Lifecycle>, AwsError>>,
}

/// Lists the models to ask Bedrock about: those that the plan's roles may invoke.
pub(super) fn in_question(
    graph: &Graph,
    place: &Place,
    goal: &Goal,
    settings: &Settings,
) -> BTreeMap<FoundationModel, Vec<User>> {
    if !settings.ask_bedrock || matches!(goal, Goal::Refresh | Goal::Destroy) {
        return BTreeMap::new();
    }
    models_in_use(graph, &graph.predict_outputs(place), place)
}

/// Asks about each model once, while `work` runs. Questions still unanswered a short time after it are abandoned.
pub(super) async fn beside<T, E>(
    work: impl Future<Output = Result<T, E>>,
    used: BTreeMap<FoundationModel, Vec<User>>,
    ask: impl AsyncFn(&FoundationModel) -> Result<Option<Lifecycle>, AwsError>,
) -> (Result<T, E>, Vec<ModelAnswer>) {
    let (ended, end) = watch::channel(None);
    let work = async {
        let done = work.await;
        // Without a plan, the answers are of no use.
        let _ = ended.send(Some(if done.is_ok() { GRACE } else { Duration::ZERO }));
        done
    };
    let questions = used.into_iter().map(|(model, users)| {
        let (mut end, ask) = (end.clone(), &ask);
        async move {
            let patience = async {
                let grace = end.wait_for(Option::is_some).await.map_or(None, |grace| *grace);
                tokio::time::sleep(grace.unwrap_or_default()).await;
            };
            let answer = tokio::select! {
                biased;
                answer = ask(&model) => Some(answer),
                () = patience => None,
            };
            ModelAnswer { model, users, answer }
        }
    });
    tokio::join!(work, join_all(questions))
}

/// Returns the notes about the models, for the plan.
///
/// # Errors
/// When Bedrock does not have a model, or no longer serves it, and the plan creates or changes a resource that uses it.
/// A model that Bedrock does not have is only a note if it is used through an inference profile.
pub(super) fn notes(
    told: &[ModelAnswer],
    plan: &Plan,
    graph: &Graph,
    document: &Document,
    now: &str,
) -> Result<Vec<Note>, Failure> {
    let now = DateTime::from_str(now, Format::DateTime).map_or(0, |now| now.secs());
    let (mut notes, mut findings) = (Vec::new(), Findings::default());
    for one in told {
        let Some(said) = one.message(now) else { continue };
        let wanted = one.users.iter().find(|user| changes(user, plan, graph));
        match wanted.filter(|user| said.stops && !(user.through_profile && said.code == "model::unknown")) {
            Some(user) => {
                let path = document.find_text(&user.element, &format!("foundation-model/{}", one.model.id));
                findings.error(said.code, path, said.text).help(said.help);
            }
            None => {
                let address = one.users.first().map(|user| user.address.clone()).unwrap_or_default();
                let code = if said.code.is_empty() { String::new() } else { format!(" [{}]", said.code) };
                notes.push(Note::text(address, format!("{}{code}", said.text)));
            }
        }
    }
    if findings.has_errors() {
        document.place(&mut findings);
        return Err(Failure::of(findings, Some(document)));
    }
    Ok(notes)
}

/// Tells whether the plan creates or changes the role, or a resource that uses it.
fn changes(user: &User, plan: &Plan, graph: &Graph) -> bool {
    plan.actions().iter().any(|planned| {
        let uses = || graph.node(&planned.address).is_some_and(|node| node.dependencies.contains(&user.address));
        let does = match planned.action() {
            Action::Create | Action::Update | Action::Replace => true,
            Action::Adopt => !planned.changes().is_empty(),
            Action::Unchanged | Action::Delete | Action::Forget => false,
        };
        does && (planned.element == user.element || uses())
    })
}

/// A message about a model.
struct ModelMessage {
    /// The finding's code; empty if Bedrock could not be asked.
    code: &'static str,
    text: String,
    help: String,
    /// Every call to the model already fails.
    stops: bool,
}

impl ModelAnswer {
    fn message(&self, now_s: i64) -> Option<ModelMessage> {
        let FoundationModel { region, id, .. } = &self.model;
        let life = match &self.answer {
            None => return Some(self.not_asked("it did not answer in time")),
            Some(Err(error)) if error.is_access_denied() => {
                return Some(self.not_asked("bedrock:GetFoundationModel is not allowed; `deployer iam plan` lists it"));
            }
            Some(Err(error)) => return Some(self.not_asked(&error.to_string())),
            Some(Ok(None)) => return Some(self.unknown()),
            Some(Ok(Some(life))) => life,
        };
        let ended = life.ends.filter(|end| end.secs() <= now_s);
        if let Some(end) = ended {
            let text = format!("Bedrock ended the model {id} in {region} on {}: every call fails", day(end));
            return Some(ModelMessage {
                code: "model::ended",
                text,
                help: format!("choose another model: {SERVED}"),
                stops: true,
            });
        }
        if !life.is_legacy {
            return None;
        }
        let end = match life.ends {
            Some(end) => format!("ends it on {}, {}", day(end), describe_time(end.secs() - now_s)),
            None => "has not said yet when it ends".to_owned(),
        };
        let dearer = life.dearer.map(|day_of| format!("; it costs more from {} on", day(day_of))).unwrap_or_default();
        let text = format!("the model {id} in {region} is a legacy one: Bedrock {end}{dearer}");
        Some(ModelMessage { code: "model::legacy", text, help: String::new(), stops: false })
    }

    fn unknown(&self) -> ModelMessage {
        let FoundationModel { region, id, .. } = &self.model;
        let text = format!("Bedrock in {region} does not have the model {id}: every call fails");
        let help = match models::find(id) {
            Some(model) if model.is_retired => format!("{}: {SERVED}", model.retirement()),
            Some(model) => format!("Bedrock offers it in {}", quoted(model.regions.iter().copied())),
            None => format!("`aws bedrock list-foundation-models --region {region}` lists the models that it has"),
        };
        ModelMessage { code: "model::unknown", text, help, stops: true }
    }

    fn not_asked(&self, why: &str) -> ModelMessage {
        let FoundationModel { region, id, .. } = &self.model;
        let text = format!("whether Bedrock in {region} serves the model {id} is not known: {why}");
        ModelMessage { code: "", text, help: String::new(), stops: false }
    }
}

/// Formats a date, such as `2027-01-15`.
fn day(time: DateTime) -> String {
    time.fmt(Format::DateTime).map_or_else(|_| time.secs().to_string(), |text| text.chars().take(10).collect())
}

/// Formats a remaining time, such as "in 46 days".
fn describe_time(seconds: i64) -> String {
    match seconds / DAY_S {
        0 => "within a day".to_owned(),
        1 => "in 1 day".to_owned(),
        days => format!("in {days} days"),
    }
}

#[cfg(test)]
#[path = "models_tests.rs"]
mod tests;
