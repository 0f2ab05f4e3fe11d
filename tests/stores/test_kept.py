"""
What is kept decoded is never older than the row: only the very same text is not decoded again.
"""

from __future__ import annotations

from dataclasses import replace
from time import process_time

import pytest

from figuard.domain.budget import Budget
from figuard.domain.events import Decision, Event
from figuard.ports import Changes, Kind
from figuard.stores.codecs import encode
from figuard.stores.kept import EVENTS_KEPT_MAX, KEPT_MAX, Kept
from figuard.testing.store_suite_records import a_budget, a_token, an_api_key, an_event
from tests.stores.postgres_tools import opened, put

NOW = 1_700_000_000_000_000
CHANGES = {
    Kind.BUDGETS: (a_budget("x"), a_budget("x", limit=7)),
    Kind.TOKENS: (a_token("x"), replace(a_token("x"), revoked_at=NOW)),
    Kind.CALLERS: (replace(an_api_key(), id="x"), replace(an_api_key(), id="x", revoked_at=NOW)),
    Kind.EVENTS: (an_event("x"), replace(an_event("x"), decision=Decision.VOIDED, updated_at=NOW)),
}


def test_the_same_text_is_decoded_once():
    kept, text = Kept(Budget), encode(a_budget())
    first = kept.decoded("b1", text)

    assert first == a_budget()
    assert kept.decoded("b1", str(text.encode(), "utf-8")) is first


def test_another_text_is_decoded_again_whatever_was_kept():
    kept = Kept(Budget)
    kept.keep("b1", encode(a_budget()), a_budget())

    assert kept.decoded("b1", encode(a_budget(limit=7))) == a_budget(limit=7)
    assert kept.decoded("b1", encode(a_budget())) == a_budget()


@pytest.mark.parametrize(("of", "most"), [(Budget, KEPT_MAX), (Event, EVENTS_KEPT_MAX)])
def test_what_has_not_changed_for_longest_is_forgotten_first(of, most):
    kept, record = Kept(of), a_budget()
    for number in range(most):
        kept.keep(f"b{number}", "", record)
    kept.keep("b0", "newer", record)
    kept.keep("one more", "", record)

    assert len(kept._kept) == most
    assert "b0" in kept._kept
    assert "b1" not in kept._kept


def test_to_forget_one_costs_the_same_however_many_were_forgotten_before():
    """
    Of a plain dictionary the oldest is found behind the gaps of all that went before it: ten times as dear and more.
    """

    def seconds(kept, name):
        began = process_time()
        for number in range(KEPT_MAX // 2):
            kept.keep(f"{name}{number}", "", None)
        return process_time() - began

    def ratio():
        kept = Kept(Budget)
        filling = seconds(kept, "a") + seconds(kept, "b")
        return (seconds(kept, "c") + seconds(kept, "d")) / filling

    assert min(ratio() for _ in range(3)) < 5


@pytest.mark.parametrize(("kind", "records"), CHANGES.items(), ids=lambda part: getattr(part, "name", ""))
@pytest.mark.parametrize("together", [True, False], ids=["together", "alone"])
async def test_what_another_process_wrote_is_seen_at_once(database, kind, records, together):
    """
    A token or a key that was revoked elsewhere must not live on in what this process remembers of it.
    """
    before, after = records

    async def read(store):
        async with store.begin() as work:
            if together:
                found, _ = await work.read_many([(kind, ["x"]), (Kind.TENANTS, ["t1"])])
            else:
                found = await work.read(kind, ["x"])
            return found["x"]

    async with opened(database.app_url) as store, opened(database.app_url) as elsewhere:
        await put(store, *([a_budget("b1")] if kind is Kind.TOKENS else []), before)
        assert [await read(store), await read(store)] == [before, before]
        await put(elsewhere, updated=[after])

        assert await read(store) == after


async def test_what_was_rolled_back_is_not_taken_for_the_row(database):
    async def write_and_fail(store):
        async with store.begin() as work:
            await work.write(Changes(updated=[a_budget("x", limit=7)]))
            raise KeyError

    async with opened(database.app_url) as store:
        await put(store, a_budget("x"))
        with pytest.raises(KeyError):
            await write_and_fail(store)
        async with store.begin() as work:
            assert await work.read(Kind.BUDGETS, ("x",)) == {"x": a_budget("x")}
