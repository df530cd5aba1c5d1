"""Deployed APIs as API Gateway serves them: what was deployed, with permission to invoke, and only answers in a proxy's form."""

import contextvars
import copy
import json
import logging

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import apigateway_v1 as api
from ministack.services import lambda_svc

from . import grants, rules
from .topics import refusal_of_function

logger = logging.getLogger("deployer.delivery")

SERVICE = "apigateway.amazonaws.com"
INVOKE = "lambda:InvokeFunction"
FAILED = "Internal server error"

delete_deployment = api._delete_deployment
create_stage = api._create_stage
update_stage = api._update_stage
delete_resource = api._delete_resource
delete_rest_api = api._delete_rest_api
handle_execute = api._handle_execute_in_scope
authorization_type = api.method_authorization_type
get_state, load_persisted_state, reset = api.get_state, api.load_persisted_state, api.reset

# By API and deployment: what a deployment serves.
snapshots = {}
# The snapshot that the request in progress is served from.
serving = contextvars.ContextVar("serving", default=None)


class Served(AccountRegionScopedDict):
    """The live definitions, in place of which a request to a stage gets those of its deployment."""

    __slots__ = ()

    def get(self, key, default=None):
        live = super().get(key, default)
        snapshot = serving.get()
        if snapshot is None or live is None:
            return live
        if self is api._resources:
            return snapshot["resources"]
        return {**live, "binaryMediaTypes": snapshot["binaryMediaTypes"]}


def with_snapshot(create_deployment):
    """CreateDeployment, which keeps what its stages will serve."""
    def create(api_id, data):
        answer = create_deployment(api_id, data)
        if answer[0] == 201:
            live = {
                "resources": api._resources.get(api_id, {}),
                "binaryMediaTypes": api._rest_apis.get(api_id)["binaryMediaTypes"],
            }
            snapshots.setdefault(api_id, {})[json.loads(answer[2])["id"]] = copy.deepcopy(live)
        return answer
    return create


def snapshot_of(api_id, stage_name):
    """None for a deployment of an emulator that kept no snapshots."""
    stage = api._stages_v1.get(api_id, {}).get(stage_name) or {}
    return snapshots.get(api_id, {}).get(stage.get("deploymentId"))


async def serve(api_id, stage_name, *request):
    token = serving.set(snapshot_of(api_id, stage_name))
    try:
        return await handle_execute(api_id, stage_name, *request)
    finally:
        serving.reset(token)


def served_authorization_type(api_id, stage_name, method, path):
    scope = api.find_api_scope(api_id)
    if scope is None:
        return None
    with api.request_scope(*scope):
        token = serving.set(snapshot_of(api_id, stage_name))
    try:
        return authorization_type(api_id, stage_name, method, path)
    finally:
        serving.reset(token)


def scope_in_any_account(api_id):
    """The account and region of an API. The emulator looks only into the caller's account, which anonymous callers lack."""
    return next((key[:2] for key, _ in api._rest_apis.all_items() if key[2] == api_id), None)


def forget_api(api_id):
    snapshots.pop(api_id, None)
    return delete_rest_api(api_id)


def state_with_snapshots():
    return {**get_state(), "deployed_definitions": copy.deepcopy(snapshots)}


def load_with_snapshots(data):
    snapshots.update(data.get("deployed_definitions") or {})
    load_persisted_state(data)


def reset_with_snapshots():
    snapshots.clear()
    reset()


def of_complete_api(create_deployment):
    """CreateDeployment, which refuses an API that cannot be served."""
    def create(api_id, data):
        resources = api._resources.get(api_id, {}).values()
        methods = [method for resource in resources for method in resource.get("resourceMethods", {}).values()]
        if api_id in api._rest_apis:
            if not methods:
                return bad_request("The REST API doesn't contain any methods")
            if not all(method.get("methodIntegration") for method in methods):
                return bad_request("No integration defined for method")
        return create_deployment(api_id, data)
    return create


def delete_unused_deployment(api_id, deployment_id):
    if any(stage["deploymentId"] == deployment_id for stage in api._stages_v1.get(api_id, {}).values()):
        return bad_request("Active stages pointing to this deployment must be moved or deleted")
    return delete_deployment(api_id, deployment_id)


