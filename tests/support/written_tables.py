"""CSV and LaTeX exports, read and evaluated in mpmath by rules of their own: what a reader of the file would do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath

Numbers = Sequence[Any]
Function = Callable[..., Any]
NUMBER = r"\\num\{([^}]*)\}"


def checks(text: str) -> Iterator[list[float]]:
    """Arguments, polynomial, function, bound: the rows of the self-check."""
    for line in text.splitlines():
        found = re.fullmatch(r"(?:# check:|%  ) *((?:[-+.\de]+, )+[-+.\dein]+)", line)
        if found:
            yield [float(part) for part in found[1].split(",")]


def said(text: str, name: str) -> str:
    """A line of the header."""
    found = re.search(rf"^[#%] {name}: (.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def series(low: Any, high: Any, coefficients: dict[int, Any], x: Any) -> Any:
    """The sum of c_k T_k, x mapped from [low, high]."""
    u = (2 * x - low - high) / (high - low)
    return mpmath.fsum(c * mpmath.chebyt(k, u) for k, c in coefficients.items())


def composed(text: str, stages: Sequence[tuple[Any, Any, dict[int, Any]]], offset: Any) -> Function:
    """What the stages stand for, by structure and function of the header."""
    gate = said(text, "structure") == "composite" and said(text, "function") == "relu"

    def value(x: Any) -> Any:
        u = x
        for stage in stages:
            u = series(*stage, u)
        return x * (1 + u) / 2 + offset if gate else u

    return value


def csv_function(text: str) -> Function:
    """The function of a CSV export."""
    if said(text, "output"):
        rows = [line.split(",") for line in text.splitlines() if re.match(r"\d+,", line)]
        return lambda *arguments: _operations(rows, int(said(text, "output")), arguments)
    ends = re.findall(r"^# stage \d+ on: \[(.*), (.*)\]$", text, re.MULTILINE)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    stages = [
        (mpmath.mpf(low), mpmath.mpf(high), dict(enumerate(map(mpmath.mpf, line.split(",")))))
        for (low, high), line in zip(ends, lines, strict=True)
    ]
    return composed(text, stages, mpmath.mpf(said(text, "offset")))


def _operations(rows: Sequence[list[str]], output: int, arguments: Numbers) -> Any:
    """A plan, one operation a row: number, kind, left, right, constant."""
    values: list[Any] = []
    for _, kind, left, right, constant in rows:
        a = int(left)
        values.append({
            "input": lambda a=a: arguments[a],
            "add": lambda a=a, b=right: values[a] + values[int(b)],
            "subtract": lambda a=a, b=right: values[a] - values[int(b)],
            "multiply": lambda a=a, b=right: values[a] * values[int(b)],
            "double": lambda a=a: 2 * values[a],
            "scale": lambda a=a, c=constant: values[a] * mpmath.mpf(c),
            "shift": lambda a=a, c=constant: values[a] + mpmath.mpf(c),
        }[kind]())  # fmt: skip
    return values[output]


def latex_function(text: str) -> Function:
    """The function of a LaTeX export: of its formulas, or of its table."""
    if "\\begin{align*}" in text:
        formulas = re.findall(r"^  (\S.*?) &= (.*?)(?: \\\\)?$", text, re.MULTILINE)
        return lambda *arguments: _formulas(formulas, arguments)
    stages: list[tuple[Any, Any, dict[int, Any]]] = []
    for line in text.splitlines():
        numbers = re.findall(NUMBER, line)
        if "{stage " in line:
            stages.append((mpmath.mpf(numbers[0]), mpmath.mpf(numbers[1]), {}))
        elif re.match(r"\d+ & \d+ & ", line):
            stage, index = (int(part) for part in line.split("&")[:2])
            stages[stage][2][index] = mpmath.mpf(numbers[0])
    offset = re.search(rf"offset {NUMBER}", text)
    return composed(text, stages, mpmath.mpf(offset[1] if offset else 0))


def _formulas(formulas: Sequence[tuple[str, str]], arguments: Numbers) -> Any:
    """v_k from earlier ones, and at last the result."""
    names = re.findall(r"x(?:_\{\d+\})?", formulas[-1][0])
    values = dict(zip(names, arguments, strict=True))
    for name, right in formulas:
        first, *rest = re.split(r" (\\cdot|[+-]) ", right)
        total = _operand(first, values)
        for sign, operand in zip(rest[::2], rest[1::2], strict=True):
            b = _operand(operand, values)
            total = total * b if sign == "\\cdot" else total + b if sign == "+" else total - b
        values[name] = total
    return total


def _operand(text: str, values: dict[str, Any]) -> Any:
    number = re.fullmatch(NUMBER, text)
    return mpmath.mpf(number[1]) if number else values[text]


def verdict(format: str, text: str) -> tuple[bool, float]:
    """Whether all points of the self-check are within the bound, the largest share of it that they take.

    What the file says of the polynomial there must fit too.
    """
    value = {"csv": csv_function, "latex": latex_function}[format](text)
    shares = []
    with mpmath.workdps(60):
        for *arguments, polynomial, target, allowed in checks(text):
            made = value(*map(mpmath.mpf, arguments))
            shares.append(float(abs(made - target) / allowed))
            if abs(made - polynomial) > 1e-12 * (1 + max(map(abs, arguments))):
                return False, float("inf")
    return bool(shares) and max(shares) <= 1, max(shares, default=0.0)
