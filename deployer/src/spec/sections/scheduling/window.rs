//! The flexible window, in AWS's whole minutes.

use crate::kinds::schedule::FlexibleTimeWindow;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::values::Seconds;

/// The longest window in minutes.
const MOST: u32 = 1_440;

pub(super) fn check(window: Seconds, path: &DocPath, findings: &mut Findings) {
    if window.0.is_multiple_of(60) && (1..=MOST).contains(&(window.0 / 60)) {
        return;
    }
    findings
        .error("schedule::window", path.clone(), "a flexible window is 1 to 1440 whole minutes")
        .help("write `15m`, or leave it out for a schedule that fires within its minute");
}

/// Returns the window as AWS has it.
pub(super) fn of(window: Option<Seconds>) -> FlexibleTimeWindow {
    match window {
        Some(window) => {
            FlexibleTimeWindow { mode: "FLEXIBLE".to_owned(), maximum_window_in_minutes: Some(window.0 / 60) }
        }
        None => FlexibleTimeWindow { mode: "OFF".to_owned(), maximum_window_in_minutes: None },
    }
}
