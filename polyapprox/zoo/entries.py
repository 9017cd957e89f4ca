# SPDX-License-Identifier: Apache-2.0
"""What the zoo holds: each entry is a call of the library, and has a name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from ..errors import ArgumentError

Ends = tuple[float, float]


@dataclass(frozen=True)
class Entry:
    """One approximation of the zoo.

    Attributes
    ----------
    name : str
        Function, interval, precision 2^-k: ``gelu_-8_8_p9``.
    maker : str
        The public function of the library that makes it.
    arguments : dict
        Its keywords.
    """

    name: str
    maker: str
    arguments: dict[str, Any]

    @property
    def call(self) -> str:
        """As one writes it in Python."""
        said = ", ".join(f"{key}={_said(key, value)}" for key, value in self.arguments.items())
        return f"polyapprox.{self.maker}({said})"


def _said(key: str, value: Any) -> str:
    if key in ("precision", "tolerance", "threshold"):
        return f"2**-{-int(value.hex().rpartition('p')[2])}"
    return repr(value)


def _entries(
    word: str,
    maker: str,
    intervals: Sequence[Ends],
    powers: Sequence[int],
    wish: str = "precision",
    suffix: str = "",
    **rest: Any,
) -> Iterator[Entry]:
    for low, high in intervals:
        for power in powers:
            arguments = {**rest, "interval": (low, high), wish: 2.0**-power}
            yield Entry(f"{word}_{low:g}_{high:g}_p{power}{suffix}", maker, arguments)


def _signs(thresholds: Sequence[int], powers: Sequence[int]) -> Iterator[Entry]:
    for step in thresholds:
        for power in powers:
            arguments = {"threshold": 2.0**-step, "precision": 2.0**-power}
            yield Entry(f"sign_t{step}_p{power}", "sign", arguments)


# word, function, intervals, powers of the error, whether the error is relative
_SMOOTH: tuple[tuple[str, str, tuple[Ends, ...], tuple[int, ...], bool], ...] = (
    ("gelu", "gelu", ((-4, 4), (-8, 8), (-16, 16)), (6, 12, 20), False),
    ("silu", "silu", ((-4, 4), (-8, 8), (-16, 16)), (6, 12, 18), False),
    ("sigmoid", "sigmoid", ((-4, 4), (-8, 8), (-16, 16)), (6, 9, 12), False),
    ("tanh", "tanh", ((-2, 2), (-4, 4), (-8, 8)), (6, 9, 12), False),
    ("softplus", "softplus", ((-8, 8),), (6, 9, 12), False),
    ("erf", "erf", ((-4, 4),), (6, 9, 12), False),
    ("exp", "exp", ((-1, 1), (-8, 0), (-16, 0)), (6, 9, 12, 24), False),
    ("reciprocal", "1/x", ((1, 4), (1, 16), (1, 64)), (6, 9, 12, 24), True),
    ("reciprocal-root", "1/sqrt(x)", ((1, 4), (1, 16), (1, 256)), (6, 9, 16, 20), True),
)
_FEWER_LEVELS = ("gelu", "reciprocal-root")  # where the objective "levels" has another answer


def _wholes() -> Iterator[Entry]:
    """Of vectors of 128 numbers; what the interval is of, the keyword says."""
    for word, keyword, intervals in (
        ("softmax", "scores", ((-4, 4), (-8, 8))),
        ("layer_norm", "variance", ((0.25, 4), (0.25, 16))),
        ("rms_norm", "mean_square", ((0.25, 4), (0.25, 16))),
    ):
        for low, high in intervals:
            for power in (6, 9, 12):
                arguments = {"n": 128, keyword: (low, high), "precision": 2.0**-power}
                yield Entry(f"{word.replace('_', '-')}_{low:g}_{high:g}_p{power}", word, arguments)


def _all() -> Iterator[Entry]:
    wide: tuple[Ends, ...] = ((-1, 1), (-8, 8), (-50, 50))
    yield from _entries("relu", "relu", wide, (5, 7, 9, 11, 13))
    yield from _entries("abs", "abs", wide[:2], (5, 7, 9, 11))
    yield from _entries("maximum", "maximum", wide[:2], (5, 7, 9))
    yield from _signs((3, 5, 7), (5, 8, 11))
    for word, function, intervals, powers, relative in _SMOOTH:
        rest: dict[str, Any] = {"function": function, **({"relative": True} if relative else {})}
        yield from _entries(word, "approximate", intervals, powers, "tolerance", **rest)
        yield from _entries(
            word, "approximate", intervals[-1:] if word in _FEWER_LEVELS else (), (9,), "tolerance",
            "_levels", objective="levels", **rest,
        )  # fmt: skip
    for word, interval, powers in (("relu", (-50, 50), (6, 8)), ("sigmoid", (-8, 8), (12, 20))):
        yield from _entries(
            word, "bootstrapped", [interval], powers, suffix="_bootstrapped", function=word
        )
    yield from _wholes()


_FINER_COSTS_NO_MORE = {
    "gelu_-16_16_p12", "exp_-1_1_p6", "exp_-1_1_p12", "exp_-8_0_p6", "exp_-8_0_p9", "exp_-16_0_p9",
    "reciprocal-root_1_16_p16",
}  # fmt: skip
"""Left out: the answer is that of the next finer precision."""
ENTRIES = {entry.name: entry for entry in _all() if entry.name not in _FINER_COSTS_NO_MORE}


def entry(name: str) -> Entry:
    """The entry of a name.

    Raises
    ------
    ArgumentError
        With the nearest names.

    Examples
    --------
    >>> entry("relu_-50_50_p9").call
    'polyapprox.relu(interval=(-50, 50), precision=2**-9)'
    """
    if name not in ENTRIES:
        near = get_close_matches(name, ENTRIES, 3)
        hint = f"; the nearest: {', '.join(near)}" if near else "; `polyapprox zoo list` has all"
        raise ArgumentError(f"the zoo has no {name!r}{hint}")
    return ENTRIES[name]
