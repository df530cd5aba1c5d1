//! What a run stands on before it reads AWS: whose account it is, the lock, the state. All asked for at once.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;

use super::{Loaded, Progress, Settings, credentials, give_back, location, root};
use crate::aws::clients::Connection;
use crate::aws::{Aws, AwsError, Clients, Place};
use crate::failure::Failure;
use crate::observe::{Depth, Observation, observe};
use crate::spec::document::Document;
use crate::state::{Fetched, Lease, Snapshot, StateError, Store};

/// How long a lock that is being taken is waited for when it is not wanted any more, to be given back.
const SECOND_THOUGHTS: Duration = Duration::from_secs(5);

/// The beginning of a run.
pub(super) struct Begun {
    pub aws: Aws,
    pub store: Store,
    pub lease: Option<Lease>,
    /// The state as it was stored, perhaps before the lock was taken.
    pub fetched: Fetched,
}

/// Connects and fetches the state. Who is going to write (`holding`) has credentials that last for a while, takes the
/// lock, and makes the state's bucket if that was asked for.
pub(super) async fn begin(
    document: &Document,
    settings: &Settings,
    holding: Option<&dyn Progress>,
) -> Result<Begun, Failure> {
    let (clients, store) = open(document, settings).await;
    let Some(progress) = holding else {
        let (account, fetched) = tokio::join!(account(&clients, document), store.fetch());
        let (aws, store) = at_home(clients, store, account?, document, settings);
        return Ok(Begun { aws, store, lease: None, fetched });
    };
    credentials::last(&clients, (settings.now)(), progress).await?;
    // A guarded account is known before anything is written in it.
    let known = if settings.create_state_bucket || document.account().is_some() {
        let account = account(&clients, document).await?;
        if settings.create_state_bucket {
            store.create_bucket(document.region()).await.map_err(Failure::state)?;
        }
        Some(account)
    } else {
        None
    };
    let whose = async {
        match known {
            Some(account) => Ok(account),
            None => account(&clients, document).await,
        }
    };
    let (account, lease, fetched) = lock_beside(whose, &store, settings, progress).await?;
    let (aws, store) = at_home(clients, store, account, document, settings);
    Ok(Begun { aws, store, lease: Some(lease), fetched })
}

