"""
The stress test judges a server by its database: it is content with ours, and says so when the books say otherwise.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from bench import servers
from bench.servers import ROOT

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]
FEW = "--workers 30 --runs 2 --keys 20 --fires 3 --lat-count 20 --lat-concurrency 4".split()


def stress(front, database):
    """
    Its exit status and what it said.
    """
    words = [sys.executable, "-m", "bench.stress", *FEW, "--base-url", f"http://{front.host}:{front.port}"]
    ran = subprocess.run(
        [*words, "--api-key", front.key, "--database", str(database)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=200,
    )
    return ran.returncode, ran.stdout + ran.stderr


def test_stress_is_content_with_a_server_that_keeps_its_promises(tmp_path):
    database = tmp_path / "stress.db"
    with servers.figuard(str(database), tmp_path) as front:
        status, said = stress(front, database)

    assert 0 == status, said
    assert 2 == said.count("20 authorized, 10 denied, 1000 of 1000 taken")
    assert "60 requests under 20 keys: 20 events, 20 taken" in said


def test_stress_believes_the_database_and_not_the_answers(tmp_path):
    """
    A database in which nothing of what was answered is found breaks every promise.
    """
    database, empty = tmp_path / "stress.db", tmp_path / "empty.db"
    with servers.figuard(str(database), tmp_path) as front:
        # With what its log of changes holds so far: the schema.
        servers.verify(str(database))
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{database}{suffix}", f"{empty}{suffix}")
        status, said = stress(front, empty)

    assert 1 == status, said
    assert 3 == said.count("BROKEN"), said
