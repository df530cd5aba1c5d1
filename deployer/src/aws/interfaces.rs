//! The network interfaces that Lambda makes for functions in a VPC: the one thing that is asked of EC2.
//!
//! One call of EC2's query API, signed by itself: EC2's SDK would be larger than all the others together.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::chain;
use super::{Aws, AwsError, ServiceError};

const OPERATION: &str = "ec2:DescribeNetworkInterfaces";
const PATIENCE: Duration = Duration::from_secs(60);

impl Aws {
    /// Lists the interfaces that Lambda made for the function and has not deleted yet. A local AWS makes none.
    ///
    /// # Errors
    /// Whatever EC2 refused, or `Transport` when it does not answer.
    pub(crate) async fn interfaces_of(&self, function: &str) -> Result<Vec<String>, AwsError> {
        if self.place.endpoint_url.is_some() {
            return Ok(Vec::new());
        }
        let _turn = self.admit(OPERATION).await?;
        let asked = tokio::time::timeout(PATIENCE, self.describe(function)).await;
        let (status, body) = asked.unwrap_or_else(|_| Err("no answer in time".to_owned())).map_err(unreachable)?;
        if status == 200 {
            return Ok(interfaces(&body, function));
        }
        Err(AwsError::Service(Box::new(ServiceError {
            operation: OPERATION,
            code: inner(&body, "Code").unwrap_or_default().to_owned(),
            message: inner(&body, "Message").unwrap_or_default().to_owned(),
            status,
            request_id: inner(&body, "RequestID").map(str::to_owned),
            retry_after_s: None,
        })))
    }

    async fn describe(&self, function: &str) -> Result<(u16, String), String> {
        let Some((credentials, endpoint)) = self.clients.for_signing() else { return Err("no credentials".to_owned()) };
        let url = endpoint.unwrap_or_else(|| format!("https://ec2.{}.{}/", self.place.region, self.place.suffix()));
        let description = format!("{}*", described(function));
        let body = format!(
            "Action=DescribeNetworkInterfaces&Version=2016-11-15&Filter.1.Name=description&Filter.1.Value.1={}",
            utf8_percent_encode(&description, NON_ALPHANUMERIC)
        );
        let identity = credentials.provide_credentials().await.map_err(|e| chain(&e))?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.place.region)
            .name("ec2")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| e.to_string())?;
        let headers = [("content-type", FORM)];
        let signable = SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
        let signed = sign(signable.map_err(|e| chain(&e))?, &params.into()).map_err(|e| chain(&e))?;
        let mut request = HttpRequest::new(SdkBody::from(body.clone()));
        request.set_method("POST").map_err(|e| e.to_string())?;
        request.set_uri(url.as_str()).map_err(|e| e.to_string())?;
        request.headers_mut().insert("content-type", FORM);
        for (name, value) in signed.output().headers() {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        let connector = Connector::builder().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build();
        let answer = connector.call(request).await.map_err(|e| chain(&e))?;
        let status = answer.status().as_u16();
        let body = ByteStream::new(answer.into_body()).collect().await.map_err(|e| chain(&e))?;
        Ok((status, String::from_utf8_lossy(&body.to_vec()).into_owned()))
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn unreachable(message: String) -> AwsError {
    AwsError::Transport { operation: OPERATION, message }
}

/// How Lambda describes an interface; an id follows.
fn described(function: &str) -> String {
    format!("AWS Lambda VPC ENI-{function}-")
}

/// The interfaces of an answer that were made for this function, and not for one whose name begins like it.
fn interfaces(body: &str, function: &str) -> Vec<String> {
    const ID: usize = 36;
    let is_its = |item: &&str| {
        let id = inner(item, "description").and_then(|text| text.strip_prefix(described(function).as_str()));
        id.is_some_and(|id| id.len() == ID && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
    };
    let items = body.split("<networkInterfaceId>").skip(1).filter(is_its);
    items.filter_map(|item| item.split_once('<').map(|(id, _)| id.to_owned())).collect()
}

/// The text of the first element of this name.
fn inner<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let rest = &xml[xml.find(&format!("<{name}>"))? + name.len() + 2..];
    rest.split_once('<').map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use crate::aws::played::answering;

    fn item(id: &str, description: &str) -> String {
        format!("<item><networkInterfaceId>{id}</networkInterfaceId><description>{description}</description></item>")
    }

    fn answer(status: &str, body: &str) -> String {
        format!("{status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn the_interfaces_of_a_function_are_told_from_those_of_its_namesakes() {
        let uuid = "0e8a1f0c-1111-2222-3333-444455556666";
        let items = [
            item("eni-1", &format!("AWS Lambda VPC ENI-draw-{uuid}")),
            item("eni-2", &format!("AWS Lambda VPC ENI-draw-more-{uuid}")),
            item("eni-3", "AWS Lambda VPC ENI-draw-by-hand"),
        ];
        let body = format!("<DescribeNetworkInterfacesResponse>{}</DescribeNetworkInterfacesResponse>", items.concat());
        let aws = answering(&[&answer("200 OK", &body)]).await;
        assert_eq!(aws.interfaces_of("draw").await.expect("an answer"), ["eni-1"]);
        assert_eq!(aws.calls(), (1, 0));
    }

    #[tokio::test]
    async fn a_refusal_of_ec2_says_what_it_is() {
        let body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized</Message>\
                    </Error></Errors><RequestID>r</RequestID></Response>";
        let aws = answering(&[&answer("403 Forbidden", body)]).await;
        let refused = aws.interfaces_of("draw").await.expect_err("no");
        assert!(refused.is_access_denied() && refused.message() == "You are not authorized", "{refused}");
    }
}
