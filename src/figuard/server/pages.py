"""
Pages: what people and probes read, as ordinary requests and responses; and the templates they are made of.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from figuard.domain import instants
from figuard.domain.amounts import decimal_of
from figuard.domain.codes import ErrorCode
from figuard.domain.instants import Instant
from figuard.domain.refusal import Refusal
from figuard.server.answers import send_refusal

Handler = Callable[[Request], Awaitable[Response]]


class Page:
    """The handlers of one path by method, as an ASGI application; HEAD is answered as GET is."""

    def __init__(self, **handlers: Handler) -> None:
        """Take a handler per method: ``Page(GET=…, POST=…)``."""
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._allow = ", ".join(sorted({*self._handlers, "OPTIONS"}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        handler = self._handlers.get(scope["method"])
        if handler is None:
            refusal = Refusal(
                ErrorCode.METHOD_NOT_ALLOWED, f"{scope['method']} is not possible here, but {self._allow}"
            )
            await send_refusal(send, refusal, headers=((b"allow", self._allow.encode()),))
            return
        response = await handler(Request(scope, receive))
        await response(scope, receive, send)


def _amount(quanta: int) -> str:
    """Return an amount as people write it: at least two decimals, thousands apart."""
    value: Decimal = decimal_of(quanta)
    whole, _, fraction = f"{value:,f}".partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"


def _moment(at: Instant) -> str:
    return instants.text(at)[:19].replace("T", " ") + " UTC"


def _iso(at: Instant) -> str:
    return instants.text(at)


_TEMPLATES = Environment(
    loader=PackageLoader("figuard.server"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(amount=_amount, moment=_moment, iso=_iso)


def html(template: str, status: int = 200, /, **values: object) -> HTMLResponse:
    """Return a page; every value is escaped."""
    shown = _TEMPLATES.get_template(template).render(**values)
    return HTMLResponse(shown, status)
