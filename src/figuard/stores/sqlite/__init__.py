"""
The books in one SQLite file: durable, safe across processes, one writer at a time and readers beside it.
"""

from figuard.stores.sqlite.connections import Connections
from figuard.stores.sqlite.store import SqliteStore

__all__ = ["Connections", "SqliteStore"]
