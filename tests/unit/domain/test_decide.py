"""
The decision: the event it opens, what the event holds, and when a denial is decided afresh.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from figuard.domain.amounts import quanta
from figuard.domain.books import FAVOURABLE, EntryKind
from figuard.domain.budget import Budget, Counters, Status, TrustMode
from figuard.domain.codes import Denial
from figuard.domain.decide import decide, may_differ, objection
from figuard.domain.events import CapRef, Decision, Event, Place, Standing, Verdict
from figuard.domain.limits import DENIAL_MESSAGE_MAX
from tests.builders import allocation
from tests.unit.domain.made import NOW, budget, cap, event, item, later, situation, token

SHADOW = TrustMode.SHADOW


def decided(*arguments: Any, **fields: Any) -> Event:
    return decide(situation(*arguments, **fields), event_id="new")


def test_nothing_against_it_means_authorized():
    assert Decision.AUTHORIZED is decided(10).decision


def test_what_is_as_it_is_from_the_start_is_the_very_default_which_is_written_at_no_cost():
    opened, plain = decided(10), Event("e", "t", "b", decided(10).spend, Decision.AUTHORIZED, 1, 1)

    assert opened.verdict is plain.verdict
    assert opened.outcome is plain.outcome
    assert opened.standing.subtree is plain.standing.subtree


def test_a_denial_names_its_reason():
    denied = decided(101)

    assert (Decision.DENIED, Denial.INSUFFICIENT_FUNDS) == (denied.decision, denied.verdict.denial)


def test_the_first_objection_decides():
    found = objection(situation(101, budget(100, status=Status.PAUSED)))

    assert Denial.BUDGET_PAUSED is (found[0] if found else None)


def test_an_authorized_event_holds_what_was_asked_until_the_hold_ends():
    standing = decided(10, budget(authorization_expiry_seconds=600)).standing

    assert (quanta(10), later(600), later(600)) == (standing.held, standing.hold_expires_at, standing.void_due_at)


def test_a_short_hold_ends_early_and_is_voided_no_sooner_than_after_five_minutes():
    standing = decided(10, budget(authorization_expiry_seconds=2)).standing

    assert (later(2), later(300)) == (standing.hold_expires_at, standing.void_due_at)


def test_a_request_that_reserves_nothing_holds_nothing_and_never_ends():
    assert Standing() == decided(10, reserve=False).standing


def test_a_denied_event_holds_nothing():
    assert Standing() == decided(101).standing


def test_an_event_knows_the_epoch_it_was_opened_in():
    assert 4 == decided(10, budget(epoch=4)).standing.epoch
    assert 4 == decided(10, budget(epoch=4), reserve=False).standing.epoch


def test_an_event_knows_where_it_counts():
    state = budget(allocations=(replace(allocation("food", 50), id="food"),))
    capped = token("agent", cap("food", 50))

    assert (
        Place(
            token_id="agent",
            allocation_id="food",
            caps=(CapRef("agent", "food"),),
            item_id="item",
            item_period=7,
            root_id="new",
        )
        == decided(10, state, category="food", tokens=(capped,), item=item(period=7)).place
    )


def test_a_denied_event_counts_against_no_cap():
    assert () == decided(60, category="food", tokens=(token("agent", cap("food", 50)),)).place.caps


def test_a_child_belongs_to_the_chain_of_its_parent():
    parent = event(id="parent", root_id="root", depth=3)
    place = decided(10, parent=parent).place

    assert ("parent", "root", 4) == (place.parent_id, place.root_id, place.depth)


def test_the_cap_that_a_child_names_is_not_kept():
    assert decided(10, parent=event(), max_subtree=5).spend.max_subtree is None


def test_the_cap_that_a_root_names_is_kept():
    assert quanta(50) == decided(10, max_subtree=50).spend.max_subtree


def test_a_parent_on_another_budget_is_remembered_and_makes_a_root():
    place = decide(situation(10), event_id="new", foreign_parent_id="elsewhere").place

    assert ("elsewhere", None, "new") == (place.foreign_parent_id, place.parent_id, place.root_id)


def test_an_attempt_has_its_number():
    assert 3 == decide(situation(10), event_id="new", attempt=3).attempt


def test_a_shadow_decision_is_always_authorized_and_says_what_would_have_been():
    shadow = decided(101, budget(trust_mode=SHADOW))

    assert (Decision.AUTHORIZED, Denial.INSUFFICIENT_FUNDS, True) == (
        shadow.decision, shadow.verdict.denial, shadow.place.shadow,
    )  # fmt: skip


@pytest.mark.parametrize(("quantity", "held"), [(10, 10), (101, 0)])
def test_a_shadow_event_holds_only_what_would_have_been_authorized(quantity: int, held: int):
    assert quanta(held) == decided(quantity, budget(trust_mode=SHADOW)).standing.held


def test_a_denial_of_the_budget_itself_names_the_budget():
    verdict = decided(10, budget(status=Status.PAUSED)).verdict

    assert ("BUDGET", "budget") == (verdict.level, verdict.level_id)


def test_a_denial_says_what_is_left_and_what_would_fit():
    verdict = decided(101, budget(100, spent=30)).verdict

    assert (quanta(70), quanta(70)) == (verdict.available, verdict.fits)


def test_a_denial_message_is_cut_at_its_limit():
    long = decided(10, budget(intent_tags=("x" * 5000,)), intent_context="no")

    assert DENIAL_MESSAGE_MAX == len(long.verdict.message or "")


def test_an_approval_says_nothing():
    assert Verdict() == decided(10).verdict


def test_an_event_is_first_denied_or_authorized_whatever_became_of_it():
    first = {decision: event(decision=decision).first_decision for decision in Decision}

    assert {d: Decision.DENIED if d is Decision.DENIED else Decision.AUTHORIZED for d in Decision} == first


@pytest.mark.parametrize(
    ("standing", "decision", "blocks"),
    [
        (Standing(), Decision.AUTHORIZED, True),
        (Standing(hold_released_at=NOW), Decision.AUTHORIZED, False),
        (Standing(), Decision.CONFIRMED, True),
        (Standing(hold_released_at=NOW), Decision.CONFIRMED, True),
        (Standing(), Decision.FAILED, False),
        (Standing(), Decision.VOIDED, False),
        (Standing(), Decision.DENIED, False),
    ],
)
def test_an_event_blocks_its_entity_while_it_holds_or_has_paid(standing: Standing, decision: Decision, blocks: bool):
    assert blocks is event(decision=decision, standing=standing).blocks_entity


@pytest.mark.parametrize(
    ("is_shadow", "denial", "for_real", "for_shadow"),
    [(False, None, True, True), (True, None, False, True), (True, Denial.INSUFFICIENT_FUNDS, False, False)],
)
def test_a_shadow_event_stands_for_its_entity_in_the_shadow_only(
    is_shadow: bool, denial: Denial | None, for_real: bool, for_shadow: bool
):
    present = event(shadow=is_shadow, verdict=Verdict(denial=denial))

    assert (for_real, for_shadow) == (
        present.stands_for_entity(shadow=False),
        present.stands_for_entity(shadow=True),
    )


# -- may it differ? ------------------------------------------------------------------------------------------------


def denied(**fields: Any) -> Event:
    return event(decision=Decision.DENIED, verdict=Verdict(denial=Denial.INSUFFICIENT_FUNDS, **fields))


def at_revision(revision: int) -> Budget:
    return budget(counters=Counters(revision=revision))


def test_a_denial_stands_while_nothing_has_happened():
    assert not may_differ(denied(revision=5), at_revision(5), None, later(10**6))


def test_a_denial_may_differ_once_something_favourable_has_happened():
    assert may_differ(denied(revision=5), at_revision(6), None, NOW)


@pytest.mark.parametrize(("revision", "differs"), [(2, False), (3, True)])
def test_a_denial_may_differ_once_its_quota_was_renewed_or_released(revision: int, differs: bool):
    assert differs is may_differ(denied(item_revision=2), at_revision(0), item(revision=revision), NOW)


@pytest.mark.parametrize(("now", "differs"), [(later(59), False), (later(60), True)])
def test_a_denial_may_differ_from_the_moment_it_named(now: int, differs: bool):
    assert differs is may_differ(denied(retry_at=later(60)), at_revision(0), None, now)


UNFAVOURABLE = {
    EntryKind.AUTHORIZED, EntryKind.DENIED, EntryKind.CONFIRMED, EntryKind.EXTERNAL_RECORDED, EntryKind.HOLD_EXTENDED,
    EntryKind.OUTCOME_UNKNOWN, EntryKind.BUDGET_CREATED, EntryKind.BUDGET_PAUSED, EntryKind.RECEIPT_CREATED,
    EntryKind.RECEIPT_REVOKED, EntryKind.SUBSCRIPTION_CREATED, EntryKind.SUBSCRIPTION_PAUSED,
    EntryKind.SUBSCRIPTION_RESUMED, EntryKind.SUBSCRIPTION_CANCELLED, EntryKind.ITEM_ADDED, EntryKind.ITEM_RENEWED,
    EntryKind.ITEM_RESET, EntryKind.ITEM_STATE_CHANGED,
}  # fmt: skip
"""What alone turns no denial around: it takes away, concerns others, or is counted by the entitlement's revision."""


def test_every_kind_of_entry_is_either_favourable_or_known_not_to_be():
    assert set(EntryKind) == FAVOURABLE | UNFAVOURABLE
    assert not FAVOURABLE & UNFAVOURABLE
