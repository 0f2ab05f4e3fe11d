"""
Siblings: what the workers of one server tell each other, over sockets in a folder that only their user may enter.

Two things are counted by each process and are meant for all of them: metrics, which the worker that is asked shows of
every worker; and how many requests an API key has sent, because its limit is the key's and not a worker's.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import msgspec
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from figuard.server.ratelimit import RateLimit

PLACE_TRIES = 8
"""How many folders are made until one can be locked."""
TELL_SECONDS = 0.25
"""How often workers tell each other how much was asked; until then a key may send each what its limit allows."""
ANSWER_SECONDS = 1.0
"""How long a worker waits for another."""
_PLACE = "figuard-workers-"
"""How the name of a folder of workers begins, in the system's folder for what is temporary."""
_TAKEN = msgspec.json.Decoder(dict[str, int])
_LOG = structlog.stdlib.get_logger(__name__)


class Seat(msgspec.Struct, frozen=True):
    """Which of several workers one is, and in which folder they meet."""

    number: int
    folder: str


@contextmanager
def meeting_place() -> Generator[str]:
    """
    Make the folder in which the workers of this process meet, and remove it in the end. Raises ``OSError``.

    A parent that is killed removes nothing, so the next one does: whoever holds the lock of a folder lives, since the
    kernel takes it from whoever does not.
    """
    for left in Path(gettempdir()).glob(f"{_PLACE}*"):
        if (lock := _locked(left)) is not None:
            _LOG.info("a folder is removed whose workers lost their parent", folder=str(left))
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    for _ in range(PLACE_TRIES):
        with TemporaryDirectory(prefix=_PLACE) as folder:
            lock = _locked(Path(folder))
            if lock is None:
                # Another parent, which starts at this very moment, took it for one that was left.
                continue
            try:
                yield folder
            finally:
                os.close(lock)
            return
    raise OSError(f"no folder in {gettempdir()!r} can be locked; name another place for it in TMPDIR")


def _locked(folder: Path) -> int | None:
    """Return the lock of a folder of this user's, to be closed; None where it is locked or gone."""
    # Not on every system, and neither are workers.
    import fcntl

    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if folder.exists() and os.fstat(lock).st_uid == os.getuid():
            return lock
    except OSError as error:
        _LOG.debug("a folder of workers is not free", folder=str(folder), error=str(error))
    os.close(lock)
    return None


class Siblings:
    """The other workers, as seen by one. Belongs to one event loop."""

    def __init__(self, seat: Seat, counted: Callable[[], bytes], rate: RateLimit) -> None:
        """Tell the others what was *counted* here, and about *rate*, which is shared with them."""
        self._own = Path(seat.folder) / str(seat.number)
        self._counted = counted
        self._rate = rate
        self._server: asyncio.Server | None = None
        self._telling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to answer the others, and to tell them. Raises ``OSError``."""
        self._server = await asyncio.start_unix_server(self._asked, self._own)
        self._telling = asyncio.create_task(self._tell(), name="figuard-siblings")

    async def stop(self) -> None:
        """Leave. Harmless twice."""
        telling, self._telling = self._telling, None
        if telling is not None:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
        if self._server is not None:
            self._server.close()
            self._own.unlink(missing_ok=True)
            self._server = None

    async def metrics(self) -> bytes:
        """Return what every worker counted, each under its number, as Prometheus text; one that is away is left out."""
        others = self._others()
        texts = await asyncio.gather(*(_exchange(path, b"") for path in others))
        heard = {path.name: text for path, text in zip(others, texts, strict=True) if text}
        return merged({self._own.name: self._counted(), **heard})

    async def tell_taken(self) -> None:
        """Tell the others which keys have sent how many requests to this worker since they were last told."""
        if taken := self._rate.taken_here():
            told = msgspec.json.encode(taken)
            await asyncio.gather(*(_exchange(path, told) for path in self._others()))

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            await self.tell_taken()

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear what was taken elsewhere; whoever says nothing wants to know what was counted here."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if said := await reader.read():
                    self._rate.taken_elsewhere(_TAKEN.decode(said))
                else:
                    writer.write(self._counted())
                    await writer.drain()
        except (OSError, TimeoutError) as error:
            _away(error)
        finally:
            writer.close()

    def _others(self) -> list[Path]:
        return sorted(path for path in self._own.parent.glob("*") if path != self._own)


async def _exchange(path: Path, said: bytes) -> bytes:
    """Say something to a worker and return its answer; nothing when it is not there."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(said)
                writer.write_eof()
                return await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        _away(error)
        return b""


def _away(error: Exception) -> None:
    """Note that a worker did not answer: it is starting, stopping or dead, which its parent sees to."""
    _LOG.debug("a sibling does not answer", error=str(error))


class _Known(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def merged(texts: Mapping[str, bytes]) -> bytes:
    """Return the metrics of several workers as one Prometheus text, in which every sample names its worker."""
    families: dict[str, Metric] = {}
    for number, text in sorted(texts.items(), key=lambda one: int(one[0])):
        for family in text_string_to_metric_families(text.decode()):
            known = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            known.samples += [one._replace(labels={**one.labels, "worker": number}) for one in family.samples]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Known(list(families.values())))
    return generate_latest(registry)
