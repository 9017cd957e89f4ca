"""The front of one precision against the published points, the proven limit and a counter of our own."""

import json
import math
from pathlib import Path
from typing import Any

import independent
import numpy as np
import pytest

import polyapprox as pa
from polyapprox.cli import main
from polyapprox.cost import LatencyModel, latency_model
from polyapprox.errors import ArgumentError
from polyapprox.published.composites import ALPHAS, published_degrees
from polyapprox.published.costs import published_cost, published_points
from polyapprox.recipes.pareto import Front, pareto

KNOWN_COSTS = {  # levels and multiplications of r_alpha, Lee et al., arXiv 2105.10879
    4: (4, 4), 5: (5, 8), 6: (6, 8), 7: (7, 11), 8: (8, 14), 9: (9, 17), 10: (11, 18),
    11: (12, 21), 12: (13, 24), 13: (14, 27), 14: (15, 30),
}  # fmt: skip
# Comparison of precision alpha: fewest levels and their multiplications, fewest multiplications;
# without the product by x (eprint 2020/834, table 2 for alpha = 8 … 16).
KNOWN_COMPARISONS = {
    4: (5, 10, 7), 8: (11, 21, 15), 12: (16, 32, 22), 16: (21, 42, 28), 20: (25, 59, 35),
}  # fmt: skip


def front_of(k: int) -> Front:
    return pareto("relu", precision=2.0**-k)


# --- published points -----------------------------------------------------------------------------


def test_costs_of_the_published_composites_are_those_of_the_tables() -> None:
    for alpha in ALPHAS:
        assert published_cost(published_degrees(alpha)) == KNOWN_COSTS[alpha][::-1]


@pytest.mark.parametrize("alpha", KNOWN_COMPARISONS)
def test_costs_of_the_comparison_sets_are_those_of_the_tables(alpha: int) -> None:
    points = [p for p in published_points(alpha) if p.name.startswith("comparison")]
    least = min(points, key=lambda p: p.levels)
    fewest = min(points, key=lambda p: p.multiplications)
    levels, multiplications, fewest_multiplications = KNOWN_COMPARISONS[alpha]
    assert (least.levels, least.multiplications) == (levels + 1, multiplications + 1)
    assert fewest.multiplications == fewest_multiplications + 1


@pytest.mark.parametrize("alpha", [5, 8])
def test_a_comparison_set_gives_relu_its_precision(alpha: int) -> None:
    """With a sign of these degrees the ReLU is within 2^-alpha: what the points claim."""
    for point in published_points(alpha):
        if point.name.startswith("comparison"):
            s = pa.sign(degrees=point.degrees, threshold=2.0**-alpha)
            x = np.concatenate([np.linspace(-1, 1, 20_001), np.geomspace(1e-6, 1, 5000)])
            error = np.max(np.abs(x * (1 + s(x)) / 2 - np.maximum(x, 0)))
            assert s.error_bound <= 2.0 ** (1 - alpha)
            assert error <= 2.0**-alpha


# --- the front ------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", range(4, 21))
def test_no_published_point_is_undominated(k: int) -> None:
    front = front_of(k)
    assert front.published
    assert front.undominated() == ()
    for point in front.published:  # said again without the front's own comparison
        assert any(
            row.levels <= point.levels
            and row.multiplications <= point.multiplications
            and (row.levels, row.multiplications) != (point.levels, point.multiplications)
            for row in front.rows
        )


@pytest.mark.parametrize("k", range(4, 20))
def test_the_limit_is_reached_by_one_way_up_to_2_to_the_minus_19(k: int) -> None:
    front = front_of(k)
    least = front.limits
    best = front.rows[0]
    exactly = k == 4  # one multiplication errs by 2^-4 itself: it has no room for the guard
    found = (2, 2) if exactly else (least.levels, least.multiplications)
    assert (best.levels, best.multiplications) == found
    assert least.multiplications == (1 if k == 4 else k - 2)


@pytest.mark.parametrize("k", [4, 7, 10, 13])
def test_counts_and_bounds_of_the_front(k: int) -> None:
    front = front_of(k)
    x = np.concatenate([np.linspace(-1, 1, 4001), np.geomspace(1e-7, 1, 2000)])
    for way in (*front.rows, *front.others):
        assert independent.counts(way.approximation.plan) == (way.multiplications, way.levels)
        assert way.levels >= front.limits.levels
        assert way.multiplications >= front.limits.multiplications
        assert way.approximation.error_bound <= 2.0**-k
        error = np.max(np.abs(way.approximation(x) - np.maximum(x, 0)))
        assert error <= way.approximation.error_bound
        assert way.bits == pytest.approx(-math.log2(way.approximation.error_bound), abs=1e-9)
        seconds = latency_model("openfhe").forecast(way.approximation.plan, rule="published")
        assert way.seconds == pytest.approx(seconds)


