"""
One process of many on one file: asks and settles, and says what it was told before it goes on.

``python -m tests.concurrency.child FILE TOKEN NAME COUNT``. Every line on standard output is one answer that was
given: an acknowledgement. A killed child is started again with the same name, and so with the same keys.
"""

from __future__ import annotations

import os
import sys

from figuard.domain import commands as c
from figuard.domain.amounts import quanta
from figuard.domain.events import Decision
from figuard.domain.refusal import Refusal
from figuard.engine import Engine
from figuard.host import PepperHasher, RandomIds, SystemClock
from figuard.stores import open_store
from tests.builders import TENANT, spend

PEPPER = b"the same pepper in every process"


def engine_on(path: str) -> Engine:
    """Return an engine on a file, as a process of its own has it."""
    return Engine(open_store(path), clock=SystemClock(), ids=RandomIds(), hasher=PepperHasher([PEPPER]))


def main(path: str, token: str, name: str, count: str) -> None:
    """Spend as often as told; every third hold is given back, every third settled for less."""
    engine = engine_on(path)
    hashed = engine.hasher.hash(token)
    for number in range(int(count)):
        key = f"{name}-{number}"
        asked = c.Authorize(hashed, spend(2, key, agent_id=name, trace_id=key))
        reply = _insist(engine, asked)
        _say(key, reply.event.id, reply.event.first_decision)
        if reply.event.decision is not Decision.AUTHORIZED:
            continue
        settle = (
            c.Confirm(reply.event.id, quanta(2)),
            c.Confirm(reply.event.id, quanta(1)),
            c.Fail(reply.event.id, "CARD_DECLINED"),
        )[number % 3]
        settled = _insist(engine, settle)
        _say(key, reply.event.id, settled.event.decision)
    engine.close()


def _insist(engine: Engine, command: c.Command) -> object:
    """Give an order until it is answered; a store that others keep busy is no answer."""
    while True:
        try:
            return engine.execute(c.Order(command, TENANT, "child"))
        except Refusal as refusal:
            if not refusal.row.retryable:
                raise


def _say(*words: str) -> None:
    """Write one line at once: what was said before a kill must have been said."""
    os.write(sys.stdout.fileno(), (" ".join(words) + "\n").encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
