"""Independent arithmetic for checking results: shares no code with the package.

Everything here reads only the *data* of an approximation (coefficients, operations, constants,
which are exact dyadic numbers) and evaluates it anew, in two ways:

* :func:`run_plan` and :func:`clenshaw` in fixed point, with Python integers scaled by 2^400, on
  numpy arrays of objects. One operation on 10^5 points takes about 20 ms. The error of an
  operation is at most one unit, 2^-400, times the size of the other factor.
* :func:`run_plan_mpmath` and :func:`clenshaw_mpmath`, with mpmath at 100 digits, point by point.

:class:`Counter` counts multiplications and levels by being computed with.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from mpmath import libmp

FRACTION_BITS = 400
DIGITS = 100


# --- numbers ------------------------------------------------------------------------------------


def exact_fraction(value: Any) -> Fraction:
    """The exact value of an int, float, Fraction, decimal string or (dyadic) mpf."""
    if isinstance(value, mpmath.mpf):
        sign, mantissa, exponent, _ = value._mpf_
        number = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
        return -number if sign else number
    return Fraction(value)


def to_fixed(value: Any) -> int:
    """Nearest multiple of 2^-400 as an integer."""
    scaled = exact_fraction(value) * (1 << FRACTION_BITS)
    return round(scaled)


def from_fixed(value: int) -> mpmath.mpf:
    """The exact number behind a fixed-point integer."""
    return mpmath.mp.make_mpf(libmp.from_man_exp(int(value), -FRACTION_BITS))


def log2_fixed(value: int) -> float:
    """Base-2 logarithm of the absolute value of a fixed-point integer."""
    value = abs(int(value))
    if not value:
        return float("-inf")
    shift = max(0, value.bit_length() - 60)
    return float(np.log2(float(value >> shift))) + shift - FRACTION_BITS


def to_floats(values: np.ndarray) -> np.ndarray:
    """Fixed-point integers as float64, same shape."""
    flat = [int(v) / (1 << FRACTION_BITS) for v in values.ravel()]
    return np.array(flat, dtype=np.float64).reshape(values.shape)


# --- points -------------------------------------------------------------------------------------


def points(
    low: Any, high: Any, count: int, *, around: Iterable[Any] = (0,), seed: int = 0
) -> np.ndarray:
    """Fixed-point points of [low, high]: even, random, and dense at the ends and `around`.

    A third of the points is spread evenly and at random; the others crowd, at distances from
    2^-60 of the length upwards, evenly in the logarithm, at both ends and on both sides of every
    point of `around`. The ends and the points of `around` themselves are included.

    Returns an object array of Python integers scaled by 2^400, sorted, shape (about count,).
    """
    chance = random.Random(seed)
    first, last = to_fixed(low), to_fixed(high)
    length = last - first
    centres = [to_fixed(c) for c in around if first < to_fixed(c) < last]
    sides = [(first, 1), (last, -1), *((c, s) for c in centres for s in (1, -1))]
    chosen = {first, last, *centres}
    regular = count // 3
    for index in range(regular // 2):
        chosen.add(first + length * index // (regular // 2))
    for _ in range(regular - regular // 2):
        chosen.add(first + chance.randrange(length + 1))
    each = (count - regular) // len(sides)
    for centre, side in sides:
        for index in range(each):
            exponent = -60.0 * (index + chance.random()) / each
            step = length * int(2.0 ** (exponent + 200)) >> 200
            value = centre + side * step
            if first <= value <= last:
                chosen.add(value)
    result = np.empty(len(chosen), dtype=object)
    result[:] = sorted(chosen)
    return result


# --- fixed-point evaluation ---------------------------------------------------------------------


def multiply_fixed(left: Any, right: Any) -> Any:
    """Product of fixed-point numbers, rounded down."""
    return (left * right) >> FRACTION_BITS


def clenshaw(coefficients: Sequence[Any], domain: tuple[Any, Any], x: Any) -> Any:
    """sum c_k T_k(u(x)) in fixed point, where u maps `domain` onto [-1, 1]."""
    low, high = exact_fraction(domain[0]), exact_fraction(domain[1])
    if (low, high) == (-1, 1):
        u = x
    else:
        u = multiply_fixed(2 * x - to_fixed(low + high), to_fixed(1 / (high - low)))
    first: Any = u * 0
    second = first
    for coefficient in reversed(coefficients[1:]):
        first, second = 2 * multiply_fixed(u, first) - second + to_fixed(coefficient), first
    return multiply_fixed(u, first) - second + to_fixed(coefficients[0])


def run_plan(plan: Any, *arguments: Any) -> Any:
    """Interpret the operations of a plan in fixed point (arrays or integers)."""
    values: list[Any] = []
    for kind, left, right, constant in plan.operations:
        if kind == "input":
            value = arguments[left]
        elif kind == "multiply":
            value = multiply_fixed(values[left], values[right])
        elif kind == "scale":
            fraction = exact_fraction(constant)
            shift = fraction.denominator.bit_length() - 1
            value = (values[left] * fraction.numerator) >> shift
        elif kind == "add":
            value = values[left] + values[right]
        elif kind == "subtract":
            value = values[left] - values[right]
        elif kind == "double":
            value = 2 * values[left]
        elif kind == "shift":
            value = values[left] + to_fixed(constant)
        else:
            raise AssertionError(f"unknown operation {kind!r}")
        values.append(value)
    return values[plan.output]


# --- evaluation with mpmath at 100 digits --------------------------------------------------------


def clenshaw_mpmath(coefficients: Sequence[Any], domain: tuple[Any, Any], x: Any) -> mpmath.mpf:
    """sum c_k T_k(u(x)) with mpmath at 100 digits."""
    with mpmath.workdps(DIGITS):
        low, high = (
            mpmath.mpf(exact.numerator) / exact.denominator
            for exact in (exact_fraction(end) for end in domain)
        )
        u = (2 * x - low - high) / (high - low)
        total = mpmath.mpf(0)
        before, current = mpmath.mpf(1), u
        for index, coefficient in enumerate(coefficients):
            exact = exact_fraction(coefficient)
            if index >= 2:
                before, current = current, 2 * u * current - before
            basis = before if index == 0 else current
            total += mpmath.mpf(exact.numerator) / exact.denominator * basis
        return total


def run_plan_mpmath(plan: Any, *arguments: Any) -> mpmath.mpf:
    """Interpret a plan with mpmath's functions at 100 digits (faster than through mpf objects)."""
    bits = libmp.dps_to_prec(DIGITS)
    values: list[Any] = []
    for kind, left, right, constant in plan.operations:
        if kind == "input":
            values.append(mpmath.mpf(arguments[left])._mpf_)
        elif kind == "multiply":
            values.append(libmp.mpf_mul(values[left], values[right], bits, "n"))
        elif kind == "scale":
            values.append(libmp.mpf_mul(values[left], constant._mpf_, bits, "n"))
        elif kind == "add":
            values.append(libmp.mpf_add(values[left], values[right], bits, "n"))
        elif kind == "subtract":
            values.append(libmp.mpf_sub(values[left], values[right], bits, "n"))
        elif kind == "double":
            values.append(libmp.mpf_shift(values[left], 1))
        elif kind == "shift":
            values.append(libmp.mpf_add(values[left], constant._mpf_, bits, "n"))
        else:
            raise AssertionError(f"unknown operation {kind!r}")
    return mpmath.mp.make_mpf(values[plan.output])


