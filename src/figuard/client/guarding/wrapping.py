"""
Guarded functions: how one is made, told from others, taken apart again, and proved to be in force.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from figuard.client.exceptions import FiGuardError
from figuard.client.guarding.passage import Way, blocking, go, go_awaited

if TYPE_CHECKING:
    from figuard.client.guarding.passage import Client

Ways = Callable[[inspect.BoundArguments], Way]
"""Finds the way of one call by its arguments, defaults included."""
_MARK = "__figuard_guarded__"


class FiGuardUnguardableError(FiGuardError, TypeError):
    """What was to be guarded cannot be, is guarded already, or would have the guard off the path of its calls."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a guarded function carries: who guards it, and what it guards."""

    owner: object
    inner: Callable[..., Any]
    outer: Callable[..., Any]


def wrapped(
    client: Client,
    function: Callable[..., Any],
    ways: Ways,
    *,
    owner: object,
    word: str = "guarded",
    is_strict: bool = True,
) -> Callable[..., Any]:
    """
    Return *function* with a guard around it, of the function's own colour.

    Raises ``TypeError`` for a generator, whose work is done after it returned; for what a client of this colour
    cannot wait for, unless *is_strict* leaves that to its calls; and for what is guarded already, since each call would
    be charged twice.
    """
    if isinstance(function, (staticmethod, classmethod)) or inspect.isclass(function) or not callable(function):
        raise FiGuardUnguardableError(f"{word} takes a function; put it below @staticmethod or @classmethod")
    name = name_of(function)
    if mark_of(function) is not None:
        raise FiGuardUnguardableError(f"{name} is guarded already; guarded twice, each call would be charged twice")
    if _is(inspect.isgeneratorfunction, function) or _is(inspect.isasyncgenfunction, function):
        raise FiGuardUnguardableError(f"{name} is a generator: its work is done after it returned, so guard each step")
    made = _awaited if _is(inspect.iscoroutinefunction, function) else _blocked
    if made is _blocked and is_strict:
        blocking(client, name)
    outer = made(client, function, ways, name)
    setattr(outer, _MARK, Mark(owner, function, outer))
    return outer


def _blocked(client: Client, function: Callable[..., Any], ways: Ways, name: str) -> Callable[..., Any]:
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's own
        raise_if_probed()
        way = ways(_bound(signature, args, kwargs))
        return go(client, way, functools.partial(function, *args, **kwargs), name)

    return wrapper


def _awaited(client: Client, function: Callable[..., Any], ways: Ways, name: str) -> Callable[..., Any]:
    signature = inspect.signature(function)

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's own
        raise_if_probed()
        return await go_awaited(client, ways(_bound(signature, args, kwargs)), lambda: function(*args, **kwargs))

    return wrapper


def _bound(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound


def _is(kind: Callable[[object], bool], function: Callable[..., Any]) -> bool:
    """Return whether calling *function* is of a kind; it may be a partial, or an object with ``__call__``."""
    return kind(function) or kind(getattr(function, "__call__", None))  # noqa: B004 - what runs, not whether


def name_of(function: Callable[..., Any]) -> str:
    """Return a function's name for messages."""
    return getattr(function, "__qualname__", None) or repr(function)


def mark_of(function: object) -> Mark | None:
    """Return the mark of a guard on *function*, or on what it was decorated with since; None where there is none."""
    while isinstance(function, functools.partial):
        function = cast("functools.partial[Any]", function).func
    mark = getattr(function, _MARK, None)
    return mark if isinstance(mark, Mark) else None


def unwrap(function: Callable[..., Any]) -> Callable[..., Any]:
    """
    Return the function below a guard.

    Raises ``FiGuardUnguardableError`` when there is none, or when another decorator lies over it.
    """
    mark = mark_of(function)
    if mark is None or getattr(function, "__func__", function) is not mark.outer:
        over = "another decorator lies over its guard" if mark else "it is not guarded"
        raise FiGuardUnguardableError(f"{name_of(function)} cannot be unwrapped: {over}")
    owner = getattr(function, "__self__", None)
    return mark.inner if owner is None else mark.inner.__get__(owner)  # a method stays bound to its object


# ------------------------------------------------------------------------------------------------- the self-test


@dataclass(slots=True)
class _Probe:
    reached: list[str] = field(default_factory=list[str])


class _Reached(BaseException):
    """Ends a probe at the guard. No ``Exception``, so that no framework takes it for a tool's failure."""


_probe: ContextVar[_Probe | None] = ContextVar("figuard_probe", default=None)


def raise_if_probed() -> None:
    """End a probing call here, at the guard. Every guard begins with this, so a probe never asks and never runs."""
    probe = _probe.get()
    if probe is not None:
        probe.reached.append("guard")
        raise _Reached


def prove(call: Callable[[], Any], what: str) -> None:
    """
    Make a call that must end at a guard. Raises ``FiGuardUnguardableError`` naming *what* when it does not.

    A coroutine is started and not continued. *call* must be harmless where the guard is missing: pass arguments that
    the body would refuse.
    """
    probe = _Probe()
    token = _probe.set(probe)
    cause: Exception | None = None
    try:
        started = call()
        if inspect.iscoroutine(started):
            with _closing(started):
                started.send(None)
    except _Reached:
        return
    except Exception as error:  # noqa: BLE001 - whatever it was, it came before the guard or instead of it
        cause = error
    finally:
        _probe.reset(token)
    if not probe.reached:
        raise FiGuardUnguardableError(f"{what} cannot be guarded: a call of it does not reach the guard") from cause


class _closing:  # noqa: N801 - as contextlib's, which would not take a coroutine's type
    def __init__(self, coroutine: Any) -> None:  # noqa: ANN401 - any coroutine
        self._coroutine = coroutine

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._coroutine.close()
