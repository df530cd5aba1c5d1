//! Exports orders as CSV, line by line. Make the lines of your data in their place.

use std::fmt::Write as _;

use lambda_runtime::streaming::{Body, Response, channel};
use lambda_runtime::{Error, LambdaEvent, MetadataPrelude, service_fn};
use serde_json::Value;

/// The most lines of an export.
const MOST: u32 = 1_000_000;
/// The lines that are sent together.
const AT_ONCE: u32 = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(export)).await
}

async fn export(event: LambdaEvent<Value>) -> Result<Response<Body>, Error> {
    let rows = event.payload["queryStringParameters"]["rows"].as_str().and_then(|rows| rows.parse().ok());
    let rows = rows.unwrap_or(100).min(MOST);
    let mut metadata_prelude = MetadataPrelude::default();
    metadata_prelude.headers.insert("content-type", "text/csv; charset=utf-8".parse()?);
    let (mut sender, stream) = channel();
    tokio::spawn(async move {
        for first in (0..rows).step_by(AT_ONCE as usize) {
            let lines = lines(first, rows.min(first + AT_ONCE));
            // The reader is gone: nobody needs the rest.
            if sender.send_data(lines.into()).await.is_err() {
                return;
            }
        }
    });
    Ok(Response { metadata_prelude, stream })
}

/// Returns the lines from `first` to the one before `end`, with the head before the first.
fn lines(first: u32, end: u32) -> String {
    let mut text = if first == 0 { String::from("order,article,amount\n") } else { String::new() };
    for number in first..end {
        let _ = writeln!(text, "order-{number:08},a chair of oak with four legs,{}", number % 9 + 1);
    }
    text
}
