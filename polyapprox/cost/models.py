# SPDX-License-Identifier: Apache-2.0
"""Levels in each framework: of one polynomial, of components, of a plan run operation by operation.

Frameworks have their own evaluators of polynomials, and each uses another number of levels for
the same degree:

============  =============================================  =====================================
model         levels of degree d on [-1, 1]                  largest degree for 1, 2, 3, … levels
============  =============================================  =====================================
"ideal"       ceil(log2(d + 1)), coefficients included       1, 3, 7, 15, 31, 63, 127
"lattigo"     the same                                       1, 3, 7, 15, 31, 63, 127
"tenseal"     the same (monomials only)                      1, 3, 7, 15, 31, 63, 127
"openfhe"     a table                                        1, 2, 5, 13, 27, 59, 119
"desilofhe"   ceil(log2 d) + 1                               1, 2, 4, 8, 16, 32, 64
============  =============================================  =====================================

A plan that is executed operation by operation costs the same everywhere: a level for each product
of ciphertexts and for each product with a constant that is not free (:mod:`polyapprox.plan.count`).
An approximation may therefore be cheaper by its plan than by its components.

Sources: Lattigo v6 and orion's evaluator of it, TenSEAL 0.3.18, OpenFHE 1.6.1 and desilofhe 2.0.0
as measured (the tests hold the measurements); OpenFHE's list is that of
``GetDepthByDegree`` less the level of the affine map, with degrees below 5 as measured.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from ..approximation import Approximation
from ..errors import ArgumentError
from ..given import shown, whole
from ..plan.count import Rule, count
from ..plan.plan import Plan
from ..polynomial import Polynomial

_OPENFHE = (1, 2, 5, 13, 27, 59, 119, 247, 495, 1007, 2031)  # last degree of 1, 2, … levels


@dataclass(frozen=True)
class CostModel:
    """How many levels one framework uses.

    Attributes
    ----------
    name : str
    degree_levels : callable
        Degree (from 1 on) to the levels of one polynomial on [-1, 1], coefficients included.
    map_levels : int
        Levels of the affine map from another interval to [-1, 1].
    basis : {"chebyshev", "monomial"}
        What the framework's own evaluator is given.
    about : str
    """

    name: str
    degree_levels: Callable[[int], int]
    map_levels: int
    basis: str
    about: str

    def polynomial_levels(self, degree: int, interval: tuple[float, float] = (-1.0, 1.0)) -> int:
        """Levels of one polynomial in the framework's own evaluator.

        Parameters
        ----------
        degree : int
            0 or more; a constant uses none.
        interval : (float, float)
            Where it is expanded; other than [-1, 1] the map there may use a level.

        Raises
        ------
        ArgumentError
            If the degree is no whole number from 0 on, or beyond what is known.

        Examples
        --------
        >>> [cost_model(name).polynomial_levels(27) for name in ("ideal", "openfhe", "desilofhe")]
        [5, 5, 6]
        >>> cost_model("openfhe").polynomial_levels(15), cost_model("openfhe").polynomial_levels(13)
        (5, 4)
        """
        degree = whole("degree", degree, least=0)
        if degree == 0:
            return 0
        mapped = tuple(map(float, interval)) != (-1.0, 1.0)
        return self.degree_levels(degree) + mapped * self.map_levels

    def component_levels(self, approximation: Approximation, rule: Rule = "published") -> int:
        """Levels of an approximation whose components the framework's own evaluator evaluates.

        Parameters
        ----------
        approximation : Approximation
        rule : {"published", "standalone"}
            Whether the layer before brings the input to [-1, 1] ("published"), or the levels of
            that map are counted here.

        Raises
        ------
        ArgumentError
            For a circuit, which has no components: its plan is all there is.

        Examples
        --------
        >>> import polyapprox
        >>> relu = polyapprox.relu(degrees=[15, 15, 27])
        >>> [cost_model(name).component_levels(relu) for name in ("lattigo", "openfhe")]
        [14, 16]
        """
        components = approximation.components
        if not components:
            raise ArgumentError(
                "a circuit has no components for a framework's own evaluator; count its plan, or "
                "use structure='composite'"
            )
        folded = rule == "published" and approximation.inputs == 1
        levels = sum(
            self._one(component, folded=folded and position == 0)
            for position, component in enumerate(components)
        )
        product = approximation.structure == "composite" and approximation.kin is not None
        return levels + product

    def _one(self, component: Polynomial, folded: bool) -> int:
        low, high = component.domain
        interval = (-1.0, 1.0) if folded else (float(low), float(high))
        return self.polynomial_levels(component.degree, interval)

    def plan_levels(self, plan: Plan, rule: Rule = "published") -> int:
        """Levels of a plan executed operation by operation.

        The same in every framework; what "published" and "standalone" mean is in
        :mod:`polyapprox.plan.count`.

        Examples
        --------
        >>> import polyapprox
        >>> plan = polyapprox.circuit("relu", multiplications=7, interval=(-8, 8)).plan
        >>> cost_model("openfhe").plan_levels(plan), cost_model("openfhe").plan_levels(plan, "standalone")
        (7, 8)
        """
        return count(plan, rule).levels

    def levels(self, approximation: Approximation, rule: Rule = "published") -> int:
        """The fewer of :meth:`plan_levels` and, where there are components, :meth:`component_levels`.

        Examples
        --------
        >>> import polyapprox
        >>> relu = polyapprox.relu(degrees=[15, 15, 27])
        >>> model = cost_model("openfhe")
        >>> model.levels(relu) == min(model.plan_levels(relu.plan), model.component_levels(relu))
        True
        """
        by_plan = self.plan_levels(approximation.plan, rule)
        if not approximation.components:
            return by_plan
        return min(by_plan, self.component_levels(approximation, rule))

    def natural_degrees(self, levels: int) -> tuple[int, ...]:
        """The largest degree for 1, 2, … levels: what a degree should be to waste nothing.

        Examples
        --------
        >>> cost_model("openfhe").natural_degrees(6), cost_model("desilofhe").natural_degrees(4)
        ((1, 2, 5, 13, 27, 59), (1, 2, 4, 8))
        """
        found = []
        degree = 1
        for wanted in range(1, levels + 1):
            while self.degree_levels(degree + 1) <= wanted:
                degree += 1
            found.append(degree)
        return tuple(found)


def _bit_length(degree: int) -> int:
    return degree.bit_length()


def _openfhe(degree: int) -> int:
    if degree > _OPENFHE[-1]:
        raise ArgumentError(
            f"degree={degree} is beyond what is known of OpenFHE's evaluator ({_OPENFHE[-1]})"
        )
    return bisect_left(_OPENFHE, degree) + 1


def _desilofhe(degree: int) -> int:
    return (degree - 1).bit_length() + 1


_MODELS = {
    model.name: model
    for model in (
        CostModel(
            "ideal", _bit_length, 1, "chebyshev",
            "our own plans: baby steps and giant steps with the fewest levels",
        ),
        CostModel(
            "lattigo", _bit_length, 1, "chebyshev",
            "Lattigo v6, its evaluator of polynomials",
        ),
        CostModel(
            "tenseal", _bit_length, 0, "monomial",
            "TenSEAL 0.3.18, CKKSVector.polyval: monomials, on any interval",
        ),
        CostModel(
            "openfhe", _openfhe, 1, "chebyshev",
            "OpenFHE 1.6.1, EvalChebyshevSeries",
        ),
        CostModel(
            "desilofhe", _desilofhe, 1, "chebyshev",
            "desilofhe 2.0.0, evaluate_chebyshev_polynomial",
        ),
    )
}  # fmt: skip


def cost_models() -> tuple[str, ...]:
    """Names of the models.

    Examples
    --------
    >>> cost_models()
    ('ideal', 'lattigo', 'tenseal', 'openfhe', 'desilofhe')
    """
    return tuple(_MODELS)


def cost_model(name: str) -> CostModel:
    """The model of a framework by its name.

    Raises
    ------
    ArgumentError
        If there is no model of that name.
    """
    if not isinstance(name, str) or name not in _MODELS:
        known = ", ".join(repr(known) for known in _MODELS)
        raise ArgumentError(f"there is no cost model {shown(name)}; use one of {known}")
    return _MODELS[name]
