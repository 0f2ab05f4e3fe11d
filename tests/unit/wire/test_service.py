"""
One request, from its parts to its answer, in both colours.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from figuard.domain.codes import ErrorCode
from figuard.domain.commands import KEYED_BY_EVENT, CreateBudget, CreateWebhook, Order
from figuard.domain.questions import GetBudget, GetWebhook
from figuard.domain.refusal import Refusal
from figuard.service import AsyncService, Service
from figuard.wire.codec import encode
from figuard.wire.context import Settings
from figuard.wire.operations import find
from figuard.wire.requests import AuthorizeBatchRequest, AuthorizeRequest, CreateBudgetRequest
from tests.builders import TENANT, World, world
from tests.unit.wire.asked import BODIES, ID

HOOK = b'{"url":"https://example.com/hook","secret":"0123456789abcdef","events":["SPEND_DENIED"]}'


class Noting:
    """An engine that notes what it is given and passes it on."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.hasher = inner.hasher
        self.given: list[Any] = []
        self.asked: list[Any] = []

    def now(self) -> int:
        return self.inner.now()

    def execute(self, order: Order) -> Any:
        self.given.append(order)
        return self.inner.execute(order)

    def ask(self, question: Any, tenant_id: str, *, only_budget_id: str | None = None) -> Any:
        self.asked.append((question, tenant_id, only_budget_id))
        return self.inner.ask(question, tenant_id, only_budget_id=only_budget_id)


class Later:
    """The same engine, awaited."""

    def __init__(self, inner: Noting) -> None:
        self.inner = inner
        self.hasher = inner.hasher

    def now(self) -> int:
        return self.inner.now()

    async def execute(self, order: Order) -> Any:
        return self.inner.execute(order)

    async def ask(self, question: Any, tenant_id: str, *, only_budget_id: str | None = None) -> Any:
        return self.inner.ask(question, tenant_id, only_budget_id=only_budget_id)


class FakeSender:
    """A sender that knows one bad address."""

    def __init__(self) -> None:
        self.judged: list[str] = []

    def check(self, url: str) -> None:
        self.judged.append(url)
        if "inside" in url:
            raise ValueError("inside is not public")

    def test(self, webhook: Any) -> Any:
        return SimpleNamespace(
            success=True, response_status=204, response_body=webhook.url, duration_ms=3, error_message=None
        )


def _sealed(command: CreateWebhook, tenant_id: str) -> CreateWebhook:
    return replace(command, secret=f"enc:{command.secret[::-1]} of {tenant_id}", webhook_id=str(uuid4()))


class Desk:
    """A service of either colour on a fresh engine, asked in one way."""

    def __init__(self, colour: str) -> None:
        self.world: World = world()
        self.engine = Noting(self.world.engine)
        self.sender = FakeSender()
        rest: dict[str, Any] = {"sender": self.sender, "seal": _sealed}
        settings = Settings(never_expires=True)
        if colour == "blocking":
            self._handle = Service(self.engine, settings, **rest).handle
        else:
            later = AsyncService(Later(self.engine), settings, **rest)
            self._handle = lambda *args, **named: asyncio.run(later.handle(*args, **named))

    def __call__(self, name: str, body: Any = None, **named: Any) -> Any:
        return self._handle(find(name), tenant_id=TENANT, actor="tester", body=body, **named)

    def budget(self, **members: Any) -> Any:
        return self("create_budget", CreateBudgetRequest(user_id="user", total_limit=100, **members))[1]


@pytest.fixture(params=["blocking", "awaited"])
def desk(request):
    """Return a service of each colour."""
    return Desk(request.param)


def test_a_struct_and_its_json_mean_the_same(desk):
    status, one = desk("create_budget", CreateBudgetRequest(user_id="user", total_limit="100.10"))
    again, two = desk("create_budget", b'{"userId":"user","totalLimit":100.10}')

    assert (201, 201) == (status, again)
    assert one.total_limit == two.total_limit
    assert [CreateBudget, CreateBudget] == [type(order.command) for order in desk.engine.given]
    assert desk.engine.given[0].command == desk.engine.given[1].command