def create_new_stage(api_id, data):
    if api_id in api._rest_apis:
        if data.get("stageName") in api._stages_v1.get(api_id, {}):
            return api._v1_error("ConflictException", "Stage already exists", 409)
        if data.get("deploymentId") not in api._deployments_v1.get(api_id, {}):
            return bad_request("Deployment id does not exist")
    return create_stage(api_id, data)


def update_known_stage(api_id, stage_name, data):
    known = api._deployments_v1.get(api_id, {})
    for operation in data.get("patchOperations", []):
        if operation.get("path") == "/deploymentId" and operation.get("value") not in known:
            return bad_request("Deployment id does not exist")
    return update_stage(api_id, stage_name, data)


def bad_request(message):
    return api._v1_error("BadRequestException", message, 400)


def delete_subtree(api_id, resource_id):
    answer = delete_resource(api_id, resource_id)
    if answer[0] == 202:
        children = [key for key, found in api._resources[api_id].items() if found.get("parentId") == resource_id]
        for child in children:
            delete_subtree(api_id, child)
    return answer


def permitted(invoke):
    """An integration that invokes a function only if that allows it, or the integration's own role does."""
    async def checked(integration, api_id, stage_name, stage, resource, path, method, *request, **details):
        function = api._extract_lambda_ref_from_integration_uri(integration.get("uri", ""))
        source = f"arn:aws:execute-api:{api.get_region()}:{api.get_account_id()}:{api_id}/{stage_name}/{method}{path}"
        role = integration.get("credentials")
        if not role:
            refusal = refusal_of_function(function, SERVICE, source)
        else:
            refusal = None if grants.role_may(role, INVOKE, function) else f"{role} may not invoke it"
        if refusal is not None:
            logger.warning("%s %s of API %s cannot invoke %s: %s", method, path, api_id, function, refusal)
            return api._gw_error("API_CONFIGURATION_ERROR", FAILED)
        return await invoke(integration, api_id, stage_name, stage, resource, path, method, *request, **details)
    return checked


def proxy_answer(result):
    """A function's answer to a route, or the reason why API Gateway cannot pass it on."""
    if result.get("throttle"):
        return {"statusCode": 500, "body": json.dumps({"message": FAILED})}, None
    answer = result.get("body")
    if isinstance(answer, bytes) or isinstance(answer, str) and result.get("raw_payload"):
        try:
            answer = json.loads(answer)
        except ValueError:
            pass
    if result.get("error") or not is_proxy_answer(answer):
        logger.warning("a function's answer is not a proxy's: %.200s", answer)
        return None, FAILED
    body = answer.get("body")
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    return {**answer, "statusCode": int(answer["statusCode"]), "body": text}, None


def is_proxy_answer(answer):
    if not isinstance(answer, dict) or not is_status(answer.get("statusCode")):
        return False
    single, multiple = answer.get("headers") or {}, answer.get("multiValueHeaders") or {}
    return (
        not isinstance(answer.get("body"), (dict, list))
        and isinstance(answer.get("isBase64Encoded") or False, bool)
        and isinstance(single, dict) and not any(isinstance(value, (dict, list)) for value in single.values())
        and isinstance(multiple, dict) and all(isinstance(values, list) for values in multiple.values())
    )


def is_status(value):
    return not isinstance(value, bool) and str(value).isdecimal() and 100 <= int(value) <= 599


if rules.on("api-deployments"):
    api._create_deployment = of_complete_api(api._create_deployment)
    api._delete_deployment = delete_unused_deployment
    api._create_stage = create_new_stage
    api._update_stage = update_known_stage
if rules.on("api-snapshot"):
    api._create_deployment = with_snapshot(api._create_deployment)
    api._delete_rest_api = forget_api
    api._handle_execute_in_scope = serve
    api.method_authorization_type = served_authorization_type
    api.get_state, api.load_persisted_state, api.reset = state_with_snapshots, load_with_snapshots, reset_with_snapshots
    api._resources.__class__ = api._rest_apis.__class__ = Served
if rules.on("api-callers"):
    api.find_api_scope = scope_in_any_account
if rules.on("api-subtree"):
    api._delete_resource = delete_subtree
if rules.on("route-permission"):
    api._invoke_lambda_proxy_v1 = permitted(api._invoke_lambda_proxy_v1)
    api._invoke_lambda_custom_v1 = permitted(api._invoke_lambda_custom_v1)
if rules.on("proxy-answer"):
    api._lambda_proxy_response = proxy_answer
