//! Reads the bodies of requests: within limits, and of no stranger.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body as _, Bytes, Incoming};

/// The largest request of an AWS client: 50 MiB of code for Lambda, in base64 and JSON.
pub(super) const LARGEST: usize = 72 * MIB;
/// The largest request that API Gateway takes.
pub(super) const LARGEST_OF_API: usize = 10 * MIB;
/// The bytes of requests that are held at a time.
const ROOM: usize = 2 * LARGEST;
const MIB: usize = 1024 * 1024;

/// Why a body is not read.
pub(super) type Unread = (StatusCode, String);

/// The bytes of all bodies that are held.
#[derive(Default, Clone)]
pub(super) struct Room(Arc<AtomicUsize>);

/// A body, which takes its room until it is dropped.
#[derive(Default)]
pub(super) struct Held {
    pub bytes: Bytes,
    _taken: Taken,
}

#[derive(Default)]
struct Taken {
    room: Room,
    bytes: usize,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Tells why a body is not read at all: its stated length already exceeds the limit.
pub(super) fn early_refusal(body: &Incoming, largest: usize) -> Option<Unread> {
    let is_larger = usize::try_from(body.size_hint().lower()).is_ok_and(|length| length > largest);
    is_larger.then(|| too_large(largest))
}

fn too_large(largest: usize) -> Unread {
    (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {} MiB", largest / MIB))
}

impl Room {
    /// Reads a body of at most `largest` bytes.
    ///
    /// # Errors
    /// The answer for a body that is too large, breaks off, or finds no room.
    pub(super) async fn read(&self, mut body: Incoming, largest: usize) -> Result<Held, Unread> {
        let mut taken = Taken { room: self.clone(), bytes: 0 };
        let mut parts = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
            let Ok(part) = frame.into_data() else { continue };
            taken.bytes += part.len();
            let held = self.0.fetch_add(part.len(), Ordering::Relaxed) + part.len();
            if taken.bytes > largest {
                return Err(too_large(largest));
            }
            if held > ROOM {
                let why = "too many large requests at a time".to_owned();
                return Err((StatusCode::SERVICE_UNAVAILABLE, why));
            }
            parts.push(part);
        }
        let bytes = if parts.len() == 1 { parts.remove(0) } else { parts.concat().into() };
        Ok(Held { bytes, _taken: taken })
    }
}
