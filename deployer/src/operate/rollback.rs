//! Puts earlier code of functions back.
//!
//! The state does not change. `stack.yaml` still means the code of the last apply, so the earlier code is a change made
//! outside: the next plan shows it, and the next apply reverts it.

mod decide;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, stream};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::FunctionTarget;
use super::history::{Function, History, Version, versions};
use crate::aws::{Aws, AwsError};
use crate::execute::{Stop, retrying, wait_for_stop};
use crate::failure::{Failure, aws_finding};
use crate::spec::document::Document;
use crate::spec::finding::{At, Finding, Findings, Severity};

pub use decide::{Decision, RollbackCandidate, SkippedFunction, Wish, decide, subjects};

/// Number of functions that are rolled back at once.
const AT_ONCE: usize = 16;

/// The rollback of one function.
#[derive(Debug)]
pub struct RollbackStep {
    pub target: FunctionTarget,
    /// The function as it was when the user decided.
    pub seen: History,
    pub version: Version,
}

/// Reason why a function was not rolled back.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error("AWS returned other code for version {number} than was deployed (hash {found} instead of {expected})")]
    OtherCode { number: u64, expected: String, found: String },
    #[error("somebody changed its code or its tags after it was looked at")]
    Moved,
}

/// Progress of a rollback.
pub enum RollbackEvent<'a> {
    Started(&'a RollbackStep),
    Done(&'a RollbackStep, Duration),
    Failed(&'a RollbackStep, &'a RollbackError),
}

/// The result, by element.
#[derive(Debug, Default)]
pub struct RollbackOutcome {
    pub done: Vec<String>,
    pub failed: Vec<(String, RollbackError)>,
    pub not_started: Vec<String>,
    /// AWS accepted the change, but the run did not wait until it was finished.
    pub unwatched: Vec<String>,
}

/// How the rollback of one function ended.
enum RollbackEnd {
    Done(Duration),
    NotStarted,
    Unwatched,
}

/// Carries out the steps concurrently. After the first signal no new step starts, and changes that AWS has accepted are
/// not watched to their end. The second signal abandons calls in progress. A failed step does not stop the others.
pub async fn carry_out(
    aws: &Aws,
    steps: &[RollbackStep],
    stop: &Stop,
    observe: &dyn Fn(&RollbackEvent<'_>),
) -> RollbackOutcome {
    let mut outcome = RollbackOutcome::default();
    let one = |step| async move { (step, go_back(aws, step, stop.clone(), observe).await) };
    let mut running = stream::iter(steps).map(one).buffer_unordered(AT_ONCE);
    while let Some((step, ended)) = running.next().await {
        let element = step.target.element.clone();
        match ended {
            Ok(RollbackEnd::Done(took)) => {
                observe(&RollbackEvent::Done(step, took));
                outcome.done.push(element);
            }
            Ok(RollbackEnd::NotStarted) => outcome.not_started.push(element),
            Ok(RollbackEnd::Unwatched) => outcome.unwatched.push(element),
            Err(error) => {
                observe(&RollbackEvent::Failed(step, &error));
                outcome.failed.push((element, error));
            }
        }
    }
    outcome
}

async fn go_back(
    aws: &Aws,
    step: &RollbackStep,
    mut stop: Stop,
    observe: &dyn Fn(&RollbackEvent<'_>),
) -> Result<RollbackEnd, RollbackError> {
    if *stop.borrow() > 0 {
        return Ok(RollbackEnd::NotStarted);
    }
    let began = Instant::now();
    let fetched = async {
        let room = aws.memory_for(step.version.code().size.unwrap_or_default()).await;
        fetch(aws, &step.version).await.map(|zip| (zip, room))
    };
    let (zip, _room) = tokio::select! {
        biased;
        () = wait_for_stop(&mut stop, 1) => return Ok(RollbackEnd::NotStarted),
        fetched = fetched => fetched?,
    };
    observe(&RollbackEvent::Started(step));
    tokio::select! {
        biased;
        sent = put_back(aws, step, &zip) => sent?,
        () = wait_for_stop(&mut stop, 2) => return Ok(RollbackEnd::Unwatched),
    }
    tokio::select! {
        biased;
        settled = versions::settle(aws, &step.target.function_name) => settled?,
        () = wait_for_stop(&mut stop, 1) => return Ok(RollbackEnd::Unwatched),
    }
    Ok(RollbackEnd::Done(began.elapsed()))
}

/// Fetches the code of a version, and checks it against the hash that AWS reports.
async fn fetch(aws: &Aws, version: &Version) -> Result<Vec<u8>, RollbackError> {
    let zip = versions::fetch(aws, &version.function.function_name, version.number).await?;
    let (expected, found) = (version.code().sha256.clone(), STANDARD.encode(Sha256::digest(&zip)));
    if found == expected { Ok(zip) } else { Err(RollbackError::OtherCode { number: version.number, expected, found }) }
}

/// Uploads `zip` as the function's code if the function is still as it was seen; waits while another change of it is in
/// progress.
async fn put_back(
    aws: &Aws,
    RollbackStep { seen, version, target }: &RollbackStep,
    zip: &[u8],
) -> Result<(), RollbackError> {
    let is_same = |now: &Function| now.code.sha256 == seen.running.code.sha256 && now.tags == seen.running.tags;
    // AWS refuses while another change is in progress, and that change may be to the code. So every try reads the
    // function again.
    let sent = retrying(|| async {
        match versions::running(aws, &target.function_name).await? {
            Some(now) if is_same(&now) => versions::put_back(aws, version, zip).await.map(Some),
            _ => Ok(None),
        }
    });
    sent.await?.ok_or(RollbackError::Moved)
}

/// Describes each function that could not roll back, at its element; `None` if there is none.
pub fn failures(outcome: &RollbackOutcome, document: &Document) -> Option<Failure> {
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
            RollbackError::Moved => ("rollback::moved", "it was not changed; run the same command again"),
        };
        let (path, message) = (document.locate(element), format!("`{element}`: {error}"));
        Finding { code, severity: Severity::Error, path, at: At::Key, span: None, message, help: Some(help.to_owned()) }
    };
    let mut findings = Findings(outcome.failed.iter().map(finding).collect());
    if findings.0.is_empty() {
        return None;
    }
    document.place(&mut findings);
    Some(Failure::of(findings, Some(document)).masked(document.secrets()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::played::{answering, json};

    fn function(sha256: &str, tags: &str) -> String {
        let configuration = format!(r#"{{"Role":"r","Version":"2","CodeSha256":"{sha256}"}}"#);
        json(&format!(r#"{{"Configuration":{configuration},"Tags":{tags}}}"#))
    }

    #[tokio::test]
    async fn a_function_that_somebody_changed_meanwhile_is_left_alone() {
        const OURS: &str = r#"{"deployer:stack":"shop"}"#;
        let seen = function("two", OURS);
        let taken = function("two", r#"{"deployer:stack":"cafe"}"#);
        let accepted = json(r#"{"Version":"3"}"#);
        for (now, is_sent) in [(seen.clone(), true), (taken, false), (function("by hand", OURS), false)] {
            let listed = json(r#"{"Versions":[{"Role":"r","Version":"1","CodeSha256":"one"}]}"#);
            let aws = answering(&[&seen]).await;
            let running = versions::running(&aws, "draw").await.unwrap().unwrap();
            let aws = answering(&[&listed]).await;
            let version = versions::list(&aws, "draw").await.unwrap().remove(0);
            let target = FunctionTarget {
                element: "functions.draw".into(),
                function_name: "draw".into(),
                log_group: String::new(),
                external: false,
            };
            let step = RollbackStep { target, seen: History { running, versions: Vec::new() }, version };
            let aws = answering(&[&now, &accepted]).await;
            let sent = put_back(&aws, &step, b"zip").await;
            assert_eq!((sent.is_ok(), aws.calls()), (is_sent, (1, u64::from(is_sent))), "{sent:?}");
        }
    }
}
