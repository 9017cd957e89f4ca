# SPDX-License-Identifier: Apache-2.0
"""One proof for every interval: circuits for |x| and the sign, with constants known to 2^-50.

A plan on [-W, W] has other constants than one on [-1, 1], each rounded on its own, so the bound
of one says nothing of the other by itself. But both compute the same chain of t = x/W,

    n_1 = 2t² − 1,   n_i = 2^e_i (n_{i−1} + Σ a_ij n_j)(n_{i−1} + Σ b_ij n_j),   out = Σ c_j n_j,

times W, but for relative errors of a few 2^-53 in every constant (the 2 and the 1 of n_1
included). :func:`bound_of_circuit` bounds the error over the whole *box* of chains whose constants
lie within 2^-50 of the circuit's: the values at the mesh points are computed with that radius, and
each chain of the box is a polynomial to which the sampling theorem applies.
Then :func:`inside_box` shows, in balls, that the constants of a plan lie in that box.
"""

from __future__ import annotations

import math

import mpmath
import numpy as np
from flint import arb

from ..errors import ProofError
from ..functions.kin import KIN
from ..numbers import exact
from ..precision import working_precision
from ..proof.bounded import BoundedArray
from ..proof.mesh import chebyshev_mesh
from ..proof.sampling import SampledBound
from .plan import Scaling, scaling_of
from .shape import Circuit

RADIUS = 2.0**-50
OVERSAMPLING, OVERSAMPLING_OF_LARGE, LARGE = 48, 20, 2000
_CHUNK = 8192
_BITS = 160
# A proof made afresh on some interval has other meshes, and may come out higher than this one by
# what meshes and Taylor models add to the largest error: the bound stated leaves room for that.
_ALLOWANCE = 1.0012


def bound_of_circuit(circuit: Circuit, threshold: float = 0.0) -> SampledBound:
    """Bound the error of every chain near a circuit's: of |t| on [-1, 1], or of the sign.

    Parameters
    ----------
    circuit : Circuit
        Even: |t| is wanted on [-1, 1]. Odd: the sign on [τ, 1] and its image, the lower end
        taken 2^-50 smaller.
    threshold : float
        τ.

    Returns
    -------
    SampledBound
        `upper` is proven.

    Raises
    ------
    ProofError
        If the chain overflows.
    """
    degree = circuit.degree
    over = OVERSAMPLING if degree < LARGE else OVERSAMPLING_OF_LARGE
    odd = circuit.family == "odd"
    low = threshold * (1 - RADIUS) if odd else 0.0
    mesh = chebyshev_mesh(low, 1.0, max(4, over * degree))
    largest, sampled, where = 0.0, 0.0, low
    for start in range(0, len(mesh.points), _CHUNK):
        points = mesh.points[start : start + _CHUNK]
        x = BoundedArray(points)
        value = _values(circuit, x)
        error = value * x - 1.0 if odd else value - x
        bound = error.largest()
        if not math.isfinite(bound):
            raise ProofError("the circuit overflows on its interval: its constants are too large")
        largest = max(largest, bound)
        size = np.abs(error.value)
        peak = int(np.argmax(size))
        if size[peak] > sampled:
            sampled, where = float(size[peak]), float(points[peak])
    upper = largest * mesh.factor(degree) * _ALLOWANCE
    return SampledBound(upper, sampled, len(mesh.points), where)


def _near(constant: float) -> BoundedArray:
    return BoundedArray(constant, abs(constant) * RADIUS)


def _values(circuit: Circuit, x: BoundedArray) -> BoundedArray:
    """Σ c_j n_j with every constant known to the radius."""
    nodes = [x * x * _near(2.0) + _near(-1.0)]
    for shift, *sides in zip(circuit.shifts, circuit.left, circuit.right, strict=True):
        factors = []
        for row in sides:
            value = nodes[-1]
            for constant, node in zip(row[1:], nodes, strict=False):
                if constant:
                    value = value + node * _near(constant)
            factors.append(value + _near(row[0]))
        nodes.append(factors[0] * factors[1] * 2.0**shift)
    total = nodes[-1] * _near(circuit.output[-1])
    for constant, node in zip(circuit.output[1:-1], nodes, strict=False):
        if constant:
            total = total + node * _near(constant)
    return total + _near(circuit.output[0])


def inside_box(circuit: Circuit, scaling: Scaling, width: float, share: arb) -> bool:
    """Whether a plan's constants, exactly as they are, make a chain of t = x/W in the box.

    Parameters
    ----------
    circuit : Circuit
        Of two nodes or more.
    scaling : Scaling
        The constants of the plan.
    width : float
        W.
    share : arb
        What the chain is multiplied by: W, W/2, or 1/(steepness · W) for the sign.

    Notes
    -----
    With Σ_n = share · |c_n| and Σ_{i−1} = sqrt(2^(e_i − f_i) Σ_i), N_i = Σ_i n_i for a chain with
    the constants k Σ_j / Σ_{i−1}, exactly; those are compared with the circuit's.
    """
    last = len(circuit.output) - 1
    sizes = [arb(1)] * (last + 1)
    sizes[last] = share * arb(abs(circuit.output[last]))
    for i in range(last, 1, -1):
        halved = arb((1, circuit.shifts[i - 2] - scaling.doublings[i]))
        sizes[i - 1] = (sizes[i] * halved).sqrt()
    unit = arb(scaling.steepness) * arb(width)
    pairs: list[tuple[arb, float]] = [
        (unit * unit / sizes[1], 2.0),
        (arb(scaling.sizes[1]) / sizes[1], 1.0),
    ]
    sides = ((scaling.left, circuit.left), (scaling.right, circuit.right))
    for i in range(2, last + 1):
        for used, wanted in sides:
            pairs += [
                (arb(k) * sizes[j] / sizes[i - 1], number)
                for j, (k, number) in enumerate(zip(used[i - 2], wanted[i - 2], strict=True))
                if k or number
            ]
    pairs += [
        (arb(k) * sizes[j] / share, number)
        for j, (k, number) in enumerate(zip(scaling.output, circuit.output[:-1], strict=True))
        if k or number
    ]
    return scaling.doublings[1] == 0 and all(
        bool(abs(value - arb(number)) <= arb(abs(number) * RADIUS)) for value, number in pairs
    )


def scaled_bound(
    circuit: Circuit, unit_bound: float, function: str, width: float
) -> mpmath.mpf | None:
    """Bound of the error of :func:`~polyapprox.circuits.plan.circuit_plan` from that on [-1, 1].

    Parameters
    ----------
    circuit : Circuit
    unit_bound : float
        From :func:`bound_of_circuit`.
    function : {"abs", "relu", "maximum", "minimum", "sign"}
    width : float
        W.

    Returns
    -------
    mpmath.mpf or None
        None where the plan's constants are not shown to lie in the box (chains of one node, and
        widths near the ends of what doubles hold).
    """
    if len(circuit.output) < 3:
        return None
    scaling = scaling_of(circuit, function, width)
    with working_precision(_BITS):
        if function == "sign":
            share = 1 / (arb(scaling.steepness) * arb(width))
            bound = arb(unit_bound)
        else:
            share = arb(width) / 2 if KIN[function].halved else arb(width)
            bound = arb(unit_bound) * share
        if not inside_box(circuit, scaling, width, share):
            return None
        if function in KIN and KIN[function].lined:  # the line x/2 is 0.5/steepness, rounded, times steepness · x
            line = arb(0.5 / scaling.steepness) * arb(scaling.steepness) - arb(0.5)
            bound = bound + abs(line) * arb(width)
        return exact(bound.upper())
