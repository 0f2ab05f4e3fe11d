"""
How a call is made: its attempts, its idempotency key, its time-out.
"""

from __future__ import annotations

from dataclasses import fields
from uuid import RFC_4122, UUID

import pytest

from figuard.client.exceptions import FiGuardApiError, FiGuardConnectionError
from figuard.client.ops import settle
from figuard.client.retry import Retry
from figuard.client.session import Session, perform
from tests.unit.client.fakes import (
    EVENT_ID,
    Driven,
    event,
    lost,
    refused,
    session,
)


def test_a_call_that_is_answered_is_made_once():
    done = Driven(settle.fail(session(), EVENT_ID, "DECLINED", None), [event("FAILED")])

    assert (1, []) == (len(done.calls), done.naps)
    assert done.value.decision == "FAILED"


@pytest.mark.parametrize(
    "failure", [lost(), lost(timed_out=True), refused(503, "OVERLOADED"), refused(500, "INTERNAL_ERROR")]
)
def test_a_failure_that_a_repeat_can_cure_is_repeated(failure):
    done = Driven(settle.fail(session(), EVENT_ID, "DECLINED", None), [failure, event("FAILED")])

    assert done.value.decision == "FAILED"
    assert done.naps == [0.75]


def test_all_attempts_are_the_same_call():
    """
    The idempotency key is made once: a repeat whose first attempt did arrive acts on nothing new.
    """
    done = Driven(settle.fail(session(), EVENT_ID, "DECLINED", None), [lost(), lost(), event("FAILED")])

    assert done.calls == [done.calls[0]] * 3
    assert done.calls[0].idempotency_key == "key-1"


def test_a_refusal_is_final():
    done = Driven(settle.fail(session(), EVENT_ID, "DECLINED", None), [refused(409, "EVENT_STATE_CONFLICT")])

    assert isinstance(done.error, FiGuardApiError)
    assert (done.error.status_code, done.error.code) == (409, "EVENT_STATE_CONFLICT")


def test_no_answer_at_all_is_a_connection_error():
    done = Driven(settle.fail(session(), EVENT_ID, "DECLINED", None), [lost(), lost(), lost()])

    assert isinstance(done.error, FiGuardConnectionError)
    assert done.error.attempts == 3
    assert "POST /api/v1/events/{eventId}/fail" in str(done.error)
    assert isinstance(done.error.__cause__, ConnectionError)


def test_a_service_that_stays_down_is_its_own_last_answer():
    done = Driven(settle.fail(session(), EVENT_ID, "DECLINED", None), [refused(503)] * 3)

    assert isinstance(done.error, FiGuardApiError)
    assert done.error.status_code == 503


def test_retry_after_is_waited_for():
    done = Driven(
        settle.fail(session(), EVENT_ID, "DECLINED", None),
        [refused(429, "RATE_LIMITED", retry_after_seconds=4), event("FAILED")],
    )

    assert done.naps == [4.25]


def test_one_attempt_is_a_policy_too():
    done = Driven(settle.fail(session(retry=Retry(attempts_max=1)), EVENT_ID, "DECLINED", None), [lost()])

    assert isinstance(done.error, FiGuardConnectionError)
    assert "1 attempt:" in str(done.error)


def test_reading_needs_no_idempotency_key():
    done = Driven(settle.get_event(session(), EVENT_ID), [event()])

    assert done.calls[0].idempotency_key is None


def test_every_call_carries_the_time_out():
    done = Driven(settle.get_event(session(timeout_seconds=2.5), EVENT_ID), [event()])

    assert done.calls[0].timeout_seconds == 2.5


@pytest.mark.parametrize("event_id", ["", "  ", None, 5])
def test_an_id_that_is_none_never_becomes_a_path(event_id):
    done = Driven(settle.get_event(session(), event_id), [event()])

    assert isinstance(done.error, (ValueError, AttributeError))
    assert done.calls == []


@pytest.mark.parametrize("key", ["", "two\nlines", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused(key):
    done = Driven(perform(session(), "fund_budget", idempotency_key=key))

    assert isinstance(done.error, ValueError)


def test_a_key_that_is_made_is_a_uuid_of_chance():
    new_key = next(field.default for field in fields(Session) if field.name == "new_key")
    keys = [new_key() for _ in range(100)]

    assert {(UUID(key).version, UUID(key).variant, str(UUID(key)) == key) for key in keys} == {(4, RFC_4122, True)}
    assert {key[19] for key in keys} == set("89ab")
    assert len(set(keys)) == len(keys)
