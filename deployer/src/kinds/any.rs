//! A kind without its type: specs as JSON, so that planner, executor and state serve all kinds.

mod shorthands;

use std::marker::PhantomData;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{
    About, Changes, CreatedResource, Excess, FoundResource, Grant, Kind, ObservedResource, Op, Outputs, Person, Rule,
    Sign, Verification, WatchedOperation, fields,
};
use crate::aws::error::NeededPermission;
use crate::aws::tags::Tags;
use crate::aws::{Aws, AwsError, Place, Trust, permission};

/// [`Kind`] with its spec as JSON. The trait has only the operations that need the spec's type; all other facts are in
/// [`About`].
pub trait AnyKind: Send + Sync {
    /// The facts that hold for every resource of the kind.
    fn about(&self) -> &'static About;
    /// The properties of the spec, without those inside them.
    fn properties(&self) -> &'static [&'static str];
    fn meanwhile(&self, live: &Value, want: &Value) -> Option<Value>;
    /// The facts of the kind if the spec does not have its shape.
    fn person(&self, spec: &Value) -> Person;
    fn data_loss(&self, spec: &Value) -> Option<&'static str>;
    fn predict(&self, spec: &Value, place: &Place) -> Result<Outputs, AwsError>;
    fn afterwards(&self, spec: &Value) -> Option<String>;
    fn brief(&self, spec: &Value) -> Option<String>;
    fn early(&self, spec: &Value) -> &'static [&'static str];
    fn given_back(&self, last: &Value, want: &Value, place: &Place) -> Vec<(&'static str, Value)>;
    /// Empty if the spec does not have the kind's shape.
    fn limits(&self, spec: &Value) -> Vec<Excess>;
    fn find_refusal(&self, spec: &Value, changes: Option<&Changes>) -> Option<Excess>;
    /// Empty if a spec does not have the kind's shape.
    fn remarks(&self, live: &Value, want: &Value) -> Vec<String>;
    fn iam(&self, op: Op, spec: &Value, place: &Place) -> Result<Vec<Grant>, AwsError>;
    fn any_named(&self, names: &str, place: &Place) -> Result<Vec<Value>, AwsError>;
    fn rollback(&self, spec: &Value, place: &Place) -> Result<Vec<Grant>, AwsError>;
    fn verification(&self, spec: &Value, place: &Place) -> Result<Verification, AwsError>;
    fn condition(&self, seen: &ObservedResource<Value>) -> Option<String>;
    fn upcoming(&self, spec: &Value, now: Timestamp) -> Option<String>;
    fn signs<'a>(&'a self, aws: &'a Aws, all: &'a [&'a ObservedResource<Value>]) -> BoxFuture<'a, Vec<Vec<Sign>>>;
    fn read<'a>(
        &'a self,
        aws: &'a Aws,
        spec: &'a Value,
        trust: Trust,
    ) -> BoxFuture<'a, Result<Option<ObservedResource<Value>>, AwsError>>;
    fn find<'a>(
        &'a self,
        aws: &'a Aws,
        spec: &'a Value,
    ) -> BoxFuture<'a, Result<Option<ObservedResource<Value>>, AwsError>>;
    fn present<'a>(
        &'a self,
        aws: &'a Aws,
        spec: &'a Value,
    ) -> BoxFuture<'a, Result<Option<ObservedResource<Value>>, AwsError>>;
    fn by_arn(&self, resource: &str, tags: &Tags) -> Option<FoundResource<Value>>;
    fn look_up<'a>(&'a self, aws: &'a Aws, id: &'a str) -> BoxFuture<'a, Result<Option<Value>, AwsError>>;
    fn named_like<'a>(
        &'a self,
        aws: &'a Aws,
        begins: &'a str,
    ) -> BoxFuture<'a, Result<Vec<FoundResource<Value>>, AwsError>>;
    fn parts_of<'a>(
        &'a self,
        aws: &'a Aws,
        parent: &'a str,
    ) -> BoxFuture<'a, Result<Vec<FoundResource<Value>>, AwsError>>;
    fn alike<'a>(
        &'a self,
        aws: &'a Aws,
        spec: &'a Value,
    ) -> BoxFuture<'a, Result<Vec<ObservedResource<Value>>, AwsError>>;
    fn create<'a>(&'a self, aws: &'a Aws, want: &'a Value) -> BoxFuture<'a, Result<CreatedResource, AwsError>>;
    fn update<'a>(
        &'a self,
        aws: &'a Aws,
        live: &'a ObservedResource<Value>,
        want: &'a Value,
        changes: &'a Changes,
    ) -> BoxFuture<'a, Result<(), AwsError>>;
    fn lapses(&self, live: &ObservedResource<Value>, with_parent: bool) -> Option<&'static str>;
    fn delete<'a>(&'a self, aws: &'a Aws, live: &'a ObservedResource<Value>) -> BoxFuture<'a, Result<(), AwsError>>;
    /// `None` if there is nothing to watch.
    fn watch<'a>(
        &'a self,
        aws: &'a Aws,
        spec: Value,
        event: WatchedOperation,
    ) -> Option<BoxFuture<'a, Result<(), AwsError>>>;
}

