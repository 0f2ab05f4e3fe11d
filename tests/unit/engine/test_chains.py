"""
Chains: causal parents, caps on a whole subtree, and voiding a tree all or not at all.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import AmountLike, quanta
from figuard.domain.budget import TrustMode
from figuard.domain.codes import Denial, ErrorCode
from figuard.domain.events import Decision, Event
from figuard.domain.refusal import Refusal
from figuard.domain.replies import VoidTreeReply
from tests.builders import World
from tests.unit.domain.made import balance, refusal
from tests.unit.engine.tools import entry_kinds, fingerprinted, heard, listen, present


class Tree:
    """
    A tree of holds on a budget of 1000: a root of 10 with two children of 20 and 30, and a grandchild of 40 below
    the second.
    """

    def __init__(self, **root: Any) -> None:
        self.world = World()
        self.budget = self.world.budget(1000)
        self.root = self.ask(10, "root", **root)
        self.first = self.ask(20, "first", self.root)
        self.second = self.ask(30, "second", self.root)
        self.grandchild = self.ask(40, "grandchild", self.second)

    def ask(self, quantity: AmountLike, key: str, parent: Event | None = None, **fields: Any) -> Event:
        parent_id = parent.id if parent else None
        event: Event = self.world.authorize(self.budget, quantity, key, parent_event_id=parent_id, **fields).event
        return event

    def void_tree(self, event: Event) -> VoidTreeReply:
        reply: VoidTreeReply = self.world.order(c.VoidTree(event.id, "r"))
        return reply

    def decisions(self) -> list[Decision]:
        return [present(self.world, e).decision for e in (self.root, self.first, self.second, self.grandchild)]


AUTHORIZED, VOIDED, CONFIRMED = Decision.AUTHORIZED, Decision.VOIDED, Decision.CONFIRMED


def test_every_member_of_a_chain_knows_its_root():
    tree = Tree()

    assert {tree.root.id} == {e.place.root_id for e in (tree.root, tree.first, tree.second, tree.grandchild)}
    assert [0, 1, 1, 2] == [e.place.depth for e in (tree.root, tree.first, tree.second, tree.grandchild)]


def test_a_chain_weighs_what_all_its_members_hold():
    tree = Tree(max_subtree=500)

    assert balance(reserved=100) == present(tree.world, tree.root).standing.subtree


def test_a_confirmed_member_counts_at_what_was_confirmed():
    tree = Tree(max_subtree=100)
    tree.world.confirm(tree.grandchild, 15)

    assert AUTHORIZED is tree.ask(25, "fits", tree.first).decision
    assert Denial.SUBTREE_CAP_EXCEEDED is tree.ask("0.01", "too much", tree.first).verdict.denial
    tree.world.judge(tree.budget)


@pytest.mark.parametrize("release", ["fail", "void"])
def test_a_released_member_counts_no_more(release: str):
    tree = Tree(max_subtree=100)
    getattr(tree.world, release)(tree.grandchild)

    assert AUTHORIZED is tree.ask(40, "fits", tree.root).decision


def test_a_member_that_reserves_nothing_does_not_fill_the_chain():
    tree = Tree(max_subtree=150)
    tree.ask(50, "marker", tree.root, reserve=False)

    assert AUTHORIZED is tree.ask(50, "fits", tree.root).decision


def test_a_hold_that_ended_counts_no_more_in_its_chain():
    tree = Tree(max_subtree=100)
    tree.world.clock.advance("5m")

    assert AUTHORIZED is tree.ask(100, "fits", tree.root).decision


def test_a_root_above_its_own_cap_is_denied():
    world = World()

    denied = world.authorize(world.budget(), 11, max_subtree=10).event
    assert Denial.SUBTREE_CAP_EXCEEDED is denied.verdict.denial


def test_the_excess_of_a_confirmation_must_fit_into_the_chain():
    tree = Tree(max_subtree=110)

    assert ErrorCode.CONFIRM_EXCEEDS_AVAILABLE is refusal(tree.world.confirm, tree.grandchild, 51)
    assert ErrorCode.CONFIRM_EXCEEDS_AVAILABLE is refusal(tree.world.confirm, tree.root, 21)
    assert CONFIRMED is tree.world.confirm(tree.root, 20).event.decision


def test_a_chain_cannot_grow_around_its_cap_through_a_grandchild():
    tree = Tree(max_subtree=100)

    assert Denial.SUBTREE_CAP_EXCEEDED is tree.ask(1, "more", tree.grandchild, max_subtree=10**6).verdict.denial


# -- voiding -------------------------------------------------------------------------------------------------------


def test_a_tree_is_voided_as_a_whole():
    tree = Tree()
    reply = tree.void_tree(tree.root)

    assert [VOIDED] * 4 == tree.decisions()
    assert (0, 0) == fingerprinted(tree.world, tree.budget)
    assert (quanta(100), "r", "USD") == (reply.released, reply.reason, reply.currency)
    tree.world.judge(tree.budget)


def test_the_reply_names_the_root_first_and_then_what_was_below():
    tree = Tree()

    assert (tree.root.id, tree.first.id, tree.second.id, tree.grandchild.id) == tree.void_tree(
        tree.root
    ).voided_event_ids


def test_a_subtree_is_voided_without_what_is_above_it():
    tree = Tree()
    tree.void_tree(tree.second)

    assert [AUTHORIZED, AUTHORIZED, VOIDED, VOIDED] == tree.decisions()


def test_confirmed_members_are_reversed_and_counted_at_what_was_confirmed():
    tree = Tree()
    tree.world.confirm(tree.grandchild, 15)
    reply = tree.void_tree(tree.root)

    assert (quanta(75), (0, 0)) == (reply.released, fingerprinted(tree.world, tree.budget))


def test_markers_release_nothing():
    tree = Tree()
    tree.ask(500, "marker", tree.root, reserve=False)

    assert quanta(100) == tree.void_tree(tree.root).released


def test_the_deepest_is_voided_first():
    tree = Tree()
    tree.void_tree(tree.root)
    store: Any = tree.world.store
    voided = [s.entry.change.id for s in store._data.books[tree.budget.budget.id] if s.entry.kind == "VOIDED"]

    assert [tree.grandchild.id, tree.second.id, tree.first.id, tree.root.id] == voided


@pytest.mark.parametrize("verb", ["tree", "children"])
def test_a_tree_with_a_payment_settled_outside_is_not_voided_at_all(verb: str):
    tree = Tree()
    tree.world.confirm(tree.first, 20, external_transaction_id="tx")
    before = entry_kinds(tree.world, tree.budget.budget.id)
    void = c.VoidTree(tree.root.id, "r") if verb == "tree" else c.Void(tree.root.id, "r", children=True)

    assert ErrorCode.VOID_REQUIRES_REFUND is refusal(tree.world.order, void)
    assert [AUTHORIZED, CONFIRMED, AUTHORIZED, AUTHORIZED] == tree.decisions()
    assert before == entry_kinds(tree.world, tree.budget.budget.id)


def test_what_hangs_below_a_dead_member_stays():
    tree = Tree()
    tree.world.void(tree.second, children=True)
    tree.world.fail(tree.first)
    reply = tree.void_tree(tree.root)

    assert (tree.root.id,) == reply.voided_event_ids


@pytest.mark.parametrize("state", ["fail", "void"])
def test_a_dead_root_has_no_tree_to_void(state: str):
    world = World()
    event = world.authorize(world.budget()).event
    getattr(world, state)(event)

    with pytest.raises(Refusal, match="cannot void its tree"):
        world.order(c.VoidTree(event.id, "r"))


def test_a_parent_with_live_children_is_not_voided_alone():
    tree = Tree()

    with pytest.raises(Refusal, match="has 3 live descendants"):
        tree.world.void(tree.root)
    assert [AUTHORIZED] * 4 == tree.decisions()


def test_a_parent_is_voided_with_its_children_when_that_is_said():
    tree = Tree()
    tree.world.void(tree.second, children=True)

    assert [AUTHORIZED, AUTHORIZED, VOIDED, VOIDED] == tree.decisions()
    assert (0, quanta(30)) == fingerprinted(tree.world, tree.budget)


def test_a_leaf_is_voided_without_asking():
    tree = Tree()
    tree.world.void(tree.grandchild)

    assert [AUTHORIZED] * 3 + [VOIDED] == tree.decisions()


def test_voiding_a_tree_tells_of_the_tree_and_of_each_member():
    tree = Tree()
    listen(tree.world)
    tree.void_tree(tree.root)

    assert ["SPEND_VOIDED"] * 4 + ["SPEND_TREE_VOIDED"] == heard(tree.world)


def test_voiding_a_tree_in_the_shadow_tells_nothing():
    world = World()
    listen(world)
    event = world.authorize(world.budget(trust_mode=TrustMode.SHADOW)).event
    world.order(c.VoidTree(event.id, "r"))

    assert [] == heard(world)


def test_a_tree_of_several_hundred_levels_is_voided():
    world = World()
    budget = world.budget(10_000)
    parent, root = None, None
    for n in range(300):
        parent = world.authorize(budget, 1, f"k{n}", parent_event_id=parent).event.id
        root = root or parent
    reply = world.order(c.VoidTree(root, "r"))

    assert (300, (0, 0)) == (len(reply.voided_event_ids), fingerprinted(world, budget))


def test_the_chain_of_any_member_is_the_whole_chain():
    tree = Tree()
    other = tree.ask(1, "another root")
    view = tree.world.ask(q.GetChain(tree.second.id))

    assert (tree.root.id, tree.second.id, 4) == (view.root.id, view.asked.id, len(view.events))
    assert (other.id, 1) == ((chain := tree.world.ask(q.GetChain(other.id))).root.id, len(chain.events))


def test_the_tree_of_a_budget_shows_every_event_oldest_first():
    tree = Tree()

    assert ["root", "first", "second", "grandchild"] == [
        event.spend.key for event in tree.world.ask(q.GetTree(tree.budget.budget.id)).events
    ]
