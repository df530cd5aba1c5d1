//! Findings about the text itself, and how they are shown.

use super::super::{inputs, load, messages};
use crate::report::diagnostics::{Style, json, text};

#[test]
fn a_duplicate_key_shows_both_places() {
    insta::assert_snapshot!(messages("stack: s\nqueues:\n  q: {}\n  r: {}\n  q: { delay_seconds: 1 }\n"), @r#"
        error[stack::duplicate-key]: `q` is given twice: first at 3:3
         --> stack.yaml:5:3
          |
        5 |   q: { delay_seconds: 1 }
          |   ^
          |
          = help: keep one of the two
        "#);
}

#[test]
fn a_syntax_error_has_a_place() {
    insta::assert_snapshot!(messages("stack: s\nqueues:\n  q: { delay_seconds: 1\n  r: {}\n"), @r#"
        error[stack::syntax]: this `{` is not closed
         --> stack.yaml:3:6
          |
        3 |   q: { delay_seconds: 1
          |      ^
          |
          = help: write `}` where the map ends
        "#);
}

#[test]
fn tabs_are_named() {
    insta::assert_snapshot!(messages("stack: s\nqueues:\n	q: {}\n"), @r#"
        error[stack::syntax]: a tab indents this line
         --> stack.yaml:3:1
          |
        3 |     q: {}
          | ^^^^
          |
          = help: indent with spaces: YAML takes no tabs there
        "#);
}

#[test]
fn keys_tags_and_second_documents_are_refused() {
    insta::assert_snapshot!(messages("stack: s\nqueues:\n  1: {}\n  q: { name: !Ref x }\n"), @r#"
        error[stack::syntax]: the key `1` is not text
         --> stack.yaml:3:3
          |
        3 |   1: {}
          |   ^
          |
          = help: put it in quotes: `"1"`

        error[stack::syntax]: the tag `!Ref` means nothing here
         --> stack.yaml:4:14
          |
        4 |   q: { name: !Ref x }
          |              ^^^^^^
          |
          = help: remove it; another resource's output is written `${section.name.output}`
        "#);
}

#[test]
fn a_second_document_is_refused() {
    insta::assert_snapshot!(messages("stack: s\n---\nstack: t\n"), @r#"
        error[stack::syntax]: a second YAML document begins here
         --> stack.yaml:2:1
          |
        2 | ---
          | ^^^
          |
          = help: remove the `---`: a stack is one document
        "#);
}

#[test]
fn an_empty_file_says_how_to_begin() {
    insta::assert_snapshot!(messages("# nothing\n"), @r#"
        error[stack::empty]: the file says nothing
         --> stack.yaml:1:1
          |
        1 | # nothing
          | ^
          |
          = help: begin with `stack: NAME`, then sections such as `queues:`
        "#);
}

#[test]
fn a_list_is_no_stack() {
    insta::assert_snapshot!(messages("- stack: s\n"), @r#"
        error[stack::wrong-type]: a stack is a map of properties and sections
         --> stack.yaml:1:1
          |
        1 | - stack: s
          | ^
          |
          = help: begin with `stack: NAME`, then sections such as `queues:`
        "#);
}

#[test]
fn scripts_get_a_json_object_a_line() {
    let failed = load("stack: s\nqueues:\n  q: { colour: red }\n", &inputs(&["x"])).unwrap_err();
    insta::assert_snapshot!(json(&failed.findings, &failed.source), @r#"
        {"type":"error","code":"stack::variable","message":"value 1 of `--var` has no `=`","file":"stack.yaml","line":null,"column":null,"help":"write `--var NAME=VALUE`"}
        {"type":"error","code":"stack::unknown-property","message":"`q` has no property `colour`","file":"stack.yaml","line":3,"column":8,"help":"it takes `name`, `fifo_queue`, `content_based_deduplication`, `visibility_timeout`, `delay_seconds`, `message_retention_period`, `receive_message_wait_time_seconds`, `maximum_message_size`, `redrive`, `policy`, `kms_master_key_id`, `sqs_managed_sse_enabled`, `protect`, `retain`, `external`, `tags`, `depends_on`, `only_in`, `not_in`, `when`"}
        "#);
}

#[test]
fn long_lines_are_cut_around_the_caret() {
    let stack = format!(
        "stack: s\nqueues: {{ {} z: {{ colour: red }}, {} y: {{}} }}\n",
        "a: {} , ".replace('a', "a1"),
        (0..40).map(|n| format!("b{n}: {{}}, ")).collect::<String>()
    );
    let failed = load(&stack, &inputs(&[])).unwrap_err();
    let said = text(&failed.findings, &failed.source, Style { colour: false, width: 80 });
    insta::assert_snapshot!(said, @r#"
        error[stack::unknown-property]: `z` has no property `colour`
         --> stack.yaml:2:26
          |
        2 | queues: { a1: {} ,  z: { colour: red }, b0: {}, b1: {}, b2: {}, b3: {}, b...
          |                          ^^^^^^
          |
          = help: it takes `name`, `fifo_queue`, `content_based_deduplication`, `visibility_timeout`, `delay_seconds`, `message_retention_period`, `receive_message_wait_time_seconds`, `maximum_message_size`, `redrive`, `policy`, `kms_master_key_id`, `sqs_managed_sse_enabled`, `protect`, `retain`, `external`, `tags`, `depends_on`, `only_in`, `not_in`, `when`
        "#);
}
