//! Finds orphans: resources with this stack's ownership tags that are neither in `stack.yaml` nor in the state. They
//! were created before the state was lost, or somebody removed their record.
//!
//! **Guarantees**: a listing is only a hint. A resource counts as an orphan only if a read shows that it exists and has
//! this stack's tags. Without permission to list, no orphans are found and nothing else fails.
//! **Caveats**: the Resource Groups Tagging API lags minutes behind the services and does not list roles. Roles are
//! found through the functions that use them, and in a thorough search also by name. Parts without tags (permissions,
//! subscriptions) of a resource in `stack.yaml` are not searched for.

mod by_arn;
mod names;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use aws_sdk_resourcegroupstagging::types::TagFilter;
use aws_smithy_types::retry::RetryConfig;
use futures::future::{Either, join_all, select};
use serde_json::Value;

use super::Observation;
use super::left::identities;
use crate::aws::{Aws, AwsError, Trust, tagged, tags};
use crate::graph::Graph;
use crate::graph::owner::by_own_tags;
use crate::kinds::{self, About, Need, ObservedResource};
use crate::spec::env;
use crate::state::{Record, State, leftover};

use by_arn::Candidate;

/// A resource of this stack that is neither in `stack.yaml` nor in the state.
#[derive(Debug, Clone)]
pub struct Orphan {
    /// The address from its tag, made unique.
    pub address: String,
    pub kind: &'static str,
    pub id: String,
    /// `Err` is the reason why it must not be deleted.
    pub live: Result<ObservedResource<Value>, String>,
}

impl Orphan {
    /// Returns the addresses of the orphans in `all` that this one needs. They are deleted after it.
    pub(crate) fn needs(&self, all: &[Self]) -> BTreeSet<String> {
        let (Ok(live), Some(about)) = (&self.live, self.about()) else { return BTreeSet::new() };
        let needs = about.references.needs.iter();
        let needed: Vec<(&str, &str)> =
            needs.filter_map(|need| Some((live.spec.pointer(need.pointer)?.as_str()?, need.kind))).collect();
        let is_needed = |other: &&Self| needed.iter().any(|(name, kind)| other.kind == *kind && other.is_called(name));
        all.iter().filter(is_needed).map(|other| other.address.clone()).collect()
    }

    fn about(&self) -> Option<&'static About> {
        kinds::find(self.kind).map(|kind| kind.about())
    }

    /// Tells whether `name` is its id or one of its outputs.
    fn is_called(&self, name: &str) -> bool {
        let live = self.live.as_ref();
        live.is_ok_and(|live| live.physical_id == name || live.outputs.values().any(|output| output == name))
    }
}

/// Records that the resource of `kind` with these inputs is left in AWS on purpose, so that it is no orphan.
pub fn leave(state: &mut State, kind: &str, inputs: &Value) {
    if let Some((kind, name)) = key_of(kind, inputs) {
        state.left_in_aws.entry(kind).or_default().insert(name);
    }
}

/// Records that a resource belongs to this stack again.
pub fn take_back(state: &mut State, record: &Record) {
    let Some((kind, name)) = key_of(&record.kind, &record.inputs) else { return };
    if let Some(left) = state.left_in_aws.get_mut(&kind) {
        left.remove(&name);
    }
    state.left_in_aws.retain(|_, left| !left.is_empty());
}

/// Returns the kind and identity of a resource.
fn key_of(kind: &str, inputs: &Value) -> Option<(String, String)> {
    Some((kind.to_owned(), kinds::find(kind)?.identify(inputs)))
}

/// How thoroughly to search for orphans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Uses the tagging API. Searches by name only if the stack has no state.
    Usual,
    /// Always searches by name, too.
    Thorough,
}

/// How long to wait for the listing after all reads have ended. Nothing depends on it, and without a network route to
/// the tagging API it never arrives.
const GRACE: Duration = Duration::from_secs(1);

/// Returns the result of `reads` and the listing; `None` if the listing takes [`GRACE`] longer than the reads. A
/// thorough search waits for it in any case.
pub(super) async fn beside<T, L>(
    reads: impl Future<Output = T>,
    listing: impl Future<Output = L>,
    search: Search,
) -> (T, Option<L>) {
    match select(pin!(reads), pin!(listing)).await {
        Either::Right((listed, reads)) => (reads.await, Some(listed)),
        Either::Left((read, listing)) if search == Search::Thorough => (read, Some(listing.await)),
        Either::Left((read, listing)) => (read, tokio::time::timeout(GRACE, listing).await.ok()),
    }
}

/// Lists the resources of `owner` through the tagging API; empty if that fails.
pub(super) async fn list_or_nothing(aws: &Aws, owner: &str) -> Vec<Candidate> {
    list(aws, owner).await.unwrap_or_else(|error| {
        tracing::debug!(%error, "nothing is known of orphans");
        Vec::new()
    })
}

