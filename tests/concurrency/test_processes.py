"""
Many processes on one SQLite file, some of them killed in the middle: what was acknowledged is there, and no more.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.budget import Policy
from figuard.domain.events import Decision
from figuard.ports import TreeEvents
from figuard.stores import open_store
from tests.builders import TENANT, World
from tests.concurrency.child import engine_on
from tests.meta.tree import ROOT
from tests.simulation.checkers import money_once_per_key, story_of, verified

PROCESSES = 8


class Crowd:
    """Some children and what they have said so far."""

    def __init__(self, path: Path, token: str, count: int) -> None:
        self.command = [sys.executable, "-m", "tests.concurrency.child", str(path), token]
        self.count = count
        self.selector = selectors.DefaultSelector()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.said: dict[str, bytes] = {}

    def start(self, name: str) -> None:
        """Start a child, or start one that was killed again."""
        child = subprocess.Popen(
            [*self.command, name, str(self.count)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.running[name] = child
        self.said.setdefault(name, b"")
        self.selector.register(child.stdout, selectors.EVENT_READ, name)

    def listen(self, until: int | None = None) -> None:
        """Read what the children say: until there are so many lines, or until all have come to their end."""
        while self.running and (until is None or self.lines() < until):
            for key, _ in self.selector.select(timeout=30):
                heard = os.read(key.fd, 65536)
                self.said[key.data] += heard
                if not heard:
                    self._end(key.data)

    def kill(self, name: str) -> None:
        """End a child without a warning; what it had said is still read."""
        child = self.running[name]
        child.send_signal(signal.SIGKILL)
        self.said[name] += child.stdout.read()
        self._end(name)

    def _end(self, name: str) -> None:
        child = self.running.pop(name)
        self.selector.unregister(child.stdout)
        child.stdout.close()
        assert child.wait(timeout=30) in {0, -signal.SIGKILL}

    def lines(self) -> int:
        return sum(words.count(b"\n") for words in self.said.values())

    def acknowledged(self) -> list[tuple[str, str, str]]:
        """Return every complete line: key, event, decision."""
        return [tuple(line.split()) for words in self.said.values() for line in words.decode().split("\n")[:-1]]


def run(path: Path, *, count: int, kills: int, limit: int) -> None:
    """Let a crowd spend, kill some and start them again, and judge the file afterwards."""
    engine = engine_on(str(path))
    created = engine.execute(c.Order(c.CreateBudget("user", quanta(limit), Policy(), "USD"), TENANT, "test"))
    engine.close()
    crowd = Crowd(path, created.secret, count)
    names = [f"p{number}" for number in range(PROCESSES)]
    try:
        for name in names:
            crowd.start(name)
        for name in (names * kills)[:kills]:
            crowd.listen(until=crowd.lines() + PROCESSES * 3)
            if name in crowd.running:
                crowd.kill(name)
                crowd.start(name)
        crowd.listen()
    finally:
        for name in list(crowd.running):
            crowd.kill(name)
    judge(World(open_store(str(path))), created.budget.id, crowd, count)


def judge(world: World, budget_id: str, crowd: Crowd, count: int) -> None:
    """Judge the ledger, and then what the children were told by it."""
    story, over = story_of(world, budget_id)
    assert [*over, *money_once_per_key(story), *verified(world, budget_id)] == []
    keys = {event.spend.key for event in story.events.values()}
    assert keys == {f"p{process}-{number}" for process in range(PROCESSES) for number in range(count)}
    settled = {event.id: event for event in world.store.query(TreeEvents(budget_id))}
    for key, event_id, decision in crowd.acknowledged():
        event = settled[event_id]
        assert event.spend.key == key
        assert decision in {event.first_decision, event.decision}
    assert Decision.DENIED in {event.decision for event in settled.values()}
    world.engine.close()


def test_killed_processes_leave_right_books(tmp_path: Path):
    run(tmp_path / "books.db", count=12, kills=3, limit=90)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_very_many_killed_processes_leave_right_books(tmp_path: Path):
    run(tmp_path / "books.db", count=400, kills=60, limit=2000)
