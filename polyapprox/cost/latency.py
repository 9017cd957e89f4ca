# SPDX-License-Identifier: Apache-2.0
"""How long a plan takes: seconds of each operation by level, measured on one machine.

The time of an operation is fitted over the levels that its operands still have: a square for
products of ciphertexts (their relinearisation works on all pairs of primes), a line for the
others. The forecast of a plan is the sum over its steps (:mod:`polyapprox.cost.steps`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, TableError
from ..files import write_atomically
from ..given import is_word, shown
from ..plan.count import Rule
from ..plan.plan import Plan
from .steps import KINDS, steps

FORMAT = 1
SHIPPED = Path(__file__).parent / "data"
_POWERS = {"multiply": 2}  # of the level, in the fit; 1 for the others
_TEXTS = ("backend", "version", "machine", "date")
_NUMBERS = ("ring_dimension", "scale_bits", "context_levels", "threads")
Point = tuple[int, float]


@dataclass(frozen=True)
class LatencyModel:
    """Seconds of the operations of one scheme on one machine.

    Attributes
    ----------
    backend, version, machine, date : str
        What was measured, where and when.
    ring_dimension, scale_bits, context_levels, threads : int
        Of the context measured; a context with more levels has slower products at every level.
    points : tuple of (str, tuple of (int, float))
        For each kind of operation the levels left and the median seconds measured there.
    """

    backend: str
    version: str
    machine: str
    date: str
    ring_dimension: int
    scale_bits: int
    context_levels: int
    threads: int
    points: tuple[tuple[str, tuple[Point, ...]], ...]

    def seconds(self, kind: str, level: int) -> float:
        """Time of one operation, by the fit.

        Parameters
        ----------
        kind : {"multiply", "rescale", "scale", "add", "shift"}
        level : int
            Levels that its operands still have.

        Raises
        ------
        ArgumentError
            For another kind.
        """
        if kind not in KINDS:
            raise ArgumentError(f"kind is {kind!r}; use one of {', '.join(map(repr, KINDS))}")
        return max(0.0, float(np.polyval(self._fits[kind], level)))

    def forecast(
        self, plan: Plan, levels: int | None = None, *, rule: Rule = "standalone"
    ) -> float:
        """Seconds of a plan: an estimate.

        Parameters
        ----------
        plan : Plan
        levels : int, optional
            Levels that the input has; by default as many as the plan uses.
        rule : {"standalone", "published"}
            Whether the scaling of the input is done here, or by the layer before.

        Raises
        ------
        ArgumentError
            If the plan needs more levels than there are.

        Examples
        --------
        >>> import polyapprox
        >>> model = latency_model("openfhe")
        >>> few, many = (polyapprox.circuit("relu", multiplications=m).plan for m in (4, 8))
        >>> model.forecast(few) < model.forecast(many)
        True
        """
        return sum(self.shares(plan, levels, rule=rule).values())

    def shares(
        self, plan: Plan, levels: int | None = None, *, rule: Rule = "standalone"
    ) -> dict[str, float]:
        """Seconds of a plan by kind of operation."""
        found = dict.fromkeys(KINDS, 0.0)
        for kind, level in steps(plan, levels, rule=rule):
            found[kind] += self.seconds(kind, level)
        return found

    @property
    def constant_weight(self) -> float:
        """A product with a constant, added to a sum, in products of ciphertexts, rescaled.

        At half of the context's levels.
        """
        level = max(1, self.context_levels // 2)
        product = self.seconds("multiply", level) + self.seconds("rescale", level)
        return (self.seconds("scale", level) + self.seconds("add", level)) / product

    @property
    def residual(self) -> float:
        """Largest relative distance of a product of ciphertexts measured from its fit."""
        return max(
            abs(self.seconds("multiply", level) / seconds - 1)
            for level, seconds in dict(self.points)["multiply"]
        )

    @cached_property
    def _fits(self) -> dict[str, np.ndarray]:
        return {kind: _fit(kind, points) for kind, points in self.points}

    def save(self, path: str | Path) -> Path:
        """Write the model as JSON, whole or not at all.

        Raises
        ------
        ArgumentError
            If the file cannot be written.
        """
        content = {
            "format": FORMAT,
            **{name: getattr(self, name) for name in (*_TEXTS, *_NUMBERS)},
            "seconds": {
                kind: {str(level): seconds for level, seconds in points}
                for kind, points in self.points
            },
        }
        try:
            return write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
        except OSError as error:
            raise ArgumentError(f"cannot write {path}: {error.strerror or error}") from error

    @classmethod
    def load(cls, path: str | Path) -> LatencyModel:
        """Read a model that :meth:`save` wrote.

        Raises
        ------
        TableError
            If the file cannot be read, or is not such a model.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TableError(f"{path} is no latency model that can be read: {error}") from error
        return _read(content, str(path))

    @classmethod
    def of_measurements(
        cls, seconds: Mapping[str, Mapping[int, float]], **facts: Any
    ) -> LatencyModel:
        """A model from median seconds by kind and level, and all other attributes.

        Raises
        ------
        TableError
            If a kind is missing, or a time is not positive.
        """
        content = {
            "format": FORMAT,
            **facts,
            "seconds": {
                kind: {str(level): float(value) for level, value in values.items()}
                for kind, values in seconds.items()
            },
        }
        return _read(content, "the measurement")


