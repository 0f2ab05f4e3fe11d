"""
Refusals: what happened, to which thing, and what to do now.
"""

from __future__ import annotations

import pytest

from figuard.domain.codes import DENIALS, ERRORS, LEGACY_DENIALS, Denial, ErrorCode
from figuard.domain.refusal import Refusal


def test_a_refusal_says_its_code_what_happened_and_what_to_do():
    refusal = Refusal(ErrorCode.NOT_FOUND, "there is no budget 'x'.")

    assert f"NOT_FOUND: there is no budget 'x'. {ERRORS[ErrorCode.NOT_FOUND].remedy}" == str(refusal) == refusal.message


def test_a_refusal_carries_the_fields_at_fault_and_when_to_come_back():
    refusal = Refusal(ErrorCode.OVERLOADED, "full", fields={"a": "b"}, retry_after_seconds=1.5, extra={"c": 1})

    assert ({"a": "b"}, 1.5, {"c": 1}, 503) == (
        refusal.fields, refusal.retry_after_seconds, refusal.extra, refusal.row.status,
    )  # fmt: skip


def test_a_plain_refusal_carries_nothing_else():
    refusal = Refusal(ErrorCode.NOT_FOUND, "gone", fields={})

    assert (None, None, {}) == (refusal.fields, refusal.retry_after_seconds, refusal.extra)


def test_every_code_has_a_row():
    assert (set(Denial), set(ErrorCode)) == (set(DENIALS), set(ERRORS))


@pytest.mark.parametrize("code", ErrorCode)
def test_an_error_has_an_error_status(code: ErrorCode):
    assert 400 <= ERRORS[code].status <= 599


def test_a_denial_is_an_answer():
    assert {200} == {row.status for row in DENIALS.values()}


def test_names_that_are_never_answered_with_are_no_denials():
    assert not set(LEGACY_DENIALS) & {denial.value for denial in Denial}
