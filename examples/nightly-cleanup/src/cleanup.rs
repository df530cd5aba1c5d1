//! Deletes files under `tmp/` that are older than the event says: `{ "older_than": 86400, "dry_run": false }`, in
//! seconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let uploads = Uploads { client: connect().await, bucket: std::env::var("BUCKET")? };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| uploads.clean_up(&event.payload).await)).await
}

/// Connects with the credentials of the function's role.
async fn connect() -> Client {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    Client::new(&aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await)
}

struct Uploads {
    client: Client,
    bucket: String,
}

impl Uploads {
    async fn clean_up(&self, order: &Value) -> Result<Value, Error> {
        let age = Duration::from_secs(order["older_than"].as_u64().ok_or("older_than is missing: an age in seconds")?);
        let oldest = SystemTime::now().checked_sub(age).unwrap_or(UNIX_EPOCH).duration_since(UNIX_EPOCH)?;
        let (mut seen, mut deleted) = (0, 0);
        let mut pages =
            self.client.list_objects_v2().bucket(&self.bucket).prefix("tmp/").into_paginator().page_size(1000).send();
        // A page has at most 1,000 keys, and so may a deletion.
        while let Some(page) = pages.next().await {
            let page = page?;
            seen += page.contents().len();
            let is_old = |at: i64| u64::try_from(at).is_ok_and(|at| at < oldest.as_secs());
            let old = page.contents().iter().filter(|file| file.last_modified().is_some_and(|at| is_old(at.secs())));
            let keys = old.filter_map(|file| ObjectIdentifier::builder().key(file.key()?).build().ok());
            let keys: Vec<ObjectIdentifier> = keys.collect();
            if keys.is_empty() {
                continue;
            }
            deleted += keys.len();
            if order["dry_run"] != true {
                let delete = Delete::builder().set_objects(Some(keys)).quiet(true).build()?;
                let answer = self.client.delete_objects().bucket(&self.bucket).delete(delete).send().await?;
                if let Some(error) = answer.errors().first() {
                    return Err(format!("{:?} was not deleted: {:?}", error.key(), error.message()).into());
                }
            }
        }
        let report = json!({ "seen": seen, "deleted": deleted, "dry_run": order["dry_run"] == true });
        println!("{report}");
        Ok(report)
    }
}
