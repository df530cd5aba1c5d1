"""Authorizers of REST APIs as API Gateway keeps them: one of a name, with changes in the form of each property."""

from ministack.services import apigateway_v1 as api

from . import rules

create_authorizer, update_authorizer = api._create_authorizer, api._update_authorizer


def create_of_new_name(api_id, data):
    name = data.get("name")
    if any(one["name"] == name for one in api._authorizers_v1.get(api_id, {}).values()):
        message = f"Authorizer name must be unique. Authorizer {name} already exists in this RestApi."
        return api._v1_error("ConflictException", message, 409)
    return create_authorizer(api_id, data)


def update_in_form(api_id, authorizer_id, data):
    """UpdateAuthorizer, whose values are texts: a list changes by its entries, and a time is a number."""
    authorizer, others = api._authorizers_v1.get(api_id, {}).get(authorizer_id), []
    for operation in data.get("patchOperations", []) if authorizer else []:
        path, value = operation.get("path"), operation.get("value")
        if path == "/providerARNs":
            kept = [arn for arn in authorizer["providerARNs"] if arn != value]
            authorizer["providerARNs"] = kept + [value] if operation["op"] == "add" else kept
        elif path == "/authorizerResultTtlInSeconds":
            authorizer["authorizerResultTtlInSeconds"] = int(value)
        else:
            others.append(operation)
    return update_authorizer(api_id, authorizer_id, {**data, "patchOperations": others})


if rules.on("api-authorizers"):
    api._create_authorizer, api._update_authorizer = create_of_new_name, update_in_form
