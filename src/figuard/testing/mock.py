"""
A client for tests: the real engine on the memory store, with a clock you turn.

Nothing is imitated, so a denial in a test is the denial of production, code and message included.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Self

from figuard.client.aio.client import AsyncFiGuardClient
from figuard.client.config import Settings
from figuard.client.embedded_transport import AsyncEmbeddedTransport, EmbeddedTransport
from figuard.client.hands import Threads
from figuard.client.models import Budget, SpendEventResponse, VoidResult
from figuard.client.ops.arguments import EventLike
from figuard.client.sync.client import FiGuardClient
from figuard.domain.amounts import AmountLike, decimal_of, quanta, signed_quanta
from figuard.embedded import Embedded
from figuard.stores.memory import MemoryStore
from figuard.testing.determinism import ManualClock, SequentialIds

DECIDED = ("AUTHORIZED", "CONFIRMED", "FAILED", "VOIDED")
"""Decisions of events that were authorized once."""


class MockFiGuardClient(FiGuardClient):
    """
    A ``FiGuardClient`` in memory, with one budget ready (``sandbox_token``) and assertions about it.

    *total_limit* is in *currency*, or in *unit* when that is given; *allocations* maps a category to its limit. Every
    method of the real client works, on budgets of your own too. ``clock`` stands still until ``advance`` is called.
    The assertions look at the budget that was created last.
    """

    def __init__(
        self,
        total_limit: AmountLike = 1000,
        currency: str | None = "USD",
        unit: str | None = None,
        allocations: dict[str, AmountLike] | None = None,
        *,
        clock: ManualClock | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self._given: tuple[AmountLike, str | None, str | None, dict[str, AmountLike] | None] = (
            total_limit,
            None if unit else currency,
            unit,
            allocations,
        )
        self._embedded = Embedded(MemoryStore(), clock=self.clock, ids=SequentialIds())
        settings = Settings("embedded", database=":memory:")
        super().__init__(transport=EmbeddedTransport(self._embedded, settings), log=False)
        self._budget = self._first_budget()

    def _first_budget(self) -> Budget:
        limit, currency, unit, allocations = self._given
        divided = [
            {"category": name, "limit": share, "allowedCategories": [name]}
            for name, share in (allocations or {}).items()
        ]
        return super().create_budget(
            "test_user",
            limit,
            currency=currency,
            unit=unit,
            entity_dedup_enabled=True,
            allocations=divided or None,
        )

    def reset(self) -> None:
        """Forget everything, and start again with a fresh budget of the same terms."""
        self.__init__(*self._given, clock=self.clock)

    def advance(self, span: str | int) -> Self:
        """Turn the clock on, by seconds or by text such as ``"6m"``."""
        self.clock.advance(span)
        return self

    def async_client(self) -> AsyncFiGuardClient:
        """Return an ``AsyncFiGuardClient`` on the same books and the same clock."""
        settings = Settings("embedded", database=":memory:")
        blocking = EmbeddedTransport(self._embedded, settings)
        return AsyncFiGuardClient(transport=AsyncEmbeddedTransport(blocking, Threads()), log=False)

    # -- shorter calls than the real client has ----------------------------------------------------------------------

    def create_budget(  # type: ignore[override]
        self,
        user_id: str = "test_user",
        total_limit: AmountLike | None = None,
        **options: Any,  # noqa: ANN401 - those of the real client
    ) -> Budget:
        """Create a budget as the real client does; without *total_limit* return the one that is ready."""
        if total_limit is None and not options:
            return self._budget
        created = super().create_budget(user_id, self._given[0] if total_limit is None else total_limit, **options)
        self._budget = created
        return created

    def confirm_event(  # type: ignore[override]
        self,
        event_id: EventLike,
        confirmed_quantity: AmountLike | None = None,
        **options: Any,  # noqa: ANN401 - those of the real client
    ) -> SpendEventResponse:
        """Confirm; without an amount, the amount that was authorized."""
        if confirmed_quantity is None:
            confirmed_quantity = self.get_event(event_id).requested_quantity
        return super().confirm_event(event_id, confirmed_quantity, **options)

    def fail_event(  # type: ignore[override]
        self,
        event_id: EventLike,
        reason: str = "PAYMENT_FAILED",
        error_message: str | None = None,
        *,
        failure_reason: str | None = None,
    ) -> SpendEventResponse:
        """Fail; ``failure_reason`` is another name of *reason*."""
        return super().fail_event(event_id, failure_reason or reason, error_message)

    def void_event(self, event_id: EventLike, reason: str = "VOIDED", void_child_events: bool = False) -> VoidResult:  # noqa: FBT001, FBT002 - the published signature
        """Void; a reason need not be given."""
        return super().void_event(event_id, reason, void_child_events)

    # -- looking -----------------------------------------------------------------------------------------------------

    @property
    def sandbox_token(self) -> str:
        """The session token of the budget created last."""
        token = self._budget.session_token
        if token is None:
            msg = "the budget was returned without its token; rotate it to get one"
            raise AssertionError(msg)
        return token

    @property
    def events(self) -> list[SpendEventResponse]:
        """Every event of the budget, oldest first."""
        return list(reversed(list(self.iter_events(self._budget.id))))

    @property
    def authorized_events(self) -> list[SpendEventResponse]:
        """The events that were authorized, whatever became of them."""
        return [event for event in self.events if event.decision in DECIDED]

    @property
    def denied_events(self) -> list[SpendEventResponse]:
        """The events that were denied."""
        return [event for event in self.events if event.decision == "DENIED"]

    @property
    def available_quantity(self) -> Decimal:
        """What the budget has left."""
        return self.get_budget(self._budget.id).available_quantity

    # -- asserting ---------------------------------------------------------------------------------------------------

    def assert_authorized(self, count: int | None = None) -> None:
        """Raise ``AssertionError`` unless something was authorized, or exactly *count* requests were."""
        self._assert_count("authorized", len(self.authorized_events), count)

    def assert_denied(self, reason: str | None = None, count: int | None = None) -> None:
        """Raise ``AssertionError`` unless something was denied (for *reason*), or exactly *count* requests were."""
        denied = [event for event in self.denied_events if reason in {None, event.denial_reason}]
        self._assert_count(f"denied{f' with {reason}' if reason else ''}", len(denied), count)

    @staticmethod
    def _assert_count(what: str, found: int, count: int | None) -> None:
        if (count is None and not found) or (count is not None and found != count):
            msg = f"{'at least one' if count is None else count} request should have been {what}, {found} were"
            raise AssertionError(msg)

    def assert_spent(self, amount: AmountLike, tolerance: AmountLike = 0) -> None:
        """Raise ``AssertionError`` unless so much is spent."""
        self._assert_amount("spent", self.get_budget(self._budget.id).quantity_spent, amount, tolerance)

    def assert_reserved(self, amount: AmountLike, tolerance: AmountLike = 0) -> None:
        """Raise ``AssertionError`` unless so much is held."""
        self._assert_amount("reserved", self.get_budget(self._budget.id).quantity_reserved, amount, tolerance)

    def assert_available(self, amount: AmountLike, tolerance: AmountLike = 0) -> None:
        """Raise ``AssertionError`` unless so much is left."""
        self._assert_amount("available", self.available_quantity, amount, tolerance)

    @staticmethod
    def _assert_amount(what: str, found: Decimal, amount: AmountLike, tolerance: AmountLike) -> None:
        expected = decimal_of(signed_quanta(amount))
        if abs(found - expected) > decimal_of(quanta(tolerance)):
            msg = f"{expected} should be {what}, {found} is"
            raise AssertionError(msg)

    def assert_ledger_verifies(self) -> None:
        """Raise ``AssertionError`` unless the whole ledger says what the balances say."""
        for view in self._embedded.verify_all():
            if view.findings:
                raise AssertionError(str(view.findings[0]))
