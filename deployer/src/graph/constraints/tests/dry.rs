//! An AWS that accepts every call, creates nothing, and keeps the requests.

use std::sync::{Arc, Mutex};

use crate::aws::{Aws, Clients, Place, cbor};
use crate::constraints::{Body, Identified, Request, identify};
use crate::mutex::lock;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;

/// The requests of the writing calls, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests(Arc<Mutex<Vec<Identified>>>);

impl Requests {
    pub(super) fn take(&self) -> Vec<Identified> {
        std::mem::take(&mut lock(&self.0))
    }
}

/// Returns the clients, and the requests that they send.
pub(super) fn clients() -> (Arc<Clients>, Requests) {
    let requests = Requests::default();
    let config = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "test")))
        .http_client(requests.clone())
        .build();
    (Arc::new(Clients::of(&config)), requests)
}

/// The digest of the code of every function.
pub(super) const CODE: &str = "code";
/// The id of every resource.
pub(super) const ID: &str = "a1b2c3d4e5";

/// Returns an AWS without memory. Every zip is empty.
pub(super) fn aws(clients: &Arc<Clients>, place: &Place) -> Aws {
    let aws = Aws::new(clients.clone(), place.clone());
    aws.put_code(CODE, 0, || Ok(Vec::new()));
    aws
}

impl HttpClient for Requests {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Requests {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let credential = request.headers().get("authorization").and_then(|signed| signed.split("Credential=").nth(1));
        let signing = credential.and_then(|scope| scope.split('/').nth(3)).unwrap_or_default().to_owned();
        let bytes = request.body().bytes().unwrap_or_default();
        let is_cbor = request.headers().get("smithy-protocol").is_some();
        let body = match cbor::to_json(bytes).filter(|_| is_cbor) {
            Some(value) => Body::Tree(value.into()),
            None => Body::Bytes(bytes),
        };
        let headers = request.headers().iter().collect();
        let read = Request { uri: request.uri(), headers, body };
        let identified = identify(&signing, request.method(), &read);
        let operation = identified.as_ref().map_or("", |found| found.operation);
        let answer = answer(&signing, operation);
        if let Some(found) = identified.filter(|found| crate::aws::is_write(found.operation)) {
            lock(&self.0).push(found);
        }
        HttpConnectorFuture::ready(Ok(answer))
    }
}

/// Returns an answer from which each kind can go on.
fn answer(signing: &str, operation: &str) -> HttpResponse {
    let role = "<Role><Path>/</Path><RoleName>r</RoleName><RoleId>AROA</RoleId><Arn>arn:aws:iam::123456789012:role/r</Arn>\
                <CreateDate>2026-01-01T00:00:00Z</CreateDate></Role>";
    let body = match signing {
        "monitoring" => vec![0xa0],
        "s3" if operation == "GetBucketNotificationConfiguration" => b"<NotificationConfiguration/>".to_vec(),
        "s3" => Vec::new(),
        "iam" => {
            format!("<{operation}Response><{operation}Result>{role}</{operation}Result></{operation}Response>").into()
        }
        "sns" => {
            let arn = "<TopicArn>arn</TopicArn><SubscriptionArn>arn</SubscriptionArn>";
            format!("<{operation}Response><{operation}Result>{arn}</{operation}Result></{operation}Response>").into()
        }
        _ => ANSWER.into(),
    };
    // A rule is looked for before it is written.
    let (status, body) = match operation {
        "DescribeRule" => (400, br#"{"__type": "ResourceNotFoundException"}"#.to_vec()),
        _ => (200, body),
    };
    let mut answer = HttpResponse::new(u16::try_into(status).expect("a status"), SdkBody::from(body));
    if signing == "monitoring" {
        answer.headers_mut().insert("smithy-protocol", "rpc-v2-cbor");
    }
    answer
}

/// The answer of each service that speaks JSON: the ids that kinds go on with.
const ANSWER: &str = r#"{"QueueUrl": "url", "UUID": "uuid", "id": "a1b2c3d4e5", "rootResourceId": "root",
    "item": [{"id": "root", "path": "/"}], "State": "Active",
    "Configuration": {"State": "Active", "LastUpdateStatus": "Successful", "Role": "arn"}}"#;
