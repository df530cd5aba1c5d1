//! A slow line to AWS.

use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use tokio::time::sleep;

use super::super::{About, Call, Off, Place, Refusal, Rule};
use crate::mutex::lock;

const NAME: &str = "thin-line";
/// The bytes per second of all uploads together, unless the switch has a value.
const BYTES_PER_SECOND: f64 = 1_000_000.0;

/// Delays requests as a line does that is shared by all of them.
#[derive(Default)]
pub struct ThinLine {
    /// When the line will have carried the requests so far.
    free_at: Mutex<Duration>,
}

impl Rule for ThinLine {
    fn about(&self) -> About {
        About {
            name: NAME,
            summary: "all uploads share one line, of 1 MB a second or as many bytes as its value",
            source: "a line of 8 Mbit/s, as homes and hotels have; the SDK's read timeout",
        }
    }

    fn off(&self) -> Option<Off> {
        Some(
            Off::because("it is a fault of the network; its value is the line's bytes a second").with(BYTES_PER_SECOND),
        )
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            let wait = self.wait(call.length, place);
            if !wait.is_zero() {
                sleep(wait).await;
            }
            None
        }
        .boxed()
    }
}

impl ThinLine {
    /// Returns how long a request of so many bytes takes, behind those that are on the line already.
    fn wait(&self, length: usize, place: Place<'_>) -> Duration {
        let rate = place.switches.value(NAME).unwrap_or(BYTES_PER_SECOND);
        #[expect(clippy::cast_precision_loss, reason = "a length is far below 2^53")]
        let takes = place.switches.delay(Duration::from_secs_f64(length as f64 / rate.max(1.0)));
        let mut free_at = lock(&self.free_at);
        *free_at = (*free_at).max(place.now) + takes;
        *free_at - place.now
    }
}
