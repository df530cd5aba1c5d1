//! Checks of an alarm beyond the schema.

use super::{AlarmElement, PRINCIPAL, function};
use crate::spec::finding::Findings;
use crate::spec::sections::Scope;

/// The longest time that all periods cover, in seconds: a day for short periods, a week for periods of an hour and more.
const DAY_S: u64 = 86_400;
const WEEK_S: u64 = 604_800;

pub(super) fn alarm(alarm: &AlarmElement, at: &Scope<'_>, findings: &mut Findings) {
    check_statistic(alarm, at, findings);
    check_period(alarm, at, findings);
    if let Some(datapoints) = alarm.datapoints_to_alarm
        && datapoints > alarm.evaluation_periods
    {
        let periods = alarm.evaluation_periods;
        findings
            .error(
                "alarm::datapoints",
                at.path(["datapoints_to_alarm"]),
                format!("{datapoints} of {periods} periods can never breach"),
            )
            .help(format!("write `datapoints_to_alarm: {periods}` or less, or raise `evaluation_periods`"));
    }
    for (property, actions) in [
        ("alarm_actions", &alarm.alarm_actions),
        ("ok_actions", &alarm.ok_actions),
        ("insufficient_data_actions", &alarm.insufficient_data_actions),
    ] {
        check_actions(property, actions, at, findings);
    }
}

fn check_statistic(alarm: &AlarmElement, at: &Scope<'_>, findings: &mut Findings) {
    match (&alarm.statistic, &alarm.extended_statistic) {
        (None, None) => {
            findings
                .error("alarm::statistic", at.path::<&str>([]), "an alarm needs a statistic")
                .at_key()
                .help("add `statistic: Maximum` (or SampleCount, Average, Sum, Minimum), or `extended_statistic: p99`");
        }
        (Some(_), Some(_)) => {
            findings
                .error("alarm::statistic", at.path(["extended_statistic"]), "an alarm has one statistic, not two")
                .help("remove `statistic` or `extended_statistic`");
        }
        (Some(_), None) if alarm.evaluate_low_sample_count_percentile.is_some() => {
            findings
                .error(
                    "alarm::percentile-only",
                    at.path(["evaluate_low_sample_count_percentile"]),
                    "only alarms on percentiles have this property",
                )
                .help("remove it, or use `extended_statistic`");
        }
        _ => {}
    }
}

fn check_period(alarm: &AlarmElement, at: &Scope<'_>, findings: &mut Findings) {
    let period = alarm.period.0;
    let short = [10, 20, 30].contains(&period);
    if !short && (period == 0 || !period.is_multiple_of(60)) {
        let next = period.div_ceil(60).max(1) * 60;
        findings
            .error("alarm::period", at.path(["period"]), "a period is 10, 20, 30 or a multiple of 60 seconds")
            .help(format!("write `period: {next}s`"));
    } else if short && alarm.namespace.starts_with("AWS/") {
        let namespace = &alarm.namespace;
        findings
            .error(
                "alarm::period-resolution",
                at.path(["period"]),
                format!("{namespace} has one data point a minute: a period of {period} s finds none most of the time"),
            )
            .help("write `period: 60s`");
    }
    let (limit, word) = if period < 3_600 { (DAY_S, "a day") } else { (WEEK_S, "a week") };
    let seen = u64::from(period) * u64::from(alarm.evaluation_periods);
    if period > 0 && seen > limit {
        findings
            .error(
                "alarm::look-back",
                at.path(["evaluation_periods"]),
                format!(
                    "{} periods of {period} s are {seen} s: AWS looks back {word} at most",
                    alarm.evaluation_periods
                ),
            )
            .help(format!("write `evaluation_periods: {}` or less", limit / u64::from(period)));
    }
}

/// Tells whether a text is the ARN of a function, of a version or an alias, or of a resource of a function.
fn is_a_function(action: &str) -> bool {
    let is_literal = action.starts_with("arn:") && action.split(':').nth(2) == Some("lambda");
    is_literal || action.contains("${functions.")
}

