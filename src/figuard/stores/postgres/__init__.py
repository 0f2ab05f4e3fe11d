"""
The books in a PostgreSQL database (15 or newer): any number of servers over one database, writing in lanes.
"""

from figuard.stores.postgres.blocking import BlockingStore
from figuard.stores.postgres.connections import migrate_database
from figuard.stores.postgres.store import PostgresStore

__all__ = ["BlockingStore", "PostgresStore", "migrate_database"]
