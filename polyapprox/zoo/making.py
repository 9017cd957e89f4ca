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
from .entries import Entry, entry
from .index import Row

MAKERS: dict[str, Callable[..., Any]] = {
    "relu": relu, "abs": absolute, "maximum": maximum, "sign": sign, "approximate": approximate,
    "bootstrapped": bootstrapped,
}  # fmt: skip
STRIPS, _POINTS = 64, 60  # of the curve, and samples in each
_FLOAT_BITS = 20.0  # a smaller error shows the rounding of doubles


def made(one: str | Entry) -> Approximation | Bootstrapped:
    """The approximation of an entry, by the call that it names.

    Parameters
    ----------
    one : str or Entry

    Returns
    -------
    Approximation or Bootstrapped

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
    result: Approximation | Bootstrapped = MAKERS[chosen.maker](**chosen.arguments)
    return result


def digest_of(result: Approximation | Bootstrapped) -> str:
    """SHA-256 of what is computed: the plan, or the coefficients of a series."""
    if isinstance(result, Approximation):
        return result.plan.digest
    document = series_document(result)
    return content_hash({key: document[key] for key in ("cosines", "sines", "centre", "width", "bits")})


def row_of(one: Entry, result: Approximation | Bootstrapped) -> Row:
    """What the index says of an entry."""
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
