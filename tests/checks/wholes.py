"""10^6 vectors in the box of every whole of the record of ``experiments/reach.py``: none is above its bound."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))
import reach

COUNT = 1_000_000


def main() -> int:
    """One whole after the other; ends with 1 if a vector is above a bound."""
    bad = 0
    for name, make, kind, _ in reach.WHOLES:
        found = make()
        worst = reach.largest_error(found, kind, COUNT, 20261128)
        bad += worst > found.error_bound
        sys.stdout.write(f"{name}: largest {worst:.4g} of {COUNT} vectors, proven {found.error_bound:.4g}\n")
        sys.stdout.flush()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
