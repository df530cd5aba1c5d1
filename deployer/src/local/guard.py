"""Starts the emulator behind a guard that lets in only who has this start's key.

Three kinds of request come through:
- to a deployed API (`/restapis/ID/STAGE/_user_request_/…`, `/_aws/execute-api/…`): from anybody, as on AWS;
- the health check: from anybody;
- everything else: signed (Signature Version 4) with the secret of this start, or with credentials that the emulator gave out.

A request with another `Host` than this server's own is refused: a page can point a name of its own at 127.0.0.1. So is one with
`Origin` or fetch metadata outside deployed APIs: a browser sends these and no AWS client does.
"""

import hashlib
import hmac
import json
import os
import re
from urllib.parse import parse_qs, quote

from ministack.core import lambda_runtime, sigv4

SECRET = os.environ["AWS_SECRET_ACCESS_KEY"]
PORT = os.environ["GATEWAY_PORT"]
HOSTS = {f"127.0.0.1:{PORT}", f"localhost:{PORT}"}
HEALTH = "/_ministack/health"
CODE = "/_ministack/lambda-code/"
DEPLOYED_API = re.compile(r"/(?:_aws/execute-api/[^/]+/|restapis/[^/]+/[^/]*/_user_request_(?:/|\Z))")
BROWSER = ("origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")
ROOT = re.compile(r"test|[0-9]{12}")
JSON_SERVICES = {"apigateway", "bedrock", "lambda", "logs", "monitoring", "sqs", "tagging"}


def derived(text):
    """A text that only the holder of the secret can compute."""
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def with_secret_sessions(original):
    """The emulator computes a role session's secret from names that anybody may know; the result has one from the key of this start."""
    def credentials(config):
        given = original(config)
        key = given["AWS_ACCESS_KEY_ID"]
        if ROOT.fullmatch(key):
            return given
        from ministack.services import sts

        sts._sessions[key]["SecretAccessKey"] = derived(key)
        return {**given, "AWS_SECRET_ACCESS_KEY": derived(key)}
    return credentials


# Before the services import it by name.
lambda_runtime.execution_credentials = with_secret_sessions(lambda_runtime.execution_credentials)

from ministack import app as emulator  # noqa: E402
from ministack.core import iam_evaluator  # noqa: E402
from ministack.services import lambda_svc  # noqa: E402

code_address = lambda_svc._presigned_code_url


def signed_code_address(function):
    address = code_address(function)
    path = address.partition("?")[0].partition(CODE)[2]
    return address.replace("ministack-local-presigned", derived(CODE + path))


lambda_svc._presigned_code_url = signed_code_address


def secret_of(key):
    """The secret that belongs to an access key id, or None."""
    if ROOT.fullmatch(key):
        return SECRET
    try:
        account = iam_evaluator.find_iam_access_key_account(key)
    except iam_evaluator.AmbiguousAccessKeyError:
        return None
    from ministack.services import sts

    session = sts._sessions.get(key) or {}
    arn = str(session.get("Arn", "")).split(":")
    account = account or session.get("AccountId") or (arn[4] if len(arn) > 4 else None)
    found = iam_evaluator.resolve_credential(key, account)
    return getattr(found, "secret_access_key", None)


def refusal(headers, path, query, method, raw_path, body):
    """Says why a request may not pass, or None. Expects that its host is ours and that it is not for a deployed API."""
    if any(name in headers for name in BROWSER):
        return "requests of web pages are not served"
    if path.startswith(CODE):
        given = query.get("X-Amz-Signature", [""])[0]
        return None if hmac.compare_digest(given.encode(), derived(path).encode()) else "this address is not signed"
    presigned = "X-Amz-Signature" in query
    if not presigned and not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
        return "the request is not signed"
    signature = sigv4.parse_query_signature(query) if presigned else sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple):
        return signature[1]
    if "host" not in signature.signed_headers.split(";"):
        return "the signature does not cover the host"
    if presigned:
        try:
            late = sigv4.presigned_request_is_expired(signature.amz_date, query.get("X-Amz-Expires", [""])[0])
        except ValueError:
            late = True
        failure = ("", "the address has expired") if late else None
    else:
        failure = sigv4.request_time_failure(signature)
    secret = secret_of(signature.access_key_id)
    if secret is None:
        return "the access key does not exist here"
    failure = failure or sigv4.header_signature_failure(
        signature, secret, method, raw_path, query, headers, body, presigned=presigned)
    return failure and failure[1]


def service_of(headers, query):
    scope = headers.get("authorization", "").partition("Credential=")[2].partition(",")[0]
    scope = scope or query.get("X-Amz-Credential", [""])[0]
    return (scope.split("/") + [""] * 4)[3]


async def refuse(send, why, service):
    message = f"{why}; sign requests with the keys that `deployer local status --json` prints"
    if service in JSON_SERVICES or not service:
        content_type, text = "application/json", json.dumps({"__type": "AccessDeniedException", "message": message})
    else:
        escaped = message.replace("&", "&amp;").replace("<", "&lt;")
        inner = f"<Code>AccessDenied</Code><Message>{escaped}</Message>"
        error = f"<Error>{inner}</Error>"
        content_type, text = "text/xml", error if service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>"
    headers = [(b"content-type", content_type.encode()), (b"x-amzn-errortype", b"AccessDeniedException")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


async def whole(receive):
    """Reads the body and returns it with a `receive` that gives it once more."""
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None, receive
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    body, pending = b"".join(parts), True

    async def again():
        nonlocal pending
        if pending:
            pending = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return body, again


def guarded(served):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            return await served(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        headers = {}
        for name, value in scope["headers"]:
            name, value = name.decode("latin-1").lower(), sigv4.decode_header_value(value)
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        path = scope["path"]
        query = parse_qs(scope.get("query_string", b"").decode("utf-8", "replace"), keep_blank_values=True)
        if headers.get("host") not in HOSTS:
            return await refuse(send, "this server has another name", service_of(headers, query))
        if path != HEALTH and not DEPLOYED_API.match(path):
            body, payload = b"", headers.get("x-amz-content-sha256", "")
            if not payload or payload.startswith("STREAMING-AWS4"):
                body, receive = await whole(receive)
                if body is None:
                    return None
            raw_path = (scope.get("raw_path") or quote(path).encode()).decode("latin-1")
            why = refusal(headers, path, query, scope["method"], raw_path, body)
            if why:
                return await refuse(send, why, service_of(headers, query))
        return await served(scope, receive, send)

    return app


emulator.app = guarded(emulator.app)
emulator.main()
