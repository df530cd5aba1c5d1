"""Answers of single operations that the emulator gives differently or not at all."""

import json

from ministack.services import iam, lambda_svc, sqs

from . import rules

get_policy = lambda_svc._get_policy
attach_role_policy = iam._attach_role_policy


def get_existing_policy(function_name, *request):
    """GetPolicy. A function has a policy once it has a permission."""
    function = lambda_svc._functions.get(function_name)
    if function is not None and not function["policy"]["Statement"]:
        message = "The resource you requested does not exist."
        return lambda_svc.error_response_json("ResourceNotFoundException", message, 404)
    return get_policy(function_name, *request)


def attach_existing_policy(params):
    """AttachRolePolicy. The emulator knows few managed policies of AWS, so those are not judged."""
    arn = iam._p(params, "PolicyArn")
    role_exists = iam._p(params, "RoleName") in iam._roles
    if role_exists and not iam._is_aws_managed_arn(arn) and not iam._policy_exists(arn):
        return iam._error(404, "NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", ns="iam")
    return attach_role_policy(params)


def list_dead_letter_source_queues(data, url):
    """ListDeadLetterSourceQueues. All are on one page."""
    arn = sqs._get_q(data.get("QueueUrl", url))["attributes"]["QueueArn"]
    return {"queueUrls": [source for source, queue in sqs._queues.items() if dead_letter_arn(queue) == arn]}


def dead_letter_arn(queue):
    redrive = queue["attributes"].get("RedrivePolicy")
    return json.loads(redrive).get("deadLetterTargetArn") if redrive else None


if rules.on("function-policy"):
    lambda_svc._get_policy = get_existing_policy
if rules.on("attachable-policy"):
    iam._IAM_HANDLERS["AttachRolePolicy"] = attach_existing_policy
if rules.on("dead-letter-sources"):
    sqs._HANDLERS["ListDeadLetterSourceQueues"] = list_dead_letter_source_queues
