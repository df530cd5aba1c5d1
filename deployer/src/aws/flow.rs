//! How many calls are on their way at once.
//!
//! **Guarantees**: never more than the ceiling. What is let through beyond the first [`AT_FIRST`] grows as answers come
//! back and by as many each [`PAUSE`], so that no more than so many connections are opened before a server has taken
//! the earlier ones: beyond a hundred at once its queue may drop one, which costs a second.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// So many are let through before any has been answered.
pub(super) const AT_FIRST: usize = 96;
/// In this time a server takes the connections that wait for it, however far away it is.
const PAUSE: Duration = Duration::from_millis(20);

/// The calls of one run.
pub(super) struct Flow {
    turns: Semaphore,
    width: AtomicUsize,
    ceiling: usize,
    waiting: AtomicUsize,
    /// When as many more are let through; nothing before anybody had to wait.
    wider_at: Mutex<Option<Instant>>,
}

/// One call's place among those on their way; give it back with the answer.
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
            wider_at: Mutex::default(),
        }
    }

    /// Waits for a turn. `None` cannot happen, for the semaphore is never closed.
    pub(super) async fn turn(&self) -> Option<Turn<'_>> {
        let permit = match self.turns.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = Waiting::of(&self.waiting);
                let mut turn = pin!(self.turns.acquire());
                loop {
                    let at = match self.wider_at() {
                        Some(at) => at,
                        None => break turn.await.ok()?,
                    };
                    tokio::select! {
                        biased;
                        permit = &mut turn => break permit.ok()?,
                        () = tokio::time::sleep_until(at) => self.widen_since(at),
                    }
                }
            }
        };
        Some(Turn { flow: self, _permit: permit })
    }

    /// When more are let through; nothing once the ceiling is reached.
    fn wider_at(&self) -> Option<Instant> {
        if self.width.load(Ordering::Relaxed) >= self.ceiling {
            return None;
        }
        let mut at = self.wider_at.lock().unwrap_or_else(PoisonError::into_inner);
        Some(*at.get_or_insert_with(|| Instant::now() + PAUSE))
    }

    /// A pause that ended makes room for as many as went first; the first of those who waited sees to it for all.
    fn widen_since(&self, pause: Instant) {
        let mut at = self.wider_at.lock().unwrap_or_else(PoisonError::into_inner);
        if *at != Some(pause) {
            return;
        }
        *at = Some(Instant::now() + PAUSE);
        let wider = |width: usize| Some((width + AT_FIRST).min(self.ceiling));
        if let Ok(before) = self.width.fetch_update(Ordering::Relaxed, Ordering::Relaxed, wider) {
            self.turns.add_permits((before + AT_FIRST).min(self.ceiling).saturating_sub(before));
        }
    }

    /// An answer makes room for one more than it took, as long as anybody waits.
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

/// Counts one who waits, for as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
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

    /// `calls` calls of 100 ms each: how long they took together, and how many were on their way at most.
    async fn sent(ceiling: usize, calls: usize) -> (Duration, usize) {
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
    async fn a_hundred_are_let_through_first_and_as_many_more_after_every_pause() {
        assert_eq!(sent(400, AT_FIRST).await, (Duration::from_millis(100), AT_FIRST));
        assert_eq!(sent(400, 2 * AT_FIRST).await, (Duration::from_millis(120), 2 * AT_FIRST));
        assert_eq!(sent(400, 4 * AT_FIRST).await, (Duration::from_millis(160), 4 * AT_FIRST));
    }

    /// At first no pause ends before the answers are back: each makes room for two.
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
        assert_eq!(sent(120, 1_000).await.1, 120);
        assert_eq!(sent(1, 3).await, (Duration::from_millis(300), 1));
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
