//! A signal that is given once and stays set.

use tokio::sync::watch;

/// The signal to end work. It wakes every waiter, and later waiters return at once.
#[derive(Debug, Default)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Sets the signal.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Tells whether the signal is set.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the signal; returns at once if it is set.
    pub async fn wait(&self) {
        let mut receiver = self.0.subscribe();
        // The sender exists as long as `self`.
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
