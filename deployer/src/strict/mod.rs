//! Makes a local AWS refuse, delay, forget and limit as AWS does.
//!
//! An emulator accepts nearly everything at once. [`Strict`] stands before it: each request passes through the rules,
//! which may refuse it as AWS would, and each answer passes through them on the way back. A rule knows what it has seen
//! pass, and may ask the emulator itself. All rules can be switched off one by one.
//!
//! - [`call`]: a request that arrives, with its operation and input
//! - [`answer`]: the answer on its way back
//! - [`refusal`]: a refusal, written in the form of the service
//! - [`rule`]: what a rule is; `rules`: all of them
//! - [`place`]: the account and region of a request, the time, and the emulator behind the rules
//! - [`switches`]: which rules are off, and how long AWS's delays are here
//! - `facts`: questions of rules to the emulator; `documents`: what policies allow
//! - `body`: reads the bodies of requests
//! - [`serve`]: the gateway, which listens in front of an emulator

pub mod answer;
mod body;
pub mod call;
mod documents;
mod facts;
pub mod place;
pub mod refusal;
pub mod rule;
mod rules;
pub mod serve;
pub mod switches;

use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Bytes;

use crate::local::ACCOUNT_ID;
/// The description of a rule, for `deployer local status` and for switching it off.
pub use crate::local::LikenessRule as About;
pub use answer::Answer;
pub use call::Call;
pub use place::{Emulator, Kept, Place};
pub use refusal::Refusal;
pub use rule::{Off, Rule};
pub use switches::Switches;

/// Returns the time since an arbitrary moment. Tests inject their own.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The rules of a local AWS, with everything that they have seen.
pub struct Strict {
    rules: Vec<Box<dyn Rule>>,
    switches: Switches,
    clock: Clock,
    emulator: Emulator,
    /// The account of keys that are no account's number.
    account: String,
}

/// Describes the rules that are on unless they are switched off, in the order in which they judge a request.
pub fn rules() -> Vec<About> {
    rules::all().iter().filter(|rule| rule.off().is_none()).map(|rule| rule.about()).collect()
}

/// Describes the rules that are off unless they are switched on, and why.
pub fn optional_rules() -> Vec<(About, Off)> {
    rules::all().iter().filter_map(|rule| Some((rule.about(), rule.off()?))).collect()
}

impl Strict {
    pub fn new(switches: Switches, clock: Clock, emulator: Emulator) -> Self {
        let rules =
            rules::all().into_iter().filter(|rule| switches.is_on(rule.about().name, rule.off().is_some())).collect();
        Self { rules, switches, clock, emulator, account: ACCOUNT_ID.to_owned() }
    }

    /// Holds that users and roles are those of `account`. Default: the local cloud's only one.
    #[must_use]
    pub fn of_account(self, account: &str) -> Self {
        Self { account: account.to_owned(), ..self }
    }

    /// Answers a request: with a rule's refusal, or with the answer that `forward` gets from the emulator.
    ///
    /// # Errors
    /// Those of `forward`.
    pub async fn answer<F, E>(&self, request: Request<Bytes>, forward: F) -> Result<Answer, E>
    where
        F: AsyncFnOnce(Request<Bytes>) -> Result<Answer, E>,
    {
        let Some(call) = Call::of(&request, &self.account) else { return forward(request).await };
        let kept = Kept::default();
        let place = Place {
            account: &call.account,
            region: &call.region,
            now: (self.clock)(),
            switches: &self.switches,
            emulator: &self.emulator,
            kept: &kept,
        };
        for rule in &self.rules {
            if let Some(refusal) = rule.before(&call, place).await {
                tracing::debug!(rule = rule.about().name, operation = call.operation, code = refusal.code, "refused");
                return Ok(refusal.answer(&call));
            }
        }
        let mut answer = forward(request).await?;
        let place = Place { now: (self.clock)(), ..place };
        for rule in &self.rules {
            rule.after(&call, &mut answer, place).await;
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;
