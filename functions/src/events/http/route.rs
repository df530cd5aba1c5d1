//! The routes of the API.

/// The route of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// `/generate-image`, and every path that is no other route.
    Generate,
    /// `/pictures`.
    Pictures,
    /// `/pictures/{id}`.
    Picture(&'a str),
}

impl<'a> Route<'a> {
    /// Finds the route at the end of the path. A stage, or the base path of a custom domain, may precede it.
    pub(super) fn of(segments: &[&'a str]) -> Self {
        match segments {
            [.., "generate-image"] => Self::Generate,
            [.., "pictures"] => Self::Pictures,
            [.., "pictures", id] => Self::Picture(id),
            _ => Self::Generate,
        }
    }

    /// Returns the only method of the route.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Generate | Self::Pictures => "POST",
            Self::Picture(_) => "GET",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_found_whatever_stands_before_it() {
        for (path, route) in [
            ("generate-image", Route::Generate),
            ("Prod/generate-image", Route::Generate),
            ("pictures/generate-image", Route::Generate),
            ("", Route::Generate),
            ("anything/else", Route::Generate),
            ("pictures", Route::Pictures),
            ("Prod/v1/pictures", Route::Pictures),
            ("pictures/abc", Route::Picture("abc")),
            ("pictures/pictures/abc", Route::Picture("abc")),
            ("pictures/abc/more", Route::Generate),
        ] {
            let segments: Vec<_> = path.split('/').collect();
            assert_eq!(Route::of(&segments), route, "{path}");
        }
    }
}
