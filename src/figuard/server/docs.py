"""
The API reference in the browser: the OpenAPI document and Swagger UI, from files of our own, behind a login.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.server.auth import Gate
from figuard.server.openapi import document
from figuard.server.pages import Page, html
from figuard.server.requests import heads_of
from figuard.server.sessions import Sessions
from figuard.server.settings import ServerSettings
from figuard.wire.codec import encode

_TYPES = {".js": "text/javascript", ".css": "text/css", ".png": "image/png", ".svg": "image/svg+xml"}
_CACHED = "public, max-age=86400"
_NOT_MODIFIED, _FOUND = 304, 302


class Docs:
    """Shows the API reference."""

    def __init__(self, settings: ServerSettings, gate: Gate, sessions: Sessions) -> None:
        """Show it to whoever is logged in or sends a key; to everybody where the settings say so."""
        self._settings = settings
        self._gate = gate
        self._sessions = sessions

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/openapi.json", Page(GET=self.openapi)),
            Route("/v3/api-docs", Page(GET=self.openapi)),
            Route("/swagger-ui", Page(GET=self.swagger)),
            Route("/swagger-ui.html", Page(GET=self.swagger)),
            Route("/static/{name:path}", Page(GET=static)),
            Route("/", Page(GET=self.front)),
        ]

    async def front(self, request: Request) -> Response:
        """Send a browser that knows nothing but the address to what there is to see."""
        return RedirectResponse("/swagger-ui", _FOUND)

    async def openapi(self, request: Request) -> Response:
        """Return the OpenAPI document."""
        if not self._settings.public_docs and await self._sessions.current(request) is None:
            await self._gate.admit(heads_of(request.scope).api_key)
        return Response(openapi_json(), media_type="application/json")

    async def swagger(self, request: Request) -> Response:
        """Return Swagger UI."""
        session = await self._sessions.current(request)
        if session is None and not self._settings.public_docs:
            return self._sessions.to_login(request)
        return html("swagger.html", csrf=session.csrf if session else "")


@cache
def openapi_json() -> bytes:
    """Return the OpenAPI document as JSON, made once."""
    return encode(document())


async def static(request: Request) -> Response:
    """Return one of the files that pages are made of. Raises ``Refusal`` (``UNKNOWN_PATH``)."""
    name: str = request.path_params["name"]
    found = _assets().get(name)
    if found is None:
        raise Refusal(ErrorCode.UNKNOWN_PATH, f"there is no file {name[:200]!r}")
    content, etag = found
    headers = {"cache-control": _CACHED, "etag": etag}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    return Response(content, media_type=_TYPES[PurePosixPath(name).suffix], headers=headers)


@cache
def _assets() -> dict[str, tuple[bytes, str]]:
    """Return every file that may be asked for, with its mark; nothing else can be reached."""
    root = files("figuard.server") / "static"
    found: dict[str, tuple[bytes, str]] = {}
    for folder, prefix in ((root, ""), (root / "vendor", "vendor/")):
        for file in folder.iterdir():
            if PurePosixPath(file.name).suffix in _TYPES:
                content = file.read_bytes()
                found[prefix + file.name] = (content, f'"{sha256(content).hexdigest()[:20]}"')
    return found
