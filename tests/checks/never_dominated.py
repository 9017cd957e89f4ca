"""`approximate` on 30 functions that nobody named, against every structure called by hand.

Each result is a line of the record as soon as it is there; a second run goes on where the first
stopped. Ends with 1 if a result is dominated, or its bound is not the one asked for.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from dominated import FUNCTIONS, by_hand

import polyapprox as pa

RESULTS = Path(__file__).resolve().parent / "results" / "never_dominated.jsonl"


def row(function: str, interval: tuple[float, float], precision: float, relative: bool) -> dict:
    """What was chosen, and what by hand dominates it."""
    start = time.perf_counter()
    r = pa.approximate(function, interval=interval, precision=precision, relative=relative)
    seconds = time.perf_counter() - start
    wanted = precision * float(r.unit)
    hands = by_hand(function, interval, wanted, relative)
    return {
        "function": function,
        "interval": list(interval),
        "precision": precision,
        "relative": relative,
        "structure": r.structure,
        "degrees": list(r.degrees),
        "multiplications": r.multiplications,
        "levels": r.levels,
        "bound": r.error_bound,
        "met": r.error_bound <= wanted,
        "seconds": round(seconds, 1),
        "by hand": [[h.called, h.multiplications, h.levels] for h in hands],
        "dominated by": [h.called for h in hands if h.dominates(r)],
    }


def main() -> int:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    results: Path = parser.parse_args().results
    results.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    known = {(d["function"], tuple(d["interval"]), d["precision"], d["relative"]) for d in done}
    for case in FUNCTIONS:
        if case in known:
            continue
        found = row(*case)
        done.append(found)
        with results.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(found) + "\n")
        sys.stdout.write(f"{found['function']:16s} {found['multiplications']:3d} {found['levels']:3d} "
                         f"{found['dominated by'] or 'not dominated'}\n")  # fmt: skip
    bad = [d for d in done if d["dominated by"] or not d["met"]]
    sys.stdout.write(f"{len(done)} functions, {len(bad)} dominated or missed\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
