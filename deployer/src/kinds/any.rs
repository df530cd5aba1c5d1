//! A kind without its type: specs as JSON, so that planner, executor and state serve all kinds.

use std::marker::PhantomData;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::{Changes, Created, Grant, Kind, Observed, Op, Outputs, Ownership, Rule};
use crate::aws::{Aws, AwsError, Place};

/// [`Kind`] with its spec as JSON.
pub trait AnyKind: Send + Sync {
    fn name(&self) -> &'static str;
    fn outputs(&self) -> &'static [&'static str];
    fn identity(&self) -> &'static [&'static str];
    fn rules(&self) -> &'static [(&'static str, Rule)];
    fn ownership(&self) -> Ownership;
    fn is_definition(&self) -> bool;
    fn predict(&self, spec: &Value, place: &Place) -> Result<Outputs, AwsError>;
    fn afterwards(&self, spec: &Value) -> Option<String>;
    fn iam(&self, op: Op, spec: &Value, place: &Place) -> Result<Vec<Grant>, AwsError>;
    fn read<'a>(&'a self, aws: &'a Aws, spec: &'a Value) -> BoxFuture<'a, Result<Option<Observed<Value>>, AwsError>>;
    fn find<'a>(&'a self, aws: &'a Aws, spec: &'a Value) -> BoxFuture<'a, Result<Option<Observed<Value>>, AwsError>>;
    fn create<'a>(&'a self, aws: &'a Aws, want: &'a Value) -> BoxFuture<'a, Result<Created, AwsError>>;
    fn update<'a>(
        &'a self,
        aws: &'a Aws,
        live: &'a Observed<Value>,
        want: &'a Value,
        changes: &'a Changes,
    ) -> BoxFuture<'a, Result<(), AwsError>>;
    fn delete<'a>(&'a self, aws: &'a Aws, live: &'a Observed<Value>) -> BoxFuture<'a, Result<(), AwsError>>;
}

/// Carries a [`Kind`] across to [`AnyKind`].
pub struct Erased<K>(PhantomData<fn() -> K>);

impl<K: Kind> Erased<K> {
    pub const NEW: Self = Self(PhantomData);

    fn typed(spec: &Value) -> Result<K::Spec, AwsError> {
        K::Spec::deserialize(spec)
            .map_err(|e| AwsError::Shape { what: format!("{} spec", K::NAME), message: e.to_string() })
    }

    fn untyped(seen: Observed<K::Spec>) -> Result<Observed<Value>, AwsError> {
        let spec = serde_json::to_value(&seen.spec)
            .map_err(|e| AwsError::Shape { what: format!("{} observed", K::NAME), message: e.to_string() })?;
        Ok(Observed { physical_id: seen.physical_id, spec, outputs: seen.outputs, notes: seen.notes })
    }

    fn typed_live(live: &Observed<Value>) -> Result<Observed<K::Spec>, AwsError> {
        Ok(Observed {
            physical_id: live.physical_id.clone(),
            spec: Self::typed(&live.spec)?,
            outputs: live.outputs.clone(),
            notes: live.notes.clone(),
        })
    }
}

use serde::Deserialize;

impl<K: Kind> AnyKind for Erased<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn outputs(&self) -> &'static [&'static str] {
        K::OUTPUTS
    }

    fn identity(&self) -> &'static [&'static str] {
        K::IDENTITY
    }

    fn rules(&self) -> &'static [(&'static str, Rule)] {
        K::RULES
    }

    fn ownership(&self) -> Ownership {
        K::OWNERSHIP
    }

    fn is_definition(&self) -> bool {
        K::DEFINITION
    }

    fn predict(&self, spec: &Value, place: &Place) -> Result<Outputs, AwsError> {
        Ok(K::predict(&Self::typed(spec)?, place))
    }

    fn afterwards(&self, spec: &Value) -> Option<String> {
        K::afterwards(&Self::typed(spec).ok()?)
    }

    fn iam(&self, op: Op, spec: &Value, place: &Place) -> Result<Vec<Grant>, AwsError> {
        Ok(K::iam(op, &Self::typed(spec)?, place))
    }

    fn read<'a>(&'a self, aws: &'a Aws, spec: &'a Value) -> BoxFuture<'a, Result<Option<Observed<Value>>, AwsError>> {
        async move { K::read(aws, &Self::typed(spec)?).await?.map(Self::untyped).transpose() }.boxed()
    }

    fn find<'a>(&'a self, aws: &'a Aws, spec: &'a Value) -> BoxFuture<'a, Result<Option<Observed<Value>>, AwsError>> {
        async move { K::find(aws, &Self::typed(spec)?).await?.map(Self::untyped).transpose() }.boxed()
    }

    fn create<'a>(&'a self, aws: &'a Aws, want: &'a Value) -> BoxFuture<'a, Result<Created, AwsError>> {
        async move { K::create(aws, &Self::typed(want)?).await }.boxed()
    }

    fn update<'a>(
        &'a self,
        aws: &'a Aws,
        live: &'a Observed<Value>,
        want: &'a Value,
        changes: &'a Changes,
    ) -> BoxFuture<'a, Result<(), AwsError>> {
        async move { K::update(aws, &Self::typed_live(live)?, &Self::typed(want)?, changes).await }.boxed()
    }

    fn delete<'a>(&'a self, aws: &'a Aws, live: &'a Observed<Value>) -> BoxFuture<'a, Result<(), AwsError>> {
        async move { K::delete(aws, &Self::typed_live(live)?).await }.boxed()
    }
}
