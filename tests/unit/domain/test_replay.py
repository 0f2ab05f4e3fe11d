"""
Replay: a budget's state at any moment, computed from its entries, is the state it had.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import quanta
from figuard.domain.books import BudgetOpening, Entry, EntryKind, EventChange
from figuard.domain.budget import NOTHING, Status
from figuard.domain.codes import ErrorCode
from figuard.domain.events import CapRef, Decision, Outcome, Standing
from figuard.domain.replay import Account, BrokenBook, state_of
from figuard.domain.views import BudgetState, ReplayView, StateAtView
from figuard.engine.inspection import ENTRIES_PER_READ
from tests.builders import TENANT, World, allocation, spend
from tests.unit.domain.lives import LIVES, Life, Step
from tests.unit.domain.made import NOW, budget, event, later, refusal


def state_at(life: Life, at: int) -> BudgetState:
    view: StateAtView = life.world.ask(q.StateAt(life.budget.budget.id, at))
    return view.state


@pytest.mark.timeout(300)  # `make full` tries two thousand lives
@given(LIVES)
def test_the_state_at_any_moment_is_the_state_that_was_stored_then(steps: list[Step]):
    """
    Computed from the entries alone, which verify whatever the budget has lived through.
    """
    life, recorded = Life(), dict[int, BudgetState]()
    for _ in life.lived(steps):
        now = life.world.clock.now()
        recorded[now] = state_of(life.world.stored(life.budget), now)

    looked_at = [*list(recorded)[::3], *list(recorded)[-1:]]
    assert {at: recorded[at] for at in looked_at} == {at: state_at(life, at) for at in looked_at}
    life.world.judge(life.budget)


def replayed(life: Life, **fields: Any) -> ReplayView:
    view: ReplayView = life.world.ask(q.Replay(life.budget.budget.id, **fields))
    return view


def test_a_replay_ends_in_the_state_that_is_stored():
    life = Life().live(("ask", 10, 1), ("confirm", 7, 0), ("credit", 20, 0), ("ask", 5, 0))

    assert state_of(life.world.stored(life.budget), life.world.clock.now()) == replayed(life).final


STORY = Life().live(
    ("ask", 10, 1), ("ask", 5, 3), ("ask", 39, 3), ("confirm", 8, 0), ("fail", 0, 1), ("external", 3, 0)
)
"""Two authorizations, a denial, a confirmation, a failure and an external payment, a second apart from second one."""


def test_a_replay_counts_what_happened():
    summary = replayed(STORY).summary

    assert (6, 2, 1, 2, 1, 0) == (
        summary.events, summary.authorized, summary.denied, summary.confirmed, summary.failed, summary.voided,
    )  # fmt: skip


def test_a_replay_finds_the_moment_of_the_largest_reservation():
    summary = replayed(STORY).summary

    assert (quanta(15), later(2)) == (summary.peak_reserved, summary.peak_at)


def test_a_replay_names_every_step_with_the_state_after_it():
    steps = replayed(STORY).steps

    assert [quanta(r) for r in (10, 15, 15, 5, 0, 0)] == [s.after.balance.reserved for s in steps if s.after]


def test_a_replay_can_do_without_states():
    assert {None} == {step.after for step in replayed(STORY, include_states=False).steps}


def test_a_replay_can_leave_denials_out_and_counts_them_all_the_same():
    view = replayed(STORY, include_denied=False)

    assert (5, 1) == (len(view.steps), view.summary.denied)


def test_a_replay_measures_the_time_between_steps():
    assert [0, 1000, 1000, 1000, 1000, 1000] == [step.millis_since_previous for step in replayed(STORY).steps]


def test_a_window_begins_with_the_state_before_it():
    view = replayed(STORY, since=later(3), until=later(4))

    assert (quanta(15), quanta(5), 2) == (
        view.initial.balance.reserved, view.final.balance.reserved, len(view.steps),
    )  # fmt: skip


def test_a_window_after_everything_begins_and_ends_in_the_final_state():
    view = replayed(STORY, since=later(1000), until=later(2000))

    assert (view.final, ()) == (view.initial, view.steps)


def test_a_replay_comes_in_pages():
    first = replayed(STORY, size=4)
    second = replayed(STORY, size=4, offset=first.next_offset or 0)

    assert (4, 2, None) == (first.next_offset, len(second.steps), second.next_offset)
    assert replayed(STORY).steps == first.steps + second.steps


def funded() -> Life:
    """Return a life whose budget is by now nothing like the one that was opened."""
    return Life().live(("ask", 10, 1), ("credit", 40, 0), ("confirm", 7, 0), ("ask", 5, 0))


def test_a_window_before_the_budget_shows_the_budget_as_it_was_opened():
    view = replayed(funded(), since=NOW - 10, until=NOW - 1)

    assert () == view.steps
    assert BudgetState(NOW - 1, quanta(100), NOTHING, Status.ACTIVE, view.final.allocations) == view.final
    assert {NOTHING} == {one.balance for one in view.final.allocations}
    assert view.final == view.initial


def test_the_state_before_a_budget_existed_is_that_in_which_it_was_opened():
    """
    A clock that is behind, or a time that was cut to milliseconds, is no error of whoever asks.
    """
    life = funded()
    view: StateAtView = life.world.ask(q.StateAt(life.budget.budget.id, NOW - 1))

    assert (0, NOW - 1, quanta(100), NOTHING) == (view.applied, view.state.at, view.state.limit, view.state.balance)


def test_a_book_without_its_first_entry_says_nothing_about_what_was_before_it():
    life = funded()
    store: Any = life.world.store
    store._data.books[life.budget.budget.id].clear()

    assert ErrorCode.LEDGER_BROKEN is refusal(life.world.ask, q.Replay(life.budget.budget.id, until=NOW - 1))
    assert ErrorCode.LEDGER_BROKEN is refusal(life.world.ask, q.StateAt(life.budget.budget.id, NOW - 1))


def test_a_state_says_how_many_steps_of_events_led_to_it():
    view: StateAtView = STORY.world.ask(q.StateAt(STORY.budget.budget.id, later(3)))

    assert 3 == view.applied


def test_a_funded_limit_is_shown_only_from_when_it_was_funded():
    life = Life().live(("ask", 10, 1), ("credit", 40, 0))

    assert [quanta(100), quanta(140)] == [state_at(life, later(s)).limit for s in (1, 2)]


def test_a_book_of_several_reads_is_followed_to_its_end():
    world = World()
    made = world.budget(100)
    credit = c.Order(c.Fund(made.budget.id, c.FundingOperation.CREDIT, quanta(1)), TENANT, "test")
    world.engine.commit([credit] * ENTRIES_PER_READ)

    assert quanta(100 + ENTRIES_PER_READ) == world.ask(q.StateAt(made.budget.id, world.clock.now())).state.limit


def test_the_timeline_shows_events_as_they_stand_now():
    events = STORY.world.ask(q.Timeline(STORY.budget.budget.id)).events

    assert [Decision.CONFIRMED, Decision.FAILED, Decision.DENIED, Decision.CONFIRMED] == [e.decision for e in events]


@pytest.mark.parametrize(("since", "until", "count"), [(None, None, 4), (2, None, 3), (None, 2, 2), (2, 2, 1)])
def test_a_timeline_may_be_cut_to_a_window(since: int | None, until: int | None, count: int):
    question = q.Timeline(
        STORY.budget.budget.id,
        None if since is None else later(since),
        None if until is None else later(until),
    )

    assert count == len(STORY.world.ask(question).events)


# -- broken books --------------------------------------------------------------------------------------------------


def entry(kind: EntryKind = EntryKind.AUTHORIZED, **fields: Any) -> Entry:
    return Entry("budget", "tenant", fields.pop("seq", 1), NOW, kind, "test", "", **fields)


def opened() -> Account:
    account = Account()
    made = budget()
    account.apply(entry(EntryKind.BUDGET_CREATED, opening=BudgetOpening(made.identity, made.policy, made.funds.limit)))
    return account


def test_a_book_begins_with_its_budget():
    with pytest.raises(BrokenBook, match="does not begin with the creation"):
        Account().apply(entry(event=event()))


def test_an_event_is_opened_before_it_changes():
    change = EventChange("nobody", Decision.CONFIRMED, Standing(), Outcome())

    with pytest.raises(BrokenBook, match="changes event nobody, which was never opened"):
        opened().apply(entry(EntryKind.CONFIRMED, change=change, seq=7))


@pytest.mark.parametrize("place", [{"root_id": "nobody"}, {"caps": (CapRef("nobody", "food"),)}])
def test_an_event_refers_to_what_was_recorded_only(place: dict[str, Any]):
    with pytest.raises(BrokenBook, match="refers to 'nobody', which was never recorded"):
        opened().apply(entry(event=event(**place)))


def test_a_rotated_token_keeps_what_its_caps_hold():
    life = Life().live(("ask", 10, 3))
    token = life.world.ask(q.ListDelegations(life.budget.budget.id)).tokens[0]
    life.world.order(c.RotateDelegation(token.id))

    assert () == life.world.judge(life.budget).findings
    assert quanta(10) == life.world.ask(q.GetDelegation(token.id)).token.caps[0].balance.reserved


def test_a_state_shows_the_allocations_with_their_modes():
    world = World()
    made = world.budget(100, allocations=(allocation("food", 30),))
    world.order(c.RecordExternal(made.budget.id, spend(5, category="food")))
    shown = world.ask(q.StateAt(made.budget.id, world.clock.now())).state.allocations[0]

    assert ("food", quanta(30), quanta(5), "CATEGORY_CONSTRAINED") == (
        shown.category, shown.limit, shown.balance.spent, shown.mode,
    )  # fmt: skip


def test_an_account_that_ends_early_says_where():
    account = opened()

    assert replace(account.present.head, hash="") == account.present.head
    assert 1 == account.present.head.seq
