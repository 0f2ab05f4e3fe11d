"""
A case and what it is compared with take turns, and one round that was disturbed does not decide.
"""

from __future__ import annotations

from bench.measure import Result
from bench.turns import in_turns


def test_cases_take_turns_and_the_round_in_the_middle_is_kept():
    asked = []

    def case(name, *rates):
        waiting = iter(rates)

        def measure():
            asked.append(name)
            return Result("", next(waiting), detail={"round": len(asked)})

        return measure

    found = in_turns({"ours": case("ours", 50, 2, 40), "theirs": case("theirs", 9, 10, 100)}, 3)

    assert asked == ["ours", "theirs"] * 3
    assert {name: one.rate for name, one in found.items()} == {"ours": 40, "theirs": 10}
    assert found["ours"].detail == {"round": 5}
