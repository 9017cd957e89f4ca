"""ReLU and GELU inside OpenFHE's bootstrap beside "bootstrap, then circuit", on ciphertexts.

    python benchmarks/functional_bootstrap.py 4096 8192

Each way is measured with the same number of levels left for use, in the same run; seconds are those
of the processor, the least of the repetitions. The record has a line for each; a ring that it holds
already is measured anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
from common import RESULTS, machine

import polyapprox
from polyapprox import Approximation
from polyapprox.files import write_atomically
from polyapprox.refresh.latency import DATA, KINDS
from polyapprox.refresh.run import PlainRun, Setting, run, run_in_cosine, run_plainly
from polyapprox.targets import ARCCOSINE

RECORD = RESULTS / "functional_bootstrap.json"
LEFT = 5  # levels for use
EARLY = 2  # that a functional bootstrap leaves beyond those asked for: its first transform ran before
SERIES = (("relu", (-1.0, 1.0), (27, 59, 119)), ("gelu", (-8.0, 8.0), (13, 27)))
CIRCUITS = (("relu", (-1.0, 1.0), (6, 7, 8)), ("gelu", (-8.0, 8.0), (5, 6)))
IN_COSINE = (5, 6, 7)


def rows(ring: int, repeats: int) -> Iterator[dict[str, Any]]:
    """A row for each way."""
    early, usual = Setting(ring, after=LEFT - EARLY), Setting(ring, after=LEFT)
    for function, interval, degrees in SERIES:
        for degree in degrees:
            series = polyapprox.bootstrapped(function, degree, interval=interval)
            found = run(series, setting=early, repeats=repeats)
            yield {
                "way": "series", "function": function, "interval": interval, "degree": degree,
                "ring": ring, "version": found.version, "bound": found.bound, "error": found.largest_error,
                "noise": found.wave_noise, "within": found.within, "depth": found.levels,
                "levels": found.levels + early.after, "left": found.left,
                "seconds": min(found.processor), "plan_seconds": 0.0,
            }  # fmt: skip
    line = polyapprox.bootstrapped("x", 13, guard=0)
    for m in IN_COSINE:
        circuit = polyapprox.circuit(ARCCOSINE, multiplications=m)
        bound = circuit.error_bound / 2 + line.error_bound / 2
        yield _row("cosine", "relu", m, ring, bound, run_in_cosine(circuit, line, usual, repeats))
    for function, interval, counts in CIRCUITS:
        for m in counts:
            circuit = polyapprox.circuit(function, multiplications=m, interval=interval)
            found = run_plainly(circuit, _points(circuit, ring), usual, repeats)
            yield _row("plain", function, m, ring, circuit.error_bound, found)


def _points(circuit: Approximation, ring: int) -> np.ndarray:
    return np.linspace(*(float(end) for end in circuit.interval), ring // 2)


def _row(
    way: str, function: str, m: int, ring: int, bound: float, found: PlainRun
) -> dict[str, Any]:
    return {
        "way": way, "function": function, "multiplications": m, "ring": ring, "bound": bound,
        "error": found.largest_error, "noise": found.refresh_noise, "depth": found.levels,
        "levels": found.levels + LEFT, "left": found.left, "seconds": min(found.bootstrap),
        "plan_seconds": min(found.plan),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rings", type=int, nargs="+")
    parser.add_argument("--repeats", type=int, default=2)
    given = parser.parse_args()
    known = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else []
    for ring in given.rings:
        known = [row for row in known if row["ring"] != ring]
        for row in rows(ring, given.repeats):
            known.append(row)
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()
        known.sort(key=lambda row: row["ring"])
        text = ",\n".join(json.dumps(row) for row in known)
        write_atomically(RECORD, f"[\n{text}\n]\n".encode())
        write_atomically(DATA, (json.dumps(model(known), indent=1) + "\n").encode())


def model(known: list[dict[str, Any]]) -> dict[str, Any]:
    """The latency model of the largest ring measured."""
    ring = known[-1]["ring"]
    seconds = {
        kind: [[row["levels"], row["seconds"]] for row in known if (row["way"], row["ring"]) == (kind, ring)]
        for kind in KINDS
    }
    version = next(row["version"] for row in known if row["way"] == "series")
    return {
        "version": version, "machine": machine()["processor"], "date": date.today().isoformat(),
        "ring_dimension": ring, "seconds": seconds,
    }  # fmt: skip


if __name__ == "__main__":
    main()
