//! Settings of the profile in use that the SDK ignores: a CA bundle, and a role that needs an MFA code.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use aws_config::profile::Profile;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_types::os_shim_internal::{Env, Fs};

use super::cause::NoCredentials;
use super::error::chain;

/// The user's input, once it arrives.
pub type CodeInput = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

/// Asks the user at the terminal for the code of the device with this serial number or ARN.
#[derive(Clone)]
pub struct AskForCode(pub Arc<dyn Fn(&str) -> CodeInput + Send + Sync>);

impl fmt::Debug for AskForCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AskForCode")
    }
}

/// A role that is assumed with a code from an MFA device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MfaRole {
    pub profile: String,
    pub role_arn: String,
    pub mfa_serial: String,
    /// The profile whose credentials assume the role.
    pub source: String,
    pub session_name: Option<String>,
    pub external_id: Option<String>,
    pub duration_s: Option<i32>,
}

/// The settings of the environment and of the selected profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub ca_bundle: Option<PathBuf>,
    pub guarded: Option<MfaRole>,
}

/// Reads AWS_CA_BUNDLE, and AWS_PROFILE's section of the config and credentials files. Missing or unreadable files are
/// no error here: the SDK reports them when it needs them.
pub async fn facts() -> Facts {
    let (env, fs) = (Env::real(), Fs::real());
    // Keys in the environment take precedence over any profile.
    let keys = env.get("AWS_ACCESS_KEY_ID").is_ok_and(|key| !key.is_empty());
    let bundle = env.get("AWS_CA_BUNDLE").ok().filter(|path| !path.is_empty()).map(PathBuf::from);
    let nothing = Facts { ca_bundle: bundle.clone(), guarded: None };
    let Ok(profiles) = aws_config::profile::load(&fs, &env, &Default::default(), None).await else { return nothing };
    let name = profiles.selected_profile();
    let Some(profile) = profiles.get_profile(name) else { return nothing };
    Facts {
        ca_bundle: bundle.or_else(|| profile.get("ca_bundle").map(PathBuf::from)),
        guarded: read_mfa_role(name, profile).filter(|_| !keys),
    }
}

fn read_mfa_role(name: &str, profile: &Profile) -> Option<MfaRole> {
    let text = |key: &str| profile.get(key).map(str::to_owned);
    Some(MfaRole {
        profile: name.to_owned(),
        role_arn: text("role_arn")?,
        mfa_serial: text("mfa_serial")?,
        source: text("source_profile")?,
        session_name: text("role_session_name"),
        external_id: text("external_id"),
        duration_s: text("duration_seconds").and_then(|seconds| seconds.parse().ok()),
    })
}

/// Assumes the role with a code that the user enters (STS `AssumeRole`). An error is reported by the first call that
/// needs credentials.
pub async fn assume(role: &MfaRole, config: &SdkConfig, ask: Option<&AskForCode>) -> SharedCredentialsProvider {
    match request_credentials(role, config, ask).await {
        Ok(credentials) => SharedCredentialsProvider::new(credentials),
        Err(refusal) => refusing(refusal),
    }
}

async fn request_credentials(
    role: &MfaRole,
    config: &SdkConfig,
    ask: Option<&AskForCode>,
) -> Result<Credentials, NoCredentials> {
    // Without a code, the SDK's own provider would be refused by STS, and the error would not mention the code.
    let wants = || NoCredentials::MfaCode(format!("{} needs an MFA code of {}", role.profile, role.mfa_serial));
    let ask = ask.ok_or_else(wants)?;
    let code = (ask.0)(&role.mfa_serial).await.filter(|code| !code.is_empty()).ok_or_else(wants)?;
    let mut source = aws_config::defaults(BehaviorVersion::v2026_01_12()).profile_name(&role.source);
    if let Some(client) = config.http_client() {
        source = source.http_client(client);
    }
    let mut sts = aws_sdk_sts::config::Builder::from(config);
    sts.set_credentials_provider(source.load().await.credentials_provider());
    let sts = sts.build();
    let answer = aws_sdk_sts::Client::from_conf(sts)
        .assume_role()
        .role_arn(&role.role_arn)
        .serial_number(&role.mfa_serial)
        .token_code(code)
        .role_session_name(role.session_name.as_deref().unwrap_or("deployer"))
        .set_external_id(role.external_id.clone())
        .set_duration_seconds(role.duration_s)
        .send()
        .await
        .map_err(|error| {
            NoCredentials::Refused(format!("the role {} cannot be assumed: {}", role.role_arn, chain(&error)))
        })?;
    let given = answer
        .credentials
        .ok_or_else(|| NoCredentials::Refused(format!("STS gave no credentials for {}", role.role_arn)))?;
    let end = SystemTime::try_from(given.expiration).ok();
    Ok(Credentials::new(given.access_key_id, given.secret_access_key, Some(given.session_token), end, "MFA"))
}

/// Creates a provider that answers every request for credentials with this refusal.
pub fn refusing(refusal: NoCredentials) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(RefusingProvider(refusal))
}

/// Gives the same error to every request for credentials.
#[derive(Debug)]
struct RefusingProvider(NoCredentials);

impl ProvideCredentials for RefusingProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::provider_error(self.0.clone())))
    }
}
