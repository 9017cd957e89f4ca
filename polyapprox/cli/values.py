# SPDX-License-Identifier: Apache-2.0
"""Reading numbers and lists from the command line, by the safe parser of expressions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import ArgumentError, PolyApproxError
from ..expression import Node, parse, rational
from ..targets import as_target

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def number(text: str, name: str) -> float:
    """A finite number: ``0.001``, ``1e-3``, ``2^-9``, ``2**-9``, ``1/512``, ``pi/2``.

    Raises
    ------
    ArgumentError
        If it is anything else.

    Examples
    --------
    >>> number("2^-9", "precision"), number("-1e-3", "low"), number("1/8", "low")
    (0.001953125, -0.001, 0.125)
    """
    refusal = ArgumentError(
        f"{name} is {text!r}; it must be a finite number such as 0.001, 1e-3, 2^-9 or pi/2"
    )
    if _DECIMAL.fullmatch(text.strip()):
        result = float(text)
        if not math.isfinite(result):
            raise refusal
        return result
    try:
        tree = parse(text)
        value = rational(tree)
        if value is not None:
            result = float(value)
        elif _uses_x(tree):
            raise refusal
        else:
            result = float(as_target(text).numpy(0.0))
    except (PolyApproxError, ArithmeticError):
        raise refusal from None
    if not math.isfinite(result) or (value and not result):
        raise refusal
    return result


def _uses_x(tree: Node) -> bool:
    return tree.op == "x" or any(_uses_x(node) for node in tree.args)


def optional_number(text: str | None, name: str) -> float | None:
    """A number, or None where the option was not given."""
    return None if text is None else number(text, name)


def backend(text: str | None) -> str | Path | None:
    """A backend's name, or the path of a latency model's file.

    Examples
    --------
    >>> backend("openfhe"), backend("mine.json").name
    ('openfhe', 'mine.json')
    """
    return Path(text) if text is not None and text.endswith(".json") else text


def interval(text: str, name: str = "interval") -> tuple[float, float]:
    """The two ends of an interval written ``LOW:HIGH``.

    Examples
    --------
    >>> interval("-50:2^3")
    (-50.0, 8.0)
    """
    low, colon, high = text.partition(":")
    if not colon:
        raise ArgumentError(f"{name} is {text!r}; write it as LOW HIGH, such as --{name} -1 1")
    return number(low, f"the lower end of {name}"), number(high, f"the upper end of {name}")


def domain(parts: list[str]) -> list[tuple[float, float]]:
    """Intervals written ``LOW:HIGH``.

    Examples
    --------
    >>> domain(["-2:-1", "1:2"])
    [(-2.0, -1.0), (1.0, 2.0)]
    """
    return [interval(part) for part in parts]


SYNONYMS = {"--domain": "--interval", "--out": "--output", "--depth": "--levels"}


def spelled(arguments: Sequence[str]) -> list[str]:
    """Old names of options as the new ones; ``--interval LOW HIGH`` as one word, to be repeated.

    Examples
    --------
    >>> spelled(["minimax", "1/x", "--interval", "-2", "-1", "--domain", "1:2", "--depth=3"])
    ['minimax', '1/x', '--interval=-2:-1', '--interval', '1:2', '--levels=3']
    """
    result: list[str] = []
    rest = renamed(arguments, SYNONYMS)
    while rest:
        result.append(rest.pop(0))
        if result[-1] == "--interval" and len(rest) > 1 and ":" not in rest[0]:
            result[-1] += f"={rest.pop(0)}:{rest.pop(0)}"
    return result


def renamed(arguments: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """Options by their names of today.

    Examples
    --------
    >>> renamed(["--out=a.json", "--seed", "1"], {"--out": "--output"})
    ['--output=a.json', '--seed', '1']
    """
    parts = [argument.partition("=") for argument in arguments]
    return [names.get(option, option) + equals + value for option, equals, value in parts]


def degrees(text: str | None) -> tuple[int, ...] | None:
    """Degrees separated by commas.

    Examples
    --------
    >>> degrees("15,15")
    (15, 15)
    """
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ArgumentError(
            f"degrees is {text!r}; it must be whole numbers separated by commas, such as 15,15"
        ) from None