# --- true functions -----------------------------------------------------------------------------

TRUE_FIXED = {
    "relu": lambda x: np.where(x > 0, x, x * 0),
    "abs": lambda x: np.where(x > 0, x, -x),
    "sign": lambda x: np.where(x > 0, x * 0 + (1 << FRACTION_BITS), x * 0 - (1 << FRACTION_BITS)),
    "step": lambda x: np.where(x > 0, x * 0 + (1 << FRACTION_BITS), x * 0),
}

TRUE_MPMATH = {
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "abs": abs,
    "2*acos(x)/pi": lambda x: 2 * mpmath.acos(x) / mpmath.pi,
    "sign": mpmath.sign,
    "step": lambda x: (1 + mpmath.sign(x)) / 2,
    "exp": mpmath.exp,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "tanh": mpmath.tanh,
    "gelu": lambda x: x * (1 + mpmath.erf(x / mpmath.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "erf": mpmath.erf,
    "sqrt": mpmath.sqrt,
    "1/x": lambda x: 1 / x,
    "1/sqrt(x)": lambda x: 1 / mpmath.sqrt(x),
    "log": mpmath.log,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
}


def true_value(name: str, x: mpmath.mpf) -> mpmath.mpf:
    """The value of a named function with mpmath at 100 digits."""
    with mpmath.workdps(DIGITS):
        return TRUE_MPMATH[name](x)


# --- counting -----------------------------------------------------------------------------------


class Counter:
    """A ring element that counts what is done with it: run a plan on it, then ask.

    A product of two counters is a multiplication and uses a level; a product with a constant that
    is not an integer of at most 2^15 uses a level; all else is free. If the only thing ever done with the input
    is one product with a constant, that product is the scaling of the input.

    Examples
    --------
    >>> x = Counter.start()
    >>> y = x * x * 0.5 + x
    >>> y.level, x.tally["multiplications"]
    (2, 1)
    """

    def __init__(self, level: int, tally: dict[str, int], is_input: bool = False) -> None:
        self.level, self.tally, self.is_input = level, tally, is_input

    @classmethod
    def start(cls) -> Counter:
        """An input, with a fresh tally."""
        keys = ("multiplications", "constants", "additions", "input uses", "input scalings")
        return cls(0, dict.fromkeys(keys, 0), is_input=True)

    def _used(self, other: Any) -> None:
        for one in (self, other):
            if isinstance(one, Counter) and one.is_input:
                self.tally["input uses"] += 1

    def __mul__(self, other: Any) -> Counter:
        self._used(other)
        if isinstance(other, Counter):
            self.tally["multiplications"] += 1
            return Counter(max(self.level, other.level) + 1, self.tally)
        if other == int(other) and abs(other) <= 2**15:
            return Counter(self.level, self.tally)
        if self.is_input:
            self.tally["input scalings"] += 1
        self.tally["constants"] += 1
        return Counter(self.level + 1, self.tally)

    __rmul__ = __mul__

    def __add__(self, other: Any) -> Counter:
        self._used(other)
        self.tally["additions"] += 1
        level = other.level if isinstance(other, Counter) else 0
        return Counter(max(self.level, level), self.tally)

    __radd__ = __sub__ = __rsub__ = __add__


def counts(plan: Any) -> tuple[int, int]:
    """Multiplications and levels of a plan (scaling of the input free), by computing with it."""
    shared = Counter.start()
    inputs = [shared, *(Counter(0, shared.tally, is_input=True) for _ in range(plan.inputs - 1))]
    result = plan.run(*inputs, lift=exact_fraction)
    tally = shared.tally
    scaled_only = tally["input uses"] == tally["input scalings"] == 1 == plan.inputs
    return tally["multiplications"], result.level - scaled_only
