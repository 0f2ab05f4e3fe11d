"""
A spending as a block: what is settled depends on how the block was left, and no hold is released in doubt.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import subprocess

import httpx2
import pytest

from figuard import FiGuardApiError, FiGuardConnectionError, FiGuardDeniedException, FiGuardError, get_current_event_id
from figuard.client.ops.spend import leaves_doubt
from tests.unit.client.fakes import EVENT_ID, TOKEN, authorized, client, denied, event, lost, refused


def leaving(error=None, *, before=lambda _: None, then=(), answer=None):
    """Leave a block by *error*, and return the calls it made, the spending, and what came out of the block."""
    guard, transport = client([answer or authorized(), *(then or [event()])])
    spend = guard.spend(TOKEN, 10)
    raised = None
    try:
        with spend:
            before(spend)
            if error is not None:
                raise error
    except BaseException as out:  # noqa: BLE001 - interrupts too are what is tested
        raised = out
    return transport, spend, raised


def settlement(transport):
    """Return the name and the body of the one call that settled."""
    assert transport.names[0] == "authorize"
    (call,) = transport.calls[1:]
    return call.operation.name, call.body


def test_a_block_left_normally_confirms_what_was_authorized():
    transport, spend, raised = leaving()
    name, body = settlement(transport)

    assert (name, body.confirmed_quantity, raised) == ("confirm_event", 10, None)
    assert spend.event.decision == "CONFIRMED"


def test_a_settled_amount_is_confirmed():
    transport, _, _ = leaving(before=lambda spend: spend.settle("8.75", external_transaction_id="ch_1"))
    name, body = settlement(transport)

    assert (name, str(body.confirmed_quantity), body.external_transaction_id) == ("confirm_event", "8.75", "ch_1")


def test_an_exception_fails_the_event():
    transport, _, raised = leaving(KeyError("no such flight"), then=[event("FAILED")])
    name, body = settlement(transport)

    assert (name, body.reason, body.error_message) == ("fail_event", "TOOL_ERROR", "'no such flight'")
    assert isinstance(raised, KeyError)


class APITimeoutError(Exception):
    """As openai and anthropic call theirs."""


class Inherited(APITimeoutError):
    """A time-out by its parent's name."""


def caused(error, cause):
    error.__cause__ = cause
    return error


DOUBTFUL = [
    TimeoutError(),
    concurrent.futures.TimeoutError(),
    asyncio.CancelledError(),
    KeyboardInterrupt(),
    SystemExit(1),
    GeneratorExit(),
    httpx2.ReadTimeout("slow"),
    httpx2.ConnectTimeout("slow"),
    subprocess.TimeoutExpired("pay", 1),
    APITimeoutError(),
    Inherited(),
    caused(RuntimeError("payment failed"), TimeoutError()),
    caused(RuntimeError(), caused(ValueError(), httpx2.ReadTimeout("slow"))),
    ExceptionGroup("two", [ValueError(), TimeoutError()]),
    BaseExceptionGroup("two", [ValueError(), KeyboardInterrupt()]),
]
CERTAIN = [
    ValueError(),
    ConnectionRefusedError(),
    httpx2.ConnectError("refused"),
    FiGuardDeniedException("INSUFFICIENT_FUNDS"),
    caused(FiGuardConnectionError("another guard"), httpx2.ReadTimeout("slow")),
    concurrent.futures.CancelledError(),
    ExceptionGroup("two", [ValueError(), KeyError()]),
]


@pytest.mark.parametrize("error", DOUBTFUL, ids=lambda error: type(error).__name__)
def test_what_leaves_the_outcome_open_keeps_the_hold(error):
    transport, _, raised = leaving(error, then=[event("AUTHORIZED", outcome="UNKNOWN")])
    name, body = settlement(transport)

    assert (name, body.reason) == ("mark_event_unknown", type(error).__name__)
    assert raised is error


@pytest.mark.parametrize("error", CERTAIN, ids=lambda error: type(error).__name__)
def test_what_leaves_no_doubt_releases_it(error):
    assert leaves_doubt(error) is False


def test_causes_that_go_in_circles_come_to_an_end():
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one

    assert leaves_doubt(one) is False


def test_an_exception_after_the_money_moved_does_not_release_the_hold():
    """
    The unsafe recipe this rules out: a failing line after the charge, and the reservation is given back.
    """
    transport, _, raised = leaving(ValueError("bad receipt"), before=lambda spend: spend.settle(9))
    name, body = settlement(transport)

    assert (name, body.confirmed_quantity) == ("confirm_event", 9)
    assert isinstance(raised, ValueError)


@pytest.mark.parametrize("error", [None, ValueError("later")])
@pytest.mark.parametrize(
    ("say", "operation"),
    [
        (lambda spend: spend.unknown("no receipt yet"), "mark_event_unknown"),
        (lambda spend: spend.fail("CARD_DECLINED"), "fail_event"),
        (lambda spend: spend.void("NOT_NEEDED"), "void_event"),
    ],
)
def test_what_the_block_says_about_its_end_is_what_happens(say, operation, error):
    transport, _, _ = leaving(error, before=say)
    name, body = settlement(transport)

    assert name == operation
    assert body.reason in {"no receipt yet", "CARD_DECLINED", "NOT_NEEDED"}


def test_a_failed_confirmation_never_voids():
    """
    The charge went through. Whatever is wrong with the confirmation, the hold stays and the caller hears of it.
    """
    transport, _, raised = leaving(then=[refused(409, "CONFIRM_EXCEEDS_AVAILABLE"), event("AUTHORIZED")])

    assert transport.names == ["authorize", "confirm_event", "mark_event_unknown"]
    assert isinstance(raised, FiGuardApiError)
    assert raised.code == "CONFIRM_EXCEEDS_AVAILABLE"


