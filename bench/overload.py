"""
Overload: three times as much is asked as can be committed, and the server has to say so instead of falling behind.

Requests are sent at a fixed rate over many connections, whether or not answers come. What must come of it: what is
refused is refused quickly, with 503 and ``Retry-After``; what is admitted is answered within a bounded time; and
nearly as much is committed as without the crowd.
"""

from __future__ import annotations

from bench.measure import Result
from bench.served import CLIENTS, Stand
from bench.servers import Broken

TIMES = 3
CROWD = 2_000
"""How many connections the crowd has: many more than may wait."""
QUEUE = 500
"""How many may wait here."""


def run(on: Stand) -> dict[str, Result]:
    """Measure the capacity, ask three times as much, and return both. Raises ``Broken`` for any other error."""
    capacity = on.load("capacity", "authorize", on.tokens[:1], clients=CLIENTS)
    rate = TIMES * (capacity.rate or 0)
    plan = {"tokens": on.tokens[:1], "prefix": on.prefix("over")}
    heard = on.front.load("authorize", plan=plan, clients=CROWD, seconds=on.seconds * 2, rate=rate)
    said = heard["said"]
    if set(said) - {"OK", "503 Retry-After"}:
        raise Broken(f"an overloaded server answered {said}")
    admitted = Result(
        "overload",
        said.get("OK", 0) / heard["seconds"],
        heard.get("p50_us"),
        heard.get("p99_us"),
        {"asked per second": round(rate), "max us": round(heard.get("max_us", 0)), "unsent": heard["unsent"]},
    )
    refused = heard["refused"]
    turned = Result(
        "overload refused",
        said.get("503 Retry-After", 0) / heard["seconds"],
        refused.get("p50_us"),
        refused.get("p99_us"),
    )
    return {"capacity": capacity, "overload": admitted, "overload refused": turned}
