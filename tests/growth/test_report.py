"""
What a benchmark is judged by: the better of one process and several workers, each against what as many processes did.
"""

from __future__ import annotations

import pytest

from bench.measure import Result
from bench.report import TARGETS, judge, shown

HOT = "PostgreSQL, one hot budget: a transaction per request, by as many processes"


def judged(**rates):
    """
    The verdict on the hot budget, of cases with these rates; a space is written as two underscores.
    """
    found = {name.replace("__", " "): Result(name, float(rate)) for name, rate in rates.items()}
    return next(one for one in judge(found) if one.target.label == HOT)


@pytest.mark.parametrize(
    ("rates", "says", "met"),
    [
        ({}, "not measured", None),
        ({"hot": 50, "naive__hot": 10}, "5.00×", False),
        ({"hot": 70, "naive__hot": 10}, "7.00×", True),
        (
            {"hot": 50, "naive__hot": 10, "hot__2__workers": 90, "naive__hot__2__workers": 15},
            "6.00× (2 workers); 5.00× (1 process)",
            True,
        ),
        (
            {"hot": 50, "naive__hot": 10, "hot__2__workers": 90, "naive__hot__2__workers": 20},
            "5.00× (1 process); 4.50× (2 workers)",
            False,
        ),
        ({"hot__2__workers": 90, "naive__hot": 10}, "not measured", None),
        ({"hot__2__workers": 90, "naive__hot__2__workers": 10}, "9.00× (2 workers)", True),
    ],
)
def test_the_better_of_two_ways_is_judged_and_both_are_shown(rates, says, met):
    found = judged(**rates)

    assert (says, met) == (shown(found), found.met)


def test_what_several_workers_reach_is_only_ever_judged_where_more_is_better():
    assert not [target.label for target in TARGETS if target.shared is not None and target.at_most]
