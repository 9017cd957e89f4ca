"""A list of intervals, wherever a function takes an interval and unions make sense."""

import json

import numpy as np
import pytest

import polyapprox as pa
from polyapprox.errors import PolyApproxError

APART = [(-8.0, -1.0), (2.0, 6.0)]


def points(parts):
    return np.concatenate([np.linspace(low, high, 2001) for low, high in parts])


def parts_of(approximation):
    return [(float(low), float(high)) for low, high in approximation.domain]


@pytest.mark.parametrize("function, exact", [
    ("relu", lambda x: np.maximum(x, 0.0)), ("exp", np.exp),
    ("sign", np.sign),
])  # fmt: skip
def test_a_circuit_on_a_union_is_that_of_its_hull_proven_on_the_parts(function, exact, tmp_path):
    parts = [(-8.0, -4.0), (-2.0, 0.0)] if function == "exp" else APART
    found = pa.circuit(function, multiplications=4, interval=parts)
    hull = (1, 8) if function == "sign" else (parts[0][0], parts[-1][1])
    assert found.plan == pa.circuit(function, multiplications=4, interval=hull).plan
    assert parts_of(found) == parts
    assert np.max(np.abs(found(points(parts)) - exact(points(parts)))) <= found.error_bound
    assert pa.verify(found.save(tmp_path / "table.json")).bound == found.error_bound


@pytest.mark.parametrize("function, parts, said", [
    ("1/x", [(-2, -1), (1, 2)], "undefined near x=0"),
    ("maximum", APART, "takes one interval, for both arguments"),
    ("sign", [(-1, 0.5), (0.6, 1)], "jumps at 0"),
    ("gelu", [(-8, -1), (-2, 6)], "disjoint and ascending"),
    ("gelu", [(-8, -1), 6], "two numbers"),
])  # fmt: skip
def test_unions_without_a_circuit_are_refused(function, parts, said):
    with pytest.raises(PolyApproxError, match=said):
        pa.circuit(function, multiplications=4, interval=parts)


@pytest.mark.parametrize("name", ["interval", "domain"])
def test_four_functions_take_a_union_under_either_name(name, tmp_path):
    table = tmp_path / "line.csv"
    table.write_text("0.25, 0.5\n")
    line = pa.Polynomial.from_floats([0.25, 0.5])
    parts = [(-0.5, -0.25), (0.5, 1.0)]
    for made in (
        pa.minimax("exp", 3, **{name: parts}), pa.circuit("abs", multiplications=2, **{name: parts}),
        pa.from_components("relu", [line], structure="polynomial", **{name: parts}),
        pa.import_table(table, function="relu", basis="monomial", structure="polynomial", **{name: parts}),
    ):  # fmt: skip
        assert parts_of(made) == parts


def test_the_command_line_takes_a_union(capsys):
    from polyapprox.cli import main

    options = ["--multiplications", "4", "--json"]
    for one in (["--interval", "-8", "-1", "--interval", "2", "6"], ["--domain", "-8:-1", "--domain", "2:6"]):
        assert main(["circuit", "relu", *one, *options]) == 0
        assert json.loads(capsys.readouterr().out)["domain"] == [list(part) for part in APART]
