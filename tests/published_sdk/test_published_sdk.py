"""
The SDK that others have published works against our server without a change: every public method, on both databases.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from figuard.domain.admin import DeliveryStatus
from figuard.domain.commands import Order, SettleDelivery
from figuard.engine.sweeper import SWEEPER
from figuard.server.backend import open_backend
from figuard.server.settings import load
from tests import postgres_server
from tests.load.places import postgres_place, sqlite_place
from tools import published_sdk

SCRIPT = Path(__file__).with_name("exercise.py")
APART = ("-E", "-s", "-W", "ignore")
"""Options that keep an interpreter from finding any package but its own; the warnings are its authors' to mend."""
ATTEMPTS_MAX = 30
METHODS = {"FiGuardClient": 53, "AsyncFiGuardClient": 36}
"""How many public methods each client of that version has; the script counts those it calls."""

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]


@pytest.fixture(scope="session")
def sdk():
    """
    The Python of an environment with the published SDK. Where it cannot be installed there is nothing to test.
    """
    try:
        return published_sdk.environment()
    except subprocess.CalledProcessError as failed:
        pytest.skip(f"{published_sdk.WANTED} cannot be installed here: {failed}")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    """
    A place on either database.
    """
    server = postgres_server.start() if request.param == "postgres" else None
    try:
        made = sqlite_place(tmp_path) if server is None else postgres_place(server, tmp_path)
        yield made
        made.close()
    finally:
        if server is not None:
            server.stop()


async def give_up(database, delivery_id):
    """
    Let a delivery fail until it is a dead letter: nobody wants to wait for days.
    """
    backend = await open_backend(load({}, database=database, background=False))
    try:
        for _ in range(ATTEMPTS_MAX):
            reply = await backend.engine.execute(Order(SettleDelivery(delivery_id, 500), "", SWEEPER))
            if reply.delivery.status is DeliveryStatus.FAILED:
                return
    finally:
        await backend.close()
    raise AssertionError(f"{delivery_id} is not a dead letter after {ATTEMPTS_MAX} attempts")


def exercised(python, place, url):
    """
    Run the script, and do what it asks for; return its last line.
    """
    script = subprocess.Popen(
        [python, *APART, SCRIPT, url, place.key],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=place.folder,
    )
    said = ""
    try:
        for line in script.stdout:
            if line.startswith("give up "):
                asyncio.run(give_up(place.database, line.split()[-1]))
                script.stdin.write("it is given up\n")
                script.stdin.flush()
            else:
                said += line
        assert script.wait(60) == 0, said
    finally:
        script.kill()
        script.communicate()
    return json.loads(said.splitlines()[-1])


def test_every_method_of_the_published_sdk_works(sdk, place):
    server = place.serve(webhook_allow_private="true", delivery_interval="1s")

    done = exercised(sdk, place, server.url)

    assert published_sdk.VERSION == done["version"]
    assert {name: len(calls) for name, calls in done["calls"].items()} == METHODS
    assert [] == [line for line in server.said if '"level": "error"' in line]
    place.verified()


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_method_that_is_forgotten_is_noticed(sdk, place):
    """
    The script's own check bites: with one scene of all there are methods that nobody calls.
    """
    url = place.serve().url
    program = (
        f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import exercise; del exercise.SCENES[1:]; "
        f"sys.exit(exercise.main({url!r}, {place.key!r}))"
    )
    ran = subprocess.run([sdk, *APART, "-c", program], capture_output=True, text=True, check=False, timeout=60)

    assert 1 == ran.returncode
    assert "AsyncFiGuardClient.void_tree is used by no scene" in ran.stderr
    assert "create_budget is used by no scene" not in ran.stderr
