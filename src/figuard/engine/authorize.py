"""
Authorize: gather what one request needs, then decide it against the state as it stands at its turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from figuard.domain.books import BudgetChange, EntryKind
from figuard.domain.budget import Budget, Status
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.commands import Authorize, AuthorizeAll, Order
from figuard.domain.decide import decide, may_differ
from figuard.domain.entitlements import Item, Subscription, SubscriptionStatus
from figuard.domain.events import Decision, Event, Spend
from figuard.domain.instants import HOUR
from figuard.domain.notices import budget_notice, figures
from figuard.domain.refusal import Refusal
from figuard.domain.replies import AuthorizeAllReply, AuthorizeReply
from figuard.domain.situation import Situation
from figuard.domain.tokens import Token
from figuard.domain.valueclass import replace
from figuard.engine import duties, gather
from figuard.engine.gather import Loads
from figuard.engine.work import Wanted, Work
from figuard.ports import Kind

# Members looked up once: where an Enum's class is asked for one, that costs what ten lines of a decision do.
_TOKENS_BY_HASH, _ATTEMPTS, _TOKENS = Kind.TOKENS_BY_HASH, Kind.ATTEMPTS, Kind.TOKENS
_ENTITY_EVENTS, _EVENTS = Kind.ENTITY_EVENTS, Kind.EVENTS
_ENTRY_AUTHORIZED = EntryKind.AUTHORIZED
UNDONE = -1
"""The revision of a verdict that no state of a budget has: what led to it was undone."""


def gather_all(work: Work, orders: Sequence[Order]) -> Loads:
    """Read the tokens, their budgets and chains, the keys' earlier answers, the entities' events and the parents."""
    asked: dict[tuple[str, str], list[Spend]] = {}
    for order in orders:
        command: Any = order.command
        requests: Sequence[Authorize] = command.requests if isinstance(command, AuthorizeAll) else (command,)
        for request in requests:
            asked.setdefault((request.token_hash, order.tenant_id), []).append(request.spend)
    yield ((_TOKENS_BY_HASH, [token_hash for token_hash, _ in asked]),)
    found: list[tuple[Token, list[Spend]]] = []
    homes: dict[str, None] = {}
    for (token_hash, tenant_id), spends in asked.items():
        token: Token | None = work.one(_TOKENS_BY_HASH, token_hash)
        # Nothing of another tenant is read, let alone locked.
        if token is not None and token.tenant_id == tenant_id:
            found.append((token, spends))
            homes[token.budget_id] = None
    yield from gather.budgets(work, list(homes))
    yield _behind_the_lock(work, found)
    parents: list[Event] = []
    for token, spends in found:
        for spend in spends:
            parent = work.get(Event, spend.parent_event_id) if spend.parent_event_id is not None else None
            if parent is not None and parent.budget_id == token.budget_id:
                parents.append(parent)
    if parents:
        yield from gather.companions(work, parents)


def _behind_the_lock(work: Work, found: Sequence[tuple[Token, Sequence[Spend]]]) -> list[Wanted]:
    """Return the loads of what must be younger than the locks on the budgets."""
    attempts: list[tuple[str, bool, str]] = []
    tokens: list[str] = []
    entities: list[tuple[str, str]] = []
    parents: list[str] = []
    for token, spends in found:
        budget_id = token.budget_id
        budget = work.get(Budget, budget_id)
        shadow = budget is not None and budget.in_shadow
        if not work.alone:
            # The token again: it may have been revoked or rotated in between.
            tokens.append(token.id)
        tokens += token.path
        for spend in spends:
            attempts.append((budget_id, shadow, spend.key))
            if spend.entity_id is not None:
                entities.append((budget_id, spend.entity_id))
            if spend.parent_event_id is not None:
                parents.append(spend.parent_event_id)
    return [(_ATTEMPTS, attempts), (_TOKENS, tokens), (_ENTITY_EVENTS, entities), (_EVENTS, parents)]


def act_one(work: Work, order: Order, command: Authorize) -> AuthorizeReply:
    """Decide one request and record the answer; a dry run records nothing. Raises ``Refusal``."""
    token = _token(work, command)
    if token.tenant_id != order.tenant_id:
        raise Refusal(ErrorCode.TENANT_MISMATCH, "the session token and the API key belong to different tenants")
    budget_id, confined_to = token.budget_id, order.only_budget_id
    before = work.need(Budget, budget_id)
    if confined_to is not None and confined_to != budget_id:
        raise _no_token(command)
    duties.perform(work, budget_id)
    budget = work.need(Budget, budget_id)
    if budget is not before:
        # A hold that has just ended was released at the token's caps too.
        token = work.need(Token, token.id)
    earlier: Event | None = None
    if not command.dry_run:
        earlier = work.one(_ATTEMPTS, (budget_id, budget.in_shadow, command.spend.key))
        if earlier is not None and (replayed := _replay(work, budget, earlier, command)):
            return replayed
    situation, foreign = _situation(work, budget, token, command, is_confined=confined_to is not None)
    if budget.identity.subscription_id is not None:
        _check_subscription(work, budget, budget.identity.subscription_id)
    now = situation.now
    event = decide(
        situation,
        event_id=work.ids.id(now),
        attempt=earlier.attempt + 1 if earlier is not None else 1,
        foreign_parent_id=foreign,
    )
    original_id = event.verdict.original_event_id
    original = work.get(Event, original_id) if original_id is not None else None
    if command.dry_run:
        return AuthorizeReply(event, budget, now, dry_run=True, original=original)
    stored = _record(work, order, event, budget)
    return AuthorizeReply(stored, work.need(Budget, budget_id), now, False, False, original)  # noqa: FBT003 - fields


def _token(work: Work, command: Authorize) -> Token:
    """Return the live token of the request. Raises ``Refusal`` (``INVALID_SESSION_TOKEN``)."""
    token: Token | None = work.one(_TOKENS_BY_HASH, command.token_hash)
    if token is None or not token.is_live(work.now):
        raise _no_token(command)
    # Behind the lock it may have another hash than the one it was found by.
    if token.hash != command.token_hash:
        was_until = token.previous_until if token.previous_hash == command.token_hash else None
        if was_until is None or work.now >= was_until:
            raise _no_token(command)
    for ancestor_id in token.path:
        ancestor = work.get(Token, ancestor_id)
        if ancestor is not None and not ancestor.is_live(work.now):
            raise _no_token(command)
    return token


def _no_token(command: Authorize) -> Refusal:
    """Return what is said of a token that does not exist, and of one that is no concern of the caller's."""
    hint = (
        "a budget id was sent where the budget's session token belongs (it starts with 'st_')"
        if command.looks_like_id
        else "the session token is unknown, expired, revoked or was rotated out"
    )
    return Refusal(ErrorCode.INVALID_SESSION_TOKEN, hint)


