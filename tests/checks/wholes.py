"""10^6 vectors, random and adversarial, in the box of every whole of ``experiments/reach.py``: none is above its bound.

They come in parts of 10^5; after each the record is written, and a run that was stopped goes on behind it
(``--count 100000`` for less).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))
import reach

RESULTS = Path(__file__).resolve().parent / "results" / "wholes.jsonl"
COUNT, PART, SEED = 1_000_000, 100_000, 20261128


def main() -> int:
    """One whole after the other; ends with 1 if a vector is above a bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    lines = given.results.read_text().splitlines() if given.results.exists() else []
    rows = {row["name"]: row for row in map(json.loads, lines)}
    for name, make, kind, _ in reach.WHOLES:
        found = make()
        rows[name] = started(rows.get(name), name, found)
        while rows[name]["vectors"] < given.count:
            _part(rows[name], found, kind, given.count)
            reach.pa_write(given.results, "".join(json.dumps(one) + "\n" for one in rows.values()))
            sys.stdout.write(f"{json.dumps(rows[name])}\n")
            sys.stdout.flush()
    return int(any(row["largest"] > row["proven"] for row in rows.values()))


def started(row: dict | None, name: str, found: Any) -> dict:
    """The row to go on with: the one on record, if it is of the same plan; else one without a vector."""
    digest = hashlib.sha256(repr(found.plan).encode()).hexdigest()
    if row is None or row["digest"] != digest:
        row = {"name": name, "digest": digest, "vectors": 0, "largest": 0.0}
    return row | {"proven": found.error_bound}


def _part(row: dict, found: object, kind: str, count: int) -> None:
    more = min(PART, count - row["vectors"])
    row["largest"] = max(row["largest"], reach.largest_error(found, kind, more, SEED + row["vectors"]))
    row["vectors"] += more


if __name__ == "__main__":
    sys.exit(main())
