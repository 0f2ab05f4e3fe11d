"""
Hints: what names lead to, remembered by a process so that it need not be asked of the store each time.

A hint is never an authority. A token that was found by its hash is read again under its budget's lock, and what is
read there decides; where an event is at home never changes. Balances are not remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from figuard.domain.commands import Authorize, AuthorizeAll, Order
from figuard.domain.replies import AuthorizeReply, Reply
from figuard.domain.tokens import Token
from figuard.ports import Kind

TOKENS_MAX = 20_000
"""How many tokens a process remembers."""
HOMES_MAX = 50_000
"""How many events it remembers the budget of."""


class Hints:
    """Tokens by their hashes, and homes by the ids of events. Belongs to one event loop."""

    def __init__(self) -> None:
        """Start with none."""
        self._tokens: OrderedDict[str, Token] = OrderedDict()
        self._homes: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._known: Mapping[Kind, OrderedDict[Any, Any]] = {
            Kind.TOKENS_BY_HASH: self._tokens,
            Kind.EVENT_HOMES: self._homes,
        }

    def known(self, kind: Kind, keys: Iterable[Any]) -> dict[Any, Any]:
        """Return the answers that are remembered; those that are left have to be read."""
        known = self._known.get(kind)
        return {} if known is None else {key: known[key] for key in keys if key in known}

    def learn(self, kind: Kind, answers: Mapping[Any, Any]) -> None:
        """Remember what the store answered. That there is nothing is never remembered."""
        known = self._known.get(kind)
        if known is None:
            return
        known.update(answers)
        _trim(known, TOKENS_MAX if known is self._tokens else HOMES_MAX)

    def note(self, reply: Reply) -> None:
        """Remember where an event is at home that was just authorized: it will be settled soon."""
        if isinstance(reply, AuthorizeReply) and not reply.dry_run:
            event, homes = reply.event, self._homes
            homes[event.id] = (event.budget_id, event.tenant_id)
            if len(homes) > HOMES_MAX:
                _trim(homes, HOMES_MAX)

    def home_of(self, order: Order) -> str:
        """Return what tells orders of one budget from those of another: the budget's id, as far as it is known."""
        command = order.command
        if isinstance(command, AuthorizeAll) and command.requests:
            command = command.requests[0]
        if isinstance(command, Authorize):
            token = self._tokens.get(command.token_hash)
            return command.token_hash if token is None else token.budget_id
        for name in ("event_id", "budget_id", "token_id"):
            handle: str | None = getattr(command, name, None)
            if handle is not None:
                home = self._homes.get(handle)
                return handle if home is None else home[0]
        return order.tenant_id


def _trim(known: OrderedDict[Any, Any], size: int) -> None:
    """
    Forget what came first; a token that is still in use is learnt again.

    Of a plain dictionary the first is found behind the gaps of all that went before it, tens of thousands of them.
    """
    for _ in range(len(known) - size):
        known.popitem(last=False)
