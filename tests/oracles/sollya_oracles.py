"""Reference values of best approximations, computed by Sollya (https://www.sollya.org).

``python tests/oracles/sollya_oracles.py`` regenerates ``sollya.json`` beside this file. The tests
read that file, so that they need no Sollya; where Sollya is installed they run it again.

Each task is one best approximation: error = sup |w·(p − f)| over an interval, with p in the span
of given monomials. Parity is expressed through the monomials, on the positive half.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("sollya.json")


@dataclass(frozen=True)
class Task:
    """One best approximation, in Sollya's terms and in ours.

    `target`, `weight` and `ends` are Sollya expressions; `monomials` is "all", "odd" or "even".
    `norm` is "absolute" or "relative". The other fields are the same problem for the package.
    """

    name: str
    target: str
    degree: int
    ends: tuple[str, str]
    bits: int
    monomials: str = "all"
    norm: str = "absolute"
    function: str = ""
    domain: tuple[tuple[float, float], ...] = ()
    parity: str | None = None

    @property
    def basis(self) -> str:
        """Sollya's second argument of remez: a degree or a list of monomials."""
        if self.monomials == "all":
            return str(self.degree)
        start = 1 if self.monomials == "odd" else 0
        return "[|" + ",".join(str(k) for k in range(start, self.degree + 1, 2)) + "|]"

    @property
    def range(self) -> str:
        """The interval in Sollya's syntax."""
        return f"[{self.ends[0]};{self.ends[1]}]"


def _sign(name: str, degree: int, gap: float, text: str, bits: int) -> Task:
    return Task(
        name,
        "1",
        degree,
        (text, "1"),
        bits,
        "odd",
        "absolute",
        "sign",
        ((-1.0, -gap), (gap, 1.0)),
        "odd",
    )


def _abs(degree: int, bits: int) -> Task:
    return Task(
        f"abs {degree}",
        "x",
        degree,
        ("0", "1"),
        bits,
        "even",
        "absolute",
        "abs",
        ((-1.0, 1.0),),
        "even",
    )


def _sqrt(degree: int, bits: int) -> Task:
    return Task(
        f"sqrt {degree}",
        "sqrt(x)",
        degree,
        ("0", "1"),
        bits,
        function="sqrt",
        domain=((0.0, 1.0),),
    )


UNIT = ((-1.0, 1.0),)
EIGHT = ((-8.0, 8.0),)

TASKS = (
    Task("exp 20", "exp(x)", 20, ("-1", "1"), 200, function="exp", domain=UNIT),
    Task("tanh 31", "tanh(x)", 31, ("-8", "8"), 300, function="tanh", domain=EIGHT, parity="odd"),
    _sign("sign 27 on [0.01, 1]", 27, 0.01, "0.01", 200),
    Task(
        "exp 15 relative",
        "exp(x)",
        15,
        ("-1", "1"),
        200,
        norm="relative",
        function="exp",
        domain=UNIT,
    ),
    Task("1/x 60", "1/x", 60, ("0.001", "1"), 600, function="1/x", domain=((0.001, 1.0),)),
    _abs(30, 300),
    _abs(60, 400),
    _abs(120, 600),
    _sqrt(15, 300),
    _sqrt(30, 300),
    _sqrt(60, 400),
    Task(
        "gelu 30",
        "x*(1+erf(x/sqrt(2)))/2",
        30,
        ("-4", "4"),
        300,
        function="gelu",
        domain=((-4.0, 4.0),),
    ),
    Task("sigmoid 31", "1/(1+exp(-x))", 31, ("-8", "8"), 300, function="sigmoid", domain=EIGHT),
    _sign("sign 63 on [2^-10, 1]", 63, 2.0**-10, "2^-10", 500),
)
"""The speed comparison; ends as decimals, so 0.01 and 0.001 differ from doubles by 1e-18."""

EXTRA = (
    Task("exp 5", "exp(x)", 5, ("-1", "1"), 200, function="exp", domain=UNIT),
    Task(
        "exp 5 relative",
        "exp(x)",
        5,
        ("-1", "1"),
        200,
        norm="relative",
        function="exp",
        domain=UNIT,
    ),
    _sign("sign 15 on [2^-6, 1]", 15, 2.0**-6, "2^-6", 200),
    _sign("sign 27 on [2^-8, 1]", 27, 2.0**-8, "2^-8", 300),
    _sign("sign 27 on [2^-10, 1]", 27, 2.0**-10, "2^-10", 300),
    Task("sin 9", "sin(x)", 9, ("0", "pi/2"), 200, function="sin", domain=((0.0, math.pi / 2),)),
    Task("log 12", "log(x)", 12, ("1", "2"), 200, function="log", domain=((1.0, 2.0),)),
    Task(
        "1/sqrt 20",
        "1/sqrt(x)",
        20,
        ("2^-4", "1"),
        300,
        function="1/sqrt(x)",
        domain=((2.0**-4, 1.0),),
    ),
    Task(
        "softplus 16",
        "log(1+exp(x))",
        16,
        ("-4", "4"),
        200,
        function="softplus",
        domain=((-4.0, 4.0),),
    ),
    Task("silu 20", "x/(1+exp(-x))", 20, ("-6", "6"), 300, function="silu", domain=((-6.0, 6.0),)),
    Task(
        "erf 15 odd",
        "erf(x)",
        15,
        ("0.0009765625", "2"),
        300,
        "odd",
        "absolute",
        "erf",
        ((-2.0, -(2.0**-10)), (2.0**-10, 2.0)),
        "odd",
    ),
    Task("cos 8", "cos(x)", 8, ("-1", "1"), 200, function="cos", domain=UNIT),
)
"""More figures for the tests."""

