"""
The OpenAPI document: valid, complete, and the same in the tree as on the server. Its examples cannot break the server.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from figuard.server.openapi import document
from figuard.wire.codec import encode
from figuard.wire.operations import OPERATIONS
from tests.server.story import ask, furnished

ROOT = Path(__file__).resolve().parents[2]


def references(part):
    """
    Every ``$ref`` of a part of the document.
    """
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for below in part.values():
            yield from references(below)
    elif isinstance(part, list):
        for below in part:
            yield from references(below)


def test_the_file_in_the_tree_is_what_the_server_serves():
    """
    Run `make generate` when this fails.
    """
    kept = json.loads((ROOT / "spec" / "openapi.json").read_text(encoding="utf-8"))

    assert json.loads(encode(document())) == kept


def test_every_operation_is_described_once():
    found = {
        operation["operationId"]: (method.upper(), path)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }

    assert {name: (row.method, row.url) for name, row in OPERATIONS.items()} == found


def test_every_reference_leads_somewhere():
    whole = document()
    components = whole["components"]
    lost = [one for one in references(whole) if one.split("/")[-1] not in components.get(one.split("/")[-2], {})]

    assert lost == []


def test_every_schema_is_a_schema():
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_what_a_request_needs_is_said():
    wanted = document()["components"]["schemas"]["AuthorizeRequest"]

    assert ["agentId", "actionType", "description", "requestedQuantity", "idempotencyKey"] == wanted["required"]
    assert {"type": "string"} == wanted["properties"]["agentId"]


def test_amounts_are_numbers():
    text = json.dumps(document())

    assert '"format": "decimal"' not in text


@pytest.mark.parametrize("name", ["get_budget", "get_event", "get_ledger", "list_budgets", "get_subscription"])
async def test_an_answer_is_what_the_document_says(desk, name):
    key = await desk.key()
    answer = (await ask(desk, name, await furnished(desk, key), key)).json()
    whole = document()
    operation = OPERATIONS[name]
    said = whole["paths"][operation.url]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    Draft202012Validator({**said, "components": whole["components"]}).validate(answer)
