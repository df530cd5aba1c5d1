//! What a run is doing, while it does it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::json;
use super::paint::Tone;
use super::terminal::Terminal;
use crate::execute::{Event, Observer};
use crate::package;
use crate::pipeline;
use crate::plan::Action;
use crate::spec::secrets::Secrets;

/// A wait is worth a word after this long.
const WORTH_SAYING: Duration = Duration::from_secs(5);
/// Plain output shows a sign of life this often.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Shows an execution: live lines on a terminal, plain lines elsewhere, JSON lines on demand.
pub struct Progress {
    terminal: Terminal,
    secrets: Secrets,
    running: Arc<Mutex<BTreeMap<String, Running>>>,
    bars: Option<MultiProgress>,
    heart: tokio::task::JoinHandle<()>,
}

struct Running {
    what: &'static str,
    began: Instant,
    /// The reason that it waits for, and since when.
    waits: Option<(String, Instant)>,
    said: Option<String>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins to listen; the heartbeat ends with it.
    pub fn new(terminal: Terminal, secrets: &Secrets) -> Self {
        let running: Arc<Mutex<BTreeMap<String, Running>>> = Arc::default();
        let live = terminal.interactive && !terminal.json && !terminal.quiet;
        let bars = live.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        let heart = tokio::spawn(beat(terminal, running.clone(), live));
        Self { terminal, secrets: secrets.clone(), running, bars, heart }
    }

    fn line(&self, text: &str) {
        let text = self.secrets.mask(text);
        match &self.bars {
            Some(bars) => {
                let _ = bars.println(&text);
            }
            None => self.terminal.say(&text),
        }
    }

    fn begun(&self, address: &str, action: Action, removal: bool) {
        let what = verb(action, removal);
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.set_message(format!("{what} {address}"));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let entry = Running { what, began: Instant::now(), waits: None, said: None, bar };
        self.lock().insert(key(address, removal), entry);
    }

    fn started(&self, address: &str, action: Action, removal: bool) {
        if self.bars.is_none() {
            self.line(&format!("  {} {address}", verb(action, removal)));
        }
    }

    /// Tells whether a reason has lasted and was not said yet.
    fn lasts(&self, address: &str, removal: bool, why: &str) -> bool {
        let mut running = self.lock();
        let Some(entry) = running.get_mut(&key(address, removal)) else { return false };
        // What is seen meanwhile may change ("state Pending"); what is waited for is the same.
        let about = why.split(" (").next().unwrap_or(why);
        let since = match &entry.waits {
            Some((known, since)) if known == about => *since,
            _ => entry.waits.insert((about.to_owned(), Instant::now())).1,
        };
        if since.elapsed() < WORTH_SAYING {
            return false;
        }
        if let Some(bar) = &entry.bar {
            bar.set_message(format!("{} {address}: {}", entry.what, self.secrets.mask(why)));
        }
        entry.said.replace(about.to_owned()).as_deref() != Some(about)
    }

    fn waiting(&self, address: &str, why: &str) {
        if self.bars.is_none() {
            self.line(&format!("  waiting for {address}: {why}"));
        }
    }

    fn ended(&self, address: &str, removal: bool, text: &str) {
        if let Some(entry) = self.lock().remove(&key(address, removal))
            && let Some(bar) = entry.bar
        {
            bar.finish_and_clear();
        }
        self.line(text);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event<'_>) {
        if let Event::Started { address, action, removal } = *event {
            self.begun(address, action, removal);
        }
        if let Event::Waiting { address, removal, why } = *event
            && !self.lasts(address, removal, why)
        {
            return;
        }
        if self.terminal.json {
            self.terminal.data(&format!("{}\n", json::event(event, &self.secrets)));
            return;
        }
        match *event {
            Event::Started { address, action, removal } => self.started(address, action, removal),
            Event::Waiting { address, why, .. } => self.waiting(address, why),
            Event::Done { address, action, removal, took } => {
                let sign = self.terminal.err.tone(Tone::Good, "✓");
                let text = format!("{sign} {} {address} ({:.1} s)", past(action, removal), took.as_secs_f64());
                self.ended(address, removal, &text);
            }
            Event::Failed { address, action, error } => {
                let sign = self.terminal.err.tone(Tone::Bad, "✗");
                self.ended(address, false, &format!("{sign} {} {address}: {error}", verb(action, false)));
            }
        }
    }
}

fn key(address: &str, removal: bool) -> String {
    if removal { format!("{address}#predecessor") } else { address.to_owned() }
}

fn verb(action: Action, removal: bool) -> &'static str {
    match action {
        _ if removal => "deleting the predecessor of",
        Action::Create => "creating",
        Action::Update => "updating",
        Action::Replace => "replacing",
        Action::Delete => "deleting",
        Action::Adopt => "adopting",
        Action::Unchanged | Action::Forget => "noting",
    }
}

fn past(action: Action, removal: bool) -> &'static str {
    match action {
        _ if removal => "deleted the predecessor of",
        Action::Create => "created",
        Action::Update => "updated",
        Action::Replace => "replaced",
        Action::Delete => "deleted",
        Action::Adopt => "adopted",
        Action::Unchanged | Action::Forget => "noted",
    }
}

/// Says every ten seconds what still runs, where there is no live display.
async fn beat(terminal: Terminal, running: Arc<Mutex<BTreeMap<String, Running>>>, live: bool) {
    if live || terminal.json {
        return;
    }
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let lines: Vec<String> = running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|(_, entry)| entry.began.elapsed() >= HEARTBEAT)
            .map(|(address, entry)| format!("  still {} {address} ({} s)", entry.what, entry.began.elapsed().as_secs()))
            .collect();
        for line in lines {
            terminal.say(&line);
        }
    }
}

/// Shows what takes time before there is a plan: builds, waits for the lock.
pub struct Preparation(pub Terminal);

impl package::Progress for Preparation {
    fn on(&self, event: package::Event<'_>) {
        match event {
            package::Event::Building { bins } => self.0.say(&format!("building {}", bins.join(", "))),
            package::Event::Output { line } if self.0.verbose => self.0.say(line),
            package::Event::Built { success: true, took } => {
                self.0.say(&format!("built in {:.1} s", took.as_secs_f64()))
            }
            _ => {}
        }
    }
}

impl pipeline::Progress for Preparation {
    fn say(&self, text: &str) {
        self.0.say(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::Wishes;

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_said_once_it_lasts_five_seconds_and_once_alone() {
        let terminal = Terminal::new(&Wishes { quiet: true, ..Wishes::default() });
        let progress = Progress::new(terminal, &Secrets::default());
        progress.event(&Event::Started { address: "functions.draw", action: Action::Create, removal: false });
        let mut said = Vec::new();
        for second in 0..12 {
            let why = format!("the function to be Active (look {second})");
            if progress.lasts("functions.draw", false, &why) {
                said.push(second);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(said, [5]);
        assert!(!progress.lasts("functions.draw", false, "another reason"), "that has only begun");
    }
}