def test_the_first_walk(desk):
    """
    500 granted, 270 held, 267 settled, 350 denied with 233 left.
    """
    token = desk("create_budget", b'{"userId":"u","totalLimit":500}')[1].tokens[0].session_token
    asked = AuthorizeRequest(
        agent_id="agent", action_type="SPEND", description="d", requested_quantity=270.00, idempotency_key="k1"
    )
    status, held = desk("authorize", asked, session_token=token, trace_id="trace-7")
    _, settled = desk("confirm_event", b'{"confirmedQuantity":267}', path={"eventId": held.event_id})
    asked.requested_quantity, asked.idempotency_key = 350, "k2"
    _, denied = desk("authorize", asked, session_token=token)

    assert (200, "AUTHORIZED", "trace-7") == (status, held.decision, held.trace_id)
    assert (267.0, "USD") == (settled.confirmed_quantity, settled.currency)
    assert ("INSUFFICIENT_FUNDS", 233.0) == (denied.denial_reason, denied.budget_snapshot.available_quantity)


def test_an_order_says_who_and_for_whom(desk):
    desk.budget()
    desk("cancel_batch", [ID], idempotency_key="key-1", only_budget_id=ID)
    first, second = desk.engine.given

    assert (TENANT, "tester", None, "", None) == (
        first.tenant_id,
        first.actor,
        first.idempotency_key,
        first.fingerprint,
        first.only_budget_id,
    )
    assert ("key-1", ID, 64) == (second.idempotency_key, second.only_budget_id, len(second.fingerprint))


def test_the_mark_of_a_command_is_of_all_it_says(desk):
    marks = []
    for reason in ("a", "a", "b"):
        body = b'{"quantity":5,"reason":"%s"}' % reason.encode()
        with pytest.raises(Refusal):
            desk("refund_event", body, path={"eventId": ID}, idempotency_key="k")
        marks.append(desk.engine.given[-1].fingerprint)

    assert marks[0] == marks[1]
    assert marks[0] != marks[2]


@pytest.mark.parametrize("name", ["confirm_event", "fail_event", "void_event", "mark_event_unknown"])
def test_what_an_event_shall_become_needs_no_mark(desk, name):
    """
    The event itself tells a repeat from another request, so nothing is remembered that a mark would stand beside.
    """
    with pytest.raises(Refusal):
        desk(name, encode(BODIES[name]), path={"eventId": ID}, idempotency_key="k")
    (order,) = desk.engine.given

    assert ("k", "") == (order.idempotency_key, order.fingerprint)
    assert type(order.command) in KEYED_BY_EVENT


@pytest.mark.parametrize("key", ["", "  ", "x" * 256, "a\nb", "a\0b"])
def test_a_bad_idempotency_key_is_refused(desk, key):
    with pytest.raises(Refusal) as refused:
        desk("cancel_budget", path={"budgetId": ID}, idempotency_key=key)

    assert ErrorCode.INVALID_REQUEST is refused.value.code
    assert [] == desk.engine.given


def test_an_idempotency_key_at_its_length_is_taken(desk):
    made = desk.budget()

    assert 200 == desk("cancel_budget", path={"budgetId": made.id}, idempotency_key="x" * 255)[0]


def test_a_question_is_asked_for_the_tenant_and_within_its_bounds(desk):
    made = desk.budget()
    status, seen = desk("get_budget", path={"budgetId": made.id}, only_budget_id=made.id)

    assert (200, made.id) == (status, seen.id)
    assert [(GetBudget(made.id), TENANT, made.id)] == desk.engine.asked


def test_a_budget_that_was_there_already_is_not_created(desk):
    body = CreateBudgetRequest(user_id="user", total_limit=100, external_reference="order-1")

    assert [201, 200] == [desk("create_budget", body)[0] for _ in range(2)]


