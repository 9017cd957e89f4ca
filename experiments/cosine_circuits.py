"""Circuits in c = cos(πx/2) for |x|: begun from those shipped for |x|, fitted, proven, kept if better.

    python experiments/cosine_circuits.py 1 8
    python experiments/cosine_circuits.py 4 8 --starts 16 --record short.jsonl
    python experiments/cosine_circuits.py 9 12 --starts 24 --record long.jsonl

fits the shipped circuits of one multiplication more in c; with starts it searches on from there
(stopped and started again with the same record it goes on where it was).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path

from polyapprox.circuits import shipped_circuits
from polyapprox.circuits.problem import arccosine
from polyapprox.circuits.search.cosine import add_in_cosine
from polyapprox.circuits.search.finish import finished
from polyapprox.circuits.search.fit import Fit
from polyapprox.circuits.search.long import DenseSettings, dense_search

STEPS = 40


def fits(given: argparse.Namespace) -> Iterator[tuple[int, Fit]]:
    """Multiplications and the best chain of each stage."""
    library = shipped_circuits()
    first, last = given.first + 1, given.last + 1  # nodes

    def begun(nodes: int) -> Fit:
        return finished(library[nodes].circuit.chain(), STEPS, value=arccosine)

    if not given.starts:
        for nodes in range(first, last + 1):
            yield nodes - 1, begun(nodes)
        return
    known = {nodes: [begun(nodes).chain] for nodes in range(first - 1, last + 1)}
    settings = DenseSettings(first, last, given.starts, 2, given.seed)
    for stage in dense_search(settings, known, given.record, arccosine, "in cos(pi x/2)"):
        yield stage.multiplications - 1, stage.best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first", type=int, help="multiplications of the first circuit")
    parser.add_argument("last", type=int, help="multiplications of the last circuit")
    parser.add_argument("--starts", type=int, default=0, help="trials a round; 0: no search")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", type=Path, help="file of JSON lines")
    parser.add_argument("--add", action="store_true", help="put better circuits into the library")
    given = parser.parse_args()
    for m, best in fits(given):
        bits = 1 - math.log2(best.largest)
        sys.stdout.write(f"{m} multiplications: {bits:.4f} bits of ReLU (an estimate)\n")
        sys.stdout.flush()
        if given.add:
            searched = f" --starts {given.starts} --seed {given.seed}" if given.starts else ""
            origin = f"experiments/cosine_circuits.py {given.first} {given.last}{searched}"
            added = add_in_cosine(best.chain, origin)
            result = f"{1 + added.bits:.4f} bits proven, added" if added else "none is better"
            sys.stdout.write(f"  {result}\n")


if __name__ == "__main__":
    main()
