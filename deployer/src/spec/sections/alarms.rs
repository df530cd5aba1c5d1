//! `alarms:` — CloudWatch alarms, each on one metric.

mod check;
mod lint;
mod uncovered;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::about::{About, Arrow, Draw, OneOf, PictureStyle, Refusals, Shape, Suffix, longest_name};
use super::{Hints, LoweredStack, Resource, Resources, Scope, Section, reference};
use crate::kinds::Kind;
use crate::kinds::cloudwatch_alarm::{Alarm, CloudwatchAlarm};
use crate::kinds::lambda_function::LambdaFunction;
use crate::kinds::lambda_permission::{LambdaPermission, Permission, statement_id};
use crate::kinds::sns_topic::SnsTopic;
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::values::Seconds;

/// Longest name of an alarm, in characters.
const NAME_LENGTH: usize = longest_name::<CloudwatchAlarm>();

/// The alarms section.
pub struct Alarms;

/// A CloudWatch alarm on one metric.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmElement {
    /// The alarm's name in AWS. Default: the stack's name and the element's.
    #[schemars(length(min = 1, max = NAME_LENGTH))]
    pub name: Option<String>,
    /// The steps to take when the alarm goes off.
    #[schemars(length(max = 1_024))]
    pub alarm_description: Option<String>,
    /// The namespace of the metric: `AWS/SQS`, `AWS/Lambda`, or one of your own.
    #[schemars(length(min = 1, max = 255))]
    pub namespace: String,
    /// The metric's name.
    #[schemars(length(min = 1, max = 255))]
    pub metric_name: String,
    /// The dimensions of the metric: `{ QueueName: "${queues.image-requests.name}" }`.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 30))]
    pub dimensions: BTreeMap<String, String>,
    /// The statistic of a period's data points. Either this or `extended_statistic`.
    pub statistic: Option<Statistic>,
    /// A percentile, such as `p99` or `p99.9`, or a trimmed statistic such as `tm90`.
    #[schemars(regex(
        pattern = r"^(p|tm|tc|ts|wm)[0-9]{1,2}(\.[0-9]{1,10})?$|^(p|tm|tc|ts|wm)100$|^(TM|TC|TS|WM|PR)\(.*\)$|^iqm$"
    ))]
    pub extended_statistic: Option<String>,
    /// The length of a period: 10, 20, 30 or a multiple of 60 seconds. Metrics of AWS have one-minute resolution.
    #[schemars(range(min = 10, max = 604_800))]
    pub period: Seconds,
    /// The number of most recent periods that count.
    #[schemars(range(min = 1, max = 60_480))]
    pub evaluation_periods: u32,
    /// How many of these periods have to breach the threshold. Default: all.
    #[schemars(range(min = 1, max = 60_480))]
    pub datapoints_to_alarm: Option<u32>,
    /// The number that the statistic is compared with.
    pub threshold: f64,
    /// How the statistic is compared with the threshold.
    pub comparison_operator: ComparisonOperator,
    /// How a period without data counts. For counts such as errors, write `notBreaching`.
    #[serde(default)]
    pub treat_missing_data: MissingData,
    /// Percentiles only: whether a period with too few data points counts. AWS's default is `evaluate`.
    pub evaluate_low_sample_count_percentile: Option<LowSampleCount>,
    /// The metric's unit. Leave it out: with a wrong unit the alarm never sees data.
    pub unit: Option<Unit>,
    /// Whether the alarm runs its actions.
    #[serde(default = "yes")]
    pub actions_enabled: bool,
    /// ARNs to notify when the alarm goes off, such as `${topics.alarms.arn}`. For a function of this stack the alarm gets
    /// the permission to call it.
    #[serde(default)]
    #[schemars(length(max = 5))]
    pub alarm_actions: Vec<String>,
    /// ARNs to notify when the alarm is over.
    #[serde(default)]
    #[schemars(length(max = 5))]
    pub ok_actions: Vec<String>,
    /// ARNs to notify when there is too little data.
    #[serde(default)]
    #[schemars(length(max = 5))]
    pub insufficient_data_actions: Vec<String>,
}

