//! The forms of endpoints, by protocol.

/// Returns a message and a help if an endpoint is malformed. Texts with references pass.
pub(super) fn endpoint_objection(protocol: &str, endpoint: &str) -> Option<(String, String)> {
    if endpoint.contains("${") {
        return None;
    }
    let (fits, what, example) = match protocol {
        "email" | "email-json" => (is_email(endpoint), "an e-mail address", "someone@example.com"),
        "https" => (is_url(endpoint, "https://"), "an https URL", "https://example.com/alarms"),
        "http" => (is_url(endpoint, "http://"), "an http URL", "http://example.com/alarms"),
        "sms" => (is_telephone(endpoint), "a telephone number", "\"+4712345678\""),
        "sqs" => (is_of_service(endpoint, "sqs"), "a queue's ARN", "arn:aws:sqs:REGION:ACCOUNT:NAME"),
        "lambda" => {
            (is_of_service(endpoint, "lambda"), "a function's ARN", "arn:aws:lambda:REGION:ACCOUNT:function:NAME")
        }
        _ => (true, "", ""),
    };
    (!fits).then(|| (format!("`{endpoint}` is not {what}"), format!("write it like {example}")))
}

/// Tells whether an endpoint is a name, or an ARN of the service.
fn is_of_service(endpoint: &str, service: &str) -> bool {
    !endpoint.starts_with("arn:") || endpoint.split(':').nth(2) == Some(service)
}

/// Tells whether a text is an address for mails: it has a name, one `@` and a domain with a dot.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let clean =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@');
    clean(local) && clean(domain) && domain.split('.').all(|label| !label.is_empty()) && domain.contains('.')
}

fn is_url(text: &str, scheme: &str) -> bool {
    text.strip_prefix(scheme)
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
}

fn is_telephone(text: &str) -> bool {
    text.strip_prefix('+')
        .is_some_and(|digits| (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
}
