//! The SDK clients of a run: one HTTP client, one set of credentials, one retry policy for all.

use std::time::{Duration, SystemTime};

use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::checked::Checked;
use super::dialect::Dialect;
use super::fence::Fence;
use super::network::Network;
use super::patience::Patience;
use super::profile::{self, AskForCode};
use super::rate::Budgets;

/// If nothing was sent and nothing came back for this long, a call counts as lost.
const QUIET: Duration = Duration::from_secs(60);

/// One client per service.
pub struct Clients {
    pub apigateway: aws_sdk_apigateway::Client,
    pub apigatewayv2: aws_sdk_apigatewayv2::Client,
    pub bedrock: aws_sdk_bedrock::Client,
    /// Whether Bedrock or the local stand-in answers; an emulator without Bedrock does not count.
    pub(super) has_bedrock: bool,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub events: aws_sdk_eventbridge::Client,
    pub iam: aws_sdk_iam::Client,
    pub lambda: aws_sdk_lambda::Client,
    pub logs: aws_sdk_cloudwatchlogs::Client,
    pub s3: aws_sdk_s3::Client,
    pub scheduler: aws_sdk_scheduler::Client,
    pub secretsmanager: aws_sdk_secretsmanager::Client,
    pub sns: aws_sdk_sns::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub ssm: aws_sdk_ssm::Client,
    pub sts: aws_sdk_sts::Client,
    pub tagging: aws_sdk_resourcegroupstagging::Client,
    credentials: Option<SharedCredentialsProvider>,
    endpoint_url: Option<String>,
    /// For downloads outside AWS's APIs.
    pub(super) network: Network,
    /// S3 for the state and its lock. Its calls do not pass the fence: those writes are conditional, and they release
    /// the lock.
    pub state: aws_sdk_s3::Client,
    /// Asked before every writing call of the other clients.
    pub(super) fence: Fence,
    /// Notified of every call that the SDK sends again.
    pub(super) budgets: Budgets,
}

/// How to reach AWS.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    pub region: String,
    /// One local address for all services instead of AWS's own.
    pub endpoint_url: Option<String>,
    /// Fixed credentials (a local cloud's); otherwise the SDK's usual chain.
    pub credentials: Option<(String, String)>,
    pub transport: Transport,
}

/// How calls travel: over HTTPS and with AWS's recommended patience, unless a test injects faults.
#[derive(Debug, Clone, Default)]
pub struct Transport {
    pub http_client: Option<SharedHttpClient>,
    pub retry: Option<RetryConfig>,
    /// Bedrock's address, in place of AWS's own or of the one for all services.
    pub bedrock_url: Option<String>,
    /// After this long without a byte in either direction, a call counts as lost.
    pub quiet: Option<Duration>,
    /// Replaces the usual chain and fixed keys.
    pub credentials: Option<SharedCredentialsProvider>,
    /// Asks for the code of an MFA device; none if nobody can answer.
    pub ask_for_code: Option<AskForCode>,
}

