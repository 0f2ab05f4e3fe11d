"""
Every refusal has one shape, whatever refused.
"""

from __future__ import annotations

import msgspec
import pytest

from figuard.domain.codes import ERRORS, ErrorCode
from figuard.domain.refusal import Refusal
from figuard.wire.codec import encode
from figuard.wire.errors import error_response


@pytest.mark.parametrize("code", ErrorCode)
def test_each_code_has_its_status_and_remedy(code):
    status, body = error_response(Refusal(code, "it went wrong"))
    row = ERRORS[code]

    assert status == row.status
    assert msgspec.json.decode(encode(body)) == {
        "error": code.value,
        "message": f"{code.value}: it went wrong. {row.remedy}",
        "code": code.value,
        "retryable": row.retryable,
        "remedy": row.remedy,
    }


def test_everything_a_refusal_may_carry():
    refused = Refusal(
        ErrorCode.VALIDATION_FAILED,
        "one field is wrong",
        fields={"agentId": "is required"},
        retry_after_seconds=1.5,
        extra={"budgetId": "b"},
    )
    body = msgspec.json.decode(encode(error_response(refused)[1]))

    assert {"agentId": "is required"} == body["fieldErrors"]
    assert 1.5 == body["retryAfterSeconds"]
    assert {"budgetId": "b"} == body["details"]
