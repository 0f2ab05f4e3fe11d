"""
The guard of tools that a model calls: a denial is told to the model, a repeat is charged once, and one budget serves
as many tools as there are.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from figuard.client.context import Known, digest
from figuard.client.denial_reasons import DenialReason
from figuard.client.exceptions import FiGuardDeniedException, FiGuardError
from figuard.client.guarding.passage import Way, go, go_awaited
from figuard.client.guarding.policy import UNKNOWN_AMOUNT, Policy, ToolCall
from figuard.client.guarding.wrapping import raise_if_probed, wrapped
from figuard.client.ops.arguments import token_of
from figuard.client.ops.spend import TOOL_ERROR
from figuard.client.session import logger
from figuard.client.spend import SpendBase

if TYPE_CHECKING:
    from figuard.client.guarding.passage import Client

F = TypeVar("F", bound=Callable[..., Any])

RESULTS_MAX = 1000
"""How many results a guard remembers, to give again when the very same call is repeated; the oldest go first."""
_MESSAGE_MAX = 500


@dataclass(frozen=True, slots=True)
class Denied:
    """Why a call was not made: a code of the table of codes, or ``UNKNOWN_AMOUNT``, and what would help."""

    tool: str
    code: str
    message: str | None = None
    event_id: str | None = None

    @property
    def text(self) -> str:
        """What a model reads."""
        return denial_text(self.code, self.message)


def denial_text(code: str, message: str | None = None) -> str:
    """Return the text of a denial, the same in every framework and language."""
    return f"FiGuard DENIED: {code} — {message}" if message else f"FiGuard DENIED: {code}"


def _text(denied: Denied, call: ToolCall) -> Any:  # noqa: ANN401 - a framework may want another type
    return denied.text


def _never(result: object) -> str | None:
    return None


def _as_it_is(call: ToolCall) -> ToolCall:
    return call


@dataclass(frozen=True, slots=True)
class Framework:
    """
    How a framework is spoken to.

    ``denied`` makes what the framework takes for a tool's result out of a denial. ``failed`` returns the error text
    of a result that stands for a failure, None for any other. ``interrupts`` are exceptions that pause a call before
    it has done anything: their hold is voided. ``describe`` completes a call of a wrapped function with what only the
    framework knows of it, such as the ids of call and run.
    """

    denied: Callable[[Denied, ToolCall], Any] = _text
    failed: Callable[[Any], str | None] = _never
    interrupts: tuple[type[BaseException], ...] = ()
    describe: Callable[[ToolCall], ToolCall] = _as_it_is


PLAIN = Framework()
"""No framework: plain functions."""


@dataclass(frozen=True, slots=True)
class _Around:
    """The guarded call around the code that runs now; ``is_entered`` once its innermost guard was passed."""

    tool: str
    token: str
    is_entered: bool


_around: ContextVar[_Around | None] = ContextVar("figuard_guarded_call", default=None)


class _Memory:
    """Which calls are under way, and what the newest ones returned, by idempotency key."""

    def __init__(self) -> None:
        self.results: Known[tuple[Any]] = Known(RESULTS_MAX)
        self._under_way: set[str] = set()
        self._lock = threading.Lock()

    def take(self, key: str) -> bool:
        """Mark a call as under way. False when it is already."""
        with self._lock:
            if key in self._under_way:
                return False
            self._under_way.add(key)
            return True

    def release(self, key: str) -> None:
        """Mark a call as over."""
        with self._lock:
            self._under_way.discard(key)


class ToolGuard:
    """
    A guard for tools, made by ``client.guard``; see there for what it can be told.

    ``guard.wrap(function)``, or the guard as a decorator, guards a plain function. ``run`` and ``run_async`` make one
    call that a framework hands over. Safe to share between threads, tasks and frameworks.
    """

    def __init__(self, client: Client, policy: Policy, memory: _Memory | None = None) -> None:
        self.client = client
        self.policy = policy
        self._memory = memory or _Memory()

    def __call__(self, function: F) -> F:
        """Guard a plain function; the decorator form of ``wrap``."""
        return cast("F", self.wrap(function))

    def with_options(self, **changes: Any) -> ToolGuard:  # noqa: ANN401 - those of client.guard, checked by Policy
        """Return a guard that differs in these settings and shares everything else, the budget included."""
        return ToolGuard(self.client, replace(self.policy, **changes), self._memory)

    def wrap(
        self,
        function: Callable[..., Any],
        *,
        tool: str | None = None,
        framework: Framework = PLAIN,
        is_innermost: bool = True,
        is_strict: bool = True,
    ) -> Callable[..., Any]:
        """
        Return *function* guarded, of its own colour. *tool* is the tool's name, by default the function's.

        ``is_innermost=False`` says that it may call a guarded function of the same tool, which is then the same call.
        Raises ``FiGuardUnguardableError`` for what cannot be guarded or is already, and ``TypeError`` for a blocking
        function with an asyncio client; with ``is_strict=False`` that is raised by its calls, for a function that may
        be reached by an awaited layer too.
        """
        name = tool or getattr(function, "__name__", None) or type(function).__name__

        def way(bound: inspect.BoundArguments) -> Way:
            call = framework.describe(ToolCall(name, _named(bound)))
            return self._way(call, framework, is_innermost=is_innermost)

        return wrapped(self.client, function, way, owner=self, word="guard", is_strict=is_strict)

    def run(
        self, call: ToolCall, body: Callable[[], Any], framework: Framework = PLAIN, *, is_innermost: bool = False
    ) -> Any:  # noqa: ANN401 - the tool's own
        """
        Make one blocking call: ask, run *body*, settle; or return the denial in the framework's form.

        What *body* raises is raised on, after the hold was released (or kept, when the money may have moved). A failure
        to ask is raised and *body* does not run. Raises ``TypeError`` for an asyncio client.
        """
        raise_if_probed()
        return go(self.client, self._way(call, framework, is_innermost=is_innermost), body, f"the tool {call.tool!r}")

    async def run_async(
        self,
        call: ToolCall,
        body: Callable[[], Awaitable[Any]],
        framework: Framework = PLAIN,
        *,
        is_innermost: bool = False,
    ) -> Any:  # noqa: ANN401 - the tool's own
        """Make one awaited call, as ``run`` does. A blocking client asks and settles on a thread."""
        raise_if_probed()
        return await go_awaited(self.client, self._way(call, framework, is_innermost=is_innermost), body)

    def deny(self, denied: Denied, call: ToolCall, framework: Framework) -> Any:  # noqa: ANN401 - the framework's own
        """Say no, as the framework wants it said. Raises ``FiGuardDeniedException`` if the policy wants that."""
        logger.info("denied %s: %s (event %s)", denied.tool, denied.code, denied.event_id)
        if self.policy.on_denied == "raise":
            raise FiGuardDeniedException(denied.code, denied.message, denied.event_id)
        return framework.denied(denied, call)

    def _way(self, call: ToolCall, framework: Framework, *, is_innermost: bool) -> Way:
        policy = self.policy
        if call.tool in policy.ignore_tools:
            return Way(is_free=True)
        token = policy.token(call)
        around = _Around(call.tool, digest(token_of(token, None)), is_innermost)
        outer = _around.get()
        if outer == replace(around, is_entered=False):
            # Another guard of the same tool and budget has asked for this very call a moment ago.
            return _Inner(around)
        amount = policy.amount(call)
        if amount is None:
            denied = Denied(call.tool, UNKNOWN_AMOUNT, policy.why_unknown(call))
            return Way(answer=partial(self.deny, denied, call, framework))
        wish = policy.wish(call, token, amount)
        if policy.debug:
            logger.info("asking for %s for %s in category %s", amount, call.tool, wish["category"])
        key: str | None = wish["idempotency_key"]
        if key is not None:
            if not self._memory.take(key):
                denied = Denied(call.tool, DenialReason.DUPLICATE_REQUEST, "this very call is under way already")
                return Way(answer=partial(self.deny, denied, call, framework))
            if (before := self._memory.results.get(key)) is not None:
                self._memory.release(key)
                return Way(answer=lambda: before[0])
        return _Guarded(self, call, framework, around, wish, self._memory)


class _Inner(Way):
    """The way of a call that the guard around it has asked for."""

    def __init__(self, around: _Around) -> None:
        super().__init__(is_free=True)
        self._around = around

    def around(self) -> AbstractContextManager[object]:
        return _within(self._around)


class _Guarded(Way):
    """The way of a call that asks, runs and settles."""

    def __init__(
        self,
        guard: ToolGuard,
        call: ToolCall,
        framework: Framework,
        around: _Around,
        wish: dict[str, Any],
        memory: _Memory,
    ) -> None:
        super().__init__(wish)
        self._guard, self._call, self._framework, self._memory = guard, call, framework, memory
        self._around = around
        self._key: str | None = wish["idempotency_key"]
        self._has_run = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._key is not None:
            self._memory.release(self._key)
        if self._has_run and isinstance(error, FiGuardError):
            # The tool did its work; the hold stays as of unknown outcome, and the model needs the result.
            logger.warning("could not settle the call of %s, its hold stays: %s", self._call.tool, error)
            return True
        return False

    @contextmanager
    def inside(self, spend: SpendBase) -> Generator[None]:
        with _within(self._around):
            try:
                yield
            except self._framework.interrupts:
                spend.void("INTERRUPTED")
                raise
            except asyncio.CancelledError:
                if self._guard.policy.on_cancel == "fail":
                    spend.fail("CANCELLED")
                raise

    def settled(self, spend: SpendBase, result: Any) -> Any:  # noqa: ANN401 - the tool's own
        failure = self._framework.failed(result)
        if failure is not None:
            spend.fail(TOOL_ERROR, failure[:_MESSAGE_MAX] or None)
            return result
        value, cost = self._guard.policy.cost(result)
        spend.settle(cost)
        self._has_run, self.outcome = True, value
        if self._key is not None:
            self._memory.results.learn(self._key, (value,))
        return value

    def denied(self, spend: SpendBase) -> Any:  # noqa: ANN401 - the framework's own
        refused = spend.refusal
        assert refused is not None
        denied = Denied(self._call.tool, refused.denial_reason, refused.denial_message, spend.event_id)
        return self._guard.deny(denied, self._call, self._framework)


@contextmanager
def _within(around: _Around) -> Generator[None]:
    token = _around.set(around)
    try:
        yield
    finally:
        _around.reset(token)


def _named(bound: inspect.BoundArguments) -> dict[str, Any]:
    """Return the arguments of a call by name, without the object a method belongs to; ``**kwargs`` spread out."""
    named: dict[str, Any] = {}
    for name, parameter in bound.signature.parameters.items():
        if name not in bound.arguments or name in {"self", "cls"}:
            continue
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            named |= bound.arguments[name]
        else:
            named[name] = bound.arguments[name]
    return named
