"""
Twelve agents read the same incident, and each wants 80,000 tokens of the 100,000 there are.
"""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from examples.story import ALLOWED, DENIED, LOST, Story

POOL, WANTED, AGENTS = 100_000, 80_000, 12

with Story("Twelve agents, one pool of tokens", places=0) as story:
    story.part("Without FiGuard: everybody looks, everybody sees enough")
    start, used, lock = threading.Barrier(AGENTS, timeout=30), [0], threading.Lock()

    def unsafe(_agent: int) -> bool:
        """Look how much is left, and read the incident if it is enough."""
        enough = POOL - used[0] >= WANTED
        start.wait()  # what the model takes its time for; the others have looked meanwhile
        if enough:
            with lock:
                used[0] += WANTED
        return enough

    with ThreadPoolExecutor(AGENTS) as threads:
        readers = sum(threads.map(unsafe, range(AGENTS)))
    story.tell(LOST, f"{readers} agents read it", used[0], f"tokens of {POOL:,}")
    story.check("the pool is overdrawn", expected=True, actual=used[0] > POOL)

    story.part("With FiGuard: the same twelve at once")
    budget = story.client.create_budget("incident", POOL, unit="tokens", expires_in="1h")
    moment = threading.Barrier(AGENTS, timeout=30)

    def guarded(agent: int) -> str:
        """Ask for the tokens first."""
        moment.wait()
        asked = story.client.authorize(
            budget=budget, amount=WANTED, agent_id=f"reader-{agent}", idempotency_key=f"incident-{agent}"
        )
        if asked.is_authorized:
            story.client.confirm(asked, WANTED)
        return asked.denial_reason or asked.decision

    with ThreadPoolExecutor(AGENTS) as threads:
        outcome = Counter(threads.map(guarded, range(AGENTS)))
    story.tell(ALLOWED, f"{outcome['AUTHORIZED']} agent reads it", WANTED, f"tokens of {POOL:,}")
    story.tell(DENIED, f"{outcome['INSUFFICIENT_FUNDS']} are blocked, and can read its summary")
    story.check("one and eleven", {"AUTHORIZED": 1, "INSUFFICIENT_FUNDS": 11}, dict(outcome))
    story.books(budget, spent=80_000, left=20_000)
