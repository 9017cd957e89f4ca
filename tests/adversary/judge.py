"""A judge of tables: reads nothing but the JSON, and evaluates it by arithmetic of its own.

Two ways, both rigorous. In *float64*, on vectors, each value with a bound of its rounding error
(running error analysis); a point that this leaves open is decided in *balls* of python-flint,
with more and more bits. A point is a violation if the weighted error there is surely above the
bound; it counts as tried only once it is decided.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, ctx, fmpz

from .truth import PIECEWISE, Ball, function_named

Point = tuple[Any, ...]
_UNIT, _TINY, _UP = 2.0**-53, 1e-300, 1 + 2.0**-48
_MOST_BITS = 60_000
_FINEST = Fraction(1, 2**300)  # of B: errors below it are bounded by the rounding of constants, not tightly


def decimal(text: str) -> Fraction:
    """A decimal number, of any length: Python refuses to read more than 4,300 digits."""
    digits, _, power = text.lower().partition("e")
    whole, _, part = digits.partition(".")
    return Fraction(int(fmpz(whole.lstrip("+") + part))) * Fraction(10) ** (int(power or 0) - len(part))


def dyadic(text: str, bits: int) -> Fraction:
    """The dyadic number nearest to a decimal string at so many significant bits."""
    exact = decimal(text)
    if not exact:
        return exact
    size = abs(exact)
    shift = bits - (size.numerator.bit_length() - size.denominator.bit_length())
    if size >= Fraction(2) ** (bits - shift):
        shift -= 1
    return Fraction(round(exact * Fraction(2) ** shift)) / Fraction(2) ** shift


def as_ball(number: Fraction | int | float) -> arb:
    """A dyadic number as an exact ball."""
    exact = Fraction(number)
    return arb((exact.numerator, 1 - exact.denominator.bit_length()))


@dataclass
class Table:
    """What a table says, read anew."""

    document: dict[str, Any]
    function: str = field(init=False)
    operations: list[tuple[str, int, int, Fraction | None]] = field(init=False)
    output: int = field(init=False)
    inputs: int = field(init=False)
    parts: list[tuple[Fraction, Fraction]] = field(init=False)
    domain: list[tuple[Fraction, Fraction]] = field(init=False)
    bound: Fraction | None = field(init=False)
    lower: Fraction | None = field(init=False)

    def __post_init__(self) -> None:
        d = self.document
        self.function = d["function"]
        self.domain = self._intervals(d["domain"])
        self.parts = self._intervals(d.get("covered", d["domain"]))
        self.threshold = d["threshold"] and abs(dyadic(d["threshold"], d["bits"]))
        plan = d["plan"]
        self.operations = [self._operation(row) for row in plan["operations"]]
        self.output, self.inputs = plan["output"], plan["inputs"]
        certificate = d["certificate"]
        self.bound = self.lower = None
        if certificate is not None:
            self.bound = dyadic(certificate["upper"], certificate["bits"])
            if certificate["lower"] is not None:
                self.lower = dyadic(certificate["lower"], certificate["bits"])

    def _intervals(self, rows: list[list[str]]) -> list[tuple[Fraction, Fraction]]:
        bits = self.document["bits"]
        return [(dyadic(low, bits), dyadic(high, bits)) for low, high in rows]

    @staticmethod
    def _operation(row: list[Any]) -> tuple[str, int, int, Fraction | None]:
        kind, left, *rest = row
        if kind in ("scale", "shift"):
            return kind, left, -1, dyadic(rest[0], rest[1] if len(rest) > 1 else 53)
        return kind, left, rest[0] if rest else -1, None

    @property
    def scale(self) -> Fraction:
        return max(abs(self.domain[0][0]), abs(self.domain[-1][1]))


# --- exact evaluation in balls -----------------------------------------------------------------


class Balls:
    """The plan, the function and the weight of a table in balls."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._constants = [
            None if c is None else as_ball(c) for *_, c in table.operations
        ]
        name = "relu" if table.function in ("maximum", "minimum") else table.function
        self._function: Ball = function_named(name)
        weight = table.document["weight"]
        self.weight = None if weight == "1" else function_named(weight)

    def plan(self, *x: arb) -> arb:
        values: list[arb] = []
        for (kind, left, right, _), constant in zip(
            self.table.operations, self._constants, strict=True
        ):
            if kind == "multiply":
                value = values[left] * values[right]
            elif kind == "add":
                value = values[left] + values[right]
            elif kind == "scale":
                value = values[left] * constant
            elif kind == "shift":
                value = values[left] + constant
            elif kind == "subtract":
                value = values[left] - values[right]
            elif kind == "double":
                value = values[left] + values[left]
            elif kind == "input":
                value = x[left]
            else:
                raise AssertionError(f"unknown operation {kind!r}")
            values.append(value)
        return values[self.table.output]

    def plan_at(self, point: Sequence[Fraction], bits: int) -> arb:
        """The plan at a point, with so many bits."""
        before, ctx.prec = ctx.prec, bits
        try:
            return self.plan(*map(as_ball, point))
        finally:
            ctx.prec = before

    def value(self, *x: arb) -> arb:
        if self.table.function == "maximum":
            return x[0] if x[0] > x[1] else x[1]
        if self.table.function == "minimum":
            return x[1] if x[0] > x[1] else x[0]
        return self._function(*x)

    def error(self, point: Point, bits: int) -> arb:
        """weight · |r − f| at a point, enclosed."""
        before, ctx.prec = ctx.prec, bits
        try:
            x = [as_ball(v) for v in point]
            found = self.plan(*x) - self.value(*x)
            if self.weight is not None:
                weight = self.weight(*x)
                if not weight.is_finite():  # a relative error where f is 0: r must be 0 too
                    return arb(0) if found.contains(0) else arb("inf")
                found = found * weight
            return abs(found)
        finally:
            ctx.prec = before

    def decided(self, point: Point, bound: Fraction) -> tuple[arb, bool]:
        """The error and whether it is above the bound, with as many bits as that takes."""
        limit = as_ball(bound)
        bits = 128 + max(0, bound.denominator.bit_length() - bound.numerator.bit_length())
        while True:
            error = self.error(point, bits)
            if error <= limit:
                return error, False
            if error > limit:
                return error, True
            if bits > _MOST_BITS:
                raise ArithmeticError(f"undecided at {point} with {bits} bits: {error}")
            bits *= 2


