//! What people are told: one example a code.

use super::{inputs, load, said, said_with};
use crate::report::diagnostics::{Style, json, text};
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

#[test]
fn an_unknown_property_names_the_nearest() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  q:\n    visibilty_timeout: 30s\n    colour: red\nqueus: {}\n"), @r#"
        error[stack::unknown-property]: `q` has no property `visibilty_timeout`
         --> stack.yaml:4:5
          |
        4 |     visibilty_timeout: 30s
          |     ^^^^^^^^^^^^^^^^^
          |
          = help: did you mean `visibility_timeout`?

        error[stack::unknown-property]: `q` has no property `colour`
         --> stack.yaml:5:5
          |
        5 |     colour: red
          |     ^^^^^^
          |
          = help: it takes `name`, `fifo_queue`, `content_based_deduplication`, `visibility_timeout`, `delay_seconds`, `message_retention_period`, `receive_message_wait_time_seconds`, `maximum_message_size`, `redrive`, `policy`, `kms_master_key_id`, `sqs_managed_sse_enabled`, `protect`, `retain`, `external`, `tags`, `depends_on`

        error[stack::unknown-property]: a stack has no property `queus`
         --> stack.yaml:6:1
          |
        6 | queus: {}
          | ^^^^^
          |
          = help: did you mean `queues`?
        "#);
}

