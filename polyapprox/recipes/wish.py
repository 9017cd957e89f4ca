# SPDX-License-Identifier: Apache-2.0
"""What a caller asks for, as one value: options with their defaults, checked where it is made.

The fields of a wish *are* the keywords of the public functions (:func:`asks`), the options of the
commands and what a provenance writes down: an option is added here, and described in the docstring
of the function that takes it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, cast, get_type_hints

import mpmath

from ..approximation import Approximation
from ..cache import remembered
from ..composite.search import Objective as SearchObjective
from ..cost.latency import LatencyModel, latency_model
from ..cost.models import cost_models
from ..errors import ArgumentError
from ..given import is_word, shown, whole
from ..numbers import exact
from ..precision import one_at_a_time
from ..provenance import call
from .arguments import (
    Ends,
    Interval,
    read_choice,
    read_composite_tolerance,
    read_degrees,
    read_interval,
    read_threshold,
)
from .guard import DEFAULT_GUARD, read_guard

Objective = Literal["balanced", "levels", "multiplications", "latency"]
Preference = Literal["balanced", "depth", "levels", "multiplications", "latency"]
Where = str | Path | LatencyModel | None  # a backend's name, a latency model or its file
OBJECTIVES = ("balanced", "levels", "multiplications", "latency")
DEFAULT_BACKEND = "openfhe"
MOST = 10**6  # multiplications and levels: beyond every plan
P = ParamSpec("P")
W = TypeVar("W", bound="Wish")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What functions made of stages and circuits may be asked for.

    Attributes
    ----------
    function : str
        Its public name.
    precision, tolerance, interval, degrees, threshold, objective, backend, guard
        As the docstrings of the public functions say; numbers and lists are plain ones, and
        "depth" is "levels".

    Raises
    ------
    ArgumentError
        With the argument's name, its value and what to do.
    """

    function: str = field(kw_only=False)
    precision: float | None = None
    tolerance: float | None = None
    interval: Ends = (-1, 1)
    degrees: Iterable[int] | None = None
    threshold: float | None = None
    objective: Preference = "balanced"
    backend: Where = None
    guard: float = DEFAULT_GUARD

    def __post_init__(self) -> None:
        self._hold(interval=read_interval(self.interval), guard=float(read_guard(self.guard)))
        self._check_options()
        self._hold(objective=read_objective(self.objective))
        read_backend(self.backend, self.objective)
        if self.threshold is not None:
            self._hold(threshold=read_threshold(self.threshold))
        self._check_cost()

    def _hold(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _check_options(self) -> None:
        """Check what this kind of wish has beside the options of all."""

    def _check_cost(self) -> None:
        """Check precision, tolerance and degrees, exactly one of which is given."""
        if self.degrees is None:
            _ = self.wanted
            return
        if self.precision is not None or self.tolerance is not None:
            raise ArgumentError("give degrees, or one of precision and tolerance, not both")
        self._check_degrees()
        self._hold(degrees=read_degrees(self.degrees))

    def _check_degrees(self) -> None:
        """Check that nothing stands against given degrees."""

    @property
    def ends(self) -> Interval:
        """The interval."""
        return cast(Interval, self.interval)

    @property
    def stages(self) -> tuple[int, ...] | None:
        """The degrees given."""
        return cast("tuple[int, ...] | None", self.degrees)

    @property
    def unit(self) -> float:
        """The absolute error that a precision of 1 stands for."""
        return 1.0

    @cached_property
    def wanted(self) -> float | None:
        """The absolute error wanted; None where degrees are given."""
        if self.degrees is not None:
            return None
        return read_composite_tolerance(self.precision, self.tolerance, self.unit)

    @property
    def searched(self) -> SearchObjective:
        """The objective of a search for degrees, which knows no latency."""
        return cast(SearchObjective, "balanced" if self.objective == "latency" else self.objective)

    @property
    def over(self) -> mpmath.mpf:
        """The guard, exact."""
        return exact(self.guard)

    @cached_property
    def latency(self) -> LatencyModel | None:
        """The times of the backend, where the objective needs them."""
        return read_backend(self.backend, self.objective)

    @cached_property
    def command(self) -> str:
        """The call that does it again."""
        options = [one for one in fields(self) if one.name != "function"]
        return call(
            self.function,
            leave_out={one.name: one.default for one in options},
            **{one.name: getattr(self, one.name) for one in options},
        )


def asks(
    wish: Callable[Concatenate[str, P], W], function: str
) -> Callable[[Callable[[W], Approximation]], Callable[P, Approximation]]:
    """Decorate a function of a wish: it is then one of the wish's options, as keywords.

    The result runs one call at a time and is served from the cache (:mod:`polyapprox.cache`).

    Parameters
    ----------
    wish : type
        A subclass of :class:`Wish`.
    function : str
        The function's public name.
    """

    def decorate(make: Callable[[W], Approximation]) -> Callable[P, Approximation]:
        @wraps(make)
        def asked(*arguments: P.args, **options: P.kwargs) -> Approximation:
            _require_keywords(function, arguments, options, signature)
            return make(wish(function, *arguments, **options))

        types = get_type_hints(wish)
        _, *options = inspect.signature(wish).parameters.values()
        options = [one.replace(annotation=types[one.name]) for one in options]
        signature = inspect.Signature(options, return_annotation=Approximation)
        asked.__signature__ = signature  # type: ignore[attr-defined]
        asked.__annotations__ = {one.name: one.annotation for one in options}
        asked.__annotations__["return"] = Approximation
        return one_at_a_time(remembered(asked))

    return decorate


def _require_keywords(
    function: str, arguments: tuple[Any, ...], options: Iterable[str], signature: inspect.Signature
) -> None:
    """Refuse what is no keyword of a function, as Python does, by its public name."""
    if arguments:
        raise TypeError(f"{function}() takes keywords alone, such as {function}(precision=2**-9)")
    for name in options:
        if name not in signature.parameters:
            near = get_close_matches(name, signature.parameters, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(signature.parameters)}"
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}: {hint}")


def read_objective(objective: Any) -> Objective:
    """One of the objectives; "depth" is the former word for "levels"."""
    objective = "levels" if is_word(objective, ("depth",)) else objective
    read_choice("objective", objective, OBJECTIVES)
    return objective  # type: ignore[no-any-return]


def read_backend(backend: Where, objective: str) -> LatencyModel | None:
    """The times of a framework, where the objective is "latency" or they were given."""
    if isinstance(backend, (Path, LatencyModel)):
        return latency_model(backend)
    if backend is not None and not is_word(backend, tuple(cost_models())):
        known = ", ".join(repr(name) for name in cost_models())
        raise ArgumentError(
            f"backend must be one of {known}, or the path (pathlib.Path) of a latency model's "
            f"file; got {shown(backend)}"
        )
    return latency_model(backend or DEFAULT_BACKEND) if objective == "latency" else None


def read_limit(name: str, limit: Any) -> int | None:
    """A whole number from 1 on, or None."""
    return None if limit is None else whole(name, limit, 1, MOST)
