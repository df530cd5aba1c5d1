//! The operations of a kind.

use std::future::Future;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    About, Changes, CreatedResource, Excess, FoundResource, Grant, ObservedResource, Op, Outputs, Person, Sign,
    Verification,
};
#[cfg(doc)]
use super::{Calls, References, Rule};
use crate::aws::tags::Tags;
use crate::aws::{Aws, AwsError, Place, Trust};

/// One AWS kind. The spec has every property with AWS's own name in snake_case.
///
/// References to other resources are resolved before any method is called, with one exception: in `read` and `predict`,
/// a property outside [`About::identity`] may still hold `${…}`.
pub trait Kind: Send + Sync + 'static {
    /// The facts that hold for every resource of the kind.
    const ABOUT: About;
    /// The kind's name.
    const NAME: &'static str = Self::ABOUT.name;
    type Spec: Serialize + DeserializeOwned + Send + Sync;

    /// Computes the outputs that follow from the identity and the place, without AWS.
    fn predict(spec: &Self::Spec, place: &Place) -> Outputs;

    /// Finds what AWS would refuse in a spec with resolved references and the schema cannot check: the size of a
    /// document as AWS measures it. Values that only AWS can tell are missing from the texts.
    fn limits(_spec: &Self::Spec) -> Vec<Excess> {
        Vec::new()
    }

    /// Returns the reason why AWS would refuse these changes, or a creation (`None`).
    fn find_refusal(_spec: &Self::Spec, _changes: Option<&Changes>) -> Option<Excess> {
        None
    }

    /// Tells about an update in place what its properties do not show, such as a time in which a part is missing.
    fn remarks(_live: &Self::Spec, _want: &Self::Spec) -> Vec<String> {
        Vec::new()
    }

    /// Names the task that a creation leaves to the user, such as confirming an e-mail address.
    fn afterwards(_spec: &Self::Spec) -> Option<String> {
        None
    }

    /// Describes a new resource in one line of a plan, in place of its properties, which `-v` shows.
    fn brief(_spec: &Self::Spec) -> Option<String> {
        None
    }

    /// Returns the facts for people as they apply to this spec.
    fn person(_spec: &Self::Spec) -> Person {
        Self::ABOUT.person
    }

    /// Returns [`Person::lost`] if it applies to this spec.
    fn data_loss(_spec: &Self::Spec) -> Option<&'static str> {
        Self::ABOUT.person.lost
    }

    /// Returns those of [`References::early`] that apply to this spec.
    fn early(_spec: &Self::Spec) -> &'static [&'static str] {
        Self::ABOUT.references.early
    }

    /// Returns the values that AWS gives a new resource, by property path, for [`Rule::Unmanaged`] properties that
    /// `last`, the spec of the last apply, stated and `want` no longer does.
    fn given_back(_last: &Value, _want: &Self::Spec, _place: &Place) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// Names the actions that `op` may call, and on which ARNs.
    fn iam(op: Op, spec: &Self::Spec, place: &Place) -> Vec<Grant>;

    /// Returns specs whose names are the pattern `names`, such as `shop-*`. Together they need every grant that a
    /// resource with such a name may need, except on resources of others that it refers to: keys, layers, policies. A
    /// kind without names returns one spec.
    fn any_named(_names: &str, _place: &Place) -> Vec<Self::Spec> {
        Vec::new()
    }

    /// Names the actions that `deployer rollback` may call for the resource.
    fn rollback(_spec: &Self::Spec, _place: &Place) -> Vec<Grant> {
        Vec::new()
    }

    /// Names the edges on which messages pass through the resource, and the calls that `deployer verify` needs for it.
    fn verification(_spec: &Self::Spec, _place: &Place) -> Verification {
        Verification::default()
    }

    /// Describes a resource without notes in a word or two, such as `enabled`.
    fn condition(_seen: &ObservedResource<Self::Spec>) -> Option<String> {
        None
    }

    /// Tells when the resource acts by itself next, after `now`: `fires 2030-01-31 06:00 UTC, …`.
    fn upcoming(_spec: &Self::Spec, _now: Timestamp) -> Option<String> {
        None
    }

    /// Asks AWS for the health of all resources of the kind in a stack, beyond their configuration. Returns the signs
    /// of each, in the order of `all`; nothing if the kind has no such question.
    fn signs(_aws: &Aws, _all: &[ObservedResource<Self::Spec>]) -> impl Future<Output = Vec<Vec<Sign>>> + Send {
        std::future::ready(Vec::new())
    }

    /// Reads the live resource by the identity in `spec`; `None` only if AWS says that it does not exist. `trust` tells
    /// whether its tags may come from a listing.
    fn read(
        aws: &Aws,
        spec: &Self::Spec,
        trust: Trust,
    ) -> impl Future<Output = Result<Option<ObservedResource<Self::Spec>>, AwsError>> + Send;

    /// Reads an external resource, of which only the outputs are used. May make fewer calls than `read`.
    fn find(
        aws: &Aws,
        spec: &Self::Spec,
    ) -> impl Future<Output = Result<Option<ObservedResource<Self::Spec>>, AwsError>> + Send {
        Self::read(aws, spec, Trust::Listing)
    }

    /// Reads what a deletion needs: whether the resource exists and whose it is. May make fewer calls than `read` and
    /// copy all other properties from `spec`.
    fn present(
        aws: &Aws,
        spec: &Self::Spec,
    ) -> impl Future<Output = Result<Option<ObservedResource<Self::Spec>>, AwsError>> + Send {
        Self::read(aws, spec, Trust::Resource)
    }

    /// Recognises a resource of the kind by its ARN: the part after the account, such as `log-group:NAME`. Every kind
    /// with ownership tags needs this to find orphans.
    fn by_arn(_resource: &str, _tags: &Tags) -> Option<FoundResource<Self::Spec>> {
        None
    }

    /// Asks AWS for the identity of a resource that was found by an id without a spec.
    fn look_up(_aws: &Aws, _id: &str) -> impl Future<Output = Result<Option<Self::Spec>, AwsError>> + Send {
        std::future::ready(Ok(None))
    }

    /// Lists the resources whose names begin with `begins`, if they are not listed by their tags.
    fn named_like(
        _aws: &Aws,
        _begins: &str,
    ) -> impl Future<Output = Result<Vec<FoundResource<Self::Spec>>, AwsError>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// Lists the resources that are part of the parent with this id, if the search for orphans finds them in no other
    /// way.
    fn parts_of(
        _aws: &Aws,
        _parent: &str,
    ) -> impl Future<Output = Result<Vec<FoundResource<Self::Spec>>, AwsError>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// Lists the resources whose identity equals that of `spec` in all properties but [`About::may_be_secret`]. The
    /// state has only the fingerprint of a secret, and AWS finds nothing by that. The result suffices to delete a
    /// resource.
    fn alike(
        _aws: &Aws,
        _spec: &Self::Spec,
    ) -> impl Future<Output = Result<Vec<ObservedResource<Self::Spec>>, AwsError>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// Creates the resource. Returns once its dependents can use it.
    fn create(aws: &Aws, want: &Self::Spec) -> impl Future<Output = Result<CreatedResource, AwsError>> + Send;

    /// Changes the properties in `changes`, and no others, in place.
    fn update(
        aws: &Aws,
        live: &ObservedResource<Self::Spec>,
        want: &Self::Spec,
        changes: &Changes,
    ) -> impl Future<Output = Result<(), AwsError>> + Send;

    /// Returns the spec to update to first, if `want` takes away what dependents still need. The rest follows once they
    /// have changed. `None` if the whole change can be made at once.
    fn meanwhile(_live: &Self::Spec, _want: &Self::Spec) -> Option<Self::Spec> {
        None
    }

    /// Describes what a deletion leaves for a time, to AWS or to people, if anything. `with_parent` tells that AWS deletes
    /// the resource along with its parent.
    fn lapses(_live: &ObservedResource<Self::Spec>, _with_parent: bool) -> Option<&'static str> {
        None
    }

    /// Deletes the resource. Succeeds if it is deleted already.
    fn delete(aws: &Aws, live: &ObservedResource<Self::Spec>) -> impl Future<Output = Result<(), AwsError>> + Send;

    /// Follows work that AWS has accepted and finishes on its own, such as a function on its way to Active. Dependents
    /// do not wait for it, and it continues after the state's lock is released, so it only reads. Needs
    /// [`Calls::watched`].
    fn watch(
        _aws: &Aws,
        _spec: &Self::Spec,
        _event: &WatchedOperation,
    ) -> impl Future<Output = Result<(), AwsError>> + Send {
        std::future::ready(Ok(()))
    }
}

/// The operation that [`Kind::watch`] follows.
#[derive(Debug, Clone)]
pub enum WatchedOperation {
    Created,
    Updated(Changes),
    Deleted,
}
