"""
Delegation: what may be handed on. A child never exceeds its parent, in any respect.
"""

from __future__ import annotations

from figuard.domain.amounts import text
from figuard.domain.codes import ErrorCode
from figuard.domain.commands import Delegate
from figuard.domain.instants import Instant
from figuard.domain.instants import text as time_text
from figuard.domain.limits import DELEGATION_DEPTH_MAX
from figuard.domain.refusal import Refusal
from figuard.domain.tokens import Token


def check_attenuation(command: Delegate, chain: tuple[Token, ...], now: Instant) -> None:
    """
    Refuse a token that would exceed any token of *chain* (the parent first, then its ancestors).

    Checked are life, caps, and every part of the scope. A child without caps is not wider: what it holds is held on
    the whole chain; and one without an end of its own ends with its parent (``end_of``). Raises ``Refusal``.
    """
    if len(chain) >= DELEGATION_DEPTH_MAX:
        raise _exceeds(f"a token may be delegated {DELEGATION_DEPTH_MAX} times at the most")
    for parent in chain:
        if not parent.is_live(now):
            raise Refusal(
                ErrorCode.TOKEN_STATE_CONFLICT, f"parent token {parent.id} ({parent.label!r}) is revoked or has expired"
            )
        if parent.scope.read_only and not command.scope.read_only:
            raise _exceeds(f"parent token {parent.label!r} may only read")
        if parent.expires_at is not None and command.expires_at is not None and command.expires_at > parent.expires_at:
            raise _exceeds(f"parent token {parent.label!r} ends at {time_text(parent.expires_at)}; end earlier")
        _check_caps(command, parent)
        _check_scope(command, parent)


def _check_caps(command: Delegate, parent: Token) -> None:
    if not parent.caps:
        return
    for cap in command.caps:
        above = parent.cap(cap.category)
        if above is None:
            raise _exceeds(f"parent token {parent.label!r} has no cap for {cap.category!r}")
        if cap.limit > above.limit:
            raise _exceeds(
                f"the cap of {text(cap.limit)} for {cap.category!r} is above the {text(above.limit)} of parent token "
                f"{parent.label!r}"
            )


def _check_scope(command: Delegate, parent: Token) -> None:
    for name in ("action_types", "categories"):
        allowed: tuple[str, ...] | None = getattr(parent.scope, name)
        asked: tuple[str, ...] | None = getattr(command.scope, name)
        if allowed is not None and (asked is None or not set(asked) <= set(allowed)):
            raise _exceeds(f"parent token {parent.label!r} is for {name.replace('_', ' ')} {sorted(allowed)} only")
    most = parent.scope.max_transaction
    if most is not None and (command.scope.max_transaction is None or command.scope.max_transaction > most):
        raise _exceeds(f"parent token {parent.label!r} allows at most {text(most)} at once")


def _exceeds(detail: str) -> Refusal:
    return Refusal(ErrorCode.DELEGATION_EXCEEDS_PARENT, detail)


def end_of(command: Delegate, chain: tuple[Token, ...]) -> Instant | None:
    """Return when the new token ends: as asked, or with the first of its chain to end."""
    ends = [token.expires_at for token in chain if token.expires_at is not None]
    return command.expires_at if command.expires_at is not None else min(ends, default=None)
