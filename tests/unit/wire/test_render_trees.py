"""
Trees and chains of any depth: nothing is lost, and nothing is nested deeper than readers can follow.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from figuard.domain.amounts import quanta
from figuard.domain.events import Decision, Standing
from figuard.domain.views import (
    ChainView,
    TreeView,
)
from figuard.wire.codec import decode, encode
from figuard.wire.limits import CHAIN_DEPTH_MAX, TREE_DEPTH_MAX
from figuard.wire.operations import find
from tests.unit.domain.made import balance, budget, event
from tests.unit.wire.asked import context
from tests.unit.wire.shown import shown

START = "2030-01-01T00:00:00.000000Z"
SETTLED = Standing(booked=quanta(7), confirmed=quanta(9), refunded=quanta(2))


def child(name, parent, **fields):
    """Return an event below another one."""
    return event(id=name, parent_id=parent, root_id=fields.pop("root_id", "root"), **fields)


ROOT = event(100, id="root")
FAMILY = (
    ROOT,
    child("a", "root", decision=Decision.CONFIRMED, standing=SETTLED),
    child("b", "root", decision=Decision.VOIDED),
    child("c", "a"),
    event(5, Decision.CONFIRMED, id="other", root_id="other"),
    event(3, Decision.DENIED, id="denied", root_id="denied"),
)


def test_a_tree_has_its_children_below_and_leaves_them_out_on_leaves():
    body = shown("get_spend_tree", TreeView(budget(), FAMILY))
    root, other, denied = body["roots"]

    assert ["a", "b"] == [node["id"] for node in root["children"]]
    assert ["c"] == [node["id"] for node in root["children"][0]["children"]]
    assert "children" not in other
    assert "children" not in denied
    assert ("USD", "SPEND") == (other["currency"], other["actionType"])
    assert "flattenedBelow" not in body


def test_the_totals_of_a_tree_are_those_of_its_roots():
    """
    As the reference has them: what was asked for, over roots; what was really settled stands beside it.
    """
    body = shown("get_spend_tree", TreeView(budget(), FAMILY))

    assert (Decimal(105), Decimal(5), Decimal(12), 6) == (
        body["totalAuthorized"],
        body["totalConfirmed"],
        body["totalSettled"],
        body["totalEvents"],
    )


def test_a_new_budget_has_an_empty_tree():
    assert {
        "budgetId": "budget",
        "totalAuthorized": Decimal(0),
        "totalConfirmed": Decimal(0),
        "totalSettled": Decimal(0),
        "totalEvents": 0,
        "roots": [],
    } == shown("get_spend_tree", TreeView(budget(), ()))


def chain_of(length):
    """Return a chain in which every event is the parent of the next."""
    first = event(1, id="0", root_id="0")
    return (first, *(child(str(i), str(i - 1), quantity=1, root_id="0") for i in range(1, length)))


def levels_of(body):
    """Return how deep a tree is nested, without recursion."""
    depth, level = 0, body["roots"]
    while level:
        depth += 1
        level = [node for parent in level for node in parent.get("children", ())]
    return depth


@pytest.mark.parametrize("length", [1, TREE_DEPTH_MAX, TREE_DEPTH_MAX + 1])
def test_a_chain_within_the_depth_is_nested(length):
    body = shown("get_spend_tree", TreeView(budget(), chain_of(length)))

    assert length == levels_of(body)
    assert "flattenedBelow" not in body


def test_a_chain_one_deeper_is_flattened():
    body = shown("get_spend_tree", TreeView(budget(), chain_of(TREE_DEPTH_MAX + 2)))
    node = body["roots"][0]
    for _ in range(TREE_DEPTH_MAX - 1):
        node = node["children"][0]

    assert body["flattenedBelow"] == TREE_DEPTH_MAX == int(node["id"]) + 1
    assert [("100", "99"), ("101", "100")] == [(one["id"], one["parentEventId"]) for one in node["children"]]


def test_the_longest_chain_there_can_be_is_rendered_written_and_read():
    """
    Neither our encoder nor anybody's reader survives ten thousand levels; no event may be lost to that.
    """
    events = chain_of(CHAIN_DEPTH_MAX)
    tree = encode(find("get_spend_tree").render(TreeView(budget(), events), context()))
    chain = encode(find("get_chain").render(ChainView(budget(), events[0], events[0], events), context()))

    for written in (tree, chain):
        body = json.loads(written)
        found, level = 0, body["roots"]
        while level:
            found += len(level)
            level = [node for parent in level for node in parent.get("children", ())]
        assert CHAIN_DEPTH_MAX == found
    assert CHAIN_DEPTH_MAX == decode(find("get_spend_tree").response, tree).total_events


def test_branches_below_the_depth_keep_their_own_host():
    left = [child(f"l{i}", f"l{i - 1}" if i else "root") for i in range(TREE_DEPTH_MAX + 1)]
    right = [child(f"r{i}", f"r{i - 1}" if i else "root") for i in range(TREE_DEPTH_MAX + 1)]
    mixed = [one for pair in zip(left, right, strict=True) for one in pair]
    body = shown("get_spend_tree", TreeView(budget(), (ROOT, *mixed)))

    for side, node in zip("lr", body["roots"][0]["children"], strict=True):
        while len(node.get("children", ())) == 1:
            node = node["children"][0]  # noqa: PLW2901 - walking down
        assert f"{side}98" == node["id"]
        assert [f"{side}99", f"{side}100"] == [one["id"] for one in node["children"]]


def test_an_event_whose_parent_is_not_there_is_a_root():
    body = shown("get_spend_tree", TreeView(budget(), (child("orphan", "elsewhere"),)))

    assert ["orphan"] == [node["id"] for node in body["roots"]]


def test_a_chain_is_shown_from_the_asked_event_with_the_totals_of_all():
    capped = replace(
        event(100, id="root", max_subtree=200), standing=Standing(held=quanta(100), subtree=balance(7, 120))
    )
    events = (capped, *FAMILY[1:4])
    body = shown("get_chain", ChainView(budget(), capped, events[1], events))

    assert ["a"] == [node["id"] for node in body["roots"]]
    assert ["c"] == [node["id"] for node in body["roots"][0]["children"]]
    assert {
        **body,
        "chainRootEventId": "root",
        "budgetId": "budget",
        "maxSubtreeQuantity": Decimal(200),
        "chainCapRemaining": Decimal(73),
        "totalChainSpend": Decimal(117),
        "currency": "USD",
        "totalEvents": 4,
        "totalAuthorized": Decimal(120),
        "totalConfirmed": Decimal(9),
        "chainStartedAt": START,
        "lastActivityAt": START,
    } == body


def test_a_chain_leaves_out_the_cap_it_has_not():
    body = shown("get_chain", ChainView(budget(unit="tokens"), ROOT, ROOT, (ROOT,)))

    assert {"maxSubtreeQuantity", "chainCapRemaining", "currency", "flattenedBelow"}.isdisjoint(body)


def test_an_exceeded_cap_has_nothing_left():
    over = replace(event(100, id="root", max_subtree=10), standing=Standing(subtree=balance(30)))

    assert Decimal(0) == shown("get_chain", ChainView(budget(), over, over, (over,)))["chainCapRemaining"]
