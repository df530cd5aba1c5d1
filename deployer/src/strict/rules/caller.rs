//! The identity behind an access key.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use super::super::facts::{self, Policies};
use super::super::{Answer, Call, Place};
use crate::mutex::lock;

/// The longest session of a role.
const SESSION: Duration = Duration::from_secs(12 * 60 * 60);

/// The sessions that began before a rule's eyes.
#[derive(Default)]
pub struct Callers {
    /// By access key.
    sessions: Mutex<HashMap<String, Session>>,
}

struct Session {
    since: Duration,
    role: String,
    name: String,
}

/// A caller that is not the root user of its account.
pub struct Caller {
    pub arn: String,
    pub policies: Policies,
}

impl Callers {
    pub fn learn(&self, call: &Call, answer: &Answer, place: Place<'_>) {
        let Some(key) = answer.xml("AccessKeyId").filter(|_| call.is("STS", &["AssumeRole"])) else { return };
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, session| place.now < session.since + SESSION);
        let (role, name) = (call.name("RoleArn").to_owned(), call.text("RoleSessionName").to_owned());
        sessions.insert(key.to_owned(), Session { since: place.now, role, name });
    }

    /// Returns the caller with its policies. None for a root user, and for a caller that the emulator does not know.
    pub async fn identify(&self, call: &Call, place: Place<'_>) -> Option<Caller> {
        let session = lock(&self.sessions).get(&call.key).map(|session| (session.role.clone(), session.name.clone()));
        if let Some((role, name)) = session {
            let arn = format!("arn:aws:sts::{}:assumed-role/{role}/{name}", place.account);
            return Some(Caller { arn, policies: facts::policies_of_role(place, &role).await? });
        }
        if call.key == place.account {
            return None;
        }
        let user = facts::user_of_key(place, &call.key).await?;
        let arn = format!("arn:aws:iam::{}:user/{user}", place.account);
        Some(Caller { arn, policies: facts::policies_of_user(place, &user).await? })
    }
}
