//! The same guarantees in both places: a directory and S3.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use deployer::aws::{Aws, Place};
use deployer::state::{Journal, KEPT_VERSIONS, Location, S3Location, Store};
use futures::future::join_all;

use crate::common;
use crate::{KEY, held, holder, names, now, with_queue};

/// A place for one test.
enum Ground {
    Dir { directory: tempfile::TempDir, aws: Aws },
    S3 { bucket: String, aws: Aws },
}

impl Ground {
    /// Creates a directory as the place. Any client will do, because no call is made.
    async fn dir() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let connection = deployer::aws::clients::Connection {
            region: common::REGION.into(),
            endpoint_url: Some("http://127.0.0.1:1".into()),
            credentials: Some(("123456789012".into(), "test".into())),
            ..deployer::aws::clients::Connection::default()
        };
        let clients = deployer::aws::Clients::connect(&connection).await;
        let place = Place {
            account: "123456789012".into(),
            region: common::REGION.into(),
            partition: "aws".into(),
            endpoint_url: None,
        };
        Self::Dir { directory, aws: Aws::new(std::sync::Arc::new(clients), place) }
    }

    async fn s3() -> Self {
        let ground = Self::s3_without_bucket().await;
        ground.store().create_bucket(&ground.aws().place).await.expect("a bucket");
        ground
    }

    async fn s3_without_bucket() -> Self {
        let aws = common::account().await;
        Self::S3 { bucket: format!("state-{}", aws.place.account), aws }
    }

    fn aws(&self) -> &Aws {
        match self {
            Self::Dir { aws, .. } | Self::S3 { aws, .. } => aws,
        }
    }

    fn store(&self) -> Store {
        self.store_of("couch", &self.aws().place)
    }

    fn store_of(&self, stack: &str, place: &Place) -> Store {
        let location = match self {
            Self::Dir { directory, .. } => Location::Dir { path: directory.path().join("states").join(KEY) },
            Self::S3 { bucket, .. } => {
                Location::S3(S3Location { bucket: bucket.clone(), key: KEY.into(), ..S3Location::default() })
            }
        };
        Store::open(location, &self.aws().clients.s3, stack, place, now)
    }

    fn path(&self, key: &str) -> PathBuf {
        match self {
            Self::Dir { directory, .. } => directory.path().join("states").join(key),
            Self::S3 { .. } => panic!("not a directory"),
        }
    }

    async fn bytes(&self, key: &str) -> Vec<u8> {
        match self {
            Self::Dir { .. } => std::fs::read(self.path(key)).expect("a file"),
            Self::S3 { bucket, aws } => {
                let object = aws.clients.s3.get_object().bucket(bucket).key(key).send().await.expect("an object");
                object.body.collect().await.expect("its bytes").to_vec()
            }
        }
    }

    async fn set(&self, key: &str, bytes: &[u8]) {
        match self {
            Self::Dir { .. } => {
                let path = self.path(key);
                std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
                std::fs::write(path, bytes).expect("a file");
            }
            Self::S3 { bucket, aws } => {
                let call = aws.clients.s3.put_object().bucket(bucket).key(key).body(bytes.to_vec().into());
                call.send().await.expect("an object");
            }
        }
    }

    /// Adds a queue, like an apply; returns the serial.
    async fn apply(&self, name: &str) -> u64 {
        let store = self.store();
        let lease = held(&store, "ada").await;
        let snapshot = store.read().await.expect("readable");
        let journal = store.journal(&snapshot, &lease);
        journal.commit(&with_queue(&snapshot.state, name)).await.expect("written");
        journal.finish().await.expect("kept");
        lease.release().await.expect("released");
        store.read().await.expect("readable").state.serial
    }
}

