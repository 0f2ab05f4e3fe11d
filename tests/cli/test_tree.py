"""
``figuard tree`` and ``figuard report``.
"""

from __future__ import annotations

from decimal import Decimal

from figuard.cli.forest import lines
from figuard.client.models import SpendEventResponse, SpendTree, SpendTreeNode


def node(description, *children, decision="CONFIRMED", amount=1, **fields):
    quantity = Decimal(amount)
    event = SpendEventResponse(
        description,
        decision,
        quantity,
        description=description,
        confirmed_quantity=quantity if decision == "CONFIRMED" else None,
        **fields,
    )
    return SpendTreeNode(event, list(children))


def drawn(*roots, **options):
    tree = SpendTree("b", list(roots), 0)
    return [f"{line.guide}{line.glyph} {line.label} ×{line.count} {line.quantity}" for line in lines(tree, **options)]


def test_the_travel_agent(travel):
    assert travel("tree", "agent_001").out.splitlines()[1:] == [
        "██████████░░░░░░░░░░  267.00 spent, 233.00 left of 500.00 USD",
        "├─ ✓ JetBlue SFO→JFK roundtrip  267.00  travel_agent  of 270.00 held",
        "└─ ✗ Marriott 3 nights          350.00  travel_agent  INSUFFICIENT_FUNDS",
    ]


def test_a_tree_for_a_program(travel):
    roots = travel("tree", "agent_001", "--json").json["roots"]

    assert [root["event"]["decision"] for root in roots] == ["CONFIRMED", "DENIED"]


def test_a_budget_without_events(figuard):
    figuard("budget", "create", "500", "--user", "me")

    assert figuard("tree", "me").out.endswith("no events yet\n")


def test_every_decision_has_its_glyph():
    decisions = ("CONFIRMED", "AUTHORIZED", "DENIED", "FAILED", "VOIDED")

    glyphs = [line.glyph for line in lines(SpendTree("b", [node("x", decision=each) for each in decisions], 5))]

    assert glyphs == ["✓", "⏳", "✗", "⚠", "↩"]


def test_children_hang_below_their_cause():
    assert drawn(node("a", node("b", node("c")), node("d")), node("e")) == [
        "├─ ✓ a ×1 1.00",
        "│  ├─ ✓ b ×1 1.00",
        "│  │  └─ ✓ c ×1 1.00",
        "│  └─ ✓ d ×1 1.00",
        "└─ ✓ e ×1 1.00",
    ]


def test_a_loop_of_250_calls_is_one_line():
    calls = [node(f"quality check {number}", amount="0.02") for number in range(1, 251)]

    assert drawn(*calls, node("quality check 251", decision="DENIED", amount="0.02")) == [
        "├─ ✓ quality check 1…250 ×250 5.00",
        "└─ ✗ quality check 251 ×1 0.02",
    ]
    assert len(drawn(*calls, grouped=False)) == 250


def test_a_run_is_alike_in_everything_that_is_said_of_it():
    same = [node("x", agent_id=f"agent {number}") for number in range(4)]
    other = [node("x", decision="DENIED", denial_reason=reason) for reason in ("A", "A", "A", "A", "B")]

    assert drawn(*same, *other) == ["├─ ✓ x ×4 4.00", "├─ ✗ x ×4 4.00", "└─ ✗ x ×1 1.00"]


def test_three_alike_are_not_yet_a_run():
    assert len(drawn(*[node("x")] * 3)) == 3


def test_an_event_with_children_is_never_in_a_run():
    assert len(drawn(*[node("x", node("y")) for _ in range(5)])) == 10


def test_a_run_whose_names_differ_twice_names_the_first():
    assert drawn(*[node(f"page {n} of try {n}") for n in range(4)]) == ["└─ ✓ page 0 of try 0 … ×4 4.00"]


def test_what_is_too_deep_is_counted():
    chain = node("9")
    for depth in reversed(range(9)):
        chain = node(str(depth), chain)

    assert drawn(chain, depth_max=3)[-1] == "         └─ … 7 deeper ×1 "


def test_a_tree_of_any_depth_is_drawn_without_recursion():
    chain = node("0")
    for _ in range(5000):
        chain = node("0", chain)

    assert len(drawn(chain, depth_max=10_000)) == 5001


def remark(**fields):
    return next(iter(lines(SpendTree("b", [node("x", **fields)], 1)))).remark


def test_remarks():
    assert remark(decision="AUTHORIZED") == "held"
    assert remark(decision="AUTHORIZED", outcome="UNKNOWN") == "outcome unknown, still held"
    assert remark(decision="AUTHORIZED", reserved=False) == "holds nothing"
    assert remark(decision="AUTHORIZED", hold_released_at="2030") == "hold ended"
    assert remark(decision="FAILED", failure_reason="PAYMENT_DECLINED") == "PAYMENT_DECLINED"
    assert remark(refunded_quantity=Decimal("0.5")) == "0.50 refunded"
    assert remark(event_source="EXTERNAL") == "external"
    shadowed = remark(shadow=True, would_have_been="DENIED", would_have_been_reason="INSUFFICIENT_FUNDS")
    assert shadowed == "would be denied: INSUFFICIENT_FUNDS"


def test_an_agent_cannot_command_the_operators_terminal(figuard):
    """
    What an agent writes is shown to a person: escape sequences and markup in it are text.
    """
    with figuard.client() as client:
        budget = client.create_budget("me", 5)
        client.authorize(budget=budget, amount=1, description="\x1b[2J\x1b]0;owned\x07 [bold]x[/bold]", agent_id="a\rb")

    for command in (["tree", "me"], ["ledger", "show", "me"], ["report"]):
        out = figuard(*command).out
        assert not {"\x1b", "\x07", "\r"} & set(out), command
    assert "[bold]x[/bold]" in figuard("tree", "me").out


def test_a_report_adds_up_exactly(travel):
    ran = travel("report", "agent", "--json")

    (line,) = ran.json["lines"]
    assert (line["key"], line["confirmed_quantity"], line["denied_count"]) == ("travel_agent", 267, 1)
    assert '"confirmed_quantity": 267.00' in ran.out


def test_a_report_of_a_time_and_a_budget(travel):
    assert "267.00 USD" in travel("report", "day", "--budget", "agent_001", "--since", "2020-01-01").out
    assert travel("report", "--until", "2020-01-01").out == "nothing was spent\n"
