use super::*;

fn spec() -> Subscription {
    Subscription { protocol: "email".into(), endpoint: "a@example.com".into(), ..Subscription::default() }
}

fn listed_subscription(endpoint: &str, arn: &str) -> Listed {
    Listed::builder().protocol("email").endpoint(endpoint).subscription_arn(arn).build()
}

#[test]
fn a_subscription_is_found_by_protocol_and_endpoint_and_a_deleted_one_is_absent() {
    let arn = |all: &[(&str, &str)]| arn_of(&spec(), all.iter().map(|(e, a)| listed_subscription(e, a)).collect());
    assert_eq!(arn(&[("b@example.com", "arn:b"), ("a@example.com", "arn:a")]).as_deref(), Some("arn:a"));
    assert_eq!(arn(&[("a@example.com", "Deleted")]), None);
    assert_eq!(arn(&[("a@example.com", PENDING), ("a@example.com", "arn:a")]).as_deref(), Some("arn:a"));
    assert_eq!(arn(&[("a@example.com", PENDING)]).as_deref(), Some(PENDING));
}

#[test]
fn an_endpoint_with_a_password_is_found_as_sns_shows_it() {
    let spec = Subscription { endpoint: "https://hook:s3cret@example.com/in@box".into(), ..spec() };
    let shown = listed_subscription("https://hook:****@example.com/in@box", "arn:a");
    assert_eq!(arn_of(&spec, vec![shown]).as_deref(), Some("arn:a"));
    for plain in ["a@example.com", "https://example.com/a:b@c", "https://hook@example.com/"] {
        assert_eq!(without_password(plain), plain);
    }
}

#[test]
fn a_subscription_that_waits_is_present_as_stated_and_says_what_to_do() {
    let seen = pending(&spec());
    assert_eq!(seen.spec, spec());
    assert!(seen.notes[0].contains("confirm the e-mail subscription of a@example.com"));
}

#[test]
fn the_scope_of_the_body_is_set_before_its_policy_and_left_after_it() {
    let order = |scope: &str| {
        let subscription = Subscription { filter_policy_scope: Some(scope.into()), ..spec() };
        let names: Vec<_> = attributes(&subscription).into_iter().map(|(name, _)| name).collect();
        names[..2].to_vec()
    };
    assert_eq!(order("MessageBody"), ["FilterPolicyScope", "FilterPolicy"]);
    assert_eq!(order("MessageAttributes"), ["FilterPolicy", "FilterPolicyScope"]);
}

#[test]
fn an_empty_filter_policy_is_none_and_has_no_scope() {
    let live = HashMap::from([
        ("FilterPolicy".to_owned(), "{}".to_owned()),
        ("FilterPolicyScope".to_owned(), "MessageAttributes".to_owned()),
    ]);
    let seen = to_spec(&spec(), &live).unwrap();
    assert_eq!((seen.filter_policy, seen.filter_policy_scope), (None, None));
}
