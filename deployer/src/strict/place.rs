//! The account and region of a request, the time, and the emulator behind the rules.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;

use super::switches::Switches;
use crate::aws::Clients;
use crate::aws::clients::{Connection, Transport};
use crate::mutex::lock;

/// The place and time of a call.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// 12 digits.
    pub account: &'a str,
    pub region: &'a str,
    /// The time since an arbitrary moment.
    pub now: Duration,
    pub switches: &'a Switches,
    pub emulator: &'a Emulator,
    pub kept: &'a Kept,
}

/// Values that rules keep until a call ends: with an answer, with a refusal, or because its client went away.
#[derive(Default)]
pub struct Kept(Mutex<Vec<Box<dyn Send>>>);

impl Kept {
    /// Drops `value` when the call ends.
    pub fn until_the_end(&self, value: impl Send + 'static) {
        lock(&self.0).push(Box::new(value));
    }
}

impl Place<'_> {
    /// Returns the key of this account and region for a name, in what a rule remembers.
    pub fn key(&self, name: &str) -> Key {
        (self.account.to_owned(), self.region.to_owned(), name.to_owned())
    }

    /// Returns the key of this account for the name of a resource without a region.
    pub fn global(&self, name: &str) -> Key {
        (self.account.to_owned(), String::new(), name.to_owned())
    }

    /// Tells whether a delay of AWS that began at `since` is over.
    pub fn is_over(&self, since: Duration, delay_of_aws: Duration) -> bool {
        self.now >= since + self.switches.delay(delay_of_aws)
    }

    /// Returns clients that reach the emulator past the rules, as the root user of the account.
    pub async fn clients(&self) -> Arc<Clients> {
        self.emulator.clients(self.account, self.region).await
    }
}

/// An account, a region, a name.
pub type Key = (String, String, String);

/// The emulator behind the rules.
pub struct Emulator {
    endpoint_url: String,
    /// The secret of every account's root user.
    secret: String,
    http_client: Option<SharedHttpClient>,
    clients: Mutex<HashMap<(String, String), Arc<Clients>>>,
}

impl Emulator {
    pub fn new(endpoint_url: String, secret: String, http_client: Option<SharedHttpClient>) -> Self {
        Self { endpoint_url, secret, http_client, clients: Mutex::default() }
    }

    async fn clients(&self, account: &str, region: &str) -> Arc<Clients> {
        let key = (account.to_owned(), region.to_owned());
        if let Some(known) = lock(&self.clients).get(&key) {
            return known.clone();
        }
        let connection = Connection {
            region: region.to_owned(),
            endpoint_url: Some(self.endpoint_url.clone()),
            credentials: Some((account.to_owned(), self.secret.clone())),
            transport: Transport {
                http_client: self.http_client.clone(),
                // A rule that gets no answer lets the request pass.
                retry: Some(RetryConfig::disabled()),
                ..Transport::default()
            },
        };
        let clients = Arc::new(Clients::connect(&connection).await);
        lock(&self.clients).entry(key).or_insert(clients).clone()
    }
}
