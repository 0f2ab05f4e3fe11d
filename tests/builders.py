"""
Builders with defaults: a test says only what matters to it.

``world()`` is an engine on the memory store with a manual clock and counting ids; its short methods give orders and
return replies, and ``judge()`` verifies the whole ledger against what is stored.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from figuard.domain import commands as c
from figuard.domain import questions as q
from figuard.domain.amounts import AmountLike, quanta
from figuard.domain.budget import EMBEDDED_TENANT, Allocation, Budget, EnforcementMode, Policy
from figuard.domain.events import Event, Spend
from figuard.domain.replies import AuthorizeReply, BudgetReply
from figuard.domain.tokens import Cap, fold
from figuard.domain.views import FindingsView
from figuard.engine import Engine
from figuard.host import PepperHasher
from figuard.ports import Store
from figuard.stores.memory import MemoryStore
from figuard.testing.determinism import ManualClock, SequentialIds

TENANT = EMBEDDED_TENANT


def policy(**fields: Any) -> Policy:
    """Return a policy; amounts in quanta as the domain has them."""
    return Policy(**fields)


def spend(quantity: AmountLike = 10, key: str = "k1", **fields: Any) -> Spend:
    """Return what an agent asks for: 10 units, key ``k1``, unless told otherwise."""
    if fields.get("category") is not None:
        fields["category"] = fold(fields["category"])
    if fields.get("max_subtree") is not None:
        fields["max_subtree"] = quanta(fields["max_subtree"])
    fingerprint = f"{quantity}|{fields.get('category')}|{fields.get('entity_id')}|{fields.get('currency')}"
    return Spend(
        key=key,
        agent_id=fields.pop("agent_id", "agent"),
        action_type=fields.pop("action_type", "SPEND"),
        description=fields.pop("description", "something"),
        quantity=quanta(quantity),
        fingerprint=fields.pop("fingerprint", fingerprint),
        **fields,
    )


def allocation(category: str, limit: AmountLike, *allowed: str, **fields: Any) -> Allocation:
    """Return an allocation that takes its own label's category, or those given."""
    mode = fields.pop("mode", EnforcementMode.CATEGORY_CONSTRAINED)
    return Allocation("", category, quanta(limit), mode, allowed or (category,), **fields)


def cap(category: str, limit: AmountLike) -> Cap:
    """Return a cap on a category."""
    return Cap("", fold(category), quanta(limit))


class World:
    """An engine with everything in reach, and short words for what tests do most."""

    def __init__(self, store: Store | None = None, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.ids = SequentialIds()
        self.hasher = PepperHasher([b"a pepper for tests, 32 bytes long"])
        self.store: Store = store or MemoryStore()
        self.engine = Engine(self.store, clock=self.clock, ids=self.ids, hasher=self.hasher)

    def order(self, command: Any, *, tenant: str = TENANT, key: str | None = None, **fields: Any) -> Any:
        """Give an order and return its reply; refusals are raised."""
        fields.setdefault("fingerprint", repr(command) if key else "")
        return self.engine.execute(c.Order(command, tenant, fields.pop("actor", "test"), key, **fields))

    def ask(self, question: Any, *, tenant: str = TENANT) -> Any:
        """Ask a question and return its view."""
        return self.engine.ask(question, tenant)

    def budget(self, limit: AmountLike = 100, *, currency: str | None = "USD", **fields: Any) -> BudgetReply:
        """Create a budget of 100 USD unless told otherwise; unknown fields go into its policy."""
        own = {name: fields.pop(name) for name in list(fields) if name in _CREATE_FIELDS}
        policy_fields = fields.pop("policy", None) or Policy(**fields)
        if "unit" in own:
            currency = None
        return self.order(
            c.CreateBudget(own.pop("user_id", "user"), quanta(limit), policy_fields, currency=currency, **own)
        )

    def authorize(
        self, token: str | BudgetReply, quantity: AmountLike = 10, key: str = "k1", **fields: Any
    ) -> AuthorizeReply:
        """Ask to spend; ``dry_run`` and the fields of ``spend`` may be given."""
        secret = token if isinstance(token, str) else token.secret
        assert secret is not None
        dry_run = fields.pop("dry_run", False)
        tenant = fields.pop("tenant", TENANT)
        command = c.Authorize(self.hasher.hash(secret), spend(quantity, key, **fields), dry_run)
        return self.order(command, tenant=tenant)

    def confirm(self, event: Event | str, quantity: AmountLike, **fields: Any) -> Any:
        """Settle an event at *quantity*."""
        return self.order(c.Confirm(_id(event), quanta(quantity), **fields))

    def fail(self, event: Event | str, reason: str = "FAILED") -> Any:
        """Say that the spending did not happen."""
        return self.order(c.Fail(_id(event), reason))

    def void(self, event: Event | str, reason: str = "VOIDED", *, children: bool = False) -> Any:
        """Take an authorization back."""
        return self.order(c.Void(_id(event), reason, children))

    def delegate(self, budget: BudgetReply, label: str, *caps: Cap, **fields: Any) -> Any:
        """Issue a delegation token."""
        return self.order(c.Delegate(budget.budget.id, label, caps, **fields))

    def stored(self, budget: BudgetReply | Budget | str) -> Budget:
        """Return the budget as it is stored now."""
        if isinstance(budget, str):
            budget_id = budget
        else:
            budget_id = budget.budget.id if isinstance(budget, BudgetReply) else budget.id
        return self.ask(q.GetBudget(budget_id)).budget

    def judge(self, budget: BudgetReply | Budget | str) -> FindingsView:
        """Verify the budget's whole book against what is stored; assert that nothing is wrong."""
        view: FindingsView = self.ask(q.VerifyBook(self.stored(budget).id))
        assert view.findings == (), view.findings
        return view

    def reopened(self) -> World:
        """Return a world with a new engine over the same store, as after a restart."""
        other = World.__new__(World)
        other.__dict__.update(self.__dict__)
        other.engine = Engine(self.store, clock=self.clock, ids=self.ids, hasher=self.hasher)
        return other


_CREATE_FIELDS = {"unit", "external_reference", "intent_context", "item_id", "allocations", "metadata", "user_id"}


def _id(event: Event | str) -> str:
    return event if isinstance(event, str) else event.id


def world(store: Store | None = None) -> World:
    """Return a fresh world."""
    return World(store)


def with_policy(reply: BudgetReply, **fields: Any) -> Policy:
    """Return the budget's policy with some fields replaced."""
    return replace(reply.budget.policy, **fields)
