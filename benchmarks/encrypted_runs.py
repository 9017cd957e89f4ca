"""ReLU on ciphertexts in every framework that is found: proven, forecast, measured.

Circuits and composites at three precisions, on [-1, 1] and on [-50, 50], each in the context that
is chosen for it ("not secure, for tests").
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from common import write

import polyapprox
from polyapprox import Approximation
from polyapprox.encrypted import backends, run
from polyapprox.errors import PolyApproxError

PRECISIONS = (7, 9, 12)
INTERVALS = ((-1.0, 1.0), (-50.0, 50.0))


def cases(structures: Sequence[str]) -> list[tuple[int, Approximation]]:
    """Precisions and approximations."""
    return [
        (k, polyapprox.relu(precision=2.0**-k, interval=interval, structure=structure))
        for interval in INTERVALS
        for structure in structures
        for k in PRECISIONS
    ]


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--structures", nargs="+", default=["circuit", "composite"])
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    made = cases(given.structures)
    for name, backend in backends().items():
        found = backend.find()
        if not found.found:
            missing[name] = found.reason
            continue
        for precision, one in made:
            row = {
                "precision": precision,
                "interval": [float(end) for end in one.interval],
                "structure": one.structure,
                "degrees": list(one.degrees),
                "multiplications": one.multiplications,
            }
            try:
                ended = run(one, backend=name)
            except PolyApproxError as refused:
                rows.append({**row, "backend": name, "refused": str(refused)})
                print(f"{name} 2^-{precision} {one.structure}: {refused}")
                continue
            rows.append({**row, **ended.facts()})
            print(
                f"{name} 2^-{precision} {one.structure} on {row['interval']}: proven "
                f"{ended.bound:.4g}, measured {ended.largest_error:.4g}; noise forecast "
                f"{ended.forecast.worst if ended.forecast else 0:.3g}, measured {ended.noise:.3g}; "
                f"levels {ended.levels} of {ended.counted}, within: {ended.within}"
            )
    write("encrypted_runs", {"runs": rows, "not_found": missing})


if __name__ == "__main__":
    main()
