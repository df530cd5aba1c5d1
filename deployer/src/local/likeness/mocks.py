"""Answers of API Gateway itself as it gives them: their templates may have conditions, and set headers."""

import contextvars
import re

from ministack.services import apigateway_v1 as api

from . import rules

execute = api._execute_in_scope
invoke_mock = api._invoke_mock_v1

JSON = "application/json"
DIRECTIVE = re.compile(r"#(set|if|elseif)\s*\(|#(else|end)(?![A-Za-z])")
OVERRIDE = re.compile(r"\s*\$context\.responseOverride\.(?:header\.([A-Za-z0-9_-]+)|(status))\s*=(.*)", re.DOTALL)

# The request in progress: its headers, query and path variables.
asking = contextvars.ContextVar("asking", default=None)


class Rendering:
    """A template of an answer while it is rendered."""

    def __init__(self, params):
        self.state = {"vars": {}, "context": {}, "body": "", "params": params, "gobbled": False}
        self.headers, self.status, self.out = {}, None, []
        # Of each condition around: whether its present part counts, and whether a part of it did.
        self.around = []

    def counts(self):
        return all(now for now, _ in self.around)

    def render(self, template):
        at = 0
        while (found := DIRECTIVE.search(template, at)) is not None:
            self.text(template[at:found.start()])
            at, inner = found.end(), ""
            if found[1]:
                close = api._vtl_close_paren(template, found.end() - 1)
                if close is None:
                    raise ValueError("a parenthesis is not closed")
                inner, at = template[found.end():close], close + 1
            self.directive(found[1] or found[2], inner)
        self.text(template[at:])
        return "".join(self.out)

    def text(self, text):
        if self.counts():
            self.out.append(api._vtl_render(text, self.state))

    def directive(self, word, inner):
        if word == "set" and self.counts():
            self.assign(inner)
        elif word == "if":
            holds = self.counts() and self.holds(inner)
            self.around.append((holds, holds))
        elif word in ("elseif", "else"):
            _, before = self.around.pop()
            holds = not before and self.counts() and (word == "else" or self.holds(inner))
            self.around.append((holds, before or holds))
        elif word == "end":
            self.around.pop()

    def assign(self, inner):
        override = OVERRIDE.fullmatch(inner)
        if override is None:
            api._vtl_set(inner, self.state)
            return
        value = api._vtl_str(api._vtl_value(override[3], self.state))
        if override[1]:
            self.headers[override[1]] = value
        else:
            self.status = int(value)

    def holds(self, condition):
        return any(all(self.term(term) for term in part.split("&&")) for part in condition.split("||"))

    def term(self, term):
        term = term.strip()
        compared = re.fullmatch(r"(.+?)\s*(==|!=)\s*(.+)", term, re.DOTALL)
        if compared is not None:
            left, right = (api._vtl_value(side, self.state) for side in (compared[1], compared[3]))
            return (left == right) == (compared[2] == "==")
        if term.startswith("!"):
            return not self.term(term[1:])
        return api._vtl_value(term, self.state) not in (None, False)


async def remembering(request, *details):
    """A request, whose headers the template of an answer may read."""
    headers = {name: value if isinstance(value, str) else value[-1] for name, value in request["headers"].items()}
    query = {name: value[-1] if isinstance(value, list) else value for name, value in request["query_params"].items()}
    token = asking.set({"header": headers, "querystring": query, "path": request["path_params"]})
    try:
        return await execute(request, *details)
    finally:
        asking.reset(token)


def rendered(integration):
    """The answer of a mock integration. Without a template it has no body."""
    status, headers, body = invoke_mock(integration)
    response = (integration.get("integrationResponses") or {}).get(str(status))
    if response is None:
        return status, headers, body
    template = (response.get("responseTemplates") or {}).get(JSON)
    if not template:
        return status, headers, b""
    rendering = Rendering(asking.get() or {})
    text = rendering.render(template)
    kept = {name: value for name, value in headers.items() if name.lower() not in map(str.lower, rendering.headers)}
    return rendering.status or status, {**kept, **rendering.headers}, text.strip().encode()


if rules.on("api-mock"):
    api._execute_in_scope = remembering
    api._invoke_mock_v1 = rendered
