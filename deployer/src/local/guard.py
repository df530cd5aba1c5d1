"""Starts the emulator behind a guard that lets in only requests with this start's key, and with the corrections of `likeness`.

These requests come through:
- to a deployed API or a function's URL (`/restapis/ID/STAGE/_user_request_/…`, `/_aws/execute-api/…`, `/_aws/lambda-url/…`): from
  anybody, as on AWS;
- to a bucket's website (`BUCKET.s3-website.localhost`), and a browser's question whether a page may send a request to a bucket:
  from anybody, as on AWS. Names below `localhost` cannot be pointed elsewhere;
- the health check: from anybody;
- everything else: signed (Signature Version 4) with the secret of this start, or with credentials that the emulator gave out.

A request with another `Host` than this server's own is refused: a page can point a name of its own at 127.0.0.1. So is one with
`Origin` or fetch metadata outside deployed APIs: a browser sends these and no AWS client does. A page may send what a presigned
address allows, because only the holder of a key can sign one.

With `DEPLOYER_LOCAL_OPEN=tests` every request comes through, as with the emulator by itself. The project's own tests do that:
they use keys of many accounts, and proxies with other addresses.

A body is read only after everything that the headers tell, and never beyond the largest one that AWS itself would take: whoever
has no key cannot fill the machine's memory.
"""

import asyncio
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import sys
import threading
from urllib.parse import parse_qs, quote

from ministack.core import lambda_runtime, sigv4

# The directory of a cloud that one command has for itself.
PRIVATE = os.environ.pop("DEPLOYER_LOCAL_PRIVATE", "")


def end_with_owner():
    """Ends everything and removes the directory once the command has ended: it holds the other end of the pipe."""
    while os.read(0, 4096):
        pass
    shutil.rmtree(PRIVATE, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


if PRIVATE:
    threading.Thread(target=end_with_owner, daemon=True).start()

SECRET = os.environ["AWS_SECRET_ACCESS_KEY"]
PORT = os.environ["GATEWAY_PORT"]
# Functions inherit the environment.
OPEN = os.environ.pop("DEPLOYER_LOCAL_OPEN", "") == "tests"
# The port of the emulator itself, behind the gateway whose port every address has.
OWN_PORT = os.environ.pop("DEPLOYER_EMULATOR_PORT", PORT)
HOSTS = {f"{name}:{port}" for name in ("127.0.0.1", "localhost") for port in (PORT, OWN_PORT)}
HEALTH = "/_ministack/health"
# Where the gateway asks whether a signed request may pass, before any of its rules sees it.
ADMISSION = "/_deployer/admission"
ADMISSION_PREFIX = "x-deployer-admission-"
# Where the command that has this emulator for itself empties it.
EMPTY = "/_deployer/empty"
CODE = "/_ministack/lambda-code/"
DEPLOYED_API = re.compile(r"/(?:_aws/(?:execute-api|lambda-url)/[^/]+(?:/|\Z)|restapis/[^/]+/[^/]*/_user_request_(?:/|\Z))")
BROWSER = ("origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")
ROOT = re.compile(r"test|[0-9]{12}")
# The largest request of an AWS client whose body has to be known for its signature: 50 MiB of code for Lambda, in base64 and JSON.
LARGEST = 72 * 1024 * 1024
# What API Gateway takes.
LARGEST_OF_API = 10 * 1024 * 1024
# What may be held at a time for requests that are not known to be signed yet.
ROOM = 2 * LARGEST
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

# The interpreter runs isolated, so it does not look beside this file by itself.
sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from likeness import actions, alarms, answers, apis, authorizers, destinations, events, functions, http_apis, http_parts, keys, layers, mail, mocks, moves, notifications, pages, permissions, roles, subscriptions, tables, urls, websites  # noqa: E402, F401


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


class Refused(Exception):
    """Why a request may not pass, and the status that says so."""

    def __init__(self, why, status=403):
        super().__init__(why)
        self.why, self.status = why, status


def claimed(headers, query):
    """The signature that a request claims to have, and the secret that would make it: all that can be checked without the body."""
    presigned = "X-Amz-Signature" in query
    if not presigned and not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
        raise Refused("the request is not signed")
    signature = sigv4.parse_query_signature(query) if presigned else sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple):
        raise Refused(signature[1])
    if "host" not in signature.signed_headers.split(";"):
        raise Refused("the signature does not cover the host")
    if not re.fullmatch(r"[0-9a-f]{64}", signature.signature):
        raise Refused("the signature has another form")
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", signature.amz_date):
        raise Refused("the request's time has another form")
    if presigned:
        try:
            late = sigv4.presigned_request_is_expired(signature.amz_date, query.get("X-Amz-Expires", [""])[0])
        except ValueError:
            late = True
        failure = ("", "the address has expired") if late else None
    else:
        failure = sigv4.request_time_failure(signature)
    if failure:
        raise Refused(failure[1])
    secret = secret_of(signature.access_key_id)
    if secret is None:
        raise Refused("the access key does not exist here")
    return signature, secret, presigned


