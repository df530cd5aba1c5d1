//! Tests that no text makes the reader panic, hang or run out of memory.

use proptest::prelude::*;

use super::{inputs, load, messages};
use crate::report::diagnostics::{Style, json, text};
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::source::SourceText;

fn survive(bytes: &[u8]) {
    let source = SourceText::new("stack.yaml", bytes);
    match Document::load(source, &inputs(&["x=1"])) {
        Ok((document, findings)) => {
            let (lowered, more) = document.lower();
            let mut late = Findings::default();
            crate::spec::lint::lint(&document, &lowered, &mut late);
            document.place(&mut late);
            text(&late, document.source(), Style::default());
            text(&findings, document.source(), Style::default());
            text(&more, document.source(), Style { colour: true, width: 20 });
        }
        Err(failed) => {
            assert!(failed.findings.has_errors());
            text(&failed.findings, &failed.source, Style::default());
            for line in json(&failed.findings, &failed.source).lines() {
                serde_json::from_str::<serde_json::Value>(line).unwrap();
            }
        }
    }
}

/// Generates pieces of YAML-like texts.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "stack: s\n",
            "queues:\n",
            "  q:\n",
            "    ",
            "name: ",
            "vars:\n",
            "  x: ",
            "{",
            "}",
            "[",
            "]",
            ": ",
            ", ",
            "- ",
            "\n",
            "\t",
            "&a ",
            "*a",
            "<<: ",
            "? ",
            "!t ",
            "!!str ",
            "|\n",
            ">-\n",
            "'",
            "\"",
            "#",
            "---\n",
            "...\n",
            "%YAML 1.2\n",
            "${",
            "}",
            "${vars.x}",
            "$${",
            "${queues.q.arn}",
            "é",
            "\u{feff}",
            "\r\n",
            "\r",
            "\u{85}",
            "\u{2028}",
            "~",
            "true",
            "1",
            "-1",
            "1e400",
            ".nan",
            "0x1f",
            "99999999999999999999",
            "visibility_timeout: ",
            "redrive: ",
            "tags: ",
            "\0",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,3}",
    ]
}

/// A stack with every section.
const SHOP: &str = include_str!("../../../tests/cli/shop.yaml");

/// Returns the number of cases: PROPTEST_CASES for a long run, else `usual`.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

/// One change of a text; the numbers choose the place.
#[derive(Debug, Clone)]
enum Edit {
    DropLine(usize),
    RepeatLine(usize, usize),
    SwapLines(usize, usize),
    Indent(usize, usize),
    Insert(usize, String),
    Replace(usize, usize, String),
    Cut(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = || 0..10_000_usize;
    prop_oneof![
        at().prop_map(Edit::DropLine),
        (at(), at()).prop_map(|(a, b)| Edit::RepeatLine(a, b)),
        (at(), at()).prop_map(|(a, b)| Edit::SwapLines(a, b)),
        (at(), 0..9_usize).prop_map(|(a, b)| Edit::Indent(a, b)),
        (at(), piece()).prop_map(|(a, text)| Edit::Insert(a, text)),
        (at(), 1..20_usize, piece()).prop_map(|(a, length, text)| Edit::Replace(a, length, text)),
        at().prop_map(Edit::Cut),
    ]
}

fn apply_edit(text: &str, edit: &Edit) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let count = lines.len().max(1);
    let place = |at: usize| text.floor_char_boundary(at % (text.len() + 1));
    match edit {
        _ if lines.is_empty() => return text.to_owned(),
        Edit::DropLine(at) => drop(lines.remove(at % count)),
        Edit::RepeatLine(at, to) => lines.insert(to % count, lines[at % count].clone()),
        Edit::SwapLines(a, b) => lines.swap(a % count, b % count),
        Edit::Indent(at, width) => {
            let line = &mut lines[at % count];
            *line = format!("{:width$}{}", "", line.trim_start());
        }
        Edit::Insert(at, piece) => return format!("{}{piece}{}", &text[..place(*at)], &text[place(*at)..]),
        Edit::Replace(at, length, piece) => {
            let (from, to) = (place(*at), text.ceil_char_boundary((place(*at) + length).min(text.len())));
            return format!("{}{piece}{}", &text[..from], &text[to..]);
        }
        Edit::Cut(at) => return text[..place(*at)].to_owned(),
    }
    lines.join("\n") + "\n"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(400), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stack_that_is_nearly_right(edits in proptest::collection::vec(edit(), 1..6)) {
        survive(edits.iter().fold(SHOP.to_owned(), |text, edit| apply_edit(&text, edit)).as_bytes());
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survive(&bytes);
    }

    #[test]
    fn any_text(text in any::<String>()) {
        survive(text.as_bytes());
    }

    #[test]
    fn anything_like_yaml(pieces in proptest::collection::vec(piece(), 0..40)) {
        survive(pieces.concat().as_bytes());
    }

    #[test]
    fn anything_inside_an_element(pieces in proptest::collection::vec(piece(), 0..12)) {
        survive(format!("stack: s\nvars: {{x: 1}}\nqueues:\n  q:\n    name: {}\n", pieces.concat()).as_bytes());
    }
}

#[test]
fn deep_nesting_is_a_finding() {
    for text in ["[".repeat(200_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
        survive(text.as_bytes());
    }
    assert!(messages(&format!("a: {}", "[\n ".repeat(200))).contains("100 deep"));
}

#[test]
fn aliases_that_blow_up_are_a_finding() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let item = format!("*a{}", level - 1);
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", [item.as_str(); 10].join(", ")));
    }
    assert!(messages(&laughs).contains("repeat"), "{}", messages(&laughs));
    let big = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 1000].join(", "));
    assert!(messages(&big).contains("repeat"));
    survive(b"a: &a [*a, *a]\n");
    survive(b"a: &a\n  <<: *a\n  b: *a\n");
}

#[test]
fn variables_that_blow_up_are_a_finding() {
    let mut stack = String::from("stack: s\nvars:\n  v0: xxxxxxxxxx\n");
    for level in 1..40 {
        stack.push_str(&format!("  v{level}: ${{vars.v{0}}}${{vars.v{0}}}\n", level - 1));
    }
    stack.push_str("tags: { a: \"${vars.v39}\" }\n");
    assert!(messages(&stack).contains("longer than 1 MiB"));

    let mut chain = String::from("stack: s\nvars:\n  v0: \"${vars.v1}\"\n");
    for level in 1..2_000 {
        chain.push_str(&format!("  v{level}: \"${{vars.v{}}}\"\n", level + 1));
    }
    assert!(messages(&chain).contains("in a row"));
}

#[test]
fn odd_encodings_are_findings_or_read() {
    assert!(load("\u{feff}stack: s\r\nqueues:\r\n  q:\r\n", &inputs(&[])).is_ok());
    for bytes in [&b"\xff\xfes\0t\0"[..], b"stack: \xc3", b"\xef\xbb\xbfstack: \xff", b"\xef\xbb", b"stack: s\0\n"] {
        survive(bytes);
    }
    survive(&vec![b'#'; 5 << 20]);
}
