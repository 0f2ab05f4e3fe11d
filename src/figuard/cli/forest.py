"""
Drawing a spend tree: one line per event, and one for a long run of events that only repeat each other.

A loop of 250 calls is 250 siblings. What matters about them is how many there were, what they cost together and how
they ended, so runs of alike events without children are drawn as one line with a count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from rich.table import Table
from rich.text import Text

from figuard.cli.console import amount, clean
from figuard.client.models import SpendEventResponse, SpendTree, SpendTreeNode

GLYPHS = {"CONFIRMED": "✓", "AUTHORIZED": "⏳", "DENIED": "✗", "FAILED": "⚠", "VOIDED": "↩"}
_STYLES = {"CONFIRMED": "green", "AUTHORIZED": "yellow", "DENIED": "red", "FAILED": "magenta", "VOIDED": "cyan"}
_FAINT = frozenset("✗↩…")
RUN_MIN = 4
"""From how many alike siblings on a run is drawn as one line."""
DEPTH_SHOWN_MAX = 16
"""How deep a tree is drawn unless told otherwise; what is deeper is counted."""
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the branches before it, the event's glyph, what it was, how much, and how it ended."""

    guide: str
    glyph: str
    style: str
    label: str
    agent: str
    count: int
    quantity: str
    remark: str


def lines(
    tree: SpendTree, unit: str | None = None, *, grouped: bool = True, depth_max: int = DEPTH_SHOWN_MAX
) -> Iterator[Line]:
    """Yield the lines of a tree in order, without recursion: a tree is as deep as somebody made it."""
    waiting = _branches(tree.roots, "", 0, grouped=grouped)
    while waiting:
        run, guide, below, depth = waiting.pop()
        yield _line(run, guide, unit)
        children = run[0].children
        if not children:
            continue
        if depth + 1 >= depth_max:
            yield Line(f"{below}└─ ", "…", "dim", f"{_size(children)} deeper", "", 1, "", "")
            continue
        waiting += _branches(children, below, depth + 1, grouped=grouped)


_Branch = tuple[Sequence[SpendTreeNode], str, str, int]


def _branches(nodes: Sequence[SpendTreeNode], prefix: str, depth: int, *, grouped: bool) -> list[_Branch]:
    """Return the runs among some siblings, last first, each with the guides of its own line and of what hangs below."""
    runs = list(_runs(nodes)) if grouped else [[node] for node in nodes]
    last = len(runs) - 1
    made: list[_Branch] = [
        (run, prefix + ("└─ " if place == last else "├─ "), prefix + ("   " if place == last else "│  "), depth)
        for place, run in enumerate(runs)
    ]
    return made[::-1]


def _runs(nodes: Sequence[SpendTreeNode]) -> Iterator[list[SpendTreeNode]]:
    for _, alike in groupby(enumerate(nodes), lambda placed: _likeness(*placed)):
        run = [node for _, node in alike]
        if len(run) >= RUN_MIN:
            yield run
        else:
            yield from ([node] for node in run)


def _likeness(place: int, node: SpendTreeNode) -> object:
    """Return what makes an event one of a run; an event with children is like no other."""
    event = node.event
    if node.children:
        return place
    return (
        event.decision,
        event.denial_reason,
        event.would_have_been_reason,
        event.outcome,
        _DIGITS.sub("#", event.agent_id or ""),
        event.action_type,
        _DIGITS.sub("#", _named(event)),
    )


def _named(event: SpendEventResponse) -> str:
    return event.description or event.entity_id or event.action_type or event.id


def _line(run: Sequence[SpendTreeNode], guide: str, unit: str | None) -> Line:
    first, last = run[0].event, run[-1].event
    total = sum((_quantity(node.event) for node in run), Decimal())
    return Line(
        guide,
        GLYPHS.get(first.decision, "?"),
        _STYLES.get(first.decision, ""),
        _span(_named(first), _named(last)),
        _span(first.agent_id or "", last.agent_id or ""),
        len(run),
        amount(total, unit, named=False),
        _remark(first, unit, len(run)),
    )


def _quantity(event: SpendEventResponse) -> Decimal:
    if event.decision == "CONFIRMED" and event.confirmed_quantity is not None:
        return event.confirmed_quantity
    return event.requested_quantity


def _span(first: str, last: str) -> str:
    """Return one name for a run: ``step 1`` to ``step 250`` is ``step 1…250``."""
    if first == last:
        return first
    mine, theirs = _DIGITS.findall(first), _DIGITS.findall(last)
    differing = [place for place, pair in enumerate(zip(mine, theirs, strict=True)) if pair[0] != pair[1]]
    if len(differing) != 1:
        return f"{first} …"
    pieces = re.split(r"(\d+)", first)
    pieces[2 * differing[0] + 1] = f"{mine[differing[0]]}…{theirs[differing[0]]}"
    return "".join(pieces)


def _remark(event: SpendEventResponse, unit: str | None, count: int) -> str:
    said: list[str] = []
    match event.decision:
        case "CONFIRMED":
            if count == 1 and event.confirmed_quantity != event.requested_quantity:
                said.append(f"of {amount(event.requested_quantity, unit, named=False)} held")
            if event.refunded_quantity:
                said.append(f"{amount(event.refunded_quantity, unit, named=False)} refunded")
        case "AUTHORIZED":
            said.append(_standing(event))
        case "DENIED":
            said.append(event.denial_reason or "")
        case _:
            said.append(event.failure_reason or "")
    if event.shadow and event.would_have_been == "DENIED":
        said.append(f"would be denied: {event.would_have_been_reason}")
    if event.event_source and event.event_source != "AGENT":
        said.append(event.event_source.lower())
    return ", ".join(part for part in said if part)


def _standing(event: SpendEventResponse) -> str:
    if event.outcome == "UNKNOWN":
        return "outcome unknown, still held"
    if not event.reserved:
        return "holds nothing"
    return "hold ended" if event.hold_released_at else "held"


def _size(nodes: Sequence[SpendTreeNode]) -> int:
    count, waiting = 0, list(nodes)
    while waiting:
        node = waiting.pop()
        count += 1
        waiting += node.children
    return count


def drawn(tree: SpendTree, unit: str | None = None, *, grouped: bool = True, depth_max: int = DEPTH_SHOWN_MAX) -> Table:
    """Return a tree as rich draws it: branches, amounts in a column of their own, remarks."""
    made = Table.grid(padding=(0, 2), collapse_padding=True)
    made.add_column(overflow="fold")
    made.add_column(justify="right", no_wrap=True)
    made.add_column(style="dim", overflow="fold")
    made.add_column(style="dim", overflow="fold")
    for line in lines(tree, unit, grouped=grouped, depth_max=depth_max):
        times = f"{line.count:,} × " if line.count > 1 else ""
        tone = "dim" if line.glyph in _FAINT else ""
        label = Text.assemble(
            (line.guide, "dim"), (f"{line.glyph} ", line.style), (times, "bold"), (clean(line.label), tone)
        )
        made.add_row(label, Text(line.quantity, tone), line.agent, Text(clean(line.remark), line.style))
    return made
