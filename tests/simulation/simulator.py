"""
The simulator: one seed is one world, with agents, an unreliable network, an unreliable service and its own clock.

Everything that happens is drawn from the seed and happens in this one thread, so a seed replays exactly. Losses,
doubles and delays befall messages; restarts, crashes inside a transaction, sweeps, pauses, revocations and leaps of
the clock befall the service. At last all mishaps stop, and every agent must come to its end.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from figuard.client.config import Settings as ClientSettings
from figuard.client.embedded_transport import EmbeddedTransport
from figuard.client.session import Session
from figuard.client.steps import Call, Lost, Outcome, Refused, Sleep, Steps
from figuard.domain import commands as c
from figuard.domain import instants
from figuard.domain.amounts import quanta
from figuard.domain.budget import EMBEDDED_TENANT, Budget
from figuard.domain.codes import ErrorCode
from figuard.domain.instants import SECOND
from figuard.domain.refusal import Refusal
from figuard.engine import Engine
from figuard.ports import GetRecords, Kind, Store
from figuard.service import Service
from figuard.stores.memory import MemoryStore
from figuard.testing.faults import Fault, FaultyStore
from figuard.wire.context import Settings
from tests.builders import World
from tests.simulation import checkers
from tests.simulation.agents import Agent
from tests.simulation.scenery import CALM, Odds, purses
from tests.simulation.trace import Trace

TROUBLED_STEPS = 80
"""How many things happen before the mishaps stop."""
CALM_STEPS_MAX = 2000
"""In how many more steps every agent must be done."""
TIMEOUT_SECONDS = 3
FATAL = frozenset({ErrorCode.INTERNAL_ERROR, ErrorCode.LEDGER_BROKEN})
NOTHING_CAME = Lost(TimeoutError("nothing came back"), timed_out=True)

MakeEngine = Callable[[World], Engine]


def make_engine(world: World) -> Engine:
    """Return the real engine."""
    return Engine(world.store, clock=world.clock, ids=world.ids, hasher=world.hasher)


@dataclass(frozen=True)
class Door:
    """What a client's transport stands on: a service over the engine of the moment."""

    service: Service
    tenant_id: str = EMBEDDED_TENANT

    def sweep(self) -> None:
        """Do nothing: sweeps befall this world."""

    def close(self) -> None:
        """Do nothing: the store outlives every service."""


@dataclass(order=True)
class Due:
    """Something that will happen at an instant; of two at once the one that was planned first comes first."""

    at: int
    number: int
    act: Callable[[], None] = field(compare=False)


