"""Function URLs as Lambda serves them: to everybody only with both statements in the function's policy, and no longer than the function."""

import logging
import re

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc

from . import rules

logger = logging.getLogger("deployer.delivery")

# What everybody needs to call a URL with the authorization NONE, with the condition keys of such a call.
NEEDED = (
    ("lambda:InvokeFunctionUrl", {"lambda:functionurlauthtype": "NONE"}),
    ("lambda:InvokeFunction", {"lambda:invokedviafunctionurl": "true"}),
)
REFUSED = b'{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}'

serve = lambda_svc.handle_function_url_request
delete_function = lambda_svc._delete_function
handle = lambda_svc.handle_request


def refusal(account, region, name, qualifier):
    """The action that a function's policy does not let everybody do through its URL, or None."""
    function = lambda_svc._functions.get_scoped(account, region, name) or {}
    arn = f"arn:aws:lambda:{region}:{account}:function:{name}" + (f":{qualifier}" if qualifier else "")
    for action, context in NEEDED:
        ctx = EvalContext(principal_arn="*", principal_type="Anonymous", principal_account="", action=action,
                          resource_arn=arn, region=region, service_context=context)
        if evaluate_resource_policy(function.get("policy"), ctx).decision != "Allow":
            return action
    return None


async def serve_permitted(url_id, method, path, headers, body, query_params, resolved=None, **request):
    resolved = resolved or lambda_svc.resolve_function_url(url_id)
    is_question = method == "OPTIONS" and resolved and resolved[4].get("Cors")
    if resolved and not is_question and resolved[4].get("AuthType") == "NONE":
        account, region, name, qualifier, settings = resolved
        missing = refusal(account, region, name, qualifier)
        if missing is not None:
            logger.warning("the URL of %s answers 403: the function's policy does not allow everybody %s", name, missing)
            cors = lambda_svc._function_url_cors_headers(settings, headers)
            return 403, {"Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException", **cors}, REFUSED
    return await serve(url_id, method, path, headers, body, query_params, resolved=resolved, **request)


def delete_with_url(name, query_params, path_qualifier=None):
    answer = delete_function(name, query_params, path_qualifier)
    if answer[0] < 300 and name not in lambda_svc._functions:
        for key in [key for key in lambda_svc._function_urls if key.partition(":")[0] == name]:
            lambda_svc._function_urls.pop(key, None)
    return answer


async def handle_named(method, path, *request):
    """A call for a function whose name begins with `url`. The emulator takes it for a call about the function's URL."""
    name = re.search(r"/functions/(url[^/]*)", path)
    if name:
        path = path.replace(name[0], f"/functions/arn:aws:lambda:{get_region()}:{get_account_id()}:function:{name[1]}", 1)
    return await handle(method, path, *request)


if rules.on("function-url"):
    lambda_svc.handle_request = handle_named
    lambda_svc.handle_function_url_request = serve_permitted
    lambda_svc._delete_function = delete_with_url
