"""
Schemathesis: whatever the document allows, and much that it does not, ends as the document says, on either database.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import count

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)

from figuard.server.backend import open_backend
from figuard.server.openapi import document
from figuard.server.settings import load
from figuard.testing.determinism import ManualClock
from figuard.wire.operations import OPERATIONS
from tests import postgres_server
from tests.server.desk import Desk, opened
from tests.server.story import bodies, furnished, prepared

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]
SCHEMA = schemathesis.openapi.from_dict(document())
EXAMPLES = 30
"""How many requests each operation gets."""
AS_DOCUMENTED = [content_type_conformance, response_headers_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def loop():
    """
    A loop that outlives single examples, which are not asynchronous.
    """
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request):
    """
    Where the books are: the address of an empty database.
    """
    if request.param == "sqlite":
        yield ":memory:"
        return
    server = postgres_server.start()
    yield server.url(server.create())
    server.stop()


class World:
    """
    A server, and which operations have succeeded how often.
    """

    def __init__(self, desk):
        self.desk = desk
        self.succeeded = Counter()
        self.numbers = count()

    async def furnished(self, name):
        """
        A tenant with one of everything, such that an operation can succeed on it; its things and its key.
        """
        await self.desk.server.jobs.deliveries.send_due()
        key = await self.desk.key(tenant=f"tenant-{next(self.numbers)}")
        things = await furnished(self.desk, key)
        await prepared(self.desk, name, things, key)
        return things, key

    def right(self, name, things):
        """
        A body that is right, and new.
        """
        body = bodies(things).get(name)
        if not isinstance(body, dict):
            return body
        new = {"idempotencyKey", "externalSubscriberId", "label"} & body.keys()
        return body | {field: f"{field} {next(self.numbers)}" for field in new}


@pytest.fixture(scope="module")
def world(loop, database):
    """
    A server for all operations.
    """

    async def made():
        if database == ":memory:":
            desk = await opened(rate_per_minute=0)
        else:
            clock, chosen = ManualClock(), load({}, database=database, background=False, rate_per_minute=0)
            desk = Desk(chosen, await open_backend(chosen, clock=clock), clock)
        world = World(desk)
        world.some = await world.furnished("")
        return world

    world = loop.run(made())
    yield world
    loop.run(world.desk.http.aclose())
    loop.run(world.desk.server.stop())


def sensible(case, world, things):
    """
    Make a request a right one, but for one thing of its own invention: random ones rarely get past the first rule.
    """
    name = case.operation.definition.raw["operationId"]
    case.path_parameters = {one: things.ids[one] for one in case.path_parameters}
    own, right = case.body, world.right(name, things)
    if right is not None:
        case.body = right
        invented = sorted(own.keys() - right.keys()) if isinstance(own, dict) and isinstance(right, dict) else []
        if invented:
            chosen = invented[next(world.numbers) % len(invented)]
            case.body = {**right, chosen: own[chosen]}
    query = dict(case.query or {})
    kept = sorted(query)[: next(world.numbers) % 2]
    case.query = {one: query[one] for one in kept}
    if name == "get_budget_state_at":
        case.query["at"] = "2030-01-01T00:00:00Z"
    case.headers = {}


@SCHEMA.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_a_documented_one(case, world, loop):
    """
    Every fourth request is right but for one thing, so that more than refusals is seen.
    """
    things, key = world.some
    if case.method == case.operation.method.upper() and not next(world.numbers) % 4:
        things, key = loop.run(world.furnished(case.operation.definition.raw["operationId"]))
        sensible(case, world, things)
    for name in case.path_parameters:
        if name in things.ids and len(str(case.path_parameters[name])) % 2 == 0:
            case.path_parameters[name] = things.ids[name]
    arguments = case.as_transport_kwargs(base_url="http://figuard.test")
    headers = {str(n): str(v) for n, v in dict(arguments.pop("headers", None) or {}).items()}
    headers |= {"X-Agent-Budget-Key": key, "X-Session-Token": things.session}
    known = {name: value for name, value in arguments.items() if name in {"method", "url", "params", "json", "data"}}
    content = known.pop("data", None)

    answer = loop.run(world.desk.http.request(headers=headers, content=content, **known))

    if known["method"] == "OPTIONS":
        # A browser's question beforehand is answered on any path.
        return
    said = {int(code) for code in case.operation.definition.raw["responses"]} - {500} | {405}
    assert answer.status_code in said, f"{known} {answer.text}"
    if answer.status_code != 405:
        case.validate_response(answer, checks=AS_DOCUMENTED)
    world.succeeded[case.operation.label] += answer.is_success


def test_every_operation_succeeded_now_and_then(world):
    """
    Refusals alone would prove little.
    """
    if len(world.succeeded) < len(OPERATIONS):
        pytest.skip("not every operation was tried in this run")

    assert [] == [label for label, times in world.succeeded.items() if not times]
