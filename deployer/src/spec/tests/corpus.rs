//! Broken stacks, each with its findings and their exact places, marked «like this» in corpus.txt.
//!
//! A case begins with `%%` and the codes of its findings, in the order of the text. A case without a name for its stack
//! gets `stack: s` at the start.

use crate::pipeline;
use crate::report::diagnostics::{Style, json, text};
use crate::spec::finding::Findings;
use crate::spec::source::SourceText;

use super::inputs;

const CASES: &str = include_str!("corpus.txt");

/// Returns the findings, and the text that they point into.
fn check(bytes: impl Into<Vec<u8>>) -> (Findings, SourceText) {
    match pipeline::check(SourceText::new("stack.yaml", bytes), &inputs(&[])) {
        Ok(loaded) => (loaded.warnings, loaded.document.source().clone()),
        Err(failure) => (failure.findings, failure.source.unwrap_or_default()),
    }
}

/// Removes the marks from a case. Returns the text and the line and column of each opening mark.
fn remove_marks(case: &str) -> (String, Vec<(usize, usize)>) {
    let (mut plain, mut places, mut line, mut column) = (String::new(), Vec::new(), 1, 1);
    for character in case.chars() {
        match character {
            '«' => places.push((line, column)),
            '»' => {}
            '\n' => {
                (line, column) = (line + 1, 1);
                plain.push('\n');
            }
            other => {
                column += 1;
                plain.push(other);
            }
        }
    }
    (plain, places)
}

fn cases() -> Vec<(Vec<&'static str>, String)> {
    let cases = CASES.split("%% ").skip(1).map(|case| {
        let (codes, body) = case.split_once('\n').expect("a line of codes");
        let whole =
            body.lines().any(|line| line.starts_with("stack:") || line.starts_with("«-» ") || line.starts_with("# "));
        (codes.split(' ').collect(), if whole { body.to_owned() } else { format!("stack: s\n{body}") })
    });
    cases.collect()
}