/// Turns each promise into a test of both places.
macro_rules! in_both_places {
    ($($promise:ident),+ $(,)?) => {
        mod in_a_directory {
            $(#[tokio::test] async fn $promise() { super::$promise(super::Ground::dir().await).await; })+
        }
        mod in_s3 {
            $(#[tokio::test] async fn $promise() { super::$promise(super::Ground::s3().await).await; })+
        }
    };
}

in_both_places!(
    a_state_is_read_as_it_was_written,
    one_of_two_writers_is_fenced,
    a_held_lock_says_who_holds_it,
    one_of_many_takes_a_free_lock,
    a_successors_lock_is_not_released,
    damaged_newer_and_foreign_states_are_refused_and_left,
    the_newest_twenty_versions_are_kept,
    a_state_that_was_put_back_does_not_overwrite_kept_versions,
    a_damaged_state_is_restored_from_the_newest_good_version,
);

async fn a_state_is_read_as_it_was_written(ground: Ground) {
    let store = ground.store();
    let fresh = store.read().await.expect("absent is empty");
    assert!(!fresh.existed && fresh.version.is_none() && fresh.state.resources.is_empty());
    assert_eq!(fresh.state.lineage.len(), 32);
    assert_ne!(store.read().await.expect("absent").state.lineage, fresh.state.lineage);
    let lease = held(&store, "ada").await;
    let journal = store.journal(&fresh, &lease);
    let first = with_queue(&fresh.state, "first");
    let second = with_queue(&first, "second");
    journal.commit(&first).await.expect("the first write");
    journal.commit(&second).await.expect("the second write");
    let read = store.read().await.expect("readable");
    assert!(read.existed && read.state.says_the_same(&second));
    assert_eq!((read.state.serial, read.state.stack.as_str()), (2, "couch"));
    assert_eq!(read.state.account, ground.aws().place.account);
    lease.release().await.expect("released");
}

async fn one_of_two_writers_is_fenced(ground: Ground) {
    let store = ground.store();
    for existed in [false, true] {
        let lease = held(&store, "ada").await;
        let snapshot = store.read().await.expect("readable");
        assert_eq!(snapshot.existed, existed);
        let name = if existed { "theirs" } else { "first" };
        let (winner, loser) = (store.journal(&snapshot, &lease), store.journal(&snapshot, &lease));
        winner.commit(&with_queue(&snapshot.state, name)).await.expect("written");
        let written = ground.bytes(KEY).await;
        let error = loser.commit(&with_queue(&snapshot.state, "mine")).await.expect_err("fenced");
        assert_eq!(error.code(), "state::fenced");
        assert!(*lease.watch_loss().borrow());
        assert_eq!(ground.bytes(KEY).await, written);
        lease.release().await.expect("released");
    }
}

async fn a_held_lock_says_who_holds_it(ground: Ground) {
    let store = ground.store();
    let lease = held(&store, "ada").await;
    let error = store.lock(&holder("bob"), Duration::ZERO, &|_| {}).await.err().expect("held");
    let text = error.to_string();
    for part in ["ada", "ci-7", "apply", "2026-11-22T10:00:00Z", "https://ci.example/run/7"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(error.help().contains(&format!("deployer state unlock {}", lease.id())), "{}", error.help());
    let info = store.lock_info().await.expect("readable").expect("a lock");
    assert_eq!((info.id.as_str(), info.who.as_str(), info.lease_s), (lease.id(), "ada", 30));
    lease.release().await.expect("released");
    assert_eq!(store.lock_info().await.expect("readable"), None);
    held(&store, "bob").await.release().await.expect("released");
}

async fn one_of_many_takes_a_free_lock(ground: Ground) {
    let stores: Vec<Store> = (0..10).map(|_| ground.store()).collect();
    let who = holder("ada");
    let tries = stores.iter().map(|store| store.lock(&who, Duration::ZERO, &|_| {}));
    let mut leases: Vec<_> = join_all(tries).await.into_iter().filter_map(Result::ok).collect();
    assert_eq!(leases.len(), 1);
    leases.remove(0).release().await.expect("released");
}

async fn a_successors_lock_is_not_released(ground: Ground) {
    let store = ground.store();
    let first = held(&store, "ada").await;
    assert!(store.force_unlock(first.id()).await.expect("removed"));
    assert!(!store.force_unlock(first.id()).await.expect("gone already"));
    let second = held(&store, "bob").await;
    first.release().await.expect("nothing of its own is left");
    let info = store.lock_info().await.expect("readable").expect("a lock");
    assert_eq!(info.id, second.id());
    second.release().await.expect("released");
}

async fn damaged_newer_and_foreign_states_are_refused_and_left(ground: Ground) {
    let serial = ground.apply("first").await;
    let good = String::from_utf8(ground.bytes(KEY).await).expect("UTF-8");
    let account = ground.aws().place.account.clone();
    let newer = good.replace("\"format_version\": 1", "\"format_version\": 2");
    let cases = [
        (good[..good.len() / 2].to_owned(), "state::damaged"),
        (String::new(), "state::damaged"),
        (good.replace("\"resources\": {", "\"resources\": 7, \"x\": {"), "state::damaged"),
        (good.replace(&format!("\"serial\": {serial}"), "\"serial\": 18446744073709551615"), "state::damaged"),
        (newer, "state::newer"),
        ("{\"version\": 4, \"serial\": 1, \"lineage\": \"x\"}".into(), "state::not-a-state"),
        ("[]".into(), "state::not-a-state"),
        (good.replace("\"stack\": \"couch\"", "\"stack\": \"sofa\""), "state::foreign"),
        (good.replace(&format!("\"account\": \"{account}\""), "\"account\": \"999999999999\""), "state::elsewhere"),
        (good.replace("\"region\": \"eu-west-1\"", "\"region\": \"us-east-1\""), "state::elsewhere"),
    ];
    for (text, code) in cases {
        assert_ne!(text, good);
        ground.set(KEY, text.as_bytes()).await;
        let error = ground.store().read().await.expect_err(code);
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(ground.bytes(KEY).await, text.as_bytes(), "left as it is");
        assert!(error.help().contains(&format!("deployer state restore {serial}")), "{code}: {}", error.help());
    }
}

async fn the_newest_twenty_versions_are_kept(ground: Ground) {
    let mut serials = Vec::new();
    for n in 0..KEPT_VERSIONS + 2 {
        serials.insert(0, ground.apply(&format!("q{n}")).await);
    }
    let store = ground.store();
    let kept = store.history().await.expect("listed");
    assert_eq!(kept.iter().map(|k| k.serial).collect::<Vec<_>>(), serials[..KEPT_VERSIONS]);
    assert_eq!((kept[0].resources, kept[1].resources), (KEPT_VERSIONS + 2, KEPT_VERSIONS + 1));
    assert_eq!(store.load_version(serials[3]).await.expect("kept").resources.len(), KEPT_VERSIONS - 1);
    let error = store.load_version(serials[KEPT_VERSIONS]).await.expect_err("removed");
    assert_eq!(error.code(), "state::no-version");
}

async fn a_state_that_was_put_back_does_not_overwrite_kept_versions(ground: Ground) {
    let first = ground.apply("first").await;
    let old = ground.bytes(KEY).await;
    let second = ground.apply("second").await;
    let kept = ground.bytes(&format!("{KEY}.history/{second}.json")).await;
    ground.set(KEY, &old).await;
    assert_eq!(ground.store().read().await.expect("readable").state.serial, first);
    assert_eq!(ground.apply("third").await, second + 1);
    assert_eq!(ground.bytes(&format!("{KEY}.history/{second}.json")).await, kept);
    assert_eq!(ground.apply("fourth").await, second + 2, "and no number is left out");
}

async fn a_damaged_state_is_restored_from_the_newest_good_version(ground: Ground) {
    let first = ground.apply("first").await;
    let second = ground.apply("second").await;
    ground.set(KEY, b"{ damaged").await;
    let store = ground.store();
    let lease = held(&store, "ada").await;
    let restored = store.restore(first, &lease).await.expect("restored");
    assert_eq!((names(&restored), restored.serial), (vec!["queues.first"], second + 1));
    assert_eq!(store.read().await.expect("readable").state, restored);
    assert_eq!(store.history().await.expect("listed")[0].serial, second + 1);
    ground.set(KEY, &[b'7'; 3]).await;
    let refused = store.restore(first, &lease).await.expect_err("something else is kept there");
    assert_eq!(refused.code(), "state::not-a-state");
    lease.release().await.expect("released");
}

#[tokio::test]
async fn a_directorys_lock_runs_out_by_the_file_systems_clock() {
    let ground = Ground::dir().await;
    let store = ground.store();
    drop(held(&store, "ada").await);
    let file = std::fs::File::options().write(true).open(ground.path("couch.json.lock")).expect("a lock");
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("an older time");
    let heard = Mutex::new(String::new());
    let notice = |text: &str| heard.lock().unwrap().push_str(text);
    let lease = store.lock(&holder("bob"), Duration::ZERO, &notice).await.expect("taken over");
    assert!(heard.into_inner().unwrap().contains("ada on ci-7"));
    lease.release().await.expect("released");
}

#[tokio::test]
async fn reading_a_directory_makes_nothing() {
    let ground = Ground::dir().await;
    ground.store().read().await.expect("absent is empty");
    ground.store().history().await.expect("none");
    assert!(!ground.path(KEY).parent().expect("a parent").exists());
}

#[tokio::test]
async fn a_missing_bucket_is_named_and_can_be_made() {
    let ground = Ground::s3_without_bucket().await;
    let store = ground.store();
    let error = store.read().await.expect_err("no bucket");
    assert_eq!(error.code(), "state::bucket-missing");
    assert!(error.help().contains("--create-state-bucket"));
    let error = store.lock(&holder("ada"), Duration::ZERO, &|_| {}).await.err().expect("no bucket");
    assert_eq!(error.code(), "state::bucket-missing");
    for _ in 0..2 {
        store.create_bucket(&ground.aws().place).await.expect("made, or there already");
    }
    let Ground::S3 { bucket, aws } = &ground else { panic!("S3") };
    let versioning = aws.clients.s3.get_bucket_versioning().bucket(bucket).send().await.expect("versioning");
    assert_eq!(versioning.status.map(|s| s.as_str().to_owned()).as_deref(), Some("Enabled"));
    let blocked = aws.clients.s3.get_public_access_block().bucket(bucket).send().await.expect("a block");
    assert_eq!(blocked.public_access_block_configuration.and_then(|b| b.block_public_policy), Some(true));
    assert!(!store.read().await.expect("an empty bucket").existed);
}

#[tokio::test]
async fn a_bucket_of_another_region_is_called_there() {
    let ground = Ground::s3_without_bucket().await;
    let Ground::S3 { bucket, aws } = &ground else { panic!("S3") };
    let region = Some("us-west-2".into());
    let location =
        Location::S3(S3Location { bucket: bucket.clone(), key: KEY.into(), region, ..S3Location::default() });
    let store = Store::open(location, &aws.clients.s3, "couch", &aws.place, now);
    store.create_bucket(&ground.aws().place).await.expect("made in its own region");
    let lease = held(&store, "ada").await;
    let error = ground.store().lock_info().await.expect_err("asked in the stack's region");
    assert_eq!(error.code(), "state::wrong-region");
    assert!(error.help().contains("state.region"));
    lease.release().await.expect("released");
}
