"""
Lanes: sessions for writing, each with its statements prepared and, while there is work, its next transaction begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from figuard.stores.postgres.driver import Connection, Pool, Row, end, is_over

CHAIN_SECONDS = 1.0
"""How long one transaction after the other may begin with the COMMIT before it. The server counts rows for its
autovacuum in a pause between two only."""
QUIET_SECONDS = 0.25
"""After how long, or twice that, a transaction that was begun ahead of need is ended, since nobody needs it."""
STATEMENTS_MAX = 512
"""How many statements a lane keeps prepared."""

Run = Callable[..., Awaitable[Sequence[Row]]]


class Lane:
    """
    One session for writing.

    ``is_ahead`` says that a transaction has begun in which nothing was done yet: it holds no lock and no snapshot, and
    is lost without harm.
    """

    __slots__ = ("_since", "connection", "is_ahead", "is_quiet", "prepared")

    def __init__(self, connection: Connection) -> None:
        """Take a session that has no transaction open."""
        self.connection = connection
        self.is_ahead = False
        self.is_quiet = False
        self._since = 0.0
        self.prepared: dict[str, Run] = {}

    async def prepare(self, text: str) -> Run:
        """Prepare a statement and return what runs it from now on, which ``prepared`` has under its text."""
        if len(self.prepared) >= STATEMENTS_MAX:
            self.prepared.clear()
        run = self.prepared[text] = (await self.connection.prepare(text)).fetch
        return run

    def forget(self) -> None:
        """Prepare every statement again: the tables may have changed under them."""
        self.prepared.clear()

    async def begin(self) -> None:
        """Begin a transaction, unless one has begun already."""
        if not self.is_ahead:
            await self.connection.execute("BEGIN")
            self._since = monotonic()

    async def commit(self, *, chain: bool) -> str:
        """Commit, and with *chain* begin the next one in the same round trip. Return what the server says it did."""
        chain = chain and monotonic() - self._since < CHAIN_SECONDS
        tag = await self.connection.execute("COMMIT AND CHAIN" if chain else "COMMIT")
        self.is_ahead = chain
        return tag

    async def rest(self) -> None:
        """End the transaction that was begun ahead, if there is one. A session that does not let us is ended."""
        if not self.is_ahead or is_over(self.connection):
            return
        self.is_ahead = False
        try:
            await self.connection.execute("COMMIT")
        except BaseException as error:
            end(self.connection)
            if not isinstance(error, Exception):
                raise


class Lanes:
    """The lanes of one store. A lane is used again and again: asking a pool for it costs more than a statement."""

    def __init__(self, pool: Pool, lend: Callable[[Pool], Awaitable[Connection]]) -> None:
        """Take the sessions, and how one is lent by the pool."""
        self._pool = pool
        self._lend = lend
        self._idle: list[Lane] = []
        self._wanting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._resting: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for a lane."""
        return self._wanting > 0

    def ahead(self) -> Lane | None:
        """Lend a lane with a transaction begun, if there is one; whether it still lives, its first statement shows."""
        return self._idle.pop() if self._idle and self._idle[-1].is_ahead else None

    async def lend(self) -> Lane:
        """Lend a lane, perhaps with a transaction begun. Raises what the pool raises when there is none."""
        while self._idle:
            lane = self._idle.pop()
            if not is_over(lane.connection):
                return lane
            await self._pool.release(lane.connection)
        self._wanting += 1
        try:
            return Lane(await self._lend(self._pool))
        finally:
            self._wanting -= 1

    async def take_back(self, lane: Lane) -> None:
        """Take a lane back, which has no transaction open but one that was begun ahead."""
        if self._is_closed or self._wanting or is_over(lane.connection):
            await lane.rest()
            await self._pool.release(lane.connection)
        else:
            self._keep(lane)

    def takes_back(self, lane: Lane) -> bool:
        """Take a lane back if that can be done at once: it has a transaction begun and nobody waits for it."""
        if not lane.is_ahead or self._wanting or self._is_closed:
            return False
        self._keep(lane)
        return True

    def _keep(self, lane: Lane) -> None:
        self._idle.append(lane)
        if lane.is_ahead:
            lane.is_quiet = False
            if self._timer is None:
                self._watch()

    def _watch(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._look)

    def _look(self) -> None:
        """Let the lanes rest that nobody has used since the last look."""
        self._timer = None
        ahead = [lane for lane in self._idle if lane.is_ahead]
        for lane in ahead:
            if lane.is_quiet:
                self._idle.remove(lane)
                task = asyncio.get_running_loop().create_task(self._rest(lane))
                self._resting.add(task)
                task.add_done_callback(self._resting.discard)
            elif self._timer is None:
                self._watch()
            lane.is_quiet = True

    async def _rest(self, lane: Lane) -> None:
        try:
            await lane.rest()
        finally:
            await self.take_back(lane)

    async def close(self) -> None:
        """Give the sessions back to the pool and close it, after what they are doing."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._idle:
            lane = self._idle.pop()
            await lane.rest()
            await self._pool.release(lane.connection)
        await self._pool.close()

    def terminate(self) -> None:
        """End all sessions at once."""
        self._pool.terminate()
