"""
The scenarios of spec/conformance on every driver of this language, and that they are well-formed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from figuard.client.sync.client import FiGuardClient
from figuard.stores import open_store
from tests import postgres_server
from tests.conformance.drivers import DRIVERS, Driver
from tests.conformance.runner import run
from tests.conformance.server_driver import ServerDriver
from tests.conformance.socket_driver import SocketDriver
from tests.conformance.vectors import FOLDER, SCHEMA, Vector, all_vectors, files, load
from tests.meta.tree import ROOT

VECTORS = all_vectors()
EVERY_WAY = {**DRIVERS, "async-server": ServerDriver}
"""The drivers whose ledgers are compared, and those whose answers alone are."""
TOPICS = frozenset(
    "allocations anomaly chains counterfactual delegation dry-run entitlements expiry external funding idempotency "
    "kernel receipts refunds replay settle shadow unknown velocity webhooks".split()
)


def _name(path: Path) -> str:
    return str(path.relative_to(FOLDER).with_suffix(""))


@pytest.mark.parametrize("driver", EVERY_WAY)
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_a_driver_does_what_the_scenario_says(vector: Vector, driver: str):
    judge(vector, EVERY_WAY[driver]())


@pytest.mark.full
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_it_does_so_over_a_socket(vector: Vector, is_async: bool):
    judge(vector, SocketDriver(is_async=is_async))


@pytest.mark.full
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_it_does_so_on_postgres(vector: Vector, empty_database: Callable[[], str]):
    judge(vector, SocketDriver(is_async=False, database=empty_database))


def judge(vector: Vector, driver: Driver) -> None:
    """
    Demand that the scenario goes as it says.
    """
    try:
        wrong = run(vector, driver)
    finally:
        driver.close()

    assert wrong == [], "\n".join(wrong)


@pytest.fixture(scope="module")
def empty_database():
    """
    Makes the address of one more database that has the schema and nothing else.
    """
    server = postgres_server.start()
    template = server.create()
    open_store(server.url(template)).close()
    yield lambda: server.url(server.create(template))
    server.stop()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_every_driver_leaves_the_same_ledger(vector: Vector):
    """
    Not only the answers are the same: the entries are, to the last byte, hashes included.
    """
    ledgers: dict[bytes, list[str]] = {}
    for name, make in DRIVERS.items():
        driver = make()
        run(vector, driver)
        ledgers.setdefault(driver.ledger(), []).append(name)
        driver.close()

    assert len(ledgers) == 1, _first_difference(ledgers)


def _first_difference(ledgers: dict[bytes, list[str]]) -> str:
    lines = [(names, ledger.split(b"\n")) for ledger, names in ledgers.items()]
    for number, row in enumerate(zip(*(book for _, book in lines), strict=False), start=1):
        if len({*row}) > 1:
            told = "\n".join(f"{names}: {line.decode()}" for (names, _), line in zip(lines, row, strict=True))
            return f"the ledgers part at line {number}\n{told}"
    return f"the ledgers have different lengths: {[(names, len(book)) for names, book in lines]}"


@pytest.mark.parametrize("path", files(), ids=_name)
def test_a_scenario_is_well_formed(path: Path):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))

    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), schema)

    assert load(path).id == _name(path)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_a_scenario_speaks_the_words_of_the_sdk(vector: Vector):
    unknown = [
        step["do"]
        for step in vector.steps
        if not hasattr(FiGuardClient, step["do"]) and step["do"] not in {"receiver_answers", "receiver_got"}
    ]

    assert unknown == []


@pytest.mark.parametrize("because", sorted({vector.because for vector in VECTORS}))
def test_the_page_that_promises_it_exists(because: str):
    page, _, heading = because.partition("#")
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    headings = {re.sub(r"\W+", "-", line.lstrip("# ").lower()).strip("-") for line in lines if line.startswith("#")}

    assert heading in {"", *headings}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_a_scenario_names_only_what_it_has_bound(vector: Vector):
    bound: set[str] = set()
    for step in vector.steps:
        parts = json.dumps([step.get("with"), step.get("expect"), step.get("refused")])
        assert set(re.findall(r'"\$(\w+)"', parts)) <= bound
        bound |= set(step.get("bind", {}))


def test_every_topic_has_scenarios():
    assert {vector.id.partition("/")[0] for vector in VECTORS} == TOPICS
