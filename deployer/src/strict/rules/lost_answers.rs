//! Answers that do not arrive.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::{About, Answer, Call, Off, Place, Rule};

const NAME: &str = "lost-answers";

/// Loses a share of the answers, after the request took effect.
#[derive(Default)]
pub struct LostAnswers {
    answered: AtomicU32,
}

impl Rule for LostAnswers {
    fn about(&self) -> About {
        About {
            name: NAME,
            summary: "a share of the answers, its value, is lost after the request took effect",
            source: "Well-Architected Framework, REL04-BP04 \"Make mutating operations idempotent\"",
        }
    }

    fn off(&self) -> Option<Off> {
        Some(Off::because("it is a fault of the network; its value is the share of the answers").with(0.1))
    }

    fn after<'a>(&'a self, _: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        let answered = self.answered.fetch_add(1, Ordering::Relaxed);
        if is_lost(answered, place.switches.value(NAME).unwrap_or_default()) {
            answer.lose();
        }
        ready(()).boxed()
    }
}

/// Tells whether the answer is lost before which so many answers were due: every tenth at a share of 0.1.
fn is_lost(answered: u32, share: f64) -> bool {
    let lost = |answers: u32| (f64::from(answers) * share + 1e-9).floor();
    lost(answered.wrapping_add(1)) > lost(answered)
}
