//! Shows the progress of a run.

mod kills;
mod preparation;
mod whole;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::json;
use super::live::live_now;
use super::paint::Tone;
use super::plan::bytes;
use super::terminal::{self, Terminal};
use crate::execute::{Estimate, ExecutionEvent, Observer, step_key};
use crate::mutex::lock;
use crate::plan::{Action, Plan, PlannedResource};
use crate::spec::secrets::Secrets;
pub use kills::KillProgress;
pub use preparation::Preparation;

/// Waits are mentioned only after this long.
const WORTH_SAYING: Duration = Duration::from_secs(5);
/// The interval of the status lines in plain output.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// At most this many actions with the same reason to wait get a line each; more are only counted.
const ALIKE: usize = 3;

/// Shows an execution: live lines on a terminal, plain lines elsewhere, JSON lines on demand.
pub struct Progress {
    terminal: Terminal,
    secrets: Secrets,
    running: Arc<Mutex<BTreeMap<String, RunningStep>>>,
    bars: Option<MultiProgress>,
    whole: Arc<Mutex<Estimate>>,
    whole_bar: Option<ProgressBar>,
    /// The size of the artifact that each step uploads, by address, in bytes.
    uploads: BTreeMap<String, u64>,
    heart: tokio::task::JoinHandle<()>,
}

struct RunningStep {
    what: &'static str,
    /// The text of its live line.
    doing: String,
    began: Instant,
    /// The reason why it waits, and since when.
    waits: Option<(String, Instant)>,
    said: Option<String>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts the display. Dropping it stops the heartbeat.
    pub fn new(terminal: Terminal, secrets: &Secrets, plan: &Plan) -> Self {
        let running: Arc<Mutex<BTreeMap<String, RunningStep>>> = Arc::default();
        let whole = Arc::new(Mutex::new(Estimate::of(plan)));
        let live = terminal.interactive && !terminal.json && !terminal.quiet;
        let bars = live.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        let whole_bar = bars.as_ref().map(|bars| bars.add(whole::bar()));
        live_now().clone_from(&bars);
        let heart = match &whole_bar {
            Some(bar) => tokio::spawn(whole::keep_moving(bar.clone(), whole.clone(), running.clone())),
            None => tokio::spawn(beat(terminal, running.clone())),
        };
        let uploads =
            plan.actions().iter().filter_map(|planned| Some((planned.address.clone(), upload_bytes(planned)?)));
        Self { terminal, secrets: secrets.clone(), running, bars, whole, whole_bar, uploads: uploads.collect(), heart }
    }

    /// Describes a step, with the size of its upload.
    fn doing(&self, address: &str, action: Action, removal: bool) -> String {
        let what = format!("{} {address}", verb(action, removal));
        match self.uploads.get(address).filter(|_| !removal) {
            Some(size) => format!("{what}, uploading {}", bytes(*size)),
            None => what,
        }
    }

    fn line(&self, text: &str) {
        let text = self.secrets.mask(text);
        match &self.bars {
            Some(bars) => {
                let _ = bars.println(self.terminal.safe(&text));
            }
            None => self.terminal.say(&text),
        }
    }

    fn record_start(&self, address: &str, action: Action, removal: bool) {
        let what = verb(action, removal);
        let doing = self.doing(address, action, removal);
        let entry = RunningStep { what, doing, began: Instant::now(), waits: None, said: None, bar: None };
        let mut running = self.lock();
        running.insert(step_key(address, removal), entry);
        self.fill(&mut running);
    }

