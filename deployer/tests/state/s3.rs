//! S3 in memory, behind the real client: a bucket with an owner, and answers that no emulator gives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use deployer::aws::Clients;
use deployer::aws::clients::{Connection, Transport};
use tokio::time::Instant;

pub const OWNER: &str = "x-amz-expected-bucket-owner";

/// A call as received.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    /// The key and the query: `/shop.json`, `/?tagging`.
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Call {
    pub fn is(&self, method: &str, target: &str) -> bool {
        self.method == method && self.target.starts_with(target)
    }
}

/// An answer of S3: status, error code or an empty text, body.
pub type S3Answer = (u16, &'static str, String);
type Substitute = dyn FnMut(&Call) -> Option<S3Answer> + Send;

struct S3Contents {
    /// The account that owns the bucket; `None` if the bucket does not exist.
    owner: Option<String>,
    objects: BTreeMap<String, (Vec<u8>, u64, SystemTime)>,
    /// Bodies of the bucket's settings: `tagging`, `policy`, `lifecycle`, ….
    settings: BTreeMap<String, String>,
    calls: Vec<Call>,
    stead: Box<Substitute>,
    written: u64,
    began: Instant,
}

#[derive(Clone)]
pub struct S3(Arc<Mutex<S3Contents>>);

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("S3")
    }
}

impl S3 {
    pub fn new(owner: Option<&str>) -> Self {
        Self(Arc::new(Mutex::new(S3Contents {
            owner: owner.map(str::to_owned),
            objects: BTreeMap::new(),
            settings: BTreeMap::new(),
            calls: Vec::new(),
            stead: Box::new(|_| None),
            written: 0,
            began: Instant::now(),
        })))
    }

    /// Lets `stead` answer in S3's stead; calls for which it returns `None` reach S3.
    pub fn answer(&self, stead: impl FnMut(&Call) -> Option<S3Answer> + Send + 'static) {
        self.0.lock().unwrap().stead = Box::new(stead);
    }

    pub fn set(&self, name: &str, body: &str) {
        self.0.lock().unwrap().settings.insert(name.to_owned(), body.to_owned());
    }

    pub fn setting(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap().settings.get(name).cloned()
    }

    pub fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap().calls.clone()
    }

    /// Lists the calls that change something.
    pub fn writes(&self) -> Vec<String> {
        let writes = self.calls().into_iter().filter(|call| !["GET", "HEAD"].contains(&call.method.as_str()));
        writes.map(|call| format!("{} {}", call.method, call.target)).collect()
    }

    /// Returns a client for the state's store.
    pub async fn client(&self) -> aws_sdk_s3::Client {
        let connection = Connection {
            region: "eu-west-1".into(),
            endpoint_url: None,
            credentials: Some(("key".into(), "secret".into())),
            transport: Transport { http_client: Some(SharedHttpClient::new(self.clone())), ..Transport::default() },
        };
        Clients::connect(&connection).await.state
    }
}

impl HttpClient for S3 {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for S3 {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut held = self.0.lock().unwrap();
        let target = request.uri().splitn(4, '/').nth(3).unwrap_or_default();
        let call = Call {
            method: request.method().to_owned(),
            target: format!("/{target}"),
            headers: request.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: request.body().bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default(),
        };
        held.calls.push(call.clone());
        let mut headers = Vec::new();
        let stead = (held.stead)(&call);
        let (status, code, body) = stead.unwrap_or_else(|| held.route(&call, &mut headers));
        let body = match (call.method.as_str(), code) {
            ("HEAD", _) => String::new(),
            (_, "") => body,
            (_, code) => format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"),
        };
        headers.push(("date", date(held.now())));
        let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

fn date(time: SystemTime) -> String {
    DateTime::from(time).fmt(Format::HttpDate).unwrap()
}

fn fine(body: String) -> S3Answer {
    (200, "", body)
}

impl S3Contents {
    /// Returns the time in whole seconds, as S3 does.
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + self.began.elapsed().as_secs())
    }

    fn route(&mut self, call: &Call, headers: &mut Vec<(&'static str, String)>) -> S3Answer {
        let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
        let (key, setting) = (path.trim_start_matches('/'), query.split(['&', '=']).next().unwrap_or_default());
        let creates = call.method == "PUT" && key.is_empty() && query.is_empty();
        let wanted = call.headers.get(OWNER);
        match &self.owner {
            None if creates => {
                self.owner = Some("123456789012".to_owned());
                let tags = call.body.split_once("<Tags>").map(|(_, rest)| rest.split_once("</Tags>").unwrap().0);
                let tags = tags.map(|tags| format!("<Tagging><TagSet>{tags}</TagSet></Tagging>"));
                self.settings.extend(tags.map(|tags| ("tagging".to_owned(), tags)));
                return fine(String::new());
            }
            None => return (404, "NoSuchBucket", String::new()),
            Some(_) if creates => return (409, "BucketAlreadyExists", String::new()),
            Some(owner) if wanted.is_some_and(|wanted| wanted != owner) => return (403, "AccessDenied", String::new()),
            Some(_) => {}
        }
        match (call.method.as_str(), key) {
            ("HEAD", _) => fine(String::new()),
            ("PUT", "") => {
                self.settings.insert(setting.to_owned(), call.body.clone());
                fine(String::new())
            }
            ("GET", "") if setting == "list-type" => {
                let prefix = query.split('&').find_map(|part| part.strip_prefix("prefix=")).unwrap_or_default();
                let prefix = prefix.replace("%2F", "/");
                let keys = self.objects.keys().filter(|key| key.starts_with(&prefix));
                let keys: String = keys.map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
                fine(format!("<ListBucketResult><IsTruncated>false</IsTruncated>{keys}</ListBucketResult>"))
            }
            ("GET", "") => match (self.settings.get(setting), setting) {
                (Some(body), _) => fine(body.clone()),
                (None, "tagging") => (404, "NoSuchTagSet", String::new()),
                (None, "policy") => (404, "NoSuchBucketPolicy", String::new()),
                (None, _) => (404, "NoSuchLifecycleConfiguration", String::new()),
            },
            _ => self.object(call, key, headers),
        }
    }

    fn object(&mut self, call: &Call, key: &str, headers: &mut Vec<(&'static str, String)>) -> S3Answer {
        let found = self.objects.get(key).map(|(bytes, version, at)| (bytes.clone(), format!("\"{version}\""), *at));
        let missing = (404, "NoSuchKey", String::new());
        let condition = call.headers.get("if-match");
        if let Some(wanted) = condition {
            match &found {
                None => return missing,
                Some((_, version, _)) if version != wanted => return (412, "PreconditionFailed", String::new()),
                Some(_) => {}
            }
        }
        match call.method.as_str() {
            "PUT" if call.headers.contains_key("if-none-match") && found.is_some() => {
                (412, "PreconditionFailed", String::new())
            }
            "PUT" => {
                self.written += 1;
                self.objects.insert(key.to_owned(), (call.body.clone().into_bytes(), self.written, self.now()));
                headers.push(("etag", format!("\"{}\"", self.written)));
                fine(String::new())
            }
            "DELETE" => {
                self.objects.remove(key);
                (204, "", String::new())
            }
            _ => {
                let Some((bytes, version, at)) = found else { return missing };
                headers.extend([("etag", version), ("last-modified", date(at))]);
                fine(String::from_utf8(bytes).unwrap())
            }
        }
    }
}