/// Calls GetResources for all pages.
async fn list(aws: &Aws, owner: &str) -> Result<Vec<Candidate>, AwsError> {
    let filter = TagFilter::builder().key(tags::STACK).values(owner).build();
    // Nothing depends on the listing, so a service in trouble gets only one retry.
    let once = aws_sdk_resourcegroupstagging::config::Builder::new()
        .retry_config(RetryConfig::standard().with_max_attempts(2));
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let call = aws.clients.tagging.get_resources().tag_filters(filter.clone()).set_pagination_token(token);
        let page = aws.call(tagged::OPERATION, call.customize().config_override(once.clone()).send()).await?;
        for resource in page.resource_tag_mapping_list.unwrap_or_default() {
            let tags = resource.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value));
            let Some(arn) = resource.resource_arn else { continue };
            found.extend(by_arn::by_arn(&arn, tags::without_aws(tags)));
        }
        token = page.pagination_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// Reads the candidates that are neither in the graph nor in the state, and the resources that belong to them.
pub(super) async fn find_orphans(
    graph: &Graph,
    aws: &Aws,
    seen: &Observation,
    listed: Vec<Candidate>,
    search: Search,
) -> Vec<Orphan> {
    let owner = &seen.prior.stack;
    let no_state = seen.prior.resources.is_empty() && seen.prior.intents.is_empty();
    let local = aws.place.endpoint_url.is_some();
    let by_names = search == Search::Thorough || (no_state && (local || !listed.is_empty()));
    let mut known = KnownResources::of(graph, aws, seen);
    let mut waiting = listed;
    if by_names {
        waiting.extend(names::alike(aws, env::stack_of(owner), env::of_owner(owner)).await);
    }
    let mut orphans = Vec::new();
    while !waiting.is_empty() {
        let new: Vec<Candidate> = waiting.drain(..).filter(|candidate| known.is_new(candidate)).collect();
        for (candidate, read) in join_all(new.into_iter().map(|candidate| read(aws, candidate))).await {
            let Some(orphan) = known.orphan(owner, candidate, read) else { continue };
            waiting.extend(used_by(&orphan, aws));
            waiting.extend(names::parts(aws, orphan.kind, &orphan.id).await);
            orphans.push(orphan);
        }
    }
    keep_those_of_elsewhere(&mut orphans, &aws.place.region);
    orphans.sort_by(|a, b| a.address.cmp(&b.address));
    orphans
}

/// Sets the reason not to delete a resource that is in no region, if a stack in another region may use it.
fn keep_those_of_elsewhere(orphans: &mut [Orphan], region: &str) {
    let in_region = orphans.iter().filter(|orphan| orphan.about().is_some_and(|about| !about.regionless));
    let used: BTreeSet<String> = in_region.flat_map(|orphan| orphan.needs(orphans)).collect();
    for orphan in orphans {
        let (Some(about), Ok(live)) = (orphan.about().filter(|about| about.regionless), &orphan.live) else { continue };
        if !names::is_of(about.policies(&live.spec), region, used.contains(&orphan.address)) {
            orphan.live = Err("its region cannot be told: a stack of this name in another one may use it".to_owned());
        }
    }
}

type ReadResult = Result<Option<ObservedResource<Value>>, AwsError>;

