use proptest::prelude::*;
use serde_json::json;

use super::*;

fn saved_plan() -> SavedPlan {
    let secrets = Secrets::default();
    let marker = Marker { salt: "salt", secrets: &secrets };
    let marks = |spec: Value| Some(marker.marks(&spec));
    let effect = SavedEffect {
        action: Action::Update,
        order: None,
        moved_from: None,
        desired: marks(json!({"name": "a", "code": {"sha256": "x"}, "timeout": 1})),
        observed: marks(json!({"name": "a", "code": {"sha256": "w"}, "timeout": 2})),
        predecessor: None,
    };
    let basis = Basis {
        stack: "s".into(),
        account: "1".into(),
        region: "r".into(),
        state: Some(StateMark { lineage: "l".into(), serial: 4 }),
        salt: "salt".into(),
        graph: "g".into(),
        effects: BTreeMap::from([("functions.f".to_owned(), effect)]),
    };
    SavedPlan::new(basis, Selection::default(), json!({"seconds": 0.1}), "now".into())
}

#[test]
fn what_is_written_is_read_back_and_every_edit_is_seen() {
    let text = saved_plan().to_text();
    let read = SavedPlan::parse(text.as_bytes()).unwrap();
    assert_eq!((&read.basis, read.to_text()), (&saved_plan().basis, text.clone()));
    let edited = text.replace("\"serial\": 4", "\"serial\": 5");
    assert!(edited != text && matches!(SavedPlan::parse(edited.as_bytes()), Err(SavedError::Damaged(_))));
    assert!(matches!(SavedPlan::parse(&text.as_bytes()[..text.len() / 2]), Err(SavedError::Damaged(_))));
    assert_eq!(SavedPlan::parse(b"{}"), Err(SavedError::Foreign));
    let newer = text.replacen("\"format_version\": 2", "\"format_version\": 9", 1);
    assert_eq!(SavedPlan::parse(newer.as_bytes()), Err(SavedError::Other { found: 9 }));
}

/// A file of another version of format 2 has exactly this form.
#[test]
fn the_effects_of_format_2_keep_their_form() {
    let text = r#"{ "action": "replace", "order": "create_first", "moved_from": null, "desired": { "name": "a" },
        "observed": null, "predecessor": { "name": "b", "physical id": "c" } }"#;
    let effect: SavedEffect = serde_json::from_str(text).expect("an effect");
    assert_eq!((effect.action, effect.order), (Action::Replace, Some(Order::CreateFirst)));
    let written = serde_json::to_value(&effect).expect("JSON");
    assert_eq!(written, serde_json::from_str::<Value>(text).expect("JSON"));
}

#[test]
fn each_move_is_named() {
    let before = saved_plan().basis;
    assert_eq!(describe_moves(&before, &before), Vec::<String>::new());
    let said = |change: &dyn Fn(&mut Basis)| {
        let mut now = before.clone();
        change(&mut now);
        describe_moves(&before, &now).join("; ")
    };
    fn f(basis: &mut Basis) -> &mut SavedEffect {
        basis.effects.get_mut("functions.f").unwrap()
    }
    fn set(marks: &mut Option<Marks>, name: &str) {
        marks.as_mut().unwrap().insert(name.into(), "other".into());
    }
    assert_eq!(said(&|b| b.state = None), "the state was at serial 4, now there is none");
    assert_eq!(said(&|b| set(&mut f(b).observed, "timeout")), "`functions.f`: timeout changed in AWS");
    assert_eq!(said(&|b| f(b).observed = None), "`functions.f`: it is gone in AWS");
    assert_eq!(said(&|b| set(&mut f(b).desired, "code")), "`functions.f`: the function's code changed");
    assert_eq!(said(&|b| set(&mut f(b).desired, "name")), "`functions.f`: name changed by what it refers to");
    let edited = said(&|b| {
        set(&mut f(b).desired, "name");
        b.graph = "h".into();
    });
    assert_eq!(edited, "`functions.f`: name changed in stack.yaml or its variables");
    assert_eq!(said(&|b| b.graph = "h".into()), "stack.yaml or its variables changed");
    assert_eq!(said(&|b| f(b).action = Action::Replace), "`functions.f`: another action is planned");
}

#[test]
fn a_secret_in_a_property_is_slow_to_guess() {
    let mut secrets = Secrets::default();
    secrets.add("hunter22");
    let value = json!({"PIN": "hunter22"});
    let mark = |salt: &str| Marker { salt, secrets: &secrets }.mark(&value);
    let hidden = |salt: &str| fingerprint::hide(&value, salt, &|text| secrets.touches(text));
    let slow = hidden("a")["PIN"].as_str().map(str::to_owned).expect("a mark");
    assert!(fingerprint::is(&slow) && slow.contains("argon2"), "{slow}");
    assert_eq!(mark("a"), fingerprint::fast(&json!({"PIN": slow}).to_string(), "a"), "of the slow mark alone");
    assert_ne!(mark("a"), mark("b"));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>()) {
        prop_assert!(SavedPlan::parse(&bytes).is_err());
        let mut whole = saved_plan().to_text().into_bytes();
        let at = at.index(whole.len());
        whole.splice(at..at, bytes.iter().copied());
        prop_assert_eq!(SavedPlan::parse(&whole).is_ok(), bytes.is_empty());
    }
}
