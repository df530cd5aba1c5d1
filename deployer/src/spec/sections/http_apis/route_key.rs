//! Parses route keys: `GET /items/{id}`, `$default`.

use crate::spec::sections::path::{MethodPath, RouteMistake};

/// Writes a key with characters that a reference may have: `GET/items/@id`, `@default`.
pub(super) fn label(key: &str) -> String {
    let kept = key.trim_start_matches('$').replace(" /", "/").replace('{', "@").replace('}', "");
    if key == DEFAULT { format!("@{kept}") } else { kept }
}

/// The route for all requests without another one.
pub(super) const DEFAULT: &str = "$default";

/// A route's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RouteKey<'a> {
    Default,
    Path(MethodPath<'a>),
}

impl<'a> RouteKey<'a> {
    /// Parses a key.
    ///
    /// # Errors
    /// Returns the first part that AWS would refuse or that has more than one spelling.
    pub fn parse(key: &'a str) -> Result<Self, RouteMistake> {
        if key == DEFAULT {
            return Ok(Self::Default);
        }
        if key.trim_start_matches('$').eq_ignore_ascii_case("default") {
            let message = format!("`{key}` is not a route");
            return Err(RouteMistake { message, help: format!("write `{DEFAULT}`") });
        }
        MethodPath::parse(key).map(Self::Path)
    }

    /// Returns the key with variables without names: two keys with equal shapes take the same requests.
    pub fn shape(self) -> String {
        let Self::Path(place) = self else { return DEFAULT.to_owned() };
        let part = |part: &str| match part.starts_with('{') {
            true if part.ends_with("+}") => "{+}".to_owned(),
            true => "{}".to_owned(),
            false => part.to_owned(),
        };
        let parts: Vec<String> = place.path.split('/').map(part).collect();
        format!("{} {}", place.method, parts.join("/"))
    }

    /// Tells whether browsers' questions before a request (`OPTIONS`) reach the route.
    pub fn takes_options(self) -> bool {
        match self {
            Self::Default => true,
            Self::Path(place) => ["ANY", "OPTIONS"].contains(&place.method),
        }
    }

    /// Tells whether every request that reaches `other` with the method `OPTIONS` has a path that this route takes.
    pub fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Default, _) => true,
            (Self::Path(_), Self::Default) => self.shape().ends_with(" /{+}"),
            (Self::Path(own), Self::Path(other)) => {
                own.path == other.path
                    || own.path.rsplit_once('/').is_some_and(|(above, last)| {
                        last.ends_with("+}") && other.path.strip_prefix(above).is_some_and(|rest| rest.len() > 1)
                    })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RouteKey;

    #[test]
    fn a_key_is_a_method_and_a_path_or_the_default() {
        assert_eq!(RouteKey::parse("$default"), Ok(RouteKey::Default));
        assert!(matches!(RouteKey::parse("ANY /{proxy+}"), Ok(RouteKey::Path(_))));
        for wrong in ["default", "$Default", "$DEFAULT"] {
            assert_eq!(RouteKey::parse(wrong).unwrap_err().help, "write `$default`", "{wrong}");
        }
        assert!(RouteKey::parse("get /items").is_err());
    }

    #[test]
    fn different_keys_have_different_labels() {
        let labels = ["GET /items/{id}", "GET /items/id", "GET /items/{id+}", "$default", "GET /"].map(super::label);
        assert_eq!(labels, ["GET/items/@id", "GET/items/id", "GET/items/@id+", "@default", "GET/"]);
    }

    #[test]
    fn names_of_variables_make_no_other_route() {
        let shape = |key| RouteKey::parse(key).unwrap().shape();
        assert_eq!(shape("GET /a/{id}"), shape("GET /a/{name}"));
        assert_ne!(shape("GET /a/{id}"), shape("GET /a/{id+}"));
        assert_ne!(shape("GET /a/{id}"), shape("PUT /a/{id}"));
    }

    #[test]
    fn a_greedy_route_covers_what_is_below_it() {
        let key = |key| RouteKey::parse(key).unwrap();
        assert!(key("OPTIONS /{proxy+}").covers(key("ANY /items")));
        assert!(key("OPTIONS /{proxy+}").covers(key("$default")));
        assert!(key("OPTIONS /items").covers(key("ANY /items")));
        assert!(!key("OPTIONS /items").covers(key("ANY /items/{id}")));
        assert!(!key("OPTIONS /v1/{proxy+}").covers(key("ANY /v2/items")));
        assert!(!key("OPTIONS /v1/{proxy+}").covers(key("$default")));
    }
}
