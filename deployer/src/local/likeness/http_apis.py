"""Deployed HTTP APIs as API Gateway serves them: to everybody, with permission to invoke, and with the events and answers of both formats."""

import contextvars
import json
import logging
import re

from ministack import app as emulator
from ministack.services import apigateway as api
from ministack.services import lambda_svc

from . import rules
from .topics import refusal_of_function

logger = logging.getLogger("deployer.delivery")

SERVICE = "apigateway.amazonaws.com"
FAILED = {"statusCode": 500, "headers": {"content-type": "application/json"}, "body": '{"message":"Internal Server Error"}'}
PREFLIGHT = "access-control-request-method"
BARE_URL = re.compile(r"/_aws/execute-api/[^/]+")

handle_execute = api._handle_execute_in_scope
match_route = api._match_route
authorization_type = api.route_authorization_type
invoke_function = api._invoke_lambda_proxy
invoke_authorizer = api._invoke_request_authorizer_lambda
authorize = api._authorize_request_v2
run_function = api.run_reentrant
answer_of = lambda_svc.lambda_execute_result_to_api_proxy_response
parse_url = emulator._parse_execute_api_url

# The request in progress: its format, query, stage variables and authorizer.
serving = contextvars.ContextVar("serving", default=None)


def scope_in_any_account(api_id):
    """The account and region of an API. The emulator looks only into the caller's account, which anonymous callers lack."""
    return next((key[:2] for key, _ in api._apis.all_items() if key[2] == api_id), None)


def known_authorization_type(api_id, stage, method, path):
    """Nobody needs permission for a request that no route takes, nor for a browser's question before a request."""
    known = authorization_type(api_id, stage, method, path)
    return "NONE" if known is None and api.find_api_scope(api_id) is not None else known


def parse_bare_url(host, path):
    """The URL of an API, with or without a slash at its end."""
    return parse_url(host, path + "/" if BARE_URL.fullmatch(path) else path)


def as_specific_as(method, route_path):
    """Any variable with a plus takes all that follows, whatever its name."""
    parts = route_path.strip("/").split("/")
    fixed = sum(1 for part in parts if not part.startswith("{"))
    return 0 if any(part.endswith("+}") for part in parts) else 1, fixed, 0 if method == "ANY" else 1


async def serve(api_id, stage, path, method, headers, *request):
    """A request for OPTIONS, which the emulator always takes for a browser's question. It reaches a route like any other one, unless
    the API has CORS settings and the route lets everybody call."""
    if method != "OPTIONS":
        return await handle_execute(api_id, stage, path, method, headers, *request)
    cors = (api._apis.get(api_id) or {}).get("corsConfiguration")
    route = match_route(api_id, method, "/" + path.lstrip("/"))
    is_guarded = route is not None and (route.get("authorizationType") or "NONE") != "NONE"
    if cors and "origin" in headers and PREFLIGHT in headers and not is_guarded:
        return await handle_execute(api_id, stage, path, method, headers, *request)
    # The emulator compares the method with capitals.
    return await handle_execute(api_id, stage, path, "options", headers, *request)


def match_any_case(api_id, method, path):
    return match_route(api_id, method.upper(), path)


def refusal(api_id, source, function):
    source = f"arn:aws:execute-api:{api.get_region()}:{api.get_account_id()}:{api_id}/{source}"
    why = refusal_of_function(api._extract_lambda_ref_from_integration_uri(function), SERVICE, source)
    if why is not None:
        logger.warning("HTTP API %s cannot invoke %s: %s", api_id, function, why)
    return why


async def invoke_permitted(integration, api_id, stage, path, method, headers, body, query_params, route_key="$default", *more, **details):
    requests = route_key if route_key == "$default" else f"{method.upper()}{route_key.partition(' ')[2]}"
    if rules.on("http-api-permission") and refusal(api_id, f"{stage}/{requests}", integration.get("integrationUri", "")):
        return 500, dict(FAILED["headers"]), FAILED["body"].encode()
    context = {
        "version": integration.get("payloadFormatVersion", "2.0"), "stage": stage, "path": path, "query": query_params or {},
        "key": route_key, "variables": api._get_stage_variables(api_id, stage), "authorizer": details.get("authorizer_lambda_context"),
    }
    token = serving.set(context)
    try:
        return await invoke_function(integration, api_id, stage, path, method.upper(), headers, body, query_params, route_key, *more, **details)
    finally:
        serving.reset(token)


async def authorizer_permitted(authorizer, event, account_id, region):
    context = event.get("requestContext", {})
    is_http = (api._apis.get(context.get("apiId")) or {}).get("protocolType") == "HTTP"
    if is_http and refusal(context["apiId"], f"authorizers/{authorizer['authorizerId']}", authorizer.get("authorizerUri", "")):
        return None
    return await invoke_authorizer(authorizer, event, account_id, region)


