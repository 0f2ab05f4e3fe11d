"""
The scenes. Each is the whole story of one incident: what an agent does, what FiGuard answers, what must be true then.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

from figuard.cli.console import amount
from figuard.cli.demo.stage import Stage
from figuard.client.models import AuthorizationResult, Budget

BARRIER_SECONDS = 30
DENIED = "DENIED"
AUTHORIZED = "AUTHORIZED"


def travel(stage: Stage) -> None:
    """The quickstart: hold, settle for less, and a denial that says what would fit."""
    client = stage.client
    budget = client.create_budget("travel", "500.00", expires_in="24h", intent_context="travel booking session")
    stage.open("A travel agent with 500.00 USD")

    flight = client.authorize(
        budget=budget,
        amount="270.00",
        idempotency_key="booking-001",
        agent_id="travel_agent",
        action_type="PURCHASE",
        description="JetBlue SFO→JFK roundtrip",
    )
    stage.tell("⏳", "JetBlue SFO→JFK roundtrip", flight.approved_quantity, "authorized: held until it is settled")
    stage.check("the flight is authorized", (AUTHORIZED, Decimal(270)), (flight.decision, flight.approved_quantity))

    paid = client.confirm(flight, "267.00", external_transaction_id="pi_001")
    stage.tell("✓", "JetBlue SFO→JFK roundtrip", paid.confirmed_quantity, "confirmed: it cost less")
    stage.check("the flight costs what it cost", Decimal(267), paid.confirmed_quantity)

    hotel = client.authorize(
        budget=budget,
        amount="350.00",
        idempotency_key="hotel-001",
        agent_id="travel_agent",
        action_type="PURCHASE",
        description="Marriott 3 nights",
    )
    fits = hotel.denied_by.fitting_quantity if hotel.denied_by else None
    stage.tell("✗", "Marriott 3 nights", Decimal(350), f"{hotel.denial_reason}: {fits} would fit")
    stage.check("the hotel is denied", (DENIED, "INSUFFICIENT_FUNDS"), (hotel.decision, hotel.denial_reason))
    stage.check("the denial says what would fit", Decimal(233), fits)
    _money(stage, budget, spent=267, held=0, left=233)


class Processor:
    """A payment processor that takes the money and then loses its answer."""

    def __init__(self) -> None:
        self.charged: list[Decimal] = []

    def charge(self, quantity: Decimal) -> None:
        """Charge, and never say so."""
        self.charged.append(quantity)
        raise TimeoutError("no answer from the processor")


def retry(stage: Stage) -> None:
    """A time-out after the money moved: three retries, one charge."""
    client, processor, price = stage.client, Processor(), Decimal("1500.00")
    budget = client.create_budget("accounts", "50000.00", entity_dedup_enabled=True, intent_context="supplier invoices")
    stage.open("A payment times out after the money moved; three retries follow")

    answers: list[AuthorizationResult] = []
    for _ in range(4):
        asked = client.authorize(
            budget=budget,
            amount=price,
            idempotency_key="invoice-INV-2026-0342",
            agent_id="payables",
            action_type="PAYMENT",
            description="invoice INV-2026-0342",
        )
        answers.append(asked)
        if asked.replayed:
            continue
        try:
            processor.charge(price)
        except TimeoutError as lost:
            client.mark_unknown(asked, str(lost))
            stage.tell("⏳", "invoice INV-2026-0342", price, "paid, the answer is lost: still held")
    events = {answer.event_id for answer in answers}
    stage.tell("✓", "3 retries, same key", None, "the same event: nobody pays again")
    client.confirm(answers[0], price, external_transaction_id="ch_0342")
    charges = len(processor.charged)
    stage.tell("✓", f"charged {charges} ×", price, f"confirmed; unguarded: 4 ×, {amount(price * 4)}")
    stage.check("asked four times", 4, len(answers))
    stage.check("there is one event", 1, len(events))
    stage.check("the processor charged once", 1, charges)
    _money(stage, budget, spent=1500, held=0, left=48_500)


def crowd(stage: Stage) -> None:
    """Ten threads at one moment: the limit holds to the cent."""
    client = stage.client
    budget = client.create_budget("fleet", "1000.00", intent_context="ten buyers, one budget")
    stage.open("Ten agents ask for 200.00 at the same moment, with 1,000.00 between them")
    start = Barrier(10, timeout=BARRIER_SECONDS)

    def buy(number: int) -> AuthorizationResult:
        start.wait()
        return client.authorize(
            budget=budget,
            amount="200.00",
            idempotency_key=f"purchase-{number}",
            agent_id=f"buyer-{number}",
            action_type="PURCHASE",
            description=f"order {number}",
        )

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(buy, range(1, 11)))
    decisions = Counter(answer.decision for answer in answers)
    held = client.get_budget(budget.id).quantity_reserved
    stage.tell("✓", f"{decisions[AUTHORIZED]} authorized", held, "ten real threads, no luck involved")
    stage.tell("✗", f"{decisions[DENIED]} denied", None, "not one cent over the limit")
    stage.check("five are authorized, five denied", (5, 5), (decisions[AUTHORIZED], decisions[DENIED]))
    _money(stage, budget, spent=0, held=1000, left=0)


def loop(stage: Stage) -> None:
    """An agent whose quality threshold is never met: it stops when the money does."""
    client, price, intended = stage.client, Decimal("0.02"), 847
    budget = client.create_budget("checker", "5.00", intent_context="draft until the score is 0.95")
    stage.open("A loop of 847 calls at 0.02 that never reaches its goal, with 5.00 to spend")
    stopped, reason = 0, None
    with stage.working("iterations", 251) as advance:
        for iteration in range(1, intended + 1):
            asked = client.authorize(
                budget=budget,
                amount=price,
                idempotency_key=f"quality-iter-{iteration}",
                agent_id="quality_checker",
                action_type="LLM_CALL",
                description=f"quality check {iteration}",
            )
            advance(1)
            if not asked.is_authorized:
                stopped, reason = iteration, asked.denial_reason
                break
            client.confirm(asked, price)
    spent = client.get_budget(budget.id).quantity_spent
    saved = (intended - stopped) * price
    stage.tell("✓", f"iterations 1…{stopped - 1}", spent)
    stage.tell("✗", f"iteration {stopped}", price, f"{reason}: {amount(saved)} saved")
    stage.check("it stops at iteration 251", 251, stopped)
    stage.check("for want of money", "INSUFFICIENT_FUNDS", reason)
    stage.check("saved against 847 iterations", Decimal("11.92"), saved)
    _money(stage, budget, spent=5, held=0, left=0)


def delegation(stage: Stage) -> None:
    """A sub-agent gone wild spends its own cap, and nobody else's money."""
    client = stage.client
    budget = client.create_budget("report", "1000.00", intent_context="by three sub-agents")
    stage.open("A researcher gone wild, its token capped at 200.00 of the fleet's 1,000.00")
    researcher = client.create_delegation_token(budget, "researcher", {"search_api": 200})
    writers = client.create_delegation_token(budget, "writers", {"llm_calls": 500})
    job = client.authorize(
        budget=budget, amount=0, agent_id="orchestrator", description="quarterly report", reserve=False
    )

    stopped, reason = 0, None
    with stage.working("calls", 41) as advance:
        for call in range(1, 201):
            asked = client.authorize(
                researcher,
                amount="5.00",
                idempotency_key=f"search-{call}",
                agent_id="researcher",
                action_type="TOOL_CALL",
                description=f"search {call}",
                claimed_category="search_api",
                parent_event_id=job,
            )
            advance(1)
            if not asked.is_authorized:
                stopped, reason = call, asked.denial_reason
                break
            client.confirm(asked, "5.00")
    spent = client.get_delegation_token(researcher).caps[0].quantity_spent
    stage.tell("✓", f"researcher, calls 1…{stopped - 1}", spent)
    stage.tell("✗", f"researcher, call {stopped}", Decimal(5), str(reason))
    for agent, work, price in (("analyst", "analyse the findings", 50), ("writer", "write the summary", 40)):
        asked = client.authorize(
            writers,
            amount=price,
            agent_id=agent,
            action_type="LLM_CALL",
            description=work,
            claimed_category="llm_calls",
            parent_event_id=job,
        )
        stage.check(f"the {agent} is authorized", AUTHORIZED, asked.decision)
        client.confirm(asked, price)
        stage.tell("✓", work, Decimal(price), f"{agent}: still has money")
    client.confirm(job, 0)
    stage.check("the researcher stops at call 41", 41, stopped)
    stage.check("by its own cap", "DELEGATE_CAP_EXCEEDED", reason)
    stage.check("the researcher spent its cap", Decimal(200), spent)
    _money(stage, budget, spent=290, held=0, left=710)