class Simulation:
    """One world."""

    def __init__(
        self, seed: int, make: MakeEngine = make_engine, open_store: Callable[[], Store] = MemoryStore
    ) -> None:
        self.seed = seed
        self.rng = Random(seed)
        self.odds = Odds.drawn(self.rng)
        self.store = FaultyStore(open_store())
        self.make = make
        self.world = World(self.store)
        self.purses = purses(self.world, self.rng)
        self.trace = Trace()
        self.wrong: list[str] = []
        self.start = self.now = self.world.clock.now()
        self.skew = 0
        self.queue: list[Due] = []
        self.planned = 0
        self.active = 0
        self._serve()
        self.agents = [self._agent(name) for name in "abcd"[: self.rng.choice((2, 3))]]

    def _agent(self, name: str) -> Agent:
        rng, keys = Random(self.rng.random()), count(1)
        session = Session(
            ClientSettings("embedded", database="simulated"),
            self.world.clock.now,
            chance=rng.random,
            new_key=lambda: f"{name}-{next(keys)}",
        )
        return Agent(name, rng, session, self.purses)

    def _serve(self) -> None:
        """Start the service over what the store holds."""
        self.world.engine = self.make(self.world)
        self.transport = EmbeddedTransport(Door(Service(self.world.engine, Settings(never_expires=True))))

    # -- the run ---------------------------------------------------------------------------------------------------

    def run(self) -> list[str]:
        """Let everything happen; return what is wrong with the books afterwards."""
        for agent in self.agents:
            self.active += 1
            self._go_on(agent.live(self.rng.choice((1, 2, 3))), None)
        for _ in range(TROUBLED_STEPS):
            if not self._step():
                break
            self._mishap()
        self._calm_down()
        for _ in range(CALM_STEPS_MAX):
            if not self._step():
                break
        if self.active:
            self.wrong.append(f"{self.active} agents are not done {CALM_STEPS_MAX} steps after the mishaps stopped")
        self._end()
        return self.wrong

    def _plan(self, seconds: float, act: Callable[[], None]) -> None:
        self.planned += 1
        heapq.heappush(self.queue, Due(self.now + int(seconds * SECOND), self.planned, act))

    def _step(self) -> bool:
        if not self.queue:
            return False
        due = heapq.heappop(self.queue)
        self.now = max(self.now, due.at)
        self._set_clock()
        due.act()
        return True

    def _set_clock(self) -> None:
        self.world.clock.set(instants.moment(self.now + self.skew))

    def _go_on(self, life: Steps[None], came: Outcome | None) -> None:
        """Send an agent what it waits for, and see to what it wants next."""
        try:
            step = life.send(came)
        except StopIteration:
            self.active -= 1
            return
        if isinstance(step, Sleep):
            self._plan(step.seconds, lambda: self._go_on(life, None))
        else:
            assert isinstance(step, Call)
            self._send(life, step)

    # -- the network -----------------------------------------------------------------------------------------------

    def _chance(self, odds: float) -> bool:
        return odds > 0 and self.rng.random() < odds

    def _latency(self) -> float:
        return self.rng.choice((5, 40)) if self._chance(self.odds.delay) else self.rng.random() / 100

    def _send(self, life: Steps[None], call: Call) -> None:
        """Bring a request to the service and its reply back, or lose either; who waits in vain is told so."""
        if self._chance(self.odds.lose_request):
            self._note(call, None, "request lost")
            self._plan(TIMEOUT_SECONDS, lambda: self._go_on(life, NOTHING_CAME))
            return
        is_lost = self._chance(self.odds.lose_reply)
        if self._chance(self.odds.twice):
            self._plan(self._latency() + self._latency(), lambda: self._arrive(call, "delivered twice"))

        def arrive() -> None:
            outcome = self._arrive(call, "reply lost" if is_lost else "")
            if is_lost or isinstance(outcome, Lost):
                self._plan(TIMEOUT_SECONDS, lambda: self._go_on(life, NOTHING_CAME))
            else:
                self._plan(self._latency(), lambda: self._go_on(life, outcome))

        self._plan(self._latency(), arrive)

    def _arrive(self, call: Call, note: str) -> Outcome:
        if self._chance(self.odds.crash):
            self._crash_soon()
        outcome = self.transport.send(call)
        has_crashed, self.store.fail_at = self.store.has_failed, None
        self._note(call, outcome, note)
        if has_crashed:
            self._restart("crashed")
            # Whether a dying service still says so or just falls silent is chance.
            return outcome if self._chance(0.5) else NOTHING_CAME
        if isinstance(outcome, Refused) and outcome.error.code in FATAL:
            self.wrong.append(f"{call.operation.name}: {outcome.error}")
        return outcome

    def _order(self, command: Any, says: str) -> None:
        """Give an order of an operator's or of time's."""
        outcome: Any
        try:
            outcome = self.world.order(command)
        except Refusal as refusal:
            outcome = refusal
            if refusal.code in FATAL:
                self.wrong.append(f"{says}: {refusal.message} ({refusal.__cause__!r})")
        self._note(says, outcome)

    def _note(self, what: str | Call, outcome: Any, note: str = "") -> None:
        self.trace.add((self.now - self.start) / SECOND, what, outcome, self._shown(outcome), note)

    def _shown(self, outcome: Any) -> Budget | None:
        if outcome is None or len(self.purses) > 1:
            return None
        purse = self.purses[0]
        return self.store.store.query(GetRecords(Kind.BUDGETS, (purse.id,)))[purse.id]

    # -- the service -----------------------------------------------------------------------------------------------

    def _crash_soon(self) -> None:
        """Make the store fail at one of the next steps, before it or right after."""
        self.store.fail_at = len(self.store.steps) + self.rng.randint(1, 8)
        self.store.fault = self.rng.choice(list(Fault))

    def _restart(self, why: str) -> None:
        self._serve()
        self._note(f"service      {why}, starts anew", None)

    def _mishap(self) -> None:
        odds, rng = self.odds, self.rng
        purse = rng.choice(self.purses)
        if self._chance(odds.restart / 2):
            self._restart("stopped")
        if self._chance(odds.sweep / 3):
            for _ in range(2):
                self._order(c.SweepBudget(purse.id), "sweep")
        if self._chance(odds.pause / 3):
            self._order(c.UpdateBudget(purse.id, c.PolicyPatch(paused=True)), "pause")
            self._plan(20, lambda: self._order(c.Resume(purse.id, "checked"), "resume"))
        if self._chance(odds.revoke / 6) and purse.delegated:
            token = rng.choice(purse.delegated)
            self._order(c.Revoke(token.id), f"revoke       {token.label}")
        if self._chance(odds.fund / 4):
            operation = rng.choice((c.FundingOperation.CREDIT, c.FundingOperation.DEBIT))
            self._order(c.Fund(purse.id, operation, quanta(rng.randint(1, 9))), f"fund         {operation}")
        if self._chance(odds.leap / 3):
            self.now += rng.choice((25, 70, 310)) * SECOND
        if self._chance(odds.clock_back / 3):
            self.skew = -rng.choice((1, 30, 400)) * SECOND if not self.skew else 0
        self._set_clock()

    def _calm_down(self) -> None:
        self.odds, self.skew = CALM, 0
        self.store.fail_at = None
        self._note("mishaps      stop", None)
        for purse in self.purses:
            self._order(c.UpdateBudget(purse.id, c.PolicyPatch(paused=False)), "resume")

    def table(self) -> str:
        """Return what happened as a table."""
        return self.trace.table({event: task for agent in self.agents for event, task in agent.tasks.items()})

    # -- the judgement ---------------------------------------------------------------------------------------------

    def _end(self) -> None:
        self.now += 1000 * SECOND
        self._set_clock()
        stories = []
        for purse in self.purses:
            self._order(c.SweepBudget(purse.id), "sweep")
            story, over = checkers.story_of(self.world, purse.id)
            stories.append(story)
            self.wrong += over
            self.wrong += checkers.money_once_per_key(story)
            self.wrong += checkers.no_hold_survives(self.world, purse.id)
            self.wrong += checkers.sums_add_up(self.world, purse.id)
            self.wrong += checkers.verified(self.world, purse.id)
        self.wrong += checkers.what_agents_saw(self.agents, stories)


def judged(seed: int, make: MakeEngine = make_engine, open_store: Callable[[], Store] = MemoryStore) -> str | None:
    """Run one world; return None, or what is wrong with how to see it again and what happened."""
    simulation = Simulation(seed, make, open_store)
    # What clients and engine say of every failure is expected here, and costs more than the failure itself.
    logger = logging.getLogger("figuard")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        wrong = simulation.run()
    finally:
        logger.setLevel(level)
    if not wrong:
        return None
    found = "\n".join(f"  {line}" for line in wrong)
    again = f"PYTHONPATH=. .venv/bin/python -m tests.simulation {seed}"
    return f"seed {seed}: {len(wrong)} findings\n{found}\nreplay with  {again}\n\n{simulation.table()}"