async def authorize_any_case(api_id, stage, route, method, *request):
    return await authorize(api_id, stage, route, method.upper(), *request)


async def run_with_event(run, record, event, **options):
    context = serving.get()
    if context is not None:
        event = event_of(event, context) if context["version"] == "2.0" else first_format(event, context)
    return await run_function(run, record, event, **options)


def event_of(event, context):
    """The parts of an event in format 2.0 that the emulator leaves out."""
    headers = dict(event["headers"])
    cookies = headers.pop("cookie", None)
    event = {**event, "headers": headers}
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if context["variables"]:
        event["stageVariables"] = context["variables"]
    if not event.get("pathParameters"):
        event.pop("pathParameters", None)
    event["requestContext"]["domainPrefix"] = event["requestContext"]["apiId"]
    return event


def first_format(event, context):
    """An event in format 1.0, which is that of a REST API."""
    request, query = event["requestContext"], context["query"]
    http, headers = request["http"], event["headers"]
    resource = context["key"] if context["key"] == "$default" else context["key"].partition(" ")[2]
    path = event["rawPath"] if context["stage"] == "$default" else f"/{context['stage']}{event['rawPath']}"
    of_authorizer = request.get("authorizer") or {}
    authorizer = of_authorizer.get("lambda") or of_authorizer.get("jwt")
    return {
        "version": "1.0", "resource": resource, "path": path, "httpMethod": http["method"],
        "headers": headers, "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": {name: list(values) for name, values in query.items()} or None,
        "pathParameters": event.get("pathParameters") or None, "stageVariables": context["variables"] or None,
        "requestContext": {
            "accountId": request["accountId"], "apiId": request["apiId"], "domainName": request["domainName"],
            "domainPrefix": request["apiId"], "extendedRequestId": request["requestId"], "requestId": request["requestId"],
            "httpMethod": http["method"], "path": path, "protocol": http["protocol"], "resourceId": resource, "resourcePath": resource,
            "requestTime": request["time"], "requestTimeEpoch": request["timeEpoch"], "stage": context["stage"],
            "identity": {"sourceIp": http["sourceIp"], "userAgent": http["userAgent"]},
            **({"authorizer": authorizer} if authorizer else {}),
        },
        "body": event.get("body"), "isBase64Encoded": event.get("isBase64Encoded", False),
    }


def answer_in_format(result):
    """A function's answer to a route, as its format has it."""
    context = serving.get()
    if context is None:
        return answer_of(result)
    answer = result.get("body")
    if isinstance(answer, bytes) or isinstance(answer, str) and result.get("raw_payload"):
        try:
            answer = json.loads(answer)
        except ValueError:
            pass
    if result.get("error") or result.get("throttle"):
        return dict(FAILED), None
    if isinstance(answer, dict) and "statusCode" in answer:
        return proxy_answer(answer, context), None
    if context["version"] != "2.0":
        logger.warning("a function's answer has no status code: %.200s", answer)
        return dict(FAILED), None
    # A function that only answers a value.
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": text}, None


def proxy_answer(answer, context):
    status, body = answer.get("statusCode"), answer.get("body")
    is_status = not isinstance(status, bool) and str(status).isdecimal() and 100 <= int(status) <= 599
    if not is_status or not (body is None or isinstance(body, str)):
        logger.warning("a function's answer has another form than API Gateway takes: %.200s", answer)
        return dict(FAILED)
    headers = {name: str(value) for name, value in (answer.get("headers") or {}).items()}
    if context["version"] != "2.0":
        for name, values in (answer.get("multiValueHeaders") or {}).items():
            headers[name] = list(values) if name.lower() == "set-cookie" else ",".join(map(str, values))
    return {**answer, "statusCode": int(status), "headers": headers, "body": body or ""}


if rules.on("http-api-callers"):
    api.find_api_scope = scope_in_any_account
    api.route_authorization_type = known_authorization_type
    emulator._parse_execute_api_url = parse_bare_url
if rules.on("http-api-routes"):
    api._handle_execute_in_scope = serve
    api._match_route = match_any_case
    api._route_specificity = as_specific_as
    api._authorize_request_v2 = authorize_any_case
if rules.on("http-api-permission") or rules.on("http-api-format"):
    api._invoke_lambda_proxy = invoke_permitted
if rules.on("http-api-permission"):
    api._invoke_request_authorizer_lambda = authorizer_permitted
if rules.on("http-api-format"):
    api.run_reentrant = run_with_event
    lambda_svc.lambda_execute_result_to_api_proxy_response = answer_in_format
