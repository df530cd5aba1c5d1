"""Schedules fire in their time zone and with their role, and events of rules arrive only where policies allow it."""

import json
import logging
import os
import time
from datetime import datetime, timezone
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import botocore.session
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import (
    get_account_id,
    get_region,
    json_response,
    new_uuid,
    set_request_account_id,
    set_request_region,
)
from ministack.services import eventbridge, scheduler, sns, sqs

from . import grants, rules, topics

logger = logging.getLogger("deployer.delivery")

EVENTS = "events.amazonaws.com"
# The action that a schedule's role needs, by the service of the target.
ACTIONS = {
    "lambda": "lambda:InvokeFunction", "sqs": "sqs:SendMessage", "sns": "sns:Publish", "events": "events:PutEvents",
    "states": "states:StartExecution",
}

# What precedes the service and the action in the ARN of a call.
CALL = ":scheduler:::aws-sdk:"
# The names of clients that differ from those in such ARNs.
CLIENTS = {
    "cloudwatchlogs": "logs", "cognitoidentityprovider": "cognito-idp", "eventbridge": "events", "sfn": "stepfunctions",
}

handle = scheduler.handle_request
invoke_target = eventbridge._invoke_target
put_permission = eventbridge._put_permission


def policy_of(spec):
    """The resource policy of a queue or topic, and its key."""
    if spec.service == "sqs":
        queue = sqs._queue_by_arn(str(spec)) or {"attributes": {}}
        return queue["attributes"].get("Policy"), queue["attributes"].get("KmsMasterKeyId")
    topic = sns._topic_by_arn_any_scope(str(spec)) or {"attributes": {}}
    return topic["attributes"].get("Policy"), topic["attributes"].get("KmsMasterKeyId")


def refusal(arn, source_arn):
    """Why EventBridge may not send to a function, queue or topic for a rule, or None."""
    try:
        spec = parse_arn(arn)
    except ArnParseError:
        return None
    if spec.service == "lambda":
        return topics.refusal_of_function(arn, EVENTS, source_arn)
    if spec.service not in ("sqs", "sns"):
        return None
    policy, key = policy_of(spec)
    if not grants.service_may(policy, EVENTS, ACTIONS[spec.service], arn, source_arn):
        return f"its policy does not allow {EVENTS} to send for {source_arn}"
    if not grants.service_may_use_key(key, EVENTS, source_arn):
        return f"the policy of its key does not allow {EVENTS} to use it"
    return None


def send_to_target(target, event, rule, view=None):
    """Sends an event to a rule's target, or to the dead-letter queue if the target's policy does not take it."""
    source = rule.get("Arn", "")
    # Schedules have a role instead, which is judged before.
    problem = refusal(target.get("Arn", ""), source) if ":rule/" in source else None
    if problem is None:
        return invoke_target(target, event, rule, view)
    logger.warning("an event of %s does not reach %s: %s", source, target.get("Arn"), problem)
    dead_letter = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not dead_letter:
        return None
    problem = refusal(dead_letter, source)
    if problem is not None:
        logger.warning("nor does it reach the dead-letter queue %s: %s", dead_letter, problem)
        return None
    return invoke_target({"Arn": dead_letter}, event, rule, view)


def put_whole_policy(data):
    """PutPermission. Its `Policy` replaces the whole policy of a bus."""
    if not data.get("Policy"):
        return put_permission(data)
    eventbridge._event_bus_policies[data.get("EventBusName", "default")] = json.loads(data["Policy"])
    return json_response({})


