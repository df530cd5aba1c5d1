//! Findings about variables, secrets and references.

use super::super::{inputs, messages, messages_with};
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

#[test]
fn variables_from_nowhere_are_findings() {
    insta::assert_snapshot!(messages_with("stack: s-${vars.nmae}\nvars:\n  name: x\n  mail: { description: who gets alarms }\n  odd: { default: 1, allowed: [2, 3] }\n  shape: { default: abc, pattern: \"[0-9]+\" }\n  both: { required: true, default: 1 }\n  wrong: { defualt: 1 }\ntags: { a: \"${vars.wrong} ${vars.mail}\" }\n", &inputs(&["nmae=1", "novalue"])), @r#"
        error[stack::unknown-variable]: --var: the stack has no variable `nmae`
          = help: did you mean `name`?

        error[stack::variable]: value 2 of `--var` has no `=`
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
         --> stack.yaml:5:19
          |
        5 |   odd: { default: 1, allowed: [2, 3] }
          |                   ^
          |
          = help: it is one of `2`, `3`

        error[stack::bad-value]: `abc` does not fit `shape`
         --> stack.yaml:6:21
          |
        6 |   shape: { default: abc, pattern: "[0-9]+" }
          |                     ^^^
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
    insta::assert_snapshot!(messages("stack: s\nvars: { a: \"${vars.b}\", b: \"x${vars.c}\", c: \"${vars.a}\" }\n"), @r#"
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
    insta::assert_snapshot!(messages("stack: ${queues.q.name}\nqueues:\n  q: { delay_seconds: \"${queues.r.arn}\", maximum_message_size: \"${aws.account_id}\" }\n  r: {}\n"), @r#"
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
    insta::assert_snapshot!(messages("stack: s\nqueues:\n  q: { name: \"${HOME}\", kms_master_key_id: \"${queues.r\" }\n  r: { name: \"${queues.q}\", kms_master_key_id: \"${env.KEY}\" }\n"), @r#"
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
fn secrets_in_the_file_and_short_ones_are_warned_of() {
    insta::assert_snapshot!(messages("stack: s\nvars: { a: { secret: true, default: abcd } }\n"), @r#"
        warning[stack::short-secret]: the secret `a` is shorter than 6 bytes, so it may be masked in other texts, and its encoded forms are not
         --> stack.yaml:2:12
          |
        2 | vars: { a: { secret: true, default: **** } }
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: use a longer secret

        warning[stack::secret-default]: the secret `a` stands in the file for all to read
         --> stack.yaml:2:37
          |
        2 | vars: { a: { secret: true, default: **** } }
          |                                     ^^^^
          |
          = help: remove the default and set DEPLOYER_VAR_a
        "#);
}

#[test]
fn a_secret_of_three_bytes_is_refused() {
    insta::assert_snapshot!(messages_with("stack: s\nvars: { a: { secret: true }, b: { secret: true }, c: { secret: true } }\n", &inputs(&["a=x-y", "b=", "c=a-real-secret"])), @"
        error[stack::tiny-secret]: the secret `a` is shorter than 4 bytes: it is guessed at once, and it is a part of too many other texts to be masked
         --> stack.yaml:2:12
          |
        2 | vars: { a: { secret: true }, b: { secret: true }, c: { secret: true } }
          |            ^^^^^^^^^^^^^^^^
          |
          = help: use a longer secret, or drop `secret: true`

        warning[stack::short-secret]: the secret `b` is shorter than 6 bytes, so it may be masked in other texts, and its encoded forms are not
         --> stack.yaml:2:33
          |
        2 | vars: { a: { secret: true }, b: { secret: true }, c: { secret: true } }
          |                                 ^^^^^^^^^^^^^^^^
          |
          = help: use a longer secret
        ");
}

#[test]
fn a_region_has_to_come_from_somewhere() {
    insta::assert_snapshot!(messages_with("stack: s\n", &Inputs::default()), @r#"
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
    insta::assert_snapshot!(messages_with("stack: s\nvars: { b: 1 }\n", &inputs), @r#"
        error[stack::duplicate-key]: prod.yaml:2:1: `a` is given twice: first at 1:1
          = help: keep one of the two

        error[stack::variable]: prod.yaml:1:1: `b` is no text, number, true or false
          = help: write `name: value`

        error[stack::unknown-variable]: prod.yaml:2:1: the stack has no variable `x`
          = help: did you mean `b`?

        error[stack::variable]: prod.yaml: a map is expected
          = help: write `name: value` lines
        "#);
}
