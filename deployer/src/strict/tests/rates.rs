//! Rates count requests in the clock's time.

use super::*;

fn alarm() -> Sent {
    let body = json!({"AlarmName": "deep", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"});
    target("monitoring", "GraniteServiceVersion20100801.PutMetricAlarm", &body)
}

fn delete_api(id: &str) -> Sent {
    rest("apigateway", "DELETE", &format!("/restapis/{id}"), &Value::Null)
}

fn create_api(kind: &str) -> Sent {
    rest("apigateway", "POST", "/restapis", &json!({"name": "shop", "endpointConfiguration": {"types": [kind]}}))
}

/// Returns the codes of the answers to a request that is sent so many times at once.
async fn statuses(trial: &Trial, sent: &Sent, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(trial.send_raw(sent, "{}".into()).await.status);
    }
    statuses
}

#[tokio::test]
async fn one_api_is_deleted_in_thirty_seconds_and_both_forms_of_429_come_in_turn() {
    let trial = Trial::new();
    assert_eq!(trial.send_raw(&delete_api("a"), String::new()).await.status, 200);
    for (code, text) in [
        ("TooManyRequestsException", "Too Many Requests"),
        ("LimitExceededException", "The request exceeded the rate limit. Retry after the specified time period."),
        ("TooManyRequestsException", "Too Many Requests"),
    ] {
        let answer = trial.send_raw(&delete_api("b"), String::new()).await;
        assert_eq!((answer.status, &answer.headers["x-amzn-errortype"]), (429, &code.parse().unwrap()));
        assert_eq!((&answer.headers["retry-after"], &answer.json()["message"]), (&"31".parse().unwrap(), &json!(text)));
    }
    trial.pass(29.9);
    assert_eq!(trial.send_raw(&delete_api("b"), String::new()).await.status, 429);
    trial.pass(0.1);
    assert_eq!(trial.send_raw(&delete_api("b"), String::new()).await.status, 200);
}

#[tokio::test]
async fn an_edge_optimized_api_waits_ten_times_longer_than_a_regional_one() {
    let trial = Trial::new();
    assert_eq!(statuses(&trial, &create_api("REGIONAL"), 2).await, [200, 429]);
    assert_eq!(statuses(&trial, &create_api("EDGE"), 2).await, [200, 429]);
    trial.pass(3.0);
    assert_eq!(statuses(&trial, &create_api("REGIONAL"), 1).await, [200]);
    assert_eq!(statuses(&trial, &create_api("EDGE"), 1).await, [429]);
    trial.pass(27.0);
    assert_eq!(statuses(&trial, &create_api("EDGE"), 1).await, [200]);
}

#[tokio::test]
async fn all_management_calls_together_are_forty_at_once_and_ten_a_second() {
    let trial = Trial::new();
    let read = rest("apigateway", "GET", "/restapis/a", &Value::Null);
    let statuses_at_once = statuses(&trial, &read, 41).await;
    assert_eq!((statuses_at_once[39], statuses_at_once[40]), (200, 429));
    trial.pass(1.0);
    let a_second_later = statuses(&trial, &read, 11).await;
    assert_eq!((a_second_later[9], a_second_later[10]), (200, 429));
}

#[tokio::test]
async fn other_documented_rates_of_api_gateway_hold() {
    for (sent, at_once, pause_s) in [
        (rest("apigateway", "POST", "/restapis/a/deployments", &json!({})), 1, 5.0),
        (rest("apigateway", "GET", "/restapis/a/resources", &Value::Null), 5, 0.4),
        (rest("apigateway", "POST", "/restapis/a/resources/r", &json!({"pathPart": "p"})), 6, 0.2),
        (rest("apigateway", "DELETE", "/restapis/a/resources/r", &Value::Null), 6, 0.2),
    ] {
        let trial = Trial::new();
        let mut expected = vec![200; at_once];
        expected.push(429);
        assert_eq!(statuses(&trial, &sent, at_once + 1).await, expected, "{}", sent.path);
        trial.pass(pause_s);
        assert_eq!(statuses(&trial, &sent, 2).await, [200, 429], "{}", sent.path);
    }
}

#[tokio::test]
async fn short_delays_let_rates_return_sooner() {
    let trial = Trial::with(Switches::default().with("api-rates", 1.0));
    assert_eq!(statuses(&trial, &delete_api("a"), 2).await, [200, 429]);
    trial.pass(0.6);
    assert_eq!(statuses(&trial, &delete_api("a"), 2).await, [200, 429]);
}

#[tokio::test]
async fn cloudwatch_takes_three_alarms_a_second_and_one_that_caught_up() {
    let trial = Trial::new();
    assert_eq!(statuses(&trial, &alarm(), 5).await, [200, 200, 200, 200, 400]);
    let (_, body) = trial.send(&alarm(), &json!({})).await;
    assert_eq!((&body["__type"], &body["message"]), (&json!("Throttling"), &json!("Rate exceeded")));
    // A client that sends three a second is never refused.
    trial.pass(2.0);
    for _ in 0..30 {
        trial.pass(1.0 / 3.0);
        assert_eq!(statuses(&trial, &alarm(), 1).await, [200]);
    }
}

#[tokio::test]
async fn lambdas_control_calls_share_a_rate_and_reads_of_functions_have_their_own() {
    let trial = Trial::new();
    let remove = rest("lambda", "DELETE", "/2015-03-31/functions/draw", &Value::Null);
    let list = rest("lambda", "GET", "/2015-03-31/functions", &Value::Null);
    let read = rest("lambda", "GET", "/2015-03-31/functions/draw", &Value::Null);
    let invoke = rest("lambda", "POST", "/2015-03-31/functions/draw/invocations", &json!({}));
    assert!(statuses(&trial, &remove, 10).await.iter().all(|status| *status == 200));
    assert!(statuses(&trial, &list, 8).await.iter().all(|status| *status == 200));
    let answer = trial.send_raw(&list, "{}".into()).await;
    assert_eq!(
        (answer.status, &answer.headers["x-amzn-errortype"]),
        (429, &"TooManyRequestsException".parse().unwrap())
    );
    assert_eq!(answer.headers["retry-after"], "1");
    assert!(statuses(&trial, &read, 100).await.iter().all(|status| *status == 200));
    assert!(statuses(&trial, &invoke, 100).await.iter().all(|status| *status == 200));
}

#[tokio::test]
async fn each_service_refuses_in_its_own_form() {
    let topic = format!("arn%3Aaws%3Asns%3Aeu-west-1%3A{ACCOUNT}%3Aorders");
    let tags = form("sns", &format!("Action=ListTagsForResource&ResourceArn={topic}"));
    let groups = target("logs", "Logs_20140328.CreateLogGroup", &json!({"logGroupName": "a"}));
    let listing = target("tagging", "ResourceGroupsTaggingAPI_20170126.GetResources", &json!({}));
    for (sent, at_once, code) in
        [(tags, 12, "Throttling"), (groups, 12, "ThrottlingException"), (listing, 18, "ThrottledException")]
    {
        let trial = Trial::new();
        let statuses = statuses(&trial, &sent, at_once + 1).await;
        assert_eq!(statuses.iter().position(|status| *status == 400), Some(at_once), "{code}");
        let answer = trial.send_raw(&sent, String::new()).await;
        assert!(answer.xml("Code") == Some(code) || answer.json()["__type"] == code, "{answer:?}");
    }
}
