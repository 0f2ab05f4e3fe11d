"""
What an operation may wish for, and what it gets: the vocabulary between operations and drivers.

An operation is a generator. It yields a wish (send this, sleep that long, run this off the loop, call that) and is
sent what came of it; a failure comes back as a value, so that the operation itself decides what it means. The same
operation runs blocking, under asyncio, in tests driven by hand, and in the simulator.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import field
from typing import Any, Protocol, TypeVar

from figuard.client.exceptions import FiGuardApiError
from figuard.domain.valueclass import valueclass
from figuard.wire.operations import Operation

T = TypeVar("T")


@valueclass
class Call:
    """
    Send this request, once.

    ``path`` fills the braces of the operation's path, ``query`` has wire names and text values, ``body`` is the
    operation's request struct. ``session_token`` and ``idempotency_key`` travel as headers where there are headers.
    """

    operation: Operation
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Any = None
    session_token: str | None = field(default=None, repr=False)
    idempotency_key: str | None = None
    timeout_seconds: float | None = None


@valueclass
class Sleep:
    """Do nothing for a while."""

    seconds: float


@valueclass
class Local:
    """Run something short that may touch a file; answers ``Done`` or ``Raised``."""

    work: Callable[[], Any]


@valueclass
class Invoke:
    """Call a method of a client of the driver's own colour; answers ``Done`` or ``Raised``."""

    method: Callable[..., Any]
    arguments: Mapping[str, Any]


Step = Call | Sleep | Local | Invoke
Steps = Generator[Step, Any, T]
"""An operation that ends with a ``T``, or raises."""


@valueclass
class Replied:
    """The request was carried out: the operation's response struct, and its HTTP status."""

    value: Any
    status: int = 200


@valueclass
class Refused:
    """The request was refused; an answer all the same."""

    error: FiGuardApiError


@valueclass
class Lost:
    """No answer came. The request may have been carried out."""

    cause: Exception
    timed_out: bool = False


Outcome = Replied | Refused | Lost


@valueclass
class Done:
    """What ``Local`` or ``Invoke`` returned."""

    value: Any


@valueclass
class Raised:
    """What ``Local`` or ``Invoke`` raised."""

    error: Exception


class Hands(Protocol):
    """What grants the wishes of an operation. Never raises for what an operation can decide about."""

    async def send(self, call: Call) -> Outcome:
        """Send a request, once."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    async def local(self, work: Callable[[], Any]) -> Done | Raised:
        """Run something short that may touch a file."""
        ...

    async def invoke(self, method: Callable[..., Any], arguments: Mapping[str, Any]) -> Done | Raised:
        """Call a method of a client."""
        ...


async def follow(steps: Steps[T], hands: Hands) -> T:
    """Run an operation to its end: grant each wish and send back what came of it. Blocking hands do so themselves."""
    came: Any = None
    try:
        while True:
            step = steps.send(came)
            match step:
                case Call():
                    came = await hands.send(step)
                case Sleep(seconds):
                    came = await hands.sleep(seconds)
                case Local(work):
                    came = await hands.local(work)
                case Invoke(method, arguments):
                    came = await hands.invoke(method, arguments)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """
    Return what a coroutine returns that never has to wait, because what it awaits blocks instead.

    It needs no event loop and does not disturb a running one.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError("a blocking operation tried to await something")


def value_of(came: Done | Raised) -> Any:  # noqa: ANN401 - what the work returns
    """Return what a ``Local`` or ``Invoke`` step came to, or raise what it raised."""
    if isinstance(came, Raised):
        raise came.error
    return came.value