/// Checks that actions are ARNs, each once.
fn check_actions(property: &str, actions: &[String], at: &Scope<'_>, findings: &mut Findings) {
    for (index, action) in actions.iter().enumerate() {
        let path = at.path([property.to_owned(), index.to_string()]);
        if actions[..index].contains(action) {
            findings.error("alarm::action-twice", path, "this action is stated twice").help("remove one of them");
        } else if !action.starts_with("arn:") && !action.contains("${") {
            findings
                .error("alarm::action-arn", path, format!("`{action}` is not an ARN"))
                .help(format!("for a topic of this stack write \"${{topics.{action}.arn}}\""));
        } else if is_a_function(action) && function(action).is_none() && !at.common.external {
            findings
                .warning(
                    "alarm::action-permission",
                    path,
                    format!("the alarm is not given the permission to call `{action}`: CloudWatch calls in vain unless the function's own policy allows it"),
                )
                .help(format!("write \"${{functions.NAME.arn}}\" for a function of this stack; any other has to allow `{PRINCIPAL}` `lambda:InvokeFunction`"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{element, with_scope};
    use super::super::{Alarms, Section};
    use super::*;

    fn codes(changes: Value) -> Vec<&'static str> {
        let mut findings = Findings::default();
        with_scope(|at| Alarms::check(&element(changes), at, &mut findings));
        findings.0.into_iter().map(|f| f.code).collect()
    }

    #[test]
    fn each_limit_is_found_at_its_edge_and_not_before() {
        assert!(codes(json!({})).is_empty());
        assert_eq!(codes(json!({"period": 30})), ["alarm::period-resolution"]);
        assert!(codes(json!({"period": 30, "namespace": "Couch"})).is_empty());
        assert_eq!(codes(json!({"period": 90})), ["alarm::period"]);
        assert!(codes(json!({"period": 60, "evaluation_periods": 1_440})).is_empty());
        assert_eq!(codes(json!({"period": 60, "evaluation_periods": 1_441})), ["alarm::look-back"]);
        assert!(codes(json!({"period": "1h", "evaluation_periods": 168})).is_empty());
        assert_eq!(codes(json!({"period": "1h", "evaluation_periods": 169})), ["alarm::look-back"]);
        assert!(codes(json!({"evaluation_periods": 3, "datapoints_to_alarm": 3})).is_empty());
        assert_eq!(codes(json!({"evaluation_periods": 3, "datapoints_to_alarm": 4})), ["alarm::datapoints"]);
        assert_eq!(codes(json!({"alarm_actions": ["alarms"]})), ["alarm::action-arn"]);
        assert_eq!(codes(json!({"ok_actions": ["arn:a", "arn:a"]})), ["alarm::action-twice"]);
    }

    #[test]
    fn exactly_one_statistic() {
        assert_eq!(codes(json!({"statistic": null})), ["alarm::statistic"]);
        assert_eq!(codes(json!({"extended_statistic": "p99"})), ["alarm::statistic"]);
        assert!(codes(json!({"statistic": null, "extended_statistic": "p99"})).is_empty());
        assert_eq!(codes(json!({"evaluate_low_sample_count_percentile": "ignore"})), ["alarm::percentile-only"]);
    }

    #[test]
    fn a_function_that_gets_no_permission_is_doubted() {
        for action in [
            "${functions.fix.arn}:live",
            "arn:aws:lambda:eu-west-1:123456789012:function:fix",
            "arn:${aws.partition}:lambda:${aws.region}:${aws.account_id}:function:${functions.fix.name}",
            "arn:aws:lambda:eu-west-1:123456789012:function:${functions.fix.name}",
        ] {
            assert_eq!(codes(json!({"alarm_actions": [action]})), ["alarm::action-permission"], "{action}");
        }
        let fine = ["${functions.fix.arn}", "${topics.lambda.arn}", "arn:aws:sns:eu-west-1:123456789012:lambda"];
        assert!(codes(json!({"alarm_actions": fine})).is_empty());
    }
}
