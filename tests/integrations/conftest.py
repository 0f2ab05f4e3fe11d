"""
What every integration is tested with: a scripted model, a shop, and budgets in this process and on a server.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.integrations.books import Books
from tests.integrations.model_server import ModelServer
from tests.integrations.shop import Shop

ROOT = Path(__file__).resolve().parents[2]
# The server is a process of its own, so it need not live with the framework under test.
SERVER = ROOT / ".venv" / "bin" / "figuard"
QUIET = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "LANGSMITH_TRACING": "false",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "OTEL_SDK_DISABLED": "true",
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """
    Nothing that a framework would tell its makers leaves this machine, and no setting of the reader's gets in.
    """
    for name in [name for name in os.environ if name.startswith(("FIGUARD_", "OPENAI_", "ANTHROPIC_", "LANGCHAIN_"))]:
        monkeypatch.delenv(name)
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def no_loop_left(request):
    """
    A blocking run takes the thread's event loop, or makes one that nobody closes: it finds one here that is closed.
    """
    if inspect.iscoroutinefunction(request.function):
        yield
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def model():
    """
    A model that says what the test has it `play`.
    """
    with ModelServer() as server:
        yield server


@pytest.fixture
def shop():
    """
    A shop that notes what it sells.
    """
    return Shop()


@pytest.fixture
def books(tmp_path):
    """
    A budget of 100 USD, decided in this process, on a file of its own.
    """
    with closing(Books(database=tmp_path / "books.db")) as made:
        yield made


@pytest.fixture
def served_books(server):
    """
    A budget of 100 USD on a server, over HTTP.
    """
    key, address = server
    with closing(Books(key=key, address=address)) as made:
        yield made


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """
    A real server, started once: a key to it and its address.
    """
    if not SERVER.exists():
        pytest.fail("the server of .venv is not there; run `make setup`")
    folder = tmp_path_factory.mktemp("server")
    database = str(folder / "server.db")
    settings = {name: value for name, value in os.environ.items() if not name.startswith("FIGUARD_")}
    made = subprocess.run(
        [SERVER, "tenant", "create", "tester", "--json", "--database", database],
        env=settings, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    log = folder / "server.log"
    with (
        log.open("wb") as written,
        subprocess.Popen(
            [SERVER, "serve", "--port", "0", "--database", database], env=settings, stdout=written, stderr=written
        ) as process,
    ):
        try:
            yield json.loads(made.stdout)["key"], _address(process, log)
        finally:
            process.terminate()
            process.wait(20)


def _address(process, log):
    ends, tick = time.monotonic() + 30, threading.Event()
    while time.monotonic() < ends and process.poll() is None:
        if found := re.search(r"listens on (http://\S+)", log.read_text(encoding="utf-8")):
            return found[1]
        tick.wait(0.05)
    pytest.fail(f"the server did not start:\n{log.read_text(encoding='utf-8')}", pytrace=False)
