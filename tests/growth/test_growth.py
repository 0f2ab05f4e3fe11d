"""
What is written down already does not make the next authorization slower, and a server does not grow while it works.

Only ratios of one run are judged, and generously: a machine at work is noisy, a cost that grows with the books is not
a matter of per cent but of factors.
"""

from __future__ import annotations

import pytest

from bench import growth, overload, served
from tests import postgres_server

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

SLOWER_MAX = 2.0
"""A hundred times the events, a thousand times the budgets; what scans them is a hundred times slower."""
GROWTH_MAX = 0.08
"""Of the memory held, between the first and the second half of the load, once the caches are warm."""


@pytest.fixture(params=["postgresql", "sqlite"])
def database(request, tmp_path):
    """
    A durable database of each kind.
    """
    if request.param == "sqlite":
        yield str(tmp_path / "growth.db")
        return
    try:
        server = postgres_server.start(served.SETTINGS, durable=True)
    except postgres_server.NoPostgres as missing:
        pytest.skip(str(missing))
    yield server.tcp_url(server.create())
    server.stop()


def test_latency_does_not_grow_with_the_events_of_a_budget(database, tmp_path):
    with served.stand(database, tmp_path, 1, 1) as on:
        found = growth.by_events(on, (1_000, 100_000), 1)

    assert growth.ratios(found)[100_000] < SLOWER_MAX, found


def test_latency_does_not_grow_with_the_budgets_of_a_store(database, tmp_path):
    with served.stand(database, tmp_path, 1, 1) as on:
        found = growth.by_budgets(on, (10, 10_000), 1)

    assert growth.ratios(found)[10_000] < SLOWER_MAX, found


def test_memory_stays_flat_under_load(database, tmp_path):
    with served.stand(database, tmp_path, 1, 50) as on:
        held = growth.memory(on, 60)

    assert growth.slope(held) < GROWTH_MAX, held


def test_an_overloaded_server_says_so_and_goes_on(database, tmp_path):
    """
    Three times as much is asked as can be committed: what is refused is refused at once, with 503 and Retry-After
    (or the run itself fails); what is admitted waits no longer than the queue is long; and nearly as much is committed
    as before.
    """
    with served.stand(database, tmp_path, 3, 1, queue=overload.QUEUE) as on:
        found = overload.run(on)
    capacity, admitted, refused = found["capacity"], found["overload"], found["overload refused"]
    longest_wait = overload.QUEUE / admitted.rate

    assert refused.rate > 0, found
    assert refused.p50_us < admitted.p50_us, found
    assert admitted.p99_us / 1e6 < PATIENCE * (longest_wait + capacity.p99_us / 1e6), found
    assert admitted.rate > capacity.rate * LEFT_MIN, found


PATIENCE = 3
"""How many times the length of the queue an admitted request may take, a busy machine allowed for."""
LEFT_MIN = 0.25
"""How much of the capacity is left while the crowd has to be turned away by the same few cores."""
