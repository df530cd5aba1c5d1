//! A rule: its description, and the two moments at which it acts.

use futures::future::{BoxFuture, FutureExt, ready};

use super::About;
use super::answer::Answer;
use super::call::Call;
use super::place::Place;
use super::refusal::Refusal;

/// Why a rule is off unless it is switched on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Off {
    /// A sentence without a full stop.
    pub why: &'static str,
    /// The value that the rule has if it is switched on without one. None if it takes none.
    pub value: Option<f64>,
}

impl Off {
    pub const fn because(why: &'static str) -> Self {
        Self { why, value: None }
    }

    /// The rule has a value.
    #[must_use]
    pub const fn with(self, value: f64) -> Self {
        Self { value: Some(value), ..self }
    }
}

/// A behaviour of AWS, or of the way to it.
///
/// A rule keeps what it has seen, by account and region where AWS does, since tests share one emulator.
pub trait Rule: Send + Sync {
    fn about(&self) -> About;

    /// Returns why the rule is off unless it is switched on: it is a fault of the network, or a behaviour of AWS that the
    /// deployer does not withstand.
    fn off(&self) -> Option<Off> {
        None
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
