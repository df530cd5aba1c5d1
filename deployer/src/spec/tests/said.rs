//! What people are told: one example a code.

use super::{inputs, load, said, said_with};
use crate::report::diagnostics::{Style, json, text};
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

#[test]
fn an_unknown_property_names_the_nearest() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  q:\n    visibilty_timeout: 30s\n    colour: red\nqueus: {}\n"), @"");
}

#[test]
fn a_wrong_type_says_what_to_write() {
    insta::assert_snapshot!(said("stack: s\naccount: 123456789012\ntags: [a]\nqueues:\n  q: { fifo_queue: yes, maximum_message_size: \"2048\", depends_on: queues.r, name: 5, redrive: 3, delay_seconds: [1] }\n  r: { fifo_queue: , maximum_message_size: 1.5 }\n  s: text\n"), @"");
}

#[test]
fn an_out_of_range_value_says_the_range() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  q: { visibility_timeout: 13h, maximum_message_size: 12, redrive: { max_receive_count: 0 } }\n"), @"");
}

#[test]
fn a_bad_value_says_what_fits() {
    insta::assert_snapshot!(said("stack: 2fast\nregion: Ireland\nqueues:\n  q: { name: a b, delay_seconds: soon }\n  r: { delay_seconds: -1 }\n"), @"");
}

#[test]
fn a_missing_property_says_what_it_is_for() {
    insta::assert_snapshot!(said("queues:\n  q:\n    redrive: {}\n"), @"");
}

#[test]
fn a_long_text_says_how_much_too_long() {
    insta::assert_snapshot!(said("stack: ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss\nstate: { bucket: ab, key: x }\n"), @"");
}

#[test]
fn a_duplicate_key_shows_both_places() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  q: {}\n  r: {}\n  q: { delay_seconds: 1 }\n"), @"");
}

#[test]
fn a_syntax_error_has_a_place() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  q: { delay_seconds: 1\n  r: {}\n"), @"");
}

#[test]
fn tabs_are_named() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n	q: {}\n"), @"");
}

#[test]
fn keys_tags_and_second_documents_are_refused() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  1: {}\n  q: { name: !Ref x }\n"), @"");
}

#[test]
fn a_second_document_is_refused() {
    insta::assert_snapshot!(said("stack: s\n---\nstack: t\n"), @"");
}

#[test]
fn an_empty_file_says_how_to_begin() {
    insta::assert_snapshot!(said("# nothing\n"), @"");
}

#[test]
fn a_list_is_no_stack() {
    insta::assert_snapshot!(said("- stack: s\n"), @"");
}

#[test]
fn variables_from_nowhere_are_findings() {
    insta::assert_snapshot!(said_with("stack: s-${vars.nmae}\nvars:\n  name: x\n  mail: { description: who gets alarms }\n  odd: { default: 1, allowed: [2, 3] }\n  shape: { default: abc, pattern: \"[0-9]+\" }\n  both: { required: true, default: 1 }\n  wrong: { defualt: 1 }\ntags: { a: \"${vars.wrong} ${vars.mail}\" }\n", &inputs(&["nmae=1", "novalue"])), @"");
}

#[test]
fn a_circle_of_variables_is_shown() {
    insta::assert_snapshot!(said("stack: s\nvars: { a: \"${vars.b}\", b: \"x${vars.c}\", c: \"${vars.a}\" }\n"), @"");
}

#[test]
fn a_reference_is_no_number() {
    insta::assert_snapshot!(said("stack: ${queues.q.name}\nqueues:\n  q: { delay_seconds: \"${queues.r.arn}\", maximum_message_size: \"${aws.account_id}\" }\n  r: {}\n"), @"");
}

#[test]
fn a_bad_template_says_what_to_write() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  q: { name: \"${HOME}\", kms_master_key_id: \"${queues.r\" }\n  r: { name: \"${queues.q}\", kms_master_key_id: \"${env.KEY}\" }\n"), @"");
}

#[test]
fn names_and_tags_have_rules() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  \"a b\": { tags: { \"aws:x\": y } }\n  q: { tags: { \"deployer:stack\": y } }\ntags: { \"aws:y\": z }\n"), @"");
}

#[test]
fn secrets_in_the_file_and_short_ones_are_warned_of() {
    insta::assert_snapshot!(said("stack: s\nvars: { a: { secret: true, default: abc } }\n"), @"");
}

#[test]
fn a_state_is_a_bucket_or_a_directory() {
    insta::assert_snapshot!(said("stack: s\nstate: { bucket: states }\n"), @"");
}

#[test]
fn an_empty_state_needs_a_choice() {
    insta::assert_snapshot!(said("stack: s\nstate: {}\n"), @"");
}

#[test]
fn a_state_with_a_typing_error() {
    insta::assert_snapshot!(said("stack: s\nstate: { buckt: states, key: a }\n"), @"");
}

#[test]
fn a_sections_own_checks_speak_along_with_the_schema() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  q: { fifo_queue: true, name: jobs }\n  r: { delay_seconds: 16m }\n"), @"");
}

#[test]
fn a_region_has_to_come_from_somewhere() {
    insta::assert_snapshot!(said_with("stack: s\n", &Inputs::default()), @"");
}

#[test]
fn a_var_file_is_named_in_its_findings() {
    let file = |text: &str| SourceText::new("prod.yaml", text);
    let inputs = Inputs { var_files: vec![file("a: 1\na: 2\n"), file("b: [1]\nx: 1\n"), file("- 1\n")], ..inputs(&[]) };
    insta::assert_snapshot!(said_with("stack: s\nvars: { b: 1 }\n", &inputs), @"");
}

#[test]
fn scripts_get_a_json_object_a_line() {
    let failed = load("stack: s\nqueues:\n  q: { colour: red }\n", &inputs(&["x"])).unwrap_err();
    insta::assert_snapshot!(json(&failed.findings, &failed.source), @"");
}

#[test]
fn long_lines_are_cut_around_the_caret() {
    let stack = format!(
        "stack: s\nqueues: {{ {} z: {{ colour: red }}, {} y: {{}} }}\n",
        "a: {} , ".replace('a', "a1").repeat(1),
        (0..40).map(|n| format!("b{n}: {{}}, ")).collect::<String>()
    );
    let failed = load(&stack, &inputs(&[])).unwrap_err();
    let said = text(&failed.findings, &failed.source, Style { colour: false, width: 80 });
    insta::assert_snapshot!(said, @"");
}
