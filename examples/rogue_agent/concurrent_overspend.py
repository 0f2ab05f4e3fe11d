"""
Ten agents share 1,000.00 and each wants 200.00, at the same moment. The race below is a real one.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from examples.story import ALLOWED, DENIED, LOST, Story

AGENTS, LIMIT, PRICE = 10, Decimal(1000), Decimal(200)


class Card:
    """What is really charged. A charge takes a moment, as it does over a network."""

    def __init__(self) -> None:
        self.charged = Decimal(0)
        self._lock = threading.Lock()

    def charge(self, amount: Decimal) -> None:
        """Charge *amount*."""
        time.sleep(0.1)
        with self._lock:
            self.charged += amount


def at_once(buy: Callable[[int], str]) -> Counter[str]:
    """Let ten threads buy at the same moment, and count how it ended."""
    start = threading.Barrier(AGENTS, timeout=30)

    def run(agent: int) -> str:
        start.wait()
        return buy(agent)

    with ThreadPoolExecutor(AGENTS) as threads:
        return Counter(threads.map(run, range(AGENTS)))


with Story("Ten agents, one budget, one moment") as story:
    story.part("Without FiGuard: look at the balance, pay, write the new balance")
    card, balance = Card(), [LIMIT]

    def unsafe(_agent: int) -> str:
        """Check before paying, like everybody does; the others check meanwhile."""
        if (seen := balance[0]) < PRICE:
            return "refused"
        card.charge(PRICE)
        balance[0] = seen - PRICE
        return "paid"

    outcome = at_once(unsafe)
    story.tell(LOST, f"{outcome['paid']} of {AGENTS} agents paid", card.charged, f"of {LIMIT:,.2f}")
    story.tell(LOST, "and the balance still says", balance[0])
    story.check("the race really overspends", expected=True, actual=card.charged > LIMIT)

    story.part("With FiGuard: the same agents, the same moment")
    guarded_card = Card()
    budget = story.client.create_budget("fleet", LIMIT, expires_in="1h")

    def guarded(agent: int) -> str:
        """Ask before paying: the answer holds the amount."""
        asked = story.client.authorize(
            budget=budget, amount=PRICE, agent_id=f"agent-{agent}", idempotency_key=f"purchase-{agent}"
        )
        if asked.is_authorized:
            guarded_card.charge(PRICE)
            story.client.confirm(asked, PRICE)
        return asked.decision

    outcome = at_once(guarded)
    story.tell(ALLOWED, f"{outcome['AUTHORIZED']} authorized", guarded_card.charged, f"of {LIMIT:,.2f}")
    story.tell(DENIED, f"{outcome['DENIED']} denied")
    story.check("five and five", (5, 5), (outcome["AUTHORIZED"], outcome["DENIED"]))
    story.check("charged", LIMIT, guarded_card.charged)
    story.books(budget, spent=1000, left=0)
