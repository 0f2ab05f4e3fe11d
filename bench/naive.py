"""
The usual way: one transaction per request, which locks the budget, looks, writes and commits.

The same front (uvicorn with uvloop and httptools, Starlette, msgspec) and the same driver as the server, and none of
its rules: no tenants, windows, chain, settlement or verification. ``python -m bench.naive URL [PORT]`` serves it; any
number of processes may serve one port, shared as the workers of the server share theirs.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys

import asyncpg
import msgspec
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CONNECTIONS = 16
GC_THRESHOLD = 100_000
SCHEMA = (
    (
        "CREATE TABLE naive_budgets (token text PRIMARY KEY, quota bigint NOT NULL, held bigint NOT NULL)"
        " WITH (fillfactor = 50)"
    ),
    (
        "CREATE TABLE naive_events (id text PRIMARY KEY, token text NOT NULL, key text NOT NULL,"
        " amount bigint NOT NULL, body text NOT NULL, UNIQUE (token, key))"
    ),
)
_LOCK = "SELECT quota, held FROM naive_budgets WHERE token = $1 FOR UPDATE"
_KNOWN = "SELECT id FROM naive_events WHERE token = $1 AND key = $2"
_RECORD = "INSERT INTO naive_events VALUES ($1, $2, $3, $4, $5)"
_TAKE = "UPDATE naive_budgets SET held = held + $2 WHERE token = $1"
CENTS = 100


class Asked(msgspec.Struct, rename="camel"):
    """The part of a request that is looked at."""

    requested_quantity: float
    idempotency_key: str


def application(pool: asyncpg.Pool) -> Starlette:
    """Return the application."""
    decoder = msgspec.json.Decoder(Asked)

    async def authorize(request: Request) -> Response:
        token = request.headers["x-session-token"]
        body = await request.body()
        asked = decoder.decode(body)
        amount = round(asked.requested_quantity * CENTS)
        async with pool.acquire() as connection, connection.transaction():
            quota, held = await connection.fetchrow(_LOCK, token)
            known = await connection.fetchval(_KNOWN, token, asked.idempotency_key)
            fits = quota - held >= amount
            if known is None and fits:
                known = f"{token}-{asked.idempotency_key}"
                await connection.execute(_RECORD, known, token, asked.idempotency_key, amount, body.decode())
                await connection.execute(_TAKE, token, amount)
        answer = {"decision": "AUTHORIZED" if known else "DENIED", "eventId": known, "available": quota - held}
        return Response(msgspec.json.encode(answer), media_type="application/json")

    return Starlette(routes=[Route("/api/v1/authorize", authorize, methods=["POST"])])


async def serve(url: str, port: int) -> None:
    """Serve until told to stop, on any free port where it is 0."""
    pool = await asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(("127.0.0.1", port))
        config = uvicorn.Config(
            application(pool), http="httptools", lifespan="off", log_level="warning", access_log=False
        )
        print(f"listens on http://127.0.0.1:{listening.getsockname()[1]} ", file=sys.stderr, flush=True)
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else 0))
