//! E-mail subscriptions in the local cloud that wait for their confirmation.

use aws_credential_types::Credentials;
use aws_sdk_sns::config::{BehaviorVersion, Region};
use aws_sdk_sns::error::DisplayErrorContext;
use aws_sdk_sns::{Client, Config};
use serde::Serialize;

use super::{LocalCloud, LocalError};

/// In a listing: takes the place of the ARN until the subscription is confirmed.
const PENDING: &str = "PendingConfirmation";

/// A subscription that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingSubscription {
    pub address: String,
    pub topic_arn: String,
}

/// The subscriptions of a local cloud in one region.
pub struct Subscriptions(Client);

impl Subscriptions {
    pub fn of(cloud: &LocalCloud, region: &str) -> Self {
        let keys = cloud.keys();
        let credentials = Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "local cloud");
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(credentials)
            .endpoint_url(cloud.endpoint_url())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(Region::new(region.to_owned()))
            .build();
        Self(Client::from_conf(config))
    }

    /// Lists the e-mail subscriptions that wait (SNS `ListSubscriptions`), sorted by address.
    ///
    /// # Errors
    /// When the emulator refuses or does not answer.
    pub async fn pending(&self) -> Result<Vec<PendingSubscription>, LocalError> {
        let mut pages = self.0.list_subscriptions().into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(listed) = pages.next().await {
            let listed = listed.map_err(|error| subscription_error("list", &error))?;
            let waits = listed.subscription_arn() == Some(PENDING);
            if waits && listed.protocol().is_some_and(|protocol| protocol.starts_with("email")) {
                found.extend(
                    listed
                        .endpoint
                        .zip(listed.topic_arn)
                        .map(|(address, topic_arn)| PendingSubscription { address, topic_arn }),
                );
            }
        }
        found.sort_by(|one, other| (&one.address, &one.topic_arn).cmp(&(&other.address, &other.topic_arn)));
        Ok(found)
    }

    /// Confirms a subscription (SNS `ConfirmSubscription`). The local cloud takes the address in place of the mailed
    /// token.
    ///
    /// # Errors
    /// When the emulator refuses or does not answer.
    pub async fn confirm(&self, pending: &PendingSubscription) -> Result<(), LocalError> {
        let call = self.0.confirm_subscription().topic_arn(&pending.topic_arn).token(&pending.address);
        call.send().await.map(drop).map_err(|error| subscription_error("confirm", &error))
    }
}

fn subscription_error<E: std::error::Error>(action: &'static str, error: &E) -> LocalError {
    LocalError::Subscriptions { action, message: DisplayErrorContext(error).to_string() }
}
