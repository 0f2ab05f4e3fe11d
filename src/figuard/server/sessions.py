"""
Sessions: people log in with an API key and hold a signed cookie instead of it.

The cookie names the key and is not the key. Whether the key is still valid is looked up at every page, so revoking it
ends its sessions on every server.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from figuard.domain.admin import ApiKey
from figuard.domain.codes import ErrorCode
from figuard.domain.instants import SECOND
from figuard.domain.refusal import Refusal
from figuard.host import PepperHasher
from figuard.server.auth import Gate
from figuard.server.pages import Page, html
from figuard.server.requests import read_body
from figuard.server.settings import ServerSettings

SESSION_COOKIE = "figuard_session"
LOGIN_COOKIE = "figuard_login"
SESSION_SECONDS = 8 * 3600
"""How long a session lasts."""
LOGIN_SECONDS = 600
"""How long a login form may lie open."""
FORM_BYTES_MAX = 4096
FORM_FIELDS_MAX = 20
_SEE_OTHER = 303


class _Content(msgspec.Struct, array_like=True):
    key_id: str
    expires: int
    nonce: str


@dataclass(frozen=True, slots=True)
class Session:
    """Who is logged in, and the token that their forms must carry."""

    key: ApiKey
    csrf: str


class Sessions:
    """Logs people in and out."""

    def __init__(self, settings: ServerSettings, gate: Gate, hasher: PepperHasher) -> None:
        """Let keys in by *gate*; cookies are signed under the peppers."""
        self._settings = settings
        self._gate = gate
        self._hasher = hasher

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/login", Page(GET=self.show_login, POST=self.log_in)),
            Route("/logout", Page(POST=self.log_out)),
        ]

    async def current(self, request: Request) -> Session | None:
        """Return the session of a request, or None."""
        cookie = request.cookies.get(SESSION_COOKIE, "")
        content = self._opened(cookie)
        if content is None:
            return None
        key = await self._gate.key_by_id(content.key_id)
        return None if key is None else Session(key, self._signed("csrf", cookie))

    async def form(self, request: Request) -> dict[str, str]:
        """Return the fields of a form. Raises ``Refusal`` for one that is none, or too large."""
        settings = self._settings
        body = await read_body(request.receive, 0, most=FORM_BYTES_MAX, seconds=settings.body_seconds)
        try:
            return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX))
        except ValueError as error:
            raise Refusal(ErrorCode.INVALID_REQUEST, f"the form cannot be read: {error}") from None

    def check(self, session: Session | None, form: dict[str, str]) -> None:
        """Raise ``Refusal`` (``CSRF_FAILED``) unless a form was made for this very session."""
        if session is None or not _same(form.get("csrf", ""), session.csrf):
            raise Refusal(ErrorCode.CSRF_FAILED, "the form's token does not belong to this session")

    # -- pages -----------------------------------------------------------------------------------------------------

    def to_login(self, request: Request) -> Response:
        """Send somebody who is not logged in to the form, and back afterwards."""
        return RedirectResponse(f"/login?next={quote(request.url.path)}", _SEE_OTHER)

    async def show_login(self, request: Request) -> Response:
        """Show the form."""
        return self._login_page(request, local(request.query_params.get("next", "")), 200)

    async def log_in(self, request: Request) -> Response:
        """Take a key and give a cookie for it."""
        form = await self.form(request)
        goal = local(form.get("next", ""))
        nonce = request.cookies.get(LOGIN_COOKIE, "")
        if not nonce or not _same(form.get("csrf", ""), self._signed("login", nonce)):
            raise Refusal(ErrorCode.CSRF_FAILED, "the login form is too old, or was not made here")
        try:
            held = await self._gate.admit(form.get("key", "").strip())
        except Refusal as refusal:
            if refusal.row.status != 401:  # noqa: PLR2004 - HTTP
                raise
            return self._login_page(request, goal, 401, "This key is unknown, revoked or expired.")
        expires = self._gate.engine.now() // SECOND + SESSION_SECONDS
        cookie = self._sealed(_Content(held.key.id, expires, secrets.token_urlsafe(16)))
        response = RedirectResponse(goal, _SEE_OTHER)
        self._set(request, response, SESSION_COOKIE, cookie, SESSION_SECONDS)
        response.delete_cookie(LOGIN_COOKIE)
        return response

    async def log_out(self, request: Request) -> Response:
        """Take the cookie back."""
        self.check(await self.current(request), await self.form(request))
        response = RedirectResponse("/login", _SEE_OTHER)
        response.delete_cookie(SESSION_COOKIE)
        return response

    def _login_page(self, request: Request, goal: str, status: int, fault: str = "") -> Response:
        nonce = secrets.token_urlsafe(24)
        response = html("login.html", status, csrf=self._signed("login", nonce), next=goal, fault=fault)
        self._set(request, response, LOGIN_COOKIE, nonce, LOGIN_SECONDS)
        return response

    def _set(self, request: Request, response: Response, name: str, value: str, seconds: int) -> None:
        is_secure = request.url.scheme == "https" or self._settings.public_url.startswith("https://")
        response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="strict", secure=is_secure)

    # -- cookies ---------------------------------------------------------------------------------------------------

    def _signed(self, what: str, value: str) -> str:
        return self._hasher.hash(f"figuard {what} {value}").partition(":")[2]

    def _sealed(self, content: _Content) -> str:
        text = urlsafe_b64encode(msgspec.json.encode(content)).decode()
        return f"{text}.{self._signed('session', text)}"

    def _opened(self, cookie: str) -> _Content | None:
        text, _, signature = cookie.partition(".")
        if not signature:
            return None
        wanted = (one.partition(":")[2] for one in self._hasher.candidates(f"figuard session {text}"))
        if not any([_same(signature, one) for one in wanted]):  # noqa: C419 - all are compared, whichever fits
            return None
        try:
            content = msgspec.json.decode(urlsafe_b64decode(text), type=_Content)
        except (Base64Error, ValueError, msgspec.MsgspecError):
            return None
        return content if self._gate.engine.now() // SECOND < content.expires else None


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())


def local(path: str) -> str:
    """Return a path of this server to go on to; anything else becomes the API reference."""
    is_local = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_local else "/swagger-ui"
