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
    let mut request = ureq::http::Request::builder().method(method).uri(url);
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