@pytest.mark.parametrize("k", [6, 11])
def test_rows_are_not_beaten_and_others_are(k: int) -> None:
    front = front_of(k)

    def costs(way: Any) -> tuple[float, float, float]:
        return way.levels, way.multiplications, way.seconds

    def covers(one: Any, other: Any) -> bool:
        return all(a <= b for a, b in zip(costs(one), costs(other), strict=True))

    for row in front.rows:
        assert not any(covers(other, row) for other in front.rows if other is not row)
    for other in front.others:
        assert any(covers(row, other) for row in front.rows)
    structures = {way.structure for way in (*front.rows, *front.others)}
    assert structures == {"circuit", "composite", "direct"}


def test_other_times_are_another_front() -> None:
    """Where constants cost as much as products of ciphertexts, more of these save some of those."""
    levels = (1, 8, 16)
    dear = LatencyModel.of_measurements(
        {
            kind: {n: 1e-3 * (n + 1) for n in levels}
            for kind in ("multiply", "scale", "rescale", "add", "shift")
        },
        backend="made up", version="1", machine="none", date="2026-01-01", ring_dimension=8192,
        scale_bits=50, context_levels=16, threads=1,
    )  # fmt: skip
    front = pareto("relu", precision=2**-12, backend=dear)
    counts = sorted((row.multiplications, row.constant_products) for row in front.rows)
    assert len(counts) > 1 and front.model is dear
    assert [c for _, c in counts] == sorted((c for _, c in counts), reverse=True)


@pytest.mark.parametrize("function", ["abs", "maximum", "minimum"])
def test_other_functions(function: str) -> None:
    front = pareto(function, precision=2**-6, interval=(-3, 3))
    assert front.rows and front.undominated() == ()
    for row in front.rows:
        assert row.approximation.function == function
        assert row.approximation.error_bound <= 3 * 2**-6
        assert row.multiplications >= front.limits.multiplications


def test_without_a_constant_there_are_composites_only() -> None:
    front = pareto("relu", precision=2**-7, offset=False)
    assert {row.structure for row in front.rows} == {"composite"}
    assert all(row.approximation(0.0) == 0 for row in front.rows)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"function": "gelu", "precision": 0.01}, "function must be one of 'relu'"),
        ({"function": "relu", "precision": 0.0}, "precision must be positive"),
        ({"function": "relu", "precision": 0.01, "interval": (1, 3)}, "one side of 0"),
        ({"function": "relu", "precision": 0.01, "backend": "seal"}, "no latency model is shipped"),
    ],
)
def test_bad_arguments(arguments: dict, complaint: str) -> None:
    with pytest.raises(ArgumentError, match=complaint):
        pa.pareto(**arguments)


# --- text, figure, commands -----------------------------------------------------------------------


def test_the_table_names_rule_model_and_limit() -> None:
    front = front_of(9)
    lines = front.table().splitlines()
    assert 'rule "published"' in lines[0] and "openfhe" in lines[0] and "2^-9" in lines[0]
    assert len(lines) == 3 + len(front.rows) + len(front.others) + len(front.published)
    (own,) = (line for line in lines if line.startswith("not beaten"))
    best = front.rows[0]
    bits = f"{math.floor(best.bits * 1000) / 1000:.3f}"
    numbers = best.levels, best.multiplications, best.constant_products
    assert own.split()[-6:] == [*map(str, numbers), f"{best.seconds:.3f}", bits, "(proven)"]
    assert lines[-1].split() == ["proven", "limit", "7", "7"]


def test_the_figure_shows_every_point_and_the_limit(tmp_path: Path) -> None:
    front = front_of(9)
    figure = front.plot(tmp_path / "front.png")
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")
    left, right = figure.axes
    drawn = {
        (float(x), float(y))
        for line in left.lines
        for x, y in zip(np.atleast_1d(line.get_xdata()), np.atleast_1d(line.get_ydata()), strict=True)
    }
    for way in (*front.rows, *front.others):
        assert (way.levels, way.multiplications) in drawn
    near = [p for p in front.published if "Lattigo" not in p.name]
    assert all((p.levels, p.multiplications) in drawn for p in near)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any("Lattigo" in text and "38 levels" in text for text in texts)
    assert any("limit" in text and "proven" in text for text in texts)
    assert left.get_xlabel() == right.get_xlabel() == "levels"
    assert "seconds" in right.get_ylabel() and "openfhe" in right.get_ylabel()


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0
    content: dict = json.loads(capsys.readouterr().out)
    return content


