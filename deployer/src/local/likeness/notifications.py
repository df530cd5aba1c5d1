"""Events of buckets arrive only where policies allow it, and S3 refuses a configuration that could not deliver."""

import logging

from ministack.core.arn import ArnParseError, parse_arn
from ministack.services import s3

from . import events, grants, rules, topics

logger = logging.getLogger("deployer.delivery")

SERVICE = "s3.amazonaws.com"

deliver_to_queue = s3._deliver_event_to_sqs
deliver_to_topic = s3._deliver_event_to_sns
deliver_to_function = s3._deliver_event_to_lambda
validate = s3._validate_notification_configs


def arn_of(bucket):
    return f"arn:aws:s3:::{bucket}"


def refusal(arn, bucket):
    """Why S3 may not send to a function, queue or topic for a bucket, or None."""
    try:
        spec = parse_arn(arn)
    except ArnParseError:
        return None
    source = arn_of(bucket)
    if spec.service == "lambda":
        return topics.refusal_of_function(arn, SERVICE, source)
    if spec.service not in ("sqs", "sns"):
        return None
    policy, key = events.policy_of(spec)
    if not grants.service_may(policy, SERVICE, events.ACTIONS[spec.service], arn, source):
        return f"its policy does not allow {SERVICE} to send for {source}"
    if not grants.service_may_use_key(key, SERVICE, source):
        return f"the policy of its key does not allow {SERVICE} to use it"
    return None


def if_allowed(deliver):
    def send(arn, payload, region, **more):
        bucket = payload["Records"][0]["s3"]["bucket"]["name"]
        problem = refusal(arn, bucket)
        if problem is None:
            return deliver(arn, payload, region, **more)
        logger.warning("an event of %s does not reach %s: %s", bucket, arn, problem)
        return None
    return send


def shares(one, other):
    """Tells whether one event can have both names."""
    def within(event, family):
        return event == family or (family.endswith("*") and event.startswith(family[:-1]))
    return within(one, other) or within(other, one)


def overlap(one, other):
    """Tells whether two entries name the same event of the same key."""
    prefixes = one["filter_prefix"] or "", other["filter_prefix"] or ""
    suffixes = one["filter_suffix"] or "", other["filter_suffix"] or ""
    begins = prefixes[0].startswith(prefixes[1]) or prefixes[1].startswith(prefixes[0])
    ends = suffixes[0].endswith(suffixes[1]) or suffixes[1].endswith(suffixes[0])
    return begins and ends and any(shares(a, b) for a in one["events"] for b in other["events"])


def checked(configs, bucket_region, bucket_name="", skip_destination_validation=False):
    """PutBucketNotificationConfiguration: overlaps are refused in any case, receivers only where S3 checks them."""
    if rules.on("bucket-overlap"):
        for index, one in enumerate(configs):
            if any(overlap(one, other) for other in configs[:index]):
                return s3._invalid_notification_config(
                    "Configurations overlap. Configurations on the same bucket cannot share a common event type.")
    if rules.on("bucket-to-receiver") and not skip_destination_validation:
        if any(refusal(config["arn"], bucket_name) or config["arn"].endswith(".fifo") for config in configs):
            return s3._invalid_notification_config("Unable to validate the following destination configurations")
    return validate(configs, bucket_region, bucket_name, skip_destination_validation)


s3._validate_notification_configs = checked
if rules.on("bucket-to-receiver"):
    s3._deliver_event_to_sqs = if_allowed(deliver_to_queue)
    s3._deliver_event_to_sns = if_allowed(deliver_to_topic)
    s3._deliver_event_to_lambda = if_allowed(deliver_to_function)
