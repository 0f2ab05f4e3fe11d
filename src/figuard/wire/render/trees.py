"""
Trees of events, built without recursion: a chain may be ten thousand events long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET

from figuard.domain.budget import Budget
from figuard.domain.events import Decision, Event
from figuard.domain.views import ChainView, TreeView
from figuard.wire.context import Context
from figuard.wire.limits import TREE_DEPTH_MAX
from figuard.wire.render.common import money, optional_money, when
from figuard.wire.render.spend import event_as
from figuard.wire.responses import ChainResponse, EventNode, SpendTreeResponse


@dataclass(slots=True)
class _Spot:
    """A node, how deep it is shown, and the node that its children are shown below."""

    node: EventNode
    depth: int
    host: EventNode


def forest(
    events: Sequence[Event], budget: Budget, depth_max: int = TREE_DEPTH_MAX
) -> tuple[list[EventNode], bool, dict[str, EventNode]]:
    """
    Return the roots of *events* (parents before children), whether any was flattened, and every node by its id.

    A node at *depth_max* is the host of everything below it, so nesting ends one level further down.
    """
    spots: dict[str, _Spot] = {}
    roots: list[EventNode] = []
    flattened = False
    for event in events:
        node = event_as(EventNode, event, budget)
        parent = spots.get(event.place.parent_id or "")
        if parent is None:
            roots.append(node)
            spots[event.id] = _Spot(node, 1, node)
            continue
        flattened = flattened or parent.host is not parent.node
        children = parent.host.children
        if children is UNSET:
            parent.host.children = [node]
        else:
            children.append(node)
        hosts = parent.depth < depth_max
        spots[event.id] = _Spot(node, parent.depth + 1 if hosts else parent.depth, node if hosts else parent.host)
    return roots, flattened, {event_id: spot.node for event_id, spot in spots.items()}


def tree(view: TreeView, _: Context) -> SpendTreeResponse:
    """Return all events of a budget as a forest."""
    roots, flattened, _nodes = forest(view.events, view.budget)
    shown = {root.id for root in roots}
    tops = [event for event in view.events if event.id in shown]
    return SpendTreeResponse(
        budget_id=view.budget.id,
        total_authorized=money(sum(event.spend.quantity for event in tops if event.is_live)),
        total_confirmed=money(sum(event.spend.quantity for event in tops if event.decision is Decision.CONFIRMED)),
        total_settled=money(sum(event.standing.booked for event in view.events)),
        total_events=len(view.events),
        roots=roots,
        flattened_below=TREE_DEPTH_MAX if flattened else None,
    )


def chain(view: ChainView, _: Context) -> ChainResponse:
    """Return the chain of an event, shown from that event downwards."""
    below = _below(view.events, view.asked)
    roots, flattened, _nodes = forest(below, view.budget)
    root, cap = view.root, view.root.spend.max_subtree
    live = [event for event in view.events if event.is_live]
    used = root.standing.subtree.used(shadow=root.place.shadow)
    return ChainResponse(
        chain_root_event_id=root.id,
        budget_id=view.budget.id,
        max_subtree_quantity=optional_money(cap),
        total_chain_spend=money(sum(event.standing.held + event.standing.booked for event in live)),
        chain_cap_remaining=None if cap is None else money(max(0, cap - used)),
        currency=view.budget.identity.currency,
        total_events=len(view.events),
        total_authorized=money(sum(event.spend.quantity for event in live)),
        total_confirmed=money(sum(event.standing.confirmed or 0 for event in live)),
        chain_started_at=when(root.created_at),
        last_activity_at=when(max((event.updated_at for event in view.events), default=root.updated_at)),
        roots=roots,
        flattened_below=TREE_DEPTH_MAX if flattened else None,
    )


def _below(events: Sequence[Event], asked: Event) -> list[Event]:
    """Return *asked* and everything below it, parents before children."""
    found = [asked]
    inside = {asked.id}
    for event in events:
        if event.place.parent_id in inside:
            inside.add(event.id)
            found.append(event)
    return found