async fn read(aws: &Aws, candidate: Candidate) -> (Candidate, ReadResult) {
    let read = match candidate.spec(aws).await {
        Ok(Some(spec)) => candidate.kind.read(aws, &spec, Trust::Resource).await,
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    (candidate, read)
}

/// Returns the resources that an orphan uses and that the listing may lack.
fn used_by(orphan: &Orphan, aws: &Aws) -> Vec<Candidate> {
    let (Some(about), Ok(live)) = (orphan.about(), &orphan.live) else { return Vec::new() };
    let arn = |need: &Need| Some(need.arn?(live.spec.pointer(need.pointer)?.as_str()?, &aws.place));
    let needs = about.references.needs.iter();
    needs.filter_map(arn).filter_map(|arn| by_arn::by_arn(&arn, tags::Tags::new())).collect()
}

/// The resources that are in the graph, recorded, or already found.
struct KnownResources {
    names: BTreeSet<(String, String)>,
    /// By kind, too: a queue and a topic may have the same name.
    ids: BTreeSet<(String, String)>,
    addresses: BTreeSet<String>,
}

impl KnownResources {
    fn of(graph: &Graph, aws: &Aws, seen: &Observation) -> Self {
        let mut names = identities(graph, &aws.place, &seen.known);
        names.extend(seen.prior.resources.values().filter_map(|record| key_of(&record.kind, &record.inputs)));
        let left = seen.prior.left_in_aws.iter();
        names.extend(left.flat_map(|(kind, names)| names.iter().map(|name| (kind.clone(), name.clone()))));
        let left = seen.left.values().filter_map(|left| Some((left.record.kind.as_str(), left.live.as_ref()?)));
        let live = seen.live.iter().filter_map(|(address, live)| Some((graph.node(address)?.kind.name(), live)));
        let ids = live.chain(left).flat_map(|(kind, live)| {
            let outputs = live.outputs.values().chain(&live.twins).cloned();
            outputs.chain([live.physical_id.clone()]).map(move |id| (kind.to_owned(), id))
        });
        let nodes = graph.nodes().map(|node| node.address.clone());
        Self { names, ids: ids.collect(), addresses: nodes.chain(seen.prior.resources.keys().cloned()).collect() }
    }

    /// Tells whether a candidate is new, and records it as known.
    fn is_new(&mut self, candidate: &Candidate) -> bool {
        let kind = candidate.kind.name().to_owned();
        !candidate.name().is_some_and(|name| self.names.contains(&(kind.clone(), name)))
            && self.ids.insert((kind, candidate.found.id.clone()))
    }

    /// Makes an orphan from what was read of a candidate, if it belongs to `owner`.
    fn orphan(&mut self, owner: &str, candidate: Candidate, read: ReadResult) -> Option<Orphan> {
        let Candidate { kind, found } = candidate;
        let (said, live) = match read {
            Ok(None) => return None,
            Err(error) => {
                tracing::debug!(id = found.id, %error, "an orphan cannot be read");
                let why = match &error {
                    AwsError::Ambiguous { .. } => "several carry these tags",
                    _ if error.is_access_denied() => "no permission",
                    _ => "AWS does not answer",
                };
                (found.address?, Err(format!("it cannot be read: {why}")))
            }
            Ok(Some(live)) => {
                let name = (kind.name().to_owned(), kind.identify(&live.spec));
                let is_ours = by_own_tags(kind, &live, owner, false).is_some_and(|owner| owner.is_ours());
                if !is_ours || !self.names.insert(name) {
                    return None;
                }
                let said = live.spec["tags"][tags::ADDRESS].as_str().unwrap_or(kind.name()).to_owned();
                (said, Ok(live))
            }
        };
        let id = live.as_ref().map_or(found.id, |live| live.physical_id.clone());
        let taken = !self.addresses.insert(said.clone());
        let address = if taken { leftover(&said, &id) } else { said };
        Some(Orphan { address, kind: kind.name(), id, live })
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use serde_json::json;
    use tokio::time::Instant;

    use super::*;
    use crate::aws::tags::Tags;
    use crate::kinds::Kind;
    use crate::kinds::event_source_mapping::EventSourceMapping;
    use crate::kinds::iam_role::IamRole;
    use crate::kinds::lambda_function::LambdaFunction;
    use crate::plan::tests::ownership::ALL;
    use crate::plan::tests::world::{Stack, World, place};

    #[tokio::test(start_paused = true)]
    async fn a_listing_that_never_comes_is_not_waited_for() {
        let began = Instant::now();
        let (read, listed) = beside(ready("all"), pending::<()>(), Search::Usual).await;
        assert_eq!((read, listed, began.elapsed()), ("all", None, GRACE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_delays_nothing_that_is_slower_and_is_taken_within_the_grace() {
        let after = |ms| tokio::time::sleep(Duration::from_millis(ms));
        for (reads, listing, ends) in [(5_000, 10, 5_000), (10, 900, 900), (5_000, 5_500, 5_500)] {
            let began = Instant::now();
            let (_, listed) = beside(after(reads), after(listing), Search::Usual).await;
            assert_eq!((listed.is_some(), began.elapsed()), (true, Duration::from_millis(ends)));
        }
        let (_, listed) = beside(after(10), after(9_000), Search::Thorough).await;
        assert!(listed.is_some(), "who asks for orphans waits for them");
    }

    #[tokio::test]
    async fn a_name_is_known_of_its_kind_alone() {
        let mut world = World::applied("stack: couch\ntopics: { orders: {} }\n");
        let graph = Stack::of("stack: couch\ntopics: { orders: {} }\n", &[]).graph;
        let seen = world.observe(&graph);
        let aws = crate::aws::played::answering(&[]).await;
        let mut known = KnownResources::of(&graph, &aws, &seen);
        let listed =
            |service: &str, name: &str| by_arn::by_arn(&place().arn(service, name), Tags::new()).expect("a kind");
        assert!(!known.is_new(&listed("sns", "couch-orders")), "the topic is meant");
        assert!(known.is_new(&listed("sqs", "couch-orders")), "the queue is not");
        assert!(known.is_new(&listed("cloudwatch", "alarm:couch-orders")), "nor is the alarm");
        assert!(!known.is_new(&listed("sqs", "couch-orders")), "it was found already");
        world.live.clear();
    }

    #[test]
    fn a_function_goes_before_its_role_and_log_group_and_after_its_mapping() {
        let world = World::applied(ALL);
        let all = world.prior.resources.iter().map(|(address, record)| Orphan {
            address: address.clone(),
            kind: kinds::find(&record.kind).expect("a kind").name(),
            id: record.physical_id.clone(),
            live: Ok(ObservedResource::new(&record.physical_id, record.inputs.clone(), record.outputs.clone())),
        });
        let all: Vec<Orphan> = all.collect();
        let needs = |kind: &str| {
            let one = all.iter().find(|orphan| orphan.kind == kind).expect("one");
            json!(one.needs(&all))
        };
        assert_eq!(needs(LambdaFunction::NAME), json!(["functions.draw.log_group", "functions.draw.role"]));
        assert_eq!(needs(EventSourceMapping::NAME), json!(["functions.draw", "queues.inbox"]));
        assert_eq!(needs(IamRole::NAME), json!([]));
    }
}
