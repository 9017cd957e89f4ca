"""A plan on a numpy array against ``numpy.maximum``, in one run: what a polynomial costs in the clear."""

from __future__ import annotations

import argparse

import numpy as np
from common import show, timed, write

import polyapprox


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1 << 20)
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    x = np.random.default_rng(0).uniform(-1, 1, given.size)
    _, _, peer = timed(lambda: np.maximum(x, 0.0), given.repeats)
    rows = []
    for k in (6, 9, 12):
        for structure in ("circuit", "composite"):
            r = polyapprox.relu(precision=2.0**-k, structure=structure)
            _, _, seconds = timed(lambda r=r: r.plan.run(x), given.repeats)
            rows.append(
                {
                    "k": k, "structure": structure, "operations": len(r.plan.operations),
                    "seconds": seconds, "numpy.maximum": peer, "ratio": seconds / peer,
                }
            )  # fmt: skip
    columns = ("k", "structure", "operations", "seconds", "numpy.maximum", "ratio")
    show("A plan in numpy and numpy.maximum", columns, [tuple(r[c] for c in columns) for r in rows])
    write("plan_in_numpy", {"size": given.size, "repeats": given.repeats, "rows": rows})


if __name__ == "__main__":
    main()
