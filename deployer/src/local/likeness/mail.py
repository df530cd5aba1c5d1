"""E-mail subscriptions as SNS treats them. They wait for a confirmation, and their mail goes to a file.

`deployer local confirm` confirms one. It gives the address in place of the token that AWS mails, with the key of this start.
"""

import json
import os
import time

from ministack.services import sns

from . import rules

# Functions inherit the environment.
FILE = os.environ.pop("DEPLOYER_LOCAL_MAIL")
PROTOCOLS = ("email", "email-json")
SENDER = "no-reply@sns.amazonaws.com"
# SNS deletes a subscription that nobody confirms for so long.
LAPSES_S = 48 * 3600

subscribe = sns._subscribe
confirm_subscription = sns._confirm_subscription
fanout = sns._fanout


def is_mail(subscription):
    return subscription.get("protocol") in PROTOCOLS


def line(text):
    """A header's value: one line."""
    return " ".join(str(text).split())


def write(address, subject, topic_arn, text):
    """Appends a mail in the format mbox. The file is its owner's alone."""
    now = time.gmtime()
    head = [
        f"From {SENDER} {time.asctime(now)}",
        f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S +0000', now)}",
        f"To: {line(address)}",
        f"Subject: {line(subject)}",
        f"X-Topic: {line(topic_arn)}",
    ]
    body = [">" + part if part.lstrip(">").startswith("From ") else part for part in text.splitlines()]
    mail = "\n".join([*head, "", *body, "", ""])
    with os.fdopen(os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as file:
        file.write(mail)


def answer(status, headers, body, old, new):
    return status, headers, body.replace(old.encode(), new.encode())


def subscribe_pending(params):
    """Subscribe. A repeated one sends the mail again, as on AWS."""
    topic = sns._topic_by_arn_any_scope(sns._normalize_arn(sns._p(params, "TopicArn"))) or {"subscriptions": []}
    known = {subscription["arn"] for subscription in topic["subscriptions"]}
    response = subscribe(params)
    arn = arn_in(response)
    found = next((s for s in topic["subscriptions"] if s["arn"] == arn and is_mail(s)), None)
    if found is None:
        return response
    if arn not in known:
        found["confirmed"] = False
        found["requested_at"] = time.time()
        found["attributes"].update(PendingConfirmation="true", ConfirmationWasAuthenticated="false")
        sns._refresh_subscription_counts(topic)
    if found["confirmed"]:
        return response
    address, topic_arn = found["endpoint"], found["topic_arn"]
    write(address, "AWS Notification - Subscription Confirmation", topic_arn, "\n".join([
        f"Somebody subscribed {line(address)} to the topic", f"  {topic_arn}", "Confirm it with:",
        f"  deployer local confirm {line(address)}"]))
    if sns._p(params, "ReturnSubscriptionArn") == "true":
        return response
    return answer(*response, arn, "pending confirmation")


def arn_in(response):
    return response[2].decode().partition("<SubscriptionArn>")[2].partition("</SubscriptionArn>")[0]


def confirm(params):
    """ConfirmSubscription, with the token or, for mail, with the address."""
    topic, refusal = sns._get_topic(sns._p(params, "TopicArn"))
    if refusal is not None:
        return refusal
    for subscription in topic["subscriptions"]:
        if is_mail(subscription) and subscription["endpoint"] == sns._p(params, "Token"):
            subscription["confirmed"] = True
            subscription["attributes"].update(PendingConfirmation="false", ConfirmationWasAuthenticated="true")
            sns._refresh_subscription_counts(topic)
            result = f"<SubscriptionArn>{subscription['arn']}</SubscriptionArn>"
            return sns._xml(200, "ConfirmSubscriptionResponse",
                            f"<ConfirmSubscriptionResult>{result}</ConfirmSubscriptionResult>")
    return confirm_subscription(params)


def with_pending(listing):
    """A listing in which `PendingConfirmation` stands for the ARN of a subscription that waits."""
    def listed(params):
        lapse()
        status, headers, body = listing(params)
        for topic in sns._topics.values():
            for subscription in topic["subscriptions"]:
                if not subscription.get("confirmed"):
                    tagged = "<SubscriptionArn>{}</SubscriptionArn>"
                    old, new = tagged.format(subscription["arn"]), tagged.format("PendingConfirmation")
                    status, headers, body = answer(status, headers, body, old, new)
        return status, headers, body
    return listed


def lapse():
    since = time.time() - LAPSES_S
    for topic in sns._topics.values():
        topic["subscriptions"] = [s for s in topic["subscriptions"] if s.get("confirmed") or s.get("requested_at", since) >= since]


def send(topic_arn, msg_id, message, subject, message_structure="", message_attributes=None, *others, **more):
    """Delivers a message, which the emulator does for all but mail."""
    fanout(topic_arn, msg_id, message, subject, message_structure, message_attributes, *others, **more)
    topic = sns._topic_by_arn_any_scope(topic_arn) or {"subscriptions": []}
    attributes = message_attributes or {}
    for subscription in topic["subscriptions"]:
        if not is_mail(subscription) or not subscription.get("confirmed"):
            continue
        text = sns._resolve_message_for_protocol(message, message_structure, subscription["protocol"])
        if not sns._matches_filter_policy(subscription, attributes, text):
            continue
        if subscription["protocol"] == "email-json":
            text = sns._build_envelope(topic_arn, msg_id, text, subject, attributes, False)
        else:
            text = alarm_text(text) or text
        write(subscription["endpoint"], subject or "AWS Notification Message", topic_arn, text)


def alarm_text(message):
    """The text of an alarm's mail, which CloudWatch writes for people; None for any other message."""
    try:
        alarm = json.loads(message)
    except ValueError:
        return None
    if not isinstance(alarm, dict) or not {"AlarmName", "NewStateValue", "NewStateReason"} <= alarm.keys():
        return None
    trigger = alarm.get("Trigger") or {}
    measured = ", ".join(f"{d.get('Name')} {d.get('Value')}" for d in trigger.get("Dimensions") or [])
    return "\n".join([
        f"The alarm {alarm['AlarmName']} is in {alarm['NewStateValue']}; it was in {alarm.get('OldStateValue')}.",
        *([alarm["AlarmDescription"]] if alarm.get("AlarmDescription") else []), "",
        f"Reason: {alarm['NewStateReason']}",
        f"Time:   {alarm.get('StateChangeTime')}",
        f"Metric: {trigger.get('Namespace')} {trigger.get('MetricName')} ({measured})",
    ])


sns._fanout = send
if rules.on("mail-confirmation"):
    sns._subscribe = subscribe_pending
    sns._confirm_subscription = confirm
    sns._list_subscriptions = with_pending(sns._list_subscriptions)
    sns._list_subscriptions_by_topic = with_pending(sns._list_subscriptions_by_topic)
