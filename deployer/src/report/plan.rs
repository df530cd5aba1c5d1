//! Renders a plan for people.

mod code;
mod companions;
mod impact;
mod lines;
mod names;
mod values;

use std::fmt::Write as _;

use serde_json::Value;

use super::counted;
use super::paint::{Paint, Tone};
use super::reason;
use super::shown::MaskedPlan;
use crate::aws::digest;
use crate::kinds::Rule;
use crate::plan::{Action, Cost, Drift, Order, OutputChange, Plan, PlannedResource};
use crate::spec::secrets::Secrets;

use companions::{ShownResource, with_companions};
pub(super) use impact::impact;
use lines::{PlanLine, has_rule, statements};

pub(super) use lines::{LineSign, lines};
pub use values::{SENSITIVE, short_value};
pub(super) use values::{bytes, short};

/// How much of a plan to show.
#[derive(Clone, Copy)]
pub struct PlanView<'a> {
    pub paint: Paint,
    /// Shows every property of each changed resource, ownership tags included.
    pub verbose: bool,
    /// The width of a line in characters; longer values get lines of their own.
    pub width: usize,
    pub secrets: &'a Secrets,
}

/// Renders a plan: a group for each element that changes, with its resources; then drift, notes, the summary line and
/// the cost.
pub fn plan(plan: &Plan, cost: Cost, view: PlanView<'_>) -> String {
    let plan = &MaskedPlan::of(plan, view.secrets);
    let mut out = String::new();
    for group in by_element(plan).chunk_by(|a, b| a.element == b.element) {
        if !out.is_empty() {
            out.push('\n');
        }
        element(&mut out, plan, group, view);
    }
    if !plan.output_changes().is_empty() {
        let gap = if out.is_empty() { "" } else { "\n" };
        let _ = write!(out, "{gap}{}\n{}", view.paint.tone(Tone::Strong, "outputs"), outputs(plan, view, 2));
    }
    if !plan.drift().is_empty() && !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&drift_lines(plan, view));
    if !plan.notes().is_empty() && !out.is_empty() {
        out.push('\n');
    }
    notes(&mut out, plan, view);
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&summary_line(plan, view));
    let _ = writeln!(out, "{}", cost_line(cost));
    out
}

/// Renders the outputs that differ from those of the last apply, one a line. Long values get lines of their own.
pub(super) fn outputs(plan: &MaskedPlan, view: PlanView<'_>, below: usize) -> String {
    let mut out = String::new();
    for OutputChange { name, before, after } in plan.output_changes() {
        let (sign, tone) = match (before, after) {
            (None, _) => ('+', Tone::Good),
            (_, None) => ('-', Tone::Bad),
            _ => ('~', Tone::Change),
        };
        let head = view.paint.tone(tone, &format!("{sign} {name}"));
        let values: Vec<&str> = [before, after].into_iter().flatten().map(String::as_str).collect();
        let line = values.join(" → ");
        if line.chars().count() + name.chars().count() + below + 4 <= view.width || values.len() == 1 {
            let _ = writeln!(out, "{:below$}{head}: {line}", "");
            continue;
        }
        let _ = writeln!(out, "{:below$}{head}:", "");
        for (sign, tone, value) in [('-', Tone::Bad, values[0]), ('+', Tone::Good, values[1])] {
            let _ = writeln!(out, "{:below$}    {}", "", view.paint.tone(tone, &format!("{sign} {value}")));
        }
    }
    out
}

/// Lists the resources that change, grouped by element. Elements keep the order of their first resource.
pub(super) fn by_element(plan: &MaskedPlan) -> Vec<&PlannedResource> {
    let mut order: Vec<&str> = Vec::new();
    let mut shown: Vec<&PlannedResource> = Vec::new();
    for planned in plan.actions() {
        if planned.has_changes() {
            shown.push(planned);
            if !order.contains(&planned.element.as_str()) {
                order.push(&planned.element);
            }
        }
    }
    let place = |element: &str| order.iter().position(|known| *known == element);
    let rank = |planned: &PlannedResource| (place(&planned.element), planned.address != planned.element);
    shown.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.address.cmp(&b.address)));
    shown
}

