"""
The export: a file that anyone can verify with nothing but the file.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.budget import Balance, Budget
from figuard.domain.codes import ErrorCode
from figuard.domain.entitlements import Item
from figuard.domain.views import EntriesView, FindingsView
from figuard.engine.audit import books, export, verify_all
from figuard.engine.seal import split_line
from figuard.engine.verify import verify_lines
from tests.builders import TENANT, World, cap
from tests.unit.domain.made import refusal
from tests.unit.engine.tools import STRANGER, subscribe


def lived() -> tuple[World, str]:
    """Return a world with a budget that has seen a little of everything."""
    world = World()
    _, item = subscribe(world)
    budget = world.budget(100, item_id=item.id)
    token = world.delegate(budget, "agent", cap("food", 50))
    world.confirm(world.authorize(token.secret, 10, "a", category="food").event, 5)
    world.authorize(budget, 1000, "denied")
    world.authorize(budget, 10, "held")
    world.authorize(world.budget(), 10, "of a budget without a quota")
    return world, budget.budget.id


@cache
def file() -> tuple[bytes, ...]:
    """Return all lines of an honest export of three books."""
    world, _ = lived()
    return tuple(export(world.engine))


def whats(lines: tuple[bytes, ...] | list[bytes]) -> list[str]:
    return [finding.what for view in verify_lines(lines) for finding in view.findings]


def test_an_honest_export_verifies_book_by_book():
    views = list(verify_lines(file()))

    assert ([], 3) == ([finding for view in views for finding in view.findings], len(views))
    assert len(file()) == sum(view.entries for view in views)


def test_books_may_be_mixed_and_lines_may_be_empty():
    world, budget_id = lived()
    one = list(export(world.engine, book_id=budget_id))
    other = [line for line in export(world.engine) if line not in one]
    mixed = [line for pair in zip_longest(one, other, fillvalue=b"\n") for line in pair]

    assert ([], True) == (whats(mixed), len(other) > 1)


@given(st.data())
def test_any_changed_byte_of_any_line_is_found(data: st.DataObject):
    lines = list(file())
    number = data.draw(st.integers(0, len(lines) - 1))
    line = bytearray(lines[number])
    position = data.draw(st.integers(0, len(line) - 1))
    line[position] ^= data.draw(st.integers(1, 255))
    lines[number] = bytes(line)

    assert [] != whats(lines)


@pytest.mark.parametrize("number", range(1, 5))
def test_a_line_missing_before_the_end_is_found(number: int):
    world, budget_id = lived()
    lines = list(export(world.engine, book_id=budget_id))
    del lines[number]

    assert "GAP" == whats(lines)[0]


def test_a_line_out_of_order_is_found():
    world, budget_id = lived()
    lines = list(export(world.engine, book_id=budget_id))
    lines[1], lines[2] = lines[2], lines[1]

    assert "GAP" == whats(lines)[0]


def test_the_end_of_a_file_cannot_be_missed_by_the_file_alone():
    """
    What was cut off at the end leaves an honest shorter book; only the stored head tells (``test_ledger``).
    """
    world, budget_id = lived()

    assert [] == whats(list(export(world.engine, book_id=budget_id))[:-1])


@pytest.mark.parametrize("line", [b"nonsense", b"{}", b'{"a":1,"hash":"' + b"0" * 64 + b'"}', b"\xff" * 100])
def test_a_line_that_is_no_entry_is_named_by_its_number(line: bytes):
    findings = [finding for view in verify_lines([*file(), line]) for finding in view.findings]

    assert [(f"line {len(file()) + 1}", "UNREADABLE")] == [(finding.book_id, finding.what) for finding in findings]


def test_an_empty_file_has_no_books():
    assert [] == list(verify_lines([]))


@pytest.mark.parametrize("line", [b"", b"{}", b'{"hash":"short"}', b"x" * 200])
def test_a_line_without_its_hash_cannot_be_split(line: bytes):
    with pytest.raises(ValueError, match="does not end with its hash"):
        split_line(line)


def test_an_export_may_be_of_one_book_of_one_tenant_or_of_all():
    world, budget_id = lived()
    world.order(c.CreateBudget("u", 10**9, world.stored(budget_id).policy, "USD"), tenant=STRANGER)

    counts = [len(list(export(world.engine, *of))) for of in ((), (TENANT,), (STRANGER,), (None, budget_id))]
    assert counts[0] == counts[1] + counts[2]
    assert (2, True) == (counts[2], 0 < counts[3] < counts[1])


def test_a_long_book_is_exported_whole():
    world = World()
    budget = world.budget(10**6)
    asks = [c.Fund(budget.budget.id, c.FundingOperation.CREDIT, 1)] * 1500
    world.engine.commit([c.Order(ask, TENANT, "test") for ask in asks])

    assert 1502 == len(list(export(world.engine)))
    assert 1502 == world.judge(budget).entries


def test_the_books_of_a_store_are_found_page_by_page():
    world = World()
    create = c.CreateBudget("u", 10**9, world.budget().budget.policy, "USD")
    world.engine.commit([c.Order(create, TENANT, "test")] * 600)

    assert 601 == len(set(books(world.engine)))


# -- pages ---------------------------------------------------------------------------------------------------------


def page(world: World, book_id: str, after: int, size: int) -> EntriesView:
    view: EntriesView = world.ask(q.GetEntries(book_id, after, size))
    return view


def test_entries_come_in_pages_that_make_up_the_export():
    world, budget_id = lived()
    lines, after = list[bytes](), 0
    while True:
        view = page(world, budget_id, after, 3)
        lines += view.lines
        if view.next_seq is None:
            break
        after = view.next_seq

    assert list(export(world.engine, book_id=budget_id)) == lines


def test_an_unknown_book_is_not_found():
    assert ErrorCode.NOT_FOUND is refusal(World().ask, q.GetEntries("nobody"))


# -- all books -----------------------------------------------------------------------------------------------------


def verified(world: World, tenant: str | None = None) -> list[FindingsView]:
    return list(verify_all(world.engine, tenant))


def test_every_book_of_a_store_verifies():
    world, budget_id = lived()
    views = verified(world)

    assert (3, ()) == (len(views), tuple(finding for view in views for finding in view.findings))
    assert budget_id in {view.book_id for view in views}


def test_a_quota_that_is_not_what_its_budgets_took_is_found():
    world, _ = lived()
    store: Any = world.store
    rows = store._data.shelves[Item].rows
    for key, item in rows.items():
        rows[key] = replace(item, balance=Balance(1, 2))
    last = verified(world)[-1].findings[0]

    assert "ENTITLEMENT" == last.what
    assert "is stored with reserved 2 and spent 1" in last.detail


def test_a_book_without_an_owner_is_found():
    world, budget_id = lived()
    store: Any = world.store
    store._data.shelves[Budget].rows.pop(budget_id)

    assert "BUDGET" in [finding.what for view in verified(world) for finding in view.findings]


def test_a_tenants_books_can_be_verified_alone():
    world, _ = lived()

    assert [] == verified(world, STRANGER)
