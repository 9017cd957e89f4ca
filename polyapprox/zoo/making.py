# SPDX-License-Identifier: Apache-2.0
"""Making an entry, and what the index says of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import outward
from ..approximation import Approximation
from ..proof.error_function import error_function
from ..recipes.absolute import absolute, maximum, relu
from ..recipes.approximate import approximate
from ..recipes.sign import sign
from ..refresh.depth import plain_depth
from ..refresh.recipe import bootstrapped
from ..refresh.table import document_of as series_document
from ..refresh.value import Bootstrapped
from ..table.schema import content_hash
from ..targets import as_target
from ..wholes.norms import layer_norm, rms_norm
from ..wholes.softmax import softmax
from ..wholes.whole import Whole
from ..wholes.writing import whole_document
from .entries import Entry, entry
from .index import Row

MAKERS: dict[str, Callable[..., Any]] = {
    "relu": relu, "abs": absolute, "maximum": maximum, "sign": sign, "approximate": approximate,
    "bootstrapped": bootstrapped, "softmax": softmax, "layer_norm": layer_norm, "rms_norm": rms_norm,
}  # fmt: skip
Made = Approximation | Bootstrapped | Whole
STRIPS, _POINTS = 64, 60  # of the curve, and samples in each
_FLOAT_BITS = 20.0  # a smaller error shows the rounding of doubles


def made(one: str | Entry) -> Made:
    """The approximation of an entry, by the call that it names.

    Parameters
    ----------
    one : str or Entry

    Returns
    -------
    Approximation, Bootstrapped or Whole

    Raises
    ------
    ArgumentError
        If there is no such entry.

    Examples
    --------
    >>> made("gelu_-8_8_p6").multiplications
    4
    """
    chosen = entry(one) if isinstance(one, str) else one
    result: Made = MAKERS[chosen.maker](**chosen.arguments)
    return result


def digest_of(result: Made) -> str:
    """SHA-256 of what is computed: the plan, or the coefficients of a series."""
    if isinstance(result, Approximation):
        return result.plan.digest
    if isinstance(result, Whole):
        whole = whole_document(result)
        return content_hash({key: whole[key] for key in ("length", "operations", "plans")})
    document = series_document(result)
    return content_hash({key: document[key] for key in ("cosines", "sines", "centre", "width", "bits")})


def row_of(one: Entry, result: Made) -> Row:
    """What the index says of an entry."""
    if isinstance(result, Whole):
        return _row_of_vectors(one, result)
    lows, highs = _curve(result)
    low, high = (float(end) for end in result.interval)
    facts: dict[str, Any] = {
        "name": one.name, "function": result.function, "interval": (low, high), "call": one.call,
        "error_bound": result.error_bound, "bits": outward.float_down(result.bits),
        "digest": digest_of(result), "low": lows, "high": highs,
    }  # fmt: skip
    if isinstance(result, Bootstrapped):
        depth = result.depth() - plain_depth()
        return Row(**facts, structure="bootstrapped", degrees=(result.degree,), multiplications=None,
                   levels=depth, levels_standalone=depth, constant_products=None, relative=False)  # fmt: skip
    counts, alone = result.counts(), result.counts("standalone")
    return Row(
        **facts, structure=result.structure, degrees=result.degrees,
        multiplications=counts.multiplications, levels=counts.levels,
        levels_standalone=alone.levels, constant_products=counts.constant_products,
        relative=result.weight != "1",
    )  # fmt: skip


def _row_of_vectors(one: Entry, result: Whole) -> Row:
    """Of a whole: the interval is the first of its box; what it is of stands in the call."""
    low, high = next(iter(result.box.values()))
    lows, highs = _curve_of_vectors(result, low, high)
    counts = result.counts()
    return Row(
        one.name, result.function, (low, high), one.call, "whole", (), result.error_bound,
        outward.float_down(-math.log2(result.error_bound)), False, counts.multiplications,
        counts.constant_products, counts.levels, result.counts("standalone").levels, digest_of(result), lows, highs,
    )  # fmt: skip


def _curve_of_vectors(whole: Whole, low: float, high: float) -> tuple[tuple[int, ...], ...]:
    """Least and largest sampled error of an entry: by the first score, or by variance or mean square."""
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (STRIPS, _POINTS, whole.length))
    at = low + (high - low) * (np.arange(STRIPS)[:, None] + random.random((STRIPS, _POINTS))) / STRIPS
    if whole.function == "softmax":
        x = (low + high) / 2 + (high - low) / 2 * x
        x[..., 0] = at
        powers = np.exp(x - x.max(-1, keepdims=True))
        errors = (whole(x) - powers / powers.sum(-1, keepdims=True))[..., :1]
    else:
        x -= x.mean(-1, keepdims=True)
        unit = x / np.sqrt((x * x).mean(-1, keepdims=True))
        errors = whole(unit * np.sqrt(at)[..., None]) - unit
    percent = errors / whole.error_bound * 100
    return tuple(map(math.floor, percent.min((1, 2)))), tuple(map(math.ceil, percent.max((1, 2))))


def _curve(result: Approximation | Bootstrapped) -> tuple[tuple[int | None, ...], ...]:
    """Least and largest sampled error in strips of the interval, in percent of the bound; None in gaps."""
    low, high = (float(end) for end in result.interval)
    edges = np.linspace(low, high, STRIPS + 1)
    lows: list[int | None] = []
    highs: list[int | None] = []
    for left, right in itertools.pairwise(edges):
        x = np.linspace(left, right, _POINTS)
        inside = np.zeros(x.shape, bool)
        for start, end in result.domain:
            inside |= (x >= float(start)) & (x <= float(end))
        errors = _errors(result, x[inside]) / result.error_bound * 100
        lows.append(math.floor(errors.min()) if errors.size else None)
        highs.append(math.ceil(errors.max()) if errors.size else None)
    return tuple(lows), tuple(highs)


def _errors(result: Approximation | Bootstrapped, x: np.ndarray) -> np.ndarray:
    if isinstance(result, Bootstrapped):
        return np.asarray(result(x) - as_target(result.function).numpy(x))
    error = error_function(result)
    plain = result.bits < _FLOAT_BITS and result.weight == "1"
    return error.floats(x) if plain else error.accurate(x, 200 + 4 * max(result.degrees))
