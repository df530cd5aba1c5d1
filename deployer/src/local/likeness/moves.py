"""SQS's message move tasks, by which messages leave a dead-letter queue. A task is done at once, whatever its rate."""

import time

from ministack.core.responses import new_uuid
from ministack.services import sqs

from . import rules
from .answers import dead_letter_arn

# By the ARN of the dead-letter queue, newest first.
tasks = {}
# SQS lists as many.
KEPT = 10


def queue_of(arn):
    queue = sqs._queue_by_arn(arn or "")
    if queue is None:
        raise sqs._Err("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.", 404)
    return queue


def start(data, _url):
    """StartMessageMoveTask. Without a destination, each message goes back to the queue from which it came."""
    source_arn, destination_arn = data.get("SourceArn"), data.get("DestinationArn")
    source = queue_of(source_arn)
    if source_arn not in [dead_letter_arn(queue) for queue in sqs._queues.values()]:
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.", 400)
    moved, kept, failure = [], [], {}
    for message in source["messages"]:
        target = destination_arn or (message.get("sys") or {}).get("DeadLetterQueueSourceArn")
        queue = sqs._queue_by_arn(target or "")
        if queue is None or message["visible_at"] > time.time():
            kept.append(message)
            failure = failure if target else {"Status": "FAILED", "FailureReason": "CouldNotDetermineMessageSource"}
            continue
        moved.append(message)
        fresh = {**message, "receive_count": 0, "receipt_handle": None, "first_receive_at": None, "sent_at": time.time()}
        fresh["sys"] = {name: value for name, value in message["sys"].items() if name != "DeadLetterQueueSourceArn"}
        queue["messages"].append(fresh)
    task = {
        "Status": "COMPLETED", "SourceArn": source_arn, "ApproximateNumberOfMessagesMoved": len(moved),
        "ApproximateNumberOfMessagesToMove": len(source["messages"]), "StartedTimestamp": int(time.time() * 1000),
        **failure, **{name: data[name] for name in ("DestinationArn", "MaxNumberOfMessagesPerSecond") if data.get(name)},
    }
    source["messages"] = kept
    sqs.esm_wake.set()
    tasks[source_arn] = [task, *tasks.get(source_arn, [])][:KEPT]
    return {"TaskHandle": new_uuid()}


def listing(data, _url):
    """ListMessageMoveTasks."""
    queue_of(data.get("SourceArn"))
    return {"Results": tasks.get(data["SourceArn"], [])[:int(data.get("MaxResults") or 1)]}


def cancel(_data, _url):
    """CancelMessageMoveTask. No task is in progress."""
    raise sqs._Err("ResourceNotFoundException", "Task does not exist.", 404)


if rules.on("message-moves"):
    sqs._HANDLERS.update({
        "StartMessageMoveTask": start, "ListMessageMoveTasks": listing, "CancelMessageMoveTask": cancel})
