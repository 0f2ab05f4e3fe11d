"""
The contracts between the engine and the world: stores, clock, ids and secrets.

A store keeps records and answers the reads below inside one transaction. It never decides anything. Every sentence
with an id such as ``[S-01]`` is a promise that has a case of the same id in ``figuard.testing.store_suite``.
"""

from figuard.ports.host import Clock, Hasher, Ids
from figuard.ports.queries import (
    Books,
    DueWork,
    FindBudgets,
    FindEvents,
    GetRecords,
    ListRecords,
    Page,
    Query,
    ReadEntries,
    SpendReport,
    TreeEvents,
)
from figuard.ports.records import Changes, Kind, Record, SealedEntry, StoredEntry
from figuard.ports.stores import (
    AsyncStore,
    AsyncUnitOfWork,
    LedgerProtected,
    OutcomeUnknown,
    Store,
    StoreConflict,
    StoreUnavailable,
    UnitOfWork,
)

__all__ = [
    "AsyncStore",
    "AsyncUnitOfWork",
    "Books",
    "Changes",
    "Clock",
    "DueWork",
    "FindBudgets",
    "FindEvents",
    "GetRecords",
    "Hasher",
    "Ids",
    "Kind",
    "LedgerProtected",
    "ListRecords",
    "OutcomeUnknown",
    "Page",
    "Query",
    "ReadEntries",
    "Record",
    "SealedEntry",
    "SpendReport",
    "Store",
    "StoreConflict",
    "StoreUnavailable",
    "StoredEntry",
    "TreeEvents",
    "UnitOfWork",
]
