"""
Issuing: session, delegation and scoped tokens. A secret leaves once; what stays is an HMAC of it and a prefix.
"""

from __future__ import annotations

from figuard.domain.books import EntryKind
from figuard.domain.budget import Budget, Status
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import Delegate, Order, Revoke, RotateDelegation, RotateToken
from figuard.domain.delegation import check_attenuation, end_of
from figuard.domain.instants import SECOND
from figuard.domain.instants import text as time_text
from figuard.domain.notices import budget_notice
from figuard.domain.refusal import Refusal
from figuard.domain.replies import SecretReply, TokenReply
from figuard.domain.tokens import Token, TokenKind
from figuard.domain.valueclass import replace
from figuard.engine import duties, gather
from figuard.engine.gather import Loads
from figuard.engine.work import Load, Work
from figuard.ports import Kind

PREFIXES = {TokenKind.SESSION: "st_", TokenKind.DELEGATION: "st_", TokenKind.SCOPED: "sc_"}
"""How the secret of each kind of token starts."""
PREFIX_LENGTH = 12
"""How many characters of a secret may be shown: the kind and nine characters of 43."""
ROTATION_GRACE_SECONDS = 60
"""How long the secret before a rotation still works."""


def _secret(work: Work, kind: TokenKind) -> tuple[str, str, str]:
    """Return a new secret with its hash and the part that may be shown."""
    secret = PREFIXES[kind] + work.ids.secret()
    return secret, work.hasher.hash(secret), secret[:PREFIX_LENGTH]


def _image(token: Token) -> Token:
    """Return the token as the ledger shows it: without anything derived from a secret but its prefix."""
    return replace(token, hash="", previous_hash=None)


def issue_session_token(work: Work, budget: Budget, actor: str) -> tuple[Token, str, Budget]:
    """Issue the token that comes with a new budget; return it with its secret and the budget as stored."""
    now = work.now_of(budget)
    secret, hashed, prefix = _secret(work, TokenKind.SESSION)
    token = Token(
        id=work.ids.id(now),
        tenant_id=budget.tenant_id,
        budget_id=budget.id,
        kind=TokenKind.SESSION,
        hash=hashed,
        prefix=prefix,
        created_at=now,
        label="default",
    )
    stored = work.change(budget, EntryKind.TOKEN_ISSUED, actor, token=_image(token))
    work.put(token)
    return token, secret, stored


def gather_tokens(work: Work, order: Order, command: RotateToken | Delegate) -> Loads:
    """Read the budget and all its tokens."""
    yield from gather.budgets(work, (command.budget_id,))
    yield (Load(Kind.BUDGET_TOKENS, (command.budget_id,)),)


def gather_token(work: Work, order: Order, command: Revoke | RotateDelegation) -> Loads:
    """Read a token's budget and all its tokens."""
    yield (Load(Kind.TOKEN_HOMES, (command.token_id,)),)
    home = work.one(Kind.TOKEN_HOMES, command.token_id)
    if home is None:
        return
    yield from gather.budgets(work, (home[0],))
    yield (Load(Kind.BUDGET_TOKENS, (home[0],)),)


def _budget(work: Work, order: Order, budget_id: str) -> Budget:
    work.need(Budget, budget_id, order.tenant_id)
    if order.only_budget_id not in {None, budget_id}:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no budget {budget_id!r}")
    duties.perform(work, budget_id)
    return work.need(Budget, budget_id)


def rotate_session(work: Work, order: Order, command: RotateToken) -> SecretReply:
    """Replace the budget's session token; the one before works for the grace, older ones end at once."""
    budget = _budget(work, order, command.budget_id)
    tokens: tuple[Token, ...] = work.many(Kind.BUDGET_TOKENS, budget.id)
    token = next(t for t in tokens if t.kind is TokenKind.SESSION)
    return _rotate(work, order, budget, token)


def _rotate(work: Work, order: Order, budget: Budget, token: Token) -> SecretReply:
    now = work.now_of(budget)
    secret, hashed, prefix = _secret(work, token.kind)
    rotated = replace(
        token,
        hash=hashed,
        prefix=prefix,
        previous_hash=token.hash,
        previous_until=now + ROTATION_GRACE_SECONDS * SECOND,
    )
    work.change(budget, EntryKind.TOKEN_ROTATED, order.actor, token=_image(rotated))
    work.put(rotated)
    return SecretReply(secret, rotated)


