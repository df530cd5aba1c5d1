//! Schedules of EventBridge Scheduler, as functions and `schedules:` have them: the checks of their properties, and the
//! group, the role and the schedule that they are lowered to.

mod keys;
mod lint;
mod lower;
mod options;
mod window;

pub(super) use self::keys::derive as derive_keys;
pub(super) use self::lint::schedule as lint;
pub(super) use self::lower::{Derived, names_within, target_arn};
pub(super) use self::options::{Options, Payload, json_help};
