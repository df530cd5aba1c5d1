//! A rule: its description, and the two moments at which it acts.

use futures::future::{BoxFuture, FutureExt, ready};

use super::About;
use super::answer::Answer;
use super::call::Call;
use super::place::Place;
use super::refusal::Refusal;

/// A behaviour of AWS, or of the way to it.
///
/// A rule keeps what it has seen, by account and region where AWS does, since tests share one emulator.
pub trait Rule: Send + Sync {
    fn about(&self) -> About;

    /// Tells whether the rule is off unless it is switched on: a fault of the network, or a behaviour of AWS that the
    /// deployer does not withstand.
    fn is_optional(&self) -> bool {
        false
    }

    /// Judges a request before the emulator gets it. None lets it pass.
    fn before<'a>(&'a self, _call: &'a Call, _place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(None).boxed()
    }

    /// Learns from the emulator's answer, and may change it.
    fn after<'a>(&'a self, _call: &'a Call, _answer: &'a mut Answer, _place: Place<'a>) -> BoxFuture<'a, ()> {
        ready(()).boxed()
    }
}
