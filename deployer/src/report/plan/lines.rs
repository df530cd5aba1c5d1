//! Renders the details of one changing resource, line by line.

use serde_json::Value;
use similar::ChangeTag;
use similar::algorithms::{Capture, Replace, myers};

use super::names::named;
use super::values::{LONG, SENSITIVE, bytes, full_value, short, short_value};
use super::{PlanView, code, impact};
use crate::aws::{digest, policy, tags};
use crate::graph::resolve;
use crate::kinds::{KindRef, Rule};
use crate::plan::{Action, ArtifactSizes, Change, PlannedResource, PropertyRules};
use crate::report::paint::{Paint, Tone};
use crate::report::reason;
use crate::report::shown::MaskedPlan;

/// The most lines of a new text that are shown without `-v`.
const MANY: usize = 12;
/// Marks a change that widens permissions.
const WIDENS: &str = "  ! widens permissions";
/// Replaces the two values of a secret.
const CHANGED: &str = "(sensitive, changed)";

/// One line below a resource's first line.
pub(in crate::report) struct PlanLine {
    pub indent: usize,
    pub tone: Option<Tone>,
    pub sign: Option<LineSign>,
    text: String,
}

/// The sign in front of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum LineSign {
    Added,
    Removed,
    /// An effect on the users of a resource.
    Impact,
}

impl LineSign {
    pub(in crate::report) fn text(self) -> &'static str {
        match self {
            Self::Added => "+",
            Self::Removed => "-",
            Self::Impact => "#",
        }
    }
}

impl PlanLine {
    fn new(indent: usize, tone: impl Into<Option<Tone>>, text: impl Into<String>) -> Self {
        Self { indent, tone: tone.into(), sign: None, text: text.into() }
    }

    fn signed(indent: usize, sign: LineSign, text: impl Into<String>) -> Self {
        let tone = if sign == LineSign::Added { Tone::Good } else { Tone::Bad };
        Self { sign: Some(sign), ..Self::new(indent, tone, text) }
    }

    /// Returns the text behind the sign.
    pub(in crate::report) fn unsigned(&self) -> &str {
        &self.text
    }

    /// Returns the line with its sign.
    pub(in crate::report) fn text(&self) -> String {
        match self.sign {
            Some(sign) => format!("{} {}", sign.text(), self.text),
            None => self.text.clone(),
        }
    }

    /// Returns the line with its sign, in its colour.
    pub(super) fn painted(&self, paint: Paint) -> String {
        match self.tone {
            Some(tone) => paint.tone(tone, &self.text()),
            None => self.text(),
        }
    }
}

/// Lists the effects of the action, then the properties that change.
pub(in crate::report) fn lines(
    plan: &MaskedPlan,
    planned: &PlannedResource,
    view: PlanView<'_>,
    below: usize,
) -> Vec<PlanLine> {
    let why = (planned.action() == Action::Replace).then(|| reason::words(&planned.reason));
    let effects = why.into_iter().chain(impact(planned));
    let mut lines: Vec<PlanLine> = effects.map(|text| PlanLine::signed(4, LineSign::Impact, text)).collect();
    if matches!(planned.action(), Action::Delete | Action::Forget) {
        return lines;
    }
    if !view.verbose
        && let Some(brief) = brief(plan, planned)
    {
        lines.push(PlanLine::new(4, None, brief));
        return lines;
    }
    let shown = planned.changes().iter().filter(|change| view.verbose || !is_mark(&change.path));
    for change in shown {
        let property = Property { plan, planned, change, width: view.width.saturating_sub(below), all: view.verbose };
        lines.extend(property.lines());
    }
    if view.verbose && planned.action() != Action::Create {
        lines.extend(unchanged_lines(planned));
    }
    lines
}

