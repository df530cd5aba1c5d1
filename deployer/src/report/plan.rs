//! A plan as people read it.

use std::fmt::Write as _;

use serde_json::Value;

use super::counted;
use super::paint::{Paint, Tone};
use crate::aws::tags;
use crate::graph::resolve::{self, AFTER_APPLY};
use crate::kinds::{Rule, by_name};
use crate::plan::{Action, Change, Cost, Drift, Order, Plan, Planned};
use crate::spec::secrets::Secrets;

/// How much to show.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub paint: Paint,
    /// The whole of each changed resource, ownership tags too.
    pub verbose: bool,
    pub secrets: &'a Secrets,
}

/// The text that stands for a value that nobody may read.
pub const SENSITIVE: &str = "(sensitive)";
/// Texts longer than this are shown as line diffs, or cut in JSON values.
const LONG: usize = 160;

/// Renders a plan: a block for each resource that changes, drift, notes, the summary line and the cost.
pub fn plan(plan: &Plan, cost: Cost, view: View<'_>) -> String {
    let mut out = String::new();
    let mut element = "";
    for planned in by_element(plan) {
        if !out.is_empty() && planned.element != element {
            out.push('\n');
        }
        element = &planned.element;
        block(&mut out, planned, view);
    }
    drift(&mut out, plan.drift(), view);
    notes(&mut out, plan, view);
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&summary_line(plan, view));
    let _ = writeln!(out, "{}", cost_line(cost));
    view.secrets.mask(&out).into_owned()
}

/// The resources that change, those of one element together, in the order in which elements first come.
pub(super) fn by_element(plan: &Plan) -> Vec<&Planned> {
    let mut order: Vec<&str> = Vec::new();
    let mut shown: Vec<&Planned> = Vec::new();
    for planned in plan.actions() {
        if planned.action != Action::Unchanged || planned.moved_from.is_some() {
            shown.push(planned);
            if !order.contains(&planned.element.as_str()) {
                order.push(&planned.element);
            }
        }
    }
    let place = |element: &str| order.iter().position(|known| *known == element);
    shown.sort_by(|a, b| place(&a.element).cmp(&place(&b.element)).then_with(|| a.address.cmp(&b.address)));
    shown
}

/// `Plan: 3 to create, …` or `No changes. …`
pub fn summary_line(plan: &Plan, view: View<'_>) -> String {
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
    if !plan.has_changes() {
        let verb = if s.unchanged == 1 { "matches" } else { "match" };
        let text = format!("No changes. {} {verb} stack.yaml.\n", counted(s.unchanged as u64, "resource"));
        return view.paint.tone(Tone::Good, &text);
    }
    let mut line = format!(
        "Plan: {} to create, {} to update, {} to replace, {} to delete, {} to adopt.\n",
        s.create, s.update, s.replace, s.delete, s.adopt
    );
    if s.forget > 0 {
        let _ = writeln!(line, "{} leave the state only.", s.forget);
    }
    line
}

/// `23 reads in 2 waves, 0.31 s`
pub fn cost_line(cost: Cost) -> String {
    format!("{} in {}, {:.2} s", counted(cost.reads, "read"), counted(cost.waves, "wave"), cost.seconds)
}

