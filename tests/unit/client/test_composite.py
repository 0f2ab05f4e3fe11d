"""
Several budgets as one: in one transaction where that is possible, one after the other where it is not.
"""

from __future__ import annotations

import pytest

from figuard import (
    AsyncCompositeGuard,
    AsyncGuardedResource,
    CompositeGuard,
    FiGuardApiError,
    FiGuardConnectionError,
    GuardedResource,
)
from figuard.client.config import Settings
from figuard.client.exceptions import FiGuardCompositeError
from figuard.client.steps import Replied
from figuard.wire import responses as r
from tests.unit.client.fakes import FakeTransport, async_client, authorized, client, denied, event, lost, refused

TOKENS = {"usd": "st_dollars_token", "tokens": "st_tokens_token"}


def batch(*answers, all_authorized=True, first_denied=None):
    """Return the answer to several authorizations."""
    results = [answer.value for answer in answers]
    return Replied(r.AuthorizeBatchResponse(results=results, all_authorized=all_authorized, first_denied=first_denied))


def together(script):
    """Return a guard whose resources share one client, and its transport."""
    guard, transport = client(script)
    return CompositeGuard([GuardedResource(guard, token, name) for name, token in TOKENS.items()]), transport


def apart(usd_script, tokens_script):
    """Return a guard whose resources are on two services, and both transports."""
    resources, transports = [], []
    for (name, token), script in zip(TOKENS.items(), (usd_script, tokens_script), strict=True):
        guard, transport = client(script)
        transport.settings = Settings("server", base_url=f"https://{name}.test", api_key="fg_live_test")
        resources.append(GuardedResource(type(guard)(transport=transport, retry=1), token, name))
        transports.append(transport)
    return CompositeGuard(resources), *transports


def ask(guard, **options):
    return guard.authorize("a", "LLM_CALL", "summary", {"usd": 1, "tokens": 500}, **options)


def test_one_client_authorizes_all_in_one_transaction():
    guard, transport = together([batch(authorized("1.00", event_id="e1"), authorized("500.00", event_id="e2"))])
    result = ask(guard, idempotency_key="k")

    assert transport.names == ["authorize_batch"]
    body = transport.calls[0].body
    assert body.all_or_nothing is True
    assert [(item.session_token, item.requested_quantity, item.idempotency_key) for item in body.requests] == [
        ("st_dollars_token", 1, "k:usd"),
        ("st_tokens_token", 500, "k:tokens"),
    ]
    assert (result.all_authorized, result.resources, result.event_ids()) == (True, ["usd", "tokens"], ["e1", "e2"])


def test_one_denial_holds_nothing():
    guard, transport = together(
        [batch(denied("", "not recorded"), denied("INSUFFICIENT_FUNDS"), all_authorized=False, first_denied=1)]
    )
    result = ask(guard)

    assert transport.names == ["authorize_batch"]
    assert (result.all_authorized, result.first_denial_resource, result.event_ids()) == (False, "tokens", [])
    assert result.first_denial.denial_reason == "INSUFFICIENT_FUNDS"


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_batches_is_asked_one_by_one(status):
    guard, transport = together([refused(status), authorized(event_id="e1"), authorized(event_id="e2")])

    assert ask(guard).event_ids() == ["e1", "e2"]
    assert transport.names == ["authorize_batch", "authorize", "authorize"]


def test_two_services_are_asked_in_order():
    guard, usd, tokens = apart([authorized(event_id="e1")], [authorized(event_id="e2")])

    assert ask(guard).event_ids() == ["e1", "e2"]
    assert (usd.names, tokens.names) == (["authorize"], ["authorize"])


def test_a_denial_takes_the_earlier_ones_back():
    guard, usd, _ = apart([authorized(event_id="e1"), event("VOIDED")], [denied()])
    result = ask(guard)

    assert (result.all_authorized, result.first_denial_resource) == (False, "tokens")
    assert (usd.names, usd.calls[1].body.reason) == (["authorize", "void_event"], "COMPOSITE_PARTIAL_DENIAL")


def test_an_error_takes_the_earlier_ones_back_and_is_raised():
    guard, usd, _ = apart([authorized(event_id="e1"), event("VOIDED")], [refused(401, "INVALID_SESSION_TOKEN")])
    with pytest.raises(FiGuardApiError):
        ask(guard)

    assert usd.calls[1].body.reason == "COMPOSITE_AUTHORIZE_ERROR"


def test_a_void_that_fails_is_told_with_the_error():
    guard, _, _ = apart([authorized(event_id="e1"), lost()], [lost()])
    with pytest.raises(FiGuardConnectionError) as caught:
        ask(guard)

    assert "e1 of usd was not voided" in caught.value.__notes__[0]


def test_a_resource_that_is_not_named_is_asked_for_nothing():
    guard, transport = together([batch(authorized(), authorized())])
    guard.authorize("a", "T", "d", {"usd": 1})

    assert transport.calls[0].body.requests[1].requested_quantity == 0