/// Takes the lock and fetches the state while `whose` is found out. When that fails the lock is given back.
async fn lock_beside(
    whose: impl Future<Output = Result<String, Failure>>,
    store: &Store,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<(String, Lease, Fetched), Failure> {
    let mut locking = std::pin::pin!(lock(store, settings, progress));
    let fetching = store.fetch();
    let both = async { tokio::join!(whose, fetching) };
    let mut both = std::pin::pin!(both);
    let mut lease = None;
    let (account, fetched) = loop {
        tokio::select! {
            known = &mut both => break known,
            locked = &mut locking, if lease.is_none() => lease = Some(locked),
        }
    };
    match (account, lease) {
        (Ok(account), Some(lease)) => Ok((account, lease?, fetched)),
        (Ok(account), None) => Ok((account, locking.await?, fetched)),
        (Err(failure), lease) => {
            let lease = match lease {
                Some(lease) => lease.ok(),
                None => tokio::time::timeout(SECOND_THOUGHTS, locking).await.ok().and_then(Result::ok),
            };
            if let Some(lease) = lease {
                give_back(lease).await;
            }
            Err(failure)
        }
    }
}

/// Reads the state and AWS. The state that counts is the one read under the lock, if it is `held`; what was fetched
/// before says where to look meanwhile.
pub(super) async fn read_and_observe(
    loaded: &Loaded,
    aws: &Aws,
    store: &Store,
    (fetched, held): (Fetched, bool),
    settings: &Settings,
    depth: Depth,
    progress: &dyn Progress,
) -> Result<(Snapshot, Observation), Failure> {
    let look = async |snapshot: &Snapshot| {
        observe(&loaded.graph, aws, snapshot.state.clone(), depth)
            .await
            .map_err(|error| Failure::observe(error, &loaded.document))
    };
    let ahead = match store.take(fetched).await {
        // Where the bucket is yet to be made, a plan is that of a first apply.
        Err(StateError::BucketMissing { .. }) if settings.create_state_bucket => store.unwritten(),
        taken => taken,
    };
    let (mut snapshot, observation) = if held {
        under_lock(store, ahead, look).await?
    } else {
        let snapshot = ahead.map_err(Failure::state)?;
        let observation = look(&snapshot).await?;
        (snapshot, observation)
    };
    if let Some(notice) = snapshot.notice.take() {
        progress.say(&notice);
    }
    Ok((snapshot, observation))
}

/// Fetches the state again, now under the lock, beside the reads that the state fetched `ahead` asks for. If it has
/// moved on since, AWS is read once more.
async fn under_lock(
    store: &Store,
    ahead: Result<Snapshot, StateError>,
    look: impl AsyncFn(&Snapshot) -> Result<Observation, Failure>,
) -> Result<(Snapshot, Observation), Failure> {
    let again = match ahead {
        Ok(mut snapshot) => {
            let seen = look(&snapshot);
            let number = async { if snapshot.existed { snapshot.state.serial } else { store.newest_number().await } };
            let (observation, again, serial) = tokio::join!(seen, store.fetch(), number);
            if again.is(&snapshot) {
                let observation = observation?;
                snapshot.state.serial = serial;
                return Ok((snapshot, observation));
            }
            again
        }
        Err(_) => store.fetch().await,
    };
    let mut snapshot = store.take(again).await.map_err(Failure::state)?;
    store.number(&mut snapshot).await;
    let observation = look(&snapshot).await?;
    Ok((snapshot, observation))
}

/// Connects to AWS, learns whose account it is, and opens the state's store.
pub(super) async fn connect(document: &Document, settings: &Settings) -> Result<(Aws, Store), Failure> {
    let (clients, store) = open(document, settings).await;
    let account = account(&clients, document).await?;
    Ok(at_home(clients, store, account, document, settings))
}

/// Makes the clients and the store; nothing is asked yet.
async fn open(document: &Document, settings: &Settings) -> (Arc<Clients>, Store) {
    let connection = Connection {
        region: document.region().to_owned(),
        endpoint_url: settings.endpoint_url.clone(),
        credentials: settings.credentials.clone(),
        transport: settings.transport.clone(),
    };
    let clients = Arc::new(Clients::connect(&connection).await);
    let nowhere = place(document, settings, String::new());
    let store = Store::open(location(document, settings), &clients.state, document.stack(), &nowhere, settings.now)
        .with_rescue_dir(root(&settings.file).join(".deployer/rescue"))
        .with_terms(settings.lock_terms);
    (clients, store)
}

fn place(document: &Document, settings: &Settings, account: String) -> Place {
    let region = document.region().to_owned();
    let partition = Place::partition_of(&region).to_owned();
    Place { account, region, partition, endpoint_url: settings.endpoint_url.clone() }
}

fn at_home(
    clients: Arc<Clients>,
    store: Store,
    account: String,
    document: &Document,
    settings: &Settings,
) -> (Aws, Store) {
    let store = store.of_account(&account);
    let aws = Aws::with_calls(clients, place(document, settings, account), settings.parallelism);
    if let Some((address, id)) = &settings.claim {
        aws.claim(address, id);
    }
    (aws, store)
}

/// Asks STS whose credentials these are, and holds it against `account:` of `stack.yaml`.
async fn account(clients: &Clients, document: &Document) -> Result<String, Failure> {
    let account = caller(clients).await.map_err(|error| Failure::aws(&error, "", document))?;
    match document.account() {
        Some(wanted) if wanted != account => Err(Failure::wrong_account(wanted, &account, document)),
        _ => Ok(account),
    }
}

async fn caller(clients: &Clients) -> Result<String, AwsError> {
    const OPERATION: &str = "sts:GetCallerIdentity";
    // The first call of a run: where nothing answers, a person waits for these words.
    let patience = aws_sdk_sts::config::Builder::new().retry_config(RetryConfig::standard().with_max_attempts(3));
    let asked = clients.sts.get_caller_identity().customize().config_override(patience).send();
    let answer = asked.await.map_err(|e| AwsError::of(OPERATION, e))?;
    answer.account.ok_or_else(|| AwsError::missing(OPERATION, "Account"))
}

pub(super) async fn lock(store: &Store, settings: &Settings, progress: &dyn Progress) -> Result<Lease, Failure> {
    let notice = |text: &str| progress.say(text);
    store.lock(&settings.holder, settings.lock_timeout, &notice).await.map_err(Failure::state)
}
