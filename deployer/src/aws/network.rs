//! How calls leave this machine: through which proxy, and with which trusted certificates.
//!
//! - Proxies come from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in capitals or not, as for every AWS tool. A
//!   local AWS on a loopback address is called directly.
//! - AWS_CA_BUNDLE, or `ca_bundle` of the profile, names a PEM file whose authorities are trusted in place of the
//!   system's. A company's proxy that opens TLS needs it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::cause::NoCredentials;

/// The proxy and the trusted authorities of a connection.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// PEM texts of the trusted authorities; `None` means the system's.
    authorities: Option<Arc<[String]>>,
    /// Uses no proxy.
    direct: bool,
}

impl Network {
    /// Trusts the authorities of a PEM file in place of the system's.
    ///
    /// # Errors
    /// When the file cannot be read or holds no usable certificate.
    pub fn trusting(bundle: &Path) -> Result<Self, NoCredentials> {
        let named = |cause: &str| NoCredentials::CaBundle(format!("{} {cause}", bundle.display()));
        let bytes = fs::read(bundle).map_err(|error| named(&format!("cannot be read: {error}")))?;
        let mut authorities = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let certificate = certificate.map_err(|error| named(&format!("is not in PEM form: {error}")))?;
            // Bundles contain old certificates that no TLS library accepts as an authority; the others still count.
            if RootCertStore::empty().add(certificate.clone()).is_ok() {
                let text = STANDARD.encode(&certificate);
                authorities.push(format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"));
            }
        }
        if authorities.is_empty() {
            return Err(named("holds no certificate of an authority"));
        }
        Ok(Self { authorities: Some(authorities.into()), direct: false })
    }

    /// Returns the same network for an endpoint: without a proxy if the endpoint is on this machine.
    #[must_use]
    pub fn to(mut self, endpoint_url: Option<&str>) -> Self {
        self.direct = endpoint_url.is_some_and(is_loopback);
        self
    }

    /// Creates the HTTP client that all services share: rustls with ring, which starts without aws-lc's entropy pause.
    pub fn client(&self) -> SharedHttpClient {
        let network = self.clone();
        Builder::new().build_with_connector_fn(move |settings, components| {
            let mut builder = Connector::builder();
            builder.set_connector_settings(settings.cloned());
            builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
            network.finish(builder)
        })
    }

    /// Creates a connector for downloads outside AWS's APIs.
    pub fn connector(&self) -> Connector {
        let mut builder = Connector::builder();
        builder.set_connector_settings(None::<HttpConnectorSettings>);
        self.finish(builder)
    }

    fn finish(&self, builder: ConnectorBuilder) -> Connector {
        let mut trusted = TrustStore::empty().with_native_roots(self.authorities.is_none());
        for authority in self.authorities.iter().flat_map(|authorities| authorities.iter()) {
            trusted.add_pem_certificate(authority.as_bytes());
        }
        let proxy = if self.direct { ProxyConfig::disabled() } else { ProxyConfig::from_env() };
        let mut builder = builder.proxy_config(proxy).tls_provider(tls::Provider::Rustls(CryptoMode::Ring));
        // Fails only for s2n, which is not compiled in.
        if let Ok(context) = TlsContext::builder().with_trust_store(trusted).build() {
            builder.set_tls_context(context);
        }
        builder.build()
    }
}

/// Tells whether the address is on this machine.
pub fn is_loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<hyper::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_on_this_machine_is_known() {
        for url in [
            "http://127.0.0.1:4566",
            "http://localhost:1/x",
            "http://s3.localhost",
            "http://[::1]:5",
            "https://127.9.9.9",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in
            ["http://10.0.0.5:4566", "http://localhost.example.com", "https://sqs.eu-west-1.amazonaws.com", "x", ""]
        {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn a_bundle_without_a_usable_certificate_is_refused_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("ca.pem");
        assert!(Network::trusting(&at).unwrap_err().to_string().contains("ca.pem cannot be read"));
        for text in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            fs::write(&at, text).unwrap();
            assert!(Network::trusting(&at).unwrap_err().to_string().contains("holds no certificate"), "{text}");
        }
        fs::write(&at, "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n").unwrap();
        assert!(Network::trusting(&at).unwrap_err().to_string().contains("is not in PEM form"));
    }
}