def service_of(headers, query):
    scope = headers.get("authorization", "").partition("Credential=")[2].partition(",")[0]
    scope = scope or query.get("X-Amz-Credential", [""])[0]
    return (scope.split("/") + [""] * 4)[3]


async def refuse(send, refused, service):
    message = refused.why
    if refused.status == 403:
        message += "; sign requests with the keys that `deployer local status --json` prints"
    if service in JSON_SERVICES or not service:
        content_type, text = "application/json", json.dumps({"__type": "AccessDeniedException", "message": message})
    else:
        escaped = message.replace("&", "&amp;").replace("<", "&lt;")
        inner = f"<Code>AccessDenied</Code><Message>{escaped}</Message>"
        error = f"<Error>{inner}</Error>"
        content_type, text = "text/xml", error if service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>"
    headers = [(b"content-type", content_type.encode()), (b"x-amzn-errortype", b"AccessDeniedException")]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


held = 0


async def whole(receive, headers, largest):
    """Reads the body and returns it with a `receive` that gives it once more. (None, None) when the client has gone."""
    global held
    too_large = Refused(f"the body is larger than {largest // 1024 // 1024} MiB", 413)
    length = headers.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,15}", length) or int(length) > largest:
        raise too_large
    parts, size, more = [], 0, True
    try:
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return None, None
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
            size, held = size + len(parts[-1]), held + len(parts[-1])
            if size > largest:
                raise too_large
            if held > ROOM:
                raise Refused("too many large requests at a time", 503)
    finally:
        held -= size
    return b"".join(parts), once_more(parts, receive)


def once_more(parts, receive):
    async def again():
        if not parts:
            return await receive()
        body = b"".join(parts)
        parts.clear()
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def without_body():
    return {"type": "http.request", "body": b"", "more_body": False}


async def admitted(scope, headers, query, receive):
    """The `receive` with which a request may pass, or None when the client has gone. Raises Refused."""
    path = scope["path"]
    if is_site(headers.get("host", "")):
        return without_body
    if headers.get("host") not in HOSTS:
        raise Refused("this server has another name")
    if pages.is_question(scope["method"], headers) and pages.target(path, headers):
        return without_body
    if path == HEALTH:
        return without_body
    if path == ADMISSION:
        return receive
    if path == EMPTY:
        signature = headers.get("x-deployer-signature", "").encode()
        if not PRIVATE or not hmac.compare_digest(signature, derived(EMPTY).encode()):
            raise Refused("this request is not signed")
        return without_body
    if DEPLOYED_API.match(path):
        return (await whole(receive, headers, LARGEST_OF_API))[1]
    if any(name in headers for name in BROWSER) and not is_presigned(headers, query):
        raise Refused("requests of web pages are not served")
    if path.startswith(CODE):
        if not hmac.compare_digest(query.get("X-Amz-Signature", [""])[0].encode(), derived(path).encode()):
            raise Refused("this address is not signed")
        return without_body
    claim, body = claimed(headers, query), b""
    if needs_body(claim, headers):
        body, receive = await whole(receive, headers, LARGEST)
        if body is None:
            return None
    raw_path = (scope.get("raw_path") or quote(path).encode()).decode("latin-1")
    verify(claim, scope["method"], raw_path, query, headers, body)
    return receive


