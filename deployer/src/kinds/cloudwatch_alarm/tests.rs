use super::*;
use crate::aws::owner::Foreign;
use crate::aws::played;

#[tokio::test]
async fn an_alarm_that_another_stack_has_taken_stays_while_others_go() {
    let tags = |stack: &str| {
        let mut body = aws_smithy_cbor::Encoder::new(Vec::new());
        body.map(1).str("Tags").array(1).map(2).str("Key").str("deployer:stack").str("Value").str(stack);
        played::cbor(&body.into_writer())
    };
    let aws = played::answering_to(vec![
        ("alarm:age", tags("couch")),
        ("alarm:depth", tags("shop")),
        ("AlarmNames", played::cbor(&[])),
        ("alarm:depth", tags("shop")),
    ])
    .await;
    let gone = ["age", "depth"].map(|name| {
        tagged::trust_listing(&aws, &arn(name, &aws.place));
        let recorded = Tags::from([(tags::STACK.to_owned(), "couch".to_owned())]);
        aws.run.record(CloudwatchAlarm::NAME, &[name], name, Some(recorded));
        let alarm = Alarm { alarm_name: name.into(), ..Alarm::default() };
        ObservedResource::new(name, alarm, Outputs::new())
    });
    let [age, depth] = gone.each_ref().map(|live| CloudwatchAlarm::delete(&aws, live));
    let (age, depth) = tokio::join!(age, depth);
    age.expect("deleted");
    assert!(
        matches!(depth.expect_err("another stack's"), AwsError::Foreign { owner: Foreign::OtherStack { stack }, .. } if stack == "shop")
    );
    assert_eq!(aws.calls(), (3, 1));
}

#[test]
fn a_percentile_is_sent_without_a_statistic_and_read_back_the_same() {
    let config = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::v2026_01_12());
    let config = config.region(aws_config::Region::from_static("eu-west-1")).build();
    let client = aws_sdk_cloudwatch::Client::new(&config);
    let want = Alarm {
        alarm_name: "age".into(),
        extended_statistic: Some("p99".into()),
        evaluate_low_sample_count_percentile: Some("ignore".into()),
        period: 60,
        evaluation_periods: 1,
        datapoints_to_alarm: 1,
        treat_missing_data: "missing".into(),
        comparison_operator: "GreaterThanThreshold".into(),
        actions_enabled: true,
        ..Alarm::default()
    };
    let sent = put(&client, &want);
    let sent = sent.as_input();
    assert_eq!(sent.get_statistic(), &None);
    let live = MetricAlarm::builder()
        .set_extended_statistic(sent.get_extended_statistic().clone())
        .set_evaluate_low_sample_count_percentile(sent.get_evaluate_low_sample_count_percentile().clone())
        .set_comparison_operator(sent.get_comparison_operator().clone())
        .set_period(*sent.get_period())
        .set_evaluation_periods(*sent.get_evaluation_periods())
        .build();
    assert_eq!(to_spec("age", live, Tags::new()).unwrap(), want);
}

#[test]
fn beside_a_percentile_no_statistic_is_read() {
    let live = MetricAlarm::builder().evaluation_periods(1).statistic(Statistic::Average);
    let alarm = to_spec("age", live.extended_statistic("p99").build(), Tags::new()).unwrap();
    assert_eq!((alarm.statistic, alarm.extended_statistic.as_deref()), (None, Some("p99")));
}

#[test]
fn what_aws_leaves_out_reads_as_its_documented_default() {
    let live = MetricAlarm::builder().evaluation_periods(3).unit(StandardUnit::Seconds).build();
    let alarm = to_spec("age", live, Tags::new()).unwrap();
    assert_eq!(alarm.datapoints_to_alarm, 3);
    assert_eq!(alarm.treat_missing_data, "missing");
    assert!(alarm.actions_enabled);
    assert_eq!(alarm.unit.as_deref(), Some("Seconds"));
}

#[test]
fn an_alarm_without_evaluation_periods_is_not_taken_for_one() {
    assert!(to_spec("age", MetricAlarm::builder().build(), Tags::new()).is_err());
}
