//! The number of calls in progress at once.
//!
//! **Guarantees**: never more than the ceiling. Beyond the first [`AT_FIRST`] calls, the number grows only as answers
//! come back, and once by [`MORE`] after a [`PAUSE`]. So few connections are opened before the server has accepted the
//! earlier ones: beyond a hundred at once its queue may drop one, which costs up to a second.

use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::mutex::lock;

/// Calls that are sent before any has been answered.
pub(super) const AT_FIRST: usize = 96;
/// Further calls that are sent after the pause, with or without answers. The reads of a stack of a hundred resources
/// then need one round trip.
const MORE: usize = 32;
/// Time in which a busy server has accepted the connections that wait for it, however far away it is. With a shorter
/// pause, one run in a hundred lost a connection for a second.
const PAUSE: Duration = Duration::from_millis(60);

/// The calls of one run.
pub(super) struct Flow {
    turns: Semaphore,
    width: AtomicUsize,
    ceiling: usize,
    waiting: AtomicUsize,
    more: Mutex<More>,
}

/// The state of the one widening after the pause.
#[derive(Clone, Copy, Default, PartialEq)]
enum More {
    /// No call has waited yet.
    #[default]
    Unasked,
    At(Instant),
    Gone,
}

/// One call's place among those in progress. Drop it with the answer.
pub(super) struct Turn<'a> {
    flow: &'a Flow,
    _permit: SemaphorePermit<'a>,
}

impl Flow {
    pub(super) fn new(ceiling: usize) -> Self {
        let ceiling = ceiling.max(1);
        let width = ceiling.min(AT_FIRST);
        Self {
            turns: Semaphore::new(width),
            width: AtomicUsize::new(width),
            ceiling,
            waiting: AtomicUsize::default(),
            more: Mutex::default(),
        }
    }

    /// Waits for a turn. `None` cannot happen, because the semaphore is never closed.
    pub(super) async fn turn(&self) -> Option<Turn<'_>> {
        let permit = match self.turns.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = WaitingCount::of(&self.waiting);
                let mut turn = pin!(self.turns.acquire());
                match self.more_at() {
                    None => turn.await,
                    Some(at) => tokio::select! {
                        biased;
                        permit = &mut turn => permit,
                        () = tokio::time::sleep_until(at) => {
                            self.widen_once();
                            turn.await
                        }
                    },
                }
                .ok()?
            }
        };
        Some(Turn { flow: self, _permit: permit })
    }

    /// Returns when the pause ends; `None` once it has ended.
    fn more_at(&self) -> Option<Instant> {
        let mut more = lock(&self.more);
        match *more {
            More::Gone => None,
            More::At(at) => Some(at),
            More::Unasked => {
                let at = Instant::now() + PAUSE;
                *more = More::At(at);
                Some(at)
            }
        }
    }

    /// Lets [`MORE`] calls through after the pause. The first call that waited does it for all.
    fn widen_once(&self) {
        let mut more = lock(&self.more);
        if std::mem::replace(&mut *more, More::Gone) == More::Gone {
            return;
        }
        let wider = |width: usize| (width + MORE).min(self.ceiling);
        if let Ok(before) = self.width.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |width| Some(wider(width))) {
            self.turns.add_permits(wider(before).saturating_sub(before));
        }
    }

    /// Makes room for one more call after an answer, as long as any call waits.
    fn widen(&self) {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return;
        }
        let wider = |width| (width < self.ceiling).then_some(width + 1);
        if self.width.fetch_update(Ordering::Relaxed, Ordering::Relaxed, wider).is_ok() {
            self.turns.add_permits(1);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.flow.widen();
    }
}

/// Counts a waiting call until it is dropped.
struct WaitingCount<'a>(&'a AtomicUsize);

impl<'a> WaitingCount<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for WaitingCount<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;
    use tokio::time::Instant;

    use super::*;

    /// Sends `calls` calls of 100 ms each. Returns how long they took together, and the most that were in progress.
    async fn send_calls(ceiling: usize, calls: usize) -> (Duration, usize) {
        let (flow, now, most) = (Flow::new(ceiling), AtomicUsize::new(0), AtomicUsize::new(0));
        let start = Instant::now();
        let call = async || {
            let _turn = flow.turn().await;
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(100)).await;
            now.fetch_sub(1, Ordering::Relaxed);
        };
        join_all((0..calls).map(|_| call())).await;
        (start.elapsed(), most.load(Ordering::Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_are_let_through_first_a_few_after_a_pause_and_twice_as_many_once_those_are_answered() {
        let (answer, pause) = (Duration::from_millis(100), PAUSE);
        assert_eq!(send_calls(400, AT_FIRST).await, (answer, AT_FIRST));
        assert_eq!(send_calls(400, AT_FIRST + MORE).await, (answer + pause, AT_FIRST + MORE));
        assert_eq!(send_calls(400, 3 * AT_FIRST).await, (2 * answer, 2 * AT_FIRST));
        assert_eq!(send_calls(400, 5 * AT_FIRST).await.0, 3 * answer);
    }

    /// All answers are back before a pause has ended, and each answer makes room for two calls.
    #[tokio::test(start_paused = true)]
    async fn answers_that_come_sooner_make_room_too() {
        let flow = Flow::new(400);
        let first = join_all((0..AT_FIRST).map(|_| flow.turn())).await;
        let mut more = pin!(join_all((0..2 * AT_FIRST).map(|_| flow.turn())));
        assert!(futures::poll!(&mut more).is_pending());
        let since = Instant::now();
        drop(first);
        assert_eq!(more.await.len(), 2 * AT_FIRST);
        assert_eq!(since.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_ceiling_holds_however_many_wait() {
        assert_eq!(send_calls(120, 1_000).await.1, 120);
        assert_eq!(send_calls(1, 3).await, (Duration::from_millis(300), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_counts_no_more() {
        let flow = Flow::new(2);
        let turns = (flow.turn().await, flow.turn().await);
        let third = tokio::time::timeout(Duration::from_millis(1), flow.turn()).await;
        assert!(third.is_err());
        drop(turns);
        assert_eq!((flow.waiting.load(Ordering::Relaxed), flow.turns.available_permits()), (0, 2));
    }
}
