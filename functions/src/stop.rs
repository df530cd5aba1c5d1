//! A signal that is given once, and stays.

use tokio::sync::watch;

/// Says whether work is to end; all who wait for it hear it.
#[derive(Debug, Default)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Gives the signal.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    /// Returns whether the signal was given.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the signal; returns at once when it was given before.
    pub async fn asked(&self) {
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
        assert!(!stop.is_asked());
        tokio::join!(stop.asked(), async { stop.ask() });
        stop.asked().await;
        assert!(stop.is_asked());
    }
}