SLOW_OR_WRONG = {"sqrt 30", "sqrt 60", "abs 120", "1/x 60"}
"""Tasks that Sollya does not finish, or gets wrong, or that take long: not in the live test."""


def installed() -> bool:
    """Whether a ``sollya`` command is found."""
    return shutil.which("sollya") is not None


def version() -> str:
    """The version that ``sollya --version`` states."""
    output = subprocess.run(["sollya", "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"sollya (\S+)", output.stdout)
    return found.group(1) if found else output.stdout.strip()


def _call(script: str, time_out: float) -> str | None:
    """Run a script; None when it does not end in time."""
    with tempfile.NamedTemporaryFile("w", suffix=".sollya", delete=False) as file:
        file.write(script)
    try:
        done = subprocess.run(
            ["sollya", file.name], capture_output=True, text=True, timeout=time_out, check=False
        )
        return done.stdout
    except subprocess.TimeoutExpired:
        return None
    finally:
        os.unlink(file.name)


def _field(output: str, name: str) -> str | None:
    found = re.search(rf"^{name} (.*)$", output, re.MULTILINE)
    return found.group(1) if found else None


def remez(task: Task, time_out: float = 120.0) -> dict[str, Any]:
    """Sollya's remez at quality 1e-15: its time inside Sollya, its norm and its polynomial."""
    relative = task.norm == "relative"
    function, weight = ("1", f"1/({task.target})") if relative else (task.target, "1")
    error = f"p*({weight})-1" if relative else f"p-({function})"
    script = (
        f"prec={task.bits}!; verbosity=0!; f={task.target};\n"
        f"t=time({{p=remez({function},{task.basis},{task.range},{weight},1e-15);}});\n"
        'display=decimal!; print("TIME",t); display=dyadic!; print("POLYNOMIAL",canonical(p));\n'
        f'display=decimal!; print("NORM",dirtyinfnorm({error},{task.range}));\nquit;\n'
    )
    output = _call(script, time_out)
    if output is None:
        return {"outcome": "time-out"}
    polynomial, seconds = _field(output, "POLYNOMIAL"), _field(output, "TIME")
    if polynomial is None or "b" not in polynomial or seconds is None:
        return {"outcome": "failed", "message": output.strip()[:300]}
    norm = _field(output, "NORM") or ""
    return {
        "outcome": "done",
        "seconds": float(seconds),
        "norm": shortened(norm),
        "polynomial": polynomial,
    }


def shortened(number: str, digits: int = 22) -> str:
    """A decimal cut to its first digits, the exponent kept."""
    mantissa, _, exponent = number.partition("e")
    return mantissa[: digits + 1] + (f"e{exponent}" if exponent else "")


def supnorm(task: Task, polynomial: str, time_out: float = 120.0) -> dict[str, Any]:
    """Sollya's certified norm (accuracy 2^-20) of a polynomial, and its time."""
    script = (
        f"prec={task.bits}!; verbosity=0!; p={polynomial.replace('_x_', 'x')};\n"
        f"t=time({{s=supnorm(p,{task.target},{task.range},{task.norm},2^-20);}});\n"
        'display=decimal!; print("TIME",t); print("UPPER",sup(s)); quit;\n'
    )
    output = _call(script, time_out)
    if output is None:
        return {"outcome": "time-out"}
    upper, seconds = _field(output, "UPPER"), _field(output, "TIME")
    if upper is None or seconds is None or not upper[0].isdigit():
        return {"outcome": "failed", "message": output.strip()[:300]}
    return {"outcome": "done", "seconds": float(seconds), "upper": upper}


def coefficients(polynomial: str) -> list[Fraction]:
    """Exact monomial coefficients, low to high, of a polynomial printed in dyadic notation."""
    terms: dict[int, Fraction] = {}
    for text in (
        polynomial.replace("_x_", "x")
        .replace(" ", "")
        .replace("+-", "-")
        .replace("-", "+-")
        .replace("b+-", "b-")
        .split("+")
    ):
        if not text:
            continue
        number, _, power = text.partition("*")
        if number.lstrip("-") in ("x", ""):
            raise ValueError(f"unexpected term {text!r}")
        mantissa, _, exponent = number.partition("b")
        degree = 0 if not power else (int(power[2:]) if "^" in power else 1)
        terms[degree] = Fraction(int(mantissa)) * Fraction(2) ** int(exponent or 0)
    return [terms.get(degree, Fraction(0)) for degree in range(max(terms) + 1)]


def generate(time_out: float = 120.0) -> dict[str, Any]:
    """All tasks that Sollya does well: their norm to 20 digits."""
    values = {}
    for task in (*TASKS, *EXTRA):
        if task.name in ("sqrt 30", "sqrt 60", "abs 120"):
            continue
        answer = remez(task, time_out)
        if answer["outcome"] == "done":
            values[task.name] = answer["norm"]
    return {
        "made by": "tests/oracles/sollya_oracles.py",
        "version": version(),
        "quality": "1e-15",
        "norm": "dirtyinfnorm (a sample, not a bound)",
        "values": values,
    }


def main() -> None:
    """Write the file, atomically."""
    text = json.dumps(generate(), indent=1) + "\n"
    temporary = FILE.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(FILE)


if __name__ == "__main__":
    main()