/// Returns a new or changed resource in one line, if its kind has such a line and nothing is left out.
fn brief(plan: &MaskedPlan, planned: &PlannedResource) -> Option<String> {
    match planned.action() {
        Action::Create if planned.widens.is_empty() => brief_creation(planned),
        Action::Update => brief_update(plan, planned),
        _ => None,
    }
}

fn brief_update(plan: &MaskedPlan, planned: &PlannedResource) -> Option<String> {
    // A change that was made outside is marked at its property.
    if plan.drift().iter().any(|drift| drift.address == planned.address) {
        return None;
    }
    let (live, kind) = (&planned.live()?.spec, planned.kind);
    let before = kind.brief(live)?;
    let after = kind.brief(&planned.effect.desired_spec()?.desired)?;
    // A change that the line does not show is shown by itself, and so are all others then.
    let is_in_it = |change: &Change| {
        let mut changed = live.clone();
        match change.after() {
            Value::Null => drop(changed.as_object_mut().map(|all| all.remove(&change.path))),
            after => changed[change.path.as_str()] = after.clone(),
        }
        !change.sensitive && !change.path.contains('.') && kind.brief(&changed).is_some_and(|brief| brief != before)
    };
    if !planned.changes().iter().all(is_in_it) {
        return None;
    }
    let mark = if planned.widens.is_empty() { "" } else { WIDENS };
    Some(format!("{} → {}{mark}", resolve::readable(&before), resolve::readable(&after)))
}

fn brief_creation(planned: &PlannedResource) -> Option<String> {
    // A saved plan has changes alone.
    let properties = planned.changes().iter().map(|change| (change.path.clone(), change.after().clone()));
    let text = planned.kind.brief(&Value::Object(properties.collect()))?;
    Some(resolve::readable(&text))
}

/// Tells whether a property is an ownership tag of the stack, which is of no interest to users.
fn is_mark(path: &str) -> bool {
    matches!(path, "owner_stack" | "owner_address")
        || path.strip_prefix("tags.").is_some_and(|key| key == tags::STACK || key == tags::ADDRESS)
}

/// Lists the properties that do not change.
fn unchanged_lines(planned: &PlannedResource) -> Vec<PlanLine> {
    let rules = PropertyRules(planned.kind.rules());
    let mut found = Vec::new();
    leaves(rules, "", planned.effect.desired_spec().map_or(&Value::Null, |wanted| &wanted.desired), &mut found);
    let differs = |path: &str| {
        planned
            .changes()
            .iter()
            .any(|c| path.strip_prefix(c.path.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('.')))
    };
    let same = found.into_iter().filter(|(path, _)| !differs(path));
    same.flat_map(|(path, value)| {
        if rules.is_policy(&path) {
            let grants = statements(&Value::Null, value).into_iter();
            let plain = grants.map(|line| PlanLine::new(6, Tone::Faint, line.text));
            return std::iter::once(PlanLine::new(4, Tone::Faint, format!("{path}:"))).chain(plain).collect();
        }
        vec![PlanLine::new(4, Tone::Faint, format!("{path}: {}", short_value(value)))]
    })
    .collect()
}

fn leaves<'a>(rules: PropertyRules, path: &str, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    match value {
        _ if rules.is_hint(path) => {}
        Value::Null => {}
        Value::Array(items) if items.is_empty() => {}
        Value::Object(map) if !rules.is_policy(path) => {
            for (key, inner) in map {
                let inner_path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(rules, &inner_path, inner, found);
            }
        }
        _ => found.push((path.to_owned(), value)),
    }
}

/// One changing property, and the settings that decide how it is shown.
struct Property<'a> {
    plan: &'a MaskedPlan,
    planned: &'a PlannedResource,
    change: &'a Change,
    width: usize,
    all: bool,
}

