"""
Places to serve from: one per test, on each database.
"""

from __future__ import annotations

import pytest

from tests import postgres_server
from tests.load.places import postgres_place, sqlite_place


@pytest.fixture(scope="session")
def durable_postgres():
    """
    A PostgreSQL that loses nothing when it is killed.
    """
    server = postgres_server.start(durable=True)
    yield server
    server.stop()


@pytest.fixture
def postgres_served(durable_postgres, tmp_path):
    """
    A place on PostgreSQL.
    """
    made = postgres_place(durable_postgres, tmp_path)
    yield made
    made.close()


@pytest.fixture
def sqlite_served(tmp_path):
    """
    A place in a file.
    """
    made = sqlite_place(tmp_path)
    yield made
    made.close()


@pytest.fixture
def workers_served(postgres_served):
    """
    A place on PostgreSQL, where every server has two workers.
    """
    postgres_served.kind = "workers"
    postgres_served.always["FIGUARD_WORKERS"] = "2"
    return postgres_served


@pytest.fixture(
    params=["sqlite_served", "postgres_served", "workers_served"], ids=["sqlite", "postgres", "postgres by workers"]
)
def place(request):
    """
    A place on either database.
    """
    return request.getfixturevalue(request.param)
