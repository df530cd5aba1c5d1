"""Asynchronous calls as Lambda makes them: repeated, given up in time, and recorded at the function's destinations, besides its dead letters."""

import json
import logging
import os
import threading
import time
from datetime import datetime, timezone

import botocore.session
from ministack.core.responses import error_response_json, get_account_id, get_region, new_uuid, set_request_account_id, set_request_region
from ministack.services import cloudwatch, eventbridge, lambda_svc, sns

from . import grants, roles, rules

logger = logging.getLogger("deployer.delivery")

RETRIES = 2
MAX_AGE_S = 21_600

put_config = lambda_svc._put_event_invoke_config
call_later = lambda_svc.invoke_async_with_retry
call_from_bus = eventbridge._dispatch_to_lambda


def settings_of(function):
    configs = function.get("event_invoke_configs") or {}
    return configs.get("") or configs.get("$LATEST") or function.get("event_invoke_config") or {}


def destination(settings, name):
    return ((settings.get("DestinationConfig") or {}).get(name) or {}).get("Destination") or ""


def record(config, event, result, condition, calls):
    """The record of an event, as a destination gets it."""
    failed = condition != "Success"
    context = {"statusCode": 200, "executedVersion": config.get("Version", "$LATEST")}
    if failed:
        context["functionError"] = result.get("function_error") or "Unhandled"
    payload = result.get("body")
    if isinstance(payload, (bytes, bytearray)):
        payload = payload.decode("utf-8", errors="replace")
    return {
        "version": "1.0",
        "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": result.get("request_id") or new_uuid(),
            "functionArn": f"{config['FunctionArn'].removesuffix(':$LATEST')}:{config.get('Version', '$LATEST')}",
            "condition": condition,
            "approximateInvokeCount": calls,
        },
        "requestPayload": event,
        "responseContext": context,
        "responsePayload": payload,
    }


def client(service):
    return botocore.session.get_session().create_client(
        service, region_name=get_region(), endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        aws_access_key_id=get_account_id(), aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"])


def send(arn, name, told, outcome):
    """Sends a record to a queue, topic, function, bus or bucket."""
    service, text = arn.split(":")[2], json.dumps(told)
    if service == "s3":
        now = datetime.now(timezone.utc)
        key = f"aws/lambda/async/{name}/{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{new_uuid()}"
        client("s3").put_object(Bucket=arn.rpartition(":")[2], Key=key, Body=text.encode())
    elif service == "events":
        eventbridge._put_events({"Entries": [{
            "EventBusName": arn, "Source": "lambda", "DetailType": f"Lambda Function Invocation Result - {outcome}",
            "Detail": text, "Resources": [told["requestContext"]["functionArn"], arn],
        }]})
    else:
        eventbridge._invoke_target({"Arn": arn, "Input": text}, {"Detail": "{}"}, {})


def send_permitted(arn, config, told, outcome):
    """Sends a record if the function's role may. A metric counts the others."""
    name = config["FunctionName"]
    refusal = roles.refusal_to_write(config.get("Role") or "", arn) if rules.on("dead-letter-role") else None
    if refusal is None:
        try:
            return send(arn, name, told, outcome)
        except Exception as error:  # The emulator goes on, whatever a receiver answers.
            refusal = error
    logger.warning("a record of %s does not reach %s: %s", name, arn, refusal)
    cloudwatch.record_metric("AWS/Lambda", "DestinationDeliveryFailures", 1, "Count", {"FunctionName": name})
    return None


def run(function, event):
    """Calls a function until it succeeds, or its retries or its time are used up."""
    config = function.get("config") or function
    set_request_account_id(config["FunctionArn"].split(":")[4])
    set_request_region(config["FunctionArn"].split(":")[3])
    base = lambda_svc._functions.get(config["FunctionName"]) or function
    settings = settings_of(base)
    retries = settings.get("MaximumRetryAttempts")
    until = time.time() + int(settings.get("MaximumEventAgeInSeconds") or MAX_AGE_S)
    condition, result, calls = "RetriesExhausted", {}, 0
    for attempt in range(int(RETRIES if retries is None else retries) + 1):
        if attempt:
            pause = min(lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS * 2 ** (attempt - 1), lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS)
            if time.time() + pause > until:
                condition = "EventAgeExceeded"
                break
            time.sleep(pause)
        result, calls = lambda_svc._execute_function(function, event), calls + 1
        if not result.get("error"):
            condition = "Success"
            break
    succeeded = condition == "Success"
    receiver = destination(settings, "OnSuccess" if succeeded else "OnFailure")
    if receiver:
        send_permitted(receiver, config, record(config, event, result, condition, calls), "Success" if succeeded else "Failure")
    dead_letter = (config.get("DeadLetterConfig") or {}).get("TargetArn")
    if dead_letter and not succeeded:
        lambda_svc._route_async_failure(dead_letter, config["FunctionName"], event, result)


def call_with_destinations(function, event):
    threading.Thread(target=run, args=(function, event), daemon=True).start()


def is_followed(function):
    """Tells whether a function has settings for asynchronous calls, or dead letters."""
    base = function or {}
    return bool(settings_of(base) or ((base.get("config") or {}).get("DeadLetterConfig") or {}).get("TargetArn"))


def call_from_rule(arn, payload):
    """The call of a rule or a schedule, which is asynchronous."""
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config or not is_followed(lambda_svc._functions.get(config["FunctionName"])):
        return call_from_bus(arn, payload)
    try:
        event = json.loads(payload)
    except (ValueError, TypeError):
        event = {"body": payload}
    return lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), event)


class OfTopics:
    """The functions as topics call them: asynchronously."""

    def __getattr__(self, name):
        return getattr(lambda_svc, name)

    @staticmethod
    def _execute_function_with_config_scope(function, event):
        config = function.get("config") or function
        if not is_followed(lambda_svc._functions.get(config["FunctionName"])):
            return lambda_svc._execute_function_with_config_scope(function, event)
        return lambda_svc.invoke_async_with_retry(function, event)


def put_allowed_config(name, qualifier, data):
    """PutFunctionEventInvokeConfig. The function's role must be allowed to send to the destinations."""
    role = ((lambda_svc._functions.get(name) or {}).get("config") or {}).get("Role")
    is_known = bool(role) and grants.role_of(role)[2] is not None
    for of in ("OnSuccess", "OnFailure"):
        arn = destination(data, of)
        refusal = arn and is_known and roles.refusal_to_write(role, arn, keys=False)
        if refusal:
            action = refusal.rpartition(":")[2]
            return error_response_json(
                "InvalidParameterValueException",
                f"The function's execution role does not have permissions to call {action} on {arn}", 400)
    return put_config(name, qualifier, data)


if rules.on("async-destinations"):
    lambda_svc.invoke_async_with_retry = call_with_destinations
    lambda_svc._put_event_invoke_config = put_allowed_config
    eventbridge._dispatch_to_lambda = call_from_rule
    sns._lambda_svc = OfTopics()
