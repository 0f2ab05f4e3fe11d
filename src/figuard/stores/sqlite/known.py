"""
What the transactions of one connection know already, so that the next one need not ask the file again.

A transaction keeps every other writer out, and what it read or wrote is still so when the next one begins, unless
somebody wrote in between. SQLite says whether anybody did: ``PRAGMA data_version`` for all other connections, of this
process or another, and the count of changes for this one. After that every answer is compared with the file before it
is given again, and spares no more than being decoded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from figuard.domain.admin import ApiKey, Webhook
from figuard.domain.budget import Budget
from figuard.domain.entitlements import Item, Subscription
from figuard.domain.events import Event
from figuard.domain.tokens import Token
from figuard.ports import Kind, Record
from figuard.stores.lookups import LOOKUPS
from figuard.stores.sqlite.placeholders import unnumbered

KEPT_MAX = 8192
"""How many answers of one kind are known at once."""

Learn = Callable[[str, str, Record], None]
_Execute = Callable[..., sqlite3.Cursor]

_BY_ID: Mapping[type, Kind] = {
    Budget: Kind.BUDGETS,
    Event: Kind.EVENTS,
    Token: Kind.TOKENS,
    Item: Kind.ITEMS,
    Subscription: Kind.SUBSCRIPTIONS,
    ApiKey: Kind.CALLERS,
}
"""The reads whose answer is a record itself: what is written is known from then on."""
_ABOUT: Mapping[type, Kind] = {Token: Kind.TOKENS_BY_HASH, Webhook: Kind.TENANT_WEBHOOKS}
"""The reads that find records by something else, which a write may change."""


class Known:
    """
    The known answers of one store. For whoever holds its connections' lock, between ``begin`` and the end.

    A transaction that is not ``committed`` leaves everything doubtful.
    """

    def __init__(self) -> None:
        """Start with nothing known."""
        self._answers = {kind: Answers(kind) for kind in (*_BY_ID.values(), *_ABOUT.values())}
        self._learners = {of: self._learner(of) for of in (*_BY_ID, *_ABOUT)}
        self._version = 0
        self._as_of: tuple[int, int] | None = None

    def begin(self, cursor: sqlite3.Cursor) -> None:
        """Look, in a transaction that has just begun, whether the file is as the one before has left it."""
        # Only behind the write lock: what SQLite says before may be overtaken.
        (self._version,) = cursor.execute("PRAGMA data_version").fetchone()
        if self._as_of != (self._version, cursor.connection.total_changes):
            for answers in self._answers.values():
                answers.doubt()
        self._as_of = None

    def committed(self, cursor: sqlite3.Cursor) -> None:
        """Take what was read and written since ``begin`` for what the file says."""
        self._as_of = (self._version, cursor.connection.total_changes)

    def of(self, kind: Kind) -> Answers | None:
        """Return the known answers of a kind of read, None where nothing is ever known."""
        return self._answers.get(kind)

    def learner(self, of: type) -> Learn | None:
        """
        Return what learns a record of a type, which is about to be written: its id, its JSON and itself.

        None for records that no answer is about. Those that the write may change are doubtful once it was learnt.
        """
        return self._learners.get(of)

    def _learner(self, of: type) -> Learn:
        keep = self._answers[_BY_ID[of]].keep if of in _BY_ID else None
        if of not in _ABOUT:
            assert keep is not None
            return keep
        about = self._answers[_ABOUT[of]]

        def learn(key: str, data: str, record: Record) -> None:
            about.doubt()
            if keep is not None:
                keep(key, data, record)

        return learn


class Answers:
    """
    The known answers of one kind of read: what the file said, what that means, and in which round it said so.

    Only those of the present round are given without asking the file.
    """

    def __init__(self, kind: Kind) -> None:
        lookup = LOOKUPS[kind]
        self._value, self._is_many = lookup.value, lookup.many
        self._text, self._order = unnumbered(lookup.sql)
        self._round = 0
        self._kept: dict[str, tuple[Any, Any, int]] = {}

    def doubt(self) -> None:
        """Take no answer at its word any more."""
        self._round += 1

    def look_up(self, execute: _Execute, keys: Iterable[str]) -> dict[Any, Any]:
        """Return the answer for each key; a key that names nothing is left out by a read of one."""
        found: dict[Any, Any] = {}
        for key in keys:
            kept = self._kept.get(key)
            if kept is not None and kept[2] == self._round:
                found[key] = kept[1]
                continue
            rows = execute(self._text, (key,) if self._order is None else self._order((key,))).fetchall()
            if self._is_many:
                found[key] = self._meaning(key, rows, kept)
            elif rows:
                found[key] = self._meaning(key, rows[0][0], kept)
        return found

    def _meaning(self, key: str, said: Any, kept: tuple[Any, Any, int] | None) -> Any:  # noqa: ANN401 - any answer
        if kept is not None and kept[0] == said:
            answer = kept[1]
        else:
            answer = tuple([self._value(row) for row in said]) if self._is_many else self._value((said,))
        self.keep(key, said, answer)
        return answer

    def keep(self, key: str, said: Any, answer: Any) -> None:  # noqa: ANN401 - any answer
        """Know an answer by what the file says from now on."""
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[key] = (said, answer, self._round)
