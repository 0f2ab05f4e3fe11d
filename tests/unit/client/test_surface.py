"""
The published surface: every name, parameter and default that programs rely on, on both clients alike.
"""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys

import pytest

import figuard
from figuard import AsyncFiGuardClient, CompositeGuard, FiGuardClient
from figuard.client.ops.arguments import AuthorizeArguments
from figuard.client.ops.budgets import BudgetOptions
from figuard.wire.operations import OPERATIONS

# What the published SDK has. Parameters in order, with their defaults; new ones may follow.
METHODS = """
create_budget(user_id, total_limit, expires_at=None, expires_in=None, currency=None, unit=None, intent_context=None, intent_tags=None, external_reference=None, soft_limit=None, max_transaction_quantity=None, authorization_expiry_seconds=None, velocity_max_per_minute=None, velocity_max_amount_per_hour=None, velocity_max_per_day=None, anomaly_detection_enabled=False, auto_pause_on_anomaly=True, entity_dedup_enabled=False, allocations=None, metadata=None, trust_mode=None)
get_budget(budget_id)
resume_budget(budget_id, override_reason, override_by=None)
extend_budget(budget_id, expires_at=None, expires_in=None)
update_budget(budget_id, trust_mode=None, total_limit=None, velocity_max_per_minute=None, velocity_max_amount_per_hour=None, velocity_max_per_day=None, expires_at=None, status=None)
cancel_batch(budget_ids)
fund_budget(budget_id, operation, amount, reason=None)
rotate_session_token(budget_id)
create_token_budget(*, model, max_tokens, expires_at=None, expires_in=None, intent_context=None, user_id='agent', external_reference=None, allocations=None, metadata=None)
authorize(session_token=None, agent_id='agent', action_type='SPEND', description='spend', requested_quantity=None, idempotency_key=None, currency=None, intent_context=None, entity_id=None, claimed_category=None, claimed_item_type=None, parent_event_id=None, agent_type=None, trace_id=None, metadata=None, max_subtree_quantity=None, dry_run=False, reserve=True, *, budget=None, amount=None)
confirm(event, amount)
confirm_event(event_id, confirmed_quantity, external_transaction_id=None)
confirm_tokens(event_id, actual_tokens, external_transaction_id=None)
fail_event(event_id, reason, error_message=None)
void_event(event_id, reason, void_child_events=False)
void_tree(event_id, reason)
record_external_event(budget_id, agent_id, action_type, description, quantity, idempotency_key, *, claimed_category=None, source='EXTERNAL', occurred_at=None, metadata=None)
get_ledger(budget_id, page=0, size=20, decision=None, trace_id=None)
iter_events(budget_id, decision=None, trace_id=None, page_size=100)
get_spend_tree(budget_id)
get_receipt_url(budget_id)
replay_budget(budget_id, *, from_time=None, until=None, include_denied=True, include_state_snapshots=True, page_size=100, page_token=None)
get_budget_state_at(budget_id, at)
get_budget_timeline(budget_id, *, from_time=None, until=None)
replay_counterfactual(budget_id, *, hypothetical_policy=None, manifest_version=None, from_time=None, until=None)
create_delegation_token(budget_id, label, caps)
get_delegation_token(token_id)
list_delegation_tokens(budget_id)
revoke_delegation_token(token_id)
list_api_keys()
create_api_key(description=None)
revoke_api_key(key_id)
rotate_api_key(key_id)
list_subscriptions()
create_subscription(external_subscriber_id, plan, renewal_period, starts_at=None)
get_subscription(subscription_id)
get_subscription_by_subscriber(external_subscriber_id)
pause_subscription(subscription_id)
resume_subscription(subscription_id)
cancel_subscription(subscription_id)
list_entitlements(subscription_id)
add_entitlement(subscription_id, category, period_limit, overage_policy='BLOCK', renewal_period='MONTHLY', warn_at_percentage=None)
get_entitlement(subscription_id, item_id)
reset_entitlement(subscription_id, item_id)
create_webhook(url, secret, events)
list_webhooks()
delete_webhook(webhook_id)
get_webhook_deliveries(webhook_id)
test_webhook(webhook_id)
get_all_deliveries(status=None, event_type=None, since=None)
retry_delivery(delivery_id)
verify_webhook(payload, signature_header, secret)
fail(event, reason)
void(event, reason)
refund(event, amount)
extend_hold(event, seconds)
mark_unknown(event)
list_budgets(page=0, size=20, status=None)
iter_budgets(status=None)
pause_budget(budget_id)
cancel_budget(budget_id)
get_event(event_id)
get_chain(event_id)
search_budgets(text)
spend_report(by='agent')
rotate_delegation_token(token_id)
create_scoped_token(budget_id, label)
authorize_many(requests, *, all_or_nothing=False)
revoke_receipt(budget_id)
verify_ledger(budget_id)
ledger_entries(budget_id)
spend(budget, amount)
guarded(budget, amount)
reconcile()
"""  # noqa: E501 - one line per method
PUBLISHED = [line for line in METHODS.splitlines() if line]


