//! The actions of the model's runs and server.

use std::time::Duration;

use super::super::decide::{EndedHolder, FoundDocument, Refusal, Saving, SeenLock, TakeDecision};
use super::super::decide::{conflict, is_own, next_serial, saving, taking, written_at_most};
use super::{Content, Doc, ModelRun, NAMES, Phase, Rule, SentWrite, Work, World, Write, terms, ticks};

impl World {
    pub(super) fn run(&mut self, at: usize) -> &mut ModelRun {
        &mut self.runs[at]
    }

    fn age(&self) -> i16 {
        self.lock.map_or(0, |(_, written)| self.now - written)
    }

    fn seen_lock(&self) -> Option<SeenLock<'static>> {
        let lease = Duration::from_secs(terms().lease_s());
        self.lock.map(|((run, _), _)| {
            let holder = &self.runs[usize::from(run)];
            let known_for = ticks(self.now - holder.crashed_at);
            let ended = EndedHolder { known_for, in_flight: terms().in_flight() };
            let ended = (self.notices_deaths && holder.crashed).then_some(ended);
            SeenLock { id: NAMES[usize::from(run)], lease, age: ticks(self.age()), ended }
        })
    }

    fn is_lapsed(&self, at: usize) -> bool {
        terms().is_lapsed(ticks(self.now - self.runs[at].since))
    }

    pub(super) fn acts(&self, at: usize) -> bool {
        let run = &self.runs[at];
        let holds = matches!(run.phase, Phase::Reading | Phase::Working | Phase::Saving | Phase::Settling);
        holds && !run.lost && !run.crashed && !self.is_lapsed(at)
    }

    fn send(&mut self, at: usize, write: Write) {
        let run = u8::try_from(at).expect("few runs");
        self.under_way.insert(SentWrite { run, write, awaited: true });
    }

    /// Returns the earliest tick at which the stored lock may have been written, by the server's clock.
    fn written_at_most(&self) -> i16 {
        self.now - i16::try_from(written_at_most(ticks(self.age())).as_secs()).expect("few ticks")
    }

    fn send_lock(&mut self, at: usize, over: Option<Content>) {
        let content = (u8::try_from(at).expect("few runs"), 0);
        (self.run(at).phase, self.run(at).sent) = (Phase::Locking, self.now);
        self.send(at, Write::Lock { content, over });
    }

    fn send_renewal(&mut self, at: usize) {
        let now = self.now;
        let run = self.run(at);
        run.renewals += 1;
        (run.renewing, run.sent) = (true, now);
        let write = Write::Lock { content: (run.version.0, run.renewals), over: Some(run.version) };
        self.send(at, write);
    }

    fn send_save(&mut self, at: usize) {
        let run = self.run(at);
        run.attempts += 1;
        let serial = next_serial(run.base.map_or(0, |doc| doc.serial.into()));
        let doc = Doc {
            serial: u8::try_from(serial).expect("few writes"),
            run: u8::try_from(at).expect("few runs"),
            attempt: run.attempts,
        };
        run.phase = Phase::Saving;
        run.tried.push(doc);
        let over = run.base;
        self.send(at, Write::Save { doc, over });
    }

    fn hold(&mut self, at: usize, version: Content, since: i16) {
        let run = self.run(at);
        (run.version, run.since, run.phase, run.held) = (version, since, Phase::Reading, true);
    }

    /// Stops waiting for any answer to run `at`.
    pub(super) fn forsake(&mut self, at: usize) {
        let own = |sent: &SentWrite| usize::from(sent.run) == at;
        self.under_way =
            self.under_way.iter().map(|sent| SentWrite { awaited: sent.awaited && !own(sent), ..*sent }).collect();
    }

    fn record_save(&mut self, at: usize, doc: Doc) {
        let run = self.run(at);
        run.base = Some(doc);
        run.tried.clear();
        run.step += 1;
        run.phase = if run.step == run.program.len() { Phase::Releasing } else { Phase::Working };
    }

    fn record_fence(&mut self, at: usize) {
        self.seen.fenced = true;
        let run = self.run(at);
        (run.lost, run.taken, run.phase) = (true, true, Phase::Releasing);
    }

    /// Carries out a write if its condition holds; returns whether it did.
    pub(super) fn serve(&mut self, write: Write, without: Option<Rule>) -> bool {
        match write {
            Write::Lock { content, over } => {
                if self.lock.map(|(content, _)| content) != over {
                    return false;
                }
                self.seen.taken_over |= over.is_some_and(|(run, _)| run != content.0);
                self.lock = Some((content, self.now));
            }
            Write::Unlock { version } => {
                let own = self.lock.is_some_and(|(content, _)| content == version);
                if !own && without != Some(Rule::ConditionalUnlock) {
                    return false;
                }
                self.lock = None;
            }
            Write::Save { doc, over } => {
                if self.saved.last().copied() != over && without != Some(Rule::ConditionalSave) {
                    return false;
                }
                self.saved.push(doc);
            }
        }
        true
    }

    /// Delivers the answer to a run that waits for its write.
    pub(super) fn answer(&mut self, at: usize, write: Write, answer: Result<(), Refusal>) {
        let run = self.run(at);
        match (write, run.phase, answer) {
            (Write::Lock { content, .. }, Phase::Locking, Ok(())) => {
                let since = run.sent;
                self.hold(at, content, since);
            }
            (Write::Lock { .. }, Phase::Locking, Err(refusal)) => run.phase = Phase::Doubting(refusal),
            (Write::Lock { content, .. }, _, answer) => {
                run.renewing = false;
                match answer {
                    Ok(()) => (run.version, run.since) = (content, run.since.max(run.sent)),
                    Err(Refusal::Conflict) => run.doubts_renewal = true,
                    Err(Refusal::Silence) => {}
                }
            }
            (Write::Save { doc, .. }, _, Ok(())) => self.record_save(at, doc),
            (Write::Save { .. }, _, Err(Refusal::Conflict)) => run.phase = Phase::Settling,
            (Write::Save { .. }, _, Err(Refusal::Silence)) => run.phase = Phase::Working,
            (Write::Unlock { .. }, _, Err(Refusal::Conflict)) => run.phase = Phase::Leaving,
            (Write::Unlock { .. }, _, _) => run.phase = Phase::Done,
        }
    }

    pub(super) fn step(&mut self, at: usize, without: Option<Rule>) {
        match self.runs[at].phase {
            Phase::Wanting => {
                self.run(at).tried_at = self.now;
                self.send_lock(at, None);
            }
            Phase::Doubting(refusal) => self.doubt(at, refusal, without),
            Phase::Reading => {
                let last = self.saved.last().copied();
                (self.run(at).base, self.run(at).phase) = (last, Phase::Working);
            }
            Phase::Working => self.work(at, without),
            Phase::Settling => self.settle(at),
            Phase::Releasing => {
                let version = self.runs[at].version;
                self.run(at).phase = Phase::Unlocking;
                // A renewal in flight may still arrive, but the run no longer waits for its answer.
                self.forsake(at);
                self.send(at, Write::Unlock { version });
            }
            Phase::Leaving => match self.lock {
                Some((version, _)) if is_own(NAMES[at], self.seen_lock()) => {
                    (self.run(at).version, self.run(at).phase) = (version, Phase::Releasing);
                }
                _ => self.run(at).phase = Phase::Done,
            },
            Phase::Locking | Phase::Saving | Phase::Unlocking | Phase::Done => {}
        }
    }

    fn doubt(&mut self, at: usize, refusal: Refusal, without: Option<Rule>) {
        let version = self.lock.map(|(content, _)| content);
        let mut seen = self.seen_lock();
        if without == Some(Rule::TimeForCalls)
            && let Some(end) = seen.as_mut().and_then(|lock| lock.ended.as_mut())
        {
            end.known_for = end.in_flight;
        }
        match (taking(NAMES[at], refusal, seen), version) {
            (TakeDecision::Held, Some(version)) => {
                self.seen.recognised = true;
                let since = self.written_at_most();
                self.hold(at, version, since);
            }
            (TakeDecision::TakeOver, over) if without != Some(Rule::TakeOver) => self.send_lock(at, over),
            (TakeDecision::MakeAnew, _) => self.send_lock(at, None),
            (TakeDecision::GiveUp, _) => (self.run(at).phase, self.run(at).gave_up) = (Phase::Done, true),
            _ => self.run(at).phase = Phase::Wanting,
        }
    }

    fn work(&mut self, at: usize, without: Option<Rule>) {
        let lapsed = self.is_lapsed(at);
        let run = self.run(at);
        if run.program[run.step] == Work::Aws {
            if (run.lost || lapsed) && without != Some(Rule::Fence) {
                // The run starts nothing more, and saves its results if possible.
                run.lost = true;
                run.step = run.program.len() - 1;
            } else {
                run.step += 1;
                self.foul |= !is_own(NAMES[at], self.seen_lock());
            }
            return;
        }
        match saving(run.taken, lapsed) {
            Saving::Go => self.send_save(at),
            Saving::Never => self.record_fence(at),
            Saving::IfRenewed if run.renewing || run.doubts_renewal => {}
            Saving::IfRenewed => {
                run.lost = true;
                self.send_renewal(at);
            }
        }
    }

    fn settle(&mut self, at: usize) {
        let found = self.saved.last().copied();
        let run = self.run(at);
        let wanted = run.tried.pop().expect("something was tried");
        match conflict(found.as_ref(), &wanted, &run.tried) {
            FoundDocument::Own => {
                self.seen.recognised = true;
                self.record_save(at, wanted);
            }
            FoundDocument::Earlier(earlier) => {
                run.base = Some(run.tried.remove(earlier));
                run.phase = Phase::Working;
            }
            FoundDocument::Others => self.record_fence(at),
        }
    }

    /// Ends a run. A write to AWS that it was about to make may be on its way.
    pub(super) fn crash(&mut self, at: usize) {
        let (now, writes) = (self.now, self.acts(at));
        let run = self.run(at);
        let writes = writes && run.phase == Phase::Working && run.program[run.step] == Work::Aws;
        (run.phase, run.crashed, run.crashed_at) = (Phase::Done, true, now);
        if writes {
            self.stray = Some((u8::try_from(at).expect("few runs"), now));
        }
    }

    pub(super) fn stray_arrives(&mut self) {
        if let Some((run, _)) = self.stray.take() {
            self.foul |= !is_own(NAMES[usize::from(run)], self.seen_lock());
        }
    }

    /// Renews the lock, or reads it after a refused renewal.
    pub(super) fn renew(&mut self, at: usize) {
        if !self.runs[at].doubts_renewal {
            return self.send_renewal(at);
        }
        let own = is_own(NAMES[at], self.seen_lock());
        let (since, version) = (self.written_at_most(), self.lock.map(|(content, _)| content));
        let run = self.run(at);
        run.doubts_renewal = false;
        match version.filter(|_| own) {
            Some(version) => (run.version, run.since) = (version, run.since.max(since)),
            None => (run.lost, run.taken) = (true, true),
        }
    }

    pub(super) fn can_step(&self, at: usize) -> bool {
        let run = &self.runs[at];
        match run.phase {
            Phase::Wanting => run.tried_at < self.now,
            Phase::Working => {
                let waits = saving(run.taken, self.is_lapsed(at)) == Saving::IfRenewed;
                !(waits && run.program[run.step] == Work::Save && (run.renewing || run.doubts_renewal))
            }
            Phase::Locking | Phase::Saving | Phase::Unlocking | Phase::Done => false,
            _ => true,
        }
    }

    pub(super) fn can_renew(&self, at: usize) -> bool {
        let run = &self.runs[at];
        let holds = matches!(run.phase, Phase::Reading | Phase::Working | Phase::Saving | Phase::Settling);
        let due = !run.lost && !run.renewing && ticks(self.now - run.since) >= terms().renew_every();
        holds && (run.doubts_renewal || due)
    }
}
