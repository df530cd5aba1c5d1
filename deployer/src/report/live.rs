//! The live lines on the terminal.

use std::sync::{Mutex, MutexGuard};

use indicatif::MultiProgress;

use crate::mutex::lock;

/// The live lines on the terminal. Any other writer must suspend them first.
static LIVE: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// Locks the live lines, to begin or to end them.
pub(super) fn live_now() -> MutexGuard<'static, Option<MultiProgress>> {
    lock(&LIVE)
}

/// Writes while the live lines, if there are any, are suspended.
pub(super) fn aside<T>(write: impl FnOnce() -> T) -> T {
    let live = live_now().clone();
    match live {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}
