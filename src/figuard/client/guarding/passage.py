"""
The passage: authorize, run, settle, once for a blocking and once for an awaited call.

A blocking client serves an awaited call on a thread, so that the event loop goes on. An asyncio client cannot serve a
call that blocks: there is nothing to await it with, so that is refused.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from figuard.client.spend import AsyncSpend, SpendBase

if TYPE_CHECKING:
    from figuard.client.aio.spending import Spending as AsyncSpending
    from figuard.client.sync.spending import Spending

    Client = Spending | AsyncSpending


class Way:
    """
    One call's way past a guard.

    ``wish`` holds the arguments of ``client.spend``. ``answer``, where there is one, is given in place of running
    anything. ``is_free`` lets the call run without asking. It is entered around everything else, so that what it
    holds for the call is let go whatever happens. ``outcome`` is what the caller gets in the end.
    """

    def __init__(
        self,
        wish: Mapping[str, Any] | None = None,
        *,
        answer: Callable[[], Any] | None = None,
        is_free: bool = False,
    ) -> None:
        self.wish = wish or {}
        self.answer = answer
        self.is_free = is_free
        self.outcome: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return None

    def around(self) -> AbstractContextManager[object]:
        """Return what surrounds a call that needs no spending of its own."""
        return nullcontext()

    def inside(self, spend: SpendBase) -> AbstractContextManager[object]:
        """Return what surrounds the authorized call, closer than the spending does."""
        return nullcontext()

    def settled(self, spend: SpendBase, result: Any) -> Any:  # noqa: ANN401 - the function's own
        """Say what *result* means for the spending, and return what the caller gets."""
        spend.settle()
        return result

    def denied(self, spend: SpendBase) -> Any:  # noqa: ANN401 - instead of the function's own
        """Return what the caller gets instead of a result; a way whose wish raises on a denial never gets here."""
        raise AssertionError("a denial was to be raised and was not")


def go(client: Client, way: Way, body: Callable[[], Any], name: str) -> Any:  # noqa: ANN401 - the function's own
    """Make a call that blocks. Raises ``TypeError`` for an asyncio client, before anything is asked."""
    if way.answer is not None:
        return way.answer()
    if way.is_free:
        with way, way.around():
            return body()
    with way, blocking(client, name).spend(**way.wish) as spend, way.inside(spend):
        way.outcome = way.settled(spend, finished(body(), name)) if spend.is_authorized else way.denied(spend)
    return way.outcome


async def go_awaited(client: Client, way: Way, body: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - as above
    """Make a call that is awaited, with a client of either colour; a blocking one works on a thread."""
    if way.answer is not None:
        return way.answer()
    with way:
        if way.is_free:
            with way.around():
                return await body()
        async with awaited_spend(client, way.wish) as spend:
            with way.inside(spend):
                way.outcome = way.settled(spend, await body()) if spend.is_authorized else way.denied(spend)
    return way.outcome


def awaited_spend(client: Client, wish: Mapping[str, Any]) -> AsyncSpend:
    """Return a spending that can be awaited, whatever the client's colour."""
    spend = client.spend(**wish)
    return spend if isinstance(spend, AsyncSpend) else spend.on_a_thread()


def is_blocking(client: Client) -> bool:
    """Return whether a client answers without being awaited."""
    from figuard.client.sync.spending import Spending

    return isinstance(client, Spending)


def blocking(client: Client, name: str) -> Spending:
    """Return the client. Raises ``TypeError`` when only an event loop could drive it."""
    from figuard.client.sync.spending import Spending

    if isinstance(client, Spending):
        return client
    raise TypeError(f"{name} is not async, and an AsyncFiGuardClient can only be awaited; use a FiGuardClient for it")


def finished(result: Any, name: str) -> Any:  # noqa: ANN401 - the function's own
    """Return a result. Raises ``TypeError`` for work still to be done: confirming it would book what nobody did."""
    if inspect.iscoroutine(result):
        result.close()
    elif not (inspect.isgenerator(result) or inspect.isasyncgen(result) or inspect.isawaitable(result)):
        return result
    raise TypeError(f"{name} returned {type(result).__name__}, which has not run yet; guard what runs it")
