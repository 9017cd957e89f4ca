# SPDX-License-Identifier: Apache-2.0
"""What a writer of one format is given: the approximation as it will be written, and its check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ..approximation import Approximation
from ..cost.models import cost_model
from ..plan.count import levels
from .noise import Noise, noise_of

Form = Literal["plan", "components"]


@dataclass(frozen=True)
class Format:
    """One format that approximations are exported to.

    Attributes
    ----------
    name : str
    suffix : str
        Of its files, with the point.
    forms : tuple of {"plan", "components"}
        What it can hold: operations one by one, or coefficients for the framework's own
        evaluator of polynomials. The first is the default.
    numbers : {"double", "powers", "series", "exact"}
        What the framework reads: float64; float64 coefficients of powers where it holds
        components; decimals of any length where it holds components, else float64; or decimals
        of any length.
    model : str
        Cost model that counts the levels of components (:mod:`polyapprox.cost.models`).
    about : str
    write : callable
        From a :class:`Job` to the content of the file.
    scheme : str
        Whose noise is forecast (:data:`polyapprox.noise.SCHEMES`); empty: nothing is encrypted.
    levels : callable, optional
        From a :class:`Job` to the levels that the file uses where it runs; by default those of
        the plan where every product with a constant uses one, or of the components.
    noise : callable, optional
        From a :class:`Job` and the noise of its plan to that of what the file runs.
    plans_as_series : bool
        Whether a circuit, which has no components, is written as one series, exactly its polynomial.
    security : str
        Of the parameters in the file; empty: it has none.
    """

    name: str
    suffix: str
    forms: tuple[Form, ...]
    numbers: Literal["double", "powers", "series", "exact"]
    model: str
    about: str
    write: Callable[[Job], bytes]
    scheme: str = ""
    levels: Callable[[Job], int] | None = None
    noise: Callable[[Job, Noise], Noise] | None = None
    plans_as_series: bool = False
    security: str = ""


@dataclass(frozen=True)
class Check:
    """A point of the self-check.

    Attributes
    ----------
    arguments : tuple of float
    value : float
        r there, to double precision.
    target : float
        The function itself there; r where nothing is proven.
    allowed : float
        Proven bound of |r − function| there, absolute.
    """

    arguments: tuple[float, ...]
    value: float
    target: float
    allowed: float


@dataclass(frozen=True)
class Job:
    """An export about to be written.

    Attributes
    ----------
    format : Format
    form : {"plan", "components"}
    approximation : Approximation
        As it is written: every constant is a number that the format holds exactly.
    rounding : str
        What was rounded to get there (empty: nothing).
    checks : tuple of Check
    """

    format: Format
    form: Form
    approximation: Approximation
    rounding: str
    checks: tuple[Check, ...]

    @property
    def name(self) -> str:
        """An identifier in every language, such as ``relu`` or ``function``."""
        name = self.approximation.function
        return name if name.isidentifier() and name.isascii() else "function"

    @property
    def levels(self) -> int:
        """Levels that the file uses where it runs."""
        if self.format.levels is not None:
            return self.format.levels(self)
        if self.form == "plan":
            return self.plan_levels
        model = cost_model(self.format.model)
        return model.component_levels(self.approximation, "standalone")

    @cached_property
    def noise(self) -> Noise:
        """Noise of what the file runs under encryption, forecast."""
        found = noise_of(self.approximation, self.format.scheme or "openfhe")
        return found if self.format.noise is None else self.format.noise(self, found)

    @property
    def plan_levels(self) -> int:
        """Levels of the plan where a product with any constant, integer or not, uses one."""
        plan = self.approximation.plan
        using = [one.kind in ("multiply", "scale") for one in plan.operations]
        return levels(plan, using=using)[plan.output]
