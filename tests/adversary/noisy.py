"""What is stated for inputs with noise: beside the interval, with imaginary parts, and slopes."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from flint import acb, arb, ctx

from .judge import Balls, Table, as_ball, dyadic

_BITS = 400


def noise_faults(made: Any, table: Table, seed: int) -> list[str]:
    """Errors at noisy inputs against `bound_near`, differences against `slope_bound`."""
    chance = random.Random(seed)
    radius = 2.0 ** -chance.randrange(6, 26)
    stated = made.bound_near(radius)
    slope = made.slope_bound() if callable(made.slope_bound) else made.slope_bound
    balls, before = Balls(table), ctx.prec
    ctx.prec = _BITS
    try:
        found = _near(balls, stated, Fraction(radius) * table.scale, chance)
        return found + (_slopes(balls, slope, chance) if table.inputs == 1 else [])
    finally:
        ctx.prec = before


def _inside(table: Table, chance: random.Random) -> Fraction:
    """A point of the domain, often an end."""
    low, high = chance.choice(table.domain)
    share = chance.choice([Fraction(0), Fraction(1), Fraction(chance.random())])
    return low + (high - low) * share


def _near(balls: Balls, stated: Any, more: Fraction, chance: random.Random) -> list[str]:
    found = []
    for _ in range(25):
        inside = [_inside(balls.table, chance) for _ in range(balls.table.inputs)]
        far = [x + more * chance.choice([-1, 1, Fraction(chance.uniform(-1, 1))]) for x in inside]
        high = [more * chance.choice([-1, 1, Fraction(chance.uniform(-1, 1))]) for _ in inside]
        for name, real, imaginary in (
            ("outside", far, None), ("imaginary", inside, high), ("both", far, high),
        ):  # fmt: skip
            error = _error(balls, real, imaginary)
            bound = getattr(stated, name)
            if error > arb(bound):
                where = [float(x) for x in (*real, *(imaginary or []))]
                found.append(
                    f"bound_near({stated.radius}).{name} is {bound:.6g}, error {float(error.mid()):.6g} "
                    f"at {where}"
                )
    return found[:2]


def _error(balls: Balls, real: list[Fraction], imaginary: list[Fraction] | None) -> arb:
    """weight · |Re r(x + iy) − f(x)|."""
    x = [as_ball(v) for v in real]
    if imaginary is None:
        value = balls.plan(*x)
    else:
        z = [acb(a, as_ball(b)) for a, b in zip(x, imaginary, strict=True)]
        value = balls.plan(*z).real  # type: ignore[arg-type]
    error = value - balls.value(*x)
    if balls.weight is not None:
        error = error * balls.weight(*x)
    return abs(error)


def _slopes(balls: Balls, slope: float, chance: random.Random) -> list[str]:
    """Difference quotients are slopes somewhere in between."""
    for _ in range(40):
        low, high = chance.choice(balls.table.parts)
        at = low + (high - low) * Fraction(chance.choice([0.0, chance.random(), chance.random()]))
        step = (high - low) * Fraction(1, 2 ** chance.randrange(20, 60))
        if chance.random() < 0.3:
            at = high - step
        if at + step > high:
            continue
        rise = (balls.plan(as_ball(at + step)) - balls.plan(as_ball(at))) / as_ball(step)
        if abs(rise) > arb(slope):
            return [f"slope_bound is {slope:.6g}, {float(rise.mid()):.6g} near {float(at)!r}"]
    return []


def stage_faults(made: Any, table: Table, seed: int) -> list[str]:
    """Composites with relative noise, up to the guard, on what a stage hands to the next."""
    document, chance, before = table.document, random.Random(seed), ctx.prec
    said = (document["certificate"] or {}).get("details", {}).get("noise_between_stages")
    if not said or table.inputs != 1 or table.bound is None:
        return []
    guard = dyadic(document["guard"], document["bits"])
    stages = [
        ([as_ball(dyadic(c, row["bits"])) for c in row["coefficients"]],
         [dyadic(end, row["bits"]) for end in row["domain"]])
        for row in document["components"]
    ]  # fmt: skip
    ctx.prec = _BITS + 2 * max(0, table.bound.denominator.bit_length() - table.bound.numerator.bit_length())
    try:
        balls, limit = Balls(table), as_ball(table.bound)
        for _ in range(40):
            low, high = chance.choice(table.parts)
            share = chance.choice([0.0, 1.0, chance.random(), 2.0 ** -chance.uniform(0, 40)])
            x = as_ball(low + (high - low) * Fraction(share))
            noise = [guard * Fraction(chance.choice([-1.0, 1.0, chance.uniform(-1, 1)])) for _ in stages]
            error = abs(_composed(document, stages, x, noise) - balls.value(x))
            if error > limit:
                return [
                    f"with noise {[float(n) for n in noise[1:]]} between stages the error is "
                    f"{float(error.mid()):.6g} > {float(table.bound):.6g} at {float(x.mid())!r}"
                ]
    finally:
        ctx.prec = before
    return []


def _composed(document: dict[str, Any], stages: list[Any], x: arb, noise: list[Fraction]) -> arb:
    """What the components make of x, each stage but the first getting y (1 + noise)."""
    value = x
    for number, (coefficients, (low, high)) in enumerate(stages):
        if number:
            value = value * as_ball(1 + noise[number])
        u = (2 * value - as_ball(low + high)) / as_ball(high - low)
        first = second = arb(0)
        for coefficient in reversed(coefficients[1:]):
            first, second = 2 * u * first - second + coefficient, first
        value = u * first - second + coefficients[0]
    name, offset = document["function"], as_ball(dyadic(document["offset"], document["bits"]))
    if document["structure"] == "composition" or name == "sign":
        return value
    if name == "step":
        return (1 + value) / 2
    return x * value + offset if name == "abs" else x * (1 + value) / 2 + offset
