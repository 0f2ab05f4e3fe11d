"""
Numbers that pages name are those of the code.
"""

from __future__ import annotations

import inspect
import re

import pytest

from figuard import FiGuardClient, Retry
from figuard.client.verification import TOLERANCE_SECONDS
from figuard.domain.amounts import AMOUNT_MAX, FRACTION_DIGITS_MAX, QUANTA_PER_UNIT
from figuard.domain.anomaly import AnomalyPolicy
from figuard.domain.backoff import DELIVERY_DELAYS_SECONDS
from figuard.domain.budget import Policy
from figuard.domain.entitlements import Item
from figuard.domain.limits import CONFIRMATION_TIMEOUT_SECONDS_MIN, DELEGATION_DEPTH_MAX
from figuard.engine.batcher import BATCH_MAX
from figuard.engine.histories import COUNTERFACTUAL_DAYS
from figuard.engine.issue import ROTATION_GRACE_SECONDS
from figuard.engine.subscriptions import ANCHOR_DAY_MAX
from figuard.stores.sqlite.failures import BUSY_SECONDS
from figuard.webhooks.sender import TOTAL_SECONDS
from figuard.wire.limits import LIFETIME_SECONDS_DEFAULT
from tests.docs.pages import DOCS, README

RETRY, POLICY, ANOMALY = Retry(), Policy(), AnomalyPolicy()
WORDS = {1: "one", 2: "two", 3: "three", 5: "five", 10: "ten"}
PAUSES = tuple(RETRY.pause_seconds(attempt, 0) for attempt in (1, 2))

FACTS = [
    ("guides/budgets.md", f"the\nold one works {ROTATION_GRACE_SECONDS} seconds longer"),
    ("guides/budgets.md", f"more than {FRACTION_DIGITS_MAX} digits after the point"),
    ("guides/budgets.md", f"or above {AMOUNT_MAX // QUANTA_PER_UNIT:,}."),
    ("guides/budgets.md", f"The longest life is {LIFETIME_SECONDS_DEFAULT // 86_400} days."),
    ("guides/budgets.md", f"for a grace of {POLICY.grace_seconds} seconds"),
    ("guides/budgets.md", f"how long a hold lasts ({POLICY.authorization_expiry_seconds})"),
    ("guides/authorize-and-settle.md", f"({POLICY.authorization_expiry_seconds} unless the budget says otherwise)"),
    ("guides/authorize-and-settle.md", f"After that or {CONFIRMATION_TIMEOUT_SECONDS_MIN} seconds, whichever is later"),
    ("guides/delegation.md", f"up to {DELEGATION_DEPTH_MAX} times"),
    ("guides/velocity-and-anomaly.md", f"above the mean times {ANOMALY.multiplier // QUANTA_PER_UNIT}"),
    ("guides/velocity-and-anomaly.md", f"once there are {ANOMALY.min_samples} confirmed payments"),
    ("guides/idempotency-and-retries.md", f"made up to {WORDS[RETRY.attempts_max]} times, with {PAUSES[0]:g} and"),
    ("guides/idempotency-and-retries.md", f"and {PAUSES[1]:g} seconds between"),
    ("guides/subscriptions.md", f"at most {ANCHOR_DAY_MAX}; the present day unless told"),
    ("guides/subscriptions.md", f"`APPROACHING` ({Item.__dataclass_fields__['warn_at_percentage'].default})"),
    ("guides/webhooks.md", f"{WORDS[len(DELIVERY_DELAYS_SECONDS) + 1]} attempts over about half an hour"),
    ("guides/webhooks.md", f"older than {WORDS[TOLERANCE_SECONDS // 60]} minutes is refused"),
    ("guides/webhooks.md", f"One attempt takes {WORDS[int(TOTAL_SECONDS)]} seconds at most"),
    ("guides/replay.md", f"looks {COUNTERFACTUAL_DAYS} days back"),
    ("guides/production.md", f"for the lock, up to {BUSY_SECONDS:g} seconds"),
    ("design/architecture.md", f"up to {BATCH_MAX} orders"),
    ("design/decisions/0003-group-commit-without-a-timer.md", f"up to {BATCH_MAX}, in one transaction"),
]


@pytest.mark.parametrize(("page", "fact"), FACTS, ids=[f"{page}:{fact[:30]}" for page, fact in FACTS])
def test_a_number_on_a_page_is_the_one_in_the_code(page, fact):
    words = " ".join((DOCS / page).read_text(encoding="utf-8").split())

    assert " ".join(fact.split()) in words


def test_ten_attempts_take_about_half_an_hour():
    assert 28 <= sum(DELIVERY_DELAYS_SECONDS) / 60 <= 35


def test_a_client_fails_closed_unless_told():
    assert inspect.signature(FiGuardClient.__init__).parameters["fail_open"].default is False


def test_how_it_works_has_ten_steps():
    below = README.read_text(encoding="utf-8").partition("## How it works")[2].partition("\n## ")[0]

    assert len(re.findall(r"^\d+\. ", below, re.MULTILINE)) == 10
