//! Parses routes: `POST /images/{id}`.

/// The methods that a route may have.
pub(super) const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"];

/// A method and a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub method: &'a str,
    pub path: &'a str,
}

/// A mistake in a route, with a help.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub message: String,
    pub help: String,
}

impl Wrong {
    fn new<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, Self> {
        Err(Self { message: message.into(), help: help.into() })
    }
}

impl<'a> Place<'a> {
    /// Parses a route.
    ///
    /// # Errors
    /// Returns the first part that AWS would refuse or that has more than one spelling.
    pub fn parse(route: &'a str) -> Result<Self, Wrong> {
        let Some((method, path)) = route.split_once(' ') else {
            return Wrong::new(format!("`{route}` is no route"), "write a method and a path: `POST /images`");
        };
        if !METHODS.contains(&method) {
            let capital = method.to_ascii_uppercase();
            let help = if METHODS.contains(&capital.as_str()) {
                format!("write `{capital} {path}`")
            } else {
                format!("choose one of {}", METHODS.join(", "))
            };
            return Wrong::new(format!("`{method}` is no method"), help);
        }
        let place = Self { method, path };
        match path.strip_prefix('/') {
            None => Wrong::new(
                "a path begins with a slash",
                format!("write `{method} /{}`", path.trim_start_matches([' ', '/'])),
            ),
            Some("") => Ok(place),
            Some(parts) => place.check(parts).map(|()| place),
        }
    }

    fn check(self, path: &str) -> Result<(), Wrong> {
        let Self { method, .. } = self;
        let parts: Vec<&str> = path.split('/').collect();
        if parts.contains(&"") {
            let kept: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            return Wrong::new("a slash leads to nothing", format!("write `{method} /{}`", kept.join("/")));
        }
        let last = parts.len() - 1;
        for (number, part) in parts.iter().enumerate() {
            let variable = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            let name = variable.map(|name| name.strip_suffix('+').unwrap_or(name));
            let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c) || (c == ':' && name.is_none());
            let name = name.unwrap_or(part);
            if name.is_empty() || !name.chars().all(allowed) {
                return Wrong::new(
                    format!("`{part}` cannot be part of a path"),
                    "use letters, digits, `.`, `_`, `-` and `:`; a variable is `{name}`, or `{name+}` for all that follows",
                );
            }
            if variable.is_some_and(|name| name.ends_with('+')) && number < last {
                return Wrong::new(
                    format!("`{part}` takes all that follows, so nothing can follow it"),
                    format!("end the path with it, or write `{{{name}}}`"),
                );
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_route_is_a_method_and_a_path() {
        for good in ["GET /", "ANY /{proxy+}", "PUT /images/{id}/v1.0", "POST /generate-image", "GET /a:b/{x_y}/{z+}"] {
            let (method, path) = good.split_once(' ').unwrap();
            assert_eq!(Place::parse(good), Ok(Place { method, path }));
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
        ]
        .iter()
        .map(|route| {
            let wrong = Place::parse(route).unwrap_err();
            format!("{route:?}: {}; {}", wrong.message, wrong.help)
        })
        .collect();
        insta::assert_snapshot!(said.join("\n"), @r#"
        "/images": `/images` is no route; write a method and a path: `POST /images`
        "post /images": `post` is no method; write `POST /images`
        "FETCH /images": `FETCH` is no method; choose one of GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS, ANY
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
        "#);
    }

    #[test]
    fn a_variable_comes_with_the_path_that_it_stands_under() {
        let variables = |route| Place::parse(route).unwrap().variables().collect::<Vec<_>>();
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
            assert_eq!(Place::parse(route).unwrap().source(), source);
        }
    }
}
