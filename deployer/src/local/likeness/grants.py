"""Decides whether a service or a role may do something, by the policies that the emulator keeps."""

from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.iam_evaluator import (
    EvalContext,
    _gather_role_policies,
    _permissions_boundary,
    combine_resource_policy,
    evaluate,
    evaluate_resource_policy,
)
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, kms

# An AWS managed key, whose policy lets the account's principals use it through its own service, and no other service.
AWS_MANAGED = "alias/aws/"
# What a sender to an encrypted queue or topic does with the key.
OF_A_SENDER = ("kms:GenerateDataKey", "kms:Decrypt")


def service_may(policy, service, action, resource, source_arn):
    """Tells whether a resource's policy allows a service to do something on behalf of another resource of the account."""
    account = account_of(source_arn)
    ctx = EvalContext(
        principal_arn="*", principal_type="Service", principal_account="", action=action, resource_arn=resource,
        region=get_region(),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": account, "aws:sourceowner": account})
    return evaluate_resource_policy(policy, ctx, service=service).decision == "Allow"


def service_may_use_key(key, service, source_arn):
    """Tells whether a service may send to a queue or topic that is encrypted with this key.

    A key that does not exist here exists on AWS only, so nobody can tell.
    """
    if not key:
        return True
    if AWS_MANAGED in key:
        return False
    record = kms._resolve_key(key)
    return record is None or all(
        service_may(record.get("Policy"), service, action, record["Arn"], source_arn) for action in OF_A_SENDER)


def account_of(arn):
    try:
        return parse_arn(arn).account_id or get_account_id()
    except ArnParseError:
        return get_account_id()


def role_of(arn):
    """The account, name and record of a role; the record is None if the role does not exist."""
    account, name = account_of(arn), arn.rpartition("/")[2]
    return account, name, iam._roles.get_scoped(account, None, name)


def role_may(role_arn, action, resource, policy=None, required=False, context=None):
    """Tells whether a role may do something with a resource of its account, which can have a policy of its own.

    `required` is for keys, whose policy must allow it, too. A managed policy of AWS whose text is unknown here allows
    everything.
    """
    account, name, role = role_of(role_arn)
    if role is None:
        return False
    if any(iam._is_aws_managed_arn(arn) and not iam._lookup_policy(arn) for arn in role.get("AttachedPolicies", [])):
        return True
    ctx = EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/deployer", principal_type="AssumedRole",
        principal_account=account, action=action, resource_arn=resource, region=get_region(),
        service_context=context or {})
    limits = _permissions_boundary(iam._roles, name, account)
    found = evaluate(ctx, _gather_role_policies(name, account), *limits)
    if policy or required:
        found = combine_resource_policy(found, ctx, policy, account, required=required, limits=limits)
    return found.decision == "Allow"


def role_may_use_key(role_arn, key, action, service):
    """Tells whether a role may use a queue's or topic's key through the service that keeps it."""
    if not key or AWS_MANAGED in key:
        return True
    record = kms._resolve_key(key)
    unknown = key if ":key/" in key else f"arn:aws:kms:{get_region()}:{get_account_id()}:key/{key.rpartition('/')[2]}"
    aliases = [alias[alias.find("alias/"):] for alias, target in kms._aliases.items() if record and target == record["KeyId"]]
    context = {
        "kms:viaservice": f"{service}.{get_region()}.amazonaws.com",
        "kms:resourcealiases": aliases or [key[key.find("alias/"):]],
    }
    return role_may(role_arn, action, record["Arn"] if record else unknown, policy=record and record.get("Policy"),
                    required=record is not None, context=context)
