use base64::prelude::{BASE64_STANDARD, Engine};
use proptest::prelude::*;

use super::Secrets;

fn secrets(of: &[&str]) -> Secrets {
    let mut secrets = Secrets::default();
    of.iter().for_each(|secret| secrets.add(secret));
    secrets
}

#[test]
fn every_form_of_a_secret_is_masked() {
    let secret = "p\"ss w/rd+1";
    let all = secrets(&[secret]);
    for text in ["p\"ss w/rd+1", "p\\\"ss w/rd+1", "p%22ss%20w%2Frd%2B1", "p%22ss+w%2frd%2b1", "p%22ss%20w/rd+1"] {
        assert_eq!(all.mask(&format!("a {text} b")), "a (sensitive) b", "{text}");
        assert!(all.touches(text));
    }
    for text in [r#"p\\\"ss w/rd+1"#, "p&quot;ss w/rd+1", "p%5C%22ss%20w%2Frd%2B1", r#"b"p\"ss w/rd+1""#] {
        assert!(all.touches(text), "{text}");
    }
    for before in ["", "x", "xy", "xyz"] {
        let encoded = BASE64_STANDARD.encode(format!("{before}{secret}tail"));
        assert!(all.touches(&encoded), "{before}");
    }
}

#[test]
fn what_holds_no_secret_stays_as_it_is() {
    assert!(matches!(secrets(&["hunter22"]).mask("hunter"), std::borrow::Cow::Borrowed("hunter")));
    assert_eq!(secrets(&[""]).mask("abc"), "abc");
}

#[test]
fn overlapping_and_short_secrets_leave_nothing_behind() {
    assert_eq!(secrets(&["ababab"]).mask("xabababab"), "x(sensitive)");
    assert_eq!(secrets(&["s"]).mask("password"), "pa(sensitive)(sensitive)word");
    assert_eq!(secrets(&["abcdef", "defghi"]).mask("abcdefghi"), "(sensitive)");
}

#[test]
fn masking_twice_is_masking_once() {
    let all = secrets(&["sens", "sitive"]);
    assert_eq!(all.mask("a sens b sitive"), "a (sensitive) b (sensitive)");
    assert_eq!(all.mask(&all.mask("a sens b")), "a (sensitive) b");
}

#[test]
fn what_others_cut_off_a_secret_is_masked_at_either_end() {
    let secret = "0123456789abcdef";
    let all = secrets(&[secret]);
    for cut in 1..secret.len() {
        let (head, tail) = secret.split_at(cut);
        let masked = all.mask_cut(&format!("{tail} between {head}")).into_owned();
        let hidden = |part: &str| if part.len() < 8 { part.to_owned() } else { "(sensitive)".to_owned() };
        assert_eq!(masked, format!("{} between {}", hidden(tail), hidden(head)), "{cut}");
    }
    assert_eq!(all.mask_cut("0123456789abcde"), "(sensitive)");
    assert_eq!(all.mask_cut(secret), "(sensitive)");
    let nested = secrets(&["aaaaaaaaINNERbbbbbbbbcc", "INNER-", "INNER"]);
    assert_eq!(nested.mask_cut("x aaaaaaaaINNERbbbbbbbb"), "x (sensitive)");
}

#[test]
fn a_json_text_stays_one_when_it_is_masked() {
    let all = secrets(&["4711", "p\"w\\d,1", "{\"a\":1}"]);
    let json = r#"{"n":4711,"t":"x4711","p\"w\\d,1":["{\"a\":1}"],"a":{"a":1}}"#;
    assert_eq!(all.mask_json(json), r#"{"n":4711,"t":"x(sensitive)","(sensitive)":["(sensitive)"],"a":{"a":1}}"#);
}

#[test]
fn a_line_end_and_escaped_letters_hide_nothing() {
    let all = secrets(&["tok-en\n", "sécret-ü😀"]);
    assert_eq!(all.mask("x tok-en y"), "x (sensitive) y");
    assert_eq!(all.mask(r#""s\u00e9cret-\u00fc\ud83d\ude00""#), "\"(sensitive)\"");
}

#[test]
fn covering_keeps_positions() {
    assert_eq!(secrets(&["hunter22"]).cover("a: hunter22 # b"), "a: ******** # b");
}

proptest! {
    #[test]
    fn no_masked_text_holds_the_secret(secret in "[a-f\"\\\\ /é]{6,12}", before in "[a-f ]{0,5}", after in "[a-f ]{0,5}") {
        let all = secrets(&[&secret]);
        let text = [before, secret, after].concat();
        let json = serde_json::Value::from(text.as_str()).to_string();
        prop_assert!(!all.touches(&all.mask(&text)));
        prop_assert!(all.mask(&json).contains("(sensitive)"));
    }
}
