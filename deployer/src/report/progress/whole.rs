//! The bar of the whole run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::RunningStep;
use crate::execute::Estimate;
use crate::mutex::lock;

/// The interval at which the bar is updated.
const TICK: Duration = Duration::from_millis(250);

/// Returns the number of live lines for a terminal of `rows` rows. Leaves room for the overall bar and some finished
/// steps.
pub(super) fn room(rows: usize) -> usize {
    rows.saturating_sub(4).max(1)
}

pub(super) fn bar() -> ProgressBar {
    // Its length is the expected duration of the run, which the first update sets.
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("  [{bar:24}] {wide_msg}") {
        bar.set_style(style.progress_chars("##-"));
    }
    bar
}

/// Updates the overall bar until the task is aborted.
pub(super) async fn keep_moving(
    bar: ProgressBar,
    whole: Arc<Mutex<Estimate>>,
    running: Arc<Mutex<BTreeMap<String, RunningStep>>>,
) {
    loop {
        let ((expected, ended), text) = {
            let running = lock(&running);
            let whole = lock(&whole);
            let since = |key: &str| running.get(key).map_or(0.0, |entry| entry.began.elapsed().as_secs_f64());
            (whole.work(), summary(whole.counts(), running.len(), whole.remaining(since)))
        };
        bar.set_length(milliseconds(expected));
        bar.set_position(milliseconds(ended));
        bar.set_message(text);
        tokio::time::sleep(TICK).await;
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Renders `5 of 12 done, about 8 s left, 3 running, 4 waiting for others`. The most important part comes first: a
/// narrow terminal cuts the end.
fn summary((all, done): (usize, usize), running: usize, left: f64) -> String {
    let mut text = format!("{done} of {all} done");
    if all > 0 && done == all {
        return text + ", saving the state";
    }
    let waiting = all.saturating_sub(done + running);
    if done < all {
        text += &match left.ceil() {
            seconds if seconds < 90.0 => format!(", about {seconds:.0} s left"),
            seconds => format!(", about {:.0} min left", (seconds / 60.0).ceil()),
        };
    }
    if running > 0 {
        text += &format!(", {running} running");
    }
    if waiting > 0 {
        text += &format!(", {waiting} waiting for others");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_of_the_whole_stays_in_sight_on_a_low_terminal() {
        assert_eq!([24, 12, 5, 3, 0].map(room), [20, 8, 1, 1, 1]);
    }

    #[test]
    fn the_whole_says_how_many_and_how_long() {
        assert_eq!(summary((12, 5), 3, 7.2), "5 of 12 done, about 8 s left, 3 running, 4 waiting for others");
        assert_eq!(summary((2, 1), 1, 200.0), "1 of 2 done, about 4 min left, 1 running");
        assert_eq!(summary((2, 2), 0, 0.0), "2 of 2 done, saving the state");
    }
}
