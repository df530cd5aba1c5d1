//! Parses routes: `POST /images/{id}`.

/// The methods that a route may have.
pub(super) const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"];

/// A method and a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MethodPath<'a> {
    pub method: &'a str,
    pub path: &'a str,
}

/// A mistake in a route, with a help.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RouteMistake {
    pub message: String,
    pub help: String,
}

impl RouteMistake {
    fn new<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, Self> {
        Err(Self { message: message.into(), help: help.into() })
    }
}

impl<'a> MethodPath<'a> {
    /// Parses a route.
    ///
    /// # Errors
    /// Returns the first part that AWS would refuse or that has more than one spelling.
    pub fn parse(route: &'a str) -> Result<Self, RouteMistake> {
        let Some((method, path)) = route.split_once(' ') else {
            return RouteMistake::new(format!("`{route}` is not a route"), "write a method and a path: `POST /images`");
        };
        if !METHODS.contains(&method) {
            let capital = method.to_ascii_uppercase();
            let help = if METHODS.contains(&capital.as_str()) {
                put_right(&capital, path)
            } else {
                format!("choose one of {}", METHODS.join(", "))
            };
            return RouteMistake::new(format!("`{method}` is not an HTTP method"), help);
        }
        let place = Self { method, path };
        match path.strip_prefix('/') {
            None => RouteMistake::new("a path begins with a slash", put_right(method, path)),
            Some("") => Ok(place),
            Some(parts) => place.check(parts).map(|()| place),
        }
    }

    fn check(self, path: &str) -> Result<(), RouteMistake> {
        let parts: Vec<&str> = path.split('/').collect();
        if parts.contains(&"") {
            return RouteMistake::new("a slash leads to nothing", put_right(self.method, path));
        }
        let last = parts.len() - 1;
        for (number, part) in parts.iter().enumerate() {
            let variable = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            let name = variable.map(|name| name.strip_suffix('+').unwrap_or(name));
            let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c) || (c == ':' && name.is_none());
            let name = name.unwrap_or(part);
            if name.is_empty() || !name.chars().all(allowed) {
                let help = match of_other_router(part) {
                    Some(_) => put_right(self.method, self.path),
                    None => "use letters, digits, `.`, `_`, `-` and `:`; a variable is `{name}`, or `{name+}` for all that follows".to_owned(),
                };
                return RouteMistake::new(format!("`{part}` cannot be part of a path"), help);
            }
            if variable.is_some_and(|name| name.ends_with('+')) && number < last {
                return RouteMistake::new(
                    format!("`{part}` takes all that follows, so nothing can follow it"),
                    format!("end the path with it, or write `{{{name}}}`"),
                );
            }
        }
        Ok(())
    }

    /// Returns the part that other routers take for a variable and API Gateway takes as it is, and the path with a variable.
    pub fn colon(self) -> Option<(&'a str, String)> {
        let part = self.path.split('/').find(|part| of_other_router(part).is_some())?;
        Some((part, put_right(self.method, self.path)))
    }

    /// Lists the variables of the path, each with the path before it.
    pub fn variables(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let path = self.path;
        path.match_indices("/{").map(move |(at, _)| {
            let part = &path[at + 1..];
            (&path[..at], part.split('/').next().unwrap_or(part))
        })
    }

    /// Returns Lambda's name for the route's requests from any stage: `*/POST/images/*`.
    pub fn source(self) -> String {
        let method = if self.method == "ANY" { "*" } else { self.method };
        let parts = self.path.split('/').map(|part| if part.starts_with('{') { "*" } else { part });
        format!("*/{method}{}", parts.collect::<Vec<_>>().join("/"))
    }
}

/// Suggests a path in API Gateway's form: one slash before each part, and its own variables.
fn put_right(method: &str, path: &str) -> String {
    let parts = path.split(['/', ' ']).filter(|part| !part.is_empty());
    let parts: Vec<String> = parts.map(|part| of_other_router(part).unwrap_or_else(|| part.to_owned())).collect();
    format!("write `{method} /{}`", parts.join("/"))
}

/// Writes a variable of another router as API Gateway does: `:id`, `<id>`, `{*rest}`, `*rest`.
fn of_other_router(part: &str) -> Option<String> {
    let is_name = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let inside = |open: &str, close: &str| part.strip_prefix(open)?.strip_suffix(close).filter(is_name);
    let one = inside(":", "").or_else(|| inside("<", ">"));
    let rest = inside("{*", "}").or_else(|| inside("*", ""));
    one.map(|name| format!("{{{name}}}")).or_else(|| rest.map(|name| format!("{{{name}+}}")))
}

#[cfg(test)]
mod tests {
    use super::MethodPath;

    #[test]
    fn a_route_is_a_method_and_a_path() {
        for good in ["GET /", "ANY /{proxy+}", "PUT /images/{id}/v1.0", "POST /generate-image", "GET /a:b/{x_y}/{z+}"] {
            let (method, path) = good.split_once(' ').unwrap();
            assert_eq!(MethodPath::parse(good), Ok(MethodPath { method, path }));
        }
    }

