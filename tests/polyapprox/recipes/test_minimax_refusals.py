"""What `minimax` refuses, each time with a sentence that names the trouble; nothing is executed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import polyapprox as pa
from polyapprox.errors import ArgumentError, DomainError, ExpressionError, NotConvergedError
from polyapprox.remez import remez, solve


@pytest.mark.parametrize("degree", [-1, True, False, 2.5, "5", 3000, math.nan, [3], None])
def test_degrees_that_are_none(degree: Any) -> None:
    with pytest.raises(ArgumentError, match="degree"):
        pa.minimax("exp", degree)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bits": 0}, "bits must be"),
        ({"bits": True}, "bits must be"),
        ({"bits": 53.0}, "bits must be"),
        ({"bits": 10**9}, "bits must be"),
        ({"parity": "both"}, "parity must be"),
        ({"parity": "even"}, "does not suit 'exp'"),
        ({"parity": "odd", "domain": (-1, 2)}, "symmetric about 0"),
        ({"relative": 1}, "relative must be"),
        ({"relative": True, "weight": "1+x**2"}, "not both"),
        ({"weight": "x"}, "weight must be positive"),
        ({"weight": "1/x", "domain": (-1, 1)}, "weight '1/x' is not finite"),
        ({"precision": 0.1}, "give either degree"),
        ({"domain": (1, 1)}, "low < high"),
        ({"domain": (0, math.inf)}, "must be finite"),
        ({"domain": (math.nan, 1)}, "must be finite"),
        ({"domain": [(0, 1), (0.5, 2)]}, "disjoint"),
        ({"domain": [(1, 2), (-1, 0)]}, "disjoint"),
        ({"domain": []}, "interval"),
        ({"domain": 3}, "interval"),
    ],
)
def test_arguments_that_do_not_fit(options: dict, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        pa.minimax("exp", 5, **options)


def test_parity_that_the_function_lacks() -> None:
    with pytest.raises(ArgumentError, match="which is even there"):
        pa.minimax("abs", 5, parity="odd")
    with pytest.raises(ArgumentError, match="which is odd there"):
        pa.minimax("sin", 6, parity="even")
    nearly_even = pa.minimax("cos(x)+x*1e-15", 6)
    assert nearly_even.components[0].parity is None


@pytest.mark.parametrize(
    ("function", "domain", "words"),
    [
        ("1/x", (-1, 1), "infinite or undefined near x=0"),
        ("1/x", (0, 1), "infinite or undefined near x=0"),
        ("1/(x-0.3)", (-1, 1), "infinite or undefined near x=0.3"),
        ("tan", (0, 3), "infinite or undefined near x=1.57"),
        ("log", (-1, 1), "infinite or undefined"),
        ("log", (0, 1), "infinite or undefined near x=0"),
        ("sqrt", (-1, 1), "infinite or undefined"),
        ("asin", (-2, 1), "infinite or undefined"),
        ("1/sin(x)", (1, 4), "infinite or undefined near x=3.14"),
        ("exp", (1000, 1001), "exceeds the range of double precision"),
        ("10**400*x", (-1, 1), "exceeds the range of double precision"),
        ("1/0", (-1, 1), "infinite or undefined"),
        ("0**-1", (-1, 1), "infinite or undefined"),
        ("sign", (-1, 1), "jumps at x=0"),
        ("sign", (0, 1), "jumps at x=0"),
        ("step", (-1, 1), "jumps at x=0"),
        ("x*sign(x-0.1)", (-1, 1), "jumps at x=0.1"),
        ("exp(step(x-0.5))", (0, 1), "jumps at x=0.5"),
    ],
)
def test_domains_with_a_bad_point(function: str, domain: tuple[float, float], words: str) -> None:
    with pytest.raises(DomainError, match=words):
        pa.minimax(function, 5, domain=domain)


def test_relative_error_of_a_function_with_a_zero() -> None:
    for function, domain, where in (
        ("sin", (-1, 4), "3.14159"),
        ("log", (0.5, 2), "1"),
        ("cos(x)-1", (-1, 1), "0"),  # not simple
        ("softsign(x)", (-1, 1), "0"),  # f/x has a kink there
        ("sqrt", (0, 1), "0"),
        ("x-0.3", (0, 1), "0.3"),
    ):
        with pytest.raises(DomainError, match=f"without zeros.* near x={where}"):
            pa.minimax(function, 5, domain=domain, relative=True)


def test_black_box_with_a_hole() -> None:
    with pytest.raises(DomainError):
        pa.minimax(lambda x: np.log(np.asarray(x)) if np.all(x > 0) else math.nan, 5)


HOSTILE = [
    "__import__('os').system('touch pwned')",
    "().__class__.__bases__[0].__subclasses__()",
    "x.__class__",
    "open('pwned', 'w')",
    "exec('1')",
    "eval('x')",
    "[x for x in (1,2)]",
    "{x}",
    "lambda: x",
    "(x:=1)",
    "x if x else x",
    "x and x",
    "x < 1",
    "exp(x)(x)",
    "exp(*x)",
    "exp(x, x)",
    "exp(x=x)",
    "f'{x}'",
    "'x'",
    "x@x",
    "x//2",
    "x%2",
    "~x",
    "9**9**9**9",
    "2**(10**10)",
    "x**100000",
    "x**-100000",
    "1e400*x",
    "x\n;import os",
    "import os",
    "x\x00",
    "x" * 10_000_000,
    "(" * 5_000_000 + "x" + ")" * 5_000_000,
    "-" * 400 + "x",
    "exp(" * 120 + "x" + ")" * 120,
    "x" + "**x" * 110,
    "\N{FULLWIDTH LATIN SMALL LETTER X}(1)",
    "y",
    "",
    "   ",
    "#",
    "x**(1/0)",
    "nan",
    "inf",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda t: t[:30] + f" {len(t)}")
def test_hostile_expressions_run_nothing(text: str, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExpressionError) as caught:
        pa.minimax(text, 3)
    assert not list(tmp_path.iterdir())
    assert "expression" in str(caught.value) or "number" in str(caught.value)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("function", [3, None, b"x", ["x"], ("exp",)])
def test_things_that_are_no_function(function: Any) -> None:
    with pytest.raises(ArgumentError, match="is not a function"):
        pa.minimax(function, 3)


def test_stopping_short_says_degree_gap_and_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two iterations are too few for |x| at degree 60."""

    def impatient(problem: Any, nodes: Any = None, tolerance: float = 0, **_: Any) -> Any:
        return remez.exchange(problem, nodes, tolerance, max_iterations=2)

    def impatient_balls(problem: Any, nodes: Any, bits: int, tolerance: float) -> Any:
        return remez.exchange_in_balls(problem, nodes, bits, tolerance, max_iterations=2)

    monkeypatch.setattr(solve, "exchange", impatient)
    monkeypatch.setattr(solve, "exchange_in_balls", impatient_balls)
    with pytest.raises(NotConvergedError, match=r"degree 60 stopped at a relative gap of .*; try"):
        pa.minimax("abs", 60)


def test_wild_black_box_does_not_pass_for_converged() -> None:
    chance = np.random.default_rng(1)
    with pytest.raises(NotConvergedError, match="relative gap"):
        pa.minimax(lambda x: chance.uniform(-1, 1, np.shape(x)), 8)
