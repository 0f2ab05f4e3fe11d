"""
A service that answers from a script, blocking and awaited, and a hand-driven run of an operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from figuard import FiGuardApiError, FiGuardClient
from figuard.client.aio.client import AsyncFiGuardClient
from figuard.client.config import Settings
from figuard.client.session import Session
from figuard.client.steps import Call, Done, Invoke, Local, Lost, Outcome, Raised, Refused, Replied, Sleep
from figuard.domain import instants
from figuard.wire import responses as r

NOW = instants.parse("2030-01-01T00:00:00Z")
BUDGET_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
EVENT_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
TOKEN = "st_0123456789abcdefghij"
ZERO = Decimal("0.00")

Script = Callable[[Call], Outcome]


class FakeTransport:
    """Answers each call from a script: outcomes in order, or a function of the call. Remembers what was sent."""

    def __init__(self, script: Iterable[Outcome] | Script = (), *, backend: str = "server") -> None:
        self.settings = Settings(backend, base_url="https://figuard.test", api_key="fg_live_test")
        self.calls: list[Call] = []
        self.closed = 0
        self._script = script if callable(script) else iter(script)

    def send(self, call: Call) -> Outcome:
        self.calls.append(call)
        return self._script(call) if callable(self._script) else next(self._script)

    def now(self) -> int:
        return NOW

    def close(self) -> None:
        self.closed += 1

    @property
    def names(self) -> list[str]:
        return [call.operation.name for call in self.calls]


class AsyncFakeTransport:
    """The same, awaited."""

    def __init__(self, script: Iterable[Outcome] | Script = ()) -> None:
        self.blocking = FakeTransport(script)
        self.settings = self.blocking.settings

    async def send(self, call: Call) -> Outcome:
        return self.blocking.send(call)

    def now(self) -> int:
        return NOW

    async def close(self) -> None:
        self.blocking.close()


def client(script: Iterable[Outcome] | Script = (), **options: Any) -> tuple[FiGuardClient, FakeTransport]:
    """Return a blocking client that never waits, and the transport it speaks through."""
    transport = FakeTransport(script)
    return FiGuardClient(transport=transport, **{"retry": 1, **options}), transport


def async_client(script: Iterable[Outcome] | Script = ()) -> tuple[AsyncFiGuardClient, FakeTransport]:
    """Return an asyncio client that never waits, and the transport it speaks through."""
    transport = AsyncFakeTransport(script)
    return AsyncFiGuardClient(transport=transport, retry=1), transport.blocking


def session(**options: Any) -> Session:
    """Return a session whose clock stands still, whose chance is always a half and whose keys count."""
    keys = iter(f"key-{number}" for number in range(1, 1000))
    settings = Settings("server", base_url="https://figuard.test", api_key="fg_live_test")
    return Session(
        **{"settings": settings, "now": lambda: NOW, "chance": lambda: 0.5, "new_key": lambda: next(keys), **options}
    )


class Driven:
    """An operation driven by hand: what it wished for, and what it came to."""

    def __init__(self, steps: Any, outcomes: Iterable[Any] = ()) -> None:
        self.wishes: list[Any] = []
        self.value: Any = None
        self.error: Exception | None = None
        script = iter(outcomes)
        came: Any = None
        try:
            while True:
                step = steps.send(came)
                self.wishes.append(step)
                came = self._granted(step, script)
        except StopIteration as end:
            self.value = end.value
        except Exception as error:  # noqa: BLE001 - what an operation raises is what a test asks about
            self.error = error

    @staticmethod
    def _granted(step: Any, script: Any) -> Any:
        match step:
            case Call():
                return next(script)
            case Local(work):
                return attempted(work)
            case Invoke(method, arguments):
                return attempted(lambda: method(**arguments))
            case _:
                return None

    @property
    def calls(self) -> list[Call]:
        return [wish for wish in self.wishes if isinstance(wish, Call)]

    @property
    def naps(self) -> list[float]:
        return [wish.seconds for wish in self.wishes if isinstance(wish, Sleep)]


def attempted(work: Callable[[], Any]) -> Done | Raised:
    """Return what came of something."""
    try:
        return Done(work())
    except Exception as error:  # noqa: BLE001 - as a driver does
        return Raised(error)


def refused(status: int, code: str = "", message: str = "no", **options: Any) -> Refused:
    """Return a refusal."""
    return Refused(FiGuardApiError(status, f"{code}: {message}" if code else message, code=code or None, **options))


def lost(*, timed_out: bool = False) -> Lost:
    """Return a call that got no answer."""
    return Lost(ConnectionError("refused"), timed_out=timed_out)


def authorized(amount: str = "10.00", event_id: str = EVENT_ID, **members: Any) -> Replied:
    """Return the answer to an authorization."""
    return Replied(
        r.AuthorizeResponse(
            **{
                "event_id": event_id,
                "decision": "AUTHORIZED",
                "current_decision": "AUTHORIZED",
                "approved_quantity": Decimal(amount),
                "budget_snapshot": r.BudgetSnapshot(
                    id=BUDGET_ID,
                    total_limit=Decimal(500),
                    quantity_spent=ZERO,
                    quantity_reserved=Decimal(amount),
                    available_quantity=Decimal(500) - Decimal(amount),
                    status="ACTIVE",
                ),
                **members,
            }
        )
    )


def denied(reason: str = "INSUFFICIENT_FUNDS", message: str = "233.00 USD is left", **members: Any) -> Replied:
    """Return a denial."""
    return Replied(
        r.AuthorizeResponse(
            event_id=EVENT_ID,
            decision="DENIED",
            current_decision="DENIED",
            denial_reason=reason,
            denial_message=message,
            **members,
        )
    )


def event(decision: str = "CONFIRMED", **members: Any) -> Replied:
    """Return an event."""
    return Replied(
        r.EventResponse(
            **{
                "id": EVENT_ID,
                "decision": decision,
                "requested_quantity": Decimal(10),
                "created_at": "2030-01-01T00:00:00Z",
                **members,
            }
        )
    )


def budget(http: int = 200, *, token: str | None = None, **members: Any) -> Replied:
    """Return a budget, with its token when it was just made."""
    tokens = [r.BudgetTokenResponse(category="default", session_token=token, currency="USD")] if token else None
    body = r.BudgetResponse(
        **{
            "id": BUDGET_ID,
            "user_id": "u",
            "total_limit": Decimal(500),
            "quantity_spent": ZERO,
            "quantity_reserved": ZERO,
            "available_quantity": Decimal(500),
            "status": "ACTIVE",
            "allocations": [],
            "expires_at": "2030-01-02T00:00:00Z",
            "currency": "USD",
            "tokens": tokens,
            **members,
        }
    )
    return Replied(body, http)


def page_of(content: list[Any], number: int = 0, total_pages: int = 1) -> Replied:
    """Return a page of events or budgets."""
    return Replied(
        r.Page(
            content=content,
            total_elements=len(content) * total_pages,
            total_pages=total_pages,
            number=number,
            size=max(1, len(content)),
        )
    )
