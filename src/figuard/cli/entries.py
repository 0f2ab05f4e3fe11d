"""
Ledger entries as lines for people: what happened, how much of it, and the balance after.

An entry leaves out members at their default, but no number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from figuard.cli.console import amount, table, when
from figuard.domain.amounts import decimal_of
from figuard.domain.instants import text as time_text

HASH_SHOWN = 12
"""How many characters of a hash are shown; ``--json`` has all of them."""
Entry = Mapping[str, Any]


def entry_table(entries: Iterable[Entry], *, wide: bool) -> Table:
    """Return entries as a table, oldest first."""
    numbers = ("#", "amount", "limit", "spent", "held")
    more = ("limit", "by", "hash") if wide else ()
    shown = table("#", "at", "what", "about", "amount", "spent", "held", *more, right=numbers, loose=("about",))
    names: dict[str, str] = {}
    for entry in entries:
        if "event" in entry:
            names[entry["event"]["id"]] = entry["event"]["spend"]["description"]
        after: Entry = entry.get("after", {})
        balance: Entry = after.get("balance", {})
        shown.add_row(
            str(entry["seq"]),
            when(time_text(entry["at"])),
            entry["kind"],
            _about(entry, names),
            _quanta(_moved(entry)),
            _quanta(balance.get("spent")),
            _quanta(balance.get("reserved")),
            *((_quanta(after.get("limit")), entry["actor"], entry["hash"][:HASH_SHOWN]) if wide else ()),
        )
    return shown


def _about(entry: Entry, names: Mapping[str, str]) -> str:
    """Return what an entry of a budget is about: the event's own words, a token's label, whose budget, a reason."""
    match entry:
        case {"event": {"spend": {"description": described}, "verdict": verdict}}:
            denial = verdict.get("denial")
            return f"{described} ({denial})" if denial else described
        case {"change": {"id": event_id}}:
            return names.get(event_id, event_id)
        case {"opening": {"identity": {"user_id": user}}}:
            return user
        case {"token": {"kind": kind, **token}}:
            return f"{kind.lower()} token {token.get('label', '')!r}"
        case _:
            said: Mapping[str, Any] = entry.get("note", {})
            return str(said.get("reason") or "")


def _moved(entry: Entry) -> int | None:
    match entry:
        case {"event": {"spend": {"quantity": quantity}}}:
            return quantity
        case {"change": {"standing": {"refunded": refunded}}} if entry["kind"] == "REFUNDED":
            return refunded
        case {"change": {"standing": {"confirmed": int(confirmed)}}}:
            return confirmed
        case {"opening": {"limit": limit}}:
            return limit
        case _:
            return None


def _quanta(value: int | None) -> str:
    return "" if value is None else amount(decimal_of(value))