def test_options_go_to_every_resource():
    guard, transport = together([batch(authorized(), authorized())])
    ask(guard, trace_id="t", entity_id="order-1")

    assert [(item.trace_id, item.entity_id) for item in transport.calls[0].body.requests] == [("t", "order-1")] * 2


def test_an_unknown_option_is_refused():
    guard, _ = together([])

    with pytest.raises(TypeError, match="catgory"):
        ask(guard, catgory="x")


@pytest.mark.parametrize(
    "call",
    [
        lambda guard, _: guard.authorize("a", "T", "d", {"usdd": 1}),
        lambda guard, result: guard.confirm(result, {"usd": 1, "tokens": 2, "usdd": 3}),
    ],
)
def test_a_misspelled_resource_is_refused(call):
    guard, _ = together([batch(authorized(), authorized())])
    result = ask(guard)

    with pytest.raises(ValueError, match="'usdd'"):
        call(guard, result)


@pytest.mark.parametrize(("names", "says"), [([], "at least one"), (["a", "b", "a"], "'a' is there twice")])
def test_resources_need_names_of_their_own(names, says):
    with pytest.raises(ValueError, match=says):
        CompositeGuard([GuardedResource(None, "st", name) for name in names])


def granted(*script):
    """Return a guard whose resources were authorized, the answer, and the transport."""
    guard, transport = together(
        [batch(authorized("1.00", event_id="e1"), authorized("500.00", event_id="e2")), *script]
    )
    return guard, ask(guard), transport


def test_each_resource_is_confirmed_at_its_own_amount():
    guard, result, transport = granted(event(), event())
    settled = guard.confirm(result, {"usd": "0.80", "tokens": 412})

    assert [one.decision for one in settled] == ["CONFIRMED", "CONFIRMED"]
    assert [str(call.body.confirmed_quantity) for call in transport.calls[1:]] == ["0.80", "412.00"]


def test_a_resource_nobody_speaks_of_is_an_error_before_anything_is_confirmed():
    guard, result, transport = granted()

    with pytest.raises(ValueError, match="'tokens'"):
        guard.confirm(result, {"usd": 1})
    assert len(transport.calls) == 1


@pytest.mark.parametrize(("unspecified", "amount"), [("zero", "0.00"), ("authorized", "500.00")])
def test_unless_the_caller_says_what_it_is_worth(unspecified, amount):
    guard, result, transport = granted(event(), event())
    guard.confirm(result, {"usd": 1}, unspecified=unspecified)

    assert str(transport.calls[2].body.confirmed_quantity) == amount


def test_a_confirmation_that_fails_is_raised_after_all_were_tried():
    guard, result, transport = granted(lost(), event())
    with pytest.raises(FiGuardCompositeError, match="failed for 1 of 2: usd") as caught:
        guard.confirm(result, {"usd": 1, "tokens": 2})

    assert len(transport.calls) == 3
    assert (list(caught.value.failures), list(caught.value.settled)) == (["usd"], ["tokens"])


def test_all_can_be_failed():
    guard, result, transport = granted(event("FAILED"), event("FAILED"))
    guard.fail(result, error_message="boom")

    assert [(call.body.reason, call.body.error_message) for call in transport.calls[1:]] == [("TOOL_ERROR", "boom")] * 2


def test_all_can_be_voided():
    guard, result, transport = granted(event("VOIDED"), event("VOIDED"))

    assert [one.decision for one in guard.void(result, "R")] == ["VOIDED", "VOIDED"]
    assert transport.names[1:] == ["void_event", "void_event"]


def test_a_denied_result_has_nothing_to_settle():
    guard, transport = together([batch(denied(), denied(), all_authorized=False, first_denied=0)])

    assert guard.fail(ask(guard)) == []
    assert transport.names == ["authorize_batch"]


class Double:
    """A client of somebody's own, with the methods that a guard needs."""

    def __init__(self):
        self.guard, self.transport = client([authorized(event_id="e1"), event()])
        self.authorize, self.confirm_event = self.guard.authorize, self.guard.confirm_event


def test_whatever_has_the_methods_of_a_client_will_do():
    double = Double()
    guard = CompositeGuard([GuardedResource(double, "st_token_of_a_double", "usd")])
    guard.confirm(guard.authorize("a", "T", "d", {"usd": 1}), {"usd": 1})

    assert double.transport.names == ["authorize", "confirm_event"]


async def test_the_same_awaited():
    guard, transport = async_client([batch(authorized(event_id="e1"), authorized(event_id="e2")), event(), event()])
    composite = AsyncCompositeGuard([AsyncGuardedResource(guard, token, name) for name, token in TOKENS.items()])
    result = await composite.authorize("a", "T", "d", {"usd": 1, "tokens": 5})
    settled = await composite.confirm(result, {"usd": 1, "tokens": 5})

    assert (len(settled), transport.names) == (2, ["authorize_batch", "confirm_event", "confirm_event"])


def test_no_token_is_shown():
    assert "st_secret" not in repr(GuardedResource(FakeTransport(), "st_secret", "usd"))
