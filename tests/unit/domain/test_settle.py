"""
Settling in detail: what is booked, when too much is refused, and how a late or unknown outcome ends.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from figuard.domain import settle
from figuard.domain.amounts import AmountLike, quanta
from figuard.domain.budget import Budget, OveragePolicy
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.entitlements import ItemPolicy
from figuard.domain.events import Decision, Event, Standing, Verdict
from figuard.domain.levels import Touched
from figuard.domain.refusal import Refusal
from tests.builders import allocation, spend
from tests.unit.domain.made import (
    balance,
    budget,
    cap,
    event,
    item,
    later,
    ref,
    refusal,
    released,
    timed_out,
    token,
    touching,
)

NOW = later(1000)
TIGHT = budget(100, spent=85, reserved=10)
"""A budget with a hold of ten and five left."""


def confirm(before: Event, quantity: AmountLike, state: Budget = TIGHT, **fields: Any) -> Event:
    touched = fields.pop("touched", Touched(state))
    return settle.confirmed(before, touched, quanta(quantity), now=NOW, **fields)


def refusal_of(before: Event, quantity: AmountLike, state: Budget = TIGHT, **fields: Any) -> ErrorCode | None:
    """Return why a confirmation is refused, or None when it is not."""
    return refusal(confirm, before, quantity, state, **fields)


@pytest.mark.parametrize("quantity", [0, 3, 10, 15])
def test_a_confirmation_books_the_real_amount_and_releases_the_hold(quantity: int):
    standing = confirm(event(10), quantity).standing

    assert (0, quanta(quantity), quanta(quantity)) == (standing.held, standing.booked, standing.confirmed)


def test_a_confirmation_is_booked_in_the_present_epoch():
    assert 3 == confirm(event(10), 10, budget(100, reserved=10, epoch=3)).standing.epoch


def test_a_confirmation_keeps_what_the_payment_was_called_outside():
    assert "tx" == confirm(event(10), 10, external_transaction_id="tx").outcome.external_transaction_id


@pytest.mark.parametrize(
    ("policy", "quantity", "code"),
    [
        (OveragePolicy.REJECT, 10, None),
        (OveragePolicy.REJECT, "10.00000001", ErrorCode.CONFIRM_EXCEEDS_HOLD),
        (OveragePolicy.ALLOW_IF_AVAILABLE, 15, None),
        (OveragePolicy.ALLOW_IF_AVAILABLE, "15.00000001", ErrorCode.CONFIRM_EXCEEDS_AVAILABLE),
        (OveragePolicy.ALLOW_WITH_OVERDRAFT, 35, None),
        (OveragePolicy.ALLOW_WITH_OVERDRAFT, "35.00000001", ErrorCode.CONFIRM_EXCEEDS_AVAILABLE),
    ],
)
def test_more_than_the_hold_follows_the_overage_policy(
    policy: OveragePolicy, quantity: AmountLike, code: ErrorCode | None
):
    state = budget(100, spent=85, reserved=10, overage=policy, overdraft_limit=quanta(20))

    assert code is refusal_of(event(10), quantity, state)


@pytest.mark.parametrize("policy", OveragePolicy)
def test_the_hold_itself_can_be_confirmed_on_an_overdrawn_budget(policy: OveragePolicy):
    overdrawn = budget(100, spent=200, reserved=10, overage=policy)

    assert refusal_of(event(10), 10, overdrawn) is None


@pytest.mark.parametrize("policy", [OveragePolicy.REJECT, OveragePolicy.ALLOW_IF_AVAILABLE])
def test_an_overdraft_limit_alone_allows_no_overdraft(policy: OveragePolicy):
    state = budget(100, spent=85, reserved=10, overage=policy, overdraft_limit=quanta(20))

    assert refusal_of(event(10), 16, state) is not None


@pytest.mark.parametrize("policy", OveragePolicy)
def test_money_that_moved_is_booked_whatever_the_policy(policy: OveragePolicy):
    booked = confirm(event(10), 1000, budget(100, reserved=10, overage=policy), money_moved=True)

    assert (quanta(1000), True) == (booked.standing.booked, booked.outcome.money_moved)


def capped(state: Budget = TIGHT) -> tuple[Event, Touched]:
    agent = token("agent", cap("food", 12, reserved=10))
    return event(10, caps=(ref(agent, "food"),)), Touched(state, (agent,))


def allocated() -> tuple[Event, Touched]:
    food = replace(allocation("food", 12), id="food", balance=balance(reserved=10))
    return event(10, allocation_id="food"), Touched(budget(100, reserved=10, allocations=(food,)))


def entitled(**fields: Any) -> tuple[Event, Touched]:
    quota = item(12, balance=balance(reserved=10), **fields)
    return event(10, item_id="item"), Touched(budget(100, reserved=10), item=quota)


def chained() -> tuple[Event, Touched]:
    root = event(1, id="root", max_subtree=12, standing=Standing(subtree=balance(reserved=10)))
    return event(10, root_id="root"), Touched(budget(100, reserved=10), root=root)


def own_chain() -> tuple[Event, Touched]:
    standing = Standing(held=quanta(10), subtree=balance(reserved=10))
    return event(10, max_subtree=12, standing=standing), Touched(budget(100, reserved=10))


LEVELS = pytest.mark.parametrize("level", [capped, allocated, entitled, chained, own_chain])


@LEVELS
@pytest.mark.parametrize(("quantity", "code"), [(12, None), ("12.01", ErrorCode.CONFIRM_EXCEEDS_AVAILABLE)])
def test_the_excess_must_fit_at_every_level(level: Any, quantity: AmountLike, code: ErrorCode | None):
    before, touched = level()

    assert code is refusal_of(before, quantity, touched=touched)


@LEVELS
def test_only_the_budget_itself_may_be_overdrawn(level: Any):
    before, touched = level()
    policy = replace(touched.budget.policy, overage=OveragePolicy.ALLOW_WITH_OVERDRAFT, overdraft_limit=quanta(1000))
    touched = touching(touched, budget=replace(touched.budget, policy=policy))

    assert ErrorCode.CONFIRM_EXCEEDS_AVAILABLE is refusal_of(before, 13, touched=touched)


def test_a_quota_that_only_warns_refuses_no_excess():
    before, touched = entitled(overage=ItemPolicy.WARN_ONLY)

    assert refusal_of(before, 50, touched=touched) is None


def test_a_refused_excess_names_the_level_and_what_is_left_there():
    before, touched = capped()

    with pytest.raises(Refusal, match=r"10\.00 is held and cap 'agent/food' has 2\.00 left"):
        confirm(before, 13, touched=touched)


LATE = pytest.mark.parametrize("late", [released(event(10)), timed_out(10)], ids=["hold ended", "timed out"])


@LATE
def test_a_late_confirmation_is_booked_when_it_fits(late: Event):
    assert quanta(5) == confirm(late, 5).standing.booked


@LATE
def test_a_late_confirmation_that_does_not_fit_has_its_own_code(late: Event):
    assert ErrorCode.AUTHORIZATION_EXPIRED is refusal_of(late, "5.01")


@LATE
def test_a_late_confirmation_of_money_that_moved_is_always_booked(late: Event):
    assert quanta(10) == confirm(late, 10, money_moved=True).standing.booked


def test_a_late_confirmation_forgets_that_there_was_a_time_out():
    assert confirm(timed_out(10), 5).outcome.reason is None


def test_a_late_refusal_says_that_the_hold_has_ended():
    with pytest.raises(Refusal, match=r"its hold has ended and budget 'budget' has 5\.00 left"):
        confirm(released(event(10)), 10)


def shadow(denial: Denial | None, **fields: Any) -> Event:
    return event(10, shadow=True, verdict=Verdict(denial=denial), **fields)


def test_a_shadow_event_is_confirmed_whatever_the_limit():
    assert quanta(10**6) == confirm(shadow(None), 10**6).standing.booked


def test_a_shadow_event_that_would_have_been_denied_books_nothing():
    standing = confirm(shadow(Denial.INSUFFICIENT_FUNDS, standing=Standing()), 10).standing

    assert (0, quanta(10)) == (standing.booked, standing.confirmed)


@pytest.mark.parametrize(("parts", "left"), [((4,), 6), ((4, 6), 0), ((1, 2, 3), 4), ((0,), 10)])
def test_refunds_add_up(parts: tuple[int, ...], left: int):
    after = event(10, Decision.CONFIRMED)
    for part in parts:
        after = settle.refunded(after, quanta(part), now=NOW)

    assert (quanta(left), quanta(10 - left)) == (after.standing.booked, after.standing.refunded)


def test_a_refunded_event_stays_confirmed_at_its_amount():
    after = settle.refunded(event(10, Decision.CONFIRMED), quanta(10), now=NOW)

    assert (Decision.CONFIRMED, quanta(10)) == (after.decision, after.standing.confirmed)


def test_refunds_cannot_add_up_to_more_than_was_confirmed():
    once = settle.refunded(event(10, Decision.CONFIRMED), quanta(4), now=NOW)

    with pytest.raises(Refusal, match=r"6\.00 left to refund of 10\.00 confirmed, 6\.01 was asked"):
        settle.refunded(once, quanta("6.01"), now=NOW)


def test_a_refunded_shadow_event_that_booked_nothing_gives_nothing_back():
    confirmed = confirm(shadow(Denial.INSUFFICIENT_FUNDS, standing=Standing()), 10)

    assert 0 == settle.refunded(confirmed, quanta(10), now=NOW).standing.booked


def test_voiding_a_refunded_event_takes_back_the_rest():
    refunded = settle.refunded(event(10, Decision.CONFIRMED), quanta(4), now=NOW)

    assert 0 == settle.voided(refunded, "r", now=NOW).standing.booked


def test_a_failure_keeps_what_the_provider_said():
    outcome = settle.failed(event(10), "DECLINED", now=NOW, error_message="card expired").outcome

    assert ("DECLINED", "card expired") == (outcome.reason, outcome.error_message)


def test_an_event_settled_outside_can_only_be_refunded():
    with pytest.raises(Refusal, match="settled as external transaction 'tx'"):
        settle.voided(event(10, Decision.CONFIRMED, external_transaction_id="tx"), "r", now=NOW)


def test_external_spending_is_confirmed_from_the_start_and_its_own_root():
    booked = settle.external(
        spend(500), TIGHT, event_id="x", now=NOW, source="IMPORT", occurred_at=None, allocation_id="food"
    )

    assert (Decision.CONFIRMED, quanta(500), "x", "food", NOW) == (
        booked.decision, booked.standing.booked, booked.place.root_id, booked.place.allocation_id,
        booked.outcome.occurred_at,
    )  # fmt: skip