# --- float64 with a bound of its error ----------------------------------------------------------


class Floats:
    """The same in float64 on vectors, each value with a bound of its error."""

    def __init__(self, table: Table, balls: Balls) -> None:
        self.table, self.balls = table, balls
        self._constants = [None if c is None else self._near(c) for *_, c in table.operations]

    @staticmethod
    def _near(constant: Fraction) -> tuple[float, float]:
        if abs(constant) > Fraction(10) ** 300:
            return math.inf, math.inf
        near = float(constant)
        return near, 0.0 if Fraction(near) == constant else _UNIT * abs(near) + _TINY

    def plan(self, *x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values: list[tuple[np.ndarray, np.ndarray]] = []
        last = self._last_use()
        for index, (kind, left, right, _) in enumerate(self.table.operations):
            constant = self._constants[index]
            if kind == "input":
                value = x[left], np.zeros_like(x[left])
            elif kind == "multiply":
                (a, ea), (b, eb) = values[left], values[right]
                v = a * b
                value = v, (abs(a) * eb + abs(b) * ea + ea * eb + _UNIT * abs(v) + _TINY) * _UP
            elif kind == "scale":
                (a, ea), (c, ec) = values[left], constant
                v = a * c
                value = v, (abs(a) * ec + abs(c) * ea + ea * ec + _UNIT * abs(v) + _TINY) * _UP
            elif kind == "double":
                a, ea = values[left]
                value = a + a, ea + ea
            else:
                b, eb = constant if kind == "shift" else values[right]
                a, ea = values[left]
                v = a - b if kind == "subtract" else a + b
                value = v, (ea + eb + _UNIT * abs(v)) * _UP
            values.append(value)
            for used in (left, right):
                if kind != "input" and used >= 0 and last[used] == index:
                    values[used] = None  # type: ignore[call-overload]
        return values[self.table.output]

    def _last_use(self) -> dict[int, int]:
        last = {}
        for index, (kind, left, right, _) in enumerate(self.table.operations):
            if kind != "input":
                last[left] = last[right] = index
        last[self.table.output] = len(self.table.operations)
        return last

    def value(self, *x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        name, zero = self.table.function, np.zeros_like(x[0])
        if name in PIECEWISE:
            v = x[0]
            exact = {
                "relu": lambda: np.maximum(v, 0.0), "abs": lambda: abs(v),
                "sign": lambda: np.sign(v), "step": lambda: (1 + np.sign(v)) / 2,
                "maximum": lambda: np.maximum(*x), "minimum": lambda: np.minimum(*x),
            }  # fmt: skip
            return exact[name](), zero
        return _floats_of(self.balls._function, x[0])

    def error(self, *x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Signed weighted error at each point, and how far it may be off."""
        with np.errstate(all="ignore"):
            (r, er), (f, ef) = self.plan(*x), self.value(*x)
            v = r - f
            e = (er + ef + _UNIT * abs(v)) * _UP
            if self.balls.weight is not None:
                w, ew = _floats_of(self.balls.weight, x[0])
                v, e = v * w, (abs(v) * ew + w * e + ew * e + _UNIT * abs(v * w) + _TINY) * _UP
            e = np.where(np.isfinite(v) & np.isfinite(e), e, np.inf)
            return np.where(np.isfinite(v), v, 0.0), e


def _floats_of(function: Ball, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    before, ctx.prec = ctx.prec, 96
    try:
        found = [function(arb(v)) for v in x.tolist()]
        near = np.array([float(v.mid()) for v in found])
        off = np.array([float(v.rad()) for v in found])
        return near, (off * 1.001 + 2 * _UNIT * abs(near) + _TINY) * _UP
    finally:
        ctx.prec = before


# --- points ------------------------------------------------------------------------------------


def _float_inside(value: Fraction, towards: Fraction) -> float:
    """The float nearest to a number on the side of another one."""
    near = float(value)
    if (Fraction(near) > value and towards < value) or (Fraction(near) < value and towards > value):
        near = math.nextafter(near, float(towards))
    return near


def float_points(
    low: Fraction, high: Fraction, around: Sequence[float], count: int, chance: random.Random
) -> np.ndarray:
    """Sorted floats of an interval: even, Chebyshev, random, and crowded at ends and `around`."""
    a, b = _float_inside(low, high), _float_inside(high, low)
    rng = np.random.default_rng(chance.randrange(2**60))
    third = max(8, count // 4)
    angles = np.linspace(0, np.pi, third)
    size = b - a
    near = size * 2.0 ** rng.uniform(-60, 0, third)
    centres = np.array([a, b, *around])
    sides = rng.choice(centres, third) + rng.choice([-1.0, 1.0], third) * near
    points = [
        a + size * np.sin(angles / 2) ** 2, rng.uniform(0, 1, third) * size + a, sides,
        [math.nextafter(c, c + s) for c in centres.tolist() for s in (-1.0, 1.0)], centres,
        np.geomspace(2.0**-60, 1, third // 2) * b, np.geomspace(2.0**-60, 1, third // 2) * a,
    ]  # fmt: skip
    found = np.unique(np.concatenate([np.asarray(p, dtype=float).ravel() for p in points]))
    return found[(found >= a) & (found <= b)]


@dataclass
class Verdict:
    """What was found on one table."""

    tried: int = 0
    violations: list[str] = field(default_factory=list)
    largest: float = 0.0
    where: str = ""
    tightness: float | None = None  # bound / largest error seen


def judge(
    document: dict[str, Any],
    count: int = 4000,
    seed: int = 0,
    seconds: float = 0.25,
    claim: Fraction | None = None,
) -> Verdict:
    """Try a table at some `count` points; about so many seconds go to points in balls."""
    table = Table(document)
    bound = table.bound if claim is None else claim
    verdict = Verdict()
    if bound is None:
        return verdict
    balls = Balls(table)
    chance = random.Random(seed)
    in_balls = max(40, int(seconds / (4e-7 * len(table.operations) + 5e-6)))
    points = _exact_points(table, chance, max(8, min(60, in_balls // 4)))
    points += _left_open(table, Floats(table, balls), bound, count, chance, verdict)[:in_balls]
    _try_balls(balls, bound, points, verdict)
    if verdict.largest > 0 and bound > table.scale * _FINEST:
        verdict.tightness = float(bound) / verdict.largest
    return verdict


def _line(table: Table, count: int, chance: random.Random) -> np.ndarray:
    centres = [0.0]
    if table.threshold:
        centres += [float(table.threshold), -float(table.threshold)]
    each = max(64, count // len(table.parts))
    found = []
    for low, high in table.parts:
        inside = [c for c in centres if low < c < high]
        inside += [float(e) for pair in table.domain for e in pair if low < e < high]
        found.append(float_points(low, high, inside, each, chance))
    return np.concatenate(found)


def _pairs(table: Table, count: int, chance: random.Random) -> tuple[np.ndarray, np.ndarray]:
    line = _line(table, max(64, count // 3), chance)
    rng = np.random.default_rng(chance.randrange(2**60))
    a, b = rng.choice(line, count), rng.choice(line, count)
    low, high = line[0], line[-1]
    gap = (high - low) * 2.0 ** rng.uniform(-50, 0, count)
    c = np.clip(a[: count // 2] + (gap * rng.choice([-1, 1], count))[: count // 2], low, high)
    ends = np.array([low, high])
    first = np.concatenate([a, a[: count // 2], line, line, ends, ends[::-1]])
    second = np.concatenate([
        b, c, np.full_like(line, low), np.full_like(line, high), ends, ends,
    ])  # fmt: skip
    return first, second


def _left_open(
    table: Table, floats: Floats, bound: Fraction, count: int, chance: random.Random,
    verdict: Verdict,
) -> list[Point]:
    """Decide in float64 what can be; the rest, and the worst of all, are returned, worst first."""
    first = _pairs(table, count, chance) if table.inputs == 2 else (_line(table, count, chance),)
    error, off = floats.error(*first)
    if table.inputs == 1:
        near = _peaks(floats, first[0], error, off)
        if len(near):
            more = floats.error(near)
            first = (np.concatenate([first[0], near]),)
            error, off = np.concatenate([error, more[0]]), np.concatenate([off, more[1]])
    limit = _float_inside(bound, Fraction(0)) if bound else 0.0
    good = (abs(error) + off) * _UP <= limit
    verdict.tried += int(np.count_nonzero(good))
    worst = np.argsort(-abs(error))
    chosen = worst[:16].tolist()
    left = worst[~good[worst]]
    chosen += left[:30].tolist()
    chosen += np.random.default_rng(chance.randrange(2**60)).permutation(left[30:]).tolist()
    return [tuple(Fraction(float(v[i])) for v in first) for i in dict.fromkeys(chosen)]


def _peaks(floats: Floats, x: np.ndarray, error: np.ndarray, off: np.ndarray) -> np.ndarray:
    """Points near the largest local extrema, by zooming in on vectors."""
    size = np.where(abs(error) > 4 * off, abs(error), 0.0)
    if len(size) < 5 or not size.any():
        return np.array([])
    inner = np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] >= size[2:])) + 1
    top = inner[np.argsort(-size[inner])][:8]
    low, high = x[np.maximum(top - 1, 0)], x[np.minimum(top + 1, len(x) - 1)]
    jump = (high - low) > 0.6 * (x[-1] - x[0])  # across a gap
    low, high = low[~jump], high[~jump]
    seen = []
    for _ in range(4):
        if not len(low):
            break
        grid = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 17)[None, :]
        values, _ = floats.error(grid.ravel())
        seen.append(grid.ravel())
        at = np.argmax(abs(values).reshape(grid.shape), axis=1)
        rows = np.arange(len(low))
        low, high = grid[rows, np.maximum(at - 1, 0)], grid[rows, np.minimum(at + 1, 16)]
    found = np.concatenate(seen) if seen else np.array([])
    inside = np.zeros(len(found), dtype=bool)
    for a, b in floats.table.parts:
        inside |= (found >= _float_inside(a, b)) & (found <= _float_inside(b, a))
    return np.unique(found[inside])


def _exact_points(table: Table, chance: random.Random, count: int) -> list[Point]:
    """Points that no float is: the exact ends, and dyadic numbers of 300 bits beside them."""
    special: list[Fraction] = []
    for low, high in table.parts:
        length = high - low
        special += [low, high]
        for _ in range(count // (4 * len(table.parts)) + 1):
            step = length * Fraction(1, 2 ** chance.randrange(1, 260))
            special += [low + step, high - step]
        special.append(low + length * Fraction(chance.getrandbits(200), 2**200))
    inside = [end for pair in table.domain for end in pair]
    special += inside
    if table.threshold:
        special += [table.threshold, -table.threshold]
    special = [s for s in special if any(a <= s <= b for a, b in table.parts)]
    special = [_rounded(s) for s in special]
    special = [s for s in special if any(a <= s <= b for a, b in table.parts)]
    if table.inputs == 1:
        return [(s,) for s in special]
    return [(chance.choice(special), chance.choice(special)) for _ in special] + [
        (table.parts[0][0], table.parts[0][1]), (table.parts[0][1], table.parts[0][0])
    ]  # fmt: skip


def _rounded(value: Fraction) -> Fraction:
    """Dyadic as it is, or to 400 bits."""
    denominator = value.denominator
    if denominator & (denominator - 1) == 0:
        return value
    return Fraction(round(value * 2**400)) / 2**400


def _try_balls(balls: Balls, bound: Fraction, points: list[Point], verdict: Verdict) -> None:
    for point in points:
        error, above = balls.decided(point, bound)
        verdict.tried += 1
        lower = float(error.abs_lower())
        if lower > verdict.largest:
            verdict.largest, verdict.where = lower, repr(tuple(map(float, point)))
        if above:
            verdict.violations.append(
                f"error {float(error.mid()):.6g} > bound {float(bound):.6g} "
                f"at {tuple(map(float, point))!r}"
            )
