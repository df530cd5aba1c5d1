"""Websites of buckets, each at `BUCKET.s3-website.localhost`: as S3 serves them, to everybody whom the bucket lets read."""

import html
import re
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from ministack.core.responses import request_scope
from ministack.services import s3

from . import rules

HOST = re.compile(r"([a-z0-9][a-z0-9.-]*)\.s3-website\.localhost(?::[0-9]+)?")
MOVED = "x-amz-website-redirect-location"
REASONS = {301: "Moved Permanently", 302: "Found", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 412: "Precondition Failed", 416: "Requested Range Not Satisfiable"}
MESSAGES = {
    "AccessDenied": "Access Denied",
    "MethodNotAllowed": "The specified method is not allowed against this resource.",
    "NoSuchBucket": "The specified bucket does not exist",
    "NoSuchKey": "The specified key does not exist.",
    "NoSuchWebsiteConfiguration": "The specified bucket does not have a website configuration",
}

put_website = s3._put_bucket_website


def bucket_of(host):
    """The bucket whose website has this name, or None."""
    found = HOST.fullmatch(host) if rules.on("bucket-website") else None
    return found[1] if found else None


def parse(stored):
    """A website configuration in the form of nested dictionaries; routing rules are a list."""
    def of(element):
        return {child.tag.rsplit("}", 1)[-1]: of(child) if len(child) else child.text or "" for child in element}
    root = ElementTree.fromstring(stored)
    parts = of(root)
    parts["RoutingRules"] = [of(rule) for rule in root.iter() if rule.tag.rsplit("}", 1)[-1] == "RoutingRule"]
    return parts


def refusal(parts):
    """Why S3 refuses a configuration, or None."""
    index = (parts.get("IndexDocument") or {}).get("Suffix", "")
    if "RedirectAllRequestsTo" in parts:
        others = "IndexDocument" in parts or "ErrorDocument" in parts or parts["RoutingRules"]
        return "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules." if others else None
    if not index or "/" in index:
        return "The IndexDocument Suffix is not well formed"
    for rule in parts["RoutingRules"]:
        redirect = rule.get("Redirect") or {}
        if "ReplaceKeyWith" in redirect and "ReplaceKeyPrefixWith" in redirect:
            return "You can only define ReplaceKeyPrefix or ReplaceKey but not both."
    return None


def put_checked(name, body):
    try:
        why = refusal(parse(body))
    except ElementTree.ParseError:
        return s3._error("MalformedXML", s3._MALFORMED_XML, 400)
    return s3._error("InvalidArgument", why, 400) if why else put_website(name, body)


class Failed(Exception):
    """An answer without the object that was asked for."""

    def __init__(self, status, code, key=""):
        super().__init__(code)
        self.status, self.code, self.key = status, code, key


class Website:
    """The website of a bucket, for one request."""

    def __init__(self, bucket, host, headers):
        self.bucket, self.host, self.headers = bucket, host, headers
        self.owner = s3._bucket_owner_account(bucket)
        if self.owner is None:
            raise Failed(404, "NoSuchBucket")
        stored = s3._bucket_websites.get_scoped(self.owner, None, bucket)
        if not stored:
            raise Failed(404, "NoSuchWebsiteConfiguration")
        self.parts = parse(stored)

    def may(self, key, query=None):
        return s3._foreign_bucket_allows(self.owner, self.bucket, key, "GET", query or {}, "", self.headers)

    def read(self, key):
        """The object with this key, if everybody may read it. Raises Failed."""
        with request_scope(self.owner, s3.get_region()):
            exists = key in (s3._buckets.get(self.bucket) or {"objects": {}})["objects"]
            if not exists:
                # S3 tells that an object is missing only to callers who may list the bucket.
                missing = self.may("", {"list-type": ["2"]})
                raise Failed(404, "NoSuchKey", key) if missing else Failed(403, "AccessDenied", key)
            if not self.may(key):
                raise Failed(403, "AccessDenied", key)
            return s3._get_object(self.bucket, key, self.headers, {})

    def serve(self, key):
        """The answer to a request for a key."""
        everything = self.parts.get("RedirectAllRequestsTo")
        if everything:
            return self.redirect(f"{everything.get('Protocol') or 'http'}://{everything['HostName']}/{quote(key)}", 301)
        moved = self.route(key, None)
        if moved:
            return moved
        index = self.parts["IndexDocument"]["Suffix"]
        try:
            status, headers, body = self.read(key + index if not key or key.endswith("/") else key)
        except Failed as failed:
            if self.is_folder(key, index):
                return self.redirect(f"/{quote(key)}/", 302)
            return self.fail(key, failed)
        location = headers.get(MOVED)
        return self.redirect(location, 301) if location else (status, headers, body)

    def is_folder(self, key, index):
        try:
            return bool(key) and not key.endswith("/") and bool(self.read(f"{key}/{index}"))
        except Failed:
            return False

    def route(self, key, status):
        """The redirection of the first routing rule for a key and the status of an error, or None."""
        for rule in self.parts["RoutingRules"]:
            condition, redirect = rule.get("Condition") or {}, rule.get("Redirect") or {}
            expected = condition.get("HttpErrorCodeReturnedEquals")
            prefix = condition.get("KeyPrefixEquals", "")
            if not key.startswith(prefix) or (expected and expected != str(status)) or (not expected and status):
                continue
            if "ReplaceKeyPrefixWith" in redirect:
                key = redirect["ReplaceKeyPrefixWith"] + key[len(prefix):]
            key = redirect.get("ReplaceKeyWith", key)
            host = redirect.get("HostName") or self.host
            address = f"{redirect.get('Protocol') or 'http'}://{host}/{quote(key)}"
            return self.redirect(address, int(redirect.get("HttpRedirectCode") or 301))
        return None

    def fail(self, key, failed):
        """The answer to a request that failed: a redirection, the error document, or S3's own page."""
        moved = self.route(key, failed.status)
        if moved:
            return moved
        document = (self.parts.get("ErrorDocument") or {}).get("Key")
        if document:
            try:
                _, headers, body = self.read(document)
                return failed.status, headers, body
            except Failed:
                pass
        return page(failed)

    @staticmethod
    def redirect(location, status):
        return status, {"Location": location, "Content-Length": "0"}, b""


def page(failed):
    """S3's own page for a request that failed."""
    title = f"{failed.status} {REASONS.get(failed.status, 'Error')}"
    lines = [f"<li>Code: {failed.code}</li>", f"<li>Message: {MESSAGES.get(failed.code, failed.code)}</li>"]
    if failed.key:
        lines.append(f"<li>Key: {html.escape(failed.key)}</li>")
    text = f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n{''.join(lines)}\n</ul>\n<hr/>\n</body>\n</html>\n"
    return failed.status, {"Content-Type": "text/html; charset=utf-8", "x-amz-error-code": failed.code}, text.encode()


def answer(bucket, method, path, headers):
    """The answer of a bucket's website."""
    if method not in ("GET", "HEAD"):
        return page(Failed(405, "MethodNotAllowed"))
    try:
        return Website(bucket, headers.get("host", ""), headers).serve(unquote(path).removeprefix("/"))
    except Failed as failed:
        return page(failed)


if rules.on("bucket-website"):
    s3._put_bucket_website = put_checked