def shadow(stage: Stage) -> None:
    """A day in shadow mode: what a limit would have done, before it does it."""
    client = stage.client
    budget = client.create_budget("pilot", "100.00", trust_mode="SHADOW", intent_context="one day in shadow mode")
    stage.open("A shadow day: would a limit of 100.00 be enough? Nothing is blocked")
    verdicts: Counter[str | None] = Counter()
    through, reasons = 0, set[str | None]()
    for hour in range(24):
        asked = client.authorize(
            budget=budget,
            amount="10.00",
            idempotency_key=f"hour-{hour}",
            agent_id="pilot",
            action_type="LLM_CALL",
            description=f"batch at {hour:02}:00",
        )
        verdicts[asked.would_have_been] += 1
        reasons |= {asked.would_have_been_reason} - {None}
        if asked.is_authorized:
            through += 1
            client.confirm(asked, "10.00")
    seen = client.get_budget(budget.id)
    stage.tell("✓", f"{through} calls went through", Decimal(240), "nothing was blocked")
    stage.tell("⚠", f"{verdicts[DENIED]} would have been denied", None, ", ".join(str(reason) for reason in reasons))
    stage.tell("✓", f"{verdicts[AUTHORIZED]} would have fitted", seen.shadow_quantity_spent, "so raise it, or cut")
    stage.check("all 24 calls went through", 24, through)
    stage.check("what would have been", (10, 14), (verdicts[AUTHORIZED], verdicts[DENIED]))
    stage.check("for want of money", {"INSUFFICIENT_FUNDS"}, reasons)
    stage.check("spent within the shadow", Decimal(100), seen.shadow_quantity_spent)
    _money(stage, budget, spent=0, held=0, left=100)


def _money(stage: Stage, budget: Budget, *, spent: int, held: int, left: int) -> None:
    seen = stage.client.get_budget(budget.id)
    stage.check(
        f"the books of {budget.user_id}: spent, held, left",
        (Decimal(spent), Decimal(held), Decimal(left)),
        (seen.quantity_spent, seen.quantity_reserved, seen.available_quantity),
    )


SCENES = (travel, retry, crowd, loop, delegation, shadow)
"""The whole play, in order."""
