"""What a function's role may do: read the queue of a mapping, write dead letters and logs, use a network."""

import logging

from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import cloudwatch, cloudwatch_logs, lambda_svc, sns, sqs

from . import grants, rules

logger = logging.getLogger("deployer.delivery")

TO_READ = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
# What a role needs to write to a receiver without a policy and a key of its own.
TO_WRITE = {"events": "events:PutEvents", "lambda": "lambda:InvokeFunction", "s3": "s3:PutObject"}
TO_CONNECT = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface")
PROBLEM = "PROBLEM: "

concurrency = lambda_svc._sqs_esm_concurrency
create_mapping = lambda_svc._create_esm
update_mapping = lambda_svc._update_esm
create_function = lambda_svc._create_function
update_configuration = lambda_svc._update_config
route_failure = lambda_svc._route_async_failure
emit_logs = lambda_svc._emit_lambda_logs


def refusal_to_read(role, queue_arn):
    """Why a role may not read a queue, or None."""
    queue = sqs._queue_by_arn(queue_arn) or {"attributes": {}}
    policy = queue["attributes"].get("Policy")
    for action in TO_READ:
        if not grants.role_may(role, f"sqs:{action}", queue_arn, policy=policy):
            return f"The function execution role does not have permissions to call {action} on SQS"
    return None


def concurrency_of_mapping(mapping, function, config, queue=None):
    """How many batches of a mapping may run. None may, while the role may not read the queue."""
    problem = refusal_to_read(config["Role"], mapping["EventSourceArn"])
    key = queue and queue["attributes"].get("KmsMasterKeyId")
    if problem is None and not grants.role_may_use_key(config["Role"], key, "kms:Decrypt", "sqs"):
        problem = "The function execution role does not have permissions to call Decrypt on KMS"
    before = mapping.get("LastProcessingResult", "")
    if problem is None:
        if before.startswith(PROBLEM):
            mapping["LastProcessingResult"] = "No records processed"
        return concurrency(mapping, function, config, queue)
    if before != PROBLEM + problem:
        logger.warning("messages of %s do not reach %s: %s", mapping["EventSourceArn"], mapping["FunctionArn"], problem)
        mapping["LastProcessingResult"] = PROBLEM + problem
    return 0


def refusal_of_mapping(function_name, queue_arn):
    """The answer to a mapping that the function's role may not use, or None. All other mistakes are the emulator's to find."""
    function, config, _ = lambda_svc._get_func_record_for_ref(function_name)
    if function is None or not is_queue(queue_arn):
        return None
    refusal = refusal_to_read(config["Role"], queue_arn)
    return refusal and error_response_json("InvalidParameterValueException", refusal, 400)


def is_queue(arn):
    try:
        return parse_arn(arn).service == "sqs"
    except ArnParseError:
        return False


def create_allowed_mapping(data):
    return refusal_of_mapping(data.get("FunctionName", ""), data.get("EventSourceArn", "")) or create_mapping(data)


def update_allowed_mapping(mapping_id, data):
    mapping = lambda_svc._esms.get(mapping_id)
    function = mapping and (data.get("FunctionName") or mapping["FunctionArn"])
    return mapping and refusal_of_mapping(function, mapping["EventSourceArn"]) or update_mapping(mapping_id, data)


def refusal_of_function(role, data):
    """The answer to a function whose role may not use what its settings name, or None."""
    if not role or grants.role_of(role)[2] is None:
        return None
    needed = [("EC2", action, "*") for action in TO_CONNECT if (data.get("VpcConfig") or {}).get("SubnetIds")]
    target = (data.get("DeadLetterConfig") or {}).get("TargetArn")
    if target:
        service, action = ("SQS", "SendMessage") if is_queue(target) else ("SNS", "Publish")
        needed.append((service, action, target))
    if (data.get("TracingConfig") or {}).get("Mode") == "Active":
        needed.append(("XRAY", "PutTraceSegments", "*"))
    for service, action, resource in needed:
        if not grants.role_may(role, f"{service.lower()}:{action}", resource):
            return error_response_json(
                "InvalidParameterValueException",
                f"The provided execution role does not have permissions to call {action} on {service}", 400)
    return None


