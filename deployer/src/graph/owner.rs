//! Decides whether a resource is this stack's.
//!
//! **Guarantees**: a resource that can have tags is ours by its ownership tags alone. The state tells where to look,
//! never that something may be changed or deleted: another team may have created a resource of that name since, or have
//! written the state. A resource without tags belongs to the owner of its parent.
//!
//! The owner by tags is [`Owner::by_tag`]. [`Owners`] adds the parents, which only an observation of the stack knows.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::aws::{Place, tags};
use crate::kinds::{self, AnyKind, ObservedResource, Ownership};
use crate::state::{Intent, Record, State};

pub use crate::aws::owner::{Foreign, Owner};

/// Returns the owner of a resource by its own tags or its identity; `None` for a part, which belongs to its parent's
/// owner.
pub(crate) fn by_own_tags(
    kind: &dyn AnyKind,
    live: &ObservedResource<Value>,
    stack: &str,
    recorded: bool,
) -> Option<Owner> {
    let owner = match kind.ownership() {
        Ownership::Tags => &live.spec["tags"][tags::STACK],
        Ownership::Identity(property) => &live.spec[property],
        Ownership::Parent => return None,
    };
    Some(Owner::by_tag(stack, owner.as_str(), recorded))
}

/// The evidence about a resource besides AWS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence {
    /// `stack.yaml` has the resource.
    pub(crate) stated: bool,
    /// The state has it.
    pub(crate) recorded: bool,
    /// The plan would delete it.
    pub(crate) leaves: bool,
}

impl Evidence {
    /// The evidence about a resource that only the state has.
    pub(crate) const STATE_ALONE: Self = Self { stated: false, recorded: true, leaves: true };
}

/// Finds the owners of an observed stack's resources.
pub(crate) struct Owners<'a> {
    stack: &'a str,
    place: &'a Place,
    prior: &'a State,
    parents: Parents<'a>,
    /// Addresses of resources that the user asked to adopt.
    adopted: BTreeSet<&'a str>,
}

impl<'a> Owners<'a> {
    pub(crate) fn new(stack: &'a str, place: &'a Place, prior: &'a State, parents: Parents<'a>) -> Self {
        Self { stack, place, prior, parents, adopted: BTreeSet::new() }
    }

    /// Treats resources that the user asked to adopt as ours.
    pub(crate) fn adopting(mut self, adopts: impl Fn(&str) -> bool) -> Self {
        let stated = self.parents.0.values().filter(|parent| parent.is_stated).map(|parent| parent.address);
        self.adopted = stated.filter(|address| adopts(address)).collect();
        self
    }

    /// Returns the owner of a live resource: by its tags, or else the owner of its parent.
    pub(crate) fn of(&self, kind: &dyn AnyKind, live: &ObservedResource<Value>, evidence: Evidence) -> Owner {
        if let Some(owner) = self.by_tags(kind, live, evidence.recorded) {
            return owner;
        }
        match self.parents.of(kind, &live.spec) {
            // The user adopted the parent, and with it the parts that the state has.
            Some(parent) if evidence.recorded && self.adopted.contains(parent.address) => Owner::Ours,
            Some(parent) => self.of_parent(&parent).of_part(),
            None => self.of_stray(kind, &live.spec, evidence),
        }
    }

    /// Returns the parent of a part, if the stack has it.
    pub(crate) fn parent(&self, kind: &dyn AnyKind, spec: &Value) -> Option<Parent<'a>> {
        self.parents.of(kind, spec)
    }

    /// Returns the owner of a kind with tags. A resource without tags may have been created by an interrupted run.
    fn by_tags(&self, kind: &dyn AnyKind, live: &ObservedResource<Value>, recorded: bool) -> Option<Owner> {
        let created = created_untagged(self.prior, kind, live, self.place);
        if created { Some(Owner::Ours) } else { by_own_tags(kind, live, self.stack, recorded) }
    }

    fn of_parent(&self, parent: &Parent<'_>) -> Owner {
        let recorded = self.prior.resources.contains_key(parent.address);
        self.by_tags(parent.kind, parent.live, recorded).unwrap_or(Owner::Foreign(Foreign::Untagged))
    }

    /// Returns the owner of a part whose parent is external, or neither in `stack.yaml` nor in the state.
    fn of_stray(&self, kind: &dyn AnyKind, spec: &Value, evidence: Evidence) -> Owner {
        let Evidence { stated, recorded, leaves } = evidence;
        if !recorded {
            return Owner::Foreign(Foreign::Untagged);
        }
        // AWS deletes such a part along with its parent, so this part does not belong to the parent in the state.
        if leaves && kind.about().goes_with_parent() && self.has_record_of_parent(kind, spec) {
            return Owner::Foreign(Foreign::PartOfLost);
        }
        if stated || self.admits_ours(kind, spec) { Owner::Ours } else { Owner::Foreign(Foreign::PartOfUnknown) }
    }

    /// Tells whether a part is ours by a resource of ours that it names besides its parent: a permission for our API on a
    /// foreign function, a schedule with our role in a foreign group.
    fn admits_ours(&self, kind: &dyn AnyKind, spec: &Value) -> bool {
        let is_ours = |text: &str| self.parents.find_named_in(text).any(|parent| self.of_parent(&parent).is_ours());
        let voucher = kind.about().voucher.and_then(|(of, at)| self.parents.0.get(&(of, spec.pointer(at)?.as_str()?)));
        voucher.is_some_and(|voucher| self.of_parent(voucher).is_ours())
            || spec.as_object().is_some_and(|all| all.values().filter_map(Value::as_str).any(is_ours))
    }

    /// Tells whether the state has the parent of a resource of `kind`.
    fn has_record_of_parent(&self, kind: &dyn AnyKind, spec: &Value) -> bool {
        self.prior.resources.values().any(|record| is_part(kind, spec, record))
    }
}

