"""
Generated files are what their generators say now, and the table of codes keeps its order and its shape.
"""

from __future__ import annotations

import pytest

from tests.meta.tree import ROOT
from tools import generate, generate_codes

PRECEDENCE = """
ENTITY_ALREADY_AUTHORIZED BUDGET_PAUSED BUDGET_CANCELLED BUDGET_EXPIRED TOKEN_SCOPE_VIOLATION
ENTITLEMENT_LIMIT_REACHED VELOCITY_LIMIT_EXCEEDED CURRENCY_MISMATCH EXCEEDS_QUANTITY_LIMIT ANOMALY_DETECTED
CAUSAL_CHAIN_TOO_DEEP SUBTREE_CAP_EXCEEDED MISSING_CLAIMED_CATEGORY NO_MATCHING_ALLOCATION FORBIDDEN_ITEM_TYPE
INTENT_SCOPE_VIOLATION DELEGATE_CAP_EXCEEDED ALLOCATION_EXHAUSTED INSUFFICIENT_FUNDS
""".split()
GOOD = {"status": 404, "retryable": False, "meaning": "It is gone.", "remedy": "Look elsewhere."}


def test_no_generated_file_is_stale():
    """
    Run `make generate` when this fails.
    """
    assert [str(path.relative_to(ROOT)) for path, _ in generate.stale()] == []


def test_the_order_of_denials_is_the_precedence():
    """
    The order is law: moving a row of the table changes which denial an agent sees.
    """
    denials, _, _ = generate_codes.load()

    assert list(denials) == PRECEDENCE


def test_the_names_of_the_reference_system_are_all_known():
    """
    The reference lists 29 denial codes: ours answers with some, and still knows the rest.
    """
    denials, _, legacy = generate_codes.load()

    assert len([*(set(denials) - {"TOKEN_SCOPE_VIOLATION"}), *legacy]) == 29


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 200},
        {"status": 600},
        {"retryable": "no"},
        {"meaning": "no capital."},
        {"meaning": "No full stop"},
        {"remedy": "Has a | bar."},
        {"remedy": ""},
        {"remedy": f"Too long{'g' * generate_codes.SENTENCE_LENGTH_MAX}."},
        {"surplus": 1},
    ],
)
def test_a_row_out_of_shape_stops_the_generation(wrong):
    with pytest.raises(generate_codes.TableError):
        generate_codes.check_row("error.NOT_FOUND", GOOD | wrong, generate_codes.ERROR_KEYS)


def test_a_row_in_shape_passes():
    generate_codes.check_row("error.NOT_FOUND", GOOD, generate_codes.ERROR_KEYS)
