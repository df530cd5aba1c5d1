//! A request that arrives, with its operation and input.

use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap};
use serde_json::Value;

use crate::aws::cbor;
use crate::constraints::{self, Body, Identified, Violation, pairs};

/// A call of an operation that the deployer makes itself.
#[derive(Debug, Clone)]
pub struct Call {
    /// The id in AWS's model, such as `API Gateway`.
    pub service: &'static str,
    pub operation: &'static str,
    /// The members of the model. Bytes are their number.
    pub input: Value,
    /// 12 digits.
    pub account: String,
    pub region: String,
    /// The access key that signed the request.
    pub key: String,
    pub form: Form,
    /// AWS's own constraints that the input breaks.
    pub broken: Vec<Violation>,
    /// The length of the body in bytes.
    pub length: usize,
}

/// The form of a service's requests and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    Cbor,
    /// A form; answers in XML.
    Query,
    RestJson,
    RestXml,
}

impl Call {
    /// Reads a request. None if it is not signed, or calls an operation that the deployer does not call. Users and roles
    /// are those of the account `home`.
    pub fn of(request: &Request<Bytes>, home: &str) -> Option<Self> {
        let signer = Signer::of(request.headers())?;
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let is_cbor = header("smithy-protocol") == Some("rpc-v2-cbor");
        let uri = request.uri().to_string();
        let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = match is_cbor {
            true => Body::Tree(cbor::to_json(request.body())?.into()),
            false => Body::Bytes(request.body()),
        };
        let read = constraints::Request { uri: &uri, headers: headers.collect(), body };
        let Identified { service, operation, input } = match signer.service {
            "ec2" => interfaces(request.body())?,
            signing => constraints::identify(signing, request.method().as_str(), &read)?,
        };
        let form = match service {
            _ if is_cbor => Form::Cbor,
            "EC2" | "IAM" | "SNS" | "STS" => Form::Query,
            "Lambda" | "API Gateway" | "ApiGatewayV2" | "Bedrock" | "Scheduler" => Form::RestJson,
            "S3" => Form::RestXml,
            _ => Form::Json,
        };
        Some(Self {
            service,
            operation,
            input,
            account: if is_account(signer.key) { signer.key } else { home }.to_owned(),
            region: signer.region.to_owned(),
            key: signer.key.to_owned(),
            form,
            broken: constraints::broken(service, operation, &read),
            length: request.body().len(),
        })
    }

    /// Tells whether this is one of a service's operations.
    pub fn is(&self, service: &str, operations: &[&str]) -> bool {
        self.service == service && operations.contains(&self.operation)
    }

    /// Returns the text of a member, or an empty one.
    pub fn text(&self, member: &str) -> &str {
        self.input[member].as_str().unwrap_or_default()
    }

    /// Returns the function of a call of Lambda.
    pub fn function(&self) -> FunctionName<'_> {
        let resource = self.text("Resource");
        let named = if resource.is_empty() { self.text("FunctionName") } else { resource };
        let function = FunctionName::of(named);
        let qualifier = self.input["Qualifier"].as_str().filter(|qualifier| !qualifier.is_empty());
        FunctionName { qualifier: qualifier.or(function.qualifier), ..function }
    }

    /// Returns the last part of an ARN, a queue's URL or a plain name: `orders`.
    pub fn name(&self, member: &str) -> &str {
        last(self.text(member))
    }
}

/// A function, and a version or alias of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionName<'a> {
    pub name: &'a str,
    pub qualifier: Option<&'a str>,
}

impl<'a> FunctionName<'a> {
    /// Reads `draw`, `draw:live`, `123456789012:function:draw` or an ARN.
    pub fn of(text: &'a str) -> Self {
        let own = text.rsplit_once("function:").map_or(text, |(_, own)| own);
        match own.split_once(':') {
            Some((name, qualifier)) => Self { name, qualifier: Some(qualifier) },
            None => Self { name: own, qualifier: None },
        }
    }
}

/// Returns the last part of an ARN, a queue's URL or a plain name.
pub fn last(text: &str) -> &str {
    text.rsplit(['/', ':']).next().unwrap_or_default()
}

/// The only operation of EC2 that the deployer calls. It has no model here, since EC2's would be larger than all others.
pub const DESCRIBE_INTERFACES: &str = "DescribeNetworkInterfaces";

/// Reads the filters of a listing of interfaces: `Filter.1.Name=subnet-id&Filter.1.Value.1=subnet-1`.
fn interfaces(body: &[u8]) -> Option<Identified> {
    let form: Vec<_> = pairs(std::str::from_utf8(body).ok()?).collect();
    form.iter().find(|(name, value)| name == "Action" && value == DESCRIBE_INTERFACES)?;
    let filter = |name: &str, filter: &str| {
        let start = format!("{}.Value.", name.strip_prefix("Filter.").and(name.strip_suffix(".Name"))?);
        let values = form.iter().filter(|(name, _)| name.starts_with(&start)).map(|(_, value)| value.as_ref());
        Some((filter.to_owned(), values.collect::<Value>()))
    };
    let input = form.iter().filter_map(|(name, value)| filter(name, value)).collect();
    Some(Identified { service: "EC2", operation: DESCRIBE_INTERFACES, input: Value::Object(input) })
}

fn is_account(key: &str) -> bool {
    key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit())
}

/// The scope of a signature.
struct Signer<'a> {
    key: &'a str,
    region: &'a str,
    service: &'a str,
}

impl<'a> Signer<'a> {
    /// Reads `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`.
    fn of(headers: &'a HeaderMap) -> Option<Self> {
        let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (_, credential) = text.split_once("Credential=")?;
        let mut parts = credential.split(',').next()?.split('/');
        let (key, _date, region, service) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self { key, region, service })
    }
}

#[cfg(test)]
mod tests {
    use super::FunctionName;

    #[test]
    fn a_function_is_named_alone_in_part_or_by_its_arn_and_with_a_version() {
        for (text, name, qualifier) in [
            ("draw", "draw", None),
            ("draw:7", "draw", Some("7")),
            ("123456789012:function:draw", "draw", None),
            ("arn:aws:lambda:eu-west-1:123456789012:function:draw", "draw", None),
            ("arn:aws:lambda:eu-west-1:123456789012:function:draw:live", "draw", Some("live")),
        ] {
            assert_eq!(FunctionName::of(text), FunctionName { name, qualifier });
        }
    }
}