def _replay(work: Work, budget: Budget, earlier: Event, command: Authorize) -> AuthorizeReply | None:
    """Return the first answer again, or None when a denial has to be decided afresh. Raises ``Refusal``."""
    if earlier.spend.fingerprint != command.spend.fingerprint:
        raise Refusal(
            ErrorCode.IDEMPOTENCY_KEY_REUSED,
            f"idempotency key {command.spend.key!r} of budget {budget.id} stands for another request "
            f"(event {earlier.id})",
            extra={"eventId": earlier.id},
        )
    item = work.get(Item, budget.identity.item_id) if budget.identity.item_id else None
    now = work.now_of(budget)
    if earlier.decision is Decision.DENIED and may_differ(earlier, budget, item, now):
        return None
    original_id = earlier.verdict.original_event_id
    original = work.get(Event, original_id) if original_id else None
    return AuthorizeReply(earlier, budget, now, replayed=True, original=original)


def _situation(
    work: Work, budget: Budget, token: Token, command: Authorize, *, is_confined: bool
) -> tuple[Situation, str | None]:
    spend = command.spend
    parent: Event | None = None
    root: Event | None = None
    twin: Event | None = None
    foreign: str | None = None
    if spend.parent_event_id is not None:
        parent, foreign = _parent(work, budget, spend.parent_event_id, is_confined=is_confined)
        root = work.get(Event, parent.place.root_id) if parent is not None and parent.place.root_id else None
    if spend.entity_id is not None and budget.policy.entity_dedup and not command.dry_run:
        twin = _twin(work, budget, spend.entity_id)
    chain = (token, *[work.need(Token, ancestor) for ancestor in token.path]) if token.path else (token,)
    item_id = budget.identity.item_id
    item = work.get(Item, item_id) if item_id is not None else None
    return Situation(budget, spend, work.now_of(budget), chain, item, parent, root, twin), foreign