def rotate_delegation(work: Work, order: Order, command: RotateDelegation) -> TokenReply:
    """Replace the secret of a delegation or scoped token; its caps and what they hold stay. Raises ``Refusal``."""
    token = _delegated(work, order, command.token_id)
    budget = _budget(work, order, token.budget_id)
    if not token.is_live(work.now):
        raise Refusal(ErrorCode.TOKEN_STATE_CONFLICT, f"token {token.id} is revoked or has expired")
    reply = _rotate(work, order, budget, token)
    return TokenReply(reply.token, work.need(Budget, budget.id), reply.secret)


def _delegated(work: Work, order: Order, token_id: str) -> Token:
    token = work.need(Token, token_id, order.tenant_id)
    if token.kind is TokenKind.SESSION:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no delegation token {token_id!r}")
    return token


def delegate(work: Work, order: Order, command: Delegate) -> TokenReply:
    """
    Issue a token below the budget or below another token.

    A live token of the same label is returned as it is, without a secret. Raises ``Refusal``.
    """
    budget = _budget(work, order, command.budget_id)
    if budget.status is Status.CANCELLED:
        raise Refusal(ErrorCode.BUDGET_STATE_CONFLICT, f"budget {budget.id} is cancelled, so you cannot delegate it")
    now = work.now_of(budget)
    tokens: tuple[Token, ...] = work.many(Kind.BUDGET_TOKENS, budget.id)
    kind = TokenKind.SCOPED if command.scoped else TokenKind.DELEGATION
    for known in tokens:
        if known.kind is not kind or known.label != command.label or known.revoked_at is not None:
            continue
        if known.is_live(now):
            return TokenReply(known, budget)
        # Its time is over: end it in the books too, so that one label names one token that is not revoked.
        budget = _end(work, order, budget, known)
    chain = _chain(tokens, command.parent_token_id)
    check_attenuation(command, chain, now)
    secret, hashed, prefix = _secret(work, kind)
    token = Token(
        id=work.ids.id(now),
        tenant_id=budget.tenant_id,
        budget_id=budget.id,
        kind=kind,
        hash=hashed,
        prefix=prefix,
        created_at=now,
        label=command.label,
        path=tuple(ancestor.id for ancestor in chain),
        caps=tuple(replace(cap, id=work.ids.id(now)) for cap in command.caps),
        scope=command.scope,
        expires_at=end_of(command, chain),
    )
    stored = work.change(budget, EntryKind.TOKEN_ISSUED, order.actor, token=_image(token))
    work.put(token)
    told = budget_notice(
        "DELEGATION_TOKEN_CREATED", stored, now, delegationTokenId=token.id, parentBudgetId=budget.id, label=token.label
    )
    work.tell(budget.tenant_id, told)
    return TokenReply(token, stored, secret)


def _chain(tokens: tuple[Token, ...], parent_id: str | None) -> tuple[Token, ...]:
    """Return the parent and its ancestors, the parent first. Raises ``Refusal`` when it is not of this budget."""
    if parent_id is None:
        return ()
    by_id = {token.id: token for token in tokens}
    parent = by_id.get(parent_id)
    if parent is None:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no delegation token {parent_id!r}")
    return (parent, *(by_id[ancestor] for ancestor in parent.path))


def revoke(work: Work, order: Order, command: Revoke) -> TokenReply:
    """End a token and every token below it; holds made with them stay and can be settled. Raises ``Refusal``."""
    token = _delegated(work, order, command.token_id)
    budget = _budget(work, order, token.budget_id)
    now = work.now_of(budget)
    tokens: tuple[Token, ...] = work.many(Kind.BUDGET_TOKENS, budget.id)
    for known in tokens:
        below = known.id == token.id or token.id in known.path
        if not below or known.revoked_at is not None:
            continue
        stored = _end(work, order, work.need(Budget, budget.id), known)
        told = budget_notice(
            "DELEGATION_TOKEN_REVOKED",
            stored,
            now,
            delegationTokenId=known.id,
            parentBudgetId=budget.id,
            label=known.label,
            revokedAt=time_text(now),
        )
        work.tell(budget.tenant_id, told)
    return TokenReply(work.need(Token, token.id), work.need(Budget, budget.id))


def _end(work: Work, order: Order, budget: Budget, token: Token) -> Budget:
    ended = replace(token, revoked_at=work.now_of(budget))
    stored = work.change(budget, EntryKind.TOKEN_REVOKED, order.actor, token=_image(ended))
    work.put(ended)
    return stored
