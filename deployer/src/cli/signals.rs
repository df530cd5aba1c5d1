//! SIGINT and SIGTERM. The first stops new steps, the second abandons steps in flight, the third ends the process.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::INTERRUPTED;
use crate::execute::Stop;
use crate::report::terminal::Terminal;

/// Starts to count signals.
pub(super) fn listen(terminal: Terminal) -> Stop {
    let (asked, stop) = watch::channel(0);
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers a signal ends the process at once. The next run handles the interruption.
        return stop;
    };
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            let level = *asked.borrow() + 1;
            if level >= 3 {
                std::process::exit(INTERRUPTED.into());
            }
            terminal.stopping(level);
            let _ = asked.send(level);
        }
    });
    stop
}
