//! Checks requests to the stand-in: they must name this server as `Host`, come from no browser, and be signed with the
//! key of this start.
//!
//! `guard.py` does the same for the emulator. A page in a browser reaches 127.0.0.1 like any program of its user, and
//! so does every other user of the machine.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use hmac::{Hmac, KeyInit, Mac};
use hyper::Method;
use hyper::header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use hyper::http::request::Parts;
use sha2::{Digest, Sha256};

use super::ACCESS_KEY_ID;

/// Maximum difference between a request's time and the clock (AWS, "Signature Version 4": five minutes).
const WINDOW: Duration = Duration::from_secs(300);
/// The path of the emulator's health check.
pub(crate) const HEALTH: &str = "/_ministack/health";
/// The end of the names of buckets' websites.
const SITES: &str = ".s3-website.localhost";
/// Headers in which a browser states a request's origin. No AWS client sends any of them.
const FETCH_METADATA: &[&str] = &["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"];

/// Tells whether a request is open to everybody: the health check, a deployed API, a bucket's website, a browser's
/// question before a page's request, and addresses that are signed themselves. `guard.py` checks these.
pub(crate) fn is_open(head: &Parts) -> bool {
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    [HEALTH, "/_ministack/lambda-code/"].iter().any(|prefix| path.starts_with(prefix))
        || is_of_api(path)
        || is_of_site(head)
        || is_question(head)
        || query.contains("X-Amz-Signature=")
}

/// Tells whether a request is for a bucket's website: `BUCKET.s3-website.localhost`.
fn is_of_site(head: &Parts) -> bool {
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    host.split(':').next().is_some_and(|name| name.ends_with(SITES))
}

/// Tells whether a browser asks whether a page of another site may send a request.
fn is_question(head: &Parts) -> bool {
    head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Tells whether a path is a deployed API's or of a function's URL.
pub(crate) fn is_of_api(path: &str) -> bool {
    ["/_aws/execute-api/", "/_aws/lambda-url/"].iter().any(|prefix| path.starts_with(prefix))
        || (path.starts_with("/restapis/") && path.contains("/_user_request_"))
}

/// Returns why a request may not be served, from the checks that need no body. `port` is this server's.
pub(crate) fn early_refusal(head: &Parts, port: u16, now: SystemTime) -> Option<&'static str> {
    other_party(&head.headers, port).or_else(|| match signed_at(head) {
        Some(time) if apart(time, now) > WINDOW => Some("the signature is too old or too new"),
        Some(_) => None,
        None => Some("the request is not signed"),
    })
}

/// Returns why a request may not be served. `port` is this server's.
pub(super) fn refusal(head: &Parts, body: &[u8], secret: &str, port: u16, now: SystemTime) -> Option<&'static str> {
    early_refusal(head, port, now).or_else(|| match verify(head, body, secret) {
        Some(true) => None,
        Some(false) => Some("the signature does not match"),
        None => Some("the request is not signed"),
    })
}

/// Returns the time at which a request claims to have been signed. `None` if it is unsigned, or its signature does not
/// cover the host.
fn signed_at(head: &Parts) -> Option<SystemTime> {
    let claim = claim(&head.headers)?;
    let whole = claim.headers.contains(&"host") && claim.signature.len() == 64;
    let time = extended_time(head.headers.get("x-amz-date")?.to_str().ok()?)?;
    SystemTime::try_from(DateTime::from_str(&time, Format::DateTime).ok()?).ok().filter(|_| whole)
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|error| error.duration())
}

/// Refuses requests for another host name, which a page may have pointed to this server, and every request of a page.
pub(super) fn other_party(headers: &HeaderMap, port: u16) -> Option<&'static str> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let ours = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    if !ours.iter().any(|name| name == host) {
        return Some("this server has another name");
    }
    let browser = headers.contains_key(ORIGIN) || FETCH_METADATA.iter().any(|name| headers.contains_key(*name));
    browser.then_some("requests of web pages are not served")
}

/// The parts of `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX`.
struct Claim<'a> {
    key: &'a str,
    region: &'a str,
    service: &'a str,
    headers: Vec<&'a str>,
    signature: &'a str,
}

fn claim(headers: &HeaderMap) -> Option<Claim<'_>> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let field = |name: &str| text.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let scope: Vec<&str> = field("Credential")?.split('/').collect();
    let [key, _, region, service, "aws4_request"] = scope[..] else { return None };
    Some(Claim {
        key,
        region,
        service,
        headers: field("SignedHeaders")?.split(';').collect(),
        signature: field("Signature")?,
    })
}

