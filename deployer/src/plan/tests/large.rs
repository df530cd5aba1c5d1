//! A large stack. `cargo xtask bench instructions` counts the processor's instructions while these tests check it and plan it.

use super::World;
use super::world::Stack;
use crate::pipeline;
use crate::plan::{Goal, Selection};
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

/// Each is six resources: queue, log group, role, function, mapping, alarm.
const COPIES: usize = 40;

fn stack() -> String {
    let all = |copy: &dyn Fn(usize) -> String| (0..COPIES).map(copy).collect::<String>();
    let queues = all(&|i| format!("  q{i}: {{ visibility_timeout: 150s }}\n"));
    let functions = all(&|i| {
        format!(
            "  f{i}: {{ zip: f.zip, memory_size: 512, timeout: 25s, environment: {{ NUMBER: {i} }}, \
             permissions: [ {{ allow: s3:PutObject, on: 'arn:aws:s3:::pictures/{i}/*' }} ], events: [ {{ queue: q{i}, batch_size: 5 }} ] }}\n"
        )
    });
    let alarms = all(&|i| {
        format!(
            "  a{i}: {{ namespace: AWS/SQS, metric_name: ApproximateAgeOfOldestMessage, statistic: Maximum, period: 60s, \
             dimensions: {{ QueueName: '${{queues.q{i}.name}}' }}, comparison_operator: GreaterThanThreshold, threshold: 30, \
             evaluation_periods: 1 }}\n"
        )
    });
    format!("stack: large\nregion: eu-west-1\nqueues:\n{queues}functions:\n{functions}alarms:\n{alarms}")
}

#[test]
fn a_large_stack_is_checked() {
    let source = SourceText::new("stack.yaml", stack());
    let loaded = pipeline::check(source, &Inputs::default()).unwrap_or_else(|failure| panic!("{failure:?}"));
    assert_eq!(loaded.graph.nodes().count(), 6 * COPIES);
}

#[test]
fn a_large_stack_has_nothing_to_do_after_apply() {
    let text = stack();
    let stack = Stack::of(&text, &[]);
    let plan = World::applied(&text).plan(&stack, Goal::Apply, &Selection::default()).unwrap();
    assert!(!plan.has_changes());
}
