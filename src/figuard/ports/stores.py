"""
The contract of a store, blocking and awaited.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

from figuard.ports.queries import Query
from figuard.ports.records import Changes, Kind


class UnitOfWork(Protocol):
    """One transaction on a blocking store. The reads and the write of one batch happen between begin and commit."""

    def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """
        Return what *kind* answers for each key.

        [S-30] Keys that name nothing are left out by "one" reads and answered with ``()`` by "many" reads.
        [S-31] Reading the same keys twice gives the same answer. [S-32] An empty list of keys answers nothing.
        [S-29] Text is compared character by character: ids that differ in case differ, order is by code point.
        """
        ...

    def write(self, changes: Changes) -> None:
        """
        Write everything, to be visible when the transaction commits.

        [S-33] All of it becomes visible or none. [S-34] Inserting a record whose id exists raises ``StoreConflict``.
        [S-35] So does a second event with the same (budget, shadow, key, attempt).
        [S-36] So does a second entry with the same (book, seq).
        [S-37] What is written reads back equal, to the last quantum and the last character of any script.
        [S-38] A second delegation token with the label of one that is not revoked (expired or not) raises
        ``StoreConflict``; updates are made before inserts, so that one write can revoke the one and make the other.
        [S-39] So does updating a record that does not exist. [S-69] Forgetting one that is gone is harmless.
        """
        ...


class StoreConflict(Exception):
    """A uniqueness rule of the store was broken; the transaction is rolled back."""


class StoreUnavailable(Exception):
    """The store cannot be reached or stayed locked; nothing is known to have been written."""


class OutcomeUnknown(StoreUnavailable):
    """
    The connection was lost during COMMIT: nobody knows whether the transaction happened.

    It must not be repeated but by who knows an idempotency key of it; a repeat with that key is safe.
    """


class LedgerProtected(Exception):
    """Somebody tried to change or delete a ledger entry; the store refuses."""


class Store(Protocol):
    """A blocking store."""

    @property
    def excludes_writers(self) -> bool:
        """
        Whether ``begin`` keeps every other writer out.

        [S-72] If so, nothing that is read inside a transaction can change before its end, and what was read before a
        lock need not be read again behind it.
        """
        ...

    def begin(self, tenants: Collection[str] = ()) -> AbstractContextManager[UnitOfWork]:
        """
        Open a transaction: commit on a normal exit, roll back on an exception.

        [S-40] After a rollback nothing of the transaction is visible. [S-41] Two transactions on one budget happen
        one after the other. [S-42] A commit that returned is there after the store is reopened. [S-46] A thread that
        has a transaction open cannot open another (``RuntimeError``). [S-47] A store that was opened read-only refuses
        with ``StoreUnavailable`` and answers queries all the same. [S-48] Stores opened on the same data, by any number
        of threads at once, see what the others commit.

        With *tenants* a store that can sees to it that nothing of anybody else is read or written, once names (secrets,
        ids of events and tokens) have been resolved; nobody named is everybody. One that excludes writers is not told.
        """
        ...

    def query(self, query: Query) -> Any:  # noqa: ANN401 - the type is the query's own
        """Answer one of the queries below. [S-43] Queries see committed data only and never wait for a writer."""
        ...

    def query_all(self, queries: Sequence[Query]) -> list[Any]:
        """
        Answer several queries, in whatever order suits the store, which may do them at once.

        [S-73] Each answer stands where its query does and is what ``query`` would give; one that fails fails all.
        """
        ...

    def close(self) -> None:
        """Release everything. [S-44] Closing twice is harmless. [S-49] Later calls raise ``StoreUnavailable``."""
        ...

    def meta(self, key: str) -> str | None:
        """Return the text kept under *key* beside the books (a pepper, say). [S-45] None when there is none."""
        ...

    def set_meta(self, key: str, value: str, *, if_absent: bool = True) -> str:
        """Keep *value* under *key*, and return what is kept: [S-65] the older one, if there is one and *if_absent*."""
        ...


class AsyncUnitOfWork(Protocol):
    """The same promises, awaited."""

    async def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """As ``UnitOfWork.read``."""
        ...

    async def read_many(self, reads: Sequence[tuple[Kind, Sequence[Any]]]) -> Sequence[Mapping[Any, Any]]:
        """Return what each of several reads answers; each kind is named once, none locks, and all are of one phase."""
        ...

    async def write(self, changes: Changes) -> None:
        """As ``UnitOfWork.write``."""
        ...


class AsyncStore(Protocol):
    """A store that is awaited; the same promises."""

    def begin(self, tenants: Collection[str] = ()) -> AbstractAsyncContextManager[AsyncUnitOfWork]:
        """As ``Store.begin``."""
        ...

    async def query(self, query: Query) -> Any:  # noqa: ANN401 - the type is the query's own
        """As ``Store.query``."""
        ...

    async def close(self) -> None:
        """As ``Store.close``."""
        ...

    async def meta(self, key: str) -> str | None:
        """As ``Store.meta``."""
        ...

    async def set_meta(self, key: str, value: str, *, if_absent: bool = True) -> str:
        """As ``Store.set_meta``."""
        ...
