"""
Replay worlds by seed and print what happened: ``PYTHONPATH=. python -m tests.simulation 1234``.
"""

from __future__ import annotations

import logging
import sys

from tests.simulation.simulator import Simulation


def main(seeds: list[str]) -> int:
    """Run each seed, print its trace and its findings; return how many worlds had some."""
    logging.getLogger("figuard").setLevel(logging.CRITICAL)
    failed = 0
    for seed in seeds:
        simulation = Simulation(int(seed))
        print(f"seed {seed}  {simulation.odds}")
        wrong = simulation.run()
        print(simulation.table())
        print("\n".join(wrong) or "nothing is wrong")
        failed += bool(wrong)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
