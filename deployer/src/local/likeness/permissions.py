"""The resource that a request names, where the emulator does not find it and so denies what a policy allows."""

import json

from ministack.core import iam_actions
from ministack.services import iam

from . import rules

extract_resource_arn = iam_actions.extract_resource_arn
lambda_action = iam_actions._lambda_action


def in_layer(path):
    """What stands behind a layer's name in a path: `["versions", "2"]`. None for other paths."""
    parts = [part for part in path.split("/") if part]
    return parts[3:] if parts[1:2] == ["layers"] and len(parts) > 2 else None


def known_action(method, path):
    """The action that a request to Lambda needs."""
    behind = in_layer(path)
    if behind is None or behind[:1] != ["versions"] or len(behind) > 2:
        return lambda_action(method, path)
    if len(behind) == 1:
        return {"GET": "ListLayerVersions", "POST": "PublishLayerVersion"}.get(method)
    return {"GET": "GetLayerVersion", "DELETE": "DeleteLayerVersion"}.get(method)


def named_resource(service, method, path, headers, body, query_params, region, account_id):
    """The ARN that a policy is compared with."""
    arn = extract_resource_arn(service, method, path, headers, body, query_params, region, account_id)
    if service == "sns" and arn == "*" and rules.on("topic-tags"):
        # Tags of a topic name it in another parameter than its other requests.
        return iam_actions._query_param(query_params, "ResourceArn") or arn
    if service == "iam" and rules.on("named-resources"):
        return named_in_iam(query_params, account_id) or arn
    behind = in_layer(path) if service == "lambda" and rules.on("named-resources") else None
    if behind == ["versions"] and method == "GET":
        # AWS knows no resource for the listing of a layer's versions.
        return "*"
    if behind is not None and len(behind) == 2:
        return f"{arn}:{behind[1]}"
    if service == "lambda" and method == "POST" and path.rstrip("/").endswith("/functions") and rules.on("named-resources"):
        return new_function(body, region, account_id) or arn
    return arn


def named_in_iam(query_params, account_id):
    """The ARN of the role or instance profile of a request, or None."""
    path = iam_actions._query_param(query_params, "Path") or "/"
    for parameter, kind, known in (
        ("InstanceProfileName", "instance-profile", iam._instance_profiles),
        ("RoleName", "role", iam._roles),
    ):
        name = iam_actions._query_param(query_params, parameter)
        if name:
            found = known.get(name)
            return found["Arn"] if found else f"arn:aws:iam::{account_id}:{kind}{path}{name}"
    return None


def new_function(body, region, account_id):
    """The ARN of the function that a request creates, or None."""
    try:
        name = json.loads(body)["FunctionName"]
    except (ValueError, KeyError, TypeError):
        return None
    return f"arn:aws:lambda:{region}:{account_id}:function:{name}"


if rules.on("named-resources"):
    iam_actions._lambda_action = known_action
if rules.on("topic-tags") or rules.on("named-resources"):
    iam_actions.extract_resource_arn = named_resource
