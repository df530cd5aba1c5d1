//! Computes the permissions that a command needs for this stack, without running it.

use super::begin::Home;
use super::place::location;
use super::recall::{all_named, recall_graph, recall_nameless, without_records};
use super::{LoadedStack, Settings, connect, unless_stopped};
use crate::aws::Place;
use crate::execute::Stop;
use crate::failure::Failure;
use crate::iam::{self, NamePatterns, Permissions, Task, github};
use crate::spec::head::Preview;
use crate::state::{State, Use};

/// The account and region that the permissions are for, and the state that adds to them.
pub struct Whereabouts {
    pub place: Place,
    state: Option<State>,
}

impl Whereabouts {
    pub(super) fn at(place: Place, state: Option<State>) -> Self {
        Self { place, state }
    }

    /// Returns the same place, for a stack without a state.
    #[must_use]
    pub fn without_state(&self) -> Self {
        Self { place: self.place.clone(), state: None }
    }
}

/// Finds out the account: as named, or from the credentials. With `with_state` it reads the state, too.
///
/// # Errors
/// When the account is neither named nor known from credentials, or AWS does not answer.
pub async fn whereabouts(
    loaded: &LoadedStack,
    settings: &Settings,
    named: Option<&str>,
    with_state: bool,
    stop: &Stop,
) -> Result<Whereabouts, Failure> {
    let document = &loaded.document;
    if let (Some(named), Some(wanted)) = (named, document.account())
        && named != wanted
    {
        let message = format!("`--account` names {named}, but the stack belongs to {wanted}");
        return Err(Failure::plain("aws::wrong-account", message, "leave `--account` out, or correct `account:`"));
    }
    if let Some(account) = named.or(document.account())
        && !with_state
    {
        let region = document.region().to_owned();
        let partition = Place::partition_of(&region).to_owned();
        return Ok(Whereabouts {
            place: Place { account: account.to_owned(), region, partition, endpoint_url: None },
            state: None,
        });
    }
    let home = unless_stopped(stop, connect(document, settings)).await.map_err(without_credentials)?;
    let Home { aws, store, .. } = home;
    if let Some(named) = named.filter(|named| *named != aws.place.account) {
        return Err(Failure::wrong_account(named, &aws.place.account, document));
    }
    let state = match with_state {
        true => Some(unless_stopped(stop, async { store.read().await.map_err(Failure::state) }).await?.state),
        false => None,
    };
    Ok(Whereabouts { place: aws.place, state })
}

fn without_credentials(failure: Failure) -> Failure {
    if !failure.is_without_credentials() {
        return failure;
    }
    let message = "without credentials the account has to be named: names in AWS depend on it";
    Failure::plain("aws::no-credentials", message, "add `--account 123456789012`, or `account:` to stack.yaml")
}

/// The permissions to collect.
#[derive(Debug, Clone, Copy)]
pub struct Extent<'a> {
    pub task: Task,
    /// The only permissions boundary under which roles may be created.
    pub boundary: Option<&'a str>,
    /// Allow everything whose name matches this pattern, such as `shop-*`, in place of exact names.
    pub prefix: Option<&'a str>,
}

impl From<Task> for Extent<'_> {
    /// Exact names, without a boundary.
    fn from(task: Task) -> Self {
        Self { task, boundary: None, prefix: None }
    }
}

/// Collects all calls that a task may make.
///
/// # Errors
/// With a boundary, when a role of the stack does not carry it.
pub fn permissions(
    loaded: &LoadedStack,
    settings: &Settings,
    at: &Whereabouts,
    extent: &Extent<'_>,
) -> Result<Permissions, Failure> {
    let (document, Extent { task, boundary, prefix }) = (&loaded.document, *extent);
    let state = at.state.as_ref().filter(|_| !document.lacking().is_empty());
    let recorded = state.map(|state| match task {
        Task::Plan | Task::Apply => recall_nameless(loaded, state),
        Task::Destroy | Task::Rollback | Task::Verify => recall_graph(loaded, state),
    });
    let graph = recorded.as_ref().unwrap_or(&loaded.graph);
    all_named(loaded, graph, &at.place)?;
    // Only the records tell which of them are deleted along with others.
    let others = state.filter(|_| task == Task::Destroy).map(|state| without_records(loaded, state));
    let misfit = |error| Failure::aws(&error, "", document);
    let mut allow = vec![iam::identity()];
    if matches!(task, Task::Plan | Task::Apply) {
        // A plan that keeps secrets does not read them.
        let keeps = task == Task::Plan && document.ci().keep_secrets;
        let is_read = |name: &str| !(keeps && document.lacking().is_secret(name));
        let stored = document.stored().iter().filter(|(name, _)| is_read(name)).map(|(_, place)| place);
        allow.extend(iam::of_stored(stored, &at.place));
    }
    let how = Use {
        lock: task.locks(),
        write: task.writes(),
        create_bucket: settings.create_state_bucket,
        environments: document.env().is_some() || document.ci().preview != Preview::Off,
    };
    let location = location(document, settings);
    allow.extend(location.grants(how, &at.place));
    allow.extend(iam::of_graph(others.as_ref().unwrap_or(graph), &at.place, task).map_err(misfit)?);
    allow.extend(others.iter().flat_map(|_| iam::listings(graph)));
    if let Some(state) = &at.state {
        allow.extend(iam::of_state(state, &at.place, task).map_err(misfit)?);
    }
    let Permissions { allow, deny } = match prefix {
        Some(prefix) => {
            let apart = location.arns(&at.place).into_iter().chain(github::role_arns(document.stack_name(), &at.place));
            let names = NamePatterns::of(prefix, document.env()).apart_from(apart);
            names.widen(allow, graph, &at.place, task).map_err(misfit)?
        }
        None => Permissions { allow, deny: Vec::new() },
    };
    let allow = iam::open_env(iam::own(allow, document.stack()));
    let Some(arn) = boundary else { return Ok(Permissions { allow, deny: iam::open_env(deny) }) };
    let unbounded = iam::unbounded(graph, arn);
    if unbounded.is_empty() {
        let bounded = iam::bounded(allow, arn);
        return Ok(Permissions { deny: [bounded.deny, iam::open_env(deny)].concat(), ..bounded });
    }
    Err(Failure::unbounded(&unbounded, arn, document))
}