#[test]
fn every_broken_stack_is_pointed_at_exactly() {
    let mut wrong = Vec::new();
    for (codes, case) in cases() {
        let (stack, places) = remove_marks(&case);
        let (findings, source) = check(stack);
        let found: Vec<_> = findings.0.iter().map(|f| (f.code, f.span.map(|span| (span.line, span.column)))).collect();
        let mut wanted: Vec<_> = codes.iter().copied().zip(places.iter().copied().map(Some)).collect();
        if places.is_empty() {
            wanted = codes.iter().map(|code| (*code, Some((1, 1)))).collect();
        }
        if found != wanted {
            wrong.push(format!(
                "{case}\nwanted {wanted:?}\nfound  {found:?}\n{}",
                text(&findings, &source, Style::default())
            ));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n=====\n"));
}

#[test]
fn every_finding_says_what_to_do_and_never_more_than_a_screen() {
    for (_, case) in cases() {
        let (findings, source) = check(remove_marks(&case).0);
        for finding in &findings.0 {
            assert!(finding.help.as_ref().is_some_and(|help| help.len() > 7), "{}\n{case}", finding.message);
        }
        assert!(text(&findings, &source, Style::default()).lines().count() <= 12 * findings.0.len(), "{case}");
    }
}

#[test]
fn what_is_said_about_every_broken_stack_was_reviewed() {
    let said = cases().into_iter().map(|(_, case)| {
        let (findings, source) = check(remove_marks(&case).0);
        text(&findings, &source, Style::default())
    });
    insta::assert_snapshot!("corpus", said.collect::<Vec<_>>().join("\n"));
}

/// Returns the code and place of the first finding.
fn first(bytes: &[u8]) -> String {
    let (findings, source) = check(bytes);
    let Some(finding) = findings.0.first() else { return "nothing".to_owned() };
    for line in json(&findings, &source).lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("each line is an object");
    }
    text(&findings, &source, Style { colour: true, width: 60 });
    let place = finding.span.map_or("-".to_owned(), |span| format!("{}:{}", span.line, span.column));
    format!("{} {place}", finding.code)
}

#[test]
fn other_encodings_and_odd_bytes_have_a_place() {
    let utf16 = |big: bool| -> Vec<u8> {
        let units = "\u{feff}stack: s\n".encode_utf16();
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    for (bytes, wanted) in [
        (utf16(true), "stack::encoding 1:1"),
        (utf16(false), "stack::encoding 1:1"),
        (b"stack: s\ntags: { a: caf\xe9 }\n".to_vec(), "stack::encoding 2:15"),
        (b"stack: s\0\n".to_vec(), "stack::syntax 1:9"),
        (b"s\0t\0a\0".to_vec(), "stack::encoding 1:1"),
        (b"\xff\xfe\0\0s\0\0\0".to_vec(), "stack::encoding 1:1"),
        (b"stack: s\ntags: { a: \"\x1b\" }\n".to_vec(), "stack::syntax 2:13"),
        (b"stack: s\rqueus: {}\r".to_vec(), "stack::unknown-property 2:1"),
        ("\u{feff}stack: s\nqueus: {}\n".into(), "stack::unknown-property 2:1"),
        ("stack: s\r\nqueues:\r\n  q:\r\n    delay: 5\r\n".into(), "stack::unknown-property 4:5"),
        ("\u{feff}stack: s\r\nregion: Ireland\r\n".into(), "stack::bad-value 2:9"),
        ("stack: s\ntags: { å: ø, é: 1 }\n".into(), "stack::wrong-type 2:18"),
        (Vec::new(), "stack::empty 1:1"),
        ("\n\n\n".into(), "stack::empty 1:1"),
        ("null\n".into(), "stack::empty 1:1"),
        ("just text\n".into(), "stack::wrong-type 1:1"),
        ("stack: s\n...\nmore: x\n".into(), "stack::syntax 3:1"),
    ] {
        assert_eq!(first(&bytes), wanted, "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn twenty_thousand_findings_in_one_long_line_are_all_found_and_a_hundred_are_drawn() {
    let tags: Vec<String> = (0..20_000).map(|number| format!("k{number}: {number}")).collect();
    let (findings, source) = check(format!("stack: s\ntags: {{ {} }}\n", tags.join(", ")));
    assert_eq!(findings.0.len(), 20_000);
    let drawn = text(&findings, &source, Style::default());
    assert_eq!(drawn.matches("error[").count(), 100);
    assert!(drawn.ends_with("and 19900 more findings: put these right first (--json lists all)\n"), "{drawn}");
}

#[test]
fn of_many_warnings_alike_three_are_drawn_and_the_lines_of_the_others_named() {
    let stack = |queues: usize| {
        let mut stack = "stack: s\nqueues:\n".to_owned();
        (0..queues).for_each(|n| stack.push_str(&format!("  q{n}: {{}}\n")));
        stack.push_str("functions:\n");
        (0..queues).for_each(|n| stack.push_str(&format!("  f{n}: {{ zip: f.zip, events: [ {{ queue: q{n} }} ] }}\n")));
        let (findings, source) = check(stack);
        text(&findings, &source, Style::default())
    };
    let drawn = stack(10);
    assert_eq!(drawn.matches("`queues.q").count(), 3, "{drawn}");
    let named = "warning[queue::no-dead-letter]: 7 more like these, in lines 6, 7, 8, 9, 10, 11, 12 (--json lists all)";
    assert!(drawn.contains(named), "{drawn}");
    assert!(!stack(4).contains("more like these"));
}

#[test]
fn huge_and_deep_stacks_are_checked_to_the_last_line() {
    let mut huge = String::from("stack: s\nqueues:\n");
    for number in 0..5_000 {
        huge.push_str(&format!("  q{number}:\n    delay_seconds: 1\n    protect: true\n"));
    }
    huge.push_str("  last: { delay: 5 }\n");
    assert_eq!(first(huge.as_bytes()), "stack::unknown-property 15003:11");
    assert_eq!(first(format!("stack: s\ntags: {}", "[".repeat(5_000)).as_bytes()), "stack::syntax 2:262");
}
