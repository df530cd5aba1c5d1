//! Plans against the last state alone, for users without credentials.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use super::kept;
use super::place::location;
use super::{LoadedStack, Settings};
use crate::aws::Clients;
use crate::aws::Place;
use crate::aws::clients::Connection;
use crate::failure::Failure;
use crate::observe::observe_state;
use crate::plan::{Cost, Goal, Plan, Question, plan};
use crate::state::{Location, State, Store};

/// The changes to make if AWS is still as the last apply left it.
pub struct RecordedPlan {
    pub loaded: LoadedStack,
    pub plan: Plan,
    pub cost: Cost,
    pub place: Place,
    /// The time of the state's last write.
    pub written_at: String,
}

/// Plans against a state that can be read without credentials: one in a directory. It makes no call to AWS and builds
/// nothing, so code counts as unchanged. The inner `Err` returns the stack with the reason why there is no such plan.
///
/// # Errors
/// When the plan itself fails.
pub async fn plan_from_state(
    mut loaded: LoadedStack,
    settings: &Settings,
) -> Result<Result<RecordedPlan, (LoadedStack, String)>, Failure> {
    let began = Instant::now();
    let (place, state) = match last_state(&loaded, settings).await {
        Ok(found) => found,
        Err(why) => return Ok(Err((loaded, why))),
    };
    if settings.inputs.keep_secrets {
        loaded = kept::with_identities(loaded, &state);
    }
    let written_at = state.written_at.clone();
    let packaged = loaded.graph.nodes().filter(|node| node.code.is_some());
    let packaged: Vec<String> = packaged.map(|node| node.address.clone()).collect();
    for address in packaged {
        if let Some(record) = state.resources.get(&address) {
            loaded.graph.keep_artifact(&address, &record.inputs);
        }
    }
    let document = &loaded.document;
    let observation = observe_state(&loaded.graph, &place, state).map_err(|error| Failure::observe(error, document))?;
    let question = Question {
        graph: &loaded.graph,
        seen: &observation,
        stack: document.stack(),
        place: &place,
        goal: &Goal::Apply,
        selection: &settings.selection,
        secrets: document.secrets(),
    };
    let plan = plan(&question).map_err(|error| Failure::plan(error, document))?;
    let notes = kept::note(&plan, document).into_iter().collect();
    let plan = plan.with_notes(notes);
    let cost = Cost { reads: 0, waves: 0, seconds: began.elapsed().as_secs_f64() };
    Ok(Ok(RecordedPlan { loaded, plan, cost, place, written_at }))
}

/// Reads the state, if there is one that can be read without credentials.
async fn last_state(loaded: &LoadedStack, settings: &Settings) -> Result<(Place, State), String> {
    let location = location(&loaded.document, settings);
    let Location::Dir { path } = &location else {
        return Err("the state in S3 cannot be read without them".to_owned());
    };
    let text = std::fs::read(path).map_err(|_| "there is no state of an earlier apply to plan against".to_owned())?;
    // Only the account is taken from the text here; the state is parsed and checked afterwards.
    let account = serde_json::from_slice::<Value>(&text).ok();
    let account = account.as_ref().and_then(|state| state["account"].as_str()).unwrap_or_default().to_owned();
    let region = loaded.document.region().to_owned();
    let partition = Place::partition_of(&region).to_owned();
    let place = Place { account, region: region.clone(), partition, endpoint_url: settings.aws.endpoint_url.clone() };
    if loaded.document.account().is_some_and(|wanted| wanted != place.account) {
        return Err("the state is of another account".to_owned());
    }
    let connection = Connection {
        region,
        endpoint_url: settings.aws.endpoint_url.clone(),
        credentials: None,
        transport: settings.aws.transport.clone(),
    };
    let clients = Arc::new(Clients::connect(&connection).await);
    let store = Store::open(location, &clients.state, loaded.document.stack(), &place, settings.now);
    match store.read().await {
        Ok(snapshot) => Ok((place, snapshot.state)),
        Err(error) => Err(format!("the state cannot be read: {error}")),
    }
}
