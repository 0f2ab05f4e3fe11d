"""
OpenAPI 3.1 of the API, from the table of operations and the structs of its bodies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from figuard._version import __version__
from figuard.domain.codes import ERRORS, ErrorCode
from figuard.wire.limits import IDEMPOTENCY_KEY_LENGTH_MAX
from figuard.wire.operations import OPERATIONS, Operation
from figuard.wire.requests import RequestBody
from figuard.wire.responses import ErrorResponse

_PARAMETER = re.compile(r"\{(\w+)\}")
_REFERENCE = "#/components/schemas/{name}"
_UUID = re.compile(r"Id$")
_KEY = (
    "A repeat of the same request under this key is answered as the first was; another request of this operation under "
    "it is refused. Not looked at where the request has a key of its own: authorize has the one in its body, and "
    "confirm, fail, void and unknown have their event, so that one header with two events settles both."
)
_TAGS = {
    "authorize": "Spending",
    "events": "Spending",
    "budgets": "Budgets",
    "reports": "History",
    "delegation-tokens": "Tokens",
    "api-keys": "API keys",
    "subscriptions": "Subscriptions",
    "webhooks": "Webhooks",
}
_AGENTS = " An agent's key may read its own budget, with that budget's session token."
_HISTORY = ("ledger", "tree", "entries", "verify", "replay")
_QUERY: dict[str, dict[str, Any]] = {
    "page": {"type": "integer", "minimum": 0, "default": 0},
    "size": {"type": "integer", "minimum": 1},
    "pageSize": {"type": "integer", "minimum": 1},
    "after": {"type": "integer", "minimum": 0},
    "includeCancelled": {"type": "boolean", "default": False},
    "includeDenied": {"type": "boolean", "default": True},
    "includeStateSnapshots": {"type": "boolean", "default": True},
    "from": {"type": "string", "format": "date-time"},
    "until": {"type": "string", "format": "date-time"},
    "since": {"type": "string", "format": "date-time"},
    "at": {"type": "string", "format": "date-time"},
    "budgetId": {"type": "string", "format": "uuid"},
    "by": {"type": "string", "enum": ["agent", "category", "day", "user", "budget"], "default": "agent"},
}
_REQUIRED_QUERY = {("get_budget_state_at", "at")}
_COMMON = (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503)
_READING = (400, 401, 403, 404, 429, 500, 503)


def document() -> dict[str, Any]:
    """Return the document, always the same for one version."""
    operations = tuple(OPERATIONS.values())
    forms = [ErrorResponse, *_forms(operations)]
    schemas, components = msgspec.json.schema_components(forms, ref_template=_REFERENCE)
    by_form = dict(zip(map(str, forms), schemas, strict=True))
    _finish(components, operations)
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.url, {})[operation.method.lower()] = _operation(operation, by_form)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "FiGuard",
            "version": __version__,
            "summary": "Pre-flight spend authorization for AI agents.",
            "description": "Agents ask before they spend; the answer is exact, and it is written down. A denial is an "
            "answer (200, `decision: DENIED`); everything else that is refused has one shape, `ErrorResponse`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": name} for name in sorted({_tag(operation) for operation in operations})],
        "security": [{"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "X-Agent-Budget-Key"}},
            "responses": {_response_name(status): _refused(status) for status in sorted({*_COMMON, 402, 410})},
        },
    }


def _forms(operations: Iterable[Operation]) -> list[Any]:
    """Return every type of a body once, in the order of the table."""
    found: dict[str, Any] = {}
    for operation in operations:
        for form in (operation.request, operation.response):
            if form is not None:
                found.setdefault(str(form), form)
    found.pop(str(ErrorResponse), None)
    return list(found.values())


def _finish(components: dict[str, Any], operations: Iterable[Operation]) -> None:
    """Say what the structs cannot: which members a request needs, and that amounts are exact numbers."""
    for operation in operations:
        for struct in _structs(operation.request):
            if struct.required and struct.__name__ in components:
                _require(components[struct.__name__], struct.required)
    for schema in components.values():
        for name, member in schema.get("properties", {}).items():
            schema["properties"][name] = _amounts(member)


def _require(schema: dict[str, Any], names: Iterable[str]) -> None:
    """Say that members must be there, and so cannot be null."""
    schema["required"] = list(names)
    for name in names:
        member = schema["properties"][name]
        forms = [one for one in member.get("anyOf", ()) if one.get("type") != "null"]
        rest = {key: value for key, value in member.items() if key not in {"anyOf", "default"}}
        schema["properties"][name] = {**rest, **forms[0]} if len(forms) == 1 else {**rest, "anyOf": forms}


def _structs(form: Any) -> list[type[RequestBody]]:  # noqa: ANN401 - a type, or a union of types
    forms = getattr(form, "__args__", (form,))
    return [one for one in forms if isinstance(one, type) and issubclass(one, RequestBody)]


def _amounts(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a member's schema with every exact decimal written as the JSON number it is."""
    if schema.get("format") == "decimal":
        return {"type": "number"} | {key: value for key, value in schema.items() if key not in {"type", "format"}}
    if "anyOf" in schema:
        return schema | {"anyOf": _once(_amounts(one) for one in schema["anyOf"])}
    return schema


