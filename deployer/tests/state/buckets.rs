//! The state's bucket: its owner, encryption and creation, and wrong answers about a new bucket.

use std::time::Duration;

use deployer::state::{Encryption, Journal, Location, S3Location, Store};

use crate::s3::{Call, OWNER, S3};
use crate::{KEY, held, holder, now, place, with_queue};

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";

async fn store(s3: &S3, more: S3Location) -> Store {
    let at = S3Location { bucket: "states".into(), key: KEY.into(), ..more };
    Store::open(Location::S3(at), &s3.client().await, "couch", &place(), now)
}

/// Opens the store of a run that knows its account.
async fn known(s3: &S3) -> Store {
    store(s3, S3Location::default()).await.of_account(ACCOUNT)
}

/// Writes a state with one queue, like an apply.
async fn apply(store: &Store) {
    let lease = held(store, "ada").await;
    let snapshot = store.read().await.expect("readable");
    let journal = store.journal(&snapshot, &lease);
    journal.commit(&with_queue(&snapshot.state, "first")).await.expect("written");
    journal.finish().await.expect("kept");
    lease.release().await.expect("released");
}

#[tokio::test]
async fn every_call_says_whose_the_bucket_has_to_be() {
    let s3 = S3::new(None);
    let store = known(&s3).await;
    store.create_bucket(&place()).await.expect("made");
    apply(&store).await;
    store.history().await.expect("listed");
    let calls = s3.calls();
    assert!(calls.len() > 20, "{calls:#?}");
    for call in calls {
        let creates = call.is("PUT", "/") && call.target == "/";
        assert_eq!(call.headers.get(OWNER).map(String::as_str), (!creates).then_some(ACCOUNT), "{call:#?}");
    }
}

#[tokio::test]
async fn a_bucket_of_another_account_is_refused_before_anything_is_written_or_believed() {
    let s3 = S3::new(Some(OTHER));
    let store = known(&s3).await;
    let errors = [
        store.read().await.expect_err("not ours"),
        store.lock(&holder("ada"), Duration::ZERO, &|_| {}).await.err().expect("not ours"),
        store.create_bucket(&place()).await.expect_err("not ours"),
    ];
    for error in errors {
        assert_eq!(error.code(), "state::bucket-of-others", "{error}");
        assert!(error.to_string().contains(ACCOUNT) && error.help().contains("account"), "{error}");
    }
    // S3 itself refused the lock.
    assert_eq!(s3.writes(), ["PUT /couch.json.lock?x-id=PutObject"]);
}

#[tokio::test]
async fn a_bucket_of_another_account_is_taken_where_that_account_is_named() {
    let s3 = S3::new(Some(OTHER));
    let named = S3Location { account: Some(OTHER.into()), ..S3Location::default() };
    let store = store(&s3, named.clone()).await.of_account(ACCOUNT);
    apply(&store).await;
    assert_eq!(store.read().await.expect("readable").state.account, ACCOUNT);
    // The bucket is not created there, because it would belong to this account.
    let nothing = S3::new(None);
    let error = self::store(&nothing, named).await.create_bucket(&place()).await.expect_err("not here");
    assert_eq!((error.code(), nothing.writes()), ("state::bucket-missing", Vec::new()));
}

#[tokio::test]
async fn a_name_that_another_account_takes_meanwhile_is_not_used() {
    let s3 = S3::new(Some(OTHER));
    s3.answer(|call| (call.method == "HEAD").then(|| (404, "NotFound", String::new())));
    let error = known(&s3).await.create_bucket(&place()).await.expect_err("taken");
    assert_eq!(error.code(), "state::bucket-of-others", "{error}");
    assert_eq!(s3.writes(), ["PUT /"]);
}

