//! Checks of the sites whose pages may call an API or a function's URL.

/// Returns the correct form of an origin, if it is wrong.
pub(super) fn wrong_origin(origin: &str) -> Option<String> {
    if origin == "*" || origin.contains("${") {
        return None;
    }
    let Some((scheme, host)) = origin.split_once("://") else {
        return Some(format!("write `https://{}`", origin.trim_matches('/')));
    };
    let site = host.split('/').next().unwrap_or_default();
    (site.is_empty() || host.contains('/')).then(|| format!("write `{scheme}://{site}`, without a path"))
}
