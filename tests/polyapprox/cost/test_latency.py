"""Latency: the steps of a plan, fits of known times, files, calibration of a made-up backend."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pytest

import polyapprox as pa
from polyapprox.cost import LatencyModel, latency_model
from polyapprox.cost.latency import shipped_latency_models
from polyapprox.cost.steps import KINDS, steps
from polyapprox.encrypted.backend import Availability, BackendError, Parameters
from polyapprox.encrypted.calibrate import calibrate, measured_levels
from polyapprox.errors import ArgumentError, TableError
from polyapprox.numbers import exact
from polyapprox.plan import Plan, PlanBuilder

COEFFICIENTS = {  # of the level, constant first, in milliseconds
    "multiply": (2.0, 0.5, 0.125), "rescale": (1.0, 0.25), "scale": (0.25, 0.125),
    "add": (0.0625, 0.03125), "shift": (0.03125, 0.015625),
}  # fmt: skip
FACTS = {
    "backend": "made up", "version": "1", "machine": "none", "date": "2026-01-01",
    "ring_dimension": 8192, "scale_bits": 50, "context_levels": 16, "threads": 1,
}  # fmt: skip


def known_seconds(kind: str, level: int) -> float:
    return 1e-3 * sum(c * level**power for power, c in enumerate(COEFFICIENTS[kind]))


def known_model(**changes: Any) -> LatencyModel:
    times = {k: {n: known_seconds(k, n) for n in (1, 4, 9, 16)} for k in KINDS}
    return LatencyModel.of_measurements(times, **{**FACTS, **changes})


def cubic_plan() -> Plan:
    """0.3 x + 0.7 x³, as x·(0.7 x² + 0.3)."""
    builder = PlanBuilder()
    (x,) = builder.arguments
    square = builder.multiply(x, x)
    inner = builder.shift(builder.scale(square, exact(0.7)), exact(0.3))
    return builder.finish(builder.multiply(x, inner))


# --- steps --------------------------------------------------------------------------------------


def test_steps_of_a_cubic_by_hand() -> None:
    """x² is rescaled, scaled by 0.7, 0.3 is added, and x is dropped to its level for nothing."""
    found = [tuple(step) for step in steps(cubic_plan())]
    assert found == [
        ("multiply", 3), ("rescale", 3), ("scale", 2), ("rescale", 2), ("shift", 1),
        ("multiply", 1), ("rescale", 1),
    ]  # fmt: skip
    assert [(kind, level - 4) for kind, level in steps(cubic_plan(), 7)] == found


def test_a_sum_of_products_is_rescaled_once() -> None:
    builder = PlanBuilder()
    (x,) = builder.arguments
    square = builder.multiply(x, x)
    cube = builder.multiply(x, square)
    total = builder.add(builder.scale(cube, exact(0.3)), builder.scale(square, exact(0.6)))
    plan = builder.finish(builder.multiply(total, total))
    kinds = Counter(step.kind for step in steps(plan))
    assert kinds == {"multiply": 3, "rescale": 4, "scale": 2, "add": 1}


@pytest.mark.parametrize("m", [3, 6, 9])
def test_steps_have_all_products_and_end_at_level_zero(m: int) -> None:
    result = pa.circuit("relu", multiplications=m, interval=(-8, 8))
    found = steps(result.plan)
    kinds = Counter(step.kind for step in found)
    counts = result.counts("standalone")
    assert kinds["multiply"] == counts.multiplications
    assert counts.constant_products <= kinds["scale"] <= counts.constant_products + 2 * m
    assert min(step.level for step in found if step.kind == "multiply") == 1
    assert max(step.level for step in found) == counts.levels
    higher = steps(result.plan, counts.levels + 3)
    assert [(s.kind, s.level + 3) for s in found] == [(s.kind, s.level) for s in higher]


def test_the_layer_before_may_scale_the_input() -> None:
    plan = pa.circuit("relu", multiplications=4, interval=(-8, 8)).plan
    alone, folded = (steps(plan, rule=rule) for rule in ("standalone", "published"))
    assert alone[0].level == folded[0].level + 1
    scales = [sum(s.kind == "scale" for s in found) for found in (alone, folded)]
    assert scales[0] == scales[1] + 1


def test_too_few_levels_are_refused() -> None:
    plan = pa.circuit("relu", multiplications=5, interval=(-8, 8)).plan
    with pytest.raises(ArgumentError, match=r"needs 6 levels .* has 5; give more"):
        steps(plan, 5)


# --- the model ----------------------------------------------------------------------------------


def test_fits_find_the_times_between_and_beyond_the_points() -> None:
    model = known_model()
    for kind in KINDS:
        for level in (1, 2, 7, 12, 16, 20):
            assert model.seconds(kind, level) == pytest.approx(known_seconds(kind, level))
    assert model.residual < 1e-12
    product = known_seconds("multiply", 8) + known_seconds("rescale", 8)
    constant = known_seconds("scale", 8) + known_seconds("add", 8)
    assert model.constant_weight == pytest.approx(constant / product)
    with pytest.raises(ArgumentError, match="kind is 'rotate'"):
        model.seconds("rotate", 3)


def test_a_forecast_is_the_sum_over_the_steps() -> None:
    model = known_model()
    plan = cubic_plan()
    wanted = sum(known_seconds(s.kind, s.level) for s in steps(plan, 7))
    assert model.forecast(plan, 7) == pytest.approx(wanted)
    assert sum(model.shares(plan, 7).values()) == pytest.approx(wanted)
    assert model.forecast(plan) < model.forecast(plan, 7)


def test_a_saved_model_is_read_back(tmp_path: Path) -> None:
    model = known_model()
    path = model.save(tmp_path / "new" / "model.json")
    assert LatencyModel.load(path) == model
    assert latency_model(str(path)) == latency_model(path) == latency_model(model) == model
    assert [p.name for p in path.parent.iterdir()] == ["model.json"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": 7}, "no latency model of format"),
        ({"machine": None}, "has no machine"),
        ({"ring_dimension": "8192"}, "has no ring_dimension"),
        ({"seconds": {}}, "no times of 'multiply'"),
        ({"seconds": {kind: {"3": -1.0} for kind in KINDS}}, "must be positive"),
        ({"seconds": {kind: {"3": float("nan")} for kind in KINDS}}, "must be positive"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, change: dict, complaint: str) -> None:
    path = known_model().save(tmp_path / "model.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(TableError, match=complaint):
        latency_model(path)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text("no json")
    for path in (tmp_path / "text.json", tmp_path / "none.json"):
        with pytest.raises(TableError, match="no latency model that can be read"):
            latency_model(path)
    with pytest.raises(ArgumentError, match="cannot write"):
        known_model().save(tmp_path / "text.json" / "below.json")
    with pytest.raises(ArgumentError, match="no latency model is shipped for backend='seal'"):
        latency_model("seal")


@pytest.mark.parametrize("name", shipped_latency_models())
def test_shipped_models_are_plausible(name: str) -> None:
    model = latency_model(name)
    assert model.backend == name
    assert model.residual < 0.35
    for kind in KINDS:
        times = [model.seconds(kind, level) for level in range(1, model.context_levels + 1)]
        if (name, kind) == ("lattigo", "rescale"):  # within the products, so nothing of its own
            assert max(times) < 1e-6 < 1e-4 < min(model.seconds("scale", level) for level in (1, 16))
            continue
        assert np.all(np.diff(times) > 0), kind
    assert 0 < model.constant_weight < 0.5


# --- calibration --------------------------------------------------------------------------------


class MadeUp:
    """A backend whose times are known."""

    name = "made up"
    executes = frozenset({"plan"})
    found = True

    def find(self) -> Availability:
        return Availability(self.found, "1.0", "it is made up", "imagine it")

    def session(self, parameters: Parameters) -> Self:
        self.parameters, self.closed = parameters, False
        return self

    def time_operations(self, levels: Sequence[int], repeats: int = 5) -> dict:
        return {kind: {level: known_seconds(kind, level) for level in levels} for kind in KINDS}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closed = True


def test_calibration_finds_the_times_of_a_backend() -> None:
    backend: Any = MadeUp()
    model = calibrate(backend, ring_dimension=4096, levels=12, repeats=3)
    assert backend.closed and backend.parameters == Parameters(4096, 50, 12)
    assert (model.backend, model.version, model.context_levels) == ("made up", "1.0", 12)
    assert model.seconds("multiply", 6) == pytest.approx(known_seconds("multiply", 6))
    backend.found = False
    with pytest.raises(BackendError, match="made up was not found: it is made up; imagine it"):
        calibrate(backend)


@pytest.mark.parametrize("levels", [1, 2, 5, 8, 9, 20, 30])
def test_levels_measured_reach_from_one_to_all(levels: int) -> None:
    found = measured_levels(levels)
    assert found[0] == 1 and found[-1] == levels
    assert list(found) == sorted(set(found)) and len(found) <= 8