def create_allowed_function(data):
    known = data.get("FunctionName") in lambda_svc._functions
    return not known and refusal_of_function(data.get("Role"), data) or create_function(data)


def update_allowed_configuration(name, data):
    """UpdateFunctionConfiguration. A new role must be allowed to use what the function has already."""
    config = (lambda_svc._functions.get(name) or {}).get("config") or {}
    wanted = {**config, **data} if "Role" in data else data
    return refusal_of_function(data.get("Role") or config.get("Role"), wanted) or update_configuration(name, data)


def route_allowed_failure(target_arn, function_name, event, result):
    """Sends a failed event on. A role that may not write there loses it, which a metric counts."""
    config = (lambda_svc._functions.get(function_name) or {}).get("config") or {}
    refusal = refusal_to_write(config.get("Role") or "", target_arn)
    if refusal is None:
        return route_failure(target_arn, function_name, event, result)
    logger.warning("a failed event of %s does not reach %s: %s", function_name, target_arn, refusal)
    is_dead_letter = (config.get("DeadLetterConfig") or {}).get("TargetArn") == target_arn
    metric = "DeadLetterErrors" if is_dead_letter else "DestinationDeliveryFailures"
    cloudwatch.record_metric("AWS/Lambda", metric, 1, "Count", {"FunctionName": function_name})


def refusal_to_write(role, target_arn, keys=True):
    """Why a role may not write to a queue, topic, function, bus or bucket, or None. With `keys`, it needs their keys, too."""
    service = target_arn.split(":")[2]
    if service in TO_WRITE:
        on = f"{target_arn}/*" if service == "s3" else target_arn
        return None if grants.role_may(role, TO_WRITE[service], on) else f"the function's role may not {TO_WRITE[service]}"
    if is_queue(target_arn):
        service, action = "sqs", "sqs:SendMessage"
        target = sqs._queue_by_arn(target_arn) or {"attributes": {}}
    elif target_arn.startswith("arn:aws:sns:"):
        service, action = "sns", "sns:Publish"
        target = sns._topic_by_arn_any_scope(target_arn) or {"attributes": {}}
    else:
        return None
    if not grants.role_may(role, action, target_arn, policy=target["attributes"].get("Policy")):
        return f"the function's role may not {action}"
    key = target["attributes"].get("KmsMasterKeyId")
    for of_key in grants.OF_A_SENDER if keys else ():
        if not grants.role_may_use_key(role, key, of_key, service):
            return f"the function's role may not {of_key} with the key of the target"
    return None


def emit_allowed_logs(function, request_id, *log, **source):
    """Writes the log of a call, if the function's role may."""
    config = function.get("config") or function
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    stream = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:{request_id}"
    needed = ["logs:CreateLogStream", "logs:PutLogEvents"]
    if group not in cloudwatch_logs._log_groups:
        needed.append("logs:CreateLogGroup")
    if all(grants.role_may(config["Role"], action, stream) for action in needed):
        emit_logs(function, request_id, *log, **source)
    else:
        logger.warning("%s leaves no logs: its role may not write to %s", config["FunctionName"], group)


if rules.on("mapping-to-function"):
    lambda_svc._sqs_esm_concurrency = concurrency_of_mapping
if rules.on("mapping-role"):
    lambda_svc._create_esm = create_allowed_mapping
    lambda_svc._update_esm = update_allowed_mapping
if rules.on("function-role"):
    lambda_svc._create_function = create_allowed_function
    lambda_svc._update_config = update_allowed_configuration
if rules.on("dead-letter-role"):
    lambda_svc._route_async_failure = route_allowed_failure
if rules.on("log-role"):
    lambda_svc._emit_lambda_logs = emit_allowed_logs