/// Defines an enum whose values are written as AWS writes them.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$mark:meta])* $value:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$mark])* #[serde(rename = $text)] $value),+ }

        impl $name {
            fn text(self) -> String {
                match self { $(Self::$value => $text),+ }.to_owned()
            }
        }
    };
}

names!(
    /// A statistic of data points.
    Statistic {
        SampleCount = "SampleCount",
        Average = "Average",
        Sum = "Sum",
        Minimum = "Minimum",
        Maximum = "Maximum",
    }
);

names!(
    /// A comparison with the threshold.
    ComparisonOperator {
        GreaterOrEqual = "GreaterThanOrEqualToThreshold",
        Greater = "GreaterThanThreshold",
        Less = "LessThanThreshold",
        LessOrEqual = "LessThanOrEqualToThreshold",
    }
);

names!(
    /// How a period without data counts.
    #[derive(Default)]
    MissingData {
        Breaching = "breaching",
        NotBreaching = "notBreaching",
        Ignore = "ignore",
        #[default]
        Missing = "missing",
    }
);

names!(
    /// Whether a percentile of too few data points counts.
    LowSampleCount { Evaluate = "evaluate", Ignore = "ignore" }
);

names!(
    /// A metric's unit.
    Unit {
        Seconds = "Seconds",
        Microseconds = "Microseconds",
        Milliseconds = "Milliseconds",
        Bytes = "Bytes",
        Kilobytes = "Kilobytes",
        Megabytes = "Megabytes",
        Gigabytes = "Gigabytes",
        Terabytes = "Terabytes",
        Bits = "Bits",
        Kilobits = "Kilobits",
        Megabits = "Megabits",
        Gigabits = "Gigabits",
        Terabits = "Terabits",
        Percent = "Percent",
        Count = "Count",
        BytesPerSecond = "Bytes/Second",
        KilobytesPerSecond = "Kilobytes/Second",
        MegabytesPerSecond = "Megabytes/Second",
        GigabytesPerSecond = "Gigabytes/Second",
        TerabytesPerSecond = "Terabytes/Second",
        BitsPerSecond = "Bits/Second",
        KilobitsPerSecond = "Kilobits/Second",
        MegabitsPerSecond = "Megabits/Second",
        GigabitsPerSecond = "Gigabits/Second",
        TerabitsPerSecond = "Terabits/Second",
        CountPerSecond = "Count/Second",
        None = "None",
    }
);

fn yes() -> bool {
    true
}

/// Draws the arrows between an alarm and a resource that it watches, notifies or does both with.
fn draw_arrows(alarm: &Value, address: &str) -> Vec<Draw> {
    let reference = format!("${{{address}.");
    let is_named = |value: &Value| value.to_string().contains(&reference);
    let notifies =
        ["alarm_actions", "ok_actions", "insufficient_data_actions"].iter().any(|name| is_named(&alarm[name]));
    let watches = is_named(&alarm["dimensions"]);
    match (watches, notifies) {
        (true, true) => vec![Draw::Watches("watched"), Draw::To("alarms")],
        (true, false) => vec![Draw::Watches("watched")],
        (false, true) => vec![Draw::To("alarms")],
        (false, false) => vec![Draw::Uses("")],
    }
}