def _once(schemas: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for schema in schemas:
        if schema not in found:
            found.append(schema)
    return found


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [_tag(operation)],
        "summary": operation.summary,
        "description": f"Needs an API key of scope `{operation.scope}`." + (_AGENTS if operation.agent_reads else ""),
        "parameters": _parameters(operation),
    }
    if operation.request is not None:
        shown["requestBody"] = {
            "required": bool(_needed(operation)),
            "content": {"application/json": {"schema": schemas[str(operation.request)]}},
        }
    responses: dict[str, Any] = {}
    for status in (operation.status, operation.status_again):
        if status is not None:
            responses[str(int(status))] = _answered(operation, schemas)
    for status in (*(_READING if operation.method == "GET" else _COMMON), *((402,) if operation.session_token else ())):
        responses[str(status)] = {"$ref": f"#/components/responses/{_response_name(status)}"}
    shown["responses"] = responses
    return shown


def _needed(operation: Operation) -> list[str]:
    return [name for struct in _structs(operation.request) for name in struct.required]


def _answered(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    answered: dict[str, Any] = {
        "description": operation.summary,
        "headers": {"X-Trace-Id": {"schema": {"type": "string", "format": "uuid"}}},
    }
    if operation.response is not None:
        answered["content"] = {"application/json": {"schema": schemas[str(operation.response)]}}
    return answered


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in _PARAMETER.findall(operation.path):
        is_id = _UUID.search(name) and name != "externalSubscriberId"
        form: dict[str, Any] = {"type": "string", "format": "uuid"} if is_id else {"type": "string", "minLength": 1}
        found.append({"name": name, "in": "path", "required": True, "schema": form})
    for name in operation.query:
        is_needed = (operation.name, name) in _REQUIRED_QUERY
        form = _QUERY.get(name, {"type": "string"})
        found.append({"name": name, "in": "query", "required": is_needed, "schema": form})
    if operation.session_token or operation.agent_reads:
        found.append(
            {
                "name": "X-Session-Token",
                "in": "header",
                "required": operation.session_token,
                "schema": {"type": "string", "minLength": 1},
            }
        )
    if operation.method != "GET":
        form = {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_LENGTH_MAX}
        found.append(
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": form, "description": _KEY}
        )
    return found


def _tag(operation: Operation) -> str:
    parts = operation.path.strip("/").split("/")
    if parts[0] == "budgets" and len(parts) > 2:  # noqa: PLR2004 - /budgets/{id}/word
        if parts[2] in _HISTORY:
            return "History"
        if parts[2].endswith("-tokens"):
            return "Tokens"
    return _TAGS[parts[0]]


def _response_name(status: int) -> str:
    return f"Refused{status}"


def _refused(status: int) -> dict[str, Any]:
    codes = [code for code in ErrorCode if ERRORS[code].status == status]
    meaning = " ".join(f"`{code}`: {ERRORS[code].meaning}" for code in codes)
    schema: dict[str, Any] = {"$ref": _REFERENCE.format(name="ErrorResponse")}
    if status == 401:  # noqa: PLR2004 - HTTP
        # Where the API key is at fault there is no ``message``.
        schema = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    return {"description": meaning, "content": {"application/json": {"schema": schema}}}
