"""
Spans for OpenTelemetry where it is installed; nothing at all, at no cost, where it is not.

A denial is a normal answer: the span carries it in ``figuard.decision`` and stays without an error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol

from figuard._version import __version__
from figuard.client.exceptions import FiGuardApiError
from figuard.client.models.events import AuthorizationResult

TRACER = "figuard"
_API = "opentelemetry.trace"
PROVIDER_VARIABLE = "OTEL_PYTHON_TRACER_PROVIDER"
"""OpenTelemetry's own variable for a tracer that is set up without a line of code."""
SCHEMA_URL = "https://opentelemetry.io/schemas/1.24.0"


class Span(Protocol):
    """What an operation may say about itself while it runs."""

    def note(self, **attributes: object) -> None:
        """Set ``figuard.<name>`` for each attribute that is not None."""
        ...

    def done(self) -> None:
        """Mark the operation as having done what it should."""
        ...


class _Silent:
    def note(self, **attributes: object) -> None:
        """Say nothing."""

    def done(self) -> None:
        """Say nothing."""


_SILENT = _Silent()
_NOTHING: AbstractContextManager[Span] = nullcontext(_SILENT)


class _Recorded:
    """A span of OpenTelemetry."""

    def __init__(self, span: Any) -> None:  # noqa: ANN401 - OpenTelemetry may be missing
        self._span = span

    def note(self, **attributes: object) -> None:
        for name, value in attributes.items():
            if value is not None:
                self._span.set_attribute(f"figuard.{name}", value if isinstance(value, (str, bool)) else float(value))  # pyright: ignore[reportArgumentType] - amounts and counts

    def done(self) -> None:
        self._span.set_status(_trace().StatusCode.OK)


def _trace() -> Any:  # noqa: ANN401 - OpenTelemetry may be missing
    """
    Return the API of OpenTelemetry, or None where it is not installed, or nobody can be listening through it.

    Whoever sets up a tracer or opens a span has loaded it before; otherwise it is not worth being loaded.
    """
    return _loaded() if _API in sys.modules or _is_named_outside() else None


@cache
def _is_named_outside() -> bool:
    """Return whether the environment names a tracer, which the API sets up when it is asked for one."""
    return PROVIDER_VARIABLE in os.environ


@cache
def _loaded() -> Any:  # noqa: ANN401 - OpenTelemetry may be missing
    if find_spec("opentelemetry") is None:
        return None
    # Not taken from ``sys.modules``, where another thread may be half-way through loading it.
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    return trace


@cache
def _tracer() -> Any:  # noqa: ANN401 - OpenTelemetry may be missing
    return _trace().get_tracer(TRACER, __version__, schema_url=SCHEMA_URL)


def span(operation: str, **attributes: object) -> AbstractContextManager[Span]:
    """Open the span ``figuard.<operation>``; an exception inside is recorded and makes it an error."""
    return _recording(operation, attributes) if _is_listening() else _NOTHING


def _is_listening() -> bool:
    """Return whether anybody set up a tracer: composing spans for nobody would cost a tenth of an authorization."""
    trace = _trace()
    return trace is not None and not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@contextmanager
def _recording(operation: str, attributes: dict[str, object]) -> Generator[Span]:
    with _tracer().start_as_current_span(f"figuard.{operation}") as started:
        # Nobody listens to a trace that is not sampled.
        recorded = _Recorded(started) if started.is_recording() else _SILENT
        recorded.note(**attributes)
        try:
            yield recorded
        except FiGuardApiError as error:
            recorded.note(error_code=error.code, status_code=error.status_code)
            raise


def sampled_trace_id() -> str | None:
    """Return the trace id around the caller (32 hex digits) when it is sampled, else None."""
    trace = _trace()
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not (context.is_valid and context.trace_flags.sampled):
        return None
    return format(context.trace_id, "032x")


def note_answer(recorded: Span, answer: AuthorizationResult) -> None:
    """Put the answer to an authorization on its span."""
    if recorded is _SILENT:
        return
    if answer.is_fallback:
        recorded.note(event_id=answer.event_id, fallback=True)
        return
    recorded.note(
        event_id=answer.event_id,
        decision=answer.decision,
        approved_quantity=answer.approved_quantity,
        denial_reason=answer.denial_reason,
        budget_available=answer.budget_snapshot.available_quantity if answer.budget_snapshot else None,
    )
    recorded.done()
