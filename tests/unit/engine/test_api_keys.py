"""
API keys and tenants: issued once, revoked and rotated at once, never stored in the clear.
"""

from __future__ import annotations

from typing import Any

import pytest

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.admin import ApiKey, KeyScope
from figuard.domain.codes import ErrorCode
from figuard.domain.instants import SECOND
from tests.builders import World
from tests.unit.domain.made import refusal


def created(world: World, **fields: Any) -> tuple[ApiKey, str]:
    """Return a new key and its secret."""
    reply = world.order(c.CreateApiKey(**fields))
    return reply.api_key, reply.secret


def test_a_key_is_stored_as_its_hash():
    world = World()
    key, secret = created(world)

    assert ("fg_live_", world.hasher.hash(secret), secret[:12]) == (secret[:8], key.hash, key.prefix)
    store: Any = world.store
    assert secret not in repr(store._data.shelves[ApiKey].rows)


def test_a_key_has_the_scope_that_was_asked_for():
    world = World()

    assert KeyScope.READ is created(world, scope=KeyScope.READ)[0].scope


@pytest.mark.parametrize(("seconds", "live"), [(59, True), (60, False)])
def test_a_key_may_expire(seconds: int, live: bool):
    world = World()
    key, _ = created(world, expires_at=world.clock.now() + 60 * SECOND)
    world.clock.advance(seconds)

    assert live is key.is_live(world.clock.now())


def test_a_revoked_key_is_dead_and_revoking_it_twice_is_harmless():
    world = World()
    key, _ = created(world)
    first = world.order(c.RevokeApiKey(key.id)).api_key
    world.clock.advance(60)

    assert not first.is_live(world.clock.now())
    assert first == world.order(c.RevokeApiKey(key.id)).api_key


def test_a_rotated_key_ends_at_once_and_its_successor_has_the_same_rights():
    world = World()
    key, secret = created(world, description="agent", scope=KeyScope.AGENT, expires_at=10**16)
    reply = world.order(c.RotateApiKey(key.id))
    old = next(known for known in world.ask(q.ListApiKeys()).keys if known.id == key.id)

    assert (False, True) == (old.is_live(world.clock.now()), reply.secret != secret)
    assert (key.description, key.scope, key.expires_at) == (
        reply.api_key.description, reply.api_key.scope, reply.api_key.expires_at,
    )  # fmt: skip


def test_a_revoked_key_is_not_rotated():
    world = World()
    key, _ = created(world)
    world.order(c.RevokeApiKey(key.id))

    assert ErrorCode.API_KEY_STATE_CONFLICT is refusal(world.order, c.RotateApiKey(key.id))


@pytest.mark.parametrize("command", [c.RevokeApiKey, c.RotateApiKey])
def test_an_unknown_key_is_not_found(command: Any):
    assert ErrorCode.NOT_FOUND is refusal(World().order, command("nobody"))


def test_a_tenant_begins_with_a_key_that_may_do_everything():
    world = World()
    reply = world.order(c.CreateTenant("Acme"))

    assert (reply.tenant.id, KeyScope.ADMIN, world.hasher.hash(reply.secret)) == (
        reply.api_key.tenant_id, reply.api_key.scope, reply.api_key.hash,
    )  # fmt: skip
    assert (reply.api_key,) == world.ask(q.ListApiKeys(), tenant=reply.tenant.id).keys
