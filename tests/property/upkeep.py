"""
What the naive model does to budgets and tokens themselves: create, fund, patch, pause, end, hand on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.property.facts import SECOND, Budget, Refused, Token
from tests.property.model import Model
from tests.property.order import GRACE_SECONDS


def create(model: Model, budget: Budget, token: Token) -> None:
    """Open a budget with its session token."""
    model.budgets[budget.id] = budget
    model.write(budget.id, "BUDGET_CREATED")
    model.tokens[token.id] = token
    model.write(budget.id, "TOKEN_ISSUED")


def _opened(model: Model, budget_id: str) -> Budget:
    model.pass_time(budget_id)
    return model.budgets[budget_id]


def _change(model: Model, budget: Budget, kind: str) -> None:
    model.budgets[budget.id] = budget
    model.write(budget.id, kind)


def fund(model: Model, budget_id: str, operation: str, quantity: int) -> None:
    """Change the limit; it never falls below what is used, nor below what is divided."""
    budget = _opened(model, budget_id)
    if budget.status == "CANCELLED":
        raise Refused("BUDGET_STATE_CONFLICT")
    reserved = model.reserved(budget, shadow=False)
    limit = {"CREDIT": budget.limit + quantity, "DEBIT": budget.limit - quantity}.get(operation, quantity)
    used = reserved if operation == "RESET_SPENT" else reserved + model.spent(budget, shadow=False)
    if operation != "CREDIT":
        _check_limit(budget, limit, used)
    epoch = budget.epoch + (operation == "RESET_SPENT")
    _change(model, replace(budget, limit=limit, epoch=epoch), "BUDGET_FUNDED")


def _check_limit(budget: Budget, limit: int, used: int) -> None:
    if limit < used or limit <= 0 or limit < sum(share.limit for share in budget.allocations.values()):
        raise Refused("INVALID_REQUEST")


def patch(
    model: Model, budget_id: str, rules: Mapping[str, object], *, limit: int | None = None, paused: bool | None = None
) -> None:
    """Change some rules, the limit, or whether the budget is paused."""
    budget = _opened(model, budget_id)
    if budget.status == "CANCELLED":
        raise Refused("BUDGET_STATE_CONFLICT")
    if limit is not None:
        used = model.reserved(budget, shadow=False) + model.spent(budget, shadow=False)
        _check_limit(budget, limit, 0 if limit > budget.limit else used)
    changed = replace(budget, rules=replace(budget.rules, **rules), limit=budget.limit if limit is None else limit)
    kind = "BUDGET_UPDATED"
    if paused is True and budget.status == "ACTIVE":
        changed, kind = replace(changed, status="PAUSED"), "BUDGET_PAUSED"
    if paused is False and budget.status == "PAUSED":
        changed, kind = replace(changed, status="ACTIVE"), "BUDGET_RESUMED"
    if changed != budget or limit is not None:
        _change(model, changed, kind)


def resume(model: Model, budget_id: str) -> None:
    """Let a paused budget go on."""
    budget = _opened(model, budget_id)
    if budget.status != "PAUSED":
        raise Refused("BUDGET_STATE_CONFLICT")
    _change(model, replace(budget, status="ACTIVE"), "BUDGET_RESUMED")


def cancel(model: Model, budget_id: str) -> None:
    """End a budget for good."""
    budget = _opened(model, budget_id)
    end = budget.rules.expires_at
    over = end is not None and model.now(budget_id) > end + GRACE_SECONDS * SECOND
    if budget.status == "CANCELLED" or (budget.status == "ACTIVE" and over):
        raise Refused("INVALID_REQUEST")
    _change(model, replace(budget, status="CANCELLED"), "BUDGET_CANCELLED")


def prolong(model: Model, budget_id: str, expires_at: int) -> None:
    """Let a budget live longer."""
    budget = _opened(model, budget_id)
    if budget.status == "CANCELLED":
        raise Refused("BUDGET_STATE_CONFLICT")
    if budget.rules.expires_at is None or expires_at <= budget.rules.expires_at:
        raise Refused("INVALID_REQUEST")
    _change(model, replace(budget, rules=replace(budget.rules, expires_at=expires_at)), "BUDGET_EXTENDED")


def delegate(model: Model, token: Token) -> None:
    """Hand on: never more than any ancestor has."""
    budget = _opened(model, token.budget_id)
    if budget.status == "CANCELLED":
        raise Refused("BUDGET_STATE_CONFLICT")
    now = model.now(token.budget_id)
    ancestors = [model.tokens[ancestor] for ancestor in token.path]
    for ancestor in ancestors:
        if not ancestor.is_live(now):
            raise Refused("TOKEN_STATE_CONFLICT")
        if _exceeds(token, ancestor):
            raise Refused("DELEGATION_EXCEEDS_PARENT")
    ends = [ancestor.expires_at for ancestor in ancestors if ancestor.expires_at is not None]
    model.tokens[token.id] = replace(token, expires_at=token.expires_at or min(ends, default=None))
    model.write(token.budget_id, "TOKEN_ISSUED")


def _exceeds(token: Token, ancestor: Token) -> bool:
    if ancestor.read_only and not token.read_only:
        return True
    if None not in {ancestor.expires_at, token.expires_at} and token.expires_at > ancestor.expires_at:
        return True
    if ancestor.caps and any(limit > ancestor.caps.get(category, -1) for category, limit in token.caps.items()):
        return True
    if ancestor.actions is not None and not (token.actions is not None and {*token.actions} <= {*ancestor.actions}):
        return True
    return ancestor.most is not None and (token.most is None or token.most > ancestor.most)


def revoke(model: Model, token_id: str) -> None:
    """End a token and all below it."""
    token = model.tokens[token_id]
    _opened(model, token.budget_id)
    for known in list(model.tokens.values()):
        if not known.revoked and (known.id == token_id or token_id in known.path):
            model.tokens[known.id] = replace(known, revoked=True)
            model.write(known.budget_id, "TOKEN_REVOKED")


def rotate(model: Model, token_id: str, secret: str) -> None:
    """Replace a secret; the one before works for a minute. A dead delegation is not revived that way."""
    token = model.tokens[token_id]
    _opened(model, token.budget_id)
    if not token.is_live(model.clock):
        raise Refused("TOKEN_STATE_CONFLICT")
    until = model.now(token.budget_id) + 60 * SECOND
    model.tokens[token_id] = replace(token, secret=secret, previous=token.secret, previous_until=until)
    model.write(token.budget_id, "TOKEN_ROTATED")
