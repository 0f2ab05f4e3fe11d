"""
Several reads in one round trip answer what each of them answers by itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from figuard.ports import Changes, Kind
from figuard.stores.postgres import PostgresStore
from figuard.stores.postgres.together import FITTING, statement
from figuard.testing.store_suite_records import a_budget, a_reply, a_token, a_webhook, an_api_key, an_event

READS = [
    (Kind.TOKENS, ("k1", "nobody", "k2")),
    (Kind.ATTEMPTS, (("b1", False, "e1"), ("b1", True, "e1"), ("b1", False, "none"))),
    (Kind.EVENTS, ("e1", "e2")),
    (Kind.ENTITY_EVENTS, (("b1", "order"),)),
    (Kind.CALLERS, ("a1",)),
    (Kind.REMEMBERED, (("t1", "fund", "key"),)),
    (Kind.TENANT_WEBHOOKS, ("t1", "nobody")),
    (Kind.TENANTS, ()),
]
RECORDS = [
    a_budget(),
    a_token("k1"),
    a_token("k2"),
    an_event("e1"),
    an_api_key(),
    a_reply("key"),
    a_webhook("w2", at=1),
    replace(a_webhook("w1", at=2), url='https://example.com/"\\ü\x1f'),
    a_webhook("w0", at=3, deleted_at=4),
]


@pytest.fixture
async def store(database):
    opened = await PostgresStore.open(database.url)
    yield opened
    await opened.close()


async def test_reads_together_answer_what_each_answers(store):
    async with store.begin() as work:
        await work.write(Changes(inserted=RECORDS))
    async with store.begin() as work:
        apart = [dict(await work.read(kind, keys)) for kind, keys in READS]
        together = [dict(answers) for answers in await work.read_many(READS)]

    assert apart == together
    assert {"k1", "k2"} == set(together[0])
    assert {("b1", False, "e1")} == set(together[1])
    assert {"e1"} == set(together[2])
    assert (("w2", "w1"), ()) == tuple(tuple(one.id for one in together[6][key]) for key in ("t1", "nobody"))


@pytest.mark.parametrize(
    ("kind", "keys"), [read for read in READS if read[1]], ids=lambda part: getattr(part, "name", "")
)
async def test_one_key_is_answered_as_among_others(store, kind, keys):
    """
    A single key is read by a statement of its own, without an array.
    """
    async with store.begin() as work:
        await work.write(Changes(inserted=RECORDS))
    async with store.begin() as work:
        among = dict(await work.read(kind, [*keys, *keys]))
        alone = [dict(await work.read(kind, [key])) for key in keys]
        together = [
            dict(answers)
            for key in keys
            for answers in (await work.read_many([(kind, [key]), (Kind.TENANTS, ("t1",))]))[:1]
        ]

    assert among == {key: answer for found in alone for key, answer in found.items()}
    assert alone == together


def test_what_locks_or_answers_many_is_read_by_itself():
    apart = {Kind.BUDGETS, Kind.API_KEYS, Kind.ENTITY_EVENTS, Kind.NEXT_EXPIRY, Kind.EVENT_HOMES}

    assert not apart & FITTING
    assert {Kind.TOKENS, Kind.ATTEMPTS, Kind.EVENTS, Kind.CALLERS, Kind.REMEMBERED} <= FITTING
    assert 1 == statement(((Kind.TOKENS, False), (Kind.ATTEMPTS, True))).count("UNION ALL")


async def test_two_transactions_ask_about_one_caller_side_by_side(store):
    """
    Every batch asks about the keys of its callers: if that locked, there would be one lane in all the world.
    """
    async with store.begin() as work:
        await work.write(Changes(inserted=[an_api_key()]))
    both = asyncio.Barrier(2)

    async def ask():
        async with store.begin() as work:
            found = await work.read(Kind.CALLERS, ("a1",))
            await asyncio.wait_for(both.wait(), 5)
            return found["a1"]

    first, second = await asyncio.gather(ask(), ask())

    assert an_api_key() == first == second


async def test_many_keys_are_told_apart_whatever_they_are_written_with(store):
    """
    Many keys travel as JSON, and come out of it as they went in.
    """
    words = ['"', "\\", "a,b", "{}", "[1]", "null", "NULL", "\n\t", "\u001f", "é", "😀", "'; --", " ", "\\u0041", "A"]
    events = [an_event(f"e{number}", key=word) for number, word in enumerate(words)]
    keys = [("b1", False, word) for word in words]
    async with store.begin() as work:
        await work.write(Changes(inserted=[a_budget(), *events]))
    async with store.begin() as work:
        alone = await work.read(Kind.ATTEMPTS, [*keys, ("b1", True, "A")])
        beside, _ = await work.read_many([(Kind.ATTEMPTS, keys), (Kind.TOKENS, ["k1", "k2"])])

    assert alone == beside == dict(zip(keys, events, strict=True))
