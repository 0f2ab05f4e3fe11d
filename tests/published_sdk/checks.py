"""
What the scenes share: short words for a refusal and for a budget to spend from.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import figuard

_numbers = itertools.count(1)
RUN = f"{time.time_ns():x}"


def fresh(word: str) -> str:
    """Return a name that nobody has used, neither in this run nor in an earlier one."""
    return f"{word}-{RUN}-{next(_numbers)}"


@contextmanager
def refused(status: int, *words: str) -> Any:
    """Demand that the block is refused with a status, and that the message says so much."""
    error: figuard.FiGuardApiError | None = None
    try:
        yield
    except figuard.FiGuardApiError as refusal:
        error = refusal
    assert error is not None, f"not refused, {status} was expected"
    assert error.status_code == status, f"{error.status_code}, wanted {status}: {error}"
    missing = [word for word in words if word not in str(error)]
    assert not missing, f"{error} does not say {missing}"


def same(found: Any, wanted: Any) -> None:
    """Demand equality, and show both where there is none."""
    assert found == wanted, f"{found!r}, wanted {wanted!r}"


def shows(thing: Any, **wanted: Any) -> None:
    """Demand that some attributes have these values."""
    found = {name: getattr(thing, name) for name in wanted}
    same(found, wanted)


def purse(client: Any, limit: float = 100.0, **fields: Any) -> Any:
    """Return a new budget of an hour."""
    return client.create_budget("user", limit, expires_in="1h", **fields)


def spent(client: Any, budget: Any, amount: float, **fields: Any) -> Any:
    """Return an authorization that was given."""
    given = client.authorize(budget=budget, amount=amount, **fields)
    same(given.decision, "AUTHORIZED")
    return given


def eventually(found: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Return what *found* returns as soon as it returns something."""
    until = time.monotonic() + seconds
    while True:
        if value := found():
            return value
        assert time.monotonic() < until, "it never came"
        # Nothing here is quick: a test marked `pytest.mark.full` runs all of it, against a server of its own.
        time.sleep(0.05)
