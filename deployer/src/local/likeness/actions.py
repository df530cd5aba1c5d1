"""The actions of an alarm: topics that it notifies and functions that it invokes, if their policies allow it.

The alarm's history has the result of each action, as on AWS.
"""

import logging
import time
from datetime import datetime, timezone

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, lambda_svc, sns

from . import grants, rules
from .topics import refusal_of_function

logger = logging.getLogger("deployer.delivery")

TO_TOPICS = "cloudwatch.amazonaws.com"
TO_FUNCTIONS = "lambda.alarms.cloudwatch.amazonaws.com"
ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}

dispatch = cloudwatch._dispatch_alarm_actions


def refusal_of_topic(topic_arn, alarm_arn):
    """Why an alarm may not notify a topic, or None."""
    topic = sns._topic_by_arn_any_scope(topic_arn)
    if topic is None:
        return "Topic does not exist"
    attributes = topic["attributes"]
    if not grants.service_may(attributes.get("Policy"), TO_TOPICS, "sns:Publish", topic_arn, alarm_arn):
        return (f"Resource: {alarm_arn} is not authorized to perform: SNS:Publish on resource: {topic_arn} "
                "because no resource-based policy allows the SNS:Publish action")
    if not grants.service_may_use_key(attributes.get("KmsMasterKeyId"), TO_TOPICS, alarm_arn):
        return "null (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException)"
    return None


def act(alarm, before, state, reason):
    """Carries out the actions of an alarm's new state."""
    actions = ACTIONS.get(state)
    if not alarm.get("ActionsEnabled", True) or actions is None:
        return
    for action in alarm.get(actions) or []:
        if action.startswith("arn:aws:sns:") and rules.on("alarm-to-topic"):
            refusal = refusal_of_topic(action, alarm["AlarmArn"])
            record(alarm, action, refusal)
        elif action.startswith("arn:aws:lambda:") and rules.on("alarm-to-function"):
            refusal = refusal_of_function(action, TO_FUNCTIONS, alarm["AlarmArn"])
            record(alarm, action, refusal)
            if refusal is None:
                invoke(action, event(alarm, before, state, reason))
            continue
        else:
            refusal = None
        if refusal is None:
            dispatch({**alarm, actions: [action]}, before, state, reason)


def record(alarm, action, refusal):
    """Adds the result of an action to the alarm's history."""
    if refusal is None:
        summary = f"Successfully executed action {action}"
    else:
        summary = f'Failed to execute action {action}. Received error: "{refusal}"'
        logger.warning("alarm %s: %s", alarm["AlarmName"], summary)
    cloudwatch._record_history(alarm["AlarmName"], alarm["StateValue"], alarm["StateValue"], summary)
    cloudwatch._history_entries()[-1].update(HistoryItemType="Action", HistorySummary=summary)


def invoke(function_arn, event):
    function, config, _ = lambda_svc._get_func_record_for_ref(function_arn)
    if function is not None:
        lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), event)


def event(alarm, before, state, reason):
    """What a function gets from an alarm."""
    now = datetime.fromtimestamp(time.time(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm.get("Dimensions") or []}
    metric = {"namespace": alarm.get("Namespace"), "name": alarm.get("MetricName"), "dimensions": dimensions}
    stat = {"metric": metric, "period": alarm.get("Period"), "stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic")}
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": get_account_id(),
        "time": now,
        "region": get_region(),
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": {"value": state, "reason": reason, "timestamp": now},
            "previousState": {"value": before},
            "configuration": {
                "description": alarm.get("AlarmDescription"),
                "metrics": [{"id": "m1", "metricStat": stat, "returnData": True}],
            },
        },
    }


if rules.on("alarm-to-topic") or rules.on("alarm-to-function"):
    cloudwatch._dispatch_alarm_actions = act