    #[test]
    fn a_route_that_aws_would_refuse_says_what_to_write() {
        let said: Vec<String> = [
            "/images",
            "post /images",
            "FETCH /images",
            "GET images",
            "GET  /images",
            "GET /images/",
            "GET //images",
            "GET /{proxy+}/x",
            "GET /im ages",
            "GET /{}",
            "GET /{+}",
            "GET /a{b}",
            "GET /{a:b}",
            "GET /${vars.x}",
            "GET ",
            "delete items/{id}",
            "get //items/:id/",
            "GET /files/{*rest}",
            "GET /files/*rest",
            "GET /items/<id>",
        ]
        .iter()
        .map(|route| {
            let wrong = MethodPath::parse(route).unwrap_err();
            format!("{route:?}: {}; {}", wrong.message, wrong.help)
        })
        .collect();
        insta::assert_snapshot!(said.join("\n"), @r#"
        "/images": `/images` is not a route; write a method and a path: `POST /images`
        "post /images": `post` is not an HTTP method; write `POST /images`
        "FETCH /images": `FETCH` is not an HTTP method; choose one of GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS, ANY
        "GET images": a path begins with a slash; write `GET /images`
        "GET  /images": a path begins with a slash; write `GET /images`
        "GET /images/": a slash leads to nothing; write `GET /images`
        "GET //images": a slash leads to nothing; write `GET /images`
        "GET /{proxy+}/x": `{proxy+}` takes all that follows, so nothing can follow it; end the path with it, or write `{proxy}`
        "GET /im ages": `im ages` cannot be part of a path; use letters, digits, `.`, `_`, `-` and `:`; a variable is `{name}`, or `{name+}` for all that follows
        "GET /{}": `{}` cannot be part of a path; use letters, digits, `.`, `_`, `-` and `:`; a variable is `{name}`, or `{name+}` for all that follows
        "GET /{+}": `{+}` cannot be part of a path; use letters, digits, `.`, `_`, `-` and `:`; a variable is `{name}`, or `{name+}` for all that follows
        "GET /a{b}": `a{b}` cannot be part of a path; use letters, digits, `.`, `_`, `-` and `:`; a variable is `{name}`, or `{name+}` for all that follows
        "GET /{a:b}": `{a:b}` cannot be part of a path; use letters, digits, `.`, `_`, `-` and `:`; a variable is `{name}`, or `{name+}` for all that follows
        "GET /${vars.x}": `${vars.x}` cannot be part of a path; use letters, digits, `.`, `_`, `-` and `:`; a variable is `{name}`, or `{name+}` for all that follows
        "GET ": a path begins with a slash; write `GET /`
        "delete items/{id}": `delete` is not an HTTP method; write `DELETE /items/{id}`
        "get //items/:id/": `get` is not an HTTP method; write `GET /items/{id}`
        "GET /files/{*rest}": `{*rest}` cannot be part of a path; write `GET /files/{rest+}`
        "GET /files/*rest": `*rest` cannot be part of a path; write `GET /files/{rest+}`
        "GET /items/<id>": `<id>` cannot be part of a path; write `GET /items/{id}`
        "#);
    }

    #[test]
    fn every_help_that_writes_a_route_writes_a_good_one() {
        for route in ["post images", "delete items/{id}", "GET //a//:b/", "patch a b", "GET /x/{*rest}", "get /<a>/:b"]
        {
            let help = MethodPath::parse(route).unwrap_err().help;
            let written = help.strip_prefix("write `").and_then(|help| help.strip_suffix('`')).unwrap();
            let place = MethodPath::parse(written).unwrap_or_else(|wrong| panic!("{route} → {written}: {wrong:?}"));
            assert_eq!(place.colon(), None, "{route} → {written}");
        }
    }

    #[test]
    fn a_colon_before_a_part_is_a_variable_of_other_routers() {
        let colon = |route| MethodPath::parse(route).unwrap().colon();
        assert_eq!(colon("GET /items/:id"), Some((":id", "write `GET /items/{id}`".to_owned())));
        assert_eq!(colon("GET /items/a:b"), None);
        assert_eq!(colon("GET /items/{id}"), None);
    }

    #[test]
    fn a_variable_comes_with_the_path_that_it_stands_under() {
        let variables = |route| MethodPath::parse(route).unwrap().variables().collect::<Vec<_>>();
        assert_eq!(variables("GET /{a}/b/{c+}"), [("", "{a}"), ("/{a}/b", "{c+}")]);
        assert_eq!(variables("GET /a/b"), []);
    }

    #[test]
    fn lambda_is_called_by_a_route_with_stars_for_what_varies() {
        for (route, source) in [
            ("POST /generate-image", "*/POST/generate-image"),
            ("GET /", "*/GET/"),
            ("ANY /images/{id}/{rest+}", "*/*/images/*/*"),
        ] {
            assert_eq!(MethodPath::parse(route).unwrap().source(), source);
        }
    }
}