def _parent(work: Work, budget: Budget, parent_id: str, *, is_confined: bool) -> tuple[Event | None, str | None]:
    """
    Return the causal parent on this budget, or the id of one on another budget of the same tenant.

    A parent elsewhere makes this event a root of its own budget: agents carry an event id across budgets. For a caller
    that is confined to this budget there is no elsewhere. Raises ``Refusal`` (``INVALID_PARENT_EVENT``) for an unknown
    parent and for one that was denied, failed or voided.
    """
    parent = work.get(Event, parent_id)
    is_elsewhere = parent is not None and parent.budget_id != budget.id
    if parent is None or parent.tenant_id != budget.tenant_id or (is_elsewhere and is_confined):
        raise Refusal(ErrorCode.INVALID_PARENT_EVENT, f"there is no event {parent_id!r} to be the parent")
    if is_elsewhere:
        return None, parent_id
    if not parent.is_live:
        raise Refusal(
            ErrorCode.INVALID_PARENT_EVENT, f"event {parent_id!r} is {parent.decision} and cannot be a parent"
        )
    return parent, None


def _twin(work: Work, budget: Budget, entity_id: str) -> Event | None:
    """Return the event that stands for the entity already; a shadow event blocks only shadow decisions."""
    for event in work.many(Kind.ENTITY_EVENTS, (budget.id, entity_id)):
        present = work.need(Event, event.id)
        if present.stands_for_entity(shadow=budget.in_shadow):
            return present
    return None


def _check_subscription(work: Work, budget: Budget, subscription_id: str) -> None:
    subscription = work.get(Subscription, subscription_id)
    if subscription is None or subscription.status is SubscriptionStatus.ACTIVE:
        return
    code = (
        ErrorCode.SUBSCRIPTION_PAUSED
        if subscription.status is SubscriptionStatus.PAUSED
        else ErrorCode.SUBSCRIPTION_CANCELLED
    )
    raise Refusal(code, f"subscription {subscription.id} behind budget {budget.id} is {subscription.status.lower()}")


def _record(work: Work, order: Order, event: Event, before: Budget) -> Event:
    verdict = event.verdict
    if verdict.denial is None:
        stored = work.step(None, event, _ENTRY_AUTHORIZED, order.actor)
    else:
        stored = _record_denial(work, order, event, before)
    if event.place.item_id is not None:
        duties.settle_item_state(work, event.place.item_id, order.actor)
    return stored


