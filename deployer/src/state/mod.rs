//! The state: the document that records the last apply, the place that stores it, and the lock around it.
//!
//! - `document`: the format of the state, and the checks that refuse any other document
//! - `objects`: the operations that a place must offer; `s3` and `dir` are the two places
//! - `store`: reads the state, and opens the lock, journal and history
//! - `lock`: allows one writer, by a lease that expires when its run dies; `moment`: its clock
//! - `journal`: writes the state while a plan is carried out
//! - `permissions`: the IAM permissions that the place needs
//! - `history`: earlier versions; `rescue`: states that could not be saved in their place
//!
//! # Guarantees
//! Each write is conditional on the document read under the lock. A document that is damaged, newer or another stack's
//! is refused and left unchanged.

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
pub use error::{LockedState, StateError};
pub use history::{EarlierState, KEPT_VERSIONS};
pub use journal::{Journal, StoreJournal};
pub use lock::{Holder, Lease, LeaseMark, LockInfo, Terms};
pub use objects::{Object, ObjectError, Objects, Version};
pub use permissions::Use;
pub use rescue::RescuePlace;
pub use store::{Encryption, FetchedState, Location, S3Location, Snapshot, Store, fresh_id};
