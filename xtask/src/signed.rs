//! Requests to the local cloud, signed with the keys that `deployer local status --json` prints.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use serde_json::Value;

/// The keys and the region of a running local cloud.
pub struct Signer {
    credentials: Credentials,
    region: String,
}

impl Signer {
    /// Extracts them from the output of `deployer local status --json`.
    pub fn of(status: &Value) -> Result<Self, String> {
        let text = |key: &str| status[key].as_str().ok_or_else(|| format!("the local cloud has no {key}"));
        let credentials =
            Credentials::new(text("access_key_id")?, text("secret_access_key")?, None, None, "local cloud");
        Ok(Self { credentials, region: text("region")?.to_owned() })
    }

    /// Sends a GET request to a service and returns the body.
    pub fn get(&self, service: &str, url: &str) -> Result<Vec<u8>, String> {
        let mut request = ureq::get(url);
        for (name, value) in self.headers(service, url)? {
            request = request.header(name, value);
        }
        let reply = request.call().and_then(|mut reply| reply.body_mut().read_to_vec());
        reply.map_err(|error| format!("GET {url}: {error}"))
    }

    fn headers(&self, service: &str, url: &str) -> Result<Vec<(String, String)>, String> {
        let failed = |error: &dyn std::fmt::Display| format!("GET {url}: cannot sign: {error}");
        let mut settings = SigningSettings::default();
        if service == "s3" {
            // S3 signs a path as it is sent, and requires the body's hash in a header.
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let identity = self.credentials.clone().into();
        let signing = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| failed(&error))?;
        let host = url.split('/').nth(2).unwrap_or_default();
        let request = SignableRequest::new("GET", url, [("host", host)].into_iter(), SignableBody::Bytes(&[]))
            .map_err(|error| failed(&error))?;
        let (instructions, _) = sign(request, &signing.into()).map_err(|error| failed(&error))?.into_parts();
        Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
