//! Downloads of files that AWS offers at a signed address, outside its APIs.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::error::chain;
use super::{Aws, AwsError, Cause};

/// The longest that one file may take.
const PATIENCE: Duration = Duration::from_secs(300);

impl Aws {
    /// Fetches the file at `url`, an address from the answer of `operation`. Anyone who has the address may read the
    /// file, so errors never contain it.
    ///
    /// # Errors
    /// `Transport` when nothing answers in time, `Shape` when the answer is anything but the file.
    pub(crate) async fn download(&self, operation: &'static str, url: &str) -> Result<Vec<u8>, AwsError> {
        let unreachable = |cause: String| {
            let message = format!("what it points to cannot be fetched: {}", cause.replace(url, "(address)"));
            AwsError::Transport { operation, message, cause: Cause::Network }
        };
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_uri(url).map_err(|e| unreachable(e.to_string()))?;
        let connector = self.clients.network.connector();
        let answered = async {
            let answer = connector.call(request).await.map_err(|e| chain(&e))?;
            let status = answer.status().as_u16();
            let bytes = ByteStream::new(answer.into_body()).collect().await.map_err(|e| chain(&e))?;
            Ok((status, bytes.to_vec()))
        };
        let within = tokio::time::timeout(PATIENCE, answered).await;
        match within.unwrap_or_else(|_| Err("no answer in time".to_owned())).map_err(unreachable)? {
            (200, bytes) => Ok(bytes),
            (status, _) => Err(AwsError::Shape {
                what: operation.to_owned(),
                message: format!("what it points to was answered with HTTP {status}"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use crate::aws::played::answering;

    /// Returns an address that gives one answer.
    fn at(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/zip?X-Amz-Signature=cafe", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        });
        url
    }

    #[tokio::test]
    async fn a_file_is_fetched_and_a_refusal_does_not_give_the_address_away() {
        let aws = answering(&[]).await;
        let there = at("HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nzip");
        assert_eq!(aws.download("lambda:GetFunction", &there).await.expect("the file"), b"zip");
        let over = at("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        for url in [over.as_str(), "http://127.0.0.1:1/zip?X-Amz-Signature=cafe", "no address at all: cafe"] {
            let error = aws.download("lambda:GetFunction", url).await.expect_err("no file").to_string();
            assert!(error.contains("lambda:GetFunction") && !error.contains("cafe"), "{error}");
        }
    }
}