def _fit(kind: str, points: tuple[Point, ...]) -> np.ndarray:
    """Coefficients, highest power first, of least relative squares."""
    level = np.array([point[0] for point in points], dtype=float)
    seconds = np.array([point[1] for point in points])
    power = min(_POWERS.get(kind, 1), len(points) - 1)
    return np.polyfit(level, seconds, power, w=1 / seconds)


def _read(content: Any, name: str) -> LatencyModel:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise TableError(f"{name} is no latency model of format {FORMAT}")
    for field, wanted in (*((t, str) for t in _TEXTS), *((n, int) for n in _NUMBERS)):
        if not isinstance(content.get(field), wanted):
            raise TableError(f"{name} has no {field} ({content.get(field)!r}): calibrate again")
    points = tuple((kind, _points(content.get("seconds"), kind, name)) for kind in KINDS)
    facts = {field: content[field] for field in (*_TEXTS, *_NUMBERS)}
    return LatencyModel(**facts, points=points)


def _points(seconds: Any, kind: str, name: str) -> tuple[Point, ...]:
    try:
        found = sorted((int(level), float(value)) for level, value in seconds[kind].items())
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise TableError(f"{name} has no times of {kind!r}: calibrate again") from error
    if not found or not all(v > 0 and math.isfinite(v) and level >= 0 for level, v in found):
        raise TableError(f"{name}: the times of {kind!r} must be positive: calibrate again")
    return tuple(found)


def shipped_latency_models() -> tuple[str, ...]:
    """Backends for which a model is shipped."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.json")))


def latency_model(name: str | Path | LatencyModel) -> LatencyModel:
    """A model: one shipped with the package by its backend's name, or the file of one.

    Parameters
    ----------
    name : str, Path or LatencyModel
        A text that ends in ``.json`` is a file; a model is returned as it is.

    Raises
    ------
    ArgumentError
        If none is shipped under that name.
    TableError
        If a file is not a latency model.
    """
    if isinstance(name, LatencyModel):
        return name
    if isinstance(name, Path) or (isinstance(name, str) and name.endswith(".json")):
        return LatencyModel.load(name)
    known = shipped_latency_models()
    if not is_word(name, tuple(known)):
        raise ArgumentError(
            f"no latency model is shipped for backend={shown(name)}, only for {', '.join(known)}; "
            "measure one with polyapprox encrypted calibrate and give its file"
        )
    return LatencyModel.load(SHIPPED / f"{name}.json")
