//! The prerequisites of a run before it reads AWS: the account, the lock and the state, all requested at once.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;

use super::place::location;
use super::{Progress, Request, Settings, credentials, give_back, kept_after_this_job, root, signals, unless_stopped};
use crate::aws::clients::Connection;
use crate::aws::{Aws, AwsError, Clients, Place};
use crate::execute::Stop;
use crate::failure::Failure;
use crate::files;
use crate::plan::{Adoption, Goal};
use crate::spec::document::Document;
use crate::state::{FetchedState, Lease, LockedState, RescuePlace, Store};

/// How long to wait for a lock request already sent, after the lock is no longer wanted, so that it can be released.
const SECOND_THOUGHTS: Duration = Duration::from_secs(5);

/// The services of the account, and the state of the stack.
pub(super) struct Home {
    pub aws: Aws,
    pub store: Store,
    /// The state's lock, for a run that will write.
    pub lease: Option<Lease>,
    /// The run that holds the lock beside a run that only reads.
    pub running: Option<LockedState>,
}

impl Home {
    pub(super) fn place(&self) -> &Place {
        &self.aws.place
    }

    /// Releases the lock.
    pub(super) async fn leave(self) {
        if let Some(lease) = self.lease {
            give_back(lease).await;
        }
    }
}

/// The start of a run.
pub(super) struct RunStart {
    pub home: Home,
    /// The stored state, possibly fetched before the lock was taken.
    pub fetched: FetchedState,
}

impl RunStart {
    /// Tells AWS's readers which id the user gave for the resource to adopt.
    fn claim(self, goal: &Goal) -> Self {
        if let Goal::Adopt(Adoption { address, id: Some(id) }) = goal {
            self.home.aws.run.claim(address, id);
        }
        self
    }
}

/// Connects and fetches the state. For a run that will write, it also checks that the credentials last long enough,
/// takes the lock, and creates the state's bucket on request.
pub(super) async fn begin(document: &Document, request: &Request<'_>) -> Result<RunStart, Failure> {
    let Request { settings, goal, hold, stop, .. } = *request;
    if hold {
        kept_after_this_job(document, settings)?;
        return Ok(begin_to_write(document, request).await?.claim(goal));
    }
    let begun = async {
        let (clients, store) = open(document, settings).await;
        let (account, fetched, running) =
            tokio::join!(account(&clients, document, settings), store.fetch(), store.running());
        let home = at_home(clients, store, account?, document, settings);
        Ok(RunStart { home: Home { running, ..home }, fetched })
    };
    Ok(unless_stopped(stop, begun).await?.claim(goal))
}

async fn begin_to_write(document: &Document, request: &Request<'_>) -> Result<RunStart, Failure> {
    let Request { settings, progress, stop, .. } = *request;
    let opened = async {
        let (clients, store) = open(document, settings).await;
        credentials::last(&clients, (settings.now)(), progress).await?;
        // Write neither a lock nor a bucket before the account is known. If `stack.yaml` names the account, S3 refuses
        // a lock in any other account's bucket, so STS need not be asked first.
        let known = match settings.create_state_bucket || !store.is_guarded() {
            true => Some(account(&clients, document, settings).await?),
            false => None,
        };
        let store = match &known {
            Some(account) => store.of_account(account),
            None => store,
        };
        Ok((clients, store, known))
    };
    let (clients, store, known) = unless_stopped(stop, opened).await?;
    if let (true, Some(account)) = (settings.create_state_bucket, &known) {
        // Completes a bucket once its creation has started, so that none stays half configured.
        let place = place(document, settings, account.clone());
        store.create_bucket(&place).await.map_err(Failure::state)?;
    }
    let account_and_state = async {
        let account = async {
            match known {
                Some(account) => Ok(account),
                None => account(&clients, document, settings).await,
            }
        };
        let (account, fetched) = tokio::join!(account, store.fetch());
        Ok((account?, fetched))
    };
    let locked = lock_or_leave(account_and_state, &store, settings, progress, stop).await;
    let ((account, fetched), lease) = locked.map_err(|failure| beside_the_bucket(failure, settings))?;
    let home = at_home(clients, store, account, document, settings);
    Ok(RunStart { home: Home { lease: Some(lease), ..home }, fetched })
}

/// Adds to an interruption that the bucket may have been created.
fn beside_the_bucket(failure: Failure, settings: &Settings) -> Failure {
    if !(failure.is_interrupted() && settings.create_state_bucket) {
        return failure;
    }
    let message = "interrupted; nothing was changed, except that the state bucket may have been created";
    Failure::plain("run::interrupted", message, "run the same command again")
}

