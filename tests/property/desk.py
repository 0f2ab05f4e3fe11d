"""
The desk between the naive model and the engine: the model's words become orders, the engine's replies its answers.
"""

from __future__ import annotations

from typing import Any

from figuard.domain import commands as c
from figuard.domain import events
from figuard.domain import questions as q
from figuard.domain.anomaly import AnomalyPolicy
from figuard.domain.budget import Allocation, EnforcementMode, OveragePolicy, Policy, TrustMode, UnknownOutcomePolicy
from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.domain.tokens import Cap, Scope
from figuard.domain.velocity import VelocityLimits
from figuard.ports import GetRecords, Kind, TreeEvents
from tests.builders import World
from tests.property.facts import Answer, Ask, Budget, Rules, Share, Token
from tests.property.model import Model
from tests.simulation.checkers import entries_of

OURS = frozenset({ErrorCode.INTERNAL_ERROR, ErrorCode.STORE_UNAVAILABLE})
REFUSED = Answer("", "REFUSED", None)


def policy(rules: Rules) -> Policy:
    """Return the model's rules as the engine's policy."""
    return Policy(
        expires_at=rules.expires_at,
        intent_tags=rules.tags,
        max_transaction=rules.max_transaction,
        authorization_expiry_seconds=rules.hold_seconds,
        velocity=VelocityLimits(rules.velocity.get("minute"), rules.velocity.get("hour"), rules.velocity.get("day")),
        entity_dedup=rules.dedup,
        anomaly=AnomalyPolicy(rules.anomaly, rules.auto_pause, min_samples=rules.samples_min),
        trust_mode=TrustMode.SHADOW if rules.shadow else TrustMode.FULL_ENFORCEMENT,
        overage=OveragePolicy(rules.overage),
        overdraft_limit=rules.overdraft,
        unknown_outcome=UnknownOutcomePolicy(rules.unknown),
        unknown_outcome_seconds=rules.unknown_seconds,
    )


def spend(ask: Ask) -> events.Spend:
    """Return what the model asks as the engine's words for it."""
    return events.Spend(
        key=ask.key,
        agent_id="agent",
        action_type=ask.action,
        description="something",
        quantity=ask.quantity,
        fingerprint=repr(ask),
        currency=ask.currency,
        category=ask.category.casefold() if ask.category else None,
        item_type=ask.item_type,
        entity_id=ask.entity,
        intent_context=ask.intent,
        parent_event_id=ask.parent,
        max_subtree=ask.subtree,
        reserve=ask.reserve,
    )


class Desk:
    """Gives orders to the engine; a refusal comes back as its code."""

    def __init__(self, world: World) -> None:
        self.world = world

    def order(self, command: Any) -> tuple[Any, str | None]:
        """Return the reply and no code, or no reply and the code."""
        try:
            return self.world.order(command), None
        except Refusal as refusal:
            if refusal.code in OURS:
                raise
            return None, refusal.code.value

    def create(self, limit: int, rules: Rules, currency: str | None, shares: list[Share]) -> tuple[Budget, Token]:
        """Create a budget, and return it as the model knows it, with its session token."""
        given = tuple(Allocation("", s.label, s.limit, EnforcementMode(s.mode), s.takes, s.forbids) for s in shares)
        unit = None if currency else "tokens"
        command = c.CreateBudget("user", limit, policy(rules), currency, unit, allocations=given)
        reply, _ = self.order(command)
        ids = [allocation.id for allocation in reply.budget.funds.allocations]
        named = {
            id_: Share(id_, s.label, s.limit, s.takes, s.mode, s.forbids) for id_, s in zip(ids, shares, strict=True)
        }
        budget = Budget(reply.budget.id, limit, rules, currency, named)
        return budget, Token(reply.token.id, budget.id, reply.secret)

    def authorize(self, secret: str, ask: Ask, *, dry_run: bool = False) -> tuple[Answer, str | None]:
        """Ask, and return the answer, or no answer and the code."""
        command = c.Authorize(self.world.hasher.hash(secret), spend(ask), dry_run)
        reply, code = self.order(command)
        if reply is None:
            return REFUSED, code
        event = reply.event
        reason = event.verdict.denial.value if event.verdict.denial else None
        return Answer(event.id, event.first_decision.value, reason, reply.replayed), None

    def delegate(self, token: Token) -> tuple[Any, str | None]:
        """Issue a token as the model describes it; its id and secret are the engine's to give."""
        caps = tuple(Cap("", category, limit) for category, limit in token.caps.items())
        scope = Scope(token.actions, None, token.most, token.read_only)
        parent = token.path[0] if token.path else None
        command = c.Delegate(token.budget_id, token.label, caps, scope, token.expires_at, parent, token.scoped)
        return self.order(command)


