"""The resource that a request names, where the emulator does not find it and so denies what a policy allows."""

from ministack.core import iam_actions

from . import rules

extract_resource_arn = iam_actions.extract_resource_arn


def named_resource(service, method, path, headers, body, query_params, region, account_id):
    """The ARN that a policy is compared with. Tags of a topic name it in another parameter than its other requests."""
    arn = extract_resource_arn(service, method, path, headers, body, query_params, region, account_id)
    if service == "sns" and arn == "*":
        return iam_actions._query_param(query_params, "ResourceArn") or arn
    return arn


if rules.on("topic-tags"):
    iam_actions.extract_resource_arn = named_resource