def is_site(host):
    """Tells whether a name is that of a bucket's website on this server."""
    return any(host.endswith(f".localhost:{port}") for port in (PORT, OWN_PORT)) and websites.bucket_of(host) is not None


def is_presigned(headers, query):
    """Tells whether a request claims to be signed for S3 by its address."""
    return "X-Amz-Signature" in query and service_of(headers, query) == "s3"


def needs_body(claim, headers):
    """Whether the signature covers the body itself, and not a hash that a header states."""
    signature, _, presigned = claim
    payload = headers.get("x-amz-content-sha256", "")
    return not (presigned and signature.service == "s3") and (not payload or payload.startswith("STREAMING-AWS4"))


def verify(claim, method, raw_path, query, headers, body):
    signature, secret, presigned = claim
    failure = sigv4.header_signature_failure(signature, secret, method, raw_path, query, headers, body, presigned=presigned)
    if failure:
        raise Refused(failure[1])


async def admission(headers, receive, send):
    """Answers whether a signed request with these headers and this body may pass. If the gateway has not read the body yet, the
    headers state its length, and the answer is as far as the body does not matter."""
    method, address = (headers.pop(ADMISSION_PREFIX + part, "") for part in ("method", "of"))
    length = headers.pop(ADMISSION_PREFIX + "length", None)
    raw_path, _, query = address.partition("?")
    query = parse_qs(query, keep_blank_values=True)
    try:
        if any(name in headers for name in BROWSER):
            raise Refused("requests of web pages are not served")
        claim = claimed(headers, query)
        if length is None:
            body, _ = await whole(receive, headers, LARGEST)
            if body is None:
                return None
            verify(claim, method, raw_path, query, headers, body)
            same_body(headers, body)
        elif not needs_body(claim, headers):
            headers["content-length"] = length
            verify(claim, method, raw_path, query, headers, b"")
    except Refused as refused:
        return await refuse(send, refused, service_of(headers, query))
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def same_body(headers, body):
    """Raises Refused where a header states the hash of another body."""
    stated = headers.get("x-amz-content-sha256", "")
    if re.fullmatch(r"[0-9a-f]{64}", stated) and not hmac.compare_digest(stated, hashlib.sha256(body).hexdigest()):
        raise Refused("the body is not the one that was signed")


async def empty(send):
    """Makes the emulator as empty as after its start."""
    async with emulator._get_reset_lock():
        await asyncio.to_thread(emulator._reset_all_state)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


background = set()


def guarded(served):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            # The loop itself keeps no reference that lasts.
            background.add(asyncio.get_running_loop().create_task(alarms.keep_up_to_date()))
            return await served(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        if OPEN:
            return await served(scope, receive, send)
        headers = {}
        for name, value in scope["headers"]:
            name, value = name.decode("latin-1").lower(), sigv4.decode_header_value(value)
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        query = parse_qs(scope.get("query_string", b"").decode("utf-8", "replace"), keep_blank_values=True)
        try:
            receive = await admitted(scope, headers, query, receive)
        except Refused as refused:
            return await refuse(send, refused, service_of(headers, query))
        if receive is None:
            return None
        if scope["path"] == ADMISSION:
            return await admission(headers, receive, send)
        if scope["path"] == EMPTY:
            return await empty(send)
        return await served(scope, receive, send)

    return app


emulator._resolve_port = lambda: OWN_PORT
emulator.app = guarded(pages.serving(emulator.app))
emulator.main()
