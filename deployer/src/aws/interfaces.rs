//! The network interfaces that Lambda creates for functions in a VPC: the only question to EC2.
//!
//! One call of EC2's query API: EC2's SDK would be larger than all the others together.

use std::collections::BTreeSet;
use std::fmt::Write;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::signed::{SignedAnswer, SignedRequest};
use super::{Aws, AwsError, ServiceError};

const OPERATION: &str = "ec2:DescribeNetworkInterfaces";

impl Aws {
    /// Lists the interfaces that Lambda has in these subnets with exactly these security groups. One interface serves
    /// all functions of its subnet and groups, and keeps the name of the function that it was created for. A local AWS
    /// that does not answer has none.
    ///
    /// # Errors
    /// The error that EC2 answers, or `Transport` when it does not answer.
    pub(crate) async fn interfaces_in(&self, subnets: &[String], groups: &[String]) -> Result<Vec<String>, AwsError> {
        let found = self.find_interfaces(subnets, groups).await;
        if self.place.endpoint_url.is_some() { Ok(found.unwrap_or_default()) } else { found }
    }

    async fn find_interfaces(&self, subnets: &[String], groups: &[String]) -> Result<Vec<String>, AwsError> {
        let request = SignedRequest { service: "ec2", headers: HEADERS, body: question(subnets) };
        let SignedAnswer { status, body } = self.send_signed(OPERATION, request).await?;
        if status == 200 {
            return Ok(interfaces(&body, groups));
        }
        Err(AwsError::Service(Box::new(ServiceError {
            operation: OPERATION,
            code: inner(&body, "Code").unwrap_or_default().to_owned(),
            message: inner(&body, "Message").unwrap_or_default().to_owned(),
            status,
            request_id: inner(&body, "RequestID").map(str::to_owned),
            retry_after_s: None,
            needed: None,
        })))
    }
}

const HEADERS: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];

/// Writes the question for the interfaces in these subnets.
fn question(subnets: &[String]) -> String {
    let mut body = format!(
        "Action=DescribeNetworkInterfaces&Version=2016-11-15&Filter.1.Name=description&Filter.1.Value.1={}*&Filter.2.Name=subnet-id",
        utf8_percent_encode(DESCRIPTION, NON_ALPHANUMERIC)
    );
    for (index, subnet) in subnets.iter().enumerate() {
        let subnet = utf8_percent_encode(subnet, NON_ALPHANUMERIC);
        let _ = write!(body, "&Filter.2.Value.{}={subnet}", index + 1);
    }
    body
}

/// How Lambda's description of an interface begins; a function's name and an id follow.
const DESCRIPTION: &str = "AWS Lambda VPC ENI-";

/// Returns Lambda's interfaces of an answer that have exactly these security groups. An emulator may list others.
fn interfaces(body: &str, groups: &[String]) -> Vec<String> {
    let wanted: BTreeSet<&str> = groups.iter().map(String::as_str).collect();
    let has_them = |item: &&str| {
        let ids = item.split("<groupId>").skip(1).filter_map(|rest| Some(rest.split_once('<')?.0));
        ids.collect::<BTreeSet<_>>() == wanted
    };
    let is_of_lambda = |item: &&str| inner(item, "description").is_none_or(|text| text.starts_with(DESCRIPTION));
    let items = body.split("<networkInterfaceId>").skip(1).filter(is_of_lambda).filter(has_them);
    items.filter_map(|item| item.split_once('<').map(|(id, _)| id.to_owned())).collect()
}

/// Returns the text of the first element with this name.
fn inner<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let rest = &xml[xml.find(&format!("<{name}>"))? + name.len() + 2..];
    rest.split_once('<').map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use crate::aws::played::{answering, answering_to};

    fn item(id: &str, groups: &[&str]) -> String {
        let groups: String = groups.iter().map(|id| format!("<item><groupId>{id}</groupId></item>")).collect();
        format!("<item><networkInterfaceId>{id}</networkInterfaceId><groupSet>{groups}</groupSet></item>")
    }

    fn answer(status: &str, body: &str) -> String {
        format!("{status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[tokio::test]
    async fn interfaces_of_other_groups_in_the_same_subnets_are_others() {
        let items =
            [item("eni-1", &["sg-2", "sg-1"]), item("eni-2", &["sg-1"]), item("eni-3", &["sg-1", "sg-2", "sg-3"])];
        let body = format!("<DescribeNetworkInterfacesResponse>{}</DescribeNetworkInterfacesResponse>", items.concat());
        let asked = "Filter.2.Name=subnet-id&Filter.2.Value.1=subnet%2D1&Filter.2.Value.2=subnet%2D2";
        let aws = answering_to(vec![(asked, answer("200 OK", &body).into_bytes())]).await;
        let found = aws.interfaces_in(&texts(&["subnet-1", "subnet-2"]), &texts(&["sg-1", "sg-2"])).await;
        assert_eq!(found.expect("an answer"), ["eni-1"]);
        assert_eq!(aws.calls(), (1, 0));
    }

    #[tokio::test]
    async fn a_refusal_of_ec2_says_what_it_is() {
        let body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized</Message>\
                    </Error></Errors><RequestID>r</RequestID></Response>";
        let aws = answering(&[&answer("403 Forbidden", body)]).await;
        let refused = aws.interfaces_in(&[], &[]).await.expect_err("no");
        assert!(refused.is_access_denied() && refused.message() == "You are not authorized", "{refused}");
    }
}
