"""
Laws: what must hold whatever is asked, in whatever order.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from figuard.domain import commands as c
from figuard.domain import instants, velocity
from figuard.domain.amounts import AMOUNT_MAX, decimal_of, quanta
from figuard.domain.budget import Balance, EnforcementMode, OveragePolicy, TrustMode
from figuard.domain.codes import Denial
from figuard.domain.refusal import Refusal
from figuard.domain.tokens import fold
from figuard.domain.velocity import VelocityLimits, Windows
from tests.builders import World, allocation, cap, world
from tests.property import stories
from tests.simulation.checkers import entries_of

pytestmark = pytest.mark.timeout(900)  # for the many examples of `make full`, and for shrinking

half = settings(max_examples=settings.default.max_examples // 2)
steps = st.lists(
    st.tuples(
        st.sampled_from(["authorize", "authorize", "confirm", "void", "fail", "refund", "fund", "wait"]),
        st.integers(0, 9),
        stories.amounts,
    ),
    max_size=25,
)


def run(w: World, budget: object, story: list[tuple[str, int, int]]) -> None:
    """Do every step; one that is refused changes nothing."""
    events: list[str] = []
    for number, (what, which, amount) in enumerate(story):
        event = events[which % len(events)] if events else None
        try:
            if what == "authorize":
                events.append(w.authorize(budget, amount, f"k{number}").event.id)
            elif what == "wait":
                w.clock.advance(amount * 40 + 1)
            elif what == "fund":
                operation = list(c.FundingOperation)[which % 4]
                w.order(c.Fund(budget.budget.id, operation, quanta(amount)))
            elif event is not None:
                settle = {"confirm": w.confirm, "refund": _refund(w)}.get(what)
                settle(event, amount) if settle else {"void": w.void, "fail": w.fail}[what](event)
        except Refusal:
            continue


def _refund(w: World):
    return lambda event, amount: w.order(c.Refund(event, quanta(amount), "RETURNED"))


@given(limit=stories.limits, overage=st.sampled_from(list(OveragePolicy)), overdraft=stories.amounts, story=steps)
def test_available_is_never_negative_beyond_the_overdraft(limit, overage, overdraft, story):
    w = world()
    budget = w.budget(limit, overage=overage, overdraft_limit=quanta(overdraft))
    run(w, budget, story)
    floor = -quanta(overdraft) if overage is OveragePolicy.ALLOW_WITH_OVERDRAFT else 0

    left = [e.after.limit - e.after.balance.used(shadow=False) for e in entries_of(w, budget.budget.id)]

    assert min(left) >= floor


@given(limit=stories.limits, story=steps)
def test_replaying_the_ledger_gives_what_is_stored(limit, story):
    w = world()
    budget = w.budget(limit, authorization_expiry_seconds=60)

    run(w, budget, story)

    w.judge(budget)


@given(parts=st.lists(st.integers(0, 50), min_size=1, max_size=8), spare=st.integers(0, 5))
@half
def test_settling_a_split_equals_the_sum_of_its_parts(parts, spare):
    whole, split = world(), world()
    limit = max(1, sum(parts) + spare)
    one, many = whole.budget(limit), split.budget(limit)

    whole.confirm(whole.authorize(one, sum(parts)).event, sum(parts))
    for number, part in enumerate(parts):
        split.confirm(split.authorize(many, part, f"k{number}").event, part)

    assert whole.stored(one).funds.balance == split.stored(many).funds.balance


@given(held=st.integers(0, 50), used=st.integers(0, 50), back=st.integers(0, 50))
@half
def test_settling_less_and_giving_back_leaves_what_was_kept(held, used, back):
    assume(back <= used <= held)
    w = world()
    budget = w.budget(50)
    event = w.authorize(budget, held).event

    w.confirm(event, used)
    w.order(c.Refund(event.id, quanta(back), "RETURNED"))

    assert Balance(spent=quanta(used - back)) == w.stored(budget).funds.balance


@given(quantity=stories.amounts, settle=st.sampled_from(["void", "fail", "expire", "confirm, void"]))
@half
def test_what_is_taken_back_leaves_no_trace_in_any_balance(quantity, settle):
    w = world()
    shares = (allocation("travel", 20),)
    budget = w.budget(20, allocations=shares)
    token = w.delegate(budget, "helper", cap("travel", 15))
    event = w.authorize(token.secret, quantity, category="travel", max_subtree=12).event

    for step in settle.split(", "):
        if step == "expire":
            w.clock.advance(301)
        elif step == "confirm":
            w.confirm(event, quantity)
        else:
            getattr(w, step)(event)

    stored = w.stored(budget)
    left = w.delegate(budget, "helper").token
    assert (stored.funds.balance, stored.funds.allocations[0].balance, left.caps[0].balance) == (Balance(),) * 3


@given(limit=stories.limits, story=steps, noise=steps, quantity=stories.amounts)
@half
def test_a_decision_is_independent_of_unrelated_budgets(limit, story, noise, quantity):
    alone, crowd = world(), world()
    mine, ours = alone.budget(limit), crowd.budget(limit)
    run(crowd, crowd.budget(limit, velocity=VelocityLimits(per_minute=3)), noise)
    crowd.clock.set(instants.moment(alone.clock.now()))
    run(alone, mine, story)
    run(crowd, ours, story)

    one = alone.authorize(mine, quantity, "last").event
    other = crowd.authorize(ours, quantity, "last").event

    assert (one.decision, one.verdict.denial, one.verdict.available) == (
        other.decision,
        other.verdict.denial,
        other.verdict.available,
    )


words = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12).filter(
    lambda word: fold(word.upper()) == fold(word.lower()) == fold(word)
)


@given(word=words, mode=st.sampled_from(list(EnforcementMode)), quantity=stories.amounts)
@half
def test_the_case_of_a_category_does_not_matter(word, mode, quantity):
    answers = set()
    for stored, claimed in [(word, word.upper()), (word.upper(), word.lower()), (word.lower(), word.title())]:
        if fold(claimed) != fold(word):
            continue
        w = world()
        shares = (allocation(stored, 10, stored, mode=mode),)
        budget = w.budget(10, allocations=shares)
        token = w.delegate(budget, "helper", cap(stored, 8))
        event = w.authorize(token.secret, quantity, category=claimed).event
        answers.add((event.decision, event.verdict.denial, event.standing.held))

    assert len(answers) == 1


@given(limit=stories.limits, story=steps, quantity=stories.amounts)
@half
def test_a_dry_run_says_what_the_real_call_says_and_changes_nothing(limit, story, quantity):
    w = world()
    budget = w.budget(limit)
    run(w, budget, story)
    before = w.stored(budget)

    dry = w.authorize(budget, quantity, "last", dry_run=True).event
    after = w.stored(budget)
    real = w.authorize(budget, quantity, "last").event

    assert before.funds == after.funds
    assert (dry.decision, dry.verdict.denial) == (real.decision, real.verdict.denial)


@given(limit=stories.limits, quantities=st.lists(stories.amounts, min_size=1, max_size=10))
@half
def test_every_repeat_of_a_key_gives_the_first_answer(limit, quantities):
    w = world()
    budget = w.budget(limit)
    first = [w.authorize(budget, amount, f"k{n}").event.id for n, amount in enumerate(quantities)]
    balance = w.stored(budget).funds.balance

    again = [w.authorize(budget, amount, f"k{n}").event.id for n, amount in enumerate(quantities)]

    assert first == again
    assert balance == w.stored(budget).funds.balance


requests = st.lists(st.tuples(st.integers(0, 90), stories.amounts), max_size=30)


@given(requests=requests, limits=st.builds(VelocityLimits, st.integers(1, 5), st.integers(1, 30), st.integers(1, 20)))
def test_a_velocity_window_is_never_too_short_and_at_most_one_bucket_too_long(requests, limits):
    now, seen, windows = instants.parse("2030-01-01T00:00:07.5Z"), [], Windows()
    for gap, amount in requests:
        now += gap * instants.SECOND + 1
        for window, ring in (
            (velocity.MINUTE_WINDOW, windows.minute),
            (velocity.HOUR_WINDOW, windows.hour),
            (velocity.DAY_WINDOW, windows.day),
        ):
            exact, loose = (
                sum(a if window is velocity.HOUR_WINDOW else 1 for at, a in seen if at > now - length)
                for length in (window.length, window.length + window.bucket)
            )
            assert exact <= velocity.total(ring, window, now) <= loose
        windows = windows.counted(limits, now, amount)
        seen.append((now, amount))


@given(gaps=st.lists(st.integers(0, 40), min_size=1, max_size=12), per_minute=st.integers(1, 3))
@half
def test_who_waits_as_long_as_a_velocity_denial_says_is_let_through(gaps, per_minute):
    w = world()
    budget = w.budget(1000, velocity=VelocityLimits(per_minute=per_minute))
    denied = None
    for number, gap in enumerate(gaps):
        w.clock.advance(gap + 1)
        event = w.authorize(budget, 1, f"k{number}").event
        denied = event if event.verdict.denial is Denial.VELOCITY_LIMIT_EXCEEDED else denied
    assume(denied is not None and denied.verdict.retry_at > w.clock.now())
    assume(denied.id == event.id)

    w.clock.set(instants.moment(denied.verdict.retry_at))

    assert w.authorize(budget, 1, denied.spend.key).event.verdict.denial is None


@given(amount=st.integers(0, AMOUNT_MAX))
def test_an_amount_survives_the_way_to_a_decimal_and_back(amount):
    assert amount == quanta(decimal_of(amount)) == quanta(str(decimal_of(amount)))


@given(quantity=stories.amounts, limit=stories.limits)
@half
def test_a_shadow_budget_says_what_an_enforcing_one_does(quantity, limit):
    strict, shadow = world(), world()
    enforcing = strict.budget(limit)
    preview = shadow.budget(limit)
    shadow.order(c.UpdateBudget(preview.budget.id, c.PolicyPatch(trust_mode=TrustMode.SHADOW)))

    for number in range(4):
        done = strict.authorize(enforcing, quantity, f"k{number}").event
        would = shadow.authorize(preview, quantity, f"k{number}").event
        assert (done.verdict.denial, would.decision.value) == (would.verdict.denial, "AUTHORIZED")

    assert Balance() == replace(shadow.stored(preview).funds.balance, shadow_reserved=0)
