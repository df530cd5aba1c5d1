//! `deployer iam github --apply` and `--remove`

use super::super::options::{Approval, Choice};
use super::super::run::Run;
use super::super::{Exit, OK, approval};
use super::Stack;
use crate::failure::Failure;
use crate::iam::github::{Duty, Role};
use crate::operate::access::{AccessError, AccessRequest, AccessStep};
use crate::pipeline;
use crate::report::access as form;
use crate::spec::document::Document;

const COMMAND: &str = "iam github";

/// The change that a user asked for.
pub(super) struct AccessChange<'a> {
    /// The roles that exist afterwards.
    pub roles: &'a [Role],
    /// The only role to look at.
    pub only: Option<Duty>,
    /// `ORG/NAME` on GitHub.
    pub repository: String,
    pub approval: &'a Approval,
}

/// Brings the account to the wanted roles: shows the steps, asks, and carries them out.
pub(super) async fn change(run: &Run, stack: &Stack, asked: &AccessChange<'_>) -> Exit {
    let AccessChange { roles, only, repository, approval } = asked;
    let document = &stack.loaded.document;
    let settings = run.settings_to_operate(&Choice::default(), "iam")?;
    let aws = pipeline::reach(&stack.loaded, &settings, &run.stop).await?;
    let account = &stack.at.place.account;
    if aws.place.account != *account {
        return Err(Failure::wrong_account(account, &aws.place.account, document));
    }
    let duties = only.map_or(Duty::ALL.to_vec(), |duty| vec![duty]);
    let wanted = AccessRequest { stack: stack.roles_name(), tags: document.tags(), roles, duties: &duties };
    let planning = async { wanted.plan(&aws).await.map_err(|error| refusal(&error, document)) };
    let steps = pipeline::unless_stopped(&run.stop, planning).await?;
    form::print_steps(&run.terminal, &steps);
    if !steps.is_empty() {
        approval::possible(run, approval, COMMAND)?;
        if steps.iter().any(|step| matches!(step, AccessStep::AddAudience)) {
            approval::ask_for_yes(run, approval, COMMAND, form::AUDIENCE_QUESTION).await?;
        }
        approval::ask_for_yes(run, approval, COMMAND, &form::question(account)).await?;
    }
    for (done, step) in steps.iter().enumerate() {
        if *run.stop.borrow() > 0 {
            return Err(stopped(done));
        }
        step.carry_out(&aws).await.map_err(|error| Failure::aws(&error, "", document))?;
        form::print_done(&run.terminal, step);
    }
    form::print_end(&run.terminal, steps.len(), repository, roles, &aws.place);
    Ok(OK)
}

fn stopped(done: usize) -> Failure {
    let message = format!("interrupted after {done} steps; each of them is complete");
    Failure::plain("run::interrupted", message, "run the same command again: it goes on where this one stopped")
}

fn refusal(error: &AccessError, document: &Document) -> Failure {
    match error {
        AccessError::Aws(error) => Failure::aws(error, "", document),
        AccessError::Foreign { what, name, owner } => {
            let of = if *what == "role" {
                format!("tag-role --role-name {name}")
            } else {
                format!("tag-policy --policy-arn ARN-OF-{name}")
            };
            let help = format!("delete it, or take it over: `aws iam {of} --tags Key=deployer:stack,Value={owner}`");
            Failure::plain("iam::foreign-role", error.to_string(), help)
        }
        AccessError::TooLarge { .. } => {
            let help = "print the policies by prefix, which are short: `--prefix`";
            Failure::plain("iam::too-many-policies", error.to_string(), help)
        }
    }
}
