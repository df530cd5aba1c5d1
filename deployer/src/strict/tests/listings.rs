//! Listings and reads lag behind.

use super::*;

fn listing(input: &Value) -> Sent {
    target("tagging", "ResourceGroupsTaggingAPI_20170126.GetResources", input)
}

fn queue(call: &str) -> Sent {
    let url = format!("http://127.0.0.1/{ACCOUNT}/orders");
    let input = json!({"QueueName": "orders", "QueueUrl": url, "tags": {"deployer:stack": "shop"}});
    target("sqs", &format!("AmazonSQS.{call}"), &input)
}

/// Lists resources of which the emulator has `live`, and returns their names.
async fn listed(trial: &Trial, input: &Value, live: &[&str]) -> Vec<String> {
    let live: Vec<_> = live
        .iter()
        .map(|name| {
            let tags = json!([{"Key": "deployer:stack", "Value": "shop"}]);
            json!({"ResourceARN": format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}"), "Tags": tags})
        })
        .collect();
    let body = json!({"ResourceTagMappingList": live, "PaginationToken": ""});
    let (_, body) = trial.send(&listing(input), &body).await;
    let list = body["ResourceTagMappingList"].as_array().expect("a list").clone();
    list.iter().map(|one| call::last(one["ResourceARN"].as_str().expect("an ARN")).to_owned()).collect()
}

#[tokio::test]
async fn the_listing_of_tags_is_thirty_seconds_old() {
    let trial = Trial::new();
    let all = json!({});
    trial.send(&queue("CreateQueue"), &json!({})).await;
    assert_eq!(listed(&trial, &all, &["orders", "letters"]).await, ["letters"]);
    trial.pass(30.0);
    assert_eq!(listed(&trial, &all, &["orders", "letters"]).await, ["orders", "letters"]);
    // A create that finds the queue makes it no newer.
    trial.send(&queue("CreateQueue"), &json!({})).await;
    assert_eq!(listed(&trial, &all, &["orders", "letters"]).await, ["orders", "letters"]);
    trial.send(&queue("DeleteQueue"), &json!({})).await;
    assert_eq!(listed(&trial, &all, &["letters"]).await, ["letters", "orders"]);
    trial.pass(30.0);
    assert_eq!(listed(&trial, &all, &["letters"]).await, ["letters"]);
}

#[tokio::test]
async fn a_deleted_resource_is_listed_only_where_the_filters_ask_for_it() {
    let trial = Trial::new();
    trial.send(&queue("CreateQueue"), &json!({})).await;
    trial.pass(30.0);
    trial.send(&queue("DeleteQueue"), &json!({})).await;
    let filter = |key: &str, values: &Value| json!({"TagFilters": [{"Key": key, "Values": values}]});
    for (input, shown) in [
        (filter("deployer:stack", &json!(["shop"])), true),
        (filter("deployer:stack", &json!([])), true),
        (filter("deployer:stack", &json!(["other"])), false),
        (filter("team", &json!([])), false),
        (json!({"ResourceTypeFilters": ["sqs"]}), true),
        (json!({"ResourceTypeFilters": ["lambda:function"]}), false),
        (json!({"ResourceARNList": [format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:orders")]}), true),
        (json!({"ResourceARNList": [format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:letters")]}), false),
    ] {
        assert_eq!(listed(&trial, &input, &[]).await.is_empty(), !shown, "{input}");
    }
}

#[tokio::test]
async fn a_resource_that_was_created_and_deleted_within_the_lag_is_never_listed() {
    let trial = Trial::new();
    trial.send(&queue("CreateQueue"), &json!({})).await;
    trial.pass(10.0);
    trial.send(&queue("DeleteQueue"), &json!({})).await;
    assert!(listed(&trial, &json!({}), &[]).await.is_empty());
}

#[tokio::test]
async fn an_apis_stages_stay_listed_with_it() {
    let trial = Trial::new();
    let (api, stage) =
        ("arn:aws:apigateway:eu-west-1::/restapis/a1", "arn:aws:apigateway:eu-west-1::/restapis/a1/stages/Prod");
    let live = [api, stage].map(|arn| json!({"ResourceARN": arn, "Tags": []}));
    let body = json!({"ResourceTagMappingList": live});
    trial.send(&listing(&json!({})), &body).await;
    trial.send(&rest("apigateway", "DELETE", "/restapis/a1", &Value::Null), &json!({})).await;
    let (_, body) = trial.send(&listing(&json!({})), &json!({"ResourceTagMappingList": []})).await;
    assert_eq!(body["ResourceTagMappingList"], json!(live));
}

#[tokio::test]
async fn every_second_read_of_a_new_role_finds_none() {
    let trial = Trial::new();
    let read = form("iam", "Action=GetRole&RoleName=draw");
    let status = async || trial.send_raw(&read, String::new()).await.status;
    assert_eq!(status().await, 200);
    trial.send(&create_role("draw"), &Value::Null).await;
    assert_eq!([status().await, status().await, status().await], [404, 200, 404]);
    let answer = trial.send_raw(&form("iam", "Action=ListRolePolicies&RoleName=draw"), String::new()).await;
    assert_eq!(answer.status, 200);
    trial.pass(2.0);
    assert_eq!(status().await, 200);
}

fn topic_answer(call: &str, inner: &str) -> String {
    format!("<{call}Response><{call}Result>{inner}</{call}Result></{call}Response>")
}

fn create_topic(more: &str) -> Sent {
    form("sns", &format!("Action=CreateTopic&Name=alarms{more}"))
}

#[tokio::test]
async fn a_topic_that_exists_is_created_again_only_with_its_own_attributes_and_tags() {
    let trial = Trial::new();
    let attributes = "<Attributes><entry><key>DisplayName</key><value>Shop</value></entry></Attributes>";
    trial.knows("Action=GetTopicAttributes", 200, topic_answer("GetTopicAttributes", attributes));
    let tags = "<Tags><member><Key>team</Key><Value>red</Value></member></Tags>";
    trial.knows("Action=ListTagsForResource", 200, topic_answer("ListTagsForResource", tags));
    let named = |value: &str| format!("&Attributes.entry.1.key=DisplayName&Attributes.entry.1.value={value}");
    let tagged = |value: &str| format!("&Tags.member.1.Key=team&Tags.member.1.Value={value}");
    for (more, reason) in [
        (named("Store"), Some("Invalid parameter: Attributes Reason: Topic already exists with different attributes")),
        (tagged("blue"), Some("Invalid parameter: Tags Reason: Topic already exists with different tags")),
        (named("Shop"), None),
        (tagged("red"), None),
        (String::new(), None),
        ("&Attributes.entry.1.key=TracingConfig&Attributes.entry.1.value=PassThrough".to_owned(), None),
    ] {
        let answer = trial.send_raw(&create_topic(&more), String::new()).await;
        assert_eq!(answer.xml("Message"), reason, "{more}");
        assert_eq!(answer.xml("Code"), reason.map(|_| "InvalidParameter"), "{more}");
    }
    // The emulator has no topic, or does not tell.
    let answer = Trial::new().send_raw(&create_topic(&named("Store")), String::new()).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn an_alarm_that_exists_keeps_its_tags() {
    let trial = Trial::new();
    let tags = |team: &str| json!({"Tags": [{"Key": "team", "Value": team}, {"Key": team, "Value": ""}]});
    let put = target(
        "monitoring",
        "GraniteServiceVersion20100801.PutMetricAlarm",
        &json!({"AlarmName": "deep", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold",
            "Tags": tags("blue")["Tags"]}),
    );
    trial.knows("DescribeAlarms", 200, json!({"MetricAlarms": []}));
    for call in ["UntagResource", "TagResource"] {
        trial.knows(call, 200, "{}");
    }
    // The emulator speaks JSON alone.
    trial.knows("/operation/", 400, "{}");
    assert_eq!(trial.send(&put, &json!({})).await.0, 200);
    assert_eq!((trial.asked("UntagResource"), trial.asked("TagResource")), (0, 0), "a new alarm gets its tags");
    trial.knows("DescribeAlarms", 200, json!({"MetricAlarms": [{"AlarmName": "deep"}]}));
    trial.knows("ListTagsForResource", 200, tags("red"));
    let answer = trial.forward(&put, async || {
        trial.knows("ListTagsForResource", 200, tags("blue"));
        (200, "{}".to_owned())
    });
    assert_eq!(answer.await.status, 200);
    assert_eq!((trial.asked("UntagResource"), trial.asked("TagResource")), (1, 1));
}

#[tokio::test]
async fn a_topic_takes_no_tags_right_after_one_of_its_name_was_deleted() {
    let trial = Trial::new();
    let topic = format!("arn%3Aaws%3Asns%3Aeu-west-1%3A{ACCOUNT}%3Aalarms");
    trial.send_raw(&form("sns", &format!("Action=DeleteTopic&TopicArn={topic}")), String::new()).await;
    let tagged = create_topic("&Tags.member.1.Key=team&Tags.member.1.Value=red");
    assert_eq!(trial.send_raw(&tagged, String::new()).await.xml("Code"), Some("StaleTag"));
    assert_eq!(trial.send_raw(&create_topic(""), String::new()).await.status, 200);
    trial.pass(5.0);
    assert_eq!(trial.send_raw(&tagged, String::new()).await.status, 200);
}
