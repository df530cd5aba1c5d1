//! Waits: a named condition, a deadline, frequent polls at first.

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::AwsError;

tokio::task_local! {
    static LISTENER: Listener;
    /// How long the current poll was parked.
    static PARKED: Cell<Duration>;
    /// The length of AWS's delays as a share of AWS's own.
    static PACE: f64;
}

/// The least time in which a refusal may pass, however short the delays are.
const LEAST_WINDOW: Duration = Duration::from_secs(2);

/// Runs `work` in a local AWS whose delays are this share of AWS's own.
pub(crate) async fn at_pace<T>(pace: f64, work: impl Future<Output = T>) -> T {
    PACE.scope(pace, work).await
}

/// Returns how long a refusal may last that passes on AWS within `of_aws`.
pub(crate) fn window(of_aws: Duration) -> Duration {
    PACE.try_with(|pace| of_aws.mul_f64(*pace).max(LEAST_WINDOW).min(of_aws)).unwrap_or(of_aws)
}

/// A report of a running step to the task that runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepSignal {
    /// The step waits, with the reason. Sent again and again while the wait lasts.
    Waiting(String),
    /// Information for the user that the step's result does not show.
    Note(String),
    /// The step waits for AWS's rate limit, and needs no place among the running steps.
    Parked,
    /// The step continues after [`StepSignal::Parked`].
    Resumed,
    /// The resource exists under its name, though the step is not finished.
    There,
}

/// Receives the reports of a step.
#[derive(Debug, Clone)]
pub struct Listener {
    pub told: UnboundedSender<StepSignal>,
    /// Set before the step's first call is sent.
    pub begun: Arc<AtomicBool>,
}

/// Runs `work` and sends its reports to `listener`.
pub async fn with_listener<T>(listener: Listener, work: impl Future<Output = T>) -> T {
    LISTENER.scope(listener, work).await
}

/// Sends a report. Outside of a step, nothing receives it.
fn tell(signal: StepSignal) {
    let _ = LISTENER.try_with(|listener| listener.told.send(signal));
}

/// Reports that the resource being created exists under its name, though the step is not finished.
pub fn there() {
    tell(StepSignal::There);
}

/// Reports why the step waits at present.
pub(super) fn waiting(why: &str) {
    tell(StepSignal::Waiting(why.to_owned()));
}

/// Reports information for the user, though the step succeeds.
pub(crate) fn note(text: String) {
    tell(StepSignal::Note(text));
}

/// Records that a call is about to be sent.
pub(crate) fn record_call() {
    let _ = LISTENER.try_with(|listener| listener.begun.store(true, Ordering::Relaxed));
}

/// Reports that the step is parked, until it is dropped.
pub(super) struct ParkedGuard(Instant);

impl ParkedGuard {
    pub(super) fn new() -> Self {
        tell(StepSignal::Parked);
        Self(Instant::now())
    }
}

impl Drop for ParkedGuard {
    fn drop(&mut self) {
        add_parked(self.0.elapsed());
        tell(StepSignal::Resumed);
    }
}

/// Adds to the parked time of the current poll. Outside of a wait, nothing counts it.
fn add_parked(time: Duration) {
    let _ = PARKED.try_with(|parked| parked.set(parked.get() + time));
}

/// Runs `work`, and returns how long it was parked. Concurrent parked calls count at most as long as `work` runs.
async fn measure_parking<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    let counted = async { (work.await, PARKED.with(Cell::get)) };
    let (result, parked) = PARKED.scope(Cell::default(), counted).await;
    let parked = parked.min(began.elapsed());
    add_parked(parked);
    (result, parked)
}

/// A long pause is reported this often, so that it stays the last report.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Sleeps, and reports why.
pub async fn pause(length: Duration, why: &str) {
    let end = Instant::now() + length;
    loop {
        tell(StepSignal::Waiting(why.to_owned()));
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(TOLD_EVERY)).await;
    }
}

/// The result of a poll.
pub enum Poll<T> {
    Ready(T),
    /// The condition does not hold yet; the text describes the present state.
    Pending(String),
}