/// The sign of an action: `+`, `~`, `-`, `-/+`, `+/-`, `←`.
pub fn sign(planned: &Planned) -> &'static str {
    match (planned.action, planned.order) {
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

fn tone(action: Action) -> Tone {
    match action {
        Action::Create => Tone::Good,
        Action::Update => Tone::Change,
        Action::Delete | Action::Replace => Tone::Bad,
        Action::Adopt => Tone::Note,
        Action::Unchanged | Action::Forget => Tone::Faint,
    }
}

/// One resource that changes: its sign and address, then its properties, a line each.
pub(super) fn block(out: &mut String, planned: &Planned, view: View<'_>) {
    let head = format!("{} {}", sign(planned), planned.address);
    let _ =
        write!(out, "{}  {}", view.paint.tone(tone(planned.action), &head), view.paint.tone(Tone::Faint, planned.kind));
    if let Some(old) = &planned.moved_from {
        let _ = write!(out, "  renamed from {old}");
    }
    if says_why(planned) {
        let _ = write!(out, "  {}", view.paint.tone(Tone::Faint, &format!("({})", planned.reason)));
    }
    out.push('\n');
    if matches!(planned.action, Action::Delete | Action::Forget) {
        if planned.predecessor.is_some() {
            out.push_str("    and its predecessor, which an interrupted run left\n");
        }
        return;
    }
    let shown = planned.changes.iter().filter(|change| view.verbose || !is_mark(&change.path));
    for change in shown {
        property(out, planned, change, view);
    }
    if planned.predecessor.is_some() && planned.action != Action::Replace {
        let _ = writeln!(out, "    its predecessor is deleted afterwards");
    }
}

/// A plain create or update explains itself.
fn says_why(planned: &Planned) -> bool {
    !planned.reason.is_empty() && !matches!(planned.reason.as_str(), "not in AWS" | "differs from stack.yaml")
}

fn is_mark(path: &str) -> bool {
    matches!(path, "owner_stack" | "owner_address")
        || path.strip_prefix("tags.").is_some_and(|key| key == tags::STACK || key == tags::ADDRESS)
}

fn property(out: &mut String, planned: &Planned, change: &Change, view: View<'_>) {
    let forces = if change.forces_replacement { "  # forces replacement" } else { "" };
    if has_rule(planned, &change.path, Rule::Digest) && change.known {
        let digest =
            |value: &Value| value.as_str().map_or_else(|| shown(value), |text| short(&crate::aws::digest::of(text)));
        let (before, after) = (digest(&change.before), digest(&change.after));
        let text = if change.before.is_null() { after } else { format!("{before} → {after}") };
        let _ = writeln!(out, "    {}: {text}{forces}", change.path);
    } else if change.sensitive {
        let arrow = match (change.before.is_null(), change.after.is_null()) {
            (true, _) => SENSITIVE.to_owned(),
            (false, true) => format!("{SENSITIVE} → {}", shown(&change.after)),
            (false, false) => format!("{SENSITIVE} → {SENSITIVE}"),
        };
        let _ = writeln!(out, "    {}: {arrow}{forces}", change.path);
    } else if has_rule(planned, &change.path, Rule::Policy) && change.known {
        policy(out, change, view);
    } else if is_long(&change.before) && is_long(&change.after) {
        lines(out, change, view);
    } else if planned.live.is_none() && planned.predecessor.is_none() {
        let _ = writeln!(out, "    {}: {}{forces}", change.path, shown(&change.after));
    } else {
        let _ = writeln!(out, "    {}: {} → {}{forces}", change.path, shown(&change.before), shown(&change.after));
    }
}

/// Tells whether a kind's rule is about a property or what it is part of.
fn has_rule(planned: &Planned, path: &str, rule: Rule) -> bool {
    let rules = by_name(planned.kind).map(|kind| kind.rules()).unwrap_or_default();
    rules.iter().any(|(at, r)| {
        *r == rule
            && path.strip_prefix(at.trim_end_matches(".*")).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// A digest as far as people compare it.
fn short(digest: &str) -> String {
    digest.chars().take("sha256:".len() + 12).collect()
}

/// Statements added and removed, by meaning.
fn policy(out: &mut String, change: &Change, view: View<'_>) {
    let _ = writeln!(out, "    {}:", change.path);
    let parsed = |value: &Value| match value {
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Null => None,
        other => Some(other.clone()),
    };
    let (before, after) = (parsed(&change.before), parsed(&change.after));
    for statement in crate::aws::policy::statement_diff(before.as_ref(), after.as_ref()) {
        let text = resolve::readable(&statement.to_string());
        let tone = if text.starts_with('-') { Tone::Bad } else { Tone::Good };
        let _ = writeln!(out, "      {}", view.paint.tone(tone, &text));
    }
}

fn is_long(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains('\n') || text.len() > LONG)
}

/// A long text as the lines that differ.
fn lines(out: &mut String, change: &Change, view: View<'_>) {
    let _ = writeln!(out, "    {}:", change.path);
    let (before, after) = (change.before.as_str().unwrap_or_default(), change.after.as_str().unwrap_or_default());
    for line in similar::TextDiff::from_lines(before, after).iter_all_changes() {
        let (sign, tone) = match line.tag() {
            similar::ChangeTag::Delete => ("-", Tone::Bad),
            similar::ChangeTag::Insert => ("+", Tone::Good),
            similar::ChangeTag::Equal => continue,
        };
        let _ = writeln!(out, "      {}", view.paint.tone(tone, &format!("{sign} {}", line.value().trim_end())));
    }
}

/// A value on one line.
pub fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => resolve::readable(text),
        other if resolve::is_unknown(other) => resolve::readable(&other.to_string()),
        other => other.to_string(),
    };
    if text == AFTER_APPLY || text.chars().count() <= LONG {
        return text;
    }
    format!("{}… ({} characters)", text.chars().take(LONG).collect::<String>(), text.chars().count())
}

fn drift(out: &mut String, drift: &[Drift], view: View<'_>) {
    if !drift.is_empty() && !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&drift_lines(drift, view));
}

/// What other hands changed, a line each.
pub fn drift_lines(drift: &[Drift], view: View<'_>) -> String {
    let mut out = String::new();
    for entry in drift {
        let text = match &entry.path {
            None => format!("! {} was deleted outside (by plan: {})", entry.address, shown(&entry.plan)),
            Some(path) if entry.sensitive => format!("! changed outside: {} {path} {SENSITIVE}", entry.address),
            Some(path) => {
                let back = if entry.plan == entry.before { "back to " } else { "" };
                format!(
                    "! changed outside: {} {path}: {} → {} (by plan: {back}{})",
                    entry.address,
                    shown(&entry.before),
                    shown(&entry.after),
                    shown(&entry.plan)
                )
            }
        };
        let _ = writeln!(out, "{}", view.paint.tone(Tone::Change, &text));
    }
    view.secrets.mask(&out).into_owned()
}

pub(super) fn notes(out: &mut String, plan: &Plan, view: View<'_>) {
    if !plan.notes().is_empty() && !out.is_empty() {
        out.push('\n');
    }
    for note in plan.notes() {
        let _ = writeln!(out, "{}", view.paint.tone(Tone::Note, &format!("! {}: {}", note.address, note.text)));
    }
}
