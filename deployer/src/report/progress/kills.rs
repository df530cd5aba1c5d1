//! Shows how many kills of a rehearsal have been tried.

use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::HEARTBEAT;
use crate::mutex::lock;
use crate::report::terminal::Terminal;

/// The progress of the kills: on a terminal a live line, elsewhere a line now and then.
pub struct KillProgress {
    terminal: Terminal,
    /// The number of kills to expect. Calls that AWS refuses for a while are sent again, so there may be more.
    expected: u64,
    bar: Option<ProgressBar>,
    said: Mutex<Instant>,
}

impl KillProgress {
    pub fn new(terminal: Terminal, expected: u64) -> Self {
        let is_live = terminal.interactive && !terminal.json && !terminal.quiet;
        let bar = is_live.then(|| {
            let bar = ProgressBar::with_draw_target(Some(expected), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("  [{bar:24}] {msg} {elapsed}") {
                bar.set_style(style.progress_chars("##-"));
            }
            bar
        });
        terminal.say(&format!("killing the rehearsed run at each of its writes, about {expected} times"));
        Self { terminal, expected, bar, said: Mutex::new(Instant::now()) }
    }

    /// Shows that this many kills were tried.
    pub fn show(&self, kills: usize) {
        let text = format!("kill {kills} of about {}", self.expected.max(kills as u64));
        if let Some(bar) = &self.bar {
            bar.set_position(kills as u64);
            bar.set_message(text);
            return;
        }
        let mut said = lock(&self.said);
        if said.elapsed() >= HEARTBEAT {
            *said = Instant::now();
            self.terminal.say(&format!("  {text}"));
        }
    }
}

impl Drop for KillProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
