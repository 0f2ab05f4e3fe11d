"""
The same promise one level up: many threads and many tasks with the clients, on one file.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from figuard import AsyncFiGuardClient, FiGuardClient
from tests.concurrency.test_threads import at_once

FIVE_AND_FIVE = Counter({"AUTHORIZED": 5, "DENIED": 5})


def test_ten_threads_share_a_client(tmp_path: Path):
    with closing(FiGuardClient(database=tmp_path / "books.db", log=False)) as client:
        budget = client.create_budget("user", 1000)

        answers = at_once(10, lambda n: client.authorize(budget=budget, amount=200, idempotency_key=f"k{n}"))

        assert FIVE_AND_FIVE == Counter(answer.decision for answer in answers)
        assert client.verify_ledger(budget.id).is_sound


def test_ten_clients_share_a_file(tmp_path: Path):
    path = tmp_path / "books.db"
    clients = [FiGuardClient(database=path, log=False) for _ in range(10)]
    budget = clients[0].create_budget("user", 1000)

    answers = at_once(10, lambda n: clients[n].authorize(budget=budget, amount=200, idempotency_key=f"k{n}"))

    assert FIVE_AND_FIVE == Counter(answer.decision for answer in answers)
    assert all(client.get_budget(budget.id).available_quantity == 0 for client in clients)
    for client in clients:
        client.close()


async def test_ten_tasks_share_a_client(tmp_path: Path):
    async with AsyncFiGuardClient(database=tmp_path / "books.db", log=False) as client:
        budget = await client.create_budget("user", 1000)

        asked = (client.authorize(budget=budget, amount=200, idempotency_key=f"k{n}") for n in range(10))
        answers = await asyncio.gather(*asked)

        assert FIVE_AND_FIVE == Counter(answer.decision for answer in answers)
        assert (await client.verify_ledger(budget.id)).is_sound


def test_two_threads_that_settle_one_event_settle_it_once(tmp_path: Path):
    with closing(FiGuardClient(database=tmp_path / "books.db", log=False)) as client:
        budget = client.create_budget("user", 100)
        event = client.authorize(budget=budget, amount=50, idempotency_key="k")

        at_once(8, lambda _: client.confirm(event, 40))

        assert client.get_budget(budget.id).quantity_spent == Decimal(40)