def make_call(target):
    """Makes a call of AWS's API, as the account: which of the role's permissions it takes is not known here."""
    service, _, action = target["Arn"].partition(CALL)[2].partition(":")
    client = botocore.session.get_session().create_client(
        CLIENTS.get(service, service), region_name=get_region(), endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        aws_access_key_id=get_account_id(), aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"])
    known = client.meta.service_model.operation_names
    operation = next(name for name in known if name.lower() == action.lower())
    client._make_api_call(operation, json.loads(target.get("Input") or "{}"))


def zone_of(schedule):
    try:
        return ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return timezone.utc


def exists(moment):
    """Tells whether the clocks of a zone show a time. In spring they skip some."""
    shown = moment.astimezone(timezone.utc).astimezone(moment.tzinfo)
    return shown.replace(tzinfo=None) == moment.replace(tzinfo=None)


def next_of_cron(fields, after):
    """The next moment of a cron expression after `after`, by the clocks of its time zone."""
    moment = eventbridge._cron_next_fire(fields, after)
    while moment is not None and not exists(moment):
        moment = eventbridge._cron_next_fire(fields, moment)
    return moment


def is_due(key, schedule, now):
    """Tells whether a schedule fires now. A rate fires at its creation or start, and then again and again."""
    fired = scheduler._schedule_last_fired.get(key)
    start = scheduler._to_epoch(schedule.get("StartDate"))
    expression, zone = schedule.get("ScheduleExpression", ""), zone_of(schedule)
    if expression.startswith("at("):
        try:
            moment = datetime.fromisoformat(expression[3:-1]).replace(tzinfo=zone).timestamp()
        except ValueError:
            return False
        # A moment that was over at the creation is not made up for.
        return fired is None and moment <= now and moment >= schedule.get("CreationDate", now) - 60
    if start is not None and now < start:
        return False
    interval = eventbridge._parse_rate_seconds(expression)
    if interval is not None:
        return fired is None or now - fired >= interval
    fields = eventbridge._parse_cron_fields(expression)
    if fields is None:
        return False
    after = max(fired or 0, schedule.get("LastModificationDate", now), start or 0)
    moment = next_of_cron(fields, datetime.fromtimestamp(after, tz=timezone.utc).astimezone(zone))
    return moment is not None and moment.timestamp() <= now


def refusal_of_role(schedule):
    """Why a schedule's role may not call the target, or None."""
    target = schedule.get("Target") or {}
    try:
        service = parse_arn(target.get("Arn", "")).service
    except ArnParseError:
        return "its target has no ARN"
    role, action = target.get("RoleArn", ""), ACTIONS.get(service)
    if grants.role_of(role)[2] is None:
        return f"the role {role} does not exist"
    if action and not grants.role_may(role, action, target["Arn"]):
        return f"the role {role} may not do {action}"
    return None


def fire(schedule):
    """Calls the target of a schedule as its role."""
    target = schedule.get("Target") or {}
    problem = refusal_of_role(schedule)
    event = {
        "EventId": new_uuid(), "Source": "aws.scheduler", "DetailType": "Scheduled Event", "Detail": "{}",
        "Time": int(time.time()), "Resources": [schedule["Arn"]], "Account": get_account_id(), "Region": get_region(),
    }
    if problem is not None:
        logger.warning("%s does not call %s: %s", schedule["Arn"], target.get("Arn"), problem)
        dead_letter = (target.get("DeadLetterConfig") or {}).get("Arn")
        if dead_letter and grants.role_may(target.get("RoleArn", ""), "sqs:SendMessage", dead_letter):
            invoke_target({"Arn": dead_letter, "Input": target.get("Input")}, event, schedule)
        return
    if target.get("EventBridgeParameters"):
        parameters = target["EventBridgeParameters"]
        entry = {
            "EventBusName": target["Arn"].rpartition("/")[2], "Source": parameters["Source"],
            "DetailType": parameters["DetailType"], "Detail": target.get("Input") or "{}", "Resources": [schedule["Arn"]],
        }
        eventbridge._put_events({"Entries": [entry]})
        return
    if CALL in target.get("Arn", ""):
        make_call(target)
        return
    invoke_target(target, event, schedule)


def tick():
    """Fires every schedule that is due, in its own account and region."""
    now = time.time()
    before = get_account_id(), get_region()
    try:
        for key, schedule in list(scheduler._schedules._data.items()):
            account, region, _ = key
            end = scheduler._to_epoch(schedule.get("EndDate"))
            is_over = end is not None and now > end
            if schedule.get("State") == "ENABLED" and not is_over and is_due(key, schedule, now):
                scheduler._schedule_last_fired[key] = now
                set_request_account_id(account)
                set_request_region(region)
                try:
                    fire(schedule)
                except Exception:
                    logger.exception("%s does not fire", schedule.get("Arn"))
                is_over = is_over or schedule.get("ScheduleExpression", "").startswith("at(")
            if is_over and schedule.get("ActionAfterCompletion") == "DELETE":
                scheduler._schedules._data.pop(key, None)
                scheduler._schedule_last_fired.pop(key, None)
    finally:
        set_request_account_id(before[0])
        set_request_region(before[1])


def forget_deleted(original):
    """A schedule that is created again under its name fires anew."""
    def delete(name, query):
        answer = original(name, query)
        key = (get_account_id(), get_region(), f"{query.get('groupName', 'default')}/{name}")
        scheduler._schedule_last_fired.pop(key, None)
        return answer
    return delete


async def handle_every_key(method, path, headers, body, query_params):
    """UntagResource with all of its keys. The emulator takes only the first value of each name in a query."""
    if method == "DELETE" and path.startswith("/tags/"):
        return scheduler._untag_resource(unquote(path[len("/tags/"):]), query_params)
    return await handle(method, path, headers, body, query_params)


if rules.on("schedule-tags"):
    scheduler.handle_request = handle_every_key
if rules.on("rule-to-target"):
    eventbridge._invoke_target = send_to_target
if rules.on("bus-policy"):
    eventbridge._put_permission = put_whole_policy
if rules.on("schedule-firings"):
    scheduler._tick_schedules = tick
    scheduler._SCHEDULE_TICK_INTERVAL = 1
    scheduler._delete_schedule = forget_deleted(scheduler._delete_schedule)
