"""The parts of an HTTP API as API Gateway keeps them: one route of a key, no part away from under another, and settings that merge."""

from urllib.parse import unquote

from ministack.services import apigateway as api

from . import rules

handle_request = api.handle_request
create_api, update_api, delete_api = api._create_api, api._update_api, api._delete_api
create_route, update_route = api._create_route, api._update_route
create_integration, update_integration, delete_integration = api._create_integration, api._update_integration, api._delete_integration
create_stage, update_stage = api._create_stage, api._update_stage
update_authorizer, delete_authorizer = api._update_authorizer, api._delete_authorizer


def conflict(message):
    return api._apigw_error("ConflictException", message, 409)


def missing(message):
    return api._apigw_error("NotFoundException", message, 404)


def bad_request(message):
    return api._apigw_error("BadRequestException", message, 400)


def with_more(operation, kept):
    """An operation on something that the emulator stores, with members of the request that it does not keep."""
    def changed(*request):
        data = request[-1]
        status, headers, body = operation(*request)
        if status in (200, 201):
            stored = kept["of"](api.json.loads(body), request)
            stored.update({name: data[name] for name in kept["names"] if data.get(name) is not None})
            return api._apigw_response(stored, status)
        return status, headers, body
    return changed


def api_of(answer, _):
    return api._apis[answer["apiId"]]


def integration_of(answer, request):
    return api._integrations[request[0]][answer["integrationId"]]


def authorizer_of(answer, request):
    return api._authorizers[request[0]][answer["authorizerId"]]


def delete_whole_api(api_id):
    answer = delete_api(api_id)
    if answer[0] == 204:
        api._authorizers.pop(api_id, None)
    return answer


def missing_parts(api_id, data):
    """Why a route cannot have its target or its authorizer, or None."""
    target = (data.get("target") or "").rpartition("integrations/")[2]
    if target and target not in api._integrations.get(api_id, {}):
        return missing(f"Unable to find Integration by Id: {target}")
    authorizer = data.get("authorizerId")
    if authorizer and authorizer not in api._authorizers.get(api_id, {}):
        return missing(f"Unable to find Authorizer by Id: {authorizer}")
    return None


def disagree(one, other):
    """Whether two route keys have variables of different names in one place."""
    paths = [key.partition(" ")[2].split("/") for key in (one, other)]
    first = next(((a, b) for a, b in zip(*paths) if a != b), ("", ""))
    return all(part.startswith("{") for part in first) and first[0].endswith("+}") == first[1].endswith("+}")


def create_new_route(api_id, data):
    key = data.get("routeKey", "$default")
    others = [route["routeKey"] for route in api._routes.get(api_id, {}).values()]
    if key in others:
        return conflict(f"Route with key {key} already exists for this API")
    other = next((other for other in others if disagree(key, other)), None)
    if other is not None:
        return conflict(f'The provided route key "{key}" has a conflicting variable on the same hierarchical level as "{other}"')
    return missing_parts(api_id, data) or create_route(api_id, data)


def update_known_route(api_id, route_id, data):
    return missing_parts(api_id, data) or update_route(api_id, route_id, data)


def users(api_id, is_user):
    ids = [key for key, route in api._routes.get(api_id, {}).items() if is_user(route)]
    return f"referenced by the following Routes with Ids: [{', '.join(ids)}]" if ids else None


def delete_unused_integration(api_id, integration_id):
    used = users(api_id, lambda route: route.get("target") == f"integrations/{integration_id}")
    return conflict(f"Cannot delete Integration because it is {used}") if used else delete_integration(api_id, integration_id)


def delete_unused_authorizer(api_id, authorizer_id):
    used = users(api_id, lambda route: route.get("authorizerId") == authorizer_id)
    return conflict(f"Cannot delete Authorizer because it is {used}") if used else delete_authorizer(api_id, authorizer_id)


def refusal_of_stage(api_id, data):
    keys = {route["routeKey"] for route in api._routes.get(api_id, {}).values()}
    unknown = next((key for key in data.get("routeSettings") or {} if key not in keys), None)
    if unknown is not None:
        return missing(f"Unable to find Route by key {unknown} within the provided RouteSettings")
    line = (data.get("accessLogSettings") or {}).get("format")
    if line is not None and "$context.requestId" not in line and "$context.extendedRequestId" not in line:
        return bad_request("Access log format must contain at least $context.requestId or $context.extendedRequestId")
    return None


def create_new_stage(api_id, data):
    if data.get("stageName") in api._stages.get(api_id, {}):
        return conflict("Stage already exists")
    return refusal_of_stage(api_id, data) or create_stage(api_id, data)


def merge_stage(api_id, stage_name, data):
    """UpdateStage, which adds variables and settings of routes to those that are there. A variable without a value goes away."""
    refused = refusal_of_stage(api_id, data)
    stage = api._stages.get(api_id, {}).get(stage_name)
    if refused or stage is None:
        return refused or update_stage(api_id, stage_name, data)
    merged = dict(data)
    if "stageVariables" in data:
        variables = {**(stage.get("stageVariables") or {}), **(data["stageVariables"] or {})}
        merged["stageVariables"] = {name: value for name, value in variables.items() if value != ""}
    if "routeSettings" in data:
        merged["routeSettings"] = {**(stage.get("routeSettings") or {}), **(data["routeSettings"] or {})}
    return update_stage(api_id, stage_name, merged)


async def handle_parts(method, path, headers, body, query_params):
    """The deletions of parts of a stage, which the emulator takes for that of the stage."""
    parts = [unquote(part) for part in path.removeprefix("/").split("/", 6)]
    if method == "DELETE" and parts[:2] == ["v2", "apis"] and len(parts) > 5 and parts[3] == "stages":
        stage = api._stages.get(parts[2], {}).get(parts[4])
        if stage is None:
            return missing("Invalid stage identifier specified")
        if parts[5] == "accesslogsettings":
            stage.pop("accessLogSettings", None)
            return 204, {}, b""
        if parts[5] == "routesettings" and len(parts) > 6:
            settings = stage.get("routeSettings") or {}
            return (204, {}, b"") if settings.pop(parts[6], None) is not None else missing("Unable to find RouteSettings")
    return await handle_request(method, path, headers, body, query_params)


if rules.on("http-api-parts"):
    api.handle_request = handle_parts
    kept = {"of": api_of, "names": ("ipAddressType",)}
    api._create_api, api._update_api = with_more(create_api, kept), with_more(update_api, kept)
    kept = {"of": integration_of, "names": ("credentialsArn",)}
    api._create_integration, api._update_integration = with_more(create_integration, kept), with_more(update_integration, kept)
    api._update_authorizer = with_more(update_authorizer, {"of": authorizer_of, "names": ("authorizerType",)})
    api._delete_api = delete_whole_api
    api._create_route, api._update_route = create_new_route, update_known_route
    api._delete_integration, api._delete_authorizer = delete_unused_integration, delete_unused_authorizer
    api._create_stage, api._update_stage = create_new_stage, merge_stage
