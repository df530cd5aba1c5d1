"""Lines of a log group, sent on as CloudWatch Logs does: at most to two receivers, with permission, and by patterns on words and JSON."""

import json
import logging
import re

from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import cloudwatch_logs as logs

from . import grants, rules
from .topics import refusal_of_function

logger = logging.getLogger("deployer.delivery")

SERVICE = "logs.amazonaws.com"
MOST = 2
# What a role needs to write to a stream.
TO_WRITE = {"kinesis": "kinesis:PutRecord", "firehose": "firehose:PutRecord"}
TERM = re.compile(r'[?-]?"[^"]*"|\S+')
COMPARISON = re.compile(r'\$\.([A-Za-z0-9_.]+)\s*(=|!=|>=|<=|>|<)\s*("[^"]*"|[^\s"&|()]+)')

put_filter = logs._put_subscription_filter
send_lines = logs._fanout_to_subscription_filters
matches = logs._subscription_pattern_matches


def refusal(group, destination, role):
    """Why a log group may not send its lines to a receiver, or None."""
    source = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:*"
    service = destination.split(":")[2] if destination.startswith("arn:") else ""
    if service == "lambda":
        why = refusal_of_function(destination, SERVICE, source)
        return why and "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function."
    if service in TO_WRITE and not (role and grants.role_may(role, TO_WRITE[service], destination)):
        return f"Could not deliver test message to specified {service.title()} stream."
    return None


def put_permitted_filter(data):
    """PutSubscriptionFilter. CloudWatch Logs tries the receiver first."""
    group, name = data.get("logGroupName"), data.get("filterName")
    known = (logs._log_groups.get(group) or {}).get("subscriptionFilters", {})
    if group in logs._log_groups:
        if name not in known and len(known) >= MOST:
            return error_response_json("LimitExceededException", "Resource limit exceeded.", 400)
        why = refusal(group, data.get("destinationArn", ""), data.get("roleArn"))
        if why is not None:
            return error_response_json("InvalidParameterException", why, 400)
    return put_filter(data)


def send_permitted_lines(group, stream, events):
    """Sends lines on, except to a function that no longer allows it."""
    found = logs._log_groups.get(group)
    filters = (found or {}).get("subscriptionFilters") or {}
    if not filters:
        return
    allowed = {name: one for name, one in filters.items() if refusal(group, one["destinationArn"], one.get("roleArn")) is None}
    if len(allowed) == len(filters):
        send_lines(group, stream, events)
        return
    for name in filters.keys() - allowed.keys():
        logger.warning("lines of %s do not reach %s", group, filters[name]["destinationArn"])
    found["subscriptionFilters"] = allowed
    try:
        send_lines(group, stream, events)
    finally:
        found["subscriptionFilters"] = filters


def value_at(message, path):
    try:
        value = json.loads(message)
        for part in path.split("."):
            value = value[part]
        return value
    except (ValueError, KeyError, TypeError):
        return None


def compares(message, path, operator, wanted):
    value = value_at(message, path)
    if value is None:
        return operator == "!="
    if wanted.startswith('"') or not isinstance(value, (int, float)) or isinstance(value, bool):
        wanted, value = wanted.strip('"'), value if isinstance(value, str) else json.dumps(value)
        same = re.fullmatch(".*".join(map(re.escape, wanted.split("*"))), value) is not None
        return same if operator == "=" else not same if operator == "!=" else False
    try:
        number = float(wanted)
    except ValueError:
        return False
    return {"=": value == number, "!=": value != number, ">": value > number, "<": value < number,
            ">=": value >= number, "<=": value <= number}[operator]


def matches_pattern(pattern, message):
    """Tells whether a line matches a pattern: words that must, may (`?`) or must not (`-`) be in it, or comparisons of its JSON members."""
    pattern, message = (pattern or "").strip(), message or ""
    if not pattern or pattern == '" "':
        return True
    if pattern.startswith("{") and pattern.endswith("}"):
        inner = pattern[1:-1]
        any_of = [[part.strip(" ()") for part in every.split("&&")] for every in inner.split("||")]
        known = [[COMPARISON.fullmatch(part) for part in every] for every in any_of]
        if any(one is None for every in known for one in every):
            return matches(pattern, message)
        return any(all(compares(message, *one.groups()) for one in every) for every in known)
    if pattern.startswith(("[", "%")):
        return matches(pattern, message)
    terms = [(term[0] if term[0] in "?-" else "", term.lstrip("?-").strip('"')) for term in TERM.findall(pattern)]
    optional = [text for sign, text in terms if sign == "?"]
    return (all(text in message for sign, text in terms if not sign)
            and not any(text in message for sign, text in terms if sign == "-")
            and (not optional or any(text in message for text in optional)))


if rules.on("log-subscriptions"):
    logs._put_subscription_filter = put_permitted_filter
    logs._fanout_to_subscription_filters = send_permitted_lines
    logs._subscription_pattern_matches = matches_pattern