/// Tells whether a request and its body are signed with a key that follows from `secret`. Keys of IAM users do not: only
/// `guard.py` knows them.
pub(crate) fn is_signed(head: &Parts, body: &[u8], secret: &str) -> bool {
    verify(head, body, secret) == Some(true)
}

/// Signs the request again and compares; `None` if it is unsigned.
fn verify(head: &Parts, body: &[u8], secret: &str) -> Option<bool> {
    let (claim, time) = (claim(&head.headers)?, signed_at(head)?);
    let identity: Identity = Credentials::new(claim.key, secret_of(claim.key, secret)?, None, None, "local").into();
    let mut settings = SigningSettings::default();
    if claim.service == "s3" {
        // The key of an object is signed as it is sent.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let signing = v4::SigningParams::builder()
        .identity(&identity)
        .region(claim.region)
        .name(claim.service)
        .time(time)
        .settings(settings)
        .build()
        .ok()?;
    let url = format!("http://{}{}", head.headers.get(HOST)?.to_str().ok()?, head.uri);
    let signed = claim.headers.iter().filter(|name| **name != "x-amz-date");
    let headers: Option<Vec<(&str, &str)>> =
        signed.map(|name| Some((*name, head.headers.get(*name)?.to_str().ok()?))).collect();
    let request = SignableRequest::new(head.method.as_str(), url, headers?.into_iter(), payload(head, body)?).ok()?;
    let (_, expected) = sign(request, &signing.into()).ok()?.into_parts();
    Some(same(&expected, claim.signature))
}

/// Returns the form in which the signature covers a body. `None` if the request states the hash of another body, or signs
/// the body in parts.
fn payload<'a>(head: &Parts, body: &'a [u8]) -> Option<SignableBody<'a>> {
    let Some(stated) = head.headers.get("x-amz-content-sha256") else { return Some(SignableBody::Bytes(body)) };
    match stated.to_str().ok()? {
        "UNSIGNED-PAYLOAD" => Some(SignableBody::UnsignedPayload),
        stated => (stated == hex(&Sha256::digest(body))).then(|| SignableBody::Precomputed(stated.to_owned())),
    }
}

/// Returns the secret of a key id: the root user's, or the one that `guard.py` derives for a function's session.
fn secret_of(key: &str, secret: &str) -> Option<String> {
    if key == ACCESS_KEY_ID || (key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit())) {
        return Some(secret.to_owned());
    }
    Some(derived(secret, key))
}

