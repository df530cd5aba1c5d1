//! Requests to the local cloud.

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Response {
    /// Returns the first value of a header. The case of the name does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Reads the body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) fn call(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build();
    let mut request = ureq::http::Request::builder().method(method);
    request = match on_this_machine(url) {
        Some((address, name)) => request.uri(address).header("host", name),
        None => request.uri(url),
    };
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.to_owned()).unwrap_or_else(|error| panic!("{method} {url}: {error}"));
    let agent = ureq::Agent::new_with_config(config);
    let mut answer = agent.run(request).unwrap_or_else(|error| panic!("{method} {url}: {error}"));
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let status = answer.status().as_u16();
    let body = answer.body_mut().read_to_string().unwrap_or_else(|error| panic!("{method} {url}: {error}"));
    Response { status, headers, body }
}

/// Returns the address to connect to, and the name to ask for, if a URL's name is below `localhost`. Such a name always
/// means this machine (RFC 6761), and not every system looks it up.
fn on_this_machine(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (name, port) = authority.split_once(':').unwrap_or((authority, "80"));
    name.ends_with(".localhost").then(|| (format!("{scheme}://127.0.0.1:{port}{path}"), authority))
}

#[cfg(test)]
mod tests {
    use super::on_this_machine;

    #[test]
    fn a_name_below_localhost_is_this_machine() {
        let site = on_this_machine("http://site.s3-website.localhost:4566/a?b");
        assert_eq!(site, Some(("http://127.0.0.1:4566/a?b".to_owned(), "site.s3-website.localhost:4566")));
        assert_eq!(on_this_machine("http://127.0.0.1:4566/a"), None);
        assert_eq!(on_this_machine("https://www.example.com"), None);
    }
}
