use tokio::time::Instant;

use super::*;
use crate::aws::{Cause, ServiceError};
use crate::plan::tests::world::{World, place};
use crate::plan::{Question, Remark, Selection, plan};
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

const NOW: &str = "2026-11-30T12:00:00Z";
const STACK: &str = "stack: s\nregion: eu-west-1\nfunctions:\n  f: { zip: f.zip, permissions: [ { allow: bedrock:InvokeModel, on: \"arn:aws:bedrock:us-west-2::foundation-model/acme.draw-v1\" } ] }\n";

fn model(id: &str) -> FoundationModel {
    FoundationModel { partition: "aws".into(), region: "us-west-2".into(), id: id.into() }
}

fn at(time: &str) -> Option<DateTime> {
    Some(DateTime::from_str(time, Format::DateTime).unwrap())
}

fn legacy(ends: Option<DateTime>) -> Option<Result<Option<Lifecycle>, AwsError>> {
    Some(Ok(Some(Lifecycle { is_legacy: true, ends, dearer: None })))
}

fn texts(notes: Vec<Note>) -> Vec<String> {
    let text = |note: Note| match note.remark {
        Remark::Text(text) => text,
        other => panic!("a note of the planner: {other:?}"),
    };
    notes.into_iter().map(text).collect()
}

/// Returns the notes of a plan, or the codes of the errors that block it. The plan creates the function and its role,
/// unless `changes` is false.
fn notes_or_errors(
    answer: Option<Result<Option<Lifecycle>, AwsError>>,
    through_profile: bool,
    changes: bool,
) -> Result<Vec<String>, Vec<&'static str>> {
    let loaded = crate::pipeline::check(SourceText::new("stack.yaml", STACK), &Inputs::default()).unwrap();
    let (graph, document) = (&loaded.graph, &loaded.document);
    let seen = World::default().observe(graph);
    let (place, goal, selection) = (place(), Goal::Apply, Selection::default());
    let secrets = document.secrets();
    let question =
        Question { graph, seen: &seen, stack: "s", place: &place, goal: &goal, selection: &selection, secrets };
    let plan = if changes { plan(&question).unwrap() } else { Plan::default() };
    let users = vec![User { address: "functions.f.role".into(), element: "functions.f".into(), through_profile }];
    let one = ModelAnswer { model: model("acme.draw-v1"), users, answer };
    match notes(&[one], &plan, graph, document, NOW) {
        Ok(notes) => Ok(texts(notes)),
        Err(failure) => {
            assert!(failure.findings.0.iter().all(|finding| finding.span.is_some() && finding.help.is_some()));
            Err(failure.findings.0.iter().map(|finding| finding.code).collect())
        }
    }
}

#[test]
fn an_active_model_is_not_worth_a_word() {
    assert_eq!(notes_or_errors(Some(Ok(Some(Lifecycle::default()))), false, true), Ok(vec![]));
    let announced = Lifecycle { ends: at("2027-09-30T00:00:00Z"), ..Lifecycle::default() };
    assert_eq!(notes_or_errors(Some(Ok(Some(announced))), false, true), Ok(vec![]));
}

#[test]
fn a_legacy_model_is_told_with_its_end_and_the_days_left() {
    let end = |ends| notes_or_errors(legacy(ends), false, true).unwrap().remove(0);
    let text = "the model acme.draw-v1 in us-west-2 is a legacy one: Bedrock";
    assert_eq!(end(at("2027-01-15T12:00:00Z")), format!("{text} ends it on 2027-01-15, in 46 days [model::legacy]"));
    assert_eq!(end(at("2026-12-01T00:00:00Z")), format!("{text} ends it on 2026-12-01, within a day [model::legacy]"));
    assert_eq!(end(None), format!("{text} has not said yet when it ends [model::legacy]"));
    let dearer = Lifecycle { is_legacy: true, ends: at("2027-06-01T00:00:00Z"), dearer: at("2027-03-01T00:00:00Z") };
    let notes = notes_or_errors(Some(Ok(Some(dearer))), false, true).unwrap();
    assert!(notes[0].ends_with("in 182 days; it costs more from 2027-03-01 on [model::legacy]"), "{notes:?}");
}