def test_faults_of_the_types_and_of_the_values_come_together(desk):
    with pytest.raises(Refusal) as refused:
        desk("authorize", b'{"agentId":5,"requestedQuantity":-1}')

    assert {
        "agentId": "must be text, got a whole number",
        "requestedQuantity": "must not be negative, got -1",
        "actionType": "is required",
        "idempotencyKey": "is required",
        "description": "is required",
    } == refused.value.fields


def test_what_needs_no_body_ignores_one(desk):
    made = desk.budget()

    assert 200 == desk("cancel_budget", b"not even JSON", path={"budgetId": made.id})[0]


def test_a_batch_that_was_undone_approves_nothing(desk):
    made = desk.budget()
    one = AuthorizeBatchRequest(all_or_nothing=True, requests=[])
    raw = b'{"allOrNothing":true,"requests":[%s,%s]}' % tuple(
        encode(BODIES["authorize"] | {"requestedQuantity": quantity, "idempotencyKey": f"k{quantity}"})
        for quantity in (60, 70)
    )
    _, answer = desk("authorize_batch", raw, session_token=made.tokens[0].session_token)

    assert one.all_or_nothing
    assert ["DENIED", "DENIED"] == [result.decision for result in answer.results]
    assert (None, None) == (answer.results[0].event_id, answer.results[0].denial_reason)
    assert (False, 1) == (answer.all_authorized, answer.first_denied)


def test_a_webhooks_address_is_judged_and_its_secret_sealed(desk):
    status, made = desk("create_webhook", HOOK, idempotency_key="k")
    order = desk.engine.given[-1]

    assert (201, ["https://example.com/hook"]) == (status, desk.sender.judged)
    sealed = f"enc:fedcba9876543210 of {TENANT}"
    assert CreateWebhook("https://example.com/hook", sealed, ("SPEND_DENIED",), made.id) == order.command
    assert made.id == desk("create_webhook", HOOK, idempotency_key="k")[1].id


def test_an_unsafe_address_is_refused_before_anything_is_written(desk):
    with pytest.raises(Refusal) as refused:
        desk("create_webhook", HOOK.replace(b"example.com", b"inside.test"))

    assert ErrorCode.UNSAFE_WEBHOOK_URL is refused.value.code
    assert "inside is not public" == refused.value.detail
    assert [] == desk.engine.given


def test_a_webhook_is_tested_by_the_sender(desk):
    made = desk("create_webhook", HOOK)[1]
    status, tested = desk("test_webhook", path={"webhookId": made.id})

    assert (200, True, 204, "https://example.com/hook", 3) == (
        status,
        tested.success,
        tested.response_status,
        tested.response_body,
        tested.duration_ms,
    )
    assert GetWebhook(made.id) == desk.engine.asked[-1][0]


def test_without_a_seal_a_secret_is_stored_as_it_is():
    engine = Noting(world().engine)
    Service(engine, sender=FakeSender()).handle(find("create_webhook"), tenant_id=TENANT, actor="a", body=HOOK)

    assert "0123456789abcdef" == engine.given[0].command.secret


def test_without_a_sender_of_ones_own_the_house_sends():
    service = Service(world().engine)

    with pytest.raises(Refusal) as refused:
        service.handle(
            find("create_webhook"),
            tenant_id=TENANT,
            actor="a",
            body=HOOK.replace(b"https://example.com", b"https://127.0.0.1"),
        )

    assert ErrorCode.UNSAFE_WEBHOOK_URL is refused.value.code


def test_the_default_settings_ask_for_an_end():
    with pytest.raises(Refusal) as refused:
        Service(world().engine).handle(
            find("create_budget"), tenant_id=TENANT, actor="a", body=CreateBudgetRequest(user_id="u", total_limit=1)
        )

    assert {"expiresAt": "is required"} == refused.value.fields