impl Property<'_> {
    fn lines(&self) -> Vec<PlanLine> {
        let before = self.change.before();
        let after = self.change.after();
        let known = self.change.is_known();
        let artifact = self.planned.kind.artifact();
        if artifact.is_some_and(|artifact| artifact.is_size(&self.change.path)) {
            return Vec::new();
        }
        if self.change.sensitive {
            return vec![self.line(&self.masked_change())];
        }
        if artifact.is_some_and(|artifact| artifact.is_digest(&self.change.path)) {
            let why = self.planned.code_change.as_ref().map(|change| code::lines(change, self.all)).unwrap_or_default();
            let why = why.into_iter().map(|text| PlanLine::new(6, None, text));
            return std::iter::once(self.line(&self.artifact())).chain(why).collect();
        }
        if self.change.is_set_again() {
            return vec![self.line(&format!("{}  # set again", short_value(after)))];
        }
        if self.has_rule(Rule::Digest) {
            let digest = |v: &Value| match v.as_str() {
                Some(text) if resolve::is_unknown(v) && !text.is_empty() => "(known after apply)".to_owned(),
                Some(text) => short(&digest::of(text)),
                None => short_value(v),
            };
            let is_new = self.planned.action() == Action::Create;
            return vec![self.line(&match (self.all, is_new) {
                (true, _) => format!("{}  # by a new deployment", self.arrow(&digest(before), &digest(after))),
                (false, true) => "by a new deployment".to_owned(),
                (false, false) => "changes by a new deployment".to_owned(),
            })];
        }
        if self.has_rule(Rule::Policy) && known {
            return self.policy();
        }
        let text = self.arrow(&named(self.plan, before), &named(self.plan, after));
        let fits = self.change.path.chars().count() + text.chars().count() + 6 + self.remark().len() <= self.width;
        let cut = full_value(before).chars().count() > LONG || full_value(after).chars().count() > LONG;
        let several = |value: &Value| value.as_str().is_some_and(|text| text.contains('\n'));
        if (fits && !cut && !several(before) && !several(after)) || (after.is_null() && before.is_null()) {
            return vec![self.line(&text)];
        }
        self.apart()
    }

    /// Returns the remarks at the end of a property's line.
    fn remark(&self) -> String {
        let mut remark = String::new();
        if self.change.forces_replacement() {
            remark += "  # forces replacement";
        }
        if self.planned.widens.contains(&self.change.path) {
            let is_new = self.planned.action() == Action::Create;
            remark += if is_new { "  ! wide permissions" } else { WIDENS };
        }
        let outside = |d: &&crate::plan::Drift| {
            d.address == self.planned.address && d.path.as_deref() == Some(self.change.path.as_str())
        };
        if let Some(drift) = self.plan.drift().iter().find(outside) {
            remark += if drift.plan == drift.before {
                "  # undoes a change made outside"
            } else {
                "  # also changed outside"
            };
        }
        remark
    }

    fn line(&self, text: &str) -> PlanLine {
        let artifact = self.planned.kind.artifact().filter(|artifact| artifact.is_digest(&self.change.path));
        let path = artifact.map_or(self.change.path.as_str(), |artifact| artifact.name);
        PlanLine::new(4, None, format!("{path}: {text}{}", self.remark()))
    }

    /// Renders `before → after`, or `after` alone for a new resource.
    fn arrow(&self, before: &str, after: &str) -> String {
        match self.planned.action() {
            Action::Create => after.to_owned(),
            _ => format!("{before} → {after}"),
        }
    }

    fn masked_change(&self) -> String {
        match (self.change.before().is_null(), self.change.after().is_null()) {
            _ if self.planned.action() == Action::Create => SENSITIVE.to_owned(),
            (true, false) => format!("{} → {SENSITIVE}", short_value(self.change.before())),
            (false, true) => format!("{SENSITIVE} → {}", short_value(self.change.after())),
            _ => CHANGED.to_owned(),
        }
    }

    /// Renders the artifacts by digest and size.
    fn artifact(&self) -> String {
        let side = |hash: &Value, size: Option<u64>| {
            let hash = hash.as_str().map_or_else(|| short_value(hash), short);
            size.map_or_else(|| hash.clone(), |size| format!("{hash} ({})", bytes(size)))
        };
        let ArtifactSizes { live_bytes, packaged_bytes } = self.planned.artifact;
        self.arrow(&side(self.change.before(), live_bytes), &side(self.change.after(), packaged_bytes))
    }

    fn has_rule(&self, rule: Rule) -> bool {
        has_rule(self.planned.kind, &self.change.path, rule)
    }

    fn title(&self) -> PlanLine {
        PlanLine::new(4, None, format!("{}:{}", self.change.path, self.remark()))
    }

    /// Renders the statements that are added and removed, compared by meaning.
    fn policy(&self) -> Vec<PlanLine> {
        std::iter::once(self.title()).chain(statements(self.change.before(), self.change.after())).collect()
    }

    /// Renders a long value by its differing lines or list items.
    fn apart(&self) -> Vec<PlanLine> {
        let json = self.has_rule(Rule::Json);
        let (before, after) = (parts(self.change.before(), json), parts(self.change.after(), json));
        let (before, after): (Vec<&str>, Vec<&str>) =
            (before.iter().map(String::as_str).collect(), after.iter().map(String::as_str).collect());
        let mut lines = vec![self.title()];
        if self.planned.action() == Action::Create {
            let few = if self.all { after.len() } else { MANY };
            lines.extend(after.iter().take(few).map(|line| PlanLine::new(6, None, *line)));
            if after.len() > few {
                lines.push(PlanLine::new(
                    6,
                    Tone::Faint,
                    format!("… {} more lines (-v shows them)", after.len() - few),
                ));
            }
            return lines;
        }
        // Calls one algorithm directly: the crate's own selection would add a quarter of a megabyte to the binary.
        let mut found = Replace::new(Capture::new());
        let Ok(()) = myers::diff(&mut found, &before, 0..before.len(), &after, 0..after.len());
        let ops = found.into_inner().into_ops();
        for line in ops.iter().flat_map(|op| op.iter_changes(&before, &after)) {
            match line.tag() {
                ChangeTag::Delete => lines.push(PlanLine::signed(6, LineSign::Removed, line.value())),
                ChangeTag::Insert => lines.push(PlanLine::signed(6, LineSign::Added, line.value())),
                ChangeTag::Equal => {}
            }
        }
        lines
    }
}

