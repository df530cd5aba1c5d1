//! A signal that is given once, and stays.

use tokio::sync::watch;

/// Holds the signal to end work; it wakes every waiter, and those that come later find it given.
#[derive(Debug, Default)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Gives the signal to end.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Returns whether the signal was given.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the signal; returns at once when it was given before.
    pub async fn wait(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = receiver.wait_for(|asked| *asked).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_signal_reaches_those_who_wait_and_those_who_come_late() {
        let stop = Stop::default();
        assert!(!stop.is_requested());
        tokio::join!(stop.wait(), async { stop.request() });
        stop.wait().await;
        assert!(stop.is_requested());
    }
}
