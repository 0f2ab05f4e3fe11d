"""
Schemathesis: whatever the document allows, and much that it does not, never ends in a 500.
"""

from __future__ import annotations

import asyncio

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from figuard.server.openapi import document
from tests.server.desk import opened
from tests.server.story import furnished

pytestmark = pytest.mark.full
SCHEMA = schemathesis.openapi.from_dict(document())
EXAMPLES = 30
"""How many requests each operation gets."""


@pytest.fixture(scope="module")
def loop():
    """
    A loop that outlives single examples, which are not asynchronous.
    """
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def world(loop):
    """
    A furnished server and a key that may do everything.
    """

    async def made():
        desk = await opened(rate_per_minute=0)
        key = await desk.key()
        return desk, key, await furnished(desk, key)

    desk, key, things = loop.run(made())
    yield desk, key, things
    loop.run(desk.http.aclose())
    loop.run(desk.server.stop())


@SCHEMA.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_server(case, world, loop):
    """
    Half of the requests name things that exist, so that more than a 404 is tried.
    """
    desk, key, things = world
    for name in case.path_parameters:
        if name in things.ids and len(str(case.path_parameters[name])) % 2 == 0:
            case.path_parameters[name] = things.ids[name]
    arguments = case.as_transport_kwargs(base_url="http://figuard.test")
    headers = {str(n): str(v) for n, v in dict(arguments.pop("headers", None) or {}).items()}
    headers |= {"X-Agent-Budget-Key": key, "X-Session-Token": things.session}
    known = {name: value for name, value in arguments.items() if name in {"method", "url", "params", "json", "data"}}

    async def sent():
        content = known.pop("data", None)
        return await desk.http.request(headers=headers, content=content, **known)

    answer = loop.run(sent())

    said = {int(code) for code in case.operation.definition.raw["responses"]} - {500} | {405}
    # A browser's question beforehand is answered on any path.
    assert answer.status_code in said or known["method"] == "OPTIONS", f"{known} {answer.text}"