def check_figures(world: World, model: Model, budget_id: str) -> None:
    """Demand that every stored figure of a budget is the sum that the model comes to."""
    budget = model.budgets[budget_id]
    # Not asked as a question: a question does what is due before it answers.
    stored = world.store.query(GetRecords(Kind.BUDGETS, (budget_id,)))[budget_id]
    funds = stored.funds
    assert (funds.limit, stored.status.value, funds.epoch) == (budget.limit, budget.status, budget.epoch)
    assert _sums(model, budget) == _figures(funds.balance)
    for allocation in funds.allocations:
        assert _sums(model, budget, allocation.id) == _figures(allocation.balance)
    tokens = world.store.query(GetRecords(Kind.BUDGET_TOKENS, (budget_id,)))[budget_id]
    assert {t.id for t in tokens} == {t.id for t in model.tokens.values() if t.budget_id == budget_id}
    for token in tokens:
        assert (token.revoked_at is not None) == model.tokens[token.id].revoked
        for cap in token.caps:
            real = model.cap_use(token.id, cap.category, shadow=False)
            assert (*real, *model.cap_use(token.id, cap.category, shadow=True)) == _figures(cap.balance)
    check_events(world, model, budget_id)


def _sums(model: Model, budget: Budget, allocation: str | None = None) -> tuple[int, ...]:
    return tuple(
        figure(budget, shadow=shadow, allocation=allocation)
        for shadow in (False, True)
        for figure in (model.spent, model.reserved)
    )


def _figures(balance: Any) -> tuple[int, ...]:
    return (balance.spent, balance.reserved, balance.shadow_spent, balance.shadow_reserved)


def check_events(world: World, model: Model, budget_id: str) -> None:
    """Demand that every event stands as the model has it, the chains of capped roots included."""
    stored = {event.id: event for event in world.store.query(TreeEvents(budget_id))}
    facts = {event.id: event for event in model.of(budget_id)}
    assert stored.keys() == facts.keys()
    for event_id, event in stored.items():
        fact, standing = facts[event_id], event.standing
        assert (event.decision.value, standing.held, standing.booked) == (fact.state, fact.held, fact.booked)
        assert (standing.hold_expires_at, event.outcome.unknown) == (fact.ends, fact.unknown)
        assert (event.place.root_id, event.place.parent_id) == (fact.root, fact.parent)
        if event.spend.max_subtree is not None:
            real = model.chain_use(event_id, shadow=False)
            assert (*real, *model.chain_use(event_id, shadow=True)) == _figures(standing.subtree)


def check_ledger(world: World, model: Model, budget_id: str) -> None:
    """Demand that the book verifies, and that it tells the model's story line by line."""
    assert world.ask(q.VerifyBook(budget_id)).findings == ()
    entries = entries_of(world, budget_id)
    lines = [line for line in model.log if line.budget_id == budget_id]
    assert [(line.kind, line.at) for line in lines] == [(entry.kind.value, entry.at) for entry in entries]


def patch_of(rules: dict[str, Any], limit: int | None, *, paused: bool | None) -> c.PolicyPatch:
    """Return new rules of the model as the engine's patch; what is None there is cleared."""
    given: dict[str, Any] = {"limit": limit, "paused": paused}
    cleared: set[str] = set()
    if "max_transaction" in rules:
        given["max_transaction"] = rules["max_transaction"]
        if rules["max_transaction"] is None:
            cleared.add("max_transaction")
    if "shadow" in rules:
        given["trust_mode"] = TrustMode.SHADOW if rules["shadow"] else TrustMode.FULL_ENFORCEMENT
    if "velocity" in rules:
        for window, name in _VELOCITY.items():
            given[name] = rules["velocity"].get(window)
            if given[name] is None:
                cleared.add(name)
    return c.PolicyPatch(**given, cleared=frozenset(cleared))


_VELOCITY = {"minute": "velocity_per_minute", "hour": "velocity_amount_per_hour", "day": "velocity_per_day"}
