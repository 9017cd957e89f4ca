"""Provenance: the command of every maker, evaluated, makes an equal value again."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox.export import FORMATS
from polyapprox.noise import quantise
from polyapprox.polynomial import Polynomial
from polyapprox.provenance import NOT_RUNNABLE

NEWTON = Polynomial.from_floats([0, 1.125, 0, -0.125], parity="odd")
THIRDS = Polynomial((mpmath.mpf(1) / 3, mpmath.ldexp(mpmath.mpf(3**50), -90)), NEWTON.domain)
HISTOGRAM = ([-1.0, -0.25, 0.1, 0.5, 1.0], [1, 20, 7.5, 2])

MAKERS: dict[str, Callable[[], pa.Approximation]] = {
    "relu": lambda: pa.relu(precision=2**-7),
    "relu on [-50, 50]": lambda: pa.relu(precision=2**-9, interval=(-50, 50)),
    "relu by tolerance": lambda: pa.relu(tolerance=0.03, interval=(-3, 5), objective="levels"),
    "relu by degrees": lambda: pa.relu(degrees=[3, 7], interval=(-0.1, 0.1)),
    "relu by degrees and threshold": lambda: pa.relu(degrees=[7, 7], threshold=0.01, refine=False),
    "relu without offset": lambda: pa.relu(precision=2**-6, offset=False),
    "relu composite": lambda: pa.relu(precision=2**-8, structure="composite", refine=False),
    "relu direct": lambda: pa.relu(precision=2**-6, structure="direct", interval=(-1, 7)),
    "relu by multiplications": lambda: pa.relu(multiplications=4, interval=(-8, 8)),
    "relu within limits": lambda: pa.relu(precision=2**-7, multiplications=6, levels=6),
    "relu for latency": lambda: pa.relu(precision=2**-7, objective="latency", backend="openfhe"),
    "relu on one side": lambda: pa.relu(precision=2**-7, interval=(0.1, 3)),
    "abs": lambda: pa.abs(precision=2**-6, interval=(-2, 3)),
    "maximum": lambda: pa.maximum(precision=2**-5, interval=(-0.3, 0.7)),
    "maximum by circuit": lambda: pa.maximum(multiplications=4, interval=(-0.3, 0.7)),
    "minimum": lambda: pa.minimum(precision=2**-5),
    "sign": lambda: pa.sign(precision=2**-7, threshold=2**-8, interval=(-3, 2)),
    "sign by degrees": lambda: pa.sign(degrees=[3, 3, 5], threshold=0.1),
    "sign for latency": lambda: pa.sign(
        precision=2**-6, threshold=0.03, objective="latency", backend="openfhe"
    ),
    "step": lambda: pa.step(precision=2**-7, objective="levels"),
    "minimax": lambda: pa.minimax("exp", 5),
    "minimax on a domain": lambda: pa.minimax("exp", 5, domain=(-2, 3)),
    "minimax on a union": lambda: pa.minimax("1/x", 7, domain=[(-2, -0.1), (0.1, 2)]),
    "minimax weighted": lambda: pa.minimax("exp", 4, weight="1+x**2"),
    "minimax relative": lambda: pa.minimax("1/x", 5, domain=(1, 8), relative=True),
    "minimax with bits": lambda: pa.minimax("cos", 6, bits=17, domain=(-0.1, 1)),
    "minimax with parity": lambda: pa.minimax("exp(x)-1", 5, domain=(0, 2), parity="odd"),
    "minimax by precision": lambda: pa.minimax("sigmoid", precision=2**-8, interval=(-8, 8)),
    "minimax by tolerance": lambda: pa.minimax(" gelu ", tolerance=1e-3, domain=(-4.5, 4)),
    "circuit": lambda: pa.circuit("relu", multiplications=5, interval=(-8, 8)),
    "circuit by depth": lambda: pa.circuit("gelu", depth=4),
    "circuit with few constants": lambda: pa.circuit("abs", multiplications=7, constants=8),
    "circuit proven now": lambda: pa.circuit("sigmoid", multiplications=3, prove=True),
    "circuit for the sign": lambda: pa.circuit("sign", multiplications=4, interval=(0.5, 4)),
    "circuit as a polynomial": lambda: pa.circuit("exp", multiplications=7, interval=(-1, 1)),
    "circuit searched": lambda: pa.circuit(
        "cos", multiplications=2, interval=(-1, 1), search=True, starts=4, seed=3
    ),
    "weighted": lambda: pa.weighted_relu(multiplications=3, histogram=HISTOGRAM, interval=(-1, 1)),
    "weighted, wide": lambda: pa.weighted_relu(
        multiplications=2, histogram=HISTOGRAM, interval=(-7, 7), cap=4
    ),
    "entered": lambda: pa.from_components("sign", [NEWTON] * 3, [(-1, -0.5), (0.5, 1)]),
    "entered, all of it": lambda: pa.from_components(
        "relu", [NEWTON] * 2, (-1, 1), offset=0.1, source="a 'quoted'  # source"
    ),
    "entered, long numbers": lambda: pa.from_components("x/2", [THIRDS], structure="polynomial"),
    "relu with a wide guard": lambda: pa.relu(precision=2**-6, guard=2**-12),
    "sign without a guard": lambda: pa.sign(precision=2**-5, threshold=0.1, guard=0),
    "minimax with a guard": lambda: pa.minimax("cos", 4, domain=(-2, 3), guard=2**-9),
    "circuit with a guard": lambda: pa.circuit("abs", multiplications=4, guard=2**-24),
    "front without a guard": lambda: pa.pareto("relu", precision=2**-5, guard=0).rows[0].approximation,
    "front": lambda: pa.pareto("relu", precision=2**-5).rows[0].approximation,
    "beaten": lambda: pa.pareto("relu", precision=2**-5, interval=(-3, 2)).others[-1].approximation,
    "rounded": lambda: quantise(pa.minimax("tanh", 7, domain=(-2, 2)), 20),
    "rounded, entered": lambda: quantise(pa.from_components("relu", [NEWTON] * 2), 12),
}  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Callable[[str], pa.Approximation]:
    """Each value is made once."""
    known: dict[str, pa.Approximation] = {}

    def make(name: str) -> pa.Approximation:
        if name not in known:
            known[name] = MAKERS[name]()
        return known[name]

    return make


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYAPPROX_CACHE", "off")


def again(command: str) -> Any:
    return eval(command, {"polyapprox": pa})


@pytest.mark.parametrize("name", MAKERS)
def test_the_command_makes_it_again(name: str, made: Callable[[str], pa.Approximation]) -> None:
    first = made(name)
    assert first.provenance.runnable
    second = again(first.provenance.command)
    assert second == first
    if name.startswith("circuit") and "polynomial" not in name:
        assert second.certificate.method == first.certificate.method


@pytest.mark.parametrize("name", ["minimax on a union", "sign", "entered, long numbers", "front"])
def test_so_does_that_of_a_table_read_back(
    name: str, made: Callable[[str], pa.Approximation], tmp_path: Path
) -> None:
    loaded = pa.load(made(name).save(tmp_path / "table.json"))
    assert again(loaded.provenance.command) == loaded == made(name)


@pytest.mark.parametrize("format", FORMATS)
def test_and_the_line_of_every_export(
    format: str, made: Callable[[str], pa.Approximation], tmp_path: Path
) -> None:
    for name in ("minimax on a domain", "relu by degrees", "entered, all of it"):
        r = made(name)
        path = r.export(format, tmp_path / name.replace(" ", "-"))
        (line,) = re.findall(r"made by: (polyapprox\..*)", path.read_text(encoding="utf-8", errors="replace"))
        if format == "orion":  # a string of JSON
            line = json.loads(f'"{line.rstrip(",")}')
        assert again(line) == r


def test_what_no_command_can_make_again_says_so() -> None:
    for value in (
        pa.minimax(math.atan, 5),
        pa.minimax("exp", 3, weight=lambda x: 1 + x * x),
        pa.minimax(lambda x: x.exp(), 4),
        quantise(pa.minimax(lambda x: x, 1), 12),
        pa.weighted_relu(multiplications=2, samples=np.linspace(-1, 1, 99)),
    ):
        assert value.provenance.command.startswith(NOT_RUNNABLE)
        assert not value.provenance.runnable


def test_an_imported_table_names_its_file(tmp_path: Path) -> None:
    file = tmp_path / "newton.csv"
    file.write_text("1.5, -0.5\n1.5, -0.5\n")
    r = pa.import_table(file, function="relu", domain=(-1, 1), basis="monomial-odd")
    assert again(r.provenance.command) == r
    rounded = quantise(r, 12)
    assert again(rounded.provenance.command) == rounded


def test_a_search_on_the_command_line_is_a_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shlex

    from polyapprox.cli import main

    line = "circuits search cos --interval -1 1 --multiplications 2 --starts 4 --seed 3"
    found = []
    for number in (0, 1):
        path = tmp_path / f"{number}.json"
        assert main([*shlex.split(line), "--output", str(path)]) == 0
        found.append(pa.load(path))
        line = found[-1].provenance.command.removeprefix("polyapprox ")
    capsys.readouterr()
    assert found[0] == found[1]
