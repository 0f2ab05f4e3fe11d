"""
Logs: one JSON object per line, and never a secret.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from figuard.server.settings import ServerSettings

_SECRET = re.compile(r"\b(fg_live_|st_|sc_|whsec_)[A-Za-z0-9_-]{6,}")
_HIDDEN = frozenset({"api_key", "apikey", "authorization", "cookie", "password", "secret", "session_token", "token"})
_KNOWN = frozenset({"fg_live_demo"})


def configure(settings: ServerSettings, **always: object) -> None:
    """
    Send everything that is logged in this process to standard error, in the form that the settings say.

    Every line says *always* as well.
    """

    def said_always(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.update(always)
        return event

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        said_always,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redacted,
    ]
    form: Any = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, form],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    # Every request is counted; what one is about stands in the ledger. A line per request would cost as much again.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, root.level))


def redacted(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return a log record with its secrets cut down to their prefix."""
    for name, value in event.items():
        if name.lower() in _HIDDEN:
            event[name] = "[redacted]"
        elif isinstance(value, str):
            event[name] = _SECRET.sub(_shortened, value)
    return event


def _shortened(found: re.Match[str]) -> str:
    return found[0] if found[0] in _KNOWN else f"{found[1]}…"
