"""
The one guard under every integration. An adapter of a framework finds the calls; everything else happens here.

The guard itself is ``client.guard(budget, ...)``, a ``ToolGuard`` (see there for prices, costs, categories and keys).
What an adapter does with it:

1. It declares once, as a ``Framework``, how its framework is spoken to: ``denied(denied, call)`` turns a denial into
   the result that reaches the model (``denied.text`` is the exact text); ``failed(result)`` tells a result that stands
   for an error; ``interrupts`` are exceptions that pause a call; ``describe(call)`` adds ids to a wrapped call.
2. Where the framework hands a call over, it makes it: ``guard.run(call, body, FRAMEWORK)`` or ``await
   guard.run_async(call, body, FRAMEWORK)``, where ``call`` is a ``ToolCall`` and ``body`` runs the tool. ``run_async``
   takes a client of either colour; ``run`` raises ``TypeError`` for an ``AsyncFiGuardClient``, and nothing runs.
3. Where the framework calls a function or a method instead, it wraps the innermost one: ``guard.wrap(function,
   tool=name, framework=FRAMEWORK)`` returns the guarded function, and ``attach(guard, tool, "_run", ...)`` replaces an
   attribute in place and proves that calls get to the guard. ``unwrap`` and ``detach`` undo both.
4. ``is_innermost=False`` belongs to a layer that may reach a guarded function of the same tool below it (a middleware
   over a wrapped tool, ``_arun`` over ``_run``): one call, charged once. The tool must have the same name in both.
5. A hook of the framework's own is proved with ``prove(call, what)``: ``call`` must end at a guard. In a probe every
   guard raises before it asks and before the body, so a probe costs nothing.

``call_id`` with ``run_id`` make a repeat free of charge: give the model's id of the call, and a run id that is
the same when a run is resumed and another one in each turn. Without a run id each call is one of its own.

A whole adapter::

    FRAMEWORK = Framework(denied=lambda denied, call: ToolMessage(denied.text, tool_call_id=call.call_id))


    class Middleware:
        def __init__(self, guard: ToolGuard) -> None:
            self.guard = guard

        def wrap_tool_call(self, request, handler):
            call = ToolCall(request.name, request.args, call_id=request.id, run_id=request.run_id)
            return self.guard.run(call, lambda: handler(request), FRAMEWORK)
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from figuard.client.exceptions import FiGuardConfigError
from figuard.client.guarding.passage import is_blocking
from figuard.client.guarding.policy import AGENT_ID, UNKNOWN_AMOUNT, Costed, Policy, ToolCall
from figuard.client.guarding.tools import PLAIN, Denied, Framework, ToolGuard, denial_text
from figuard.client.guarding.wrapping import FiGuardUnguardableError, mark_of, prove, unwrap

if TYPE_CHECKING:
    from figuard.client.sync.client import FiGuardClient
    from figuard.domain.amounts import AmountLike

__all__ = [
    "AGENT_ID",
    "PLAIN",
    "UNKNOWN_AMOUNT",
    "Costed",
    "Denied",
    "FiGuardUnguardableError",
    "Framework",
    "Policy",
    "ToolCall",
    "ToolGuard",
    "attach",
    "denial_text",
    "detach",
    "guard_of",
    "is_blocking",
    "is_guarded",
    "new_guard",
    "prove",
    "unwrap",
]


def is_guarded(function: object) -> bool:
    """Return whether a function carries a guard, below other decorators too."""
    return mark_of(function) is not None


def guard_of(function: object) -> ToolGuard | None:
    """Return the guard that a function carries, None for none."""
    mark = mark_of(function)
    return mark.owner if mark is not None and isinstance(mark.owner, ToolGuard) else None


def attach(
    guard: ToolGuard,
    owner: object,
    attribute: str,
    *,
    tool: str,
    framework: Framework = PLAIN,
    is_innermost: bool = True,
    is_strict: bool = True,
    probe: Callable[[], Any] | None = None,
) -> None:
    """
    Guard a function or method of an object in place: *attribute* of *owner*, through which calls of *tool* go.

    Frozen and validated objects are no obstacle. *probe* makes a call by the way the framework does, where that is
    another one than calling the attribute; see ``prove``. The other arguments are those of ``ToolGuard.wrap``. Raises
    ``FiGuardUnguardableError`` for what cannot be guarded or is already, and when a call does not get to the guard;
    *owner* is then as before.
    """
    found = getattr(owner, attribute, None)
    what = f"{attribute} of the tool {tool!r}"
    if not callable(found):
        raise FiGuardUnguardableError(f"{what} cannot be guarded: it is {type(found).__name__}, which nobody calls")
    wrapped = guard.wrap(found, tool=tool, framework=framework, is_innermost=is_innermost, is_strict=is_strict)
    try:
        object.__setattr__(owner, attribute, wrapped)
    except (AttributeError, TypeError) as error:
        raise FiGuardUnguardableError(f"{what} cannot be guarded: {type(owner).__name__} does not let it be") from error
    try:
        attached = getattr(owner, attribute)
        if not is_guarded(attached):  # and so calling it would run the body
            raise FiGuardUnguardableError(f"{what} cannot be guarded: {type(owner).__name__} brings its own one back")
        prove(probe or attached, what)
    except FiGuardUnguardableError:
        _restore(owner, attribute, found)
        raise


def detach(owner: object, attribute: str) -> None:
    """Take the guard off again. Raises ``FiGuardUnguardableError`` where there is none."""
    _restore(owner, attribute, unwrap(getattr(owner, attribute)))


def _restore(owner: object, attribute: str, found: object) -> None:
    own = getattr(type(owner), attribute, None)
    if own is not None and getattr(found, "__func__", None) is own:
        object.__delattr__(owner, attribute)  # the class has it, and with it every later change to the class
    else:
        object.__setattr__(owner, attribute, found)


def new_guard(
    client: FiGuardClient | None,
    *,
    budget: AmountLike,
    currency: str,
    velocity_max_per_minute: int | None = None,
    **options: Any,  # noqa: ANN401 - those of client.guard, checked by Policy
) -> ToolGuard:
    """
    Return a guard with a budget of its own for 24 hours: what the ``auto_guard_…`` functions begin with.

    Without a client it is the one of ``FiGuardClient()``. Raises ``FiGuardConfigError`` for an asyncio client, which
    cannot open a budget in a function that is not awaited.
    """
    if client is None:
        from figuard.client.sync.client import FiGuardClient

        client = FiGuardClient()
    if not is_blocking(client):
        raise FiGuardConfigError(f"this opens a budget at once, for which {type(client).__name__} must be awaited")
    opened = client.create_budget(
        str(uuid.uuid4()),
        budget,
        currency=currency,
        expires_in="24h",
        velocity_max_per_minute=velocity_max_per_minute,
    )
    # A call says its currency; without one it would mean USD.
    return client.guard(opened, **options).with_options(currency=currency)
