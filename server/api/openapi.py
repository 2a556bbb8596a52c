"""docs/api.yaml, made from the code: the routes of the app, the shapes that handlers read and answer, their docstrings.

`flask --app server describe-api > docs/api.yaml` writes it anew. A route of /api/v1 that is not in the table below cannot be
described, which a test notices.
"""

import inspect
import re
from dataclasses import dataclass, field
from typing import Any

import msgspec
from flask import Flask

from pestwatch import __version__
from pestwatch.sync.protocol import SyncAnswer, SyncRequest, WordedProblem
from server.api.answers import PREFIX
from server.api.consent import ConsentRequest
from server.api.earlier import EarlierAnswer, EarlierRequest
from server.api.enrol import EnrolRequest
from server.api.photos import MAX_PART_BYTES, PhotoState
from server.api.releases import Offers
from server.api.sms import SmsAnswer, SmsRequest

JSON, BYTES = "application/json", "application/octet-stream"
REFS = "#/components/schemas/{name}"


class ProblemAnswer(msgspec.Struct, frozen=True):
    """Why something was refused, and what to do next."""

    problem: WordedProblem


@dataclass(frozen=True)
class Route:
    """What the code of one route cannot say by itself.

    Args:
      says: what becomes of the request, by HTTP status.
      answer: shape of the answer; None: bytes; `object`: JSON of no fixed shape.
      body: shape of the request's body; `bytes` for a photo's.
      asks: whose token it wants: the phone's, the gateway's, nobody's.
      headers: name -> schema of headers that it needs.
    """

    says: dict[int, str]
    answer: Any
    body: Any = None
    asks: str | None = None
    headers: dict[str, dict[str, Any]] = field(default_factory=dict)


_BYTES_COUNT = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
ROUTES = {
    "sync.sync": Route({200: "A status for each fact, and what is new."}, SyncAnswer, SyncRequest, "phone"),
    "earlier.earlier": Route({200: "Which facts are here."}, EarlierAnswer, EarlierRequest, "phone"),
    "consent.consent": Route({200: "What is written down now."}, object, ConsentRequest, "phone"),
    "enrol.enrol": Route(
        {
            201: "The phone's number, its token, and the root key of its models.",
            202: "An officer has to say yes first.",
        },
        object,
        EnrolRequest,
    ),
    "enrol.ask_again": Route({201: "As for a QR code.", 202: "The officer has not answered."}, object, None, "phone"),
    "sms.receive": Route({200: "What became of the text."}, SmsAnswer, SmsRequest, "gateway"),
    "photos.photo_state": Route({200: "How much of the photo is here."}, PhotoState, None, "phone"),
    "photos.add_part": Route(
        {200: "The part is here; more is expected.", 201: "The photo is complete and stored."},
        PhotoState,
        bytes,
        "phone",
        {"Upload-Offset": _BYTES_COUNT, "Upload-Length": _BYTES_COUNT},
    ),
    "releases.current": Route(
        {200: "Manifest and signature; under `base` the base release's.", 304: "The same."}, Offers
    ),
    "releases.release_file": Route({200: "The file.", 206: "The rest of it.", 304: "The same."}, None),
    "health.health": Route({200: "It lives."}, object),
    "health.ready": Route({200: "It can answer a phone."}, object),
}
PARAMETERS = {
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "region": {"type": "string", "examples": ["IN-MH-500", "base"]},
    "version": {"type": "string", "examples": ["base-20261125-1"]},
    "name": {"type": "string", "examples": ["small.tflite"]},
}


def openapi(app: Flask) -> dict[str, Any]:
    """The document.

    Args:
      app: whose routes to describe.

    Raises:
      KeyError: a route of /api/v1 is not in ROUTES, or one of its parameters not in PARAMETERS.
    """
    shapes = {shape for route in ROUTES.values() for shape in (route.answer, route.body) if _is_shape(shape)}
    named = sorted((*shapes, ProblemAnswer), key=lambda shape: shape.__name__)
    _, components = msgspec.json.schema_components(named, ref_template=REFS)
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(f"{PREFIX}/"):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            method = min((rule.methods or set()) - {"OPTIONS", "HEAD"}).lower()
            paths.setdefault(path, {})[method] = _operation(app, rule.endpoint, sorted(rule.arguments))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pestwatch",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "What phones and SMS gateways say to the server; docs/sync.md and docs/sms.md explain it.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "phone": {"type": "http", "scheme": "bearer", "description": "the token that enrolment gave"},
                "gateway": {"type": "http", "scheme": "bearer", "description": "PESTWATCH_SMS_SECRET"},
            },
        },
    }


def _operation(app: Flask, endpoint: str, arguments: list[str]) -> dict[str, Any]:
    route = ROUTES[endpoint]
    told = inspect.getdoc(app.view_functions[endpoint]) or ""
    in_path: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": PARAMETERS[name]} for name in arguments
    ]
    in_header = [
        {"name": name, "in": "header", "required": True, "schema": schema} for name, schema in route.headers.items()
    ]
    answers: dict[str, Any] = {
        str(status): {"description": says} | ({} if status == 304 else _content(route.answer))
        for status, says in route.says.items()
    }
    answers["default"] = {"description": "A Problem."} | _content(ProblemAnswer)
    operation: dict[str, Any] = {"operationId": endpoint.replace(".", "_"), "summary": told.split("\n\n")[0]}
    if more := "\n\n".join(told.split("\n\n")[1:]):
        operation["description"] = more
    if in_path or in_header:
        operation["parameters"] = in_path + in_header
    if route.body is not None:
        operation["requestBody"] = {"required": True} | _content(None if route.body is bytes else route.body)
    if route.asks:
        operation["security"] = [{route.asks: []}]
    return operation | {"responses": answers}


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct)


def _content(shape: Any) -> dict[str, Any]:
    """How a body looks in a request or an answer."""
    if shape is None:
        return {"content": {BYTES: {"schema": {"type": "string", "format": "binary", "maxLength": MAX_PART_BYTES}}}}
    schema = {"$ref": REFS.format(name=shape.__name__)} if _is_shape(shape) else {"type": "object"}
    return {"content": {JSON: {"schema": schema}}}


def as_yaml(app: Flask) -> str:
    """The document as it stands in docs/api.yaml."""
    import yaml  # of the tests only

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    text: str = yaml.dump(openapi(app), Dumper=Plain, sort_keys=False, allow_unicode=True, width=120)
    return f"# Made from the code: flask --app server describe-api > docs/api.yaml\n{text}"
