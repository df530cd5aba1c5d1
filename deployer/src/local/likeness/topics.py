"""A topic's messages, delivered only where resource policies and keys allow it; otherwise to a dead-letter queue, if there is one."""

import json
import logging

from ministack.services import cloudwatch, lambda_svc, sns, sqs

from . import grants, rules

logger = logging.getLogger("deployer.delivery")

SERVICE = "sns.amazonaws.com"

deliver_to_queue = sns._deliver_to_sqs
deliver_to_function = sns._deliver_to_lambda


def refusal_of_queue(queue_arn, topic_arn):
    """Why a topic's message may not enter a queue, or None."""
    queue = sqs._queue_by_arn(queue_arn)
    if queue is None:
        return "the queue does not exist"
    attributes = queue["attributes"]
    if not grants.service_may(attributes.get("Policy"), SERVICE, "sqs:SendMessage", queue_arn, topic_arn):
        return f"the queue's policy does not allow {SERVICE} to send messages for this topic"
    if not grants.service_may_use_key(attributes.get("KmsMasterKeyId"), SERVICE, topic_arn):
        return f"the policy of the queue's key does not allow {SERVICE} to use it"
    return None


def refusal_of_function(function_arn, service, source_arn):
    """Why a service may not invoke a function for a resource, or None."""
    function, _, _ = lambda_svc._get_base_func_record_for_ref(function_arn)
    if function is None:
        return "the function does not exist"
    # A permission for an alias or version is a statement on its ARN.
    if not grants.service_may(function["policy"], service, "lambda:InvokeFunction", function_arn, source_arn):
        return f"the function's policy does not allow {service} to invoke it for {source_arn}"
    return None


def to_queue(endpoint, envelope, raw, raw_message, topic_arn="", **message):
    refusal = refusal_of_queue(endpoint, topic_arn)
    if refusal is None:
        return deliver_to_queue(endpoint, envelope, raw, raw_message, topic_arn=topic_arn, **message)
    body = raw_message if raw else envelope
    return undelivered(topic_arn, endpoint, refusal, body, message)


def to_function(endpoint, envelope, topic_arn, *message):
    refusal = refusal_of_function(endpoint, SERVICE, topic_arn)
    if refusal is None:
        return deliver_to_function(endpoint, envelope, topic_arn, *message)
    return undelivered(topic_arn, endpoint, refusal, envelope, {})


def undelivered(topic_arn, endpoint, refusal, body, message):
    """Counts and logs a message that SNS may not deliver, and sends it to the subscription's dead-letter queue."""
    logger.warning("a message of %s does not reach %s: %s", topic_arn, endpoint, refusal)
    count("NumberOfNotificationsFailed", topic_arn)
    dead_letter_queue = dead_letter_queue_of(topic_arn, endpoint)
    if not dead_letter_queue:
        return
    refusal = refusal_of_queue(dead_letter_queue, topic_arn)
    if refusal is not None:
        logger.warning("nor does it reach the dead-letter queue %s: %s", dead_letter_queue, refusal)
        count("NumberOfNotificationsFailedToRedriveToDlq", topic_arn)
        return
    count("NumberOfNotificationsRedrivenToDlq", topic_arn)
    deliver_to_queue(dead_letter_queue, body, True, body, topic_arn=topic_arn, **message)


def dead_letter_queue_of(topic_arn, endpoint):
    topic = sns._topic_by_arn_any_scope(topic_arn) or {"subscriptions": []}
    for subscription in topic["subscriptions"]:
        if subscription["endpoint"] == endpoint:
            redrive = subscription["attributes"].get("RedrivePolicy")
            return json.loads(redrive).get("deadLetterTargetArn") if redrive else None
    return None


def count(metric, topic_arn):
    cloudwatch.record_metric("AWS/SNS", metric, 1, "Count", {"TopicName": topic_arn.rpartition(":")[2]})


if rules.on("topic-to-queue"):
    sns._deliver_to_sqs = to_queue
if rules.on("topic-to-function"):
    sns._deliver_to_lambda = to_function