/// In this time after its beginning, a wait polls often: most are over by then.
const EARLY: Duration = Duration::from_secs(1);
const APART_EARLY: Duration = Duration::from_millis(50);

/// Polls until `condition` holds: `first` apart, then ×1.3, up to 50 ms (or `first`) within the first second and 5 s
/// afterwards. The time that polls themselves wait for AWS's rate limit does not count.
///
/// # Errors
/// [`AwsError::Deadline`] with the last answer, or the error of the poll itself.
pub async fn until<T, F>(
    first: Duration,
    condition: &str,
    deadline: Duration,
    mut poll: impl FnMut() -> F,
) -> Result<T, AwsError>
where
    F: Future<Output = Result<Poll<T>, AwsError>>,
{
    let began = Instant::now();
    // Moved later by the time that does not count.
    let mut start = began;
    let mut pause = first;
    loop {
        let (polled, parked) = measure_parking(poll()).await;
        start += parked;
        let last = match polled? {
            Poll::Ready(value) => return Ok(value),
            Poll::Pending(seen) => seen,
        };
        if start.elapsed() + pause > deadline {
            return Err(AwsError::Deadline {
                condition: condition.to_owned(),
                waited_s: start.elapsed().as_secs(),
                last: Some(last),
            });
        }
        self::pause(pause, &format!("{condition} ({last})")).await;
        let most = if began.elapsed() < EARLY { APART_EARLY.max(first) } else { Duration::from_secs(5) };
        pause = (pause * 13 / 10).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_window_is_as_short_as_the_delays_and_never_longer_than_on_aws() {
        let seconds = Duration::from_secs;
        assert_eq!(window(seconds(120)), seconds(120));
        let short = at_pace(0.05, async { [120, 10, 1].map(|time| window(seconds(time))) }).await;
        assert_eq!(short, [6, 2, 1].map(seconds));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_never_over_stops_at_its_deadline_with_what_it_saw_last() {
        let start = Instant::now();
        let waited: Result<(), _> = until(FIRST, "the sofa to be Active", Duration::from_secs(60), || async {
            Ok(Poll::Pending("state Pending".into()))
        })
        .await;
        let Err(AwsError::Deadline { condition, last, .. }) = waited else { panic!("no deadline: {waited:?}") };
        assert_eq!((condition.as_str(), last.as_deref()), ("the sofa to be Active", Some("state Pending")));
        assert!((54..=60).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_polls_wait_for_a_rate_does_not_bring_the_deadline_nearer() {
        let (start, mut polls) = (Instant::now(), 0);
        let waited = until(FIRST, "the sofa to be Active", Duration::from_secs(60), || {
            polls += 1;
            let polls = polls;
            async move {
                let parked = ParkedGuard::new();
                tokio::time::sleep(Duration::from_secs(50)).await;
                drop(parked);
                Ok(if polls == 4 { Poll::Ready(()) } else { Poll::Pending(String::new()) })
            }
        });
        waited.await.expect("within the minute");
        assert!(start.elapsed() > Duration::from_secs(200));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_wait_for_a_rate_side_by_side_do_not_put_the_deadline_off_for_ever() {
        let start = Instant::now();
        let parked = || async {
            let _parked = ParkedGuard::new();
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        let waited: Result<(), _> = until(FIRST, "the sofa to be gone", Duration::from_secs(60), || async {
            futures::future::join_all((0..50).map(|_| parked())).await;
            Ok(Poll::Pending(String::new()))
        })
        .await;
        assert!(matches!(waited, Err(AwsError::Deadline { .. })));
        assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pause_is_told_while_it_lasts() {
        let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let listener = Listener { told: sender, begun: Arc::default() };
        with_listener(listener, pause(Duration::from_secs(30), "AWS limits these calls")).await;
        let mut times = 0;
        while let Ok(why) = heard.try_recv() {
            assert_eq!(why, StepSignal::Waiting("AWS limits these calls".to_owned()));
            times += 1;
        }
        assert_eq!(times, 31);
    }
}
