//! Facts about a kind: one value, [`About`], in the kind's own file.
//!
//! General code asks for a fact, never for a kind's name. A fact that so far holds for a single kind is stated here as
//! well, so that the next kind can state it, too. Tables over all kinds are collected from
//! [`REGISTRY`](super::REGISTRY).

use serde_json::{Map, Value};

use super::Op;
use crate::aws::service::{Cure, Service};
use crate::aws::{Place, tags};

/// All facts about a kind that hold for each of its resources. A kind states the facts that apply to it and takes the
/// others from [`About::of`].
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// AWS service and resource: `sqs.queue`.
    pub name: &'static str,
    /// The facts about the service's calls. The kind's name begins with the service's.
    pub service: &'static Service,
    /// Names of the outputs that other resources can refer to, such as `arn`.
    pub outputs: &'static [&'static str],
    /// String properties that identify the resource in AWS before it exists. A property that names the parent comes
    /// first.
    pub identity: &'static [&'static str],
    /// Identity properties that may hold a secret. No output or ARN is made from them.
    pub may_be_secret: &'static [&'static str],
    /// How the differ treats properties. A path may have several rules; one without a rule is compared as it is and
    /// updated in place, and an absent value equals an empty one.
    pub rules: &'static [(&'static str, Rule)],
    /// The properties besides policy documents that decide who may do what.
    pub bounds: &'static [(&'static str, Bound)],
    /// The service's rules for tags; `None` if the resource has no tags.
    pub tags: Option<tags::TagRules>,
    /// The resource belongs to the account and to no region, so a stack of the same name in another region may use it.
    pub regionless: bool,
    /// The identity property that holds the owner's name, for a resource without tags whose id in AWS has it.
    pub owner_property: Option<&'static str>,
    /// The kind that this one is part of.
    pub parent: Option<Parent>,
    /// The kind of another resource that this one uses, and the JSON pointer to its name or ARN. Where the parent belongs
    /// to others, the owner of that resource owns this one.
    pub voucher: Option<(&'static str, &'static str)>,
    /// The property that is the resource's name in AWS.
    pub named: Option<NameProperty>,
    /// The property for the artifact of a resource.
    pub artifact: Option<ArtifactProperty>,
    /// Properties whose change in place gives the resource other outputs, which only AWS can tell: each change of a layer
    /// publishes a version with another ARN.
    pub renewed: &'static [&'static str],
    pub references: References,
    pub calls: Calls,
    pub person: Person,
    /// The commands that work on a deployed resource.
    pub operated: Option<Capability>,
}

impl About {
    /// Starts the description of the kind `name`: no outputs, no identity, no rules, and AWS's usual behaviour.
    pub const fn of(name: &'static str, service: &'static Service) -> Self {
        Self {
            name,
            service,
            outputs: &[],
            identity: &[],
            may_be_secret: &[],
            rules: &[],
            bounds: &[],
            tags: None,
            regionless: false,
            owner_property: None,
            parent: None,
            voucher: None,
            named: None,
            artifact: None,
            renewed: &[],
            references: References::DEFAULT,
            calls: Calls::DEFAULT,
            person: Person::DEFAULT,
            operated: None,
        }
    }

    /// Returns the evidence by which a resource's owner is known.
    pub fn ownership(&self) -> Ownership {
        match self.owner_property {
            Some(property) => Ownership::Identity(property),
            None if self.parent.is_some_and(|parent| parent.owns) => Ownership::Parent,
            None => Ownership::Tags,
        }
    }

    /// Lists the policy documents in a spec: the values under [`Rule::Policy`].
    pub fn policies<'s>(&self, spec: &'s Value) -> Vec<&'s Value> {
        let paths = self.rules.iter().filter(|(_, rule)| *rule == Rule::Policy).map(|(path, _)| *path);
        let documents = paths.map(|path| match path.strip_suffix(".*") {
            Some(map) => spec.get(map).and_then(Value::as_object).into_iter().flat_map(Map::values).collect(),
            None => Vec::from_iter(spec.get(path)),
        });
        documents.flatten().collect()
    }

    /// Tells whether AWS deletes the resource along with its parent.
    pub fn goes_with_parent(&self) -> bool {
        self.parent.is_some_and(|parent| parent.deletes)
    }

    /// Returns the parent's kind.
    pub fn part_of(&self) -> Option<&'static str> {
        self.parent.map(|parent| parent.kind)
    }

    /// Returns the property that names the parent.
    pub fn parent_property(&self) -> Option<&'static str> {
        self.parent?;
        self.identity.first().copied()
    }

    /// Returns the text in `spec` that names the parent: one of its outputs, or a reference to one.
    pub fn parent_in<'s>(&self, spec: &'s Value) -> Option<&'s str> {
        spec.get(self.parent_property()?)?.as_str()
    }
}