/// Turns a [`Kind`] into an [`AnyKind`].
pub struct ErasedKind<K>(PhantomData<fn() -> K>);

impl<K: Kind> ErasedKind<K> {
    pub const NEW: Self = Self(PhantomData);

    fn parse(spec: &Value) -> Result<K::Spec, AwsError> {
        K::Spec::deserialize(spec)
            .map_err(|e| AwsError::Shape { what: format!("{} spec", K::NAME), message: e.to_string() })
    }

    /// Adds the resource to a refusal that does not name it.
    fn explain(error: AwsError, op: Op, spec: &K::Spec, place: &Place) -> AwsError {
        let AwsError::Service(mut refusal) = error else { return error };
        let named = refusal.message.contains(" on resource: ");
        let error = AwsError::Service(refusal.clone());
        if named || !error.is_access_denied() {
            return error;
        }
        let action = permission::action(refusal.operation);
        let grants = K::iam(op, spec, place);
        let Some(grant) = grants.iter().find(|grant| grant.actions.iter().any(|known| *known == action)) else {
            return error;
        };
        refusal.needed = Some(NeededPermission { action: action.into_owned(), resources: grant.resources.clone() });
        AwsError::Service(refusal)
    }

    fn value(spec: &K::Spec) -> Result<Value, AwsError> {
        serde_json::to_value(spec)
            .map_err(|e| AwsError::Shape { what: format!("{} observed", K::NAME), message: e.to_string() })
    }

    fn erase_found(found: FoundResource<K::Spec>) -> Result<FoundResource<Value>, AwsError> {
        let spec = found.spec.map(|spec| Self::value(&spec)).transpose()?;
        Ok(FoundResource { id: found.id, spec, address: found.address })
    }

    fn erase_observed(seen: ObservedResource<K::Spec>) -> Result<ObservedResource<Value>, AwsError> {
        Ok(ObservedResource {
            physical_id: seen.physical_id,
            spec: Self::value(&seen.spec)?,
            outputs: seen.outputs,
            notes: seen.notes,
            twins: seen.twins,
        })
    }

    /// Drops the tags that the stack ignores, unless `spec` states them.
    fn strip(aws: &Aws, spec: &Value, seen: ObservedResource<K::Spec>) -> Result<ObservedResource<Value>, AwsError> {
        let mut seen = Self::erase_observed(seen)?;
        let stated: Vec<&str> =
            spec["tags"].as_object().map(|tags| tags.keys().map(String::as_str).collect()).unwrap_or_default();
        if let Some(tags) = seen.spec.get_mut("tags").and_then(Value::as_object_mut) {
            let caseless = K::ABOUT.tags.is_some_and(|rules| rules.caseless);
            tags.retain(|key, _| !aws.ignored.has(key, &stated, caseless));
        }
        Ok(seen)
    }

    fn typed_live(live: &ObservedResource<Value>) -> Result<ObservedResource<K::Spec>, AwsError> {
        Ok(ObservedResource {
            physical_id: live.physical_id.clone(),
            spec: Self::parse(&live.spec)?,
            outputs: live.outputs.clone(),
            notes: live.notes.clone(),
            twins: live.twins.clone(),
        })
    }
}