/// Takes the lock while `beside` runs. If `beside` fails or a signal arrives, the lock is released. A request already
/// sent may still take the lock, so its answer is awaited.
pub(super) async fn lock_or_leave<T>(
    beside: impl Future<Output = Result<T, Failure>>,
    store: &Store,
    settings: &Settings,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<(T, Lease), Failure> {
    let (wanted, unwanted) = tokio::sync::oneshot::channel::<()>();
    let notice = |text: &str| progress.say(text);
    let unwanted = async {
        let _ = unwanted.await;
    };
    let locking = store.lock_unless(unwanted, &settings.lock.holder, settings.lock.timeout, &notice);
    let (mut locking, mut beside) = (std::pin::pin!(locking), std::pin::pin!(beside));
    let (mut done, mut lease) = (None, None);
    let failure = loop {
        tokio::select! {
            ended = &mut beside, if done.is_none() => match ended {
                Ok(value) => done = Some(value),
                Err(failure) => break failure,
            },
            locked = &mut locking, if lease.is_none() => lease = Some(locked),
            () = signals(stop, 1) => break Failure::interrupted(),
        }
        (done, lease) = match (done, lease) {
            (Some(value), Some(locked)) => return Ok((value, locked.map_err(Failure::state)?)),
            waiting => waiting,
        };
    };
    drop(wanted);
    let late = match lease {
        Some(locked) => locked.ok(),
        None => tokio::time::timeout(SECOND_THOUGHTS, locking).await.ok().and_then(Result::ok),
    };
    if let Some(lease) = late {
        give_back(lease).await;
    }
    Err(failure)
}

/// Connects to AWS, finds out the account, and opens the state's store.
pub(super) async fn connect(document: &Document, settings: &Settings) -> Result<Home, Failure> {
    let (clients, store) = open(document, settings).await;
    let account = account(&clients, document, settings).await?;
    Ok(at_home(clients, store, account, document, settings))
}

/// Creates the clients and the store, without any call.
async fn open(document: &Document, settings: &Settings) -> (Arc<Clients>, Store) {
    let to = settings.aws.clone();
    let connection = Connection {
        region: document.region().to_owned(),
        endpoint_url: to.endpoint_url,
        credentials: to.credentials,
        transport: to.transport,
    };
    let clients = Arc::new(Clients::connect(&connection).await);
    files::close_own(&root(&settings.file));
    let nowhere = place(document, settings, String::new());
    let store = Store::open(location(document, settings), &clients.state, document.stack(), &nowhere, settings.now)
        .with_terms(settings.lock.terms);
    if settings.state_directory.is_some() {
        return (clients, store);
    }
    let rescue = RescuePlace {
        directory: root(&settings.file).join(".deployer/rescue"),
        key: settings.machine.own_directory.as_ref().map(|own| own.join("rescue.key")),
    };
    let store = store.with_rescue(rescue);
    let store = match &settings.machine.own_directory {
        Some(own) => store.with_life_signs(own.join("runs"), settings.aws.local),
        None => store,
    };
    (clients, store)
}

fn place(document: &Document, settings: &Settings, account: String) -> Place {
    let region = document.region().to_owned();
    let partition = Place::partition_of(&region).to_owned();
    Place { account, region, partition, endpoint_url: settings.aws.endpoint_url.clone() }
}

fn at_home(clients: Arc<Clients>, store: Store, account: String, document: &Document, settings: &Settings) -> Home {
    let store = store.of_account(&account);
    let aws = Aws::with_calls(clients, place(document, settings, account), settings.aws.parallelism);
    let aws = aws.ignoring(document.ignored_tags());
    Home { aws, store, lease: None, running: None }
}

/// Asks STS for the credentials' account, and compares it with `account:` of `stack.yaml`. The local cloud stands for
/// every account.
async fn account(clients: &Clients, document: &Document, settings: &Settings) -> Result<String, Failure> {
    let account = caller(clients).await.map_err(|error| Failure::aws(&error, "", document))?;
    match document.account() {
        Some(wanted) if wanted != account && !settings.aws.local => {
            Err(Failure::wrong_account(wanted, &account, document))
        }
        _ => Ok(account),
    }
}

async fn caller(clients: &Clients) -> Result<String, AwsError> {
    const OPERATION: &str = "sts:GetCallerIdentity";
    // This is the first call of a run: without an answer, the user should see the error soon.
    let patience = aws_sdk_sts::config::Builder::new().retry_config(RetryConfig::standard().with_max_attempts(3));
    let asked = clients.sts.get_caller_identity().customize().config_override(patience).send();
    let answer = asked.await.map_err(|e| AwsError::of(OPERATION, e))?;
    answer.account.ok_or_else(|| AwsError::missing(OPERATION, "Account"))
}