/// Renders one element: its own resource, and its parts below that.
fn element(out: &mut String, plan: &MaskedPlan, group: &[&PlannedResource], view: PlanView<'_>) {
    let name = group.first().map(|planned| planned.element.as_str()).unwrap_or_default();
    let own = group.first().is_some_and(|planned| planned.address == name);
    let heading = !own && group.len() > 1;
    if heading {
        let _ = writeln!(out, "{}", view.paint.tone(Tone::Strong, name));
    }
    for shown in with_companions(group, view.verbose) {
        let below = if heading || (own && shown.planned.address != name) { 2 } else { 0 };
        block(out, plan, &shown, view, below);
    }
}

/// Renders the summary: `Plan: 3 to create, …` or `No changes. …`
pub fn summary_line(plan: &Plan, view: PlanView<'_>) -> String {
    let s = plan.summary();
    if plan.is_refresh_only() && plan.has_changes() {
        let drifted: std::collections::BTreeSet<_> = plan.drift().iter().map(|drift| &drift.address).collect();
        return format!(
            "Refresh only: {} drifted, {} to forget, {} to record. AWS is not changed.\n",
            drifted.len(),
            s.forget,
            s.adopt
        );
    }
    if !plan.has_changes() && plan.is_refresh_only() {
        let count = counted(s.unchanged as u64, "resource");
        return view.paint.tone(Tone::Good, &format!("No changes. The state has {count} as AWS has them.\n"));
    }
    if !plan.has_changes() {
        let verb = if s.unchanged == 1 { "matches" } else { "match" };
        let outputs = match plan.output_changes().len() {
            0 => String::new(),
            n => format!(" Apply updates {} in the state.", counted(n as u64, "output")),
        };
        let far = if plan.not_compared().is_empty() { "" } else { " as far as compared" };
        let text =
            format!("No changes. {} {verb} stack.yaml{far}.{outputs}\n", counted(s.unchanged as u64, "resource"));
        return view.paint.tone(Tone::Good, &text);
    }
    let mut line = format!(
        "Plan: {} to create, {} to update, {} to replace, {} to delete, {} to adopt.\n",
        s.create, s.update, s.replace, s.delete, s.adopt
    );
    if s.widen > 0 {
        let verb = if s.widen == 1 { "widens" } else { "widen" };
        let text = format!("{} {verb} permissions (marked with `!`).", counted(s.widen as u64, "resource"));
        let _ = writeln!(line, "{}", view.paint.tone(Tone::Bad, &text));
    }
    if s.forget > 0 {
        let _ = writeln!(line, "{} to forget (removed from the state, kept or already gone in AWS).", s.forget);
    }
    line
}

/// Renders the cost: `23 reads in 2 waves, 0.31 s`
pub fn cost_line(cost: Cost) -> String {
    format!("{} in {}, {:.2} s", counted(cost.reads, "read"), counted(cost.waves, "wave"), cost.seconds)
}

/// Returns the sign of an action: `+`, `~`, `-`, `-/+`, `+/-`, `←`.
pub fn sign(planned: &PlannedResource) -> &'static str {
    match (planned.action(), planned.order()) {
        (Action::Create, _) => "+",
        (Action::Update, _) => "~",
        (Action::Delete, _) => "-",
        (Action::Replace, Some(Order::CreateFirst)) => "+/-",
        (Action::Replace, _) => "-/+",
        (Action::Adopt, _) => "←",
        (Action::Forget, _) => "·",
        (Action::Unchanged, _) => " ",
    }
}

pub(super) fn tone(action: Action) -> Tone {
    match action {
        Action::Create => Tone::Good,
        Action::Update => Tone::Change,
        Action::Delete | Action::Replace => Tone::Bad,
        Action::Adopt => Tone::Note,
        Action::Unchanged | Action::Forget => Tone::Faint,
    }
}

/// Renders one changing resource, indented by `below` spaces: its sign and address, then its details.
fn block(out: &mut String, plan: &MaskedPlan, shown: &ShownResource<'_>, view: PlanView<'_>, below: usize) {
    let planned = shown.planned;
    let head = view.paint.tone(tone(planned.action()), &format!("{} {}", sign(planned), planned.address));
    let kind = view.paint.tone(Tone::Faint, planned.kind.name());
    let faint = |text: String| view.paint.tone(Tone::Faint, &text);
    let (why, with) = (about(planned).map(faint), shown.mention().map(faint));
    let head: Vec<String> = [Some(head), Some(kind), with, why].into_iter().flatten().collect();
    let _ = writeln!(out, "{:below$}{}", "", head.join("  "));
    for line in lines(plan, planned, view, below) {
        let indent = below + line.indent;
        let _ = writeln!(out, "{:indent$}{}", "", line.painted(view.paint));
    }
}

