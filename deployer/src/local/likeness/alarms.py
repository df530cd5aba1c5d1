"""Alarms that ring: queues publish metrics, and alarms are evaluated by dimensions, periods and missing data.

This happens every few seconds, and before an answer that shows alarms or metrics, so that a reader never sees an older state.
"""

import asyncio
import logging
import time

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch, sqs

from . import judgement, rules

logger = logging.getLogger("deployer.alarms")

EVERY_S = 5
# SQS publishes one value a minute.
MINUTE_S = 60
# The longest span that an alarm looks at is a day.
KEPT_S = 26 * 3600
QUEUES = "AWS/SQS"
set_alarm_state = cloudwatch._set_alarm_state
# When somebody set the state of an alarm, by its account, region and name. CloudWatch evaluates an alarm every minute.
set_at = {}
COUNTS = {
    "ApproximateNumberOfMessagesVisible": "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}


def publish(now):
    """Publishes the metrics of the queues that have messages or alarms, as SQS does for active queues."""
    watched = {
        dimension.get("Value")
        for alarm in cloudwatch._alarms.values() if alarm.get("Namespace") == QUEUES
        for dimension in alarm.get("Dimensions") or []
    }
    for url, queue in sqs._queues.items():
        name = url.rstrip("/").rpartition("/")[2]
        if not queue["messages"] and name not in watched:
            continue
        sqs._refresh_counts(queue)
        for metric, attribute in COUNTS.items():
            put(name, metric, float(queue["attributes"][attribute]), "Count", now)
        sent = [message.get("enqueued_at", message["sent_at"]) for message in queue["messages"]]
        put(name, "ApproximateAgeOfOldestMessage", float(int(now - min(sent))) if sent else 0.0, "Seconds", now)


def put(queue, metric, value, unit, now):
    """Sets a metric's value of this minute: SQS publishes one a minute, so a sum counts it once."""
    dimensions = {"QueueName": queue}
    key = (QUEUES, metric, cloudwatch._dims_key(dimensions))
    points = cloudwatch._metric_bucket(key)
    if points and points[-1]["Timestamp"] >= now // MINUTE_S * MINUTE_S:
        points.pop()
    points.append({"Timestamp": now, "Value": value, "Unit": unit, "Dimensions": dimensions})
    while points[0]["Timestamp"] < now - KEPT_S:
        points.pop(0)


def values(alarm, now):
    """The alarm's statistic in each period, newest first."""
    dimensions = cloudwatch._dims_from_list(alarm.get("Dimensions") or [])
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))
    period = alarm.get("Period") or MINUTE_S
    points = {}
    for point in cloudwatch._metrics.get(key) or []:
        points.setdefault(int(point["Timestamp"] // period), []).append(point)
    newest = int(now // period)
    return [statistic(alarm, points.get(newest - ago)) for ago in range(judgement.periods_to_read(alarm))]


def statistic(alarm, points):
    if not points:
        return None
    name = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    return cloudwatch._stat_value(cloudwatch._calc_stats(points), name, points)


def evaluate(alarm):
    """Evaluates an alarm and notifies its topics when its state changes."""
    # Neither metric mathematics nor anomaly detection is evaluated.
    if not alarm.get("MetricName") or alarm.get("ComparisonOperator") not in judgement.COMPARISONS:
        return
    now = time.time()
    if now < set_at.get(key_of(alarm["AlarmName"]), 0) + MINUTE_S:
        return
    judged = judgement.judge(alarm, values(alarm, now))
    before = alarm["StateValue"]
    if judged is None or judged[0] == before:
        return
    state, reason = judged
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(now))
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def key_of(alarm_name):
    return get_account_id(), get_region(), alarm_name


def set_state(params, values, *form):
    """SetAlarmState. The state stays until the next evaluation."""
    set_at[key_of((values or {}).get("AlarmName") or cloudwatch._p(params, "AlarmName"))] = time.time()
    return set_alarm_state(params, values, *form)


def bring_up_to_date():
    """Publishes and evaluates for the account and region of this request."""
    publish(time.time())
    cloudwatch._evaluate_all_alarms()


def up_to_date(handler):
    def handle(*request):
        bring_up_to_date()
        return handler(*request)
    return handle


async def keep_up_to_date():
    """Publishes and evaluates every few seconds for every account and region that has queues or alarms."""
    while rules.on("alarm-evaluation"):
        await asyncio.sleep(EVERY_S)
        scopes = {key[:2] for store in (cloudwatch._alarms, sqs._queues) for key, _ in store.all_items()}
        for account, region in scopes:
            try:
                with request_scope(account, region):
                    bring_up_to_date()
            except Exception:
                logger.exception("alarms of %s in %s", account, region)


if rules.on("alarm-evaluation"):
    cloudwatch._evaluate_alarm = evaluate
    cloudwatch._set_alarm_state = set_state
    for reader in ("_describe_alarms", "_describe_alarms_for_metric", "_describe_alarm_history",
                   "_get_metric_statistics", "_get_metric_data", "_list_metrics"):
        setattr(cloudwatch, reader, up_to_date(getattr(cloudwatch, reader)))
