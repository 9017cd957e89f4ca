"""Beyond ReLU: ours beside the best that is published, for the ranges that language models have.

``python experiments/reach.py`` makes what is missing in ``experiments/results/reach.jsonl``, one line a
task as it ends; ``--again WORD`` makes those anew whose name holds the word. The published figures are
those of the systems' own code (errors computed again): THOR (crypto-starlab/THOR@cddb002), Perseus
(gladia-research-group/perseus@827fc03), NEXUS, MOAI and HEIR (exp), Powerformer (tanh).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linprog

import polyapprox as pa
from polyapprox.errors import PolyApproxError
from polyapprox.numbers import exact
from polyapprox.recipes.minimax import level_at
from polyapprox.recipes.reciprocal import estimate_of
from polyapprox.targets import as_target

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
import vectors

RESULTS = Path(__file__).resolve().parent / "results" / "reach.jsonl"
_HIGHEST = 512  # degree at which a limit is computed

# name, function, interval, error, relative, published (levels, products, error, who)
ONE: tuple[tuple[str, str, tuple[float, float], float, bool, tuple[Any, ...]], ...] = (
    ("1/x, κ = 2^11", "1/x", (2.0**-11, 1), 1e-3, True, (8, 16, 1e-2, "THOR")),
    ("1/x, κ = 2^18", "1/x", (2.0**-18, 1), 1e-3, True, (11, 22, 1e-3, "THOR")),
    ("exp, [-64, 0]", "exp", (-64, 0), 1e-6, False, (7, 7, 2.12e-3, "NEXUS, MOAI, HEIR")),
    ("1/√x, κ = 67", "1/sqrt(x)", (0.15, 10), 1e-5, True, (10, 15, 3.4e-6, "THOR")),
    ("1/√x, κ = 750", "1/sqrt(x)", (0.2, 150), 6.5e-5, True, (12, 18, 4.3e-5, "THOR")),
    ("1/√x, κ = 750, 1e-5", "1/sqrt(x)", (0.2, 150), 1e-5, True, (12, 18, 4.3e-5, "THOR")),
    ("GELU, ±20", "gelu", (-20, 20), 9.6e-7, False, (11, 22, 9.6e-7, "Perseus")),
    ("1/√x, κ = 3333", "1/sqrt(x)", (0.75, 2500), 1e-5, True, (14, 21, 7.5e-6, "THOR")),
    ("tanh, ±40", "tanh", (-40, 40), 7.6e-4, False, (11, 20, 7.6e-4, "Powerformer")),
    ("GELU, ±78", "gelu", (-78.1, 78.1), 5.9e-6, False, (11, 22, 5.9e-6, "Perseus")),
    ("1/√x, κ = 10^4", "1/sqrt(x)", (1e-4, 1), 1e-5, True, (17, None, 1e-5, "Perseus, mean")),
    ("1/√x, κ = 10^5", "1/sqrt(x)", (1e-5, 1), 1e-5, True, (17, None, 1e-5, "Perseus, mean")),
)
THOR_SUMS = (11.32 / 2**11, 11.32), (3.383 / 2**18, 3.383)
"""Sums that the first inverses of THOR's `he_softmax1` and `he_softmax2` are made for: Σ exp((s − b)/2^k), b the
largest score. Below them its errors grow, above them its iteration does not converge."""
WHOLES: tuple[tuple[str, Callable[[], Any], str, tuple[Any, ...]], ...] = (
    ("softmax of 128, [-27.2, 21.7]",
     lambda: pa.softmax(128, scores=(-27.2, 21.7), precision=2**-15), "softmax", (None,) * 4),
    ("softmax of 128, [-70, 70]",
     lambda: pa.softmax(128, scores=(-70, 70), precision=2**-15), "softmax", (None,) * 4),
    ("softmax of 128, [-48.9, 0], largest in [-1, 0]",
     lambda: pa.softmax(128, scores=(-48.9, 0), maximum=(-1, 0), precision=2**-15), "softmax", (None,) * 4),
    ("softmax of 128, [-140, 0], largest in [-1, 0]",
     lambda: pa.softmax(128, scores=(-140, 0), maximum=(-1, 0), precision=2**-15), "softmax", (None,) * 4),
    ("softmax of 128, [-27.25, 21.73], sums as THOR's",
     lambda: pa.softmax(128, scores=(-27.2493, 21.72692), squarings=1, sums=THOR_SUMS[0], precision=4e-7),
     "softmax", (23, None, 8e-7, "THOR")),
    ("softmax of 128, [-70, 70], sums as THOR's",
     lambda: pa.softmax(128, scores=(-70, 70), squarings=2, sums=THOR_SUMS[1], precision=3.3e-4),
     "softmax", (34, None, 3.3e-4, "THOR")),
    ("LayerNorm of 768, [0.15, 10]",
     lambda: pa.layer_norm(768, variance=(0.15, 10), precision=3e-4), "layer_norm", (17, None, None, "Perseus, mean")),
    ("LayerNorm of 768, [0.2, 150]",
     lambda: pa.layer_norm(768, variance=(0.2, 150), precision=3e-4), "layer_norm", (17, None, None, "Perseus, mean")),
    ("LayerNorm of 768, [0.75, 2500]",
     lambda: pa.layer_norm(768, variance=(0.75, 2500), precision=3e-4), "layer_norm", (17, None, None, "Perseus, mean")),
)  # fmt: skip


def tasks() -> dict[str, Callable[[], dict[str, Any]]]:
    """Each row by its name."""
    found: dict[str, Callable[[], dict[str, Any]]] = {}
    for name, *rest in ONE:
        for objective in ("levels", "multiplications"):
            found[f"{name} ({objective})"] = lambda rest=rest, o=objective: one(*rest, o)
    for name, make, kind, published in WHOLES:
        found[name] = lambda make=make, kind=kind, p=published: a_whole(make, kind, p)
    for steps in (5, 6, 7):
        found[f"softmax of 128, sums as THOR's first, {steps} levels to square and normalise"] = lambda m=steps: a_limit(m)
    return found


def a_limit(steps: int) -> dict[str, Any]:
    """How near a polynomial of the first sum, of degree 2^steps, brings the next sums, and what the last inverse then takes."""
    start = time.perf_counter()
    ratio = narrowest(128, THOR_SUMS[0], 1 << steps)
    last = next(m for m in range(2, 16) if estimate_of((exact(1), exact(ratio)), m)[0] <= 8e-7)
    return {"structure": "limit", "steps": steps, "ratio": ratio, "last": last, "seconds": round(time.perf_counter() - start, 1)}


def narrowest(n: int, sums: tuple[float, float], degree: int) -> float:
    """Least ratio of the ends of R(S) Σ y², R of that degree and S = Σ y in `sums`, over all y of n numbers up to 1.

    A linear programme on points, so no more than the least ratio, but for rounding.
    """
    low, high = sums
    x = (low + high) / 2 - (high - low) / 2 * np.cos(np.linspace(0, np.pi, 12 * degree))
    basis = np.polynomial.chebyshev.chebvander((2 * x - low - high) / (high - low), degree)
    least, most = basis * (x**2 / n)[:, None], basis * np.minimum(x, x**2)[:, None]
    rows = np.block([[-least, np.zeros((len(x), 1))], [most, -np.ones((len(x), 1))]])
    scale = np.append(np.abs(rows[:, :-1]).max(axis=0) * 1e-5, 1.0)
    found = linprog(
        np.append(np.zeros(degree + 1), 1.0), A_ub=rows / scale, b_ub=np.repeat([-1.0, 0.0], len(x)),
        bounds=[(None, None)] * (degree + 2), method="highs",
    )  # fmt: skip
    return float(found.fun)


def one(
    function: str, interval: tuple[float, float], error: float, relative: bool,
    published: tuple[Any, ...], objective: Any,
) -> dict[str, Any]:  # fmt: skip
    """A function of one variable."""
    start = time.perf_counter()
    r = pa.approximate(
        function, interval=interval, tolerance=error, relative=relative, objective=objective
    )
    seconds = time.perf_counter() - start
    low, high = interval
    x = low + (high - low) * np.sin(np.linspace(0, np.pi / 2, 20001)) ** 2
    true = as_target(function).numpy(x)
    sampled = np.abs(r(x) - true) / (np.abs(true) if relative else 1)
    return {
        "published": list(published),
        "structure": r.structure,
        "degrees": list(r.degrees),
        "levels": r.levels,
        "multiplications": r.multiplications,
        "sampled": float(np.max(sampled)),
        "proven": r.error_bound,
        "limit": limit(function, interval, relative, r.levels),
        "command": r.provenance.command,
        "seconds": round(seconds, 1),
    }


def limit(function: str, interval: tuple[float, float], relative: bool, levels: int) -> float | None:
    """About the least error of a polynomial of degree 2^levels, of any plan of so many levels."""
    low, high = interval
    if function == "1/x" and relative:
        return 1 / math.cosh((2**levels + 1) * math.acosh((high + low) / (high - low)))
    if 1 << levels > _HIGHEST:
        return None
    target = as_target(function)
    weight = target.reciprocal if relative else None
    try:
        return level_at(target, 1 << levels, (float(low), float(high)), weight, exact(0), 2.0**-64)
    except PolyApproxError:
        return None


def a_whole(make: Callable[[], Any], kind: str, published: tuple[Any, ...]) -> dict[str, Any]:
    """A function of vectors, on random and adversarial ones."""
    start = time.perf_counter()
    found = make()
    seconds = time.perf_counter() - start
    return {
        "published": list(published),
        "structure": "whole",
        "degrees": [part.degrees[-1] for part in found.parts.values()],
        "levels": found.levels,
        "multiplications": found.multiplications,
        "rotations": found.rotations,
        "sampled": largest_error(found, kind, 10_000, 1),
        "proven": found.error_bound,
        "limit": None,
        "command": found.provenance.command,
        "seconds": round(seconds, 1),
    }


def largest_error(found: Any, kind: str, count: int, seed: int) -> float:
    """Largest error of an entry, over so many vectors of the box (float64)."""
    n, worst = found.length, 0.0
    for start in range(0, count, 5000):
        if kind == "softmax":
            x = vectors.scores(n, *found.box["scores"], found.box["maximum"], 5000, seed + start)
            if "sums" in found.box:
                x = vectors.with_sums(x, found.box, seed + start)
            true = vectors.softmax(x)
        else:
            x = vectors.with_variance(n, *found.box["variance"], 5000, seed + start)
            true = vectors.layer_norm(x)
        worst = max(worst, float(np.max(np.abs(found(x) - true))))
    return worst


def main() -> int:
    """Make what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--again", default=None, help="make rows anew whose name holds this")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    lines = given.results.read_text().splitlines() if given.results.exists() else []
    rows = {row["name"]: row for row in map(json.loads, lines)}
    for name, make in tasks().items():
        if name in rows and not (given.again and given.again in name):
            continue
        rows[name] = {"name": name, **make()}
        text = "".join(json.dumps(row) + "\n" for row in rows.values())
        pa_write(given.results, text)
        row = rows[name]
        sys.stdout.write(f"{name}: {row['ratio']:.4g}, {row['seconds']} s\n" if row["structure"] == "limit" else
                         f"{name}: {row['levels']} levels, {row['multiplications']} products, "
                         f"{row['proven']:.3g} proven, {row['seconds']} s\n")  # fmt: skip
        sys.stdout.flush()
    return 0


def pa_write(path: Path, text: str) -> None:
    """Whole, or not at all."""
    from polyapprox.files import write_atomically

    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode())


if __name__ == "__main__":
    sys.exit(main())
