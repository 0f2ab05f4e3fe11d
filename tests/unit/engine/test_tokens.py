"""
Tokens that end: revoked with everything below them, rotated with a short grace, scoped to what they are for.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.events import Decision
from figuard.domain.refusal import Refusal
from figuard.domain.replies import BudgetReply
from figuard.domain.tokens import Scope
from tests.builders import World, cap
from tests.unit.domain.made import balance, refusal
from tests.unit.engine.delegates import DEPTH, Chain
from tests.unit.engine.tools import entry_kinds, fingerprinted, present

# -- revoking and rotating -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("revoked", range(DEPTH))
def test_a_revocation_ends_the_token_and_everything_below_it(revoked: int):
    chain = Chain()
    chain.world.order(c.Revoke(chain.tokens[revoked].token.id))

    refused = [refusal(chain.ask, 1, f"k{depth}", depth) for depth in range(1, DEPTH + 1)]
    assert [None] * revoked + [ErrorCode.INVALID_SESSION_TOKEN] * (DEPTH - revoked) == refused


def test_a_revocation_does_not_touch_siblings():
    world = World()
    budget = world.budget()
    parent = world.delegate(budget, "parent")
    one, other = (world.delegate(budget, label, parent_token_id=parent.token.id) for label in "ab")
    world.order(c.Revoke(one.token.id))

    assert Decision.AUTHORIZED is world.authorize(other.secret).event.decision


def test_holds_of_a_revoked_token_stay_and_can_be_settled():
    chain = Chain()
    event = chain.ask(50)
    chain.world.order(c.Revoke(chain.tokens[0].token.id))
    chain.world.confirm(event, 40)

    assert [balance(40)] * DEPTH == chain.balances()
    chain.world.judge(chain.budget)


def test_revoking_twice_is_harmless():
    chain = Chain()
    first = chain.world.order(c.Revoke(chain.tokens[2].token.id))
    before = entry_kinds(chain.world, chain.budget.budget.id)
    again = chain.world.order(c.Revoke(chain.tokens[2].token.id))

    assert (first.token, before) == (again.token, entry_kinds(chain.world, chain.budget.budget.id))


def test_each_revoked_token_has_an_entry_of_its_own():
    chain = Chain()
    chain.world.order(c.Revoke(chain.tokens[2].token.id))

    assert 3 == entry_kinds(chain.world, chain.budget.budget.id).count("TOKEN_REVOKED")


def test_a_child_of_an_expired_parent_opens_nothing():
    world = World()
    budget = world.budget()
    end = world.clock.now() + 60 * 10**6
    parent = world.delegate(budget, "parent", expires_at=end)
    child = world.delegate(budget, "child", expires_at=end, parent_token_id=parent.token.id)
    world.clock.advance(60)

    assert ErrorCode.INVALID_SESSION_TOKEN is refusal(world.authorize, child.secret)


class Rotation:
    """A budget whose session token was rotated twice, thirty seconds apart."""

    def __init__(self, kind: str) -> None:
        self.world = World()
        self.budget: BudgetReply = self.world.budget()
        token = self.world.delegate(self.budget, "agent")
        session = kind == "session"
        self.secrets = [self.budget.secret if session else token.secret]
        self.rotate: Any = c.RotateToken(self.budget.budget.id) if session else c.RotateDelegation(token.token.id)

    def turn(self) -> None:
        self.secrets.append(self.world.order(self.rotate).secret)

    def opens(self, which: int) -> bool:
        return refusal(self.world.authorize, self.secrets[which] or "", key=f"k{which}{len(self.secrets)}") is None


KINDS = pytest.mark.parametrize("kind", ["session", "delegation"])


@KINDS
def test_the_secret_before_a_rotation_works_for_a_minute(kind: str):
    rotation = Rotation(kind)
    rotation.turn()
    rotation.world.clock.advance(59)
    assert (True, True) == (rotation.opens(0), rotation.opens(1))
    rotation.world.clock.advance(1)

    assert (False, True) == (rotation.opens(0), rotation.opens(1))


@KINDS
def test_a_second_rotation_within_the_grace_ends_the_oldest_at_once(kind: str):
    rotation = Rotation(kind)
    rotation.turn()
    rotation.turn()

    assert (False, True, True) == (rotation.opens(0), rotation.opens(1), rotation.opens(2))


@KINDS
def test_a_rotation_is_in_the_ledger(kind: str):
    rotation = Rotation(kind)
    rotation.turn()

    assert "TOKEN_ROTATED" == entry_kinds(rotation.world, rotation.budget.budget.id)[-1]
    rotation.world.judge(rotation.budget)


def test_a_rotated_token_keeps_what_its_caps_hold():
    chain = Chain()
    chain.ask(50)
    secret = chain.world.order(c.RotateDelegation(chain.tokens[0].token.id)).secret

    assert Decision.DENIED is chain.world.authorize(secret, 51, "b", category="food").event.decision
    assert (0, quanta(50)) == fingerprinted(chain.world, chain.budget)


@pytest.mark.parametrize("end", ["revoke", "expire"])
def test_a_dead_token_is_not_rotated(end: str):
    world = World()
    token = world.delegate(world.budget(), "agent", expires_at=world.clock.now() + 10**6).token
    if end == "revoke":
        world.order(c.Revoke(token.id))
    else:
        world.clock.advance(1)

    assert ErrorCode.TOKEN_STATE_CONFLICT is refusal(world.order, c.RotateDelegation(token.id))


@pytest.mark.parametrize("command", [c.Revoke, c.RotateDelegation])
def test_a_session_token_is_no_delegation(command: Any):
    world = World()
    budget = world.budget()

    assert ErrorCode.NOT_FOUND is refusal(world.order, command(budget.token.id))
    assert ErrorCode.NOT_FOUND is refusal(world.order, command("nobody"))


# -- scoped tokens -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "asked", "denied"),
    [
        (Scope(action_types=("buy",)), {"action_type": "BUY"}, False),
        (Scope(action_types=("buy",)), {"action_type": "SELL"}, True),
        (Scope(categories=("food",)), {"category": "Food"}, False),
        (Scope(categories=("food",)), {"category": "fuel"}, True),
        (Scope(max_transaction=quanta(10)), {"quantity": 10}, False),
        (Scope(max_transaction=quanta(10)), {"quantity": 11}, True),
        (Scope(read_only=True), {}, True),
    ],
)
def test_a_scoped_token_is_for_its_scope_only(scope: Scope, asked: dict[str, Any], denied: bool):
    world = World()
    token = world.delegate(world.budget(), "scoped", scope=scope, scoped=True)
    event = world.authorize(token.secret, **asked).event

    assert (Denial.TOKEN_SCOPE_VIOLATION if denied else None) is event.verdict.denial
    assert event == present(world, event)


def test_a_scoped_token_expires():
    world = World()
    token = world.delegate(world.budget(), "scoped", expires_at=world.clock.now() + 10**6, scoped=True)
    world.clock.advance(1)

    with pytest.raises(Refusal, match="INVALID_SESSION_TOKEN"):
        world.authorize(token.secret)


def test_a_scoped_token_below_a_capped_one_is_bound_by_both():
    world = World()
    budget = world.budget()
    capped = world.delegate(budget, "capped", cap("food", 20))
    scope = Scope(max_transaction=quanta(15))
    scoped = world.delegate(budget, "scoped", scope=scope, scoped=True, parent_token_id=capped.token.id)

    denials = [world.authorize(scoped.secret, n, f"k{n}", category="food").event.verdict.denial for n in (16, 15, 6)]
    assert [Denial.TOKEN_SCOPE_VIOLATION, None, Denial.DELEGATE_CAP_EXCEEDED] == denials
