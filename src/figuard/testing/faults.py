"""
A store that fails on purpose, at the step one names: for tests which fail at every step in turn.

Steps are begin, each read, each write, each commit and each query, counted from 1. Run a use case with ``fail_at=1``,
then 2, 3, … until it passes; after each failure everything must be as if nothing had happened, or as if all had.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any

from figuard.ports import Changes, Kind, OutcomeUnknown, Query, Store, StoreUnavailable, UnitOfWork


class Fault(Enum):
    """When a step fails: before it is done, or after (a commit whose reply is lost)."""

    BEFORE = "before"
    AFTER = "after"


class FaultyStore:
    """
    A store around another one, which raises ``StoreUnavailable`` at one step, and ``OutcomeUnknown`` after a commit.

    ``steps`` lists the names of the steps so far, the one that failed last among them.
    """

    def __init__(self, store: Store, *, fail_at: int | None = None, fault: Fault = Fault.BEFORE) -> None:
        """Wrap *store*; without *fail_at* the steps are only counted."""
        self.store = store
        self.fail_at = fail_at
        self.fault = fault
        self.steps: list[str] = []

    @property
    def excludes_writers(self) -> bool:
        """As ``ports.Store.excludes_writers``."""
        return self.store.excludes_writers

    @property
    def has_failed(self) -> bool:
        """Whether the step has been reached."""
        return self.fail_at is not None and len(self.steps) >= self.fail_at

    def count(self, step: str) -> bool:
        """Count a step and fail before it, if so told; return whether to fail after it."""
        self.steps.append(step)
        if len(self.steps) != self.fail_at:
            return False
        if self.fault is Fault.BEFORE:
            raise StoreUnavailable(f"made to fail before step {self.fail_at} ({step})")
        return True

    def fail(self) -> None:
        """Fail after the step that was counted last."""
        raise StoreUnavailable(f"made to fail after step {self.fail_at} ({self.steps[-1]})")

    @contextmanager
    def begin(self, tenants: Collection[str] = ()) -> Generator[UnitOfWork]:
        """As ``ports.Store.begin``, with a step at either end."""
        fails_after = self.count("begin")
        is_reply_lost = False
        with self.store.begin(tenants) as work:
            if fails_after:
                self.fail()
            yield _FaultyWork(self, work)
            is_reply_lost = self.count("commit")
        if is_reply_lost:
            raise OutcomeUnknown(f"made to lose the reply to step {self.fail_at}, after step {self.fail_at} (commit)")

    def query(self, query: Query) -> Any:  # noqa: ANN401 - the type is the query's own
        """As ``ports.Store.query``, as one step."""
        fails_after = self.count("query")
        answer = self.store.query(query)
        if fails_after:
            self.fail()
        return answer

    def query_all(self, queries: Sequence[Query]) -> list[Any]:
        """As ``ports.Store.query_all``, a step each."""
        return [self.query(query) for query in queries]

    def meta(self, key: str) -> str | None:
        """As ``ports.Store.meta``, which never fails."""
        return self.store.meta(key)

    def set_meta(self, key: str, value: str, *, if_absent: bool = True) -> str:
        """As ``ports.Store.set_meta``, which never fails."""
        return self.store.set_meta(key, value, if_absent=if_absent)

    def close(self) -> None:
        """As ``ports.Store.close``, which never fails."""
        self.store.close()


class _FaultyWork:
    """A unit of work whose reads and writes are steps."""

    def __init__(self, faults: FaultyStore, work: UnitOfWork) -> None:
        self._faults = faults
        self._work = work

    def read(self, kind: Kind, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """As ``ports.UnitOfWork.read``."""
        fails_after = self._faults.count(f"read {kind.name}")
        answers = self._work.read(kind, keys)
        if fails_after:
            self._faults.fail()
        return answers

    def write(self, changes: Changes) -> None:
        """As ``ports.UnitOfWork.write``."""
        fails_after = self._faults.count("write")
        self._work.write(changes)
        if fails_after:
            self._faults.fail()
