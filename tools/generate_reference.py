"""
Generates the reference pages whose tables live in the code: limits, and the types of webhook events.
"""

from __future__ import annotations

import ast
from importlib import import_module
from itertools import pairwise
from pathlib import Path

from reference_pages import REFERENCE, ROOT, markdown, page, row, table
from webhook_events import WEBHOOK_EVENTS, members_of

from figuard.domain.amounts import QUANTA_PER_UNIT, decimal_of
from figuard.domain.notices import EVENT_TYPES

LIMIT_MODULES = {
    "Requests and answers": ("figuard.wire.limits", "figuard.domain.amounts"),
    "Rules": (
        "figuard.domain.limits",
        "figuard.engine.issue",
        "figuard.engine.budgets",
        "figuard.engine.subscriptions",
    ),
    "Commits, sweeps and reads": (
        "figuard.engine.batcher",
        "figuard.engine.sweeper",
        "figuard.engine.inspection",
        "figuard.engine.histories",
    ),
    "The file": ("figuard.stores.sqlite.failures", "figuard.stores.sqlite.connections"),
    "Sending webhooks": ("figuard.webhooks.sender", "figuard.webhooks.addresses", "figuard.domain.backoff"),
    "The client": ("figuard.client.verification", "figuard.client.context", "figuard.client.ops.fallback"),
}
"""The modules whose documented numbers are published, by the heading above them."""

NAMED_ELSEWHERE = {
    "figuard.domain.amounts": {"FRACTION_DIGITS_MAX": "How many digits an amount may have after the point."}
}
"""Numbers whose names say enough in the code."""

LIMITS_INTRODUCTION = """\
Everything has a limit, and the limit has a name. What is beyond one is refused with a message that says which, unless
the table says otherwise.
"""

EVENTS_INTRODUCTION = """\
The types a webhook can subscribe to, and the members of each notice beside the common ones. How notices are sent and
received is in [webhooks](../guides/webhooks.md).

Every notice has `eventType`, `timestamp` and `deliveryId`. A notice about a budget also has `budgetId`, `tenantId`,
`userId`, `currency` and `unit`; one about an entitlement has the members listed below it. Amounts are JSON numbers and
exact: read them as decimals.
"""

SIGNATURES = """
## Signatures

| header | holds |
|---|---|
| `webhook-id`, `X-FiGuard-Delivery` | the id of the notice: the same at every attempt |
| `webhook-timestamp`, `X-FiGuard-Timestamp` | when this attempt was signed, in seconds since 1970 |
| `webhook-signature` | `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`, as Standard Webhooks has it |
| `X-Webhook-Event` | the type |
| `X-Webhook-Signature` | `sha256=` and the hex HMAC-SHA256 of the body alone, as in version 1 |

A secret that starts with `whsec_` signs with the bytes that its base64 encodes, any other with its own characters.
"""


def limits_page() -> str:
    """Return the page of limits."""
    parts = [page("Limits", "generate_reference", LIMITS_INTRODUCTION)]
    seen: set[str] = set()
    for heading, modules in LIMIT_MODULES.items():
        parts.append(f"\n## {heading}\n{table('limit', 'value', 'what it bounds')}")
        for module in modules:
            for name, said in [*NAMED_ELSEWHERE.get(module, {}).items(), *documented_numbers(module)]:
                if name in seen:
                    continue
                seen.add(name)
                value = shown(name, getattr(import_module(module), name))
                # Amounts are shown as people write them.
                bounds = markdown(said.replace(", in quanta", "").replace(" in quanta", ""))
                parts.append(row(f"`{name}`", value, bounds))
    return "".join(parts)


def documented_numbers(module: str) -> list[tuple[str, str]]:
    """Return the public constants of a module that are numbers and have a docstring, in order."""
    source = ROOT / "src" / Path(*module.split("."))
    path = source.with_suffix(".py")
    body = ast.parse(path.read_text(encoding="utf-8")).body
    found: list[tuple[str, str]] = []
    for node, after in pairwise(body):
        is_documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if not (isinstance(node, ast.Assign) and is_documented and isinstance(node.targets[0], ast.Name)):
            continue
        name = node.targets[0].id
        value = getattr(import_module(module), name)
        if not name.startswith("_") and (isinstance(value, (int, float)) or is_numbers(value)):
            found.append((name, str(after.value.value)))
    return found


def is_numbers(value: object) -> bool:
    """Return whether a value is a tuple of numbers."""
    return isinstance(value, tuple) and all(isinstance(part, int) for part in value)


def shown(name: str, value: object) -> str:
    """Return a value as people read it; amounts are stored in quanta."""
    if is_numbers(value):
        return ", ".join(map(str, value))
    if name in {"AMOUNT_MAX", "BALANCE_MAX", "MULTIPLIER_MAX"}:
        assert isinstance(value, int)
        exact = decimal_of(value)
        return f"{exact.to_integral_value():,}" if value % QUANTA_PER_UNIT == 0 else f"{exact:,}"
    return f"{value:,g}" if isinstance(value, float) else f"{value:,}"


def events_page() -> str:
    """Return the page of webhook events."""
    parts = [page("Webhook events", "generate_reference", EVENTS_INTRODUCTION)]
    parts.append(table("type", "sent when", "members"))
    for event_type in EVENT_TYPES:
        what = WEBHOOK_EVENTS[event_type]
        members = ", ".join(f"`{member}`" for member in members_of(what)) or "(none more)"
        parts.append(row(f'<a id="{event_type.lower()}"></a>`{event_type}`', what.when, members))
    parts.append(SIGNATURES)
    return "".join(parts)


def outputs() -> dict[Path, str]:
    """Return every file generated here, by path."""
    return {REFERENCE / "limits.md": limits_page(), REFERENCE / "webhook-events.md": events_page()}