    /// Gives live lines to the steps that have run longest, as many as fit on the terminal. The others appear only in
    /// the counts.
    fn fill(&self, running: &mut BTreeMap<String, RunningStep>) {
        let Some(bars) = &self.bars else { return };
        let shown = running.values().filter(|entry| entry.bar.is_some()).count();
        let mut hidden: Vec<&mut RunningStep> = running.values_mut().filter(|entry| entry.bar.is_none()).collect();
        hidden.sort_by_key(|entry| entry.began);
        for entry in hidden.into_iter().take(whole::room(terminal::rows()).saturating_sub(shown)) {
            let began = ProgressBar::new_spinner().with_elapsed(entry.began.elapsed());
            // The overall bar stays the last line.
            let bar = bars.insert_from_back(1, began);
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {elapsed:>3} {wide_msg}") {
                bar.set_style(style);
            }
            bar.set_message(self.terminal.safe(&entry.doing));
            bar.enable_steady_tick(Duration::from_millis(120));
            entry.bar = Some(bar);
        }
    }

    fn print_start(&self, address: &str, action: Action, removal: bool) {
        if self.bars.is_none() {
            self.line(&format!("  {}", self.doing(address, action, removal)));
        }
    }

    /// Tells whether a wait has lasted long enough to mention and was not mentioned yet.
    fn lasts(&self, address: &str, removal: bool, why: &str) -> bool {
        let mut running = self.lock();
        let Some(entry) = running.get_mut(&step_key(address, removal)) else { return false };
        // The details in brackets may change ("state Pending"); the reason for the wait is the same.
        let about = why.split(" (").next().unwrap_or(why);
        let since = match &entry.waits {
            Some((known, since)) if known == about => *since,
            _ => entry.waits.insert((about.to_owned(), Instant::now())).1,
        };
        if since.elapsed() < WORTH_SAYING {
            return false;
        }
        entry.doing = format!("{} {address}, waiting for {}", entry.what, self.secrets.mask(why));
        if let Some(bar) = &entry.bar {
            bar.set_message(self.terminal.safe(&entry.doing));
        }
        entry.said.replace(about.to_owned()).as_deref() != Some(about)
    }

    fn waiting(&self, address: &str, why: &str) {
        let about = Some(why.split(" (").next().unwrap_or(why));
        // The status lines count the others.
        let few = self.lock().values().filter(|entry| entry.said.as_deref() == about).count() <= ALIKE;
        if self.bars.is_none() && few {
            self.line(&format!("  waiting for {address}: {why}"));
        }
    }

    fn remove_line(&self, address: &str, removal: bool, text: &str) {
        let entry = self.lock().remove(&step_key(address, removal));
        if let Some(entry) = entry {
            let took = entry.began.elapsed().as_secs_f64();
            lock(&self.whole).record_end(&step_key(address, removal), took);
            if let Some(bar) = entry.bar {
                bar.finish_and_clear();
                self.fill(&mut self.lock());
            }
        }
        self.line(text);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, RunningStep>> {
        lock(&self.running)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.heart.abort();
        live_now().take();
        // An interrupted run's live lines must not stay on the screen as if it still ran.
        for bar in std::mem::take(&mut *self.lock()).into_values().filter_map(|entry| entry.bar) {
            bar.finish_and_clear();
        }
        if let Some(bar) = &self.whole_bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn event(&self, event: &ExecutionEvent<'_>) {
        if let ExecutionEvent::Started { address, action, removal } = *event {
            self.record_start(address, action, removal);
        }
        if let ExecutionEvent::Waiting { address, removal, why } = *event
            && !self.lasts(address, removal, why)
        {
            return;
        }
        if self.terminal.json {
            self.terminal.data(&format!("{}\n", json::event(event, &self.secrets)));
            let (ExecutionEvent::Done { address, .. } | ExecutionEvent::Failed { address, .. }) = *event else {
                return;
            };
            let removal = matches!(event, ExecutionEvent::Done { removal: true, .. });
            self.lock().remove(&step_key(address, removal));
            return;
        }
        match *event {
            ExecutionEvent::Started { address, action, removal } => self.print_start(address, action, removal),
            ExecutionEvent::Waiting { address, why, .. } => self.waiting(address, why),
            ExecutionEvent::Note { address, text } => {
                let sign = self.terminal.err.tone(Tone::Note, "!");
                self.line(&format!("{sign} {address}: {text}"));
            }
            ExecutionEvent::Done { address, action, removal, took } => {
                let sign = self.terminal.err.tone(Tone::Good, "✓");
                let text = format!("{sign} {} {address} ({:.1} s)", past(action, removal), took.as_secs_f64());
                self.remove_line(address, removal, &text);
            }
            ExecutionEvent::Failed { address, action, error } => {
                let sign = self.terminal.err.tone(Tone::Bad, "✗");
                self.remove_line(address, false, &format!("{sign} {} {address}: {error}", verb(action, false)));
            }
        }
    }
}

fn verb(action: Action, removal: bool) -> &'static str {
    match action {
        Action::Update if removal => "finishing",
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
        Action::Update if removal => "finished",
        _ if removal => "deleted the predecessor of",
        Action::Create => "created",
        Action::Update => "updated",
        Action::Replace => "replaced",
        Action::Delete => "deleted",
        Action::Adopt => "adopted",
        Action::Unchanged | Action::Forget => "noted",
    }
}

/// Prints the running steps every ten seconds, if there is no live display.
async fn beat(terminal: Terminal, running: Arc<Mutex<BTreeMap<String, RunningStep>>>) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let lines = still(&lock(&running));
        for line in lines {
            terminal.say(&line);
        }
    }
}

/// Lists the actions that have run for long. Many actions that wait for the same reason are counted instead.
fn still(running: &BTreeMap<String, RunningStep>) -> Vec<String> {
    let long = running.iter().filter(|(_, entry)| entry.began.elapsed() >= WORTH_SAYING);
    let mut waiting: BTreeMap<Option<&str>, Vec<(&String, &RunningStep)>> = BTreeMap::new();
    for (address, entry) in long {
        waiting.entry(entry.waits.as_ref().map(|(why, _)| why.as_str())).or_default().push((address, entry));
    }
    let mut lines = Vec::new();
    for (why, entries) in waiting {
        let seconds = |entry: &RunningStep| entry.began.elapsed().as_secs();
        match why {
            Some(why) if entries.len() > ALIKE => {
                let longest = entries.iter().map(|(_, entry)| seconds(entry)).max().unwrap_or(0);
                lines.push(format!("  {} actions still wait for {why} ({longest} s)", entries.len()));
            }
            _ => lines.extend(entries.into_iter().map(|(address, entry)| {
                let waits = why.map_or(String::new(), |why| format!(", waiting for {why}"));
                format!("  still {} {address} ({} s){waits}", entry.what, seconds(entry))
            })),
        }
    }
    lines
}

/// Returns the size of the artifact that a step uploads, in bytes.
fn upload_bytes(planned: &PlannedResource) -> Option<u64> {
    if planned.changes_artifact() { planned.artifact.packaged_bytes } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::Wishes;

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_said_once_it_lasts_five_seconds_and_once_alone() {
        let terminal = Terminal::new(&Wishes { quiet: true, ..Wishes::default() });
        let progress = Progress::new(terminal, &Secrets::default(), &Plan::default());
        progress.event(&ExecutionEvent::Started { address: "functions.draw", action: Action::Create, removal: false });
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
