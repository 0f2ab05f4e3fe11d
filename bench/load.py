"""
The load generator: a process of its own that keeps connections busy and says what came back.

It shares the machine with what it measures, so it does as little as it can: requests are bytes put together
beforehand but for a counter, answers are looked at with ``bytes.find``. ``python -m bench.load`` reads one job as
JSON from standard input and prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.scripts import SCRIPTS, Plan, Script

LATENCIES_MAX = 2_000_000
"""How many latencies one run keeps."""
_LENGTH = b"content-length: "


@dataclass(frozen=True, slots=True)
class Job:
    """
    One run: ``clients`` connections for ``seconds``, after ``warm_seconds`` that do not count.

    With ``rate`` requests are sent at that many a second whether or not answers come, over as many of the
    connections as are free; without, each client asks again as soon as it is answered.
    """

    host: str
    port: int
    script: str
    plan: dict[str, Any]
    clients: int = 100
    seconds: float = 5.0
    warm_seconds: float = 1.0
    rate: float | None = None
    secure: bool = False


@dataclass(slots=True)
class Heard:
    """What came back while it counted."""

    seconds: float = 0.0
    answers: int = 0
    said: Counter[str] = field(default_factory=Counter)
    latencies: list[int] = field(default_factory=list)
    refused_latencies: list[int] = field(default_factory=list)
    unsent: int = 0


def percentiles(nanoseconds: list[int]) -> dict[str, float]:
    """Return percentiles in microseconds."""
    ordered = sorted(nanoseconds)
    last = len(ordered) - 1
    points = {"p50_us": 0.50, "p95_us": 0.95, "p99_us": 0.99, "max_us": 1.0}
    return (
        {name: ordered[min(last, int(len(ordered) * point))] / 1000 for name, point in points.items()}
        if ordered
        else {}
    )


class Client(asyncio.Protocol):
    """One connection. ``idle`` is told when it may ask again."""

    def __init__(self, script: Script, heard: Heard, idle: Callable[[Client], None]) -> None:
        self._script = script
        self._heard = heard
        self.idle = idle
        self._buffer = b""
        self._asked = 0
        self._next: bytes | None = None
        self.transport: asyncio.Transport
        self.gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        try:
            self._next = next(self._script)
        except StopIteration:
            transport.close()
        else:
            self.idle(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(exc)

    def ask(self) -> None:
        """Send the next request."""
        assert self._next is not None
        self._asked = time.perf_counter_ns()
        self.transport.write(self._next)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        head = data.find(b"\r\n\r\n")
        if head < 0:
            self._buffer = data
            return
        at = data.find(_LENGTH, 0, head)
        length = int(data[at + len(_LENGTH) : data.find(b"\r", at)]) if at >= 0 else 0
        if len(data) < head + 4 + length:
            self._buffer = data
            return
        self._buffer = b""
        self._answered(data)

    def _answered(self, data: bytes) -> None:
        took = time.perf_counter_ns() - self._asked
        status = data[9:12]
        heard = self._heard
        heard.answers += 1
        if status in {b"200", b"201"}:
            heard.latencies.append(took)
            if data.find(b'"decision":"DENIED"') >= 0:
                heard.said["DENIED"] += 1
            else:
                heard.said["OK"] += 1
        else:
            heard.refused_latencies.append(took)
            heard.said[status.decode() + (" Retry-After" if data.find(b"retry-after: ") >= 0 else "")] += 1
        try:
            self._next = self._script.send(data)
        except StopIteration:
            self.transport.close()
            return
        self.idle(self)


async def run(job: Job) -> dict[str, Any]:
    """Carry out a job and return what was heard. Raises ``RuntimeError`` when connections are lost."""
    loop = asyncio.get_running_loop()
    heard = Heard()
    plan = Plan(host=f"{job.host}:{job.port}", **job.plan)
    scripts = SCRIPTS[job.script](plan)
    is_over = False
    idle: list[Client] = []

    go: Callable[[Client], None] = Client.ask if job.rate is None else idle.append

    def on_idle(client: Client) -> None:
        if is_over:
            client.transport.close()
        else:
            go(client)

    clients: list[Client] = []
    # Nobody begins before all are there.
    waiting: list[Client] = []
    for number in range(job.clients):
        script = scripts(number)
        _, client = await loop.create_connection(
            lambda script=script: Client(script, heard, waiting.append),
            job.host,
            job.port,
            ssl=job.secure or None,
        )
        clients.append(client)
    for client in clients:
        client.idle = on_idle
    for client in waiting:
        on_idle(client)
    pace = asyncio.create_task(_paced(job.rate, idle, heard)) if job.rate else None
    await asyncio.sleep(job.warm_seconds)
    heard.answers, heard.unsent = 0, 0
    heard.said.clear(), heard.latencies.clear(), heard.refused_latencies.clear()
    began = time.perf_counter()
    await _until(job.seconds, clients)
    heard.seconds = time.perf_counter() - began
    counted = _counted(heard)
    is_over = True
    if pace is not None:
        pace.cancel()
    for client in idle:
        client.transport.close()
    await asyncio.wait([client.gone for client in clients], timeout=30)
    lost = [client for client in clients if client.gone.done() and client.gone.result() is not None]
    if lost:
        raise RuntimeError(f"{len(lost)} connections were lost: {lost[0].gone.result()!r}")
    return counted | {"kept": plan.kept}


async def _until(seconds: float, clients: list[Client]) -> None:
    """Wait so long, or until every client has come to the end of its script."""
    await asyncio.wait([client.gone for client in clients], timeout=seconds)


async def _paced(rate: float, idle: list[Client], heard: Heard) -> None:
    """Send so many requests a second, as far as there are free connections."""
    began, sent = time.perf_counter(), 0
    while True:
        due = int((time.perf_counter() - began) * rate)
        while sent < due and idle:
            idle.pop().ask()
            sent += 1
        heard.unsent += max(0, due - sent)
        sent = due
        await asyncio.sleep(0.001)


def _counted(heard: Heard) -> dict[str, Any]:
    return {
        "seconds": heard.seconds,
        "answers": heard.answers,
        "rate": heard.answers / heard.seconds,
        "said": dict(heard.said),
        "unsent": heard.unsent,
        **percentiles(heard.latencies),
        "refused": percentiles(heard.refused_latencies),
    }


def main() -> None:
    """Read a job, carry it out on the fastest loop there is, print what was heard."""
    import gc

    import uvloop

    job = Job(**json.load(sys.stdin))
    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(job))))


__all__ = ["Job", "asdict", "main", "run"]

if __name__ == "__main__":
    main()
