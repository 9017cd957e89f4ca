"""True tables of many kinds, made quickly: none of them may be refused."""

from __future__ import annotations

import random
from collections.abc import Iterator

from .calls import ABSOLUTE, Caller

KINDS = {
    "circuit": "pa.circuit({absolute!r}, multiplications={m}, interval={where!r})",
    "direct": "pa.{absolute}(precision=2**-{k}, interval={where!r}, structure='direct')",
    "composite": "pa.{absolute}(degrees={degrees!r}, interval={where!r}, refine=False)",
    "sign": "pa.{sign}(degrees={degrees!r}, threshold=2**-{t!r}, interval={around!r})",
    "minimax": "pa.minimax({name!r}, {degree}, domain={place!r})",
    "relative": "pa.minimax({positive!r}, {degree}, domain=({a!r}, {b!r}), relative=True)",
    "weighted": "pa.minimax({name!r}, {degree}, domain={place!r}, weight={weight!r})",
    "entered": "pa.from_components({sign!r}, [NEWTON] * {n}, [(-1, -0.5), (0.5, 1)])",
    "small circuit": "pa.circuit({shipped!r}, multiplications={few})",
    "exact": "pa.{absolute}(precision=2**-{k}, interval=({a!r}, {b!r}))",
}  # fmt: skip


def true_tables(seed: int) -> Iterator[tuple[str, str]]:
    """Endlessly: the kind of a true table and the call that makes it."""
    chance = random.Random(seed)
    caller = Caller(seed)
    while True:
        for kind, template in KINDS.items():
            low, high = caller.interval(1.0)
            name, place = caller._place()
            a = chance.uniform(0.2, 2)
            yield kind, template.format(
                absolute=chance.choice(ABSOLUTE if kind != "exact" else ("relu", "abs")),
                m=chance.randrange(2, 10), where=(low, high), k=chance.randrange(2, 7),
                degrees=[chance.choice([3, 5, 7, 9]) for _ in range(chance.randrange(1, 4))],
                sign=chance.choice(["sign", "step"]), t=chance.uniform(1, 9), around=(low, high),
                name=name, place=place, degree=chance.randrange(1, 13), n=chance.randrange(1, 6),
                positive=chance.choice(["exp", "1/x", "sqrt", "sigmoid", "1/(1+x**2)", "cosh"]),
                a=a, b=a + chance.uniform(0.5, 3), weight=chance.choice(["1+x**2", "2", "exp(-x)"]),
                shipped=chance.choice(["gelu", "silu", "sigmoid", "tanh", "exp"]),
                few=chance.randrange(3, 6),
            )  # fmt: skip