impl Section for Alarms {
    const ABOUT: &'static About = &About {
        name: "alarms",
        singular: "alarm",
        example: include_str!("examples/alarms.yaml"),
        synonyms: &[
            ("description", "alarm_description"),
            ("metric", "metric_name"),
            ("percentile", "extended_statistic"),
        ],
        uncovered: uncovered::TABLE,
        protected: false,
        suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
        picture: PictureStyle {
            icon: "M12 3 A6 6 0 0 1 18 9 C18 15 20 16 20 17 H4 C4 16 6 15 6 9 A6 6 0 0 1 12 3 M10 20 A2 2 0 0 0 14 20",
            shape: Shape::Hexagon,
            arrows: &[
                Arrow { from: CloudwatchAlarm::NAME, to: Some(SnsTopic::NAME), draw: Draw::To("alarms") },
                Arrow { from: CloudwatchAlarm::NAME, to: None, draw: Draw::ByUse(draw_arrows) },
                Arrow { from: LambdaPermission::NAME, to: Some(LambdaFunction::NAME), draw: Draw::Nothing },
            ],
        },
        one_of: &[OneOf { map: None, names: &["statistic", "extended_statistic"] }],
        key: None,
        usage: None,
        refusals: Refusals { operations: &[], codes: &[], words: &[("alarm_name", &["name"])], parts: &[] },
    };
    type Element = AlarmElement;

    fn check(alarm: &AlarmElement, at: &Scope<'_>, findings: &mut Findings) {
        check::alarm(alarm, at, findings);
    }

    fn lower(element: AlarmElement, at: &Scope<'_>, out: &mut LoweredStack) {
        let sorted = |mut actions: Vec<String>| {
            actions.sort();
            actions
        };
        let alarm = Alarm {
            alarm_name: element.name.unwrap_or_else(|| at.default_name()),
            alarm_description: element.alarm_description.filter(|text| !text.is_empty()),
            namespace: element.namespace,
            metric_name: element.metric_name,
            dimensions: element.dimensions,
            statistic: element.statistic.map(Statistic::text),
            extended_statistic: element.extended_statistic,
            period: element.period.0,
            evaluation_periods: element.evaluation_periods,
            datapoints_to_alarm: element.datapoints_to_alarm.unwrap_or(element.evaluation_periods),
            threshold: element.threshold,
            comparison_operator: element.comparison_operator.text(),
            treat_missing_data: element.treat_missing_data.text(),
            evaluate_low_sample_count_percentile: element
                .evaluate_low_sample_count_percentile
                .map(LowSampleCount::text),
            unit: element.unit.map(Unit::text),
            actions_enabled: element.actions_enabled,
            alarm_actions: sorted(element.alarm_actions),
            ok_actions: sorted(element.ok_actions),
            insufficient_data_actions: sorted(element.insufficient_data_actions),
            tags: at.tags(&at.element()),
        };
        let permissions = if at.common.external { Vec::new() } else { lower_permissions(&alarm, at, out) };
        out.add::<CloudwatchAlarm>(at, at.element(), &alarm).depends_on.extend(permissions);
    }

    fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
        if resource.kind == CloudwatchAlarm::NAME {
            lint::topic_key(document, all, resource, findings);
        }
    }

    fn hints(hints: &mut Hints<'_>) {
        // Texts such as `5m` are left to the checker.
        let odd = json!([{ "type": "integer" }, { "not": { "enum": [10, 20, 30] } }, { "not": { "multipleOf": 60 } }]);
        hints.property("period", "not", json!({ "allOf": odd }));
    }
}

/// Adds the permissions to call the functions of this stack that are actions of the alarm, and returns their addresses.
/// They exist before the alarm, because CloudWatch does not repeat a refused call.
fn lower_permissions(alarm: &Alarm, at: &Scope<'_>, out: &mut LoweredStack) -> Vec<String> {
    let actions = [&alarm.alarm_actions, &alarm.ok_actions, &alarm.insufficient_data_actions];
    let functions: BTreeSet<String> =
        actions.into_iter().flatten().filter_map(|action| function(action)).map(str::to_owned).collect();
    // A reference would be a circle: the alarm waits for its permissions.
    let arn =
        format!("arn:${{aws.partition}}:cloudwatch:${{aws.region}}:${{aws.account_id}}:alarm:{}", alarm.alarm_name);
    let lower = |function: String| {
        let function_name = reference(&function, "name");
        let permission = Permission {
            statement_id: statement_id(&function_name, PRINCIPAL, &reference(&at.element(), "arn")),
            function_name,
            action: "lambda:InvokeFunction".to_owned(),
            principal: PRINCIPAL.to_owned(),
            source_arn: Some(arn.clone()),
            source_account: Some("${aws.account_id}".to_owned()),
            ..Permission::default()
        };
        let address = at.part(&format!("permission[{function}]"));
        out.add::<LambdaPermission>(at, address.clone(), &permission);
        address
    };
    functions.into_iter().map(lower).collect()
}