impl<K: Kind> AnyKind for ErasedKind<K> {
    fn about(&self) -> &'static About {
        const { &K::ABOUT }
    }

    fn properties(&self) -> &'static [&'static str] {
        fields::of::<K::Spec>()
    }

    fn meanwhile(&self, live: &Value, want: &Value) -> Option<Value> {
        let spec = K::meanwhile(&Self::parse(live).ok()?, &Self::parse(want).ok()?)?;
        serde_json::to_value(spec).ok()
    }

    fn person(&self, spec: &Value) -> Person {
        Self::parse(spec).map_or(K::ABOUT.person, |spec| K::person(&spec))
    }

    fn data_loss(&self, spec: &Value) -> Option<&'static str> {
        K::ABOUT.person.lost.and_then(|lost| Self::parse(spec).map_or(Some(lost), |spec| K::data_loss(&spec)))
    }

    fn predict(&self, spec: &Value, place: &Place) -> Result<Outputs, AwsError> {
        Ok(K::predict(&Self::parse(spec)?, place))
    }

    fn brief(&self, spec: &Value) -> Option<String> {
        K::brief(&Self::parse(spec).ok()?)
    }

    fn afterwards(&self, spec: &Value) -> Option<String> {
        K::afterwards(&Self::parse(spec).ok()?)
    }

    fn early(&self, spec: &Value) -> &'static [&'static str] {
        if K::ABOUT.references.early.is_empty() { &[] } else { Self::parse(spec).map_or(&[], |spec| K::early(&spec)) }
    }

    fn given_back(&self, last: &Value, want: &Value, place: &Place) -> Vec<(&'static str, Value)> {
        if !K::ABOUT.rules.iter().any(|(_, rule)| matches!(rule, Rule::Unmanaged)) {
            return Vec::new();
        }
        Self::parse(want).map(|want| K::given_back(last, &want, place)).unwrap_or_default()
    }

    fn limits(&self, spec: &Value) -> Vec<Excess> {
        Self::parse(spec).map_or_else(|_| Vec::new(), |spec| K::limits(&spec))
    }

    fn find_refusal(&self, spec: &Value, changes: Option<&Changes>) -> Option<Excess> {
        K::find_refusal(&Self::parse(spec).ok()?, changes)
    }

    fn remarks(&self, live: &Value, want: &Value) -> Vec<String> {
        let (Ok(live), Ok(want)) = (Self::parse(live), Self::parse(want)) else { return Vec::new() };
        K::remarks(&live, &want)
    }

    fn iam(&self, op: Op, spec: &Value, place: &Place) -> Result<Vec<Grant>, AwsError> {
        Ok(K::iam(op, &Self::parse(spec)?, place))
    }

    fn any_named(&self, names: &str, place: &Place) -> Result<Vec<Value>, AwsError> {
        K::any_named(names, place).iter().map(Self::value).collect()
    }

    fn rollback(&self, spec: &Value, place: &Place) -> Result<Vec<Grant>, AwsError> {
        Ok(K::rollback(&Self::parse(spec)?, place))
    }

    fn verification(&self, spec: &Value, place: &Place) -> Result<Verification, AwsError> {
        Ok(K::verification(&Self::parse(spec)?, place))
    }

    fn condition(&self, seen: &ObservedResource<Value>) -> Option<String> {
        K::condition(&Self::typed_live(seen).ok()?)
    }

    fn upcoming(&self, spec: &Value, now: Timestamp) -> Option<String> {
        K::upcoming(&Self::parse(spec).ok()?, now)
    }

    fn signs<'a>(&'a self, aws: &'a Aws, all: &'a [&'a ObservedResource<Value>]) -> BoxFuture<'a, Vec<Vec<Sign>>> {
        async move {
            let typed: Result<Vec<_>, _> = all.iter().map(|seen| Self::typed_live(seen)).collect();
            match typed {
                Ok(all) => K::signs(aws, &all).await,
                Err(_) => Vec::new(),
            }
        }
        .boxed()
    }

    fn read<'a>(
        &'a self,
        aws: &'a Aws,
        spec: &'a Value,
        trust: Trust,
    ) -> BoxFuture<'a, Result<Option<ObservedResource<Value>>, AwsError>> {
        async move {
            let want = Self::parse(spec)?;
            let seen = K::read(aws, &want, trust).await.map_err(|e| Self::explain(e, Op::Read, &want, &aws.place))?;
            seen.map(|seen| Self::strip(aws, spec, seen)).transpose()
        }
        .boxed()
    }

    fn find<'a>(
        &'a self,
        aws: &'a Aws,
        spec: &'a Value,
    ) -> BoxFuture<'a, Result<Option<ObservedResource<Value>>, AwsError>> {
        async move {
            let want = Self::parse(spec)?;
            let seen = K::find(aws, &want).await.map_err(|e| Self::explain(e, Op::Read, &want, &aws.place))?;
            seen.map(|seen| Self::strip(aws, spec, seen)).transpose()
        }
        .boxed()
    }

    fn present<'a>(
        &'a self,
        aws: &'a Aws,
        spec: &'a Value,
    ) -> BoxFuture<'a, Result<Option<ObservedResource<Value>>, AwsError>> {
        async move {
            let want = Self::parse(spec)?;
            let seen = K::present(aws, &want).await.map_err(|e| Self::explain(e, Op::Present, &want, &aws.place))?;
            seen.map(|seen| Self::strip(aws, spec, seen)).transpose()
        }
        .boxed()
    }

    fn by_arn(&self, resource: &str, tags: &Tags) -> Option<FoundResource<Value>> {
        Self::erase_found(K::by_arn(resource, tags)?).ok()
    }

    fn look_up<'a>(&'a self, aws: &'a Aws, id: &'a str) -> BoxFuture<'a, Result<Option<Value>, AwsError>> {
        async move { K::look_up(aws, id).await?.map(|spec| Self::value(&spec)).transpose() }.boxed()
    }

    fn named_like<'a>(
        &'a self,
        aws: &'a Aws,
        begins: &'a str,
    ) -> BoxFuture<'a, Result<Vec<FoundResource<Value>>, AwsError>> {
        async move { K::named_like(aws, begins).await?.into_iter().map(Self::erase_found).collect() }.boxed()
    }

    fn parts_of<'a>(
        &'a self,
        aws: &'a Aws,
        parent: &'a str,
    ) -> BoxFuture<'a, Result<Vec<FoundResource<Value>>, AwsError>> {
        async move { K::parts_of(aws, parent).await?.into_iter().map(Self::erase_found).collect() }.boxed()
    }

    fn alike<'a>(
        &'a self,
        aws: &'a Aws,
        spec: &'a Value,
    ) -> BoxFuture<'a, Result<Vec<ObservedResource<Value>>, AwsError>> {
        async move {
            let like = Self::parse(spec)?;
            let seen = K::alike(aws, &like).await.map_err(|e| Self::explain(e, Op::Present, &like, &aws.place))?;
            seen.into_iter().map(Self::erase_observed).collect()
        }
        .boxed()
    }

    fn create<'a>(&'a self, aws: &'a Aws, want: &'a Value) -> BoxFuture<'a, Result<CreatedResource, AwsError>> {
        async move {
            let want = Self::parse(want)?;
            K::create(aws, &want).await.map_err(|e| Self::explain(e, Op::Create, &want, &aws.place))
        }
        .boxed()
    }

    fn update<'a>(
        &'a self,
        aws: &'a Aws,
        live: &'a ObservedResource<Value>,
        want: &'a Value,
        changes: &'a Changes,
    ) -> BoxFuture<'a, Result<(), AwsError>> {
        async move {
            let want = Self::parse(want)?;
            let updated = K::update(aws, &Self::typed_live(live)?, &want, changes).await;
            updated.map_err(|e| Self::explain(e, Op::Update, &want, &aws.place))
        }
        .boxed()
    }

    fn lapses(&self, live: &ObservedResource<Value>, with_parent: bool) -> Option<&'static str> {
        K::lapses(&Self::typed_live(live).ok()?, with_parent)
    }

    fn delete<'a>(&'a self, aws: &'a Aws, live: &'a ObservedResource<Value>) -> BoxFuture<'a, Result<(), AwsError>> {
        async move {
            let live = Self::typed_live(live)?;
            K::delete(aws, &live).await.map_err(|e| Self::explain(e, Op::Delete, &live.spec, &aws.place))
        }
        .boxed()
    }

    fn watch<'a>(
        &'a self,
        aws: &'a Aws,
        spec: Value,
        event: WatchedOperation,
    ) -> Option<BoxFuture<'a, Result<(), AwsError>>> {
        let watch = async move {
            let spec = Self::parse(&spec)?;
            let op = if matches!(event, WatchedOperation::Deleted) { Op::Delete } else { Op::Update };
            K::watch(aws, &spec, &event).await.map_err(|e| Self::explain(e, op, &spec, &aws.place))
        };
        K::ABOUT.calls.watched.then(|| watch.boxed())
    }
}