/// Renders resources for Markdown's `diff` blocks, where a line's first character gives it its colour.
pub(super) fn blocks_as_diff(out: &mut String, plan: &MaskedPlan, group: &[&PlannedResource], view: PlanView<'_>) {
    for shown in with_companions(group, view.verbose) {
        block_as_diff(out, plan, &shown, view);
    }
}

fn block_as_diff(out: &mut String, plan: &MaskedPlan, shown: &ShownResource<'_>, view: PlanView<'_>) {
    let planned = shown.planned;
    let name = Some(format!("{} {}", sign(planned), planned.address));
    let head = [name, Some(planned.kind.name().to_owned()), shown.mention(), about(planned)];
    let head: Vec<String> = head.into_iter().flatten().collect();
    let _ = writeln!(out, "{}", head.join("  "));
    for line in lines(plan, planned, view, 0) {
        let indent = line.indent;
        let _ = match line.sign {
            Some(sign @ (LineSign::Added | LineSign::Removed)) => {
                writeln!(out, "{}{:indent$} {}", sign.text(), "", line.unsigned())
            }
            _ => writeln!(out, "{:indent$}{}", "", line.text()),
        };
    }
}

/// Returns the remarks behind a resource's kind: its former address, and the reason for the action.
pub(super) fn about(planned: &PlannedResource) -> Option<String> {
    let renamed = planned.moved_from.as_ref().map(|from| format!("renamed from {from}"));
    // Plain creates, updates and destroys need no reason. The reason of a replacement has a line of its own.
    let plain = planned.action() == Action::Replace || reason::is_plain(&planned.reason);
    let why = (!plain).then(|| format!("({})", reason::words(&planned.reason)));
    let said: Vec<String> = [renamed, why].into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join("  "))
}

/// Renders the drift, one change a line.
pub fn drift_lines(plan: &MaskedPlan, view: PlanView<'_>) -> String {
    let mut out = String::new();
    for entry in plan.drift() {
        let (first, more) = drift_line(entry, plan.is_refresh_only());
        let _ = writeln!(out, "{}", view.paint.tone(Tone::Change, &first));
        for line in more {
            let _ = writeln!(out, "    {}", line.painted(view.paint));
        }
    }
    out
}

/// Renders one drifted property; a policy's statements get lines of their own.
fn drift_line(entry: &Drift, refresh_only: bool) -> (String, Vec<PlanLine>) {
    let Some(path) = &entry.path else {
        let plan = if refresh_only { "remove it from the state" } else { "create it again" };
        return (format!("! {} was deleted outside deployer (this plan will {plan})", entry.address), Vec::new());
    };
    let address = &entry.address;
    if entry.sensitive {
        return (format!("! changed outside: {address} {path} {SENSITIVE}"), Vec::new());
    }
    let policy = has_rule(entry.kind, path, Rule::Policy);
    let digested = has_rule(entry.kind, path, Rule::Digest);
    let text = |value: &Value| match value.as_str() {
        Some(hash) if entry.kind.artifact().is_some_and(|artifact| artifact.is_digest(path)) => short(hash),
        Some(whole) if digested => short(&digest::of(whole)),
        _ => short_value(value),
    };
    let plan = match &entry.plan {
        _ if refresh_only => "this plan records it".to_owned(),
        wanted if *wanted == entry.before && wanted.is_null() => "this plan removes it again".to_owned(),
        wanted if *wanted == entry.before && policy => "this plan restores it".to_owned(),
        wanted if *wanted == entry.before => format!("this plan restores {}", text(wanted)),
        wanted if *wanted == entry.after => "unchanged, stack.yaml states the same".to_owned(),
        _ if policy => "this plan changes it again".to_owned(),
        wanted if wanted.is_null() => "this plan removes it".to_owned(),
        wanted => format!("this plan sets {}", text(wanted)),
    };
    if policy {
        let first = format!("! changed outside: {address} {path} ({plan})");
        return (first, statements(&entry.before, &entry.after));
    }
    let before = text(&entry.before);
    let after = text(&entry.after);
    (format!("! changed outside: {address} {path}: {before} → {after} ({plan})"), Vec::new())
}

/// Renders the notes, one a line.
pub(super) fn notes(out: &mut String, plan: &MaskedPlan, view: PlanView<'_>) {
    for note in plan.notes() {
        let line = format!("! {}: {}", note.address, reason::remark(note));
        let _ = writeln!(out, "{}", view.paint.tone(Tone::Note, &line));
    }
}
