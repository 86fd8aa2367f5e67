"""api.md: every address, from the site that answers them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from inspect import getsource
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.routes import ASGIRoute, HTTPRoute

from scripts.reference.markdown import code, docstring, page, table
from tocsin.app.wiring import wire
from tocsin.settings import read_settings
from tocsin.store.store import Store
from tocsin.web import api, intake
from tocsin.web.auth import PUBLIC
from tocsin.web.site import create_site

API = "/api/v1/"
SCHEMA = "/api/v1/schema"


def api_page() -> str:
    """The API, the addresses that take events, and all the others."""
    site, events = _site(demo=False)
    schema: dict[str, Any] = site.openapi_schema.to_schema()
    operations = [
        _operation(method.upper(), path, operation, schema)
        for path, item in sorted(schema["paths"].items())
        for method, operation in sorted(item.items())
    ]
    demo_only = sorted(set(_addresses(_site(demo=True)[0])) - set(_addresses(site)))
    return page(
        "API",
        "the routes in `src/tocsin/web/`",
        "Send `Authorization: Bearer TOKEN`; [`tocsin token add`](cli.md#tocsin-token-add) makes a token."
        " What is done with it is done in that person's name. Times are ISO 8601 in UTC.",
        "A refusal is problem details (RFC 9457); its `detail` is a whole sentence."
        " A body with a field that is not listed here is refused: a misspelled one would go unheard.",
        table(("status", "meaning"), _STATUSES),
        f"The same as OpenAPI, with a token: {code(SCHEMA + '/openapi.json')}.",
        *operations,
        "## Addresses that take events",
        docstring(intake),
        table(
            ("address", "format"),
            ((code(path), _FORMATS.get(path, "see the sources")) for path in events),
        ),
        "The formats: [sources](sources-and-channels.md#sources).",
        "## Every address",
        "*Open* addresses answer anybody. *Closed* ones want a session or an API token."
        " What answers GET answers HEAD, with the same head and no body.",
        table(("address", "methods", "who"), _addresses(site)),
        "In the demo only: " + ", ".join(f"{path} ({who})" for path, _, who in demo_only) + ".",
    )


_STATUSES = (
    ("400", "a body or a parameter does not fit, or what is said is not clear"),
    ("401", "no token, or one that has ended"),
    ("404", "there is no such thing"),
    ("409", "it is not allowed in this state"),
    ("413", "the body is too large"),
    ("422", "a plan has problems; `problems` lists as many as `shown`, of `total`"),
    ("503", "nothing was stored; send it again"),
)

_FORMATS = {
    "/v2/enqueue": "PagerDuty Events API v2, the key in the body",
    "/generic/2010-04-15/create_event.json": "PagerDuty Events API v1, the key in the body",
    "/api/v1/events": "Tocsin's own, in batches, the key as `Authorization: Bearer KEY`",
}


def addresses() -> list[str]:
    """Every address that a server or the demo answers, with `{...}` where anything may stand."""
    return sorted({route.path for demo in (False, True) for route in _site(demo=demo)[0].routes})


def _site(*, demo: bool) -> tuple[Litestar, list[str]]:
    """The real site. Nothing is opened: a store connects when it is first asked."""
    settings = read_settings({}, {}, demo=demo)
    server = wire(settings, Store(f"sqlite+pysqlite:///{Path('nowhere') / 'tocsin.db'}"), b"0" * 32)
    return create_site(server.services), list(server.services.parsers)


def _addresses(site: Litestar) -> list[tuple[str, str, str]]:
    found = []
    for route in site.routes:
        if isinstance(route, HTTPRoute):
            handlers = [one for one in route.route_handlers if set(one.http_methods) != {"OPTIONS"}]
            methods = sorted({method for one in handlers for method in one.http_methods})
            public = all(one.opt.get(PUBLIC) for one in handlers)
        elif isinstance(route, ASGIRoute):
            methods, public = ["POST"], bool(route.route_handler.opt.get(PUBLIC))
        else:
            continue
        found.append((code(route.path), ", ".join(methods), "open" if public else "closed"))
    return sorted(found)


def _operation(method: str, path: str, operation: dict[str, Any], schema: dict[str, Any]) -> str:
    parts = [f"## {method} {path}", f"{operation['summary']}."]
    parameters = [
        (code(one["name"]), one["in"], _type(one["schema"], schema))
        for one in operation.get("parameters", ())
    ]
    if parameters:
        parts.append(table(("parameter", "in", "type"), parameters))
    body = operation.get("requestBody")
    if body:
        parts += ["The body, as JSON:", _fields(body["content"]["application/json"]["schema"], schema)]
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    many = "A list of:" if answer.get("type") == "array" else "The answer:"
    parts += [many, _fields(answer.get("items", answer), schema)]
    return "\n\n".join(parts)


def _fields(wanted: dict[str, Any], schema: dict[str, Any]) -> str:
    resolved = _resolved(wanted, schema)
    if "properties" not in resolved:
        return f"An object with the keys {', '.join(map(code, _keys(api._detail)))}."
    rows = [(code(name), _type(one, schema)) for name, one in resolved["properties"].items()]
    return table(("field", "type"), rows)


def _keys(function: Callable[..., Any]) -> list[str]:
    """The keys of the one dictionary that a function writes out and returns."""
    returned = next(node for node in ast.walk(ast.parse(getsource(function))) if isinstance(node, ast.Return))
    assert isinstance(returned.value, ast.Dict), f"{function.__name__} returns no dictionary"
    return [ast.literal_eval(key) for key in returned.value.keys if key is not None]


def _type(wanted: dict[str, Any], schema: dict[str, Any]) -> str:
    resolved = _resolved(wanted, schema)
    if "oneOf" in resolved:
        return " or ".join(_type(one, schema) for one in resolved["oneOf"])
    if "enum" in resolved:
        words = "one of " + ", ".join(code(str(one)) for one in resolved["enum"])
    else:
        words = str(resolved.get("type", "any"))
    if "minimum" in resolved and "maximum" in resolved:
        words += f" from {resolved['minimum']:g} to {resolved['maximum']:g}"
    return f"{words}, default {code(str(resolved['default']))}" if "default" in resolved else words


def _resolved(wanted: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = wanted.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = schema["components"]["schemas"][name] if name else wanted
    return found