/// Returns a text that only a holder of the secret can compute.
pub(super) fn derived(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares in constant time, so that the time does not reveal where two texts differ.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// `20261130T120000Z` → `2026-11-30T12:00:00Z`
fn extended_time(basic: &str) -> Option<String> {
    let (date, time) = basic.strip_suffix('Z')?.split_once('T')?;
    let part = |text: &str, from: usize, to: usize| text.get(from..to).map(str::to_owned);
    let date = [part(date, 0, 4)?, part(date, 4, 6)?, part(date, 6, 8)?].join("-");
    let time = [part(time, 0, 2)?, part(time, 2, 4)?, part(time, 4, 6)?].join(":");
    Some(format!("{date}T{time}Z"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns the `Authorization` and `X-Amz-Date` lines of a request signed with a key.
    pub fn sign_request(
        request: (&str, &str, &str),
        body: &[u8],
        (key, secret, region): (&str, &str, &str),
        time: SystemTime,
    ) -> String {
        let (method, host, path) = request;
        let identity: Identity = Credentials::new(key, secret, None, None, "test").into();
        let signing = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("bedrock")
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .unwrap();
        let url = format!("http://{host}{path}");
        let request =
            SignableRequest::new(method, url, [("host", host)].into_iter(), SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(request, &signing.into()).unwrap().into_parts();
        instructions.headers().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
    }

    fn head(lines: &str, host: &str) -> Parts {
        let mut request = hyper::Request::builder().method("POST").uri("/model/a%3A1/invoke").header("host", host);
        for line in lines.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        request.body(()).unwrap().into_parts().0
    }

    const HOST_NAME: &str = "127.0.0.1:4000";
    const PATH: (&str, &str, &str) = ("POST", HOST_NAME, "/model/a%3A1/invoke");

    fn judge(lines: &str, body: &[u8], now: SystemTime) -> Option<&'static str> {
        refusal(&head(lines, HOST_NAME), body, "secret", 4000, now)
    }

    #[test]
    fn only_the_holder_of_the_key_is_served_and_only_for_what_was_signed() {
        let now = SystemTime::now();
        let root = sign_request(PATH, b"{}", (ACCESS_KEY_ID, "secret", "us-west-2"), now);
        assert_eq!(judge(&root, b"{}", now), None);
        assert_eq!(judge(&root, b"{ }", now), Some("the signature does not match"));
        assert_eq!(judge(&root, b"{}", now + WINDOW * 2), Some("the signature is too old or too new"));
        assert_eq!(judge(&root, b"{}", now - WINDOW * 2), Some("the signature is too old or too new"));
        let session = secret_of("ASIA0123456789ABCDEF", "secret").unwrap();
        assert_eq!(
            judge(&sign_request(PATH, b"{}", ("ASIA0123456789ABCDEF", &session, "us-west-2"), now), b"{}", now),
            None
        );
        for (key, guess) in [(ACCESS_KEY_ID, "test"), ("000000000000", "test"), ("ASIA0123456789ABCDEF", "secret")] {
            let guessed = sign_request(PATH, b"{}", (key, guess, "us-west-2"), now);
            assert_eq!(judge(&guessed, b"{}", now), Some("the signature does not match"), "{key}");
        }
        assert_eq!(judge("", b"{}", now), Some("the request is not signed"));
        assert_eq!(
            judge("authorization: AWS4-HMAC-SHA256 Credential=a", b"{}", now),
            Some("the request is not signed")
        );
    }

    /// Tells whether a request to S3 that states the hash of its body counts as signed, if it arrives with `body`.
    fn is_object_signed(path: &str, stated: &str, body: &[u8]) -> bool {
        let identity: Identity = Credentials::new(ACCESS_KEY_ID, "secret", None, None, "test").into();
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let signing = v4::SigningParams::builder().identity(&identity).region("eu-west-1").name("s3");
        let signing = signing.time(SystemTime::now()).settings(settings).build().unwrap();
        let headers = [("host", HOST_NAME), ("x-amz-content-sha256", stated)];
        let url = format!("http://{HOST_NAME}{path}");
        let payload = SignableBody::Precomputed(stated.to_owned());
        let request = SignableRequest::new("PUT", url, headers.into_iter(), payload).unwrap();
        let (instructions, _) = sign(request, &signing.into()).unwrap().into_parts();
        let mut request = hyper::Request::builder().method("PUT").uri(path);
        for (name, value) in headers.into_iter().chain(instructions.headers()) {
            request = request.header(name, value);
        }
        is_signed(&request.body(()).unwrap().into_parts().0, body, "secret")
    }

    #[test]
    fn an_object_is_signed_by_its_key_as_it_is_sent_and_by_the_hash_of_its_body() {
        let hash = hex(&Sha256::digest(b"one"));
        for path in ["/pictures/a", "/pictures/a%20b//c", "/pictures/../x?list-type=2&prefix=a%2Fb"] {
            assert!(is_object_signed(path, &hash, b"one"), "{path}");
            assert!(!is_object_signed(path, &hash, b"two"), "{path}: another body");
            assert!(is_object_signed(path, "UNSIGNED-PAYLOAD", b"two"), "{path}");
        }
        assert!(!is_object_signed("/pictures/a", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", b"one"), "the guard decides");
    }

    #[test]
    fn a_page_and_another_name_are_refused_signed_or_not() {
        let now = SystemTime::now();
        let root = sign_request(PATH, b"{}", (ACCESS_KEY_ID, "secret", "us-west-2"), now);
        for line in
            ["origin: https://evil.example", "origin: null", "sec-fetch-site: same-origin", "sec-fetch-mode: no-cors"]
        {
            let refused = judge(&format!("{root}{line}\r\n"), b"{}", now);
            assert_eq!(refused, Some("requests of web pages are not served"), "{line}");
        }
        for host in
            ["evil.example:4000", "127.0.0.1", "127.0.0.1:4001", "localhost.evil.example:4000", "", "[::1]:4000"]
        {
            let refused = refusal(&head(&root, host), b"{}", "secret", 4000, now);
            assert_eq!(refused, Some("this server has another name"), "{host}");
        }
    }
}
