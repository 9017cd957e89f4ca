"""Reading numbers and lists from the command line, by the safe parser of expressions."""

from __future__ import annotations

import math
import re
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


def guard(text: str | None) -> dict[str, float]:
    """The argument `guard`, where the option was given."""
    return {} if text is None else {"guard": number(text, "guard")}


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


def interval(pair: tuple[str, str]) -> tuple[float, float]:
    """The two ends of an interval.

    Examples
    --------
    >>> interval(("-50", "2^3"))
    (-50.0, 8.0)
    """
    return number(pair[0], "the lower end of interval"), number(pair[1], "the upper end of interval")


def domain(parts: list[str] | None, pair: tuple[str, str]) -> list[tuple[float, float]]:
    """Intervals written ``LOW:HIGH``, or else the one interval given.

    Examples
    --------
    >>> domain(["-2:-1", "1:2"], ("-1", "1"))
    [(-2.0, -1.0), (1.0, 2.0)]
    """
    if not parts:
        return [interval(pair)]
    result = []
    for part in parts:
        low, colon, high = part.partition(":")
        if not colon:
            raise ArgumentError(f"domain is {part!r}; write it as LOW:HIGH, such as 0.5:1")
        result.append(interval((low, high)))
    return result


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
