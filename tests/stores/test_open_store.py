"""
What names a database.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from figuard.ports import StoreUnavailable
from figuard.stores import open_async_store, open_store
from figuard.testing.store_suite_records import a_budget, put


@pytest.mark.parametrize("prefix", ["", "sqlite:///"])
def test_a_path_names_a_file(tmp_path, prefix):
    store = open_store(f"{prefix}{tmp_path / 'my books.db'}")
    put(store, a_budget())
    store.close()

    assert (tmp_path / "my books.db").exists()


def test_a_relative_url_names_a_file_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///books.db").close()

    assert (tmp_path / "books.db").exists()


@pytest.mark.parametrize("name", ["odd?mode=ro&x#y %41.db", "ünï.db"])
def test_no_character_of_a_path_means_anything(tmp_path, name):
    open_store(str(tmp_path / name)).close()

    assert (tmp_path / name).exists()


@pytest.mark.parametrize("database", [":memory:", "sqlite:///:memory:"])
def test_memory_leaves_no_file(tmp_path, monkeypatch, database):
    monkeypatch.chdir(tmp_path)
    store = open_store(database)
    put(store, a_budget())
    store.close()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("database", ["", "sqlite:///", "mysql://host/books", "sqlite://books.db"])
def test_anything_else_is_refused(database):
    with pytest.raises(ValueError, match="names no database"):
        open_store(database)


@pytest.mark.parametrize("database", ["postgresql://127.0.0.1:1/books", "postgres://127.0.0.1:1/books"])
def test_a_url_names_a_server(database):
    with pytest.raises(StoreUnavailable, match="books' cannot be reached"):
        open_store(database)


@pytest.mark.parametrize("database", ["postgresql://host/books", "postgres://host/books"])
def test_a_missing_driver_is_named(database):
    script = "import sys; sys.modules['asyncpg'] = None; from figuard.stores import open_store; open_store(sys.argv[1])"
    ran = subprocess.run([sys.executable, "-c", script, database], capture_output=True, text=True, check=False)

    assert "ImportError" in ran.stderr
    assert "pip install 'figuard[postgres]'" in ran.stderr


async def test_only_a_server_is_awaited(tmp_path):
    with pytest.raises(ValueError, match="open_store"):
        await open_async_store(str(tmp_path / "books.db"))
