"""
One throw-away PostgreSQL for the whole run, and a database of its own for each test that asks for one.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from figuard.stores import open_store
from tests import postgres_server
from tests.postgres_server import Login, Server


@dataclass(frozen=True, slots=True)
class Database:
    """
    One database with our schema. ``url`` is its owner's, ``app_url`` that of a server's role, ``admin_url`` that of
    the server's administrator.
    """

    server: Server
    name: str
    owner: Login
    app: Login

    @property
    def url(self):
        return self.server.url(self.name, self.owner)

    @property
    def app_url(self):
        return self.server.url(self.name, self.app)

    @property
    def admin_url(self):
        return self.server.url(self.name)


@pytest.fixture(scope="session")
def postgres():
    server = postgres_server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(postgres):
    """Return a database that has the schema and nothing else; an owner who is no superuser, and a server's role."""
    owner, app = postgres.create_role("figuard_owner"), postgres.create_role("figuard_app")
    name = postgres.create(owner=owner.user)
    made = Database(postgres, name, owner, app)
    open_store(made.url).close()
    postgres.execute("SELECT figuard_grant('figuard_app')", database=name)
    yield made
    postgres.drop(name)


@pytest.fixture
def database(postgres, template):
    """Return a fresh database."""
    name = postgres.create(template.name, owner=template.owner.user)
    yield Database(postgres, name, template.owner, template.app)
    postgres.drop(name)