def test_a_confirmation_that_got_lost_is_raised_even_when_nothing_can_be_marked():
    transport, _, raised = leaving(then=[lost(), lost()])

    assert transport.names == ["authorize", "confirm_event", "mark_event_unknown"]
    assert isinstance(raised, FiGuardConnectionError)
    assert "could not be marked" in raised.__notes__[0]


def test_a_block_that_outlived_its_hold_is_booked_all_the_same():
    """
    The money has moved, so the books must say so, whatever the limit.
    """
    transport, _, raised = leaving(then=[refused(409, "AUTHORIZATION_EXPIRED"), event()])

    assert transport.names == ["authorize", "confirm_event", "confirm_event"]
    assert (transport.calls[1].body.money_moved, transport.calls[2].body.money_moved) == (None, True)
    assert raised is None


def test_the_blocks_own_exception_is_the_one_that_is_seen():
    transport, _, raised = leaving(KeyError("mine"), then=[lost()])

    assert transport.names == ["authorize", "fail_event"]
    assert isinstance(raised, KeyError)
    assert "did not succeed either" in raised.__notes__[0]


def test_a_denied_block_is_not_entered():
    entered = []
    guard, transport = client([denied()])
    with pytest.raises(FiGuardDeniedException) as caught, guard.spend(TOKEN, 10):
        entered.append(True)

    assert (entered, transport.names) == ([], ["authorize"])
    assert caught.value.denial_reason == "INSUFFICIENT_FUNDS"


def test_a_block_may_decide_by_itself_what_a_denial_means():
    guard, transport = client([denied()])
    with guard.spend(TOKEN, 10, raise_on_denial=False) as spend:
        assert (spend.is_authorized, spend.approved_amount) == (False, 0)

    assert transport.names == ["authorize"]


def test_a_key_that_was_settled_before_does_not_pay_twice():
    """
    The retry that did not charge twice: the same key, after the first run was confirmed.
    """
    guard, transport = client([authorized(current_decision="CONFIRMED", replayed=True)])
    with pytest.raises(FiGuardDeniedException, match="twice") as caught, guard.spend(TOKEN, 10, idempotency_key="k"):
        pytest.fail("the block ran again")

    assert (caught.value.denial_reason, caught.value.original_event_id) == ("DUPLICATE_REQUEST", EVENT_ID)
    assert transport.names == ["authorize"]


def test_a_key_whose_first_run_never_ended_may_run_again():
    """
    A process that died, or a reply that got lost on the way: nobody said that the money may have moved.
    """
    guard, transport = client([authorized(replayed=True), event("AUTHORIZED"), event()])
    with guard.spend(TOKEN, 10, idempotency_key="k"):
        pass

    assert transport.names == ["authorize", "get_event", "confirm_event"]


@pytest.mark.parametrize("raises", [True, False])
def test_a_key_whose_first_run_may_have_paid_does_not_run_again(raises):
    """
    A retry after a time-out: the money may have moved, so somebody has to look first.
    """
    guard, transport = client([authorized(replayed=True), event("AUTHORIZED", outcome="UNKNOWN")])
    spending = guard.spend(TOKEN, 10, idempotency_key="k", raise_on_denial=raises)
    if raises:
        with pytest.raises(FiGuardDeniedException, match="not known") as caught, spending:
            pytest.fail("the block ran again")
        refused = caught.value
    else:
        with spending as spend:
            assert not spend.is_authorized
            refused = spend.refusal

    assert (refused.denial_reason, refused.original_event_id) == ("DUPLICATE_REQUEST", EVENT_ID)
    assert transport.names == ["authorize", "get_event"]


def test_a_service_that_is_away_keeps_the_block_shut():
    guard, _ = client([lost()])
    with pytest.raises(FiGuardConnectionError), guard.spend(TOKEN, 10):
        pytest.fail("the block ran without permission")


def test_what_a_block_authorizes_has_it_as_its_parent():
    guard, transport = client([authorized(event_id="parent"), authorized(event_id="child"), event()])
    with guard.spend(TOKEN, 10) as spend:
        guard.authorize(budget=TOKEN, amount=1)
        assert get_current_event_id() == "parent" == spend.event_id

    assert transport.calls[1].body.parent_event_id == "parent"
    assert get_current_event_id() is None


def test_settling_takes_no_part_in_the_scope():
    guard, transport = client([authorized(event_id="parent"), event(), authorized()])
    with guard.spend(TOKEN, 10):
        pass
    guard.authorize(budget=TOKEN, amount=1)

    assert transport.calls[2].body.parent_event_id is None


def test_nothing_is_known_before_the_block():
    guard, _ = client()

    with pytest.raises(FiGuardError, match="with statement"):
        _ = guard.spend(TOKEN, 10).event_id


def test_an_amount_that_is_none_is_refused_inside_the_block():
    transport, _, raised = leaving(before=lambda spend: spend.settle(-1))

    assert isinstance(raised, ValueError)
    assert transport.names == ["authorize", "fail_event"]


def test_a_spending_may_be_used_again_as_a_new_one():
    guard, transport = client([authorized(), event(), authorized(), event()])
    spend = guard.spend(TOKEN, 10)
    with spend:
        spend.settle(3)
    with spend:
        assert spend.event is None

    assert [call.body.confirmed_quantity for call in transport.calls[1::2]] == [3, 10]


def test_a_category_has_one_name():
    guard, transport = client([authorized(), event()])
    with guard.spend(TOKEN, 10, category="flights"):
        pass

    assert transport.calls[0].body.claimed_category == "flights"
    with pytest.raises(ValueError, match="same thing"):
        guard.spend(TOKEN, 10, category="a", claimed_category="b")
