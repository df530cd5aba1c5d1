"""Web pages of other sites and buckets: a bucket answers them by its CORS rules, and no other way."""

import re
from urllib.parse import quote
from xml.etree import ElementTree

from ministack import app as emulator
from ministack.services import s3

from . import rules, websites

QUESTION = "access-control-request-method"
ALLOW = "access-control-"
METHODS = {"GET", "PUT", "POST", "DELETE", "HEAD"}

put_cors = s3._put_bucket_cors


def refusal(rule):
    """Why S3 refuses a CORS rule, or None."""
    values = {}
    for child in rule:
        values.setdefault(child.tag.rsplit("}", 1)[-1], []).append(child.text or "")
    for method in values.get("AllowedMethod", []):
        if method not in METHODS:
            return f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
    for name in ("AllowedOrigin", "AllowedHeader"):
        for value in values.get(name, []):
            if value.count("*") > 1:
                return f'{name} "{value}" can not have more than one wildcard.'
    for value in values.get("ExposeHeader", []):
        if "*" in value:
            return f'ExposeHeader "{value}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
    return None


def put_checked(name, body):
    try:
        found = [rule for rule in ElementTree.fromstring(body) if rule.tag.rsplit("}", 1)[-1] == "CORSRule"]
    except ElementTree.ParseError:
        found = []
    needed = ("AllowedMethod", "AllowedOrigin")
    names = [{child.tag.rsplit("}", 1)[-1] for child in rule} for rule in found]
    if not found or any(part not in parts for parts in names for part in needed):
        return s3._error("MalformedXML", s3._MALFORMED_XML, 400)
    why = next(filter(None, map(refusal, found)), None)
    return s3._error("InvalidRequest", why, 400) if why else put_cors(name, body)


def target(path, headers):
    """The bucket and the key that a request by path is for, if the bucket exists."""
    bucket, _, key = path.lstrip("/").partition("/")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{2,62}", bucket) or s3._bucket_owner_account(bucket) is None:
        return None
    return bucket, key


def is_question(method, headers):
    """Tells whether a browser asks before a page's request (a preflight request)."""
    return method == "OPTIONS" and "origin" in headers and QUESTION in headers


def answered_here(method, path, headers):
    """The answer to a request for a website, or to a browser's question about a bucket, or None."""
    bucket = websites.bucket_of(headers.get("host", ""))
    if bucket is not None:
        key = path.lstrip("/")
        if is_question(method, headers):
            return s3.cors_preflight(bucket, key, headers)
        status, found, body = websites.answer(bucket, method, path, headers)
        return status, {**found, **s3.cors_response_headers(bucket, method, headers)}, body
    if rules.on("bucket-cors") and is_question(method, headers):
        found = target(path, headers)
        return s3.cors_preflight(*found, headers) if found else None
    return None


async def reply(send, method, status, headers, body):
    body = body.encode() if isinstance(body, str) else body
    lines = {name.lower(): str(value) for name, value in headers.items()}
    lines.setdefault("content-length", str(len(body)))
    encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in lines.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def by_rules(send, bucket, method, headers):
    """The `send` that replaces the emulator's permission for all pages by the bucket's rules."""
    allowed = s3.cors_response_headers(bucket, method, headers)

    async def sent(message):
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message["headers"] if not name.lower().startswith(ALLOW.encode())]
            kept += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in allowed.items()]
            message = {**message, "headers": kept}
        await send(message)

    return sent


def serving(served):
    """The emulator with websites and CORS rules of buckets."""
    async def app(scope, receive, send):
        if scope["type"] != "http":
            return await served(scope, receive, send)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        method, path = scope["method"], (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
        answer = answered_here(method, path.partition("?")[0], headers)
        if answer is not None:
            return await reply(send, method, *answer)
        found = target(path, headers) if rules.on("bucket-cors") else None
        if found and emulator.detect_service(method, path, headers, {}) == "s3":
            send = by_rules(send, found[0], method, headers)
        return await served(scope, receive, send)

    return app


if rules.on("bucket-cors"):
    s3._put_bucket_cors = put_checked
