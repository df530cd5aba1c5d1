//! Decides which API a spec means: names are not unique, and tags can be copied.
//!
//! REST APIs and HTTP APIs have listings of their own, and are told apart from each other's in the same way.

use std::collections::HashMap;

use aws_smithy_types::DateTime;

use crate::aws::owner::Owner;
use crate::aws::{Aws, AwsError, tags};

/// How far the clocks of AWS and of the interrupted run may be apart, in seconds.
const CLOCKS_APART_S: i64 = 60;

/// An API in a listing of all APIs.
pub(crate) trait ListedApi: Clone {
    fn id(&self) -> Option<&str>;
    fn tags(&self) -> Option<&HashMap<String, String>>;
    fn created_at(&self) -> Option<&DateTime>;
}

/// The kind of an API, and the ownership tags that it has to carry.
#[derive(Clone, Copy)]
pub(crate) struct ApiOwner<'a> {
    pub kind: &'static str,
    pub stack: &'a str,
    pub address: &'a str,
}

/// The API that a spec means, and further ones with the same ownership tags.
pub(crate) struct MatchingApis<A> {
    pub api: A,
    /// Ids of further APIs that the same interrupted run created.
    pub duplicates: Vec<String>,
    /// Ids of APIs that an unknown run or user created.
    pub others: Vec<String>,
}

impl<A> MatchingApis<A> {
    const fn alone(api: A) -> Self {
        Self { api, duplicates: Vec::new(), others: Vec::new() }
    }

    /// Describes the further APIs, for people.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.duplicates.is_empty() {
            let ids = self.duplicates.join(", ");
            notes.push(format!("an interrupted run made further APIs for this element, which are deleted: {ids}"));
        }
        if !self.others.is_empty() {
            let ids = self.others.join(", ");
            notes.push(format!(
                "other APIs carry the same ownership tags and are left alone: {ids}; delete them or take their tags off"
            ));
        }
        notes
    }
}

/// Finds the API that `owner` means: the one that the user named, or else the one in the state, or the only one with the
/// ownership tags. The APIs of an interrupted run are recognised by their time of creation.
///
/// # Errors
/// [`AwsError::Ambiguous`] if nothing tells which of several APIs is meant.
pub(crate) fn find_matching<A: ListedApi>(
    aws: &Aws,
    all: &[A],
    owner: ApiOwner<'_>,
) -> Result<Option<MatchingApis<A>>, AwsError> {
    let by_id = |id: &String| all.iter().find(|api| api.id() == Some(id)).cloned();
    if let Some(id) = aws.run.claimed_id(owner.address) {
        return Ok(by_id(&id).map(MatchingApis::alone));
    }
    let identity = [owner.stack, owner.address];
    let expected = aws.run.recorded_id(owner.kind, &identity);
    let since = aws.run.interrupted_create_s(owner.kind, &identity);
    let recent = |api: &A| {
        let made = api.created_at().map(DateTime::secs);
        since.zip(made).is_some_and(|(since, made)| made >= since - CLOCKS_APART_S)
    };
    let recorded = expected.as_ref().and_then(by_id);
    let is_recorded = |api: &A| recorded.as_ref().is_some_and(|own| own.id() == api.id());
    let candidates = carrying(all, owner);
    let (recent, others): (Vec<A>, Vec<A>) = candidates.into_iter().filter(|api| !is_recorded(api)).partition(recent);
    let ids = |apis: &[A]| apis.iter().filter_map(|api| api.id().map(str::to_owned)).collect::<Vec<_>>();
    if let Some(api) = recorded {
        return Ok(Some(MatchingApis { api, duplicates: ids(&recent), others: ids(&others) }));
    }
    match (recent.split_first(), others.as_slice()) {
        (Some((api, more)), _) => {
            Ok(Some(MatchingApis { api: api.clone(), duplicates: ids(more), others: ids(&others) }))
        }
        (None, []) => Ok(None),
        (None, [api]) if expected.is_none() => Ok(Some(MatchingApis::alone(api.clone()))),
        (None, others) => {
            let address = owner.address.to_owned();
            let what = match expected {
                Some(gone) => {
                    format!("the API {gone} of the last apply is gone, and others carry the tags of `{address}`")
                }
                None => format!("{} APIs carry the tags of `{address}`", others.len()),
            };
            Err(AwsError::Ambiguous { what, address, ids: ids(others) })
        }
    }
}

/// Returns the APIs with the ownership tags, the oldest first.
pub(crate) fn carrying<A: ListedApi>(all: &[A], owner: ApiOwner<'_>) -> Vec<A> {
    let carries = |api: &&A| {
        let tag = |key: &str| api.tags().and_then(|tags| tags.get(key)).map(String::as_str);
        Owner::by_tag(owner.stack, tag(tags::STACK), false).is_ours() && tag(tags::ADDRESS) == Some(owner.address)
    };
    let mut ours: Vec<A> = all.iter().filter(carries).cloned().collect();
    ours.sort_by_key(|api| (api.created_at().map(|at| (at.secs(), at.subsec_nanos())), api.id().map(str::to_owned)));
    ours
}

/// Describes the parts of one type that stay as they are, with the first few names.
pub(crate) fn note_kept<'a>(notes: &mut Vec<String>, what: &str, all: impl Iterator<Item = &'a str>) {
    /// The most parts of one type that a note names.
    const NAMED: usize = 5;
    let all: std::collections::BTreeSet<&str> = all.collect();
    if all.is_empty() {
        return;
    }
    let more = all.len().saturating_sub(NAMED);
    let named = all.into_iter().take(NAMED).map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    notes.push(format!("has {what} that stack.yaml does not have: {named}{more}; they are left as they are"));
}
