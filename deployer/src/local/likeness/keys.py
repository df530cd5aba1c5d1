"""The key of an encrypted queue or topic, which its senders and receivers need permission for, too.

Keys of AWS serve every principal of the account through their own service. As permissions in general, this is checked only
while the emulator checks them.
"""

import contextvars

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import kms, sns, sqs

from . import grants, rules

# The access key of the request in progress.
access_key = contextvars.ContextVar("access_key", default="")

pin_request_caller = iam_evaluator.pin_request_caller
publish = sns._publish
publish_batch = sns._publish_batch


def pin_with_key(headers, query_params=None):
    access_key.set(extract_access_key_id(headers or {}, query_params or {}) or "")
    pin_request_caller(headers, query_params)


def refusal(key, service, actions):
    """The action that the caller may not do with the key of a queue or topic, or None."""
    if not app.AUTH or not key or grants.AWS_MANAGED in key:
        return None
    record = kms._resolve_key(key)
    arn = record["Arn"] if record else f"arn:aws:kms:{get_region()}:{get_account_id()}:key/{key.rpartition('/')[2]}"
    via = {"kms:viaservice": f"{service}.{get_region()}.amazonaws.com"}
    for action in actions:
        if iam_evaluator.enforce(access_key.get(), action, "kms", get_region(), arn, via) is not None:
            return action
    return None


def with_key(handler, actions):
    """An operation of SQS that needs permission for the queue's key."""
    def handle(data, url):
        key = sqs._get_q(data.get("QueueUrl", url))["attributes"].get("KmsMasterKeyId")
        refused = refusal(key, "sqs", actions)
        if refused is not None:
            raise sqs._Err("KmsAccessDenied", f"The caller may not {refused} with the key of the queue.", 400)
        return handler(data, url)
    return handle


def with_topic_key(publish):
    """An operation of SNS that needs permission for the topic's key."""
    def handle(params):
        topic = sns._topic_by_arn_any_scope(sns._normalize_arn(sns._p(params, "TopicArn"))) or {"attributes": {}}
        refused = refusal(topic["attributes"].get("KmsMasterKeyId"), "sns", grants.OF_A_SENDER)
        if refused is not None:
            return sns._error("KMSAccessDenied", f"The caller may not {refused} with the key of the topic.", 400)
        return publish(params)
    return handle


if rules.on("caller-key"):
    # The code by which SDKs know the error, from the model of SQS.
    sqs._QUERY_COMPAT_CODES["KmsAccessDenied"] = "KMS.AccessDeniedException"
    iam_evaluator.pin_request_caller = pin_with_key
    for name, needed in [("SendMessage", grants.OF_A_SENDER), ("SendMessageBatch", grants.OF_A_SENDER),
                         ("ReceiveMessage", ("kms:Decrypt",))]:
        sqs._HANDLERS[name] = with_key(sqs._HANDLERS[name], needed)
    sns._publish, sns._publish_batch = with_topic_key(publish), with_topic_key(publish_batch)
