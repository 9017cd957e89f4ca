"""36 ordinary minimax polynomials on every back end that is found, with the parameters of its own choice.

Each run is a line of the record as soon as it is there; a second run goes on where the first stopped.
Ends with 1 if an error exceeds the proven bound and the stated noise, if levels differ from those
counted, or if a back end refuses what was chosen for it.

    python tests/checks/back_ends.py
    python tests/checks/back_ends.py --backend lattigo
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from ordinary import POLYNOMIALS, made

from polyapprox.encrypted import backends, run
from polyapprox.errors import PolyApproxError

RESULTS = Path(__file__).resolve().parent / "results" / "back_ends.jsonl"
NAMES = ("openfhe", "lattigo", "tenseal")


def row(function: str, degree: int, domain: tuple, backend: str) -> dict[str, Any]:
    """What was proven, forecast and measured of one polynomial on one back end."""
    table = made(function, degree, domain)
    named = {"polynomial": function, "degree": degree, "domain": [list(part) for part in domain]}
    try:
        ended = run(table, backend=backend)
    except PolyApproxError as refused:
        return {**named, "backend": backend, "refused": str(refused), "right": False}
    facts = ended.facts()
    facts["stated_noise"] = ended.stated_noise
    return {**named, **facts, "right": bool(ended.within) and ended.levels == ended.counted}


def main() -> int:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    results: Path = options.results
    done = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    known = {(d["backend"], d["polynomial"], d["degree"], str(d["domain"])) for d in done}
    found = [name for name in options.backend if backends()[name].find().found]
    for name in found:
        for function, degree, domain in POLYNOMIALS:
            if (name, function, degree, str([list(part) for part in domain])) in known:
                continue
            done.append(row(function, degree, domain, name))
            with results.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(done[-1]) + "\n")
            sys.stdout.write(f"{name} {function} {degree}: {'right' if done[-1]['right'] else done[-1]}\n")
    wrong = [d for d in done if not d["right"]]
    sys.stdout.write(f"{len(done)} runs, {len(wrong)} wrong\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