def _record_denial(work: Work, order: Order, event: Event, before: Budget) -> Event:
    """Record what was denied, or would have been on a shadow budget, with what else that brings about."""
    verdict, is_denied = event.verdict, event.decision is Decision.DENIED
    if is_denied and verdict.denial is Denial.ANOMALY_DETECTED:
        _pause(work, order, before)
    stored = work.step(None, event, EntryKind.DENIED if is_denied else EntryKind.AUTHORIZED, order.actor)
    if verdict.denial is Denial.VELOCITY_LIMIT_EXCEEDED and not event.place.shadow:
        budget = work.need(Budget, before.id)
        # What can never pass has no moment at which it would; it is told again after an hour all the same.
        until = verdict.retry_at if verdict.retry_at is not None else event.created_at + HOUR
        marks = replace(budget.counters.marks, velocity_until=max(until, budget.counters.marks.velocity_until))
        work.put(replace(budget, counters=replace(budget.counters, marks=marks)))
    return stored


def _pause(work: Work, order: Order, budget: Budget) -> None:
    """Pause the budget on an anomaly, when its policy says so, in the transaction that denies."""
    if not budget.policy.anomaly.auto_pause or budget.status is not Status.ACTIVE:
        return
    change = BudgetChange(status=Status.PAUSED)
    stored = work.change(budget, EntryKind.BUDGET_PAUSED, order.actor, {"reason": "ANOMALY_DETECTED"}, budget=change)
    shown = {name: value for name, value in figures(stored).items() if name != "quantityReserved"}
    work.tell(
        budget.tenant_id,
        budget_notice("BUDGET_PAUSED", stored, work.now_of(stored), reason="ANOMALY_DETECTED", **shown),
    )


def act_all(work: Work, order: Order, command: AuthorizeAll) -> AuthorizeAllReply:
    """
    Decide several requests in order, in one transaction.

    With ``all_or_nothing`` the first denial undoes what the group held; the denial itself stays recorded.
    """
    mark = work.savepoint()
    replies: list[AuthorizeReply] = []
    for index, request in enumerate(command.requests):
        reply = act_one(work, order, request)
        replies.append(reply)
        if command.all_or_nothing and reply.event.first_decision is Decision.DENIED:
            work.rollback(mark)
            replies[index] = _denied_alone(work, order, reply, undone=index > 0)
            return AuthorizeAllReply(tuple(replies), all_authorized=False, first_denied=index, undone=True)
    denied = next((i for i, r in enumerate(replies) if r.event.first_decision is Decision.DENIED), None)
    return AuthorizeAllReply(tuple(replies), all_authorized=denied is None, first_denied=denied)


def _denied_alone(work: Work, order: Order, reply: AuthorizeReply, *, undone: bool) -> AuthorizeReply:
    """Record a denial of a group that was undone, as it was decided: alone, the request might have fitted."""
    budget = work.need(Budget, reply.budget.id)
    if reply.replayed or reply.dry_run:
        return replace(reply, budget=budget)
    duties.perform(work, budget.id)
    event = reply.event
    if undone:
        # What the group held is free again, so a repeat of the key is decided afresh (``decide.may_differ``).
        event = replace(event, verdict=replace(event.verdict, revision=UNDONE))
        original_id = event.verdict.original_event_id
        if original_id is not None and work.get(Event, original_id) is None:
            # What stood in the way was of this very group, and was never there.
            message = f"entity {event.spend.entity_id!r} is named twice in this group, of which nothing was kept"
            event = replace(event, verdict=replace(event.verdict, original_event_id=None, message=message))
            reply = replace(reply, original=None)
        earlier: Event | None = work.one(Kind.ATTEMPTS, (budget.id, budget.in_shadow, event.spend.key))
        if earlier is not None and _said(earlier) == _said(event):
            # The group was asked again and came to the same: that is no news.
            return replace(reply, event=earlier, budget=work.need(Budget, budget.id), replayed=True)
    stored = _record(work, order, event, work.need(Budget, budget.id))
    return replace(reply, event=stored, budget=work.need(Budget, budget.id))


def _said(denied: Event) -> tuple[object, ...]:
    """Return what a denial of an undone group says, by which it is told from another one."""
    verdict = denied.verdict
    return denied.first_decision, verdict.revision, verdict.denial, verdict.message, denied.spend.fingerprint
