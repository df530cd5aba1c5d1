//! Names of buckets and regions, and URLs.

/// Returns why `text` cannot be the name of a bucket, with the likely remedy; `None` if it may be one.
///
/// The rules are those of docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html.
pub(super) fn wrong_bucket(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix("s3://") {
        let name = rest.split('/').next().unwrap_or_default();
        return Some(format!("is an URI: give the name alone, {name:?}, and what follows it as PREFIX"));
    }
    if text.starts_with("arn:") {
        return match is_access_point(text) {
            true => None,
            false => Some("is an ARN, but not an access point's: give the bucket's name".to_owned()),
        };
    }
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let is_name = (3..=63).contains(&bytes.len())
        && bytes.iter().copied().all(fits)
        && edge(bytes.first())
        && edge(bytes.last())
        && !text.contains("..")
        && text.parse::<std::net::Ipv4Addr>().is_err();
    (!is_name).then(|| {
        "is no bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends"
            .to_owned()
    })
}

/// Tells whether `text` is like `arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME`.
fn is_access_point(text: &str) -> bool {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let [_, _, service, _, account, resource] = parts.as_slice() else {
        return false;
    };
    let name = resource.strip_prefix("accesspoint/").or_else(|| resource.strip_prefix("accesspoint:"));
    ["s3", "s3-object-lambda"].contains(service) && !account.is_empty() && name.is_some_and(|name| !name.is_empty())
}

/// Tells whether `text` has the form of a region's name, such as `us-west-2` or `us-gov-east-1`: one or two words for
/// the part of the world, a direction, a number. AWS adds parts of the world, but no directions.
pub(super) fn is_region(text: &str) -> bool {
    const DIRECTIONS: [&str; 9] =
        ["north", "south", "east", "west", "central", "northeast", "northwest", "southeast", "southwest"];
    let parts: Vec<_> = text.split('-').collect();
    let [world @ .., direction, number] = parts.as_slice() else {
        return false;
    };
    let is_word = |word: &&str| (2..=5).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase());
    (1..=2).contains(&world.len())
        && world.iter().all(is_word)
        && DIRECTIONS.contains(direction)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tells whether `url` is like `https://HOST:PORT`, with or without a path.
pub(super) fn is_endpoint(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, "443"),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    let is_path = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
    !host.is_empty() && host.bytes().all(is_name) && port.parse::<u16>().is_ok() && path.bytes().all(is_path)
}

/// Tells whether `url` is like `https://sqs.eu-west-1.amazonaws.com/123456789012/NAME`.
pub(super) fn is_queue_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some((host, path)) = rest.and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"@?#".contains(&byte);
    !host.is_empty() && !path.trim_matches('/').is_empty() && host.bytes().chain(path.bytes()).all(fits)
}

/// Returns the region in the host of a queue's URL, in any form that AWS uses.
pub(super) fn region_of_queue(url: &str) -> Option<String> {
    let host = url.split_once("://")?.1.split(['/', ':']).next()?;
    if host == "queue.amazonaws.com" {
        return Some("us-east-1".to_owned());
    }
    host.split('.').find(|label| is_region(label)).map(ToOwned::to_owned)
}

/// Tells whether `text` is an origin as browsers send them: no path, no slash at the end, lower case.
pub(super) fn is_origin(text: &str) -> bool {
    let Some(authority) = text.strip_prefix("https://") else {
        return false;
    };
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    !host.is_empty() && host.bytes().all(fits) && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_that_s3_could_have_are_taken() {
        for bucket in [
            "images",
            "a1b",
            "my.images-32",
            "images-metadata-s3alias",
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/images",
            "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/images",
        ] {
            assert_eq!(wrong_bucket(bucket), None, "{bucket}");
        }
    }

    #[test]
    fn buckets_that_s3_cannot_have_are_refused() {
        for bucket in [
            "im",
            "Images",
            "images/",
            "im_ages",
            "-images",
            "images-",
            "a..b",
            "192.168.5.4",
            &"x".repeat(64),
            "arn:aws:s3:::images",
            "https://images.s3.amazonaws.com",
        ] {
            assert!(wrong_bucket(bucket).is_some(), "{bucket}");
        }
        let help = wrong_bucket("s3://images/32").unwrap();
        assert!(help.contains("\"images\"") && help.contains("PREFIX"), "{help}");
    }

    #[test]
    fn a_mistyped_region_is_none() {
        for region in ["us-west-2", "eu-north-1", "ap-southeast-4", "us-gov-east-1", "mx-central-1", "eusc-de-east-1"] {
            assert!(is_region(region), "{region}");
        }
        for region in [
            "us-wst-2",
            "us-west",
            "us-west-2a",
            "uswest2",
            "US-WEST-2",
            "us-west-",
            "",
            "london",
            "east-1",
            "us-gov-iso-east-1",
        ] {
            assert!(!is_region(region), "{region}");
        }
    }
    #[test]
    fn a_queue_is_asked_in_the_region_of_its_url() {
        for (host, region) in [
            ("sqs.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("sqs-fips.us-east-2.amazonaws.com", Some("us-east-2")),
            ("vpce-0a1b-2c.sqs.eu-north-1.vpce.amazonaws.com", Some("eu-north-1")),
            ("eu-west-3.queue.amazonaws.com", Some("eu-west-3")),
            ("queue.amazonaws.com", Some("us-east-1")),
            ("127.0.0.1:4566", None),
        ] {
            let url = format!("https://{host}/123456789012/name");
            assert_eq!(region_of_queue(&url).as_deref(), region, "{host}");
        }
    }
}
