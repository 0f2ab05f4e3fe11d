"""
Amounts keep every digit on their way in and out, and a body that is wrong says everything that is wrong with it.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figuard.domain.amounts import AMOUNT_MAX, decimal_of, quanta
from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.wire import limits
from figuard.wire.codec import decode, decode_request, encode
from figuard.wire.requests import (
    AllocationRequest,
    AuthorizeRequest,
    CancelBatchRequest,
    ConfirmRequest,
    CreateBudgetRequest,
    ExtendEventRequest,
    FailRequest,
    UpdateBudgetRequest,
)
from figuard.wire.responses import FundResponse

FUND = {
    "budget_id": "b",
    "operation": "CREDIT",
    "previous_total_limit": Decimal(0),
    "total_limit": Decimal(0),
    "quantity_spent": Decimal(0),
    "quantity_reserved": Decimal(0),
    "available_quantity": Decimal(0),
    "status": "ACTIVE",
}


def quantity(raw: str) -> object:
    """Return what a confirmed quantity of this JSON text is decoded to."""
    struct, _ = decode_request(ConfirmRequest, b'{"confirmedQuantity":%s}' % raw.encode())
    return struct.confirmed_quantity


@pytest.mark.parametrize(
    "raw",
    ["0.1", "0.10", "270.00", "89999999999.99999999", "0.00000001", "1e-8", "0.1234567890123456789", "1E+2", "5", "-3"],
)
def test_a_number_keeps_its_digits(raw):
    """
    A binary float would make 0.1234567890123456789 of 0.12345678901234568.
    """
    assert Decimal(raw) == quantity(raw)
    assert not isinstance(quantity(raw), float)


@pytest.mark.parametrize("raw", ["0.1", "270.00", "5", "1e2"])
def test_a_numeric_text_is_accepted(raw):
    assert Decimal(raw) == quantity(f'"{raw}"')


@given(st.integers(-AMOUNT_MAX, AMOUNT_MAX))
def test_an_amount_survives_the_way_out_and_in(amount):
    written = encode(FundResponse(amount=decimal_of(amount), **FUND))

    assert decimal_of(amount) == decode(FundResponse, written).amount
    assert b'"amount":"' not in written


@given(st.decimals(0, 90_000_000_000, places=8, allow_nan=False, allow_infinity=False))
def test_an_amount_of_a_request_reads_as_it_was_written(amount):
    struct, faults = decode_request(ConfirmRequest, b'{"confirmedQuantity":%s}' % str(amount).encode())

    assert {} == faults
    assert quanta(amount) == quanta(struct.confirmed_quantity)


def test_a_float_of_python_is_written_by_its_shortest_text():
    assert b'{"confirmedQuantity":0.1}' == encode(ConfirmRequest(confirmed_quantity=0.1))


def test_what_is_not_set_is_not_sent():
    assert b'{"agentId":"a","reserve":false}' == encode(AuthorizeRequest(agent_id="a", reserve=False))


def test_an_explicit_null_of_a_patch_is_sent():
    assert b'{"velocityMaxPerDay":null}' == encode(UpdateBudgetRequest(velocity_max_per_day=None))


def test_unknown_members_are_ignored():
    struct, faults = decode_request(ExtendEventRequest, b'{"seconds":5,"colour":"red","deep":{"er":[1]}}')

    assert (5, {}) == (struct.seconds, faults)


@pytest.mark.parametrize("raw", [b"", b"{}"])
def test_no_body_is_an_empty_object(raw):
    assert (ExtendEventRequest(), {}) == decode_request(ExtendEventRequest, raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"nonsense",
        b'{"seconds":5',
        b'{"seconds":5}}',
        b'{"seconds":NaN}',
        b"[]",
        b"5",
        b'"text"',
        b"null",
        b"\xef\xbb\xbf{}",
        b'{"seconds":"x", nonsense',
        b"[" * 50_000 + b"]" * 50_000,
        b'{"deep":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
)
def test_what_is_no_json_object_is_malformed(raw):
    with pytest.raises(Refusal) as refused:
        decode_request(ExtendEventRequest, raw)

    assert ErrorCode.MALFORMED_JSON is refused.value.code
    assert len(refused.value.message) < 400


@pytest.mark.parametrize("raw", [b'{"reason":"\xff"}', b'{"reason":"\\ud800"}', b'{"reason":"\\ud800", "x":1}'])
def test_text_that_is_no_text_is_malformed(raw):
    with pytest.raises(Refusal) as refused:
        decode_request(FailRequest, raw)

    assert ErrorCode.MALFORMED_JSON is refused.value.code


def test_a_body_at_the_limit_is_read():
    filler = b" " * (limits.BODY_BYTES_MAX - len(b'{"seconds":5}'))

    assert 5 == decode_request(ExtendEventRequest, b'{"seconds":5' + filler + b"}")[0].seconds


def test_a_body_above_the_limit_is_refused():
    with pytest.raises(Refusal) as refused:
        decode_request(ExtendEventRequest, b" " * (limits.BODY_BYTES_MAX + 1))

    assert ErrorCode.PAYLOAD_TOO_LARGE is refused.value.code


def test_every_member_of_a_wrong_type_is_named():
    raw = b"""{"agentId": 5, "requestedQuantity": "x", "dryRun": "no", "metadata": [], "reserve": false,
               "maxSubtreeQuantity": true, "description": "kept", "currency": null}"""
    struct, faults = decode_request(AuthorizeRequest, raw)

    assert {
        "agentId": "must be text, got a whole number",
        "requestedQuantity": "is not a number",
        "maxSubtreeQuantity": "must be a number, got true or false",
        "dryRun": "must be true or false, got text",
        "metadata": "must be an object, got a list",
    } == faults
    assert AuthorizeRequest(description="kept", reserve=False) == struct


def test_what_is_kept_beside_a_fault_keeps_its_digits():
    struct, faults = decode_request(AuthorizeRequest, b'{"agentId":5,"requestedQuantity":0.1234567890123456789}')

    assert ["agentId"] == list(faults)
    assert Decimal("0.1234567890123456789") == struct.requested_quantity


def test_a_fault_deep_inside_has_its_path():
    raw = b'{"allocations":[{"category":"a","limit":1},{"category":2,"limit":1}],"userId":"u"}'
    struct, faults = decode_request(CreateBudgetRequest, raw)

    assert {"allocations[1].category": "must be text, got a whole number"} == faults
    assert ("u", None) == (struct.user_id, struct.allocations)


@pytest.mark.parametrize("number", ["9" * 5000, "1e400", "0.5"])
def test_an_absurd_number_is_a_fault_and_no_accident(number):
    struct, faults = decode_request(ExtendEventRequest, b'{"seconds":%s}' % number.encode())

    assert ["seconds"] == list(faults)
    assert struct.seconds is None


def test_a_bare_list_is_taken_where_the_operation_says_so():
    form = CancelBatchRequest | list[str]

    assert (["a"], {}) == decode_request(form, b'["a"]')
    assert (CancelBatchRequest(budget_ids=["a"]), {}) == decode_request(form, b'{"budgetIds":["a"]}')
    assert (CancelBatchRequest(), {}) == decode_request(form, b"")


@pytest.mark.parametrize("raw", [b'["a",5]', b' \n["a",5]', b'{"budgetIds":["a",5]}'])
def test_a_fault_in_a_list_has_its_place(raw):
    _, faults = decode_request(CancelBatchRequest | list[str], raw)

    assert {"budgetIds[1]": "must be text, got a whole number"} == faults


def test_a_list_of_objects_is_built_from_python_too():
    body = CreateBudgetRequest(allocations=[AllocationRequest(category="a", limit="1.10")])

    assert b'{"allocations":[{"category":"a","limit":"1.10"}]}' == encode(body)
