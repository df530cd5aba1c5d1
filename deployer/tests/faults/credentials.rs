//! Credentials that expire too soon are detected before the first write.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use crate::roomy;
use crate::trial::{End, Phase, Scene, StatePlace, Trial};

/// The fixed clock of the trials, 2026-11-22T10:00:00Z.
const NOW_S: u64 = 1_795_341_600;

fn lasting(trial: &Trial, seconds: i64) -> SharedCredentialsProvider {
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_S.saturating_add_signed(seconds));
    SharedCredentialsProvider::new(Credentials::new(trial.account(), "test", None, Some(end), "test"))
}

#[test]
fn credentials_about_to_end_are_refused_before_anything_is_written() {
    roomy(|| {
        let trial = Trial::new(StatePlace::S3, Scene::Kinds);
        for (seconds, text) in [(-5, "the credentials have ended"), (59, "the credentials end in 59 s")] {
            let (end, said, calls) = trial.run_as(Phase::Apply, lasting(&trial, seconds));
            assert_eq!(end, End::Failed(format!("aws::expired-credentials: {text}")), "{said:?}");
            assert_eq!(calls, [""; 0], "nothing is called");
        }
        assert_eq!(trial.holds(), [""; 0]);
    });
}

#[test]
fn credentials_that_end_soon_are_told_of_and_used() {
    roomy(|| {
        let trial = Trial::new(StatePlace::Directory, Scene::Kinds);
        let (end, said, _) = trial.run_as(Phase::Apply, lasting(&trial, 299));
        assert_eq!(end, End::Done);
        assert!(said.iter().any(|text| text.starts_with("the credentials end in 299 s")), "{said:?}");
        let (end, said, _) = trial.run_as(Phase::Apply, lasting(&trial, 300));
        assert_eq!((end, said), (End::Done, Vec::new()));
    });
}
