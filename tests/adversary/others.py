"""Judges of what is no table of a plan: series inside the bootstrap, and functions of whole vectors.

A series is judged from its JSON alone, in balls; a function of vectors by vectors of its box, in float64 with an
allowance for rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, ctx

from .judge import Verdict, as_ball, dyadic
from .truth import function_named

_BITS = 192
_ROUNDING = 1e-11


def judge_series(document: dict[str, Any], points: int, seed: int) -> Verdict:
    """Points of what is covered, its ends among them, where S may not err by more than claimed."""
    bits = document["bits"]

    def ball(text: str) -> arb:
        return as_ball(dyadic(text, bits))

    parts = [tuple(dyadic(end, bits) for end in part) for part in document["covered"]]
    cosines, sines = ([ball(c) for c in document[key]] for key in ("cosines", "sines"))
    bound = ball(document["certificate"]["upper"])
    function, verdict = function_named(document["function"]), Verdict()
    before, ctx.prec = ctx.prec, _BITS
    try:
        for x in _places(parts, points, seed):
            angle = (as_ball(x) - ball(document["centre"])) / ball(document["width"]) * arb.pi()
            waves = ((j * angle).sin_cos() for j in range(len(cosines)))
            value = sum((a * c + b * s for a, b, (s, c) in zip(cosines, sines, waves, strict=True)), arb(0))
            error = abs(value - function(as_ball(x)))
            verdict.tried += bool(error <= bound or error > bound)
            if error > bound:
                verdict.violations.append(f"at {float(x)!r} the series errs by {error.str(6)}, claimed {bound.str(6)}")
    finally:
        ctx.prec = before
    return verdict


def _places(parts: list[Any], points: int, seed: int) -> Iterator[Fraction]:
    chance = np.random.default_rng(seed)
    for low, high in parts:
        yield from (low, high)
        for share in chance.random(points // len(parts)):
            yield low + (high - low) * Fraction(float(share))
        middle = [Fraction(float(v)) for v in 2.0 ** -chance.uniform(1, 40, points // 10)]
        yield from (sign * v for v in middle for sign in (1, -1) if low <= sign * v <= high)


def forged_series(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """False tables made of a true one, none of which may be taken for true."""
    halved = repr(float(document["certificate"]["upper"]) / 2)
    row = max(("cosines", "sines"), key=lambda key: max(map(abs, map(float, document[key]))))
    place = int(np.argmax(np.abs([float(c) for c in document[row]])))
    low, high = document["domain"][0][0], document["domain"][-1][1]
    farther = repr(float(high) + float(document["width"]) / 16)
    changes: dict[str, tuple[list[Any], Any]] = {
        "bound halved": (["certificate", "upper"], halved),
        "a coefficient changed": ([row, place], repr(float(document[row][place]) * 1.25)),
        "a coefficient dropped": ([row, place], "0.0"),
        "a wider message": (["width"], repr(float(document["width"]) * 1.125)),
        "another centre": (["centre"], repr(float(document["centre"]) + float(document["width"]) / 16)),
        "another function": (["function"], "cos" if document["function"] != "cos" else "exp"),
        "a wider domain": (["domain", -1, 1], farther),
        "covered beyond": (["covered", -1, 1], farther),
        "an end that is no number": (["domain", 0, 0], "nan"),
        "ends exchanged": (["domain"], [[high, low]]),
    }
    for name, (path, value) in changes.items():
        forged = copy.deepcopy(document)
        place_in: Any = forged
        for key in path[:-1]:
            place_in = place_in[key]
        place_in[path[-1]] = value
        yield name, forged


def judge_whole(made: Any, kind: str, count: int, seed: int) -> Verdict:
    """Vectors of the box of a softmax or a norm, where no component may err by more than claimed."""
    chance, n = np.random.default_rng(seed), made.length
    if kind == "softmax":
        low, high = made.box["scores"]
        x = chance.uniform(low, high, (count, n))
        x[0], x[1], x[2] = low, high, np.where(np.arange(n) == 0, high, low)
        powers = np.exp(x - x.max(axis=1, keepdims=True))
        true = powers / powers.sum(axis=1, keepdims=True)
    else:
        ends = np.log(made.box["variance" if kind == "layer_norm" else "mean_square"])
        sizes = np.exp(chance.uniform(*ends, (count, 1)))
        sizes[:2, 0] = np.exp(ends)
        x = chance.standard_normal((count, n))
        x -= x.mean(axis=1, keepdims=True) * (kind == "layer_norm")
        x *= np.sqrt(sizes * (1 - 1e-9) / np.mean(x**2, axis=1, keepdims=True))
        x[:2] *= [[1 + 1e-9], [1 - 1e-9]]
        true = x / np.sqrt(np.mean(x**2, axis=1, keepdims=True))
    error = float(np.max(np.abs(made(x) - true)))
    verdict = Verdict(tried=count)
    if not error <= made.error_bound * (1 + _ROUNDING) + _ROUNDING * float(np.max(np.abs(x))):
        verdict.violations.append(f"a vector errs by {error:.6g}, claimed {made.error_bound:.6g}")
    return verdict
