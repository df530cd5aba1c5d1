//! Findings about values: names, types, ranges.

use super::super::messages;

#[test]
fn an_unknown_property_names_the_nearest() {
    insta::assert_snapshot!(messages("stack: s\nqueues:\n  q:\n    visibilty_timeout: 30s\n    colour: red\nqueus: {}\n"), @r#"
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
          = help: it takes `name`, `fifo_queue`, `content_based_deduplication`, `visibility_timeout`, `delay_seconds`, `message_retention_period`, `receive_message_wait_time_seconds`, `maximum_message_size`, `redrive`, `policy`, `kms_master_key_id`, `sqs_managed_sse_enabled`, `protect`, `retain`, `external`, `tags`, `depends_on`, `only_in`, `not_in`, `when`

        error[stack::unknown-property]: a stack has no property `queus`
         --> stack.yaml:6:1
          |
        6 | queus: {}
          | ^^^^^
          |
          = help: did you mean `queues`? It is given already: keep one of the two
        "#);
}

#[test]
fn a_wrong_type_says_what_to_write() {
    insta::assert_snapshot!(messages("stack: s\naccount: 123456789012\ntags: [a]\nqueues:\n  q: { fifo_queue: yes, maximum_message_size: \"2048\", depends_on: queues.r, name: 5, redrive: 3, delay_seconds: [1] }\n  r: { fifo_queue: , maximum_message_size: 1.5 }\n  s: text\n"), @r#"
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
          = help: write a map: `{ name: value }`, or indented `name: value` lines (Tags for every resource of the stack)

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
          = help: write a map: `{ name: value }`, or indented `name: value` lines (The dead-letter queue for messages that were received too often)

        error[stack::wrong-type]: `delay_seconds` takes a duration, not a list
         --> stack.yaml:5:113
          |
        5 | ...ds_on: queues.r, name: 5, redrive: 3, delay_seconds: [1] }
          |                                                         ^^^^
          |
          = help: write seconds, or a whole number with a unit: `30`, `30s`, `2m`, `1h`, `4d` (The time that a new message stays hidden)

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
          = help: write a whole number from 1024 to 1048576 (The largest message in bytes)

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
    insta::assert_snapshot!(messages("stack: s\nqueues:\n  q: { visibility_timeout: 13h, maximum_message_size: 12, redrive: { max_receive_count: 0 } }\n"), @r#"
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
    insta::assert_snapshot!(messages("stack: 2fast\nregion: Ireland\nqueues:\n  q: { name: a b, delay_seconds: soon }\n  r: { delay_seconds: -1 }\n"), @r#"
        error[stack::bad-value]: the text `2fast` does not fit `stack`
         --> stack.yaml:1:8
          |
        1 | stack: 2fast
          |        ^^^^^
          |
          = help: begin with letters, go on with letters, digits and `-` only. The stack's name: letters, digits and `-`. Every resource of the stack is tagged with it.

        error[stack::bad-value]: the text `Ireland` does not fit `region`
         --> stack.yaml:2:9
          |
        2 | region: Ireland
          |         ^^^^^^^
          |
          = help: write a region's code, such as `eu-west-1`. The AWS region. Default: AWS_REGION, else AWS_DEFAULT_REGION.

        error[stack::bad-value]: the text `a b` does not fit `name`
         --> stack.yaml:4:14
          |
        4 |   q: { name: a b, delay_seconds: soon }
          |              ^^^
          |
          = help: use only letters, digits, `_` and `-`, with `.fifo` behind them if it is FIFO. The queue's name in AWS. Default: the stack's name and the element's. Names of FIFO queues end in `.fifo`.

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
    insta::assert_snapshot!(messages("queues:\n  q:\n    redrive: {}\n"), @r#"
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
          = help: add `max_receive_count`: How often a message is received before it moves
        "#);
}

#[test]
fn a_long_text_says_how_much_too_long() {
    insta::assert_snapshot!(messages("stack: ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss\nstate: { bucket: ab, key: x }\n"), @r"
    error[stack::too-long]: `stack` has 70 characters; at most 60 fit
     --> stack.yaml:1:8
      |
    1 | stack: ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: shorten it by 10, to at most 60 characters

    error[stack::too-short]: `bucket` has 2 characters; at least 3 are needed
     --> stack.yaml:2:18
      |
    2 | state: { bucket: ab, key: x }
      |                  ^^
      |
      = help: write at least 3 characters
    ");
}

#[test]
fn names_and_tags_have_rules() {
    insta::assert_snapshot!(messages("stack: s\nqueues:\n  \"a b\": { tags: { \"aws:x\": y } }\n  q: { tags: { \"deployer:stack\": y } }\ntags: { \"aws:y\": z }\n"), @r#"
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
      = help: choose a key that does not begin with `deployer:`

    error[stack::reserved-tag]: AWS keeps tags such as `aws:y` for itself
     --> stack.yaml:5:9
      |
    5 | tags: { "aws:y": z }
      |         ^^^^^^^
      |
      = help: choose a key that does not begin with `aws:`
    "#);
}

#[test]
fn a_state_is_a_bucket_or_a_directory() {
    insta::assert_snapshot!(messages("stack: s\nstate: { bucket: states }\n"), @r#"
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
    insta::assert_snapshot!(messages("stack: s\nstate: {}\n"), @r#"
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
    insta::assert_snapshot!(messages("stack: s\nstate: { buckt: states, key: a }\n"), @r#"
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
    insta::assert_snapshot!(messages("stack: s\nqueues:\n  q: { fifo_queue: true, name: jobs }\n  r: { delay_seconds: 16m }\n"), @r#"
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
fn a_runtime_that_lambda_cannot_know_is_refused_and_one_that_it_may_have_is_not() {
    let stack = |runtime: &str| {
        format!("stack: s\nregion: eu-west-1\nfunctions:\n  f: {{ zip: f.zip, handler: a.b, runtime: {runtime} }}\n")
    };
    insta::assert_snapshot!(messages(&stack("nodejs22")), @r"
    error[stack::bad-value]: the text `nodejs22` does not fit `runtime`
     --> stack.yaml:4:43
      |
    4 |   f: { zip: f.zip, handler: a.b, runtime: nodejs22 }
      |                                           ^^^^^^^^
      |
      = help: write `provided.al2023` for an executable, or a runtime such as `nodejs22.x`, `python3.13`, `java21`. Lambda's runtime.
    ");
    for known in ["provided.al2023", "nodejs24.x", "python3.14", "java25", "dotnet10", "ruby3.4"] {
        assert!(!messages(&stack(known)).contains("error"), "{known}");
    }
}

#[test]
fn what_is_meant_is_said_where_the_type_alone_would_mislead() {
    insta::assert_snapshot!(messages("stack: s\nregion: eu-west-1\nqueues:\n  a:{}\nfunctions:\n  f: { zip: f.zip, tracing: true, kms_key_arn: queues.a }\n"), @r"
    error[stack::wrong-type]: `queues` takes a map, not the text `a:{}`
     --> stack.yaml:4:3
      |
    4 |   a:{}
      |   ^^^^
      |
      = help: put a space behind the colon: `a: {}`

    error[stack::wrong-type]: `tracing` takes text, not `true`
     --> stack.yaml:6:29
      |
    6 |   f: { zip: f.zip, tracing: true, kms_key_arn: queues.a }
      |                             ^^^^
      |
      = help: it is one of `Active`, `PassThrough`

    error[stack::bad-value]: `kms_key_arn` takes an ARN, not the text `queues.a`
     --> stack.yaml:6:48
      |
    6 |   f: { zip: f.zip, tracing: true, kms_key_arn: queues.a }
      |                                                ^^^^^^^^
      |
      = help: write a reference: `${queues.a.arn}`
    ");
}