/// How the differ treats one property path (`trust_policy`, `environment.*`) and everything below it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// AWS cannot change the property in place, for the given reason: a difference replaces the resource.
    Replace(&'static str),
    /// A list whose order has no meaning.
    Unordered,
    /// An IAM policy document, compared by meaning.
    Policy,
    /// A JSON text, compared parsed.
    Json,
    /// AWS reports the given value (JSON text) if `stack.yaml` states none: an absent value equals it.
    Default(&'static str),
    /// A long text of which AWS keeps only the digest: `sha256:…` equals the text with that digest.
    Digest,
    /// Compared only if `stack.yaml` states the property, or did so at the last apply
    /// ([`Kind::given_back`](super::Kind::given_back)). For defaults that AWS has changed over time, and for values of
    /// others.
    Unmanaged,
    /// Not a property in AWS: it tells the kind about the rest of the stack. Never compared, never shown.
    Hint,
}

/// How a property that is no policy document decides about permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A list, each of whose members permits more.
    Members,
    /// A list of which one is enough; an empty one restricts nothing.
    AnyOf,
    /// A list, each of whose members restricts.
    Restrictions,
    /// A text that permits what it names, with `*` and `?` as in a policy; an absent one restricts nothing. A key is
    /// one, too: its policy decides who may read.
    Pattern,
    /// A text that names a resource with permissions of its own: another one may have more.
    Reference,
    /// A text that restricts nothing at this value.
    Open(&'static str),
    /// A text that restricts at this value alone.
    Shut(&'static str),
    /// A text that lets others in, each in its own way; without it nobody is let in.
    Grant,
    /// A switch that restricts while it is on.
    Switch,
    /// The same, and AWS has it on for a new resource.
    SwitchedOn,
}

/// The evidence for the owner of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// The resource's tags `deployer:stack` and `deployer:address`, which are part of the spec's `tags`.
    Tags,
    /// The owner of the resource's parent. The resource has no ownership tags.
    Parent,
    /// This property of the resource's identity. The resource has no ownership tags.
    Identity(&'static str),
}

/// The ability of a deployed resource that commands use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Runs code and logs: `invoke`, `logs`, `trace`, `rollback`.
    Code,
    /// Holds messages: `queue`.
    Messages,
}

/// The resource that another one is part of. The part's first identity property names it.
#[derive(Debug, Clone, Copy)]
pub struct Parent {
    /// The parent's kind.
    pub kind: &'static str,
    /// The parent's owner owns the part, which has no ownership tags.
    pub owns: bool,
    /// AWS deletes the part along with the parent.
    pub deletes: bool,
}

/// The property that is the resource's name in AWS.
#[derive(Debug, Clone, Copy)]
pub struct NameProperty {
    pub property: &'static str,
    /// The most characters that AWS accepts.
    pub longest: usize,
    /// AWS compares names without regard to case.
    pub caseless: bool,
}

impl NameProperty {
    /// A name of at most `longest` characters, which AWS compares exactly.
    pub const fn of(property: &'static str, longest: usize) -> Self {
        Self { property, longest, caseless: false }
    }
}

/// The property for something that is packaged on this machine and uploaded, such as a function's code. Its value is an
/// object.
#[derive(Debug, Clone, Copy)]
pub struct ArtifactProperty {
    pub name: &'static str,
    /// The entry with the digest, as AWS reports it.
    pub digest: &'static str,
    /// The entry with the size in bytes, which only AWS reports.
    pub size: &'static str,
    /// Properties (or beginnings of their paths) whose change uploads the artifact.
    pub uploads: &'static [&'static str],
    /// The artifact in words: "the function's code".
    pub words: &'static str,
    /// The property with the resources whose artifacts AWS unpacks together with this one.
    pub joined: Option<&'static str>,
}

impl ArtifactProperty {
    /// Returns the property's value for an artifact that was packaged here.
    pub fn value(&self, digest: &str) -> Value {
        Value::Object([(self.digest.to_owned(), digest.into())].into_iter().collect())
    }

    /// Returns the size of the artifact that AWS has.
    pub fn size_bytes_in(&self, spec: &Value) -> Option<u64> {
        spec.get(self.name)?.get(self.size)?.as_u64()
    }

    pub fn is_digest(&self, path: &str) -> bool {
        self.entry(path) == Some(self.digest)
    }

    pub fn is_size(&self, path: &str) -> bool {
        self.entry(path) == Some(self.size)
    }

    /// Tells whether a change of the property at `path` uploads the artifact.
    pub fn is_uploaded_for(&self, path: &str) -> bool {
        self.uploads.iter().any(|property| path.starts_with(property))
    }

    fn entry<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(self.name)?.strip_prefix('.')
    }
}

