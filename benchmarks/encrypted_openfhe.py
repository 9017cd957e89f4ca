"""Encrypted ReLU on OpenFHE: ours against the published r_alpha and the library's own evaluator.

The goal is at most 0.45 of the time of the fastest of (a) the published composite and (b) the
Chebyshev interpolant that reaches the same error, with at least three levels fewer. One thread;
contexts with as many levels as each needs; rounds in which all take turns.
"""

from __future__ import annotations

import argparse
from typing import Any

from common import write

from polyapprox.contest import contests, report

GOAL, LEVELS = 0.45, 3
RIVALS = ("published", "framework")


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precisions", type=int, nargs="+", default=[7, 9, 12, 14])
    parser.add_argument("--rings", type=int, nargs="+", default=[12, 13, 14], help="log2")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    found = contests(given.precisions, [1 << power for power in given.rings], given.repeats)
    for one in found:
        for line in one.lines():
            print(line)
    content: dict[str, Any] = report(found)
    content["goal"] = {"ratio": GOAL, "levels_fewer": LEVELS}
    for one, row in zip(found, content["contests"], strict=True):
        own = [entry for entry in one.entries if entry.name in RIVALS]
        fastest = min(own, key=lambda entry: entry.median)
        fewer = fastest.levels_used - one.best("ours").levels_used
        row["goal_reached"] = one.ratio(fastest.name) <= GOAL and fewer >= LEVELS
        row["goal_rival"] = fastest.name
    write("encrypted_openfhe", content)


if __name__ == "__main__":
    main()