impl Clients {
    /// Loads credentials and settings the way every AWS tool does, and creates the clients.
    pub async fn connect(connection: &Connection) -> Self {
        let facts = profile::facts().await;
        let trusted = facts.ca_bundle.as_deref().map_or_else(|| Ok(Network::default()), Network::trusting);
        let (network, distrust) = match trusted {
            Ok(network) => (network.to(connection.endpoint_url.as_deref()), None),
            Err(refusal) => (Network::default(), Some(profile::refusing(refusal))),
        };
        let http_client = connection.transport.http_client.clone().unwrap_or_else(|| network.client());
        let mut http_client = SharedHttpClient::new(Patience::new(http_client));
        if connection.endpoint_url.is_some() {
            http_client = SharedHttpClient::new(Dialect::new(http_client));
        }
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(connection.region.clone()))
            .http_client(http_client)
            .retry_config(
                connection.transport.retry.clone().unwrap_or_else(|| RetryConfig::standard().with_max_attempts(6)),
            )
            // No limit for an attempt as a whole: an upload takes as long as the line needs. A connection that stands
            // still is ended by the read timeout, which begins with the last byte sent, and by the protection below.
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(5))
                    .read_timeout(connection.transport.quiet.unwrap_or(QUIET))
                    .build(),
            );
        // The SDK's own 5 s are too short for a zip on a slow line, and for a busy machine.
        loader = loader.stalled_stream_protection(
            StalledStreamProtectionConfig::enabled().grace_period(Duration::from_secs(20)).build(),
        );
        if let Some(url) = &connection.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some((key, secret)) = &connection.credentials {
            loader =
                loader.credentials_provider(aws_credential_types::Credentials::new(key, secret, None, None, "local"));
        }
        if let Some(provider) = &connection.transport.credentials {
            loader = loader.credentials_provider(provider.clone());
        }
        if let Some(refusing) = distrust {
            loader = loader.credentials_provider(refusing);
        }
        let mut config = loader.load().await;
        let chosen = connection.credentials.is_some() || connection.transport.credentials.is_some();
        if let Some(role) = facts.guarded.filter(|_| !chosen) {
            let assumed = profile::assume(&role, &config, connection.transport.ask_for_code.as_ref()).await;
            config = config.into_builder().credentials_provider(assumed).build();
        }
        let bedrock_url = connection.transport.bedrock_url.as_deref();
        let has_bedrock = connection.endpoint_url.is_none() || bedrock_url.is_some();
        let clients = Self::of(&config);
        let bedrock = bedrock(&config, bedrock_url, &clients.fence, &clients.budgets);
        Self { network, bedrock, has_bedrock, ..clients }
    }

    /// Creates the clients from the given settings. Tests pass their own HTTP client this way.
    pub fn of(config: &SdkConfig) -> Self {
        let (fence, budgets) = (Fence::default(), Budgets::default());
        let checked = Checked { is_local: config.endpoint_url().is_some() };
        let mut s3 = aws_sdk_s3::config::Builder::from(config).interceptor(checked);
        if config.endpoint_url().is_some() {
            // A local AWS has one host for all buckets.
            s3 = s3.force_path_style(true);
        }
        macro_rules! client {
            ($sdk:ident) => {
                $sdk::Client::from_conf(
                    $sdk::config::Builder::from(config)
                        .interceptor(fence.clone())
                        .interceptor(budgets.clone())
                        .interceptor(checked)
                        .build(),
                )
            };
        }
        Self {
            apigateway: client!(aws_sdk_apigateway),
            apigatewayv2: client!(aws_sdk_apigatewayv2),
            bedrock: bedrock(config, None, &fence, &budgets),
            has_bedrock: true,
            cloudwatch: client!(aws_sdk_cloudwatch),
            dynamodb: client!(aws_sdk_dynamodb),
            events: client!(aws_sdk_eventbridge),
            iam: client!(aws_sdk_iam),
            lambda: client!(aws_sdk_lambda),
            logs: client!(aws_sdk_cloudwatchlogs),
            state: aws_sdk_s3::Client::from_conf(s3.clone().build()),
            s3: aws_sdk_s3::Client::from_conf(s3.interceptor(fence.clone()).build()),
            scheduler: client!(aws_sdk_scheduler),
            secretsmanager: client!(aws_sdk_secretsmanager),
            sns: client!(aws_sdk_sns),
            sqs: client!(aws_sdk_sqs),
            ssm: client!(aws_sdk_ssm),
            sts: client!(aws_sdk_sts),
            tagging: client!(aws_sdk_resourcegroupstagging),
            credentials: config.credentials_provider(),
            endpoint_url: config.endpoint_url().map(str::to_owned),
            network: Network::default(),
            fence,
            budgets,
        }
    }

    /// Returns an HTTP client for requests that no SDK makes: to the URL of a deployed API.
    pub(crate) fn connector(&self) -> Connector {
        self.network.connector()
    }

    /// Returns the credentials for a call that no SDK makes, and the endpoint that it goes to in place of AWS.
    pub(super) fn for_signing(&self) -> Option<(SharedCredentialsProvider, Option<String>)> {
        Some((self.credentials.clone()?, self.endpoint_url.clone()))
    }

    /// Returns when the credentials expire, if they do. Asks the provider again, so that renewed credentials have their
    /// full lifetime.
    pub async fn credentials_end(&self) -> Option<SystemTime> {
        self.credentials.as_ref()?.provide_credentials().await.ok()?.expiry()
    }
}

/// Creates Bedrock's client, with the interceptors of the others. It signs as they do, so that the same permissions
/// count: with AWS_BEARER_TOKEN_BEDROCK, the SDK would send that token instead.
fn bedrock(config: &SdkConfig, url: Option<&str>, fence: &Fence, budgets: &Budgets) -> aws_sdk_bedrock::Client {
    let mut builder = aws_sdk_bedrock::config::Builder::from(config)
        .auth_scheme_preference([AuthSchemeId::from("sigv4")])
        .interceptor(fence.clone())
        .interceptor(budgets.clone())
        .interceptor(Checked { is_local: config.endpoint_url().is_some() || url.is_some() });
    if let Some(url) = url {
        builder = builder.endpoint_url(url);
    }
    aws_sdk_bedrock::Client::from_conf(builder.build())
}
