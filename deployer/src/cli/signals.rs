//! SIGINT and SIGTERM: the first asks to start nothing new, the second to leave what is in
//! flight, the third ends the process.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::INTERRUPTED;
use crate::execute::Stop;
use crate::report::terminal::Terminal;

/// Counts signals from now on.
pub(super) fn listen(terminal: Terminal) -> Stop {
    let (asked, stop) = watch::channel(0);
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers a signal ends the process at once, and the next run settles what it left.
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
            terminal.say(if level == 1 {
                "Stopping: what is in flight ends first. Once more leaves it."
            } else {
                "Leaving what is in flight, saving the state. Once more ends at once."
            });
            let _ = asked.send(level);
        }
    });
    stop
}
