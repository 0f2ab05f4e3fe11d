"""
Every public method of the SDK that others have published, used against our server. Runs under that SDK's own Python.

``python exercise.py URL KEY``. Each scene checks values; at the end no public method of a client may have gone unused.
Two lines are spoken with whoever started it: ``give up DELIVERY`` asks for a delivery to be made a dead letter, and
any line of an answer says that it is one. The last line is a JSON object: the calls by client and method.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import scenes_access
import scenes_budgets
import scenes_guards
import scenes_reports
import scenes_spending
import scenes_webhooks

import figuard

HERE = Path(__file__).resolve().parent
SCENES = [
    scene
    for module in (scenes_budgets, scenes_spending, scenes_reports, scenes_access, scenes_webhooks, scenes_guards)
    for name, scene in vars(module).items()
    if name.startswith("scene_")
]


class Noted:
    """A client whose calls are counted; an awaited one is run to its end at each call."""

    def __init__(self, client: Any, calls: Counter[str], loop: asyncio.AbstractEventLoop | None) -> None:
        self.inner = client
        self.calls = calls
        self.loop = loop

    @property
    def is_async(self) -> bool:
        """Whether the client is the awaited one, which has fewer methods."""
        return self.loop is not None

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.inner, name)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            made = value(*args, **kwargs)
            if inspect.isasyncgen(made):
                return self.run(_listed(made))
            return self.run(made) if inspect.isawaitable(made) else made

        return call

    def run(self, awaited: Any) -> Any:
        """Run something to its end on the client's loop."""
        assert self.loop is not None
        return self.loop.run_until_complete(awaited)


async def _listed(records: Any) -> list[Any]:
    return [record async for record in records]


def public(kind: type) -> set[str]:
    """Return what a client offers."""
    return {name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))}


def play(client: Noted) -> list[str]:
    """Play every scene; return what was not as it should be."""
    wrong = []
    for scene in SCENES:
        figuard.clear_current_event_id()
        try:
            scene(client)
        except Exception as error:  # noqa: BLE001 - told at the end, beside those of other scenes
            # Of the steps that led there only ours are told.
            steps = traceback.extract_tb(error.__traceback__)
            own = [f"{Path(step.filename).name}:{step.lineno}" for step in steps if Path(step.filename).parent == HERE]
            wrong.append(f"{type(client.inner).__name__} {scene.__name__} ({' '.join(own[1:])}): {error!r}")
    return wrong


def main(url: str, key: str) -> int:
    """Play every scene with both clients; return the exit status."""
    used: dict[str, dict[str, int]] = {}
    wrong: list[str] = []
    loop = asyncio.new_event_loop()
    clients = [
        Noted(figuard.FiGuardClient(api_key=key, base_url=url, log=False), Counter(), None),
        Noted(figuard.AsyncFiGuardClient(api_key=key, base_url=url, log=False), Counter(), loop),
    ]
    for client in clients:
        name = type(client.inner).__name__
        if client.backend != "server":
            wrong.append(f"{name} speaks to {client.backend}")
        wrong += play(client)
        if client.is_async:
            client.close()
        used[name] = dict(client.calls)
        wrong += [f"{name}.{method} is used by no scene" for method in public(type(client.inner)) - client.calls.keys()]
    loop.close()
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    print(json.dumps({"version": figuard.__version__, "scenes": len(SCENES), "calls": used}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
