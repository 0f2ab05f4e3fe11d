"""
The driver, as far as the store uses it: asyncpg has no types of its own, so what is used of it is written down here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, cast
from urllib.parse import parse_qs, urlsplit

try:
    import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
except ImportError as missing:
    raise ImportError("a postgresql:// database needs its driver: pip install 'figuard[postgres]'") from missing

Row = Sequence[Any]
Fetch = Callable[..., Awaitable[Sequence[Row]]]
"""How a statement is run, with its values, and its rows returned."""


class Prepared(Protocol):
    """A statement that was prepared in one session."""

    async def fetch(self, *args: Any) -> list[Row]:  # noqa: ANN401 - any value of a column
        """Run it and return its rows."""
        ...


class Connection(Protocol):
    """One session."""

    async def execute(self, query: str, *args: Any) -> str:  # noqa: ANN401 - any value of a column
        """Run a statement, or a script when there are no arguments; return the command's tag."""
        ...

    async def fetch(self, query: str, *args: Any) -> list[Row]:  # noqa: ANN401 - any value of a column
        """Run a statement and return its rows."""
        ...

    async def prepare(self, query: str) -> Prepared:
        """Prepare a statement; it stays prepared as long as it is held on to."""
        ...

    def is_closed(self) -> bool:
        """Return whether the session is over."""
        ...

    def terminate(self) -> None:
        """End the session without a word to the server."""
        ...


class Pool(Protocol):
    """Sessions that are lent and come back."""

    def acquire(self, *, timeout: float) -> Awaitable[Connection]:
        """Lend a session. Raises ``TimeoutError``."""
        ...

    async def release(self, connection: Connection) -> None:
        """Take a session back."""
        ...

    async def close(self) -> None:
        """End all sessions; wait for those that are lent."""
        ...

    def terminate(self) -> None:
        """End all sessions at once."""
        ...


async def _keep(_: Connection) -> None:
    """Leave a session that comes back as it is: nothing of a transaction stays behind."""


async def open_pool(
    url: str, *, size: int, settings: Mapping[str, str], connect_seconds: float, seconds: float, primary: bool
) -> Pool:
    """
    Return a pool whose sessions have these settings, but for those that the URL gives; the first is opened at once.

    No command takes longer than *seconds*, however dead the server is. Of several hosts in the URL the first is taken
    that answers and, with *primary*, is no standby.
    """
    given = parse_qs(urlsplit(url).query)
    create: Any = cast("Any", asyncpg).create_pool
    pool = await create(
        url,
        min_size=1,
        max_size=size,
        # A session has prepared its statements; it is not thrown away for its age.
        max_queries=2**62,
        reset=_keep,
        server_settings={name: value for name, value in settings.items() if name not in given},
        timeout=connect_seconds,
        command_timeout=seconds,
        target_session_attrs="primary" if primary and "target_session_attrs" not in given else None,
        statement_cache_size=512,
        max_cached_statement_lifetime=0,
    )
    return cast("Pool", pool)


PostgresError: type[Exception] = asyncpg.PostgresError
"""What the server reports; ``sqlstate`` says what it is."""
DriverError: tuple[type[Exception], ...] = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver refuses: a session or a pool that is closed, or that a server's last words left in disorder."""


def is_over(connection: Connection) -> bool:
    """Return whether a session has ended, on our side or the server's."""
    try:
        return connection.is_closed()
    except DriverError:
        # The pool has taken it back when it ended.
        return True


def end(connection: Connection) -> None:
    """End a session without a word to the server, unless it has ended already."""
    with suppress(*DriverError):
        connection.terminate()