def test_command_pareto(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "front.svg"
    found = run_json(capsys, "pareto", "relu", "--precision", "2^-7", "--plot", str(path))
    front = front_of(7)
    assert path.exists() and found["files"] == [str(path)]
    assert [w["multiplications"] for w in found["ways"] if not w["beaten"]] == [
        row.multiplications for row in front.rows
    ]
    assert len(found["published"]) == len(front.published)
    assert found["limit"] == {"multiplications": 5, "levels": 5}
    assert main(["pareto", "relu", "--precision", "2^-7"]) == 0
    assert capsys.readouterr().out == front.table() + "\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["pareto", "exp", "--precision", "0.1"], "FUNCTION must be one of"),
        (["pareto", "relu", "--precision", "0.1", "--plot", "a.gif"], "must end in one of"),
        (["pareto", "relu", "--precision", "0.1", "--backend", "none.json"], "no latency model"),
        (["cost", "none.json"], "none.json"),
        (["calibrate", "-o", "model.txt"], "must end in .json"),
        (["calibrate", "-o", "model.json", "--backend", "seal"], "--backend 'seal' is unknown"),
        (["calibrate", "-o", "model.json", "--ring", "3.5"], "power of two"),
        (["relu", "--precision", "2^-9", "--levels", "6"], "--levels 6 cannot do this"),
        (["abs", "--precision", "2^-8", "--multiplications", "6"], "--multiplications 6 cannot do"),
        (["relu", "--precision", "2^-9", "--backend", "seal"], "backend must be one of"),
    ],
)
def test_commands_refuse_in_one_sentence(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and complaint in captured.err
    assert len(captured.err.splitlines()) == 1


def test_command_relu_takes_limits_and_a_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model = latency_model("openfhe").save(tmp_path / "mine.json")
    arguments = ["relu", "--precision", "2^-8", "--objective", "latency", "--backend", str(model)]
    found = run_json(capsys, *arguments)
    same = pa.relu(precision=2**-8, objective="latency", backend="openfhe")
    assert found["plan_digest"] == same.plan.digest
    found = run_json(capsys, "relu", "--multiplications", "6")
    assert found["plan_digest"] == pa.relu(multiplications=6).plan.digest
    found = run_json(capsys, "abs", "--precision", "2^-6", "--levels", "5")
    assert found["counts"]["published"]["depth"] <= 5


def test_command_cost(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table = pa.relu(degrees=(7, 15), interval=(-4, 4)).save(tmp_path / "r.json")
    found = run_json(capsys, "cost", str(table))
    assert found["component_levels"]["openfhe"] == {"published": 10, "standalone": 11}
    assert found["component_levels"]["lattigo"] == {"published": 8, "standalone": 9}
    assert found["plan_levels"]["published"] == independent.counts(pa.load(table).plan)[1]
    assert found["seconds"] == pytest.approx(
        latency_model("openfhe").forecast(pa.load(table).plan)
    )
    circuit = pa.circuit("relu", multiplications=4).save(tmp_path / "c.json")
    assert run_json(capsys, "cost", str(circuit))["component_levels"] is None
    assert main(["cost", str(circuit)]) == 0
    assert "a circuit is run by its plan" in capsys.readouterr().out


def test_command_calibrate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from polyapprox.encrypted import backend

    if not backend("openfhe").find().found:
        pytest.skip("OpenFHE is not installed")
    path = tmp_path / "model.json"
    found = run_json(
        capsys, "calibrate", "-o", str(path), "--ring", "2^11", "--levels", "3", "--repeats", "1"
    )
    model = LatencyModel.load(path)
    assert (model.backend, model.ring_dimension, model.context_levels) == ("openfhe", 2048, 3)
    assert found["milliseconds"]["multiply"]["1"] == pytest.approx(
        1e3 * dict(dict(model.points)["multiply"])[1]
    )


def test_a_precision_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pareto", "relu"]) == 2
    assert "Missing option '--precision'" in capsys.readouterr().err
