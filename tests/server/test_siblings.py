"""
What workers tell each other: everybody's metrics, and how much each key has asked of the others.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from figuard.domain.refusal import Refusal
from figuard.server import siblings
from figuard.server.metrics import Counts, exposition
from figuard.server.ratelimit import BURST_SECONDS, RateLimit
from figuard.server.siblings import Seat, Siblings, meeting_place, merged


class Fellow:
    """A worker, as far as the others are told of it."""

    def __init__(self, number, folder):
        self.seconds = 0.0
        self.counts = Counts()
        self.rate = RateLimit(60, lambda: self.seconds, is_shared=True)
        self.siblings = Siblings(Seat(number, str(folder)), lambda: exposition(self.counts, lambda: number), self.rate)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """
    The system's folder for what is temporary, empty.
    """
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def places(folder):
    return {str(path) for path in folder.iterdir()}


def test_workers_meet_in_a_folder_for_their_user_alone_that_goes_with_their_parent(temporary):
    with meeting_place() as folder:
        assert {folder} == places(temporary)
        assert 0o700 == Path(folder).stat().st_mode & 0o777

    assert set() == places(temporary)


def test_what_a_killed_parent_left_is_removed_by_the_next(temporary):
    """
    Its lock has gone with it. That of a parent that lives is respected, and so are folders of other names.
    """
    killed = subprocess.Popen([sys.executable, "-c", KILLED, str(temporary)], stdout=subprocess.PIPE)
    assert killed.stdout is not None
    left = killed.stdout.readline().decode().strip()
    other = temporary / "somebody-elses"
    other.mkdir()
    with meeting_place() as living:
        assert {left, living, str(other)} == places(temporary)
        killed.kill()
        killed.wait()
        killed.stdout.close()

        with meeting_place() as mine:
            assert {living, mine, str(other)} == places(temporary)


KILLED = """
import sys, tempfile, time
from pathlib import Path
from figuard.server.siblings import meeting_place
tempfile.tempdir = sys.argv[1]
with meeting_place() as folder:
    Path(folder, "1").touch()
    print(folder, flush=True)
    time.sleep(60)
"""


def test_a_link_to_another_folder_is_not_followed(temporary, tmp_path_factory):
    precious = tmp_path_factory.mktemp("precious")
    (precious / "file").touch()
    (temporary / "figuard-workers-link").symlink_to(precious)

    with meeting_place():
        assert [precious / "file"] == list(precious.iterdir())


def test_where_nothing_can_be_locked_workers_are_refused(temporary, monkeypatch):
    """
    Somebody else holds every lock.
    """
    held = []

    def made(**named):
        folder = tempfile.mkdtemp(prefix="figuard-workers-", dir=temporary)
        held.append(os.open(folder, os.O_RDONLY))
        fcntl.flock(held[-1], fcntl.LOCK_EX)
        return nullcontext(folder)

    monkeypatch.setattr(siblings, "TemporaryDirectory", made)

    with pytest.raises(OSError, match="name another place for it in TMPDIR"), meeting_place():
        pass
    assert siblings.PLACE_TRIES == len(held)
    for lock in held:
        os.close(lock)


@pytest.fixture
async def fellows(tmp_path):
    """
    Three workers that have met.
    """
    made = [Fellow(number, tmp_path) for number in (1, 2, 3)]
    for one in made:
        await one.siblings.start()
    yield made
    for one in made:
        await one.siblings.stop()


def samples(text, name):
    """
    The samples of one name: their labels and values.
    """
    found = [one for family in text_string_to_metric_families(text.decode()) for one in family.samples]
    return [(one.labels, one.value) for one in found if one.name == name]


async def test_whoever_is_asked_shows_the_metrics_of_all(fellows):
    for number, one in enumerate(fellows, start=1):
        one.counts.add("figuard_requests", "get_budget", "200", by=10 * number)

    shown = [await one.siblings.metrics() for one in fellows]

    labels = {"operation": "get_budget", "status": "200"}
    expected = [({**labels, "worker": str(number)}, 10.0 * number) for number in (1, 2, 3)]
    assert [expected] * 3 == [samples(text, "figuard_requests_total") for text in shown]
    assert [({"worker": str(number)}, float(number)) for number in (1, 2, 3)] == samples(
        shown[0], "figuard_queue_waiting"
    )


async def test_a_worker_that_is_away_is_left_out(fellows, tmp_path):
    await fellows[1].siblings.stop()
    (tmp_path / "4").touch()

    shown = await fellows[0].siblings.metrics()

    assert ["1", "3"] == [labels["worker"] for labels, _ in samples(shown, "figuard_queue_waiting")]


def test_every_metric_is_described_once_whoever_has_it():
    one, two = Counts(), Counts()
    two.add("figuard_refusals", "NOT_FOUND")

    text = merged({"10": exposition(one, lambda: 0), "9": exposition(two, lambda: 0)}).decode()

    described = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(described) == len({*described})
    assert {name for line in exposition(one, lambda: 0).decode().splitlines() for name in line.split()[2:3]} >= {
        *described
    }
    assert 'figuard_refusals_total{code="NOT_FOUND",worker="9"} 1.0' in text
    assert text.index('figuard_queue_waiting{worker="9"}') < text.index('figuard_queue_waiting{worker="10"}')


async def test_what_a_key_asked_of_one_worker_is_gone_in_the_others(fellows):
    one, two, three = fellows
    for _ in range(BURST_SECONDS):
        one.rate.take("k")
    two.rate.take("other")

    await one.siblings.tell_taken()

    for fellow in fellows:
        with pytest.raises(Refusal, match="60 requests a minute"):
            fellow.rate.take("k")
    two.rate.take("other")
    three.rate.take("other")


async def test_over_time_several_workers_let_through_what_one_would(fellows):
    """
    Ten minutes, in each second of which all three are asked more than the limit allows.
    """
    passed = 0
    for _ in range(600):
        for one in fellows:
            one.seconds += 1
            passed += _passed(one.rate, 3)
        for one in fellows:
            await one.siblings.tell_taken()

    assert 600 <= passed <= 600 + 3 * BURST_SECONDS


def _passed(rate, asked):
    """
    How many of so many requests are let through.
    """
    passed = 0
    for _ in range(asked):
        try:
            rate.take("k")
        except Refusal:
            return passed
        passed += 1
    return passed


async def test_nothing_is_told_twice(fellows):
    fellows[0].rate.take("k")

    assert {"k": 1} == fellows[0].rate.taken_here()
    assert {} == fellows[0].rate.taken_here()


def test_a_limit_that_is_not_shared_notes_nothing():
    rate = RateLimit(60, lambda: 0.0)
    rate.take("k")

    assert {} == rate.taken_here()
