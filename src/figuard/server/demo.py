"""
The demo: a tenant and a key that everybody knows, seeded only where a flag asks for it.
"""

from __future__ import annotations

from uuid import NAMESPACE_OID, uuid5

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from figuard.domain.admin import ApiKey, Tenant
from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.ports import GetRecords, Kind, StoreConflict
from figuard.server.backend import Backend
from figuard.server.pages import Page
from figuard.server.requests import read_body

DEMO_KEY = "fg_live_demo"
"""The key that ``--demo`` seeds."""
SEED_KEY_DEFAULT = "fg_live_integrationtest"
"""The key that ``POST /internal/demo/seed`` seeds unless it is told another."""
BODY_BYTES_MAX = 4096
BODY_SECONDS = 5.0
KEY_LENGTH_MIN, KEY_LENGTH_MAX, PREFIX_LENGTH = 8, 255, 12
_LOG = structlog.stdlib.get_logger(__name__)


class _Seed(msgspec.Struct, rename="camel"):
    api_key: str = SEED_KEY_DEFAULT


async def seed(backend: Backend, raw: str) -> str | None:
    """Make a tenant of its own for a key; return the tenant's id, or None when the key is there already."""
    digest = backend.hasher.hash(raw)
    hashes = tuple(backend.hasher.candidates(raw))
    if await backend.engine.query(GetRecords(Kind.API_KEYS_BY_HASH, hashes)):
        return None
    now = backend.engine.now()
    # Named after the key, so that two servers that seed at once make one tenant.
    tenant_id = str(uuid5(NAMESPACE_OID, f"figuard demo tenant {raw}"))
    key_id = str(uuid5(NAMESPACE_OID, f"figuard demo key {digest}"))
    key = ApiKey(key_id, tenant_id, digest, raw[:PREFIX_LENGTH], now, "demo: everybody knows this key")
    try:
        if not await backend.engine.query(GetRecords(Kind.TENANTS, (tenant_id,))):
            await backend.insert(Tenant(tenant_id, "demo", now), key)
        else:
            await backend.insert(key)
    except StoreConflict:
        return None
    return tenant_id


async def seed_demo(backend: Backend) -> None:
    """Seed the demo's key, and say loudly what that means."""
    await seed(backend, DEMO_KEY)
    _LOG.warning(
        "DEMO MODE: anyone who reaches this server can use it with the key fg_live_demo; never expose it",
        key=DEMO_KEY,
    )


def demo_routes(backend: Backend) -> list[BaseRoute]:
    """Return the route by which tests seed keys of their own."""

    async def seeded(request: Request) -> Response:
        body = await read_body(request.receive, 0, most=BODY_BYTES_MAX, seconds=BODY_SECONDS)
        try:
            raw = msgspec.json.decode(body or b"{}", type=_Seed).api_key
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Refusal(ErrorCode.MALFORMED_JSON, f'the body must be {{"apiKey": "…"}}: {error}') from None
        if not KEY_LENGTH_MIN <= len(raw) <= KEY_LENGTH_MAX or not raw.isascii() or not raw.isprintable():
            raise Refusal(
                ErrorCode.INVALID_REQUEST, f"apiKey must be {KEY_LENGTH_MIN} to {KEY_LENGTH_MAX} printable characters"
            )
        tenant_id = await seed(backend, raw)
        said = {"status": "already_exists"} if tenant_id is None else {"status": "seeded", "tenantId": tenant_id}
        return Response(msgspec.json.encode(said), media_type="application/json")

    return [Route("/internal/demo/seed", Page(POST=seeded))]