#[test]
fn a_wrong_type_says_what_to_write() {
    insta::assert_snapshot!(said("stack: s\naccount: 123456789012\ntags: [a]\nqueues:\n  q: { fifo_queue: yes, maximum_message_size: \"2048\", depends_on: queues.r, name: 5, redrive: 3, delay_seconds: [1] }\n  r: { fifo_queue: , maximum_message_size: 1.5 }\n  s: text\n"), @r#"
        error[stack::wrong-type]: `account` takes text, not the number 123456789012
         --> stack.yaml:2:10
          |
        2 | account: 123456789012
          |          ^^^^^^^^^^^^
          |
          = help: put it in quotes: `"123456789012"`

        error[stack::wrong-type]: `tags` takes a map, not a list
         --> stack.yaml:3:7
          |
        3 | tags: [a]
          |       ^^^
          |
          = help: write a map: `{ name: value }`, or indented `name: value` lines (Tags for everything that the stack makes)

        error[stack::wrong-type]: `fifo_queue` takes `true` or `false`, not the text `yes`
         --> stack.yaml:5:20
          |
        5 |   q: { fifo_queue: yes, maximum_message_size: "2048", depends_on: queues.r, name: 5, redrive: 3, delay_seconds: [...
          |                    ^^^
          |
          = help: write `true`: `yes` is text in YAML 1.2

        error[stack::wrong-type]: `maximum_message_size` takes a whole number, not the text `2048`
         --> stack.yaml:5:47
          |
        5 |   q: { fifo_queue: yes, maximum_message_size: "2048", depends_on: queues.r, name: 5, redrive: 3, delay_seconds: [...
          |                                               ^^^^^^
          |
          = help: write it without quotes: `2048`

        error[stack::wrong-type]: `depends_on` takes a list, not the text `queues.r`
         --> stack.yaml:5:67
          |
        5 |   q: { fifo_queue: yes, maximum_message_size: "2048", depends_on: queues.r, name: 5, redrive: 3, delay_seconds: [...
          |                                                                   ^^^^^^^^
          |
          = help: write a list: `[ queues.r ]`

        error[stack::wrong-type]: `name` takes text, not the number 5
         --> stack.yaml:5:83
          |
        5 |   q: { fifo_queue: yes, maximum_message_size: "2048", depends_on: queues.r, name: 5, redrive: 3, delay_seconds: [...
          |                                                                                   ^
          |
          = help: put it in quotes: `"5"`

        error[stack::wrong-type]: `redrive` takes a map, not the number 3
         --> stack.yaml:5:95
          |
        5 |   q: { fifo_queue: yes, maximum_message_size: "2048", depends_on: queues.r, name: 5, redrive: 3, delay_seconds: [...
          |                                                                                               ^
          |
          = help: write a map: `{ name: value }`, or indented `name: value` lines (Where messages go that were received too often)

        error[stack::wrong-type]: `delay_seconds` takes a duration, not a list
         --> stack.yaml:5:113
          |
        5 | ...ds_on: queues.r, name: 5, redrive: 3, delay_seconds: [1] }
          |                                                         ^^^^
          |
          = help: write seconds, or a whole number with a unit: `30`, `30s`, `2m`, `1h`, `4d` (How long a new message stays hidden)

        error[stack::wrong-type]: `fifo_queue` has no value; it takes `true` or `false`
         --> stack.yaml:6:8
          |
        6 |   r: { fifo_queue: , maximum_message_size: 1.5 }
          |        ^^^^^^^^^^
          |
          = help: write a value or remove the line

        error[stack::wrong-type]: `maximum_message_size` takes a whole number, not the number 1.5
         --> stack.yaml:6:44
          |
        6 |   r: { fifo_queue: , maximum_message_size: 1.5 }
          |                                            ^^^
          |
          = help: write a whole number, such as `30` (Largest message in bytes; AWS's default is 1 MiB on new queues)

        error[stack::wrong-type]: `s` takes a map, not the text `text`
         --> stack.yaml:7:6
          |
        7 |   s: text
          |      ^^^^
          |
          = help: write a map: `{ name: value }`, or indented `name: value` lines (An SQS queue)
        "#);
}

#[test]
fn an_out_of_range_value_says_the_range() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  q: { visibility_timeout: 13h, maximum_message_size: 12, redrive: { max_receive_count: 0 } }\n"), @r#"
        error[stack::out-of-range]: `visibility_timeout` cannot be 13h (46800 s)
         --> stack.yaml:3:28
          |
        3 |   q: { visibility_timeout: 13h, maximum_message_size: 12, redrive: { max_receive_count: 0 } }
          |                            ^^^
          |
          = help: allowed is at most 12h (43200 s)

        error[stack::out-of-range]: `maximum_message_size` cannot be 12
         --> stack.yaml:3:55
          |
        3 |   q: { visibility_timeout: 13h, maximum_message_size: 12, redrive: { max_receive_count: 0 } }
          |                                                       ^^
          |
          = help: allowed are 1024 to 1048576

        error[stack::out-of-range]: `max_receive_count` cannot be 0
         --> stack.yaml:3:89
          |
        3 |   q: { visibility_timeout: 13h, maximum_message_size: 12, redrive: { max_receive_count: 0 } }
          |                                                                                         ^
          |
          = help: allowed are 1 to 1000
        "#);
}

#[test]
fn a_bad_value_says_what_fits() {
    insta::assert_snapshot!(said("stack: 2fast\nregion: Ireland\nqueues:\n  q: { name: a b, delay_seconds: soon }\n  r: { delay_seconds: -1 }\n"), @r#"
        error[stack::bad-value]: the text `2fast` does not fit `stack`
         --> stack.yaml:1:8
          |
        1 | stack: 2fast
          |        ^^^^^
          |
          = help: begin with letters, go on with letters, digits and `-` only. The stack's name: letters, digits and `-`. It marks everything that the stack owns.

        error[stack::bad-value]: the text `Ireland` does not fit `region`
         --> stack.yaml:2:9
          |
        2 | region: Ireland
          |         ^^^^^^^
          |
          = help: it has to match `^[a-z]{2}(-[a-z]+)+-[0-9]+$`. The AWS region; default: AWS_REGION, else AWS_DEFAULT_REGION.

        error[stack::bad-value]: the text `a b` does not fit `name`
         --> stack.yaml:4:14
          |
        4 |   q: { name: a b, delay_seconds: soon }
          |              ^^^
          |
          = help: it has to match `^[A-Za-z0-9_-]+(\.fifo)?$`. The queue's name in AWS; default: the stack's name and the element's. FIFO queues end in `.fifo`.

        error[stack::bad-value]: `delay_seconds` takes a duration, not the text `soon`
         --> stack.yaml:4:34
          |
        4 |   q: { name: a b, delay_seconds: soon }
          |                                  ^^^^
          |
          = help: write seconds, or a whole number with a unit: `30`, `30s`, `2m`, `1h`, `4d`

        error[stack::bad-value]: `delay_seconds` takes a duration, not the number -1
         --> stack.yaml:5:23
          |
        5 |   r: { delay_seconds: -1 }
          |                       ^^
          |
          = help: write seconds, or a whole number with a unit: `30`, `30s`, `2m`, `1h`, `4d`
        "#);
}

#[test]
fn a_missing_property_says_what_it_is_for() {
    insta::assert_snapshot!(said("queues:\n  q:\n    redrive: {}\n"), @r#"
        error[stack::missing-property]: the stack needs `stack`
         --> stack.yaml:1:1
          |
        1 | queues:
          | ^
          |
          = help: add `stack`: The stack's name: letters, digits and `-`

        error[stack::missing-property]: `redrive` needs `max_receive_count`
         --> stack.yaml:3:5
          |
        3 |     redrive: {}
          |     ^^^^^^^
          |
          = help: add `max_receive_count`: Receives before a message moves
        "#);
}

#[test]
fn a_long_text_says_how_much_too_long() {
    insta::assert_snapshot!(said("stack: ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss\nstate: { bucket: ab, key: x }\n"), @r#"
        error[stack::too-long]: `stack` has 70 characters; at most 60 fit
         --> stack.yaml:1:8
          |
        1 | stack: ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss
          |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: shorten it by 10

        error[stack::too-short]: `bucket` has 2 characters; at least 3 are needed
         --> stack.yaml:2:18
          |
        2 | state: { bucket: ab, key: x }
          |                  ^^
          |
          = help: write a longer one
        "#);
}

#[test]
fn a_duplicate_key_shows_both_places() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  q: {}\n  r: {}\n  q: { delay_seconds: 1 }\n"), @r#"
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
    insta::assert_snapshot!(said("stack: s\nqueues:\n  q: { delay_seconds: 1\n  r: {}\n"), @r#"
        error[stack::syntax]: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
         --> stack.yaml:4:4
          |
        4 |   r: {}
          |    ^
          |
          = help: look for a missing `:`, quote or bracket, or a wrong indent, here or on the line before
        "#);
}

#[test]
fn tabs_are_named() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n	q: {}\n"), @r#"
        error[stack::syntax]: this is not YAML: tabs disallowed within this context (block indentation)
         --> stack.yaml:3:2
          |
        3 |     q: {}
          |     ^
          |
          = help: indent with spaces: YAML takes no tabs there
        "#);
}

#[test]
fn keys_tags_and_second_documents_are_refused() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  1: {}\n  q: { name: !Ref x }\n"), @r#"
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
    insta::assert_snapshot!(said("stack: s\n---\nstack: t\n"), @r#"
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
    insta::assert_snapshot!(said("# nothing\n"), @r#"
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
    insta::assert_snapshot!(said("- stack: s\n"), @r#"
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
fn variables_from_nowhere_are_findings() {
    insta::assert_snapshot!(said_with("stack: s-${vars.nmae}\nvars:\n  name: x\n  mail: { description: who gets alarms }\n  odd: { default: 1, allowed: [2, 3] }\n  shape: { default: abc, pattern: \"[0-9]+\" }\n  both: { required: true, default: 1 }\n  wrong: { defualt: 1 }\ntags: { a: \"${vars.wrong} ${vars.mail}\" }\n", &inputs(&["nmae=1", "novalue"])), @r#"
        error[stack::unknown-variable]: --var: the stack has no variable `nmae`
          = help: did you mean `name`?

        error[stack::variable]: --var: `novalue` has no `=`
          = help: write `--var NAME=VALUE`

        error[stack::unknown-variable]: the stack has no variable `nmae`
         --> stack.yaml:1:8
          |
        1 | stack: s-${vars.nmae}
          |        ^^^^^^^^^^^^^^
          |
          = help: did you mean `${vars.name}`?

        error[stack::missing-variable]: the variable `mail` (who gets alarms) is not set
         --> stack.yaml:4:3
          |
        4 |   mail: { description: who gets alarms }
          |   ^^^^
          |
          = help: pass `--var mail=…` or set DEPLOYER_VAR_mail

        error[stack::bad-value]: `odd` cannot be `1`
         --> stack.yaml:5:8
          |
        5 |   odd: { default: 1, allowed: [2, 3] }
          |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: it is one of `2`, `3`

        error[stack::bad-value]: `abc` does not fit `shape`
         --> stack.yaml:6:10
          |
        6 |   shape: { default: abc, pattern: "[0-9]+" }
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: it has to match `[0-9]+`

        error[stack::bad-value]: `both` is required and has a default
         --> stack.yaml:7:9
          |
        7 |   both: { required: true, default: 1 }
          |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: keep one of the two

        error[stack::unknown-property]: `wrong` has no property `defualt`
         --> stack.yaml:8:12
          |
        8 |   wrong: { defualt: 1 }
          |            ^^^^^^^
          |
          = help: did you mean `default`?
        "#);
}

#[test]
fn a_circle_of_variables_is_shown() {
    insta::assert_snapshot!(said("stack: s\nvars: { a: \"${vars.b}\", b: \"x${vars.c}\", c: \"${vars.a}\" }\n"), @r#"
        error[stack::variable-cycle]: variables need each other: a → b → c → a
         --> stack.yaml:2:45
          |
        2 | vars: { a: "${vars.b}", b: "x${vars.c}", c: "${vars.a}" }
          |                                             ^^^^^^^^^^^^
          |
          = help: give one of them a value of its own
        "#);
}

#[test]
fn a_reference_is_no_number() {
    insta::assert_snapshot!(said("stack: ${queues.q.name}\nqueues:\n  q: { delay_seconds: \"${queues.r.arn}\", maximum_message_size: \"${aws.account_id}\" }\n  r: {}\n"), @r#"
        error[stack::reference-type]: `stack` is needed before AWS is asked, so it cannot refer to what AWS says
         --> stack.yaml:1:8
          |
        1 | stack: ${queues.q.name}
          |        ^^^^^^^^^^^^^^^^
          |
          = help: write it out, or use a variable: `${vars.name}`

        error[stack::reference-type]: `delay_seconds` takes a duration, and `${queues.r.arn}` is a text
         --> stack.yaml:3:23
          |
        3 |   q: { delay_seconds: "${queues.r.arn}", maximum_message_size: "${aws.account_id}" }
          |                       ^^^^^^^^^^^^^^^^^
          |
          = help: write the value itself, or use a variable: `${vars.name}`

        error[stack::reference-type]: `maximum_message_size` takes a whole number, and `${aws.account_id}` is a text
         --> stack.yaml:3:64
          |
        3 |   q: { delay_seconds: "${queues.r.arn}", maximum_message_size: "${aws.account_id}" }
          |                                                                ^^^^^^^^^^^^^^^^^^^^
          |
          = help: write the value itself, or use a variable: `${vars.name}`
        "#);
}

#[test]
fn a_bad_template_says_what_to_write() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  q: { name: \"${HOME}\", kms_master_key_id: \"${queues.r\" }\n  r: { name: \"${queues.q}\", kms_master_key_id: \"${env.KEY}\" }\n"), @r#"
        error[stack::template]: `${HOME}` is not a reference
         --> stack.yaml:3:14
          |
        3 |   q: { name: "${HOME}", kms_master_key_id: "${queues.r" }
          |              ^^^^^^^^^
          |
          = help: write `${section.name.output}`, `${vars.name}` or `${aws.region}`; a literal text is `$${HOME}`

        error[stack::template]: `${` is not closed
         --> stack.yaml:3:44
          |
        3 |   q: { name: "${HOME}", kms_master_key_id: "${queues.r" }
          |                                            ^^^^^^^^^^^^^
          |
          = help: write `${section.name.output}`, or `$${` for a literal `${`

        error[stack::template]: `${queues.q}` names no output
         --> stack.yaml:4:14
          |
        4 |   r: { name: "${queues.q}", kms_master_key_id: "${env.KEY}" }
          |              ^^^^^^^^^^^^^
          |
          = help: write `${queues.q.arn}` or another output of it

        error[stack::template]: `${env.KEY}`: the environment is not read here
         --> stack.yaml:4:48
          |
        4 |   r: { name: "${queues.q}", kms_master_key_id: "${env.KEY}" }
          |                                                ^^^^^^^^^^^^^
          |
          = help: declare it in `vars:`, write `${vars.name}`, and set DEPLOYER_VAR_name
        "#);
}

#[test]
fn names_and_tags_have_rules() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  \"a b\": { tags: { \"aws:x\": y } }\n  q: { tags: { \"deployer:stack\": y } }\ntags: { \"aws:y\": z }\n"), @r#"
        error[stack::bad-name]: `a b` cannot be a name here
         --> stack.yaml:3:3
          |
        3 |   "a b": { tags: { "aws:x": y } }
          |   ^^^^^
          |
          = help: begin with letters, go on with letters, digits, `_` and `-` only

        error[stack::reserved-tag]: the deployer keeps tags such as `deployer:stack` for itself
         --> stack.yaml:4:16
          |
        4 |   q: { tags: { "deployer:stack": y } }
          |                ^^^^^^^^^^^^^^^^
          |
          = help: choose another key

        error[stack::reserved-tag]: AWS keeps tags such as `aws:y` for itself
         --> stack.yaml:5:9
          |
        5 | tags: { "aws:y": z }
          |         ^^^^^^^
          |
          = help: choose another key
        "#);
}

#[test]
fn secrets_in_the_file_and_short_ones_are_warned_of() {
    insta::assert_snapshot!(said("stack: s\nvars: { a: { secret: true, default: abc } }\n"), @r#"
        warning[stack::short-secret]: the secret `a` is shorter than 6 bytes, so it may be masked in other texts, and its encoded forms are not
         --> stack.yaml:2:12
          |
        2 | vars: { a: { secret: true, default: *** } }
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: use a longer secret

        warning[stack::secret-default]: the secret `a` stands in the file for all to read
         --> stack.yaml:2:37
          |
        2 | vars: { a: { secret: true, default: *** } }
          |                                     ^^^
          |
          = help: remove the default and set DEPLOYER_VAR_a
        "#);
}

#[test]
fn a_state_is_a_bucket_or_a_directory() {
    insta::assert_snapshot!(said("stack: s\nstate: { bucket: states }\n"), @r#"
        error[stack::missing-property]: `state` needs `key`
         --> stack.yaml:2:1
          |
        2 | state: { bucket: states }
          | ^^^^^
          |
          = help: add `key`: The object's key
        "#);
}

#[test]
fn an_empty_state_needs_a_choice() {
    insta::assert_snapshot!(said("stack: s\nstate: {}\n"), @r#"
        error[stack::missing-property]: `state` needs one of `bucket`, `path`
         --> stack.yaml:2:1
          |
        2 | state: {}
          | ^^^^^
          |
          = help: add `bucket` or `path`
        "#);
}

#[test]
fn a_state_with_a_typing_error() {
    insta::assert_snapshot!(said("stack: s\nstate: { buckt: states, key: a }\n"), @r#"
        error[stack::missing-property]: `state` needs `bucket`
         --> stack.yaml:2:1
          |
        2 | state: { buckt: states, key: a }
          | ^^^^^
          |
          = help: add `bucket`: The bucket's name

        error[stack::unknown-property]: `state` has no property `buckt`
         --> stack.yaml:2:10
          |
        2 | state: { buckt: states, key: a }
          |          ^^^^^
          |
          = help: did you mean `bucket`?
        "#);
}

#[test]
fn a_sections_own_checks_speak_along_with_the_schema() {
    insta::assert_snapshot!(said("stack: s\nqueues:\n  q: { fifo_queue: true, name: jobs }\n  r: { delay_seconds: 16m }\n"), @r#"
        error[queue::fifo-name]: the name of a FIFO queue ends in `.fifo`
         --> stack.yaml:3:32
          |
        3 |   q: { fifo_queue: true, name: jobs }
          |                                ^^^^
          |
          = help: write `name: jobs.fifo`

        error[stack::out-of-range]: `delay_seconds` cannot be 16m (960 s)
         --> stack.yaml:4:23
          |
        4 |   r: { delay_seconds: 16m }
          |                       ^^^
          |
          = help: allowed is at most 15m (900 s)
        "#);
}

#[test]
fn a_region_has_to_come_from_somewhere() {
    insta::assert_snapshot!(said_with("stack: s\n", &Inputs::default()), @r#"
        error[stack::missing-region]: no region is given
         --> stack.yaml:1:8
          |
        1 | stack: s
          |        ^
          |
          = help: add `region: eu-west-1` or set AWS_REGION
        "#);
}

#[test]
fn a_var_file_is_named_in_its_findings() {
    let file = |text: &str| SourceText::new("prod.yaml", text);
    let inputs = Inputs { var_files: vec![file("a: 1\na: 2\n"), file("b: [1]\nx: 1\n"), file("- 1\n")], ..inputs(&[]) };
    insta::assert_snapshot!(said_with("stack: s\nvars: { b: 1 }\n", &inputs), @r#"
        error[stack::duplicate-key]: prod.yaml:2:1: `a` is given twice: first at 1:1
          = help: keep one of the two

        error[stack::variable]: prod.yaml: `b` is no text, number, true or false
          = help: write `name: value`

        error[stack::unknown-variable]: prod.yaml: the stack has no variable `x`
          = help: did you mean `b`?

        error[stack::variable]: prod.yaml: a map is expected
          = help: write `name: value` lines
        "#);
}

#[test]
fn scripts_get_a_json_object_a_line() {
    let failed = load("stack: s\nqueues:\n  q: { colour: red }\n", &inputs(&["x"])).unwrap_err();
    insta::assert_snapshot!(json(&failed.findings, &failed.source), @r#"
        {"type":"error","code":"stack::variable","message":"--var: `x` has no `=`","file":"stack.yaml","line":null,"column":null,"help":"write `--var NAME=VALUE`"}
        {"type":"error","code":"stack::unknown-property","message":"`q` has no property `colour`","file":"stack.yaml","line":3,"column":8,"help":"it takes `name`, `fifo_queue`, `content_based_deduplication`, `visibility_timeout`, `delay_seconds`, `message_retention_period`, `receive_message_wait_time_seconds`, `maximum_message_size`, `redrive`, `policy`, `kms_master_key_id`, `sqs_managed_sse_enabled`, `protect`, `retain`, `external`, `tags`, `depends_on`"}
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
          = help: it takes `name`, `fifo_queue`, `content_based_deduplication`, `visibility_timeout`, `delay_seconds`, `message_retention_period`, `receive_message_wait_time_seconds`, `maximum_message_size`, `redrive`, `policy`, `kms_master_key_id`, `sqs_managed_sse_enabled`, `protect`, `retain`, `external`, `tags`, `depends_on`
        "#);
}