/// Tells whether a kind's rule applies to a property or to an enclosing one.
pub(super) fn has_rule(kind: KindRef, path: &str, rule: Rule) -> bool {
    kind.rules().iter().any(|(at, r)| {
        let rest = path.strip_prefix(at.trim_end_matches(".*"));
        *r == rule && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Lists the statements that one policy document has and another does not.
pub(super) fn statements(before: &Value, after: &Value) -> Vec<PlanLine> {
    let parsed = |value: &Value| match value {
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Null => None,
        other => Some(other.clone()),
    };
    let changes = policy::statement_diff(parsed(before).as_ref(), parsed(after).as_ref());
    let sign = |added: bool| if added { LineSign::Added } else { LineSign::Removed };
    changes.iter().map(|change| PlanLine::signed(6, sign(change.added), resolve::readable(&change.grant))).collect()
}

/// Splits a value at its natural boundaries: a text at its lines, a list at its items, JSON at its indented lines.
fn parts(value: &Value, json: bool) -> Vec<String> {
    let pretty = |value: &Value| -> Vec<String> {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        resolve::readable(&text).lines().map(str::to_owned).collect()
    };
    match value {
        Value::Null => Vec::new(),
        Value::String(text) if json => match serde_json::from_str::<Value>(text) {
            Ok(value) => pretty(&value),
            Err(_) => vec![resolve::readable(text)],
        },
        Value::String(text) => resolve::readable(text).lines().map(|line| line.trim_end().to_owned()).collect(),
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => items.iter().map(full_value).collect(),
        other => pretty(other),
    }
}