/// How AWS treats references to other resources, by the property that holds them. In all other properties, the
/// referenced resource is finished first.
#[derive(Debug, Clone, Copy)]
pub struct References {
    /// AWS accepts a name or an ARN here before the resource behind it exists, so the step does not wait for that
    /// resource, unless only AWS can tell the value.
    pub by_name: &'static [&'static str],
    /// AWS treats these as plain text. The step still waits for the referenced resource, except in a circle, where only
    /// the value must be known. It always waits for roles: a principal has to exist.
    pub loose: &'static [&'static str],
    /// The referenced resource only has to exist, not to be finished ([`wait::there`](crate::aws::wait::there)).
    /// Dependents of this resource still wait until both are finished.
    pub early: &'static [&'static str],
    /// AWS resolves these once, to the identity behind the name. They are sent again after the referenced resource was
    /// recreated under the same name.
    pub holds: &'static [&'static str],
    /// The resources that this one needs while it exists. An orphan is deleted before the orphans that it needs.
    pub needs: &'static [Need],
}

/// A resource that another one needs while it exists.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// The JSON pointer to the text that names the resource.
    pub pointer: &'static str,
    pub kind: &'static str,
    /// Makes the resource's ARN of that text. Stated if listings by tags may lack the resource, so that an orphan leads
    /// to it.
    pub arn: Option<fn(&str, &Place) -> String>,
}

impl Need {
    pub const fn of(pointer: &'static str, kind: &'static str) -> Self {
        Self { pointer, kind, arn: None }
    }
}

impl References {
    pub const DEFAULT: Self =
        Self { by_name: &[], loose: &["tags", "description"], early: &[], holds: &[], needs: &[] };
}

/// How AWS's calls behave for the kind.
#[derive(Debug, Clone, Copy)]
pub struct Calls {
    /// Codes of a create that mean "exists already". The executor then reads the resource and adopts it if it is ours.
    pub exists: &'static [&'static str],
    /// Codes of an update that mean "deleted meanwhile". State them only if AWS answers for a deleted resource as if it
    /// existed, and a create of an existing one does nothing: a resource found without a record is then created as
    /// well.
    pub dying: &'static [&'static str],
    /// Refusals of this kind's own calls that time alone cures. Cures that hold for a whole service are in
    /// [`Service::cures`].
    pub cures: &'static [Cure],
    /// Calls whose rate AWS limits, by operation. A large plan tells how long they take at least.
    pub limited: &'static [(Op, &'static str)],
    /// One call deletes many resources, so all deletions start at once and share it.
    pub deleted_together: bool,
    /// The resource takes effect only through a deployment that depends on it (an API's route). It is changed and
    /// deleted before that deployment.
    pub definition: bool,
    /// Tells by the specs of a created and of a deleted definition whether AWS refuses to have both, so that the deletion
    /// comes first. None: any two.
    pub in_the_way: Option<fn(&Value, &Value) -> bool>,
    /// [`Kind::watch`](super::Kind::watch) has something to follow.
    pub watched: bool,
    /// The switch with which AWS refuses a deletion while it is on. A resource is deleted only if `stack.yaml` states it
    /// off: then [`Kind::delete`](super::Kind::delete) switches it off first.
    pub guard: Option<&'static str>,
    /// The property that AWS does not have and that a deletion alone reads. The predecessor of a resource has the value
    /// that `stack.yaml` states now.
    pub read_by_deletion: Option<&'static str>,
    /// The property by which a resource takes a share of an account's quota. Its deletion never yields to the creation
    /// of another resource, which may need that share.
    pub reserves: Option<&'static str>,
    /// Account-wide listings, each with the number of resources in a stack from which it is used, and its actions,
    /// which IAM allows only on `*`.
    pub listings: &'static [(usize, &'static [&'static str])],
    /// The property with the ARN of the permissions boundary, without which a caller may not be allowed to create the
    /// resource.
    pub boundary: Option<&'static str>,
    /// The local cloud creates external resources of the kind when it starts.
    pub provided_locally: bool,
}

impl Calls {
    pub const DEFAULT: Self = Self {
        exists: &[],
        dying: &[],
        cures: &[],
        limited: &[],
        deleted_together: false,
        definition: false,
        in_the_way: None,
        watched: false,
        guard: None,
        read_by_deletion: None,
        reserves: None,
        listings: &[],
        boundary: None,
        provided_locally: false,
    };
}

/// The facts that plans and progress show to people.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// Completes "a deletion loses …": "the messages in it". [`Kind::lost`](super::Kind::lost) can narrow it to some
    /// specs.
    pub lost: Option<&'static str>,
    /// States what fails, and for how long, while a resource is deleted and recreated under its name.
    pub gap: Option<&'static str>,
    /// States what users outside the stack need once another resource takes its place: "senders need its new URL".
    pub moved: Option<&'static str>,
    /// The resource only lets another one of its element work, whose address has the same text in brackets. Plans
    /// mention it in the line of that one.
    pub accompanies: bool,
    /// Usual durations of a creation and of a deletion, in seconds. Only the ratios between kinds matter.
    pub seconds: (f64, f64),
}

impl Person {
    pub const DEFAULT: Self = Self { lost: None, gap: None, moved: None, accompanies: false, seconds: (0.5, 0.4) };
}