#[tokio::test]
async fn a_stated_encryption_is_said_with_the_state_its_lock_and_its_copies() {
    let s3 = S3::new(Some(ACCOUNT));
    let key = "alias/state".to_owned();
    let encryption = Some(Encryption { sse_algorithm: "aws:kms".into(), kms_master_key_id: Some(key) });
    let store = store(&s3, S3Location { encryption, ..S3Location::default() }).await.of_account(ACCOUNT);
    apply(&store).await;
    let puts: Vec<Call> = s3.calls().into_iter().filter(|call| call.method == "PUT").collect();
    assert!(puts.iter().any(|call| call.target.contains(".history/")) && puts.len() == 3, "{puts:#?}");
    for call in puts {
        let said = |name: &str| call.headers.get(name).map(String::as_str);
        assert_eq!(said("x-amz-server-side-encryption"), Some("aws:kms"), "{call:#?}");
        assert_eq!(said("x-amz-server-side-encryption-aws-kms-key-id"), Some("alias/state"), "{call:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_made_in_this_account_meanwhile_is_set_up_only_by_who_made_it() {
    for (tag, set_up) in [("unfinished", SET_UP.len()), ("theirs", 0)] {
        let s3 = S3::new(Some(ACCOUNT));
        let tags = format!("<Tag><Key>deployer:state-bucket</Key><Value>{tag}</Value></Tag>");
        s3.set("tagging", &format!("<Tagging><TagSet>{tags}</TagSet></Tagging>"));
        let mut asked = 0;
        s3.answer(move |call| match call.method.as_str() {
            "HEAD" => Some((404, "NotFound", String::new())),
            "PUT" if call.target == "/" => Some((409, "BucketAlreadyOwnedByYou", String::new())),
            // Some of S3's servers do not know the bucket yet.
            "GET" if call.target == "/?tagging" && asked < 2 => {
                asked += 1;
                Some((404, "NoSuchBucket", String::new()))
            }
            _ => None,
        });
        known(&s3).await.create_bucket(&place()).await.expect("there");
        assert_eq!(s3.writes().len(), 1 + set_up, "{tag}: {:?}", s3.writes());
    }
}

/// The settings of a new bucket, in order.
const SET_UP: &[&str] = &[
    "PUT /?publicAccessBlock",
    "PUT /?encryption",
    "PUT /?policy",
    "PUT /?lifecycle",
    "PUT /?versioning",
    "PUT /?tagging",
];

#[tokio::test]
async fn a_bucket_that_is_made_is_closed_encrypted_versioned_and_marked_as_the_deployers() {
    let s3 = S3::new(None);
    known(&s3).await.create_bucket(&place()).await.expect("made");
    assert_eq!(s3.writes()[0], "PUT /");
    assert_eq!(s3.writes()[1..], *SET_UP);
    let holds = |name: &str, parts: &[&str]| {
        let body = s3.setting(name).expect(name);
        assert!(parts.iter().all(|part| body.contains(part)), "{name}: {body}");
    };
    holds("policy", &["aws:SecureTransport", "\"Deny\"", "arn:aws:s3:::states/*"]);
    holds("lifecycle", &["<NoncurrentDays>90</NoncurrentDays>", "<ExpiredObjectDeleteMarker>true<"]);
    holds("encryption", &["AES256"]);
    holds("tagging", &["deployer:state-bucket", "ready"]);
    known(&s3).await.create_bucket(&place()).await.expect("it is there");
    assert_eq!(s3.writes().len(), 1 + SET_UP.len(), "what is finished is left alone");
}

#[tokio::test]
async fn a_bucket_that_a_killed_run_left_half_made_is_finished() {
    let s3 = S3::new(None);
    s3.answer(|call| call.is("PUT", "/?publicAccessBlock").then(|| (400, "Killed", String::new())));
    known(&s3).await.create_bucket(&place()).await.expect_err("cut off");
    s3.answer(|_| None);
    known(&s3).await.create_bucket(&place()).await.expect("finished");
    assert_eq!(s3.writes()[2..], *SET_UP);
    assert!(s3.setting("tagging").expect("tags").contains("ready"));
}

#[tokio::test]
async fn a_bucket_that_somebody_else_made_in_this_account_is_left_as_it_is() {
    let s3 = S3::new(Some(ACCOUNT));
    known(&s3).await.create_bucket(&place()).await.expect("it is there");
    assert_eq!(s3.writes(), [""; 0]);
}

#[tokio::test]
async fn rules_and_a_policy_that_others_gave_a_half_made_bucket_stay() {
    let s3 = S3::new(Some(ACCOUNT));
    let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let tags = tag("team", "sofa") + &tag("deployer:state-bucket", "unfinished");
    s3.set("tagging", &format!("<Tagging><TagSet>{tags}</TagSet></Tagging>"));
    s3.set("lifecycle", "<LifecycleConfiguration></LifecycleConfiguration>");
    s3.set("policy", "{}");
    known(&s3).await.create_bucket(&place()).await.expect("finished");
    let kept = ["policy", "lifecycle"].map(|name| s3.setting(name).expect("it stays"));
    assert_eq!(kept, ["{}", "<LifecycleConfiguration></LifecycleConfiguration>"]);
    assert!(s3.setting("tagging").expect("tags").contains("sofa"));
}

#[tokio::test]
async fn a_refusal_without_a_body_is_asked_about_again() {
    let s3 = S3::new(Some(ACCOUNT));
    s3.answer(|call| Some((400, if call.method == "HEAD" { "" } else { "ExpiredToken" }, String::new())));
    let error = known(&s3).await.create_bucket(&place()).await.expect_err("expired");
    assert_eq!(error.code(), "state::credentials", "{error}");
    assert!(error.help().contains("sign in again"), "{}", error.help());
    s3.answer(|call| {
        Some((400, if call.method == "HEAD" { "" } else { "AuthorizationHeaderMalformed" }, String::new()))
    });
    let error = known(&s3).await.create_bucket(&place()).await.expect_err("elsewhere");
    assert_eq!(error.code(), "state::wrong-region", "{error}");
}

/// Makes S3 deny the lock's existence for this many calls.
fn denying(s3: &S3, mut times: usize) {
    s3.answer(move |call| {
        let doubted = call.target.starts_with("/couch.json.lock") && times > 0;
        doubted.then(|| {
            times -= 1;
            (404, "NoSuchKey", String::new())
        })
    });
}

#[tokio::test(start_paused = true)]
async fn in_a_young_bucket_a_lock_of_ones_own_is_not_taken_for_lost_at_once() {
    let s3 = S3::new(None);
    let store = known(&s3).await;
    store.create_bucket(&place()).await.expect("made");
    let lease = held(&store, "ada").await;
    denying(&s3, 4);
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert!(lease.holds(), "the lock was renewed after the echoes");
    denying(&s3, 2);
    lease.release().await.expect("released");
    assert_eq!(known(&s3).await.lock_info().await.expect("readable"), None);
}

#[tokio::test(start_paused = true)]
async fn in_a_young_bucket_a_lock_that_stays_away_is_lost_with_its_lease() {
    let s3 = S3::new(None);
    let store = known(&s3).await;
    store.create_bucket(&place()).await.expect("made");
    let lease = held(&store, "ada").await;
    denying(&s3, usize::MAX);
    tokio::time::sleep(Duration::from_secs(21)).await;
    assert!(!lease.holds() && lease.why_lost().to_string().contains("was not renewed"), "{}", lease.why_lost());
}

#[tokio::test(start_paused = true)]
async fn in_a_bucket_of_some_age_a_missing_lock_is_lost_at_the_next_renewal() {
    for young in [false, true] {
        let s3 = S3::new((!young).then_some(ACCOUNT));
        let store = known(&s3).await;
        store.create_bucket(&place()).await.expect("there");
        if young {
            tokio::time::sleep(Duration::from_secs(16 * 60)).await;
        }
        let lease = held(&store, "ada").await;
        denying(&s3, usize::MAX);
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert!(!lease.holds() && lease.why_lost().to_string().contains("another run took over"), "{young}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_just_made_may_be_unknown_for_a_while() {
    let s3 = S3::new(None);
    let store = known(&s3).await;
    store.create_bucket(&place()).await.expect("made");
    let mut times = 3;
    s3.answer(move |_| {
        times = usize::max(times, 1) - 1;
        (times > 0).then(|| (404, "NoSuchBucket", String::new()))
    });
    apply(&store).await;
}