#[test]
fn a_model_that_has_ended_or_is_unknown_stands_in_the_way_of_what_uses_it() {
    assert_eq!(notes_or_errors(legacy(at("2026-11-30T12:00:00Z")), false, true), Err(vec!["model::ended"]));
    assert_eq!(notes_or_errors(Some(Ok(None)), false, true), Err(vec!["model::unknown"]));
}

#[test]
fn a_dead_model_does_not_hold_up_a_plan_that_leaves_its_users_alone() {
    let ended = notes_or_errors(legacy(at("2026-09-30T00:00:00Z")), false, false).unwrap();
    assert_eq!(
        ended,
        ["Bedrock ended the model acme.draw-v1 in us-west-2 on 2026-09-30: every call fails [model::ended]"]
    );
    assert_eq!(notes_or_errors(Some(Ok(None)), false, false).unwrap().len(), 1);
}

#[test]
fn a_region_that_only_a_profile_leads_to_need_not_have_the_model() {
    assert!(notes_or_errors(Some(Ok(None)), true, true).unwrap()[0].ends_with("[model::unknown]"));
    assert_eq!(notes_or_errors(legacy(at("2026-09-30T00:00:00Z")), true, true), Err(vec!["model::ended"]));
}

#[test]
fn who_may_not_ask_and_who_gets_no_answer_has_a_note() {
    let denied = AwsError::Service(Box::new(ServiceError {
        operation: crate::aws::bedrock::OPERATION,
        code: "AccessDeniedException".into(),
        message: String::new(),
        status: 403,
        request_id: None,
        retry_after_s: None,
        needed: None,
    }));
    let unreachable = AwsError::Transport {
        operation: crate::aws::bedrock::OPERATION,
        message: "no route".into(),
        cause: Cause::Network,
    };
    for (answer, why) in [
        (Some(Err(denied)), "bedrock:GetFoundationModel is not allowed; `deployer iam plan` lists it"),
        (Some(Err(unreachable)), "bedrock:GetFoundationModel: no route"),
        (None, "it did not answer in time"),
    ] {
        let expected = format!("whether Bedrock in us-west-2 serves the model acme.draw-v1 is not known: {why}");
        assert_eq!(notes_or_errors(answer, false, true), Ok(vec![expected]));
    }
}

async fn time_answers(work_s: u64, fails: bool, answer_s: &[(&'static str, u64)]) -> (u64, Vec<bool>) {
    let began = Instant::now();
    let after = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
    let work = async {
        after(work_s).await;
        if fails { Err(()) } else { Ok(()) }
    };
    let used = answer_s.iter().map(|(id, _)| (model(id), Vec::new())).collect();
    let ask = async |model: &FoundationModel| {
        let (_, seconds) = answer_s.iter().find(|(id, _)| *id == model.id).unwrap();
        after(*seconds).await;
        Ok(Some(Lifecycle::default()))
    };
    let (done, told) = beside(work, used, ask).await;
    assert_eq!(done.is_err(), fails);
    (began.elapsed().as_secs(), told.iter().map(|told| told.answer.is_some()).collect())
}

#[tokio::test(start_paused = true)]
async fn bedrock_is_asked_while_aws_is_read_and_costs_no_time() {
    assert_eq!(time_answers(3, false, &[("a.a", 1), ("a.b", 2)]).await, (3, vec![true, true]));
}

#[tokio::test(start_paused = true)]
async fn a_silent_bedrock_is_left_a_little_after_the_reads_and_other_answers_count() {
    const NEVER: u64 = 10_000;
    assert_eq!(time_answers(3, false, &[("a.a", 4), ("a.b", NEVER)]).await, (5, vec![true, false]));
    assert_eq!(time_answers(3, true, &[("a.b", NEVER)]).await, (3, vec![false]), "a failure is told at once");
}
