//! REST APIs.

use super::{Code, error, run, warning};
use crate::spec::finding::Severity;

#[rustfmt::skip]
pub(super) const CODES: &[Code] = &[
    warning(
        "api::colon",
        "A part of a route's path begins with a colon, which other routers take for a variable. API Gateway takes it as it is.",
        "functions: { items: { zip: items.zip, timeout: 29s } }\napis:\n  shop: { routes: { \"DELETE /items/:id\": items } }\n",
        "functions: { items: { zip: items.zip, timeout: 29s } }\napis:\n  shop: { routes: { \"DELETE /items/{id}\": items } }\n",
        "Write `{id}` for one part of the path, and `{rest+}` for all that follows.",
    ),
    error(
        "api::cors-credentials",
        "Browsers take no `*` for requests with credentials: the API has to name the page's site, and the headers.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, cors: { allow_origins: [\"*\"], allow_credentials: true } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, cors: { allow_origins: [https://www.example.com], allow_credentials: true } }\n",
        "List the sites and headers, or remove `allow_credentials`.",
    ),
    error(
        "api::cors-header",
        "Names of headers have letters, digits, `-` and `_`.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, cors: { allow_origins: [\"*\"], allow_headers: [\"X Token\"] } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, cors: { allow_origins: [\"*\"], allow_headers: [X-Token] } }\n",
        "Correct the name, or write `*` for all.",
    ),
    error(
        "api::cors-method",
        "The methods that pages may use are HTTP methods, or `*` for all.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, cors: { allow_origins: [\"*\"], allow_methods: [ANY] } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, cors: { allow_origins: [\"*\"], allow_methods: [\"*\"] } }\n",
        "Write the method's name, or `*`.",
    ),
    error(
        "api::cors-origin",
        "Browsers name a page's site by scheme and host, and the port if it is not the usual one. API Gateway compares the whole text, so a `*` stands alone.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, cors: \"https://*.example.com\" }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, cors: https://www.example.com }\n",
        "Write `https://HOST`, without a path.",
    ),
    error(
        "api::cors-origins",
        "CORS settings without sites let no page call.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, cors: { max_age: 300 } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, cors: { allow_origins: [https://www.example.com], max_age: 300 } }\n",
        "Add `allow_origins`.",
    ),
    error(
        "api::external",
        "An API has no unique name in AWS and is found by its ownership tags alone, so an API of somebody else cannot be referred to.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, external: true }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw } }\n",
        "Write what you need of it, such as its URL, as a variable under `vars`.",
    ),
    error(
        "api::function",
        "A route is answered by a function of the stack, which is named as under `functions`.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": \"${functions.draw.arn}\" } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw } }\n",
        "Write the function's name.",
    ),
    warning(
        "api::function-timeout",
        "API Gateway gives up after 29 seconds and answers 504, while the function goes on and is paid for.",
        "functions:\n  draw: { zip: draw.zip, timeout: 30s }\napis:\n  couch: { routes: { \"GET /images\": draw } }\n",
        "functions:\n  draw: { zip: draw.zip, timeout: 29s }\napis:\n  couch: { routes: { \"GET /images\": draw } }\n",
        "Write `timeout: 29s`, or let a queue take the longer work. A `timeout` of the route itself says that the function may go on after callers have got their 504; it may be longer than 29s where the account's quota was raised.",
    ),
    warning(
        "api::long-timeout",
        "API Gateway waits longer than 29 seconds only in accounts whose quota was raised, and refuses the route in any other.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": { function: draw, timeout: 60s } } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": { function: draw, timeout: 29s } } }\n",
        "Raise `Maximum integration timeout in milliseconds` of API Gateway under Service Quotas before you apply, or write at most 29s.",
    ),
    error(
        "api::no-routes",
        "AWS deploys no API without routes.",
        "apis:\n  couch: { routes: {} }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw } }\n",
        "Add one: `\"POST /images\": FUNCTION`.",
    ),
    error(
        "api::path-variable",
        "In one place of a path AWS takes one variable, whatever follows it.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images/{id}\": draw, \"GET /images/{name}/large\": draw } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images/{id}\": draw, \"GET /images/{id}/large\": draw } }\n",
        "Use the same variable's name in both, or put a fixed part before it.",
    ),
    Code {
        severity: Severity::Warning,
        ..run(
            "api::paths",
            "An API has more paths than AWS takes unless the quota was raised; every part of a route's path is one.",
            "an API with 310 routes of a path each",
            "Raise `Resources per API` under Service Quotas before you apply, or let one function answer several paths: `ANY /v1/{proxy+}`.",
        )
    },
    warning(
        "api::preflight",
        "Before a page of another site calls, the browser asks with the method `OPTIONS` and without credentials. A route that wants credentials refuses this question.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw, \"OPTIONS /images\": { function: draw, authorization: AWS_IAM } }, cors: https://www.example.com }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, cors: https://www.example.com }\n",
        "Remove the route: API Gateway then answers `OPTIONS` itself. Or let everybody call it.",
    ),
    error(
        "api::response-header",
        "A header of API Gateway's own answers has a name of letters, digits, `-` and `_`, and a text without single quotes.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, responses: { UNAUTHORIZED: { headers: { WWW-Authenticate: \"'Bearer'\" } } } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, responses: { UNAUTHORIZED: { headers: { WWW-Authenticate: Bearer } } } }\n",
        "Write the text without quotes.",
    ),
    error(
        "api::response-type",
        "API Gateway has a fixed list of own answers.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, responses: { NOT_FOUND: { status: 404 } } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, responses: { RESOURCE_NOT_FOUND: { status: 404 } } }\n",
        "Choose a type from the list in the help.",
    ),
    error(
        "api::route",
        "A route is a method and a path.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"get images\": draw } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw } }\n",
        "Write a method in capitals, a space and a path that begins with a slash: `POST /images`.",
    ),
    error(
        "api::timeout",
        "API Gateway waits for a function between 50 ms and 29 s; in a `REGIONAL` API up to 5 minutes, where the account's quota was raised.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": { function: draw, timeout: 10ms } } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": { function: draw, timeout: 29s } } }\n",
        "Write a time in that range; let a queue take longer work.",
    ),
    error(
        "api::variable-name",
        "The name of a stage variable has letters, digits and `_` only.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, variables: { the-mode: live } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, variables: { mode: live } }\n",
        "Choose another name.",
    ),
    error(
        "api::variable-value",
        "API Gateway does not take this character in a stage variable.",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, variables: { mode: \"a b\" } }\n",
        "functions:\n  draw: { zip: draw.zip }\napis:\n  couch: { routes: { \"GET /images\": draw }, variables: { mode: live } }\n",
        "Use only letters, digits and `-._~:/?#&=,`, or an environment variable of the function.",
    ),
    run(
        "api::variables",
        "A stage has room for 100 variables.",
        "`variables` with 101 entries",
        "Let the functions have their settings as environment variables.",
    ),
];
