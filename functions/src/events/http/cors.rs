//! Permits pages in browsers to call the API from other origins (CORS), if the environment names origins.

use super::answer::HttpAnswer;

/// Answers a browser that asks whether its page may send `method`.
pub(super) fn preflight(method: &str) -> HttpAnswer {
    HttpAnswer::empty(204)
        .with("Access-Control-Allow-Methods", method)
        .with("Access-Control-Allow-Headers", "content-type, idempotency-key, x-correlation-id")
        .with("Access-Control-Max-Age", "3600")
}

/// Permits pages of `origin` to read `answer` if `origins` contains it or `*`. Otherwise the answer is unchanged.
pub(super) fn allow(origins: &[String], origin: Option<&str>, answer: HttpAnswer) -> HttpAnswer {
    if origins.is_empty() {
        return answer;
    }
    let any = origins.iter().any(|listed| listed == "*");
    let allowed = if any { Some("*") } else { origin.filter(|origin| origins.iter().any(|listed| listed == origin)) };
    let answer = answer.with("Vary", "Origin");
    match allowed {
        None => answer,
        Some(origin) => answer
            .with("Access-Control-Allow-Origin", origin)
            .with("Access-Control-Expose-Headers", "x-correlation-id, retry-after, location"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &[&str], origin: Option<&str>) -> Option<String> {
        let origins: Vec<_> = origins.iter().map(ToString::to_string).collect();
        let mut answer = allow(&origins, origin, HttpAnswer::empty(204));
        assert_eq!(answer.headers.contains_key("Vary"), !origins.is_empty());
        answer.headers.remove("Access-Control-Allow-Origin")
    }

    #[test]
    fn only_listed_origins_are_let_in() {
        let listed = ["https://a.example", "https://b.example"];
        assert_eq!(allowed(&listed, Some("https://b.example")).as_deref(), Some("https://b.example"));
        for other in [Some("https://c.example"), Some("https://a.example.evil.example"), Some("null"), Some("*"), None]
        {
            assert_eq!(allowed(&listed, other), None, "{other:?}");
        }
        assert_eq!(allowed(&["*"], Some("https://c.example")).as_deref(), Some("*"));
        assert_eq!(allowed(&[], Some("https://c.example")), None);
    }
}
