//! Shows progress before the plan: builds, and waits for the lock.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::HEARTBEAT;
use crate::mutex::lock;
use crate::package;
use crate::pipeline;
use crate::report::terminal::Terminal;
use crate::spec::finding::Findings;
use crate::spec::source::SourceText;

/// Shows builds: on a terminal a live line with cargo's last output, elsewhere a heartbeat.
pub struct Preparation {
    terminal: Terminal,
    building: Mutex<Option<Building>>,
}

enum Building {
    Live(ProgressBar),
    Beating(JoinHandle<()>),
}

impl Drop for Building {
    fn drop(&mut self) {
        match self {
            Self::Live(bar) => bar.finish_and_clear(),
            Self::Beating(heart) => heart.abort(),
        }
    }
}

impl Preparation {
    pub fn new(terminal: Terminal) -> Self {
        Self { terminal, building: Mutex::new(None) }
    }

    fn begin(&self, what: &str) {
        let live = self.terminal.interactive && !self.terminal.json && !self.terminal.quiet;
        let building = if live {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {elapsed:>3} {prefix} {wide_msg}") {
                bar.set_style(style);
            }
            bar.set_prefix(self.terminal.safe(what));
            bar.enable_steady_tick(Duration::from_millis(120));
            Building::Live(bar)
        } else {
            self.terminal.say(what);
            Building::Beating(tokio::spawn(beat(self.terminal, what.to_owned())))
        };
        *self.lock() = Some(building);
    }

    /// Shows a line of cargo's output: permanently with `--verbose`, else only as the live line's text.
    fn output(&self, line: &str) {
        match &*self.lock() {
            Some(Building::Live(bar)) if self.terminal.verbose => bar.println(self.terminal.safe(line)),
            Some(Building::Live(bar)) => bar.set_message(self.terminal.safe(line.trim())),
            _ if self.terminal.verbose => self.terminal.say(line),
            _ => {}
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Building>> {
        lock(&self.building)
    }
}

async fn beat(terminal: Terminal, what: String) {
    let began = Instant::now();
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        terminal.say(&format!("  still {what} ({} s)", began.elapsed().as_secs()));
    }
}

impl package::BuildProgress for Preparation {
    fn on(&self, event: package::BuildEvent<'_>) {
        match event {
            package::BuildEvent::Building { bins } => self.begin(&format!("building {}", bins.join(", "))),
            package::BuildEvent::Output { line } => self.output(line),
            package::BuildEvent::Built { success, took } => {
                *self.lock() = None;
                if success {
                    self.terminal.say(&format!("built in {:.1} s", took.as_secs_f64()));
                }
            }
            package::BuildEvent::Fetching => self.begin("downloading packages"),
            package::BuildEvent::Fetched => *self.lock() = None,
            package::BuildEvent::Fresh { .. } | package::BuildEvent::Warning { .. } => {}
        }
    }
}

impl pipeline::Progress for Preparation {
    fn warn(&self, warnings: &Findings, source: &SourceText) {
        self.terminal.warnings(warnings, source);
    }

    fn say(&self, text: &str) {
        self.terminal.say(text);
    }
}
