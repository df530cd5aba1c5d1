//! What the last apply left: the state document, where it is kept, and the lock around it.
//!
//! - `document`: the form of the state, and how foreign bytes are told from it
//! - `objects`: what is asked of a place; `s3` and `dir` are the two places
//! - `store`: reading, and opening everything else
//! - `lock`: one writer, by a lease that a dead run loses by itself; `moment`: its clock
//! - `journal`: writing while a plan is carried out
//! - `permissions`: what the place needs in IAM
//! - `history`: earlier versions; `rescue`: what could not be saved in its place
//!
//! # Guarantees
//! Each write is conditional on what was read under the lock. A document that is damaged, newer
//! or somebody else's is refused and left as it is.

mod dir;
mod document;
pub mod error;
pub mod fingerprint;
mod history;
mod journal;
mod lock;
mod moment;
pub mod objects;
mod permissions;
mod rescue;
mod s3;
mod siblings;
mod store;

pub use document::{FORMAT_VERSION, Intent, Record, State, leftover};
pub use error::{Locked, StateError};
pub use history::{KEPT_VERSIONS, Kept};
pub use journal::{Journal, StoreJournal};
pub use lock::{Holder, Lease, LeaseMark, LockInfo, Terms};
pub use objects::{Object, ObjectError, Objects, Version};
pub use permissions::Use;
pub use rescue::RescuePlace;
pub use store::{Encryption, Fetched, Location, S3Location, Snapshot, Store, fresh_id};
