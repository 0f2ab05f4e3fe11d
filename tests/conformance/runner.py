"""
The runner: carries a scenario out on a driver and says where the two part.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from figuard.client.exceptions import FiGuardApiError
from tests.conformance.drivers import Driver
from tests.conformance.vectors import Vector, found, mismatches, resolved


def run(vector: Vector, driver: Driver) -> list[str]:
    """Carry out every step; return what was not as expected, the first step that failed being the last one done."""
    bound: dict[str, Any] = {}
    done: list[str] = []
    for number, step in enumerate(vector.steps, start=1):
        if "at" in step:
            driver.turn_clock(step["at"])
        wrong = _step(step, driver, bound)
        done.append(f"{number:3} {_told(step)}{' <- here' if wrong else ''}")
        if wrong:
            return [f"{vector.id}: {vector.says}", *done, *(f"    {line}" for line in wrong)]
    return []


def _step(step: Mapping[str, Any], driver: Driver, bound: dict[str, Any]) -> list[str]:
    arguments = resolved(step.get("with", {}), bound)
    try:
        result = driver.do(step["do"], arguments)
    except FiGuardApiError as error:
        if "refused" not in step:
            return [f"it was refused: {error}"]
        return list(mismatches(resolved(step["refused"], bound), error))
    if "refused" in step:
        return [f"it should have been refused with {step['refused']}, it answered {result}"]
    wrong = list(mismatches(resolved(step.get("expect", {}), bound), result))
    bound.update({name: found(result, path) for name, path in step.get("bind", {}).items()})
    return [*wrong, f"the answer was {result}"] if wrong else []


def _told(step: Mapping[str, Any]) -> str:
    at = f"+{step['at']}s " if "at" in step else ""
    return f"{at}{step['do']} {json.dumps(step.get('with', {}), ensure_ascii=False)}"
