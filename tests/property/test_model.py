"""
The engine against the naive model: the same orders to both, the same answers and the same sums from both.

Hypothesis invents the orders and shrinks what fails to the shortest story. Amounts are small and limits tight, so
that most of what can go wrong is near.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from figuard.domain import commands as c
from figuard.domain import instants
from figuard.ports import Store
from figuard.stores import open_store
from figuard.stores.memory import MemoryStore
from tests.builders import World
from tests.property import stories, upkeep
from tests.property.desk import Desk, check_figures, check_ledger, patch_of, spend
from tests.property.facts import SECOND, Ask, Rules, Share, Token
from tests.property.model import Model

pytestmark = pytest.mark.timeout(900)  # for the many examples of `make full`, and for shrinking


class Spending(RuleBasedStateMachine):
    """Budgets, tokens and events, and everything that can be done to them."""

    tokens: Bundle[str] = Bundle("tokens")
    events: Bundle[str] = Bundle("events")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.make_store())
        self.desk = Desk(self.world)
        self.model = Model(self.world.clock.now())
        self.touched: str | None = None
        self.count = 0

    def make_store(self) -> Store:
        return MemoryStore()

    def budget_of(self, token: str) -> str:
        return self._touch(self.model.tokens[token].budget_id)

    def _touch(self, budget_id: str) -> str:
        self.touched = budget_id
        return budget_id

    def both(self, command: Any, action: Any) -> Any:
        """Give the order to the engine and do the same in the model; they must agree on whether it is refused."""
        reply, code = self.desk.order(command)
        assert code == self.model.attempt(action), command
        return reply

    # -- asking ----------------------------------------------------------------------------------------------------

    @initialize(target=tokens, limit=stories.limits, rules=stories.rules, shares=stories.divisions)
    def first_budget(self, limit: int, rules: Rules, shares: list[Share]) -> str:
        return self.create(limit, rules, shares, "USD")

    @rule(
        target=tokens,
        limit=stories.limits,
        rules=stories.rules,
        shares=stories.divisions,
        currency=stories.currencies,
    )
    def create(self, limit: int, rules: Rules, shares: list[Share], currency: str | None) -> str:
        limit = max(limit, sum(share.limit for share in shares))
        budget, token = self.desk.create(limit, rules, currency, shares)
        assert self.model.attempt(lambda: upkeep.create(self.model, budget, token)) is None
        self._touch(budget.id)
        return token.id

    @rule(
        target=events,
        token=tokens,
        quantity=stories.amounts,
        category=stories.categories,
        entity=stories.entities,
        parent=st.one_of(st.none(), events),
        odd=st.sampled_from([{}, {}, {}, {"intent": "a Flight"}, {"item_type": "Alcohol"}, {"currency": "EUR"}]),
        subtree=st.sampled_from([None, None, 6]),
        reserve=st.sampled_from([True, True, True, False]),
        old=st.sampled_from([False, False, False, True]),
        dry_run=st.sampled_from([False, False, False, True]),
        key=st.one_of(st.none(), stories.keys),
    )
    def authorize(
        self, token: str, old: bool, dry_run: bool, odd: dict[str, str], key: str | None, **fields: Any
    ) -> Any:
        self.count += 1
        ask = Ask(key=key or f"k{self.count}", **odd, **fields)
        return self._ask(token, ask, old=old, dry_run=dry_run)

    @rule(target=events, token=tokens, quantity=stories.amounts, pick=stories.picks, reserve=stories.mostly)
    def spend(self, token: str, quantity: int, pick: int, reserve: bool) -> Any:
        return self._fitting(token, quantity, pick, reserve=reserve)

    @rule(target=events, token=tokens, quantity=st.integers(1, 4), pick=stories.picks)
    def spend_a_little(self, token: str, quantity: int, pick: int) -> Any:
        return self._fitting(token, quantity, pick)

    @rule(target=events, event=events, quantity=st.integers(0, 6), pick=stories.picks)
    def spend_below(self, event: str, quantity: int, pick: int) -> Any:
        budget_id = self.model.events[event].budget_id
        token = next(token.id for token in self.model.tokens.values() if token.budget_id == budget_id)
        return self._fitting(token, quantity, pick, parent=event)

    def _fitting(self, token: str, quantity: int, pick: int, **fields: Any) -> Any:
        """Ask for something in a category and currency that may pass."""
        known = self.model.tokens[token]
        budget = self.model.budgets[known.budget_id]
        taken = [category for share in budget.allocations.values() for category in share.takes]
        fitting = list(known.caps) or taken or [None]
        self.count += 1
        ask = Ask(
            key=f"k{self.count}",
            quantity=quantity,
            category=fitting[pick % len(fitting)],
            currency=budget.currency,
            intent="a flight to Rome",
            action=known.actions[0] if known.actions else "SPEND",
            **fields,
        )
        return self._ask(token, ask, old=False, dry_run=False)

    @rule(target=events, token=tokens, event=events, more=st.sampled_from([0, 0, 0, 1]))
    def ask_again(self, token: str, event: str, more: int) -> Any:
        ask = self.model.events[event].ask
        return self._ask(token, replace(ask, quantity=ask.quantity + more), old=False, dry_run=False)

    @rule(target=events, token=tokens, event=events)
    def ask_the_same_once_its_hold_has_ended(self, token: str, event: str) -> Any:
        fact = self.model.events[event]
        if fact.ends is not None and fact.ends > self.model.clock:
            self._turn_clock(fact.ends)
        # By the very token, where it is known: what it held must be free by now, at every level.
        spender = fact.caps[0][0] if fact.caps else token
        self.count += 1
        return self._ask(spender, replace(fact.ask, key=f"k{self.count}"), old=False, dry_run=False)

    def _ask(self, token: str, ask: Ask, *, old: bool, dry_run: bool) -> Any:
        self.budget_of(token)
        known = self.model.tokens[token]
        secret = known.previous if old and known.previous else known.secret
        answer, code = self.desk.authorize(secret, ask, dry_run=dry_run)
        seen = set(self.model.events)
        # Where the engine refused, the model must refuse before it looks at an answer.
        expected = self.model.attempt(lambda: self.model.authorize(secret, ask, answer, dry_run=dry_run))
        assert code == expected, ask
        return multiple(*(set(self.model.events) - seen))

    # -- settling --------------------------------------------------------------------------------------------------

    @rule(
        event=events,
        quantity=stories.amounts,
        external=st.sampled_from([None, None, None, "tx1", "tx2"]),
        money_moved=st.sampled_from([False, False, False, True]),
    )
    def confirm(self, event: str, quantity: int, external: str | None, money_moved: bool) -> None:
        self._of(event)
        self.both(
            c.Confirm(event, quantity, external, money_moved),
            lambda: self.model.confirm(event, quantity, external, money_moved=money_moved),
        )

    @rule(event=events, less=st.sampled_from([0, 0, 1, 3, -1]))
    def confirm_about_what_was_asked(self, event: str, less: int) -> None:
        self.confirm(event, max(0, self.model.events[event].ask.quantity - less), None, money_moved=False)

    @rule(event=events, way=stories.endings, reason=st.sampled_from(["CHANGED_MIND", "TOO_LATE"]))
    def take_back(self, event: str, way: str, reason: str) -> None:
        self._of(event)
        freed: list[int] = []
        command, action = {
            "fail": (c.Fail(event, reason), lambda: self.model.fail(event, reason)),
            "void": (c.Void(event, reason), lambda: self.model.void(event, reason, children=False)),
            "void all": (c.Void(event, reason, children=True), lambda: self.model.void(event, reason, children=True)),
            "void tree": (c.VoidTree(event, reason), lambda: freed.append(self.model.void_tree(event, reason))),
        }[way]
        reply = self.both(command, action)
        assert not freed or [reply.released] == freed

    @rule(event=events, way=stories.changes, number=st.sampled_from([1, 2, 60, 900]))
    def change_what_is_held(self, event: str, way: str, number: int) -> None:
        self._of(event)
        command, action = {
            "refund": (c.Refund(event, number, "RETURNED"), lambda: self.model.refund(event, number)),
            "extend": (c.ExtendHold(event, number), lambda: self.model.extend(event, number)),
            "unknown": (c.MarkUnknown(event), lambda: self.model.mark_unknown(event)),
        }[way]
        self.both(command, action)

    @rule(target=events, token=tokens, quantity=stories.amounts, category=stories.categories, key=stories.mostly)
    def external(self, token: str, quantity: int, category: str | None, key: bool) -> Any:
        budget_id = self.budget_of(token)
        self.count += key
        ask = Ask(key=f"e{self.count}", quantity=quantity, category=category)
        reply, code = self.desk.order(c.RecordExternal(budget_id, spend(ask)))
        event_id = reply.event.id if reply else ""
        assert code == self.model.attempt(lambda: self.model.external(budget_id, ask, event_id))
        return event_id if reply else multiple()

    def _of(self, event: str) -> None:
        self._touch(self.model.events[event].budget_id)

    # -- the budget itself -----------------------------------------------------------------------------------------

    @rule(token=tokens, rules=stories.patches, limit=st.one_of(st.none(), stories.limits), paused=stories.pauses)
    def patch(self, token: str, rules: dict[str, Any], limit: int | None, paused: bool | None) -> None:
        budget_id = self.budget_of(token)
        self.both(
            c.UpdateBudget(budget_id, patch_of(rules, limit, paused=paused)),
            lambda: upkeep.patch(self.model, budget_id, rules, limit=limit, paused=paused),
        )

    @rule(token=tokens, what=stories.governing, quantity=stories.amounts)
    def govern(self, token: str, what: str, quantity: int) -> None:
        budget_id = self.budget_of(token)
        later = self.model.clock + 7200 * SECOND
        if what == "resume":
            self.both(c.Resume(budget_id, "checked"), lambda: upkeep.resume(self.model, budget_id))
        elif what == "cancel":
            self.both(c.Cancel(budget_id), lambda: upkeep.cancel(self.model, budget_id))
        elif what == "prolong":
            self.both(c.ExtendBudget(budget_id, later), lambda: upkeep.prolong(self.model, budget_id, later))
        else:
            command = c.Fund(budget_id, c.FundingOperation(what), quantity)
            self.both(command, lambda: upkeep.fund(self.model, budget_id, what, quantity))

    # -- tokens ----------------------------------------------------------------------------------------------------

    @rule(target=tokens, parent=tokens, caps=stories.caps, scope=stories.scopes, life=stories.lives)
    def delegate(self, parent: str, caps: dict[str, int], scope: dict[str, Any], life: int | None) -> Any:
        budget_id = self.budget_of(parent)
        self.count += 1
        above = self.model.tokens[parent]
        path = () if above.label == "default" else (parent, *above.path)
        expires_at = self.model.clock + life * SECOND if life else None
        token = Token("", budget_id, "", f"t{self.count}", path=path, caps=caps, expires_at=expires_at, **scope)
        reply, code = self.desk.delegate(token)
        if reply is not None:
            token = replace(token, id=reply.token.id, secret=reply.secret)
        assert code == self.model.attempt(lambda: upkeep.delegate(self.model, token)), token
        return token.id if reply else multiple()

    @rule(token=tokens, revokes=st.sampled_from([False, False, True]))
    def change_a_token(self, token: str, revokes: bool) -> None:
        budget_id = self.budget_of(token)
        is_session = self.model.tokens[token].label == "default"
        if revokes and not is_session:
            self.both(c.Revoke(token), lambda: upkeep.revoke(self.model, token))
            return
        reply, code = self.desk.order(c.RotateToken(budget_id) if is_session else c.RotateDelegation(token))
        secret = reply.secret if reply else ""
        assert code == self.model.attempt(lambda: upkeep.rotate(self.model, token, secret))

    # -- time and accidents ----------------------------------------------------------------------------------------

    @rule(seconds=stories.spans, back=st.sampled_from([False, False, False, True]))
    def wait(self, seconds: int, back: bool) -> None:
        self._turn_clock(self.world.clock.now() + (-seconds if back else seconds) * SECOND)

    def _turn_clock(self, to: int) -> None:
        self.world.clock.set(instants.moment(to))
        self.model.clock = self.world.clock.now()

    @rule(token=tokens, restart=st.booleans())
    def sweep(self, token: str, restart: bool) -> None:
        if restart:
            self.world = self.world.reopened()
            self.desk = Desk(self.world)
        budget_id = self.budget_of(token)
        self.both(c.SweepBudget(budget_id), lambda: self.model.sweep(budget_id))
        shown = self.world.stored(budget_id)
        assert shown.available() == self.model.left(self.model.budgets[budget_id], shadow=False)

    # -- judging ---------------------------------------------------------------------------------------------------

    @invariant()
    def figures_are_the_sums(self) -> None:
        if self.touched is not None:
            check_figures(self.world, self.model, self.touched)
            self.touched = None

    def teardown(self) -> None:
        for budget_id in self.model.budgets:
            check_figures(self.world, self.model, budget_id)
            check_ledger(self.world, self.model, budget_id)
        self.world.store.close()


class SpendingOnSqlite(Spending):
    """The same on SQLite, in memory."""

    def make_store(self) -> Store:
        return open_store(":memory:")


TestOnMemory = Spending.TestCase
TestOnMemory.settings = settings(stateful_step_count=30)
TestOnSqlite = SpendingOnSqlite.TestCase
TestOnSqlite.settings = settings(stateful_step_count=30, max_examples=settings.default.max_examples // 5)
