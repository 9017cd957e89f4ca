"""Long circuits for |x|: grown from those shipped, fitted on graded grids, proven, kept if better.

    python experiments/long_circuits.py 16 19 --record long.jsonl --starts 40 --seed 0

goes from 16 to 19 multiplications; stopped and started again with the same record it goes on where
it was. The circuits shipped for 16 to 19 multiplications were found in this way, but not by one
run of it: the fits were made longer and along geodesics while they were searched, and that of 18
is that of 19 without a node. The command finds others as good, not the same digits.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from polyapprox.circuits import shipped_circuits
from polyapprox.circuits.search.long import DenseSettings, dense_search
from polyapprox.circuits.search.shelve import add_long


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first", type=int, help="multiplications of the first stage")
    parser.add_argument("last", type=int, help="multiplications of the last stage")
    parser.add_argument("--record", type=Path, required=True, help="file of JSON lines")
    parser.add_argument("--starts", type=int, default=40, help="trials a round, two a stage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--add", action="store_true", help="put better circuits into the library")
    given = parser.parse_args()
    settings = DenseSettings(given.first, given.last, given.starts, 2, given.seed)
    library = shipped_circuits()
    known = {
        m: [library[m].circuit.chain()]
        for m in range(given.first - 1, given.last + 1)
        if m in library
    }
    for stage in dense_search(settings, known, given.record):
        m, bits = stage.multiplications, 1 - math.log2(stage.best.largest)
        sys.stdout.write(f"{m} multiplications: {bits:.4f} bits of ReLU (an estimate)\n")
        sys.stdout.flush()
        if given.add:
            origin = (
                f"experiments/long_circuits.py {given.first} {given.last} "
                f"--starts {given.starts} --seed {given.seed}"
            )
            added = add_long(stage.best.chain, origin)
            result = f"{added.bits:.4f} bits proven, added" if added else "none is better"
            sys.stdout.write(f"  {result}\n")


if __name__ == "__main__":
    main()