/// Returns the address of the function of this stack that an action refers to.
fn function(action: &str) -> Option<&str> {
    let address = action.strip_prefix("${")?.strip_suffix(".arn}")?;
    let name = address.strip_prefix("functions.")?;
    (!name.contains(['$', '}'])).then_some(address)
}

/// The service that calls an alarm's functions.
const PRINCIPAL: &str = "lambda.alarms.cloudwatch.amazonaws.com";

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::spec::secrets::Secrets;
    use crate::spec::sections::Common;

    pub(super) fn element(changes: Value) -> AlarmElement {
        let mut alarm = json!({
            "namespace": "AWS/SQS", "metric_name": "ApproximateAgeOfOldestMessage", "statistic": "Maximum",
            "dimensions": { "QueueName": "${queues.q.name}" }, "comparison_operator": "GreaterThanThreshold",
            "threshold": 30, "period": "60s", "evaluation_periods": 1, "alarm_actions": ["${topics.alarms.arn}"],
        });
        for (key, value) in changes.as_object().unwrap() {
            alarm[key] = value.clone();
        }
        serde_json::from_value(alarm).unwrap()
    }

    pub(super) fn with_scope<T>(run: impl FnOnce(&Scope<'_>) -> T) -> T {
        let (common, tags) = (Common::default(), Default::default());
        run(&Scope {
            is_preview: false,
            stack: "couch",
            section: "alarms",
            name: "age",
            common: &common,
            stack_tags: &tags,
            secrets: &Secrets::default(),
        })
    }

    #[test]
    fn what_is_left_out_is_stated_as_awss_default() {
        let mut out = LoweredStack::default();
        with_scope(|at| Alarms::lower(element(json!({"evaluation_periods": 3})), at, &mut out));
        let spec = &out.resources[0].spec;
        assert_eq!(out.resources[0].address, "alarms.age");
        assert_eq!(spec["alarm_name"], "couch-age");
        assert_eq!(spec["datapoints_to_alarm"], 3);
        assert_eq!(spec["treat_missing_data"], "missing");
        assert_eq!(spec["actions_enabled"], true);
        assert_eq!(spec["dimensions"]["QueueName"], "${queues.q.name}");
        assert_eq!(spec["tags"]["deployer:address"], "alarms.age");
    }

    #[test]
    fn an_alarm_may_call_the_functions_of_the_stack_that_it_names_before_it_rings() {
        let mut out = LoweredStack::default();
        let fix = "${functions.fix.arn}";
        let of_others = "arn:aws:lambda:eu-west-1:1:function:f";
        let actions = json!({ "alarm_actions": [fix, of_others, "${topics.alarms.arn}"], "ok_actions": [fix] });
        with_scope(|at| Alarms::lower(element(actions), at, &mut out));
        let [permission, alarm] = &out.resources[..] else { panic!("{:?}", out.resources) };
        assert_eq!(permission.address, "alarms.age.permission[functions.fix]");
        assert_eq!(permission.spec["function_name"], "${functions.fix.name}");
        assert_eq!(permission.spec["principal"], "lambda.alarms.cloudwatch.amazonaws.com");
        let arn = "arn:${aws.partition}:cloudwatch:${aws.region}:${aws.account_id}:alarm:couch-age";
        assert_eq!(permission.spec["source_arn"], arn);
        assert_eq!(permission.spec["source_account"], "${aws.account_id}");
        assert!(alarm.depends_on.contains(&permission.address));
    }
}
