# SPDX-License-Identifier: Apache-2.0
"""The circuits shipped with the package: constants, what was proven of them, and how they were made.

``data/`` holds a file for each function; all have one form. Every circuit stands there with the
interval and family it is for, its constants, a sampled error (an estimate), the proven bound of the
plan whose digest stands beside it, and the command that finds it again. ``seal`` is the content
hash of all that the bound is a statement about, the bound included: a certificate is made from
the file only where it matches.

A ciphertext times a constant is cheap, but a circuit of m multiplications whose constants are all
free has m² of them, and from m = 9 on they take most of the time. ``sparse.json`` holds circuits for
|x| most of whose constants are zero: for every precision the fewest plaintext products found with as
few multiplications as possible, and with one more.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

from ..errors import TableError
from ..outward import bits_of
from ..plan.count import count
from ..targets import ARCCOSINE
from .function_plan import shipped_plan
from .problem import Problem
from .shape import Circuit

FOLDER = Path(__file__).parent / "data"
FILES = {
    "abs": "circuits.json",
    "sign": "sign.json",
    "gelu": "gelu.json",
    "silu": "silu.json",
    "softplus": "softplus.json",
    "sigmoid": "sigmoid.json",
    "tanh": "tanh.json",
    "erf": "erf.json",
    "exp": "exp.json",
    "1/x": "reciprocal.json",
    "1/sqrt(x)": "reciprocal-square-root.json",
    ARCCOSINE: "arccosine.json",
}
FILE = FOLDER / FILES["abs"]
SPARSE = FOLDER / "sparse.json"
FORMAT = 2
ABSOLUTE = Problem("abs", (-1.0, 1.0), "even")


@dataclass(frozen=True)
class Shipped:
    """A circuit for a function on an interval.

    Attributes
    ----------
    circuit : Circuit
    estimate : float
        Largest sampled error.
    bound : float
        Proven bound of the error of the plan.
    digest : str
        Of the plan that was proven.
    origin : str
        How it was found.
    problem : Problem
        Function, interval, family, and the line and constant added.
    box : float or None
        Proven bound over all chains with constants within 2^-50 of these (|x| and the sign): it
        serves every interval. None where that is much weaker than the bound.
    seal : str
        Content hash, as it stands in the file ("" where there is none).
    method : str
        How the bound of that plan was proven, as its certificate said.
    """

    circuit: Circuit
    estimate: float
    bound: float
    digest: str
    origin: str
    problem: Problem = ABSOLUTE
    box: float | None = None
    seal: str = ""
    method: str = ""

    @property
    def multiplications(self) -> int:
        """Ciphertext-ciphertext multiplications."""
        return self.circuit.multiplications

    @property
    def bits(self) -> float:
        """−log2 of the proven error; of that of ReLU, half as large, for |x|."""
        return bits_of(self.bound, 2 if self.problem.function == "abs" else 1)

    @cached_property
    def constant_products(self) -> int:
        """Ciphertext times constant, rule "published" (for |x|; ReLU has one more)."""
        return count(shipped_plan(self.circuit, self.problem)).constant_products

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of everything the bounds are a statement about."""
        circuit, problem = self.circuit, self.problem
        content = [
            problem.function, list(problem.interval), problem.family, problem.slope,
            problem.offset, list(circuit.shifts), [list(row) for row in circuit.left],
            [list(row) for row in circuit.right], list(circuit.output), self.digest, self.bound,
            self.box, self.method, *([] if problem.weight == "1" else [problem.weight]),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @cached_property
    def intact(self) -> bool:
        """Whether the content is what was proven, by its hash."""
        return self.seal == self.content_hash

    def sealed(self) -> Shipped:
        """The same with the hash of its content."""
        return replace(self, seal=self.content_hash)


@lru_cache(maxsize=1)
def shipped_circuits() -> dict[int, Shipped]:
    """The circuits for |x|, by multiplications, ascending.

    Examples
    --------
    >>> shipped_circuits()[2].circuit.multiplications
    2
    >>> 4.88 < shipped_circuits()[2].bits < 4.9
    True
    """
    return read_library(FILE)


@lru_cache(maxsize=1)
def sparse_circuits() -> tuple[Shipped, ...]:
    """The circuits for |x| with few plaintext products, by multiplications, then by products.

    Examples
    --------
    >>> one = sparse_circuits()[0]
    >>> one.constant_products < (one.circuit.multiplications - 1) ** 2
    True
    """
    return read_circuits(SPARSE)


@cache
def shipped_for(function: str) -> tuple[Shipped, ...]:
    """All circuits for a function, by interval, then by multiplications.

    Parameters
    ----------
    function : str
        Of :data:`FILES`; others have none.

    Examples
    --------
    >>> {one.problem.family for one in shipped_for("gelu")}
    {'even'}
    >>> shipped_for("cos(x)")
    ()
    """
    if function == "abs":
        return tuple(shipped_circuits().values())
    return read_circuits(FOLDER / FILES[function]) if function in FILES else ()


def shipped_intervals(function: str) -> tuple[tuple[float, float], ...]:
    """The intervals of :func:`shipped_for`."""
    return tuple(dict.fromkeys(one.problem.interval for one in shipped_for(function)))


USUAL = ((-8.0, 8.0), (-8.0, 0.0), (0.01, 1.0))
"""Where a function is taken when no interval is given: activations, exp, 1/x and its kin."""


def usual_interval(function: str) -> tuple[float, float] | None:
    """The interval of a function when none is given: one of :data:`USUAL`, else the widest shipped."""
    known = shipped_intervals(function)
    return next((one for one in USUAL if one in known), known[0] if known else None)


def read_library(path: Path) -> dict[int, Shipped]:
    """Read a file of circuits for one interval (an empty library where there is none)."""
    return {one.multiplications: one for one in read_circuits(path)}


def read_circuits(path: Path) -> tuple[Shipped, ...]:
    """Read a file of circuits (none where there is no file).

    Raises
    ------
    TableError
        If it is not one.
    """
    if not path.exists():
        return ()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']!r}")
        return tuple(_read(content["function"], entry) for entry in content["circuits"])
    except (ValueError, KeyError, TypeError) as error:
        raise TableError(f"{path} is not a file of circuits ({error!r})") from None


def _circuit(family: Any, entry: dict[str, Any]) -> Circuit:
    return Circuit(
        family,
        tuple(entry["shifts"]),
        tuple(map(tuple, entry["left"])),
        tuple(map(tuple, entry["right"])),
        tuple(entry["output"]),
    )


def _read(function: str, entry: dict[str, Any]) -> Shipped:
    low, high = entry["interval"]
    return Shipped(
        _circuit(entry["family"], entry), entry["estimate"], entry["bound"], entry["digest"],
        entry["origin"],
        Problem(
            function, (low, high), entry["family"], entry["slope"], entry["offset"],
            entry.get("weight", "1"),
        ),
        entry["box"], entry["seal"], entry.get("method", ""),
    )  # fmt: skip


def library_text(circuits: dict[int, Shipped] | tuple[Shipped, ...]) -> str:
    """The content of a file of circuits for one function, a list of numbers a line."""
    given = circuits.values() if isinstance(circuits, dict) else circuits
    ordered = sorted(
        given, key=lambda one: (one.problem.interval, one.problem.weight, one.multiplications)
    )
    entries = []
    for one in ordered:
        problem, circuit = one.problem, one.circuit
        entries.append(
            {
                "interval": list(problem.interval),
                "family": problem.family,
                "multiplications": one.multiplications,
                "slope": problem.slope,
                "offset": problem.offset,
                **({} if problem.weight == "1" else {"weight": problem.weight}),
                "estimate": one.estimate,
                "bound": one.bound,
                "box": one.box,
                "method": one.method,
                "digest": one.digest,
                "seal": one.seal,
                "origin": one.origin,
                "shifts": list(circuit.shifts),
                "left": [list(row) for row in circuit.left],
                "right": [list(row) for row in circuit.right],
                "output": list(circuit.output),
            }
        )
    lines = [
        "{" + ",\n ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in entry.items()) + "}"
        for entry in entries
    ]
    function = json.dumps(ordered[0].problem.function if ordered else "abs")
    head = f'{{"format": {FORMAT}, "function": {function}, "circuits": [\n'
    return head + ",\n".join(lines) + "\n]}\n"