def published(line):
    """Return a method's name and its parameters, each as (name, kind, default)."""
    name, _, rest = line.partition("(")
    scope = {}
    exec(f"def method(self, {rest.removesuffix(')')}): ...", scope)
    return name, parameters(scope["method"])


def parameters(function):
    found = inspect.signature(function).parameters.values()
    return [(one.name, one.kind, one.default) for one in found if one.name != "self"]


@pytest.mark.parametrize("owner", [FiGuardClient, AsyncFiGuardClient])
@pytest.mark.parametrize("line", PUBLISHED, ids=lambda line: line.partition("(")[0])
def test_every_published_parameter_is_there(owner, line):
    name, wanted = published(line)
    offered = parameters(getattr(owner, name))
    positional = [one for one in wanted if one[1] is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    keywords = {one[0]: one[2] for one in offered}

    found = [one for one in offered if one[1] is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert [one[0] for one in positional] == [one[0] for one in found][: len(positional)]
    for parameter, _, default in wanted:
        required = default is inspect.Parameter.empty
        assert parameter in keywords
        assert required or keywords[parameter] == default


@pytest.mark.parametrize("owner", [FiGuardClient, AsyncFiGuardClient])
def test_what_the_published_sdk_leaves_out_may_be_left_out(owner):
    """
    A parameter of ours that the published method does not have always has a default.
    """
    needed = []
    for line in PUBLISHED:
        name, wanted = published(line)
        known = {one[0] for one in wanted}
        needed += [
            (name, one[0])
            for one in parameters(getattr(owner, name))
            if one[0] not in known and one[2] is inspect.Parameter.empty
        ]

    assert needed == []


def methods(owner):
    return {name: value for name, value in inspect.getmembers(owner, callable) if not name.startswith("_")}


def test_both_clients_have_the_same_methods():
    assert methods(FiGuardClient).keys() == methods(AsyncFiGuardClient).keys()


@pytest.mark.parametrize("name", sorted(methods(FiGuardClient)))
def test_both_clients_take_the_same_arguments(name):
    assert parameters(methods(FiGuardClient)[name]) == parameters(methods(AsyncFiGuardClient)[name])


@pytest.mark.parametrize("name", sorted(methods(FiGuardClient)))
@pytest.mark.parametrize("owner", [FiGuardClient, AsyncFiGuardClient])
def test_every_method_says_what_it_does(owner, name):
    assert (inspect.getdoc(getattr(owner, name)) or "").strip()


@pytest.mark.parametrize("name", sorted(methods(FiGuardClient)))
def test_no_method_swallows_what_it_does_not_know(name):
    """
    A misspelled argument is a `TypeError`, never a rule that silently does not apply.
    """
    kinds = {one[1] for one in parameters(methods(FiGuardClient)[name])}

    assert inspect.Parameter.VAR_KEYWORD not in kinds


def test_every_operation_has_a_method():
    renamed = {
        "authorize_batch": "authorize_many",
        "refund_event": "refund",
        "extend_event": "extend_hold",
        "mark_event_unknown": "mark_unknown",
        "get_entries": "ledger_entries",
        "verify_budget": "verify_ledger",
        "get_spend_report": "spend_report",
    }
    offered = methods(FiGuardClient)

    assert [name for name in OPERATIONS if renamed.get(name, name) not in offered] == []


def test_the_dictionaries_of_arguments_are_the_methods_own():
    """
    `authorize_many` and the operations know the arguments by name; a new one must be in both places.
    """
    authorize = {one[0] for one in parameters(FiGuardClient.authorize)}
    create = {one[0] for one in parameters(FiGuardClient.create_budget)}
    apart = {"user_id", "total_limit", "expires_at", "expires_in", "idempotency_key"}

    assert authorize == set(AuthorizeArguments.__annotations__)
    assert create - apart == set(BudgetOptions.__annotations__)


CONSTRUCTORS = [
    (FiGuardClient, ["api_key", "base_url", "timeout", "fail_open", "mode", "database", "log"]),
    (AsyncFiGuardClient, ["api_key", "base_url", "timeout", "mode", "database", "log"]),
]


@pytest.mark.parametrize(("owner", "names"), CONSTRUCTORS)
def test_the_constructors_take_what_they_took(owner, names):
    offered = parameters(owner.__init__)
    defaults = {"timeout": 30, "fail_open": False, "log": True}

    assert names == [one[0] for one in offered if one[1] is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert [one[2] for one in offered[: len(names)]] == [defaults.get(name) for name in names]


def test_a_composite_guard_takes_what_it_took():
    names = [one[0] for one in parameters(CompositeGuard.authorize)]

    assert names[:6] == ["agent_id", "action_type", "description", "requested", "idempotency_key", "trace_id"]
    assert parameters(CompositeGuard.fail)[1][2] == "TOOL_ERROR"


# ---------------------------------------------------------------------------------------------------- the front door

NAMES = """
__version__ FiGuardClient AsyncFiGuardClient DenialReason
FiGuardError FiGuardApiError FiGuardCapabilityError FiGuardDeniedException FiGuardConnectionError
FiGuardWebhookVerificationError FiGuardConfigError
Budget AuthorizationResult SpendEventResponse VoidResult VoidTreeResult LedgerPage SpendTree SpendTreeNode
BudgetSnapshot AllocationSnapshot AllocationResponse BudgetFundingResult ApiKey EntitlementItem Subscription
BudgetStateSnapshot BudgetTimeline ReplayAllocationState TimelineEvent WebhookConfig WebhookDelivery WebhookTestResult
figuard_scope figuard_run_in_executor get_current_event_id clear_current_event_id
CompositeGuard GuardedResource CompositeAuthorizationResult AsyncCompositeGuard AsyncGuardedResource
""".split()
HOMES = {
    "figuard.client": "FiGuardClient build_allocations_from_percentages",
    "figuard.async_client": "AsyncFiGuardClient",
    "figuard.models": "Budget BudgetToken DelegationToken DelegationTokenAllocation AuthorizationResult",
    "figuard.exceptions": "FiGuardError FiGuardApiError FiGuardCapabilityError FiGuardConfigError",
    "figuard.denial_reasons": "DenialReason",
    "figuard.context": "figuard_scope figuard_run_in_executor get_current_event_id clear_current_event_id",
    "figuard.composite": "CompositeGuard GuardedResource CompositeAuthorizationResult",
    "figuard.async_composite": "AsyncCompositeGuard AsyncGuardedResource",
    "figuard.telemetry": "span",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_published_name_is_at_the_front_door(name):
    assert name in figuard.__all__
    assert getattr(figuard, name) is not None


def test_everything_at_the_front_door_is_there():
    assert [name for name in figuard.__all__ if not hasattr(figuard, name)] == []
    assert set(figuard.__all__) <= set(dir(figuard))


@pytest.mark.parametrize(("home", "names"), HOMES.items())
def test_a_published_module_has_its_names(home, names):
    module = importlib.import_module(home)

    assert [name for name in names.split() if not hasattr(module, name)] == []
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_one_thing_has_one_identity_wherever_it_is_imported_from():
    for home, names in HOMES.items():
        module = importlib.import_module(home)
        for name in names.split():
            assert getattr(module, name) is getattr(figuard, name, getattr(module, name))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="FiGuardClint"):
        _ = figuard.FiGuardClint


def modules_after(statement):
    """Return what a fresh interpreter has loaded after a statement."""
    script = f"import sys, json; old = set(sys.modules); {statement}; print(json.dumps(sorted(set(sys.modules) - old)))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout))


def test_the_front_door_opens_nothing_behind_it():
    """
    A count of modules is the stable form of an import-time budget.
    """
    loaded = modules_after("import figuard")

    assert loaded & {"httpx2", "msgspec", "sqlite3", "asyncio", "decimal"} == set()
    assert {name for name in loaded if name.startswith("figuard")} == {"figuard", "figuard._version"}


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        (
            "from figuard import FiGuardClient",
            {"httpx2", "figuard.engine", "figuard.stores", "figuard.embedded", "figuard.client.aio"},
        ),
        (
            "from figuard import FiGuardClient; FiGuardClient('k', 'https://a.test')",
            {"figuard.engine", "figuard.stores"},
        ),
        ("import figuard; figuard.FiGuardClient(database=':memory:')", {"httpx2"}),
        ("from figuard import Budget, DenialReason, FiGuardError", {"httpx2", "figuard.client.session", "sqlite3"}),
    ],
)
def test_what_is_not_used_is_not_loaded(statement, absent):
    assert modules_after(statement) & absent == set()


@pytest.mark.parametrize("name", ["auto_guard_langchain", "auto_guard_crewai"])
def test_an_integration_is_offered_without_being_loaded(name):
    assert name in dir(figuard)
    assert name not in figuard.__all__
