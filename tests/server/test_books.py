"""
The command line on books that a server wrote: their holder sees every tenant's, in a file and in PostgreSQL.
"""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner

from figuard.cli.app import app
from figuard.server.backend import open_backend
from figuard.server.settings import load
from figuard.testing.determinism import ManualClock
from tests import postgres_server
from tests.server.desk import Desk
from tests.server.story import ITEM


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def home(request, tmp_path_factory):
    """
    The address of an empty database.
    """
    if request.param == "sqlite":
        yield str(tmp_path_factory.mktemp("home") / "served.db")
        return
    try:
        server = postgres_server.start()
    except postgres_server.NoPostgres as missing:
        pytest.skip(str(missing))
    yield server.url(server.create())
    server.stop()


async def filled(home):
    clock = ManualClock()
    settings = load({}, database=home, background=False)
    desk = Desk(settings, await open_backend(settings, clock=clock), clock)
    acme, umbra = await desk.key(tenant="acme"), await desk.key(tenant="umbra")
    made = [
        await desk.budget(acme, userId="ann", externalReference="trip"),
        await desk.budget(acme, userId="bob"),
        await desk.budget(umbra, userId="ann", externalReference="voyage"),
    ]
    await desk.authorize(umbra, made[2])
    plan = {"externalSubscriberId": "s-1", "name": "pro", "entitlementItems": [ITEM]}
    subscription = (await desk.call("POST", "/subscriptions", plan, key=acme)).json()
    await desk.http.aclose()
    await desk.server.stop()
    return [budget["id"] for budget in made], subscription["id"]


@pytest.fixture(scope="module")
def books(home):
    """
    The address, the ids of the budgets, and that of a subscription of acme's.
    """
    return home, *asyncio.run(filled(home))


def figuard(home, *words):
    """Run a command on the books and return its status, what it wrote and what it complained of."""
    ran = CliRunner().invoke(app, [*words, "--database", home])
    return ran.exit_code, ran.stdout, ran.stderr


@pytest.mark.parametrize(("name", "place", "entries"), [("trip", 0, 2), ("bob", 1, 2), ("voyage", 2, 3)])
def test_a_budget_is_found_by_its_names_whatever_its_tenant(books, name, place, entries):
    home, ids, _ = books
    for called in (name, ids[place]):
        shown = figuard(home, "ledger", "show", called, "--json")
        verified = figuard(home, "ledger", "verify", called, "--json")
        exported = figuard(home, "ledger", "export", called)

        assert (0, 0, 0) == (shown[0], verified[0], exported[0]), shown[2]
        assert entries == len(json.loads(shown[1])["entries"]) == len(exported[1].splitlines())
        assert [(ids[place], entries, True)] == [
            (book["book_id"], book["entries"], book["is_sound"]) for book in json.loads(verified[1])["books"]
        ]


def test_the_book_of_a_subscription_is_found_by_its_id(books):
    home, _, subscription_id = books

    status, out, _ = figuard(home, "ledger", "verify", subscription_id, "--json")

    assert 0 == status
    assert [subscription_id] == [book["book_id"] for book in json.loads(out)["books"]]
    assert [0, 0] == [figuard(home, "ledger", command, subscription_id)[0] for command in ("show", "export")]


@pytest.mark.parametrize("command", ["show", "verify", "export"])
def test_a_name_of_budgets_of_two_tenants_is_none(books, command):
    home, ids, _ = books

    status, out, said = figuard(home, "ledger", command, "ann")

    assert (1, "") == (status, out)
    assert f"'ann' fits 2 budgets ({ids[2]}, {ids[0]})" in said


@pytest.mark.parametrize("command", ["show", "verify", "export"])
def test_what_no_tenant_has_is_not_found(books, command):
    status, out, said = figuard(books[0], "ledger", command, "nobody")

    assert (1, "") == (status, out)
    assert "there is no budget 'nobody'" in said