/// Tells whether a resource of `kind` is part of the recorded resource `whole`.
pub(crate) fn is_part(kind: &dyn AnyKind, spec: &Value, whole: &Record) -> bool {
    let about = kind.about();
    let is_named = |parent: &str| whole.outputs.values().any(|output| output == parent);
    about.part_of() == Some(whole.kind.as_str()) && about.parent_in(spec).is_some_and(is_named)
}

/// The live resources that may have parts, by kind and by each of their outputs. External resources are excluded.
pub(crate) struct Parents<'a>(HashMap<(&'a str, &'a str), Parent<'a>>);

#[derive(Clone, Copy)]
pub(crate) struct Parent<'a> {
    pub(crate) address: &'a str,
    pub(crate) kind: &'static dyn AnyKind,
    pub(crate) live: &'a ObservedResource<Value>,
    /// Whether `stack.yaml` has it, under this address.
    pub(crate) is_stated: bool,
}

impl<'a> Parents<'a> {
    /// Collects the parents among `all`. A later resource replaces an earlier one of the same kind and output.
    pub(crate) fn among(all: impl Iterator<Item = Parent<'a>>) -> Self {
        let named = |kind: &&dyn AnyKind| {
            let about = kind.about();
            about.part_of().into_iter().chain(about.voucher.map(|(kind, _)| kind))
        };
        let kinds: BTreeSet<&str> = kinds::REGISTRY.iter().flat_map(named).collect();
        let mut parents = HashMap::new();
        for parent in all.filter(|parent| kinds.contains(parent.kind.name())) {
            let outputs = parent.live.outputs.values();
            parents.extend(outputs.map(|output| ((parent.kind.name(), output.as_str()), parent)));
        }
        Self(parents)
    }

    /// Returns the parent of a resource of `kind`.
    pub(crate) fn of(&self, kind: &dyn AnyKind, spec: &Value) -> Option<Parent<'a>> {
        self.0.get(&(kind.about().part_of()?, kind.about().parent_in(spec)?)).copied()
    }

    /// Finds the resources that `text` names directly or by something inside them, such as an API by the ARN of a
    /// route.
    fn find_named_in<'s>(&'s self, text: &'s str) -> impl Iterator<Item = Parent<'a>> + 's {
        let last = text.rsplit(':').next().unwrap_or_default();
        let within = |whole: &str, output: &str| whole.strip_prefix(output).is_some_and(|rest| rest.starts_with('/'));
        let names = move |output: &str| text == output || within(text, output) || within(last, output);
        // The name of a role proves nothing: a resource of others may have it, too.
        let has_parts = |of: &str| kinds::REGISTRY.iter().any(|kind| kind.about().part_of() == Some(of));
        let found = self.0.iter().filter(move |((kind, output), _)| names(output) && has_parts(kind));
        found.map(|(_, parent)| *parent)
    }
}

/// Tells whether an interrupted run created a resource without ownership tags. Some emulators drop the tags of a create
/// call, so a run that is interrupted right after it leaves none. Its intent was written when no resource had the name,
/// so it proves the owner. AWS itself creates a resource together with its tags, so there this is never assumed.
pub(crate) fn created_untagged(
    prior: &State,
    kind: &dyn AnyKind,
    live: &ObservedResource<Value>,
    place: &Place,
) -> bool {
    if place.endpoint_url.is_none() || kind.ownership() != Ownership::Tags {
        return false;
    }
    let name = kind.identify(&live.spec);
    let created = |intent: &Intent| {
        intent.creates_since().is_some() && intent.kind == kind.name() && kind.identify(&intent.inputs) == name
    };
    live.spec["tags"].get(tags::STACK).is_none() && prior.intents.iter().any(created)
}
