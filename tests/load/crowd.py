"""
A crowd of agents and an operator who use servers that die: they insist until they are answered, and note the answer.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from tests.load.judge import Told
from tests.load.wire import Answer, Line, Lost

INSIST_SECONDS = 60.0
"""How long one request may go without an answer, however many servers died meanwhile."""
PAUSE_SECONDS = 0.1
SPEND = {"agentId": "agent", "actionType": "SPEND", "description": "something"}
NOT_BOOKED = frozenset({"AUTHORIZATION_EXPIRED", "CONFIRM_EXCEEDS_AVAILABLE"})
"""Codes with which a confirmation may be refused that comes late or is too large."""


class Crowd:
    """Who does all this: *urls* are several servers over one database, *budgets* what there is to spend from."""

    def __init__(self, urls: list[str], key: str, budgets: list[tuple[str, str]], *, hold_seconds: float) -> None:
        """Take whom to ask and what about."""
        self.urls, self.key, self.budgets, self.hold_seconds = urls, key, budgets, hold_seconds
        self.told = Told()
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.slowest = 0.0

    async def work(self, agents: int, seconds: float) -> None:
        """Let everybody work for so long, and finish what they have begun."""
        until = time.monotonic() + seconds
        everybody = [Agent(self, f"a{n}", until).live() for n in range(agents)]
        await asyncio.gather(*everybody, Operator(self, "operator", until).live())


@dataclass
class Caller:
    """Somebody with a connection to each server, who asks the next one where one does not answer."""

    crowd: Crowd
    name: str
    until: float
    lines: list[Line] = field(init=False)
    rng: Random = field(init=False)
    numbers: int = 0

    def __post_init__(self) -> None:
        self.rng = Random(self.name)
        self.lines = [Line(url, self.crowd.key) for url in self.crowd.urls]
        self.rng.shuffle(self.lines)

    async def live(self) -> None:
        """Do one thing after another until the time is over."""
        while time.monotonic() < self.until:
            await self.act()
        for line in self.lines:
            line.close()

    async def act(self) -> None:
        """Do one thing."""
        raise NotImplementedError

    def new_key(self) -> str:
        """Return a key that nobody has used."""
        self.numbers += 1
        return f"{self.name}-{self.numbers}"

    async def insist(self, method: str, path: str, body: Any, **headers: str) -> Answer:
        """Repeat a request until there is an answer to it; a refusal is one."""
        began = time.monotonic()
        while True:
            answer = await self._asked(method, path, body, **headers)
            if answer is not None:
                self.crowd.slowest = max(self.crowd.slowest, time.monotonic() - began)
                return answer
            assert time.monotonic() - began < INSIST_SECONDS, f"{method} {path} was not answered; {self.crowd.seen}"
            self.lines.append(self.lines.pop(0))
            await asyncio.sleep(PAUSE_SECONDS)

    async def _asked(self, method: str, path: str, body: Any, **headers: str) -> Answer | None:
        seen = self.crowd.seen
        try:
            answer = await self.lines[0].call(method, path, body, **headers)
        except Lost as lost:
            seen[f"lost: {type(lost.__cause__).__name__}"] += 1
            return None
        code = answer.body.get("code", "") if answer.status != 200 else ""
        seen[f"{answer.status} {code}".strip()] += 1
        if answer.status < 500:
            return answer
        if answer.status != 503 or not answer.body.get("retryable"):
            self.crowd.wrong.append(f"{method} {path}: {answer}")
        return None


class Agent(Caller):
    """Asks, works, and settles in some way, or not at all."""

    async def act(self) -> None:
        """Spend once."""
        rng, told = self.rng, self.crowd.told
        _, token = rng.choice(self.crowd.budgets)
        key, amount = self.new_key(), rng.randint(1, 6)
        body = {**SPEND, "requestedQuantity": amount, "idempotencyKey": key}
        answer = await self.insist("POST", "/authorize", body, x_session_token=token)
        event, decision = answer.body["eventId"], answer.body["decision"]
        # A repeat says how the event stands now, which may be past its hold by then.
        told.authorized.append((key, event, "DENIED" if decision == "DENIED" else "AUTHORIZED"))
        if decision != "AUTHORIZED":
            return
        if rng.random() < 0.02:
            await asyncio.sleep(self.crowd.hold_seconds * rng.choice((0.5, 2)))
        await self._settle(event, amount)

    async def _settle(self, event: str, amount: int) -> None:
        rng, told = self.rng, self.crowd.told
        way = rng.choice(("confirm", "confirm", "confirm", "void", "fail", "nothing"))
        if way == "nothing":
            return
        used = rng.choice((amount, amount, amount - 1, amount + 1))
        body = {"confirmedQuantity": used} if way == "confirm" else {"reason": "CHANGED_MIND"}
        answer = await self.insist("POST", f"/events/{event}/{way}", body)
        if answer.status == 200:
            confirmed = Decimal(str(answer.body["confirmedQuantity"])) if way == "confirm" else None
            told.settled.append((event, answer.body["decision"], confirmed))
        elif answer.status != 409 or (way == "confirm" and answer.body["code"] not in NOT_BOOKED):
            self.crowd.wrong.append(f"{way} of {event}: {answer}")


class Operator(Caller):
    """Gives and takes: the limits move while everybody spends."""

    async def act(self) -> None:
        """Fund one budget."""
        budget, _ = self.rng.choice(self.crowd.budgets)
        operation = self.rng.choice(("CREDIT", "CREDIT", "DEBIT"))
        amount = self.rng.randint(5, 40)
        body = {"operation": operation, "amount": amount, "reason": "as planned"}
        answer = await self.insist("POST", f"/budgets/{budget}/fund", body, idempotency_key=self.new_key())
        if answer.status == 200:
            self.crowd.told.funded.append((budget, operation, amount))
        elif answer.status != 400 or operation != "DEBIT":
            self.crowd.wrong.append(f"{operation} {amount}: {answer}")
        await asyncio.sleep(PAUSE_SECONDS)
