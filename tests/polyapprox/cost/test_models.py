"""Cost models against what was measured of each framework, and against a counter of our own."""

import independent
import pytest

import polyapprox as pa
from polyapprox.cost import cost_model, cost_models
from polyapprox.errors import ArgumentError

# Levels used by one polynomial of random dense coefficients on [-1, 1], measured: first and last
# degree tried, levels. OpenFHE 1.6.1 (FIXEDAUTO, ring 2^12; EvalPoly and EvalChebyshevSeries agree),
# Lattigo v6 by orion-v2-evaluator, TenSEAL 0.3.18 polyval, desilofhe 2.0.0 on the processor.
_POWERS = (
    (1, 1, 1), (2, 3, 2), (4, 7, 3), (8, 15, 4), (16, 31, 5), (32, 63, 6), (64, 127, 7),
    (128, 255, 8),
)  # fmt: skip
MEASURED_DEGREES = {
    "openfhe": (
        (1, 1, 1), (2, 2, 2), (3, 5, 3), (6, 13, 4), (14, 27, 5), (28, 59, 6), (60, 119, 7),
        (120, 247, 8), (248, 256, 9), (1007, 1007, 10),
    ),
    "lattigo": _POWERS,
    "tenseal": _POWERS,
    "desilofhe": (
        (1, 1, 1), (2, 2, 2), (3, 4, 3), (5, 8, 4), (9, 16, 5), (17, 32, 6), (33, 64, 7),
        (65, 128, 8), (129, 256, 9),
    ),
}  # fmt: skip

# Levels of a whole ReLU x·p(x), the components given to the framework's own evaluator, measured in
# the same versions (7,7 and 7,7,7,7 are Cheon's f3∘g3 and f3∘f3∘g3∘g3).
MEASURED_COMPOSITES = (
    ("openfhe", (7, 7), 9), ("openfhe", (7, 7, 7, 7), 17), ("openfhe", (15, 15, 27), 16),
    ("openfhe", (7, 15, 15, 15), 20),
    ("lattigo", (7, 7), 7), ("lattigo", (15, 15, 27), 14), ("lattigo", (7, 15, 15, 15), 16),
    ("tenseal", (7, 7), 7), ("tenseal", (7, 7, 7, 7), 13), ("tenseal", (15, 15, 27), 14),
    ("tenseal", (7, 15, 15, 15), 16),
    ("desilofhe", (7, 7), 9), ("desilofhe", (15, 15, 27), 17),
)  # fmt: skip


@pytest.mark.parametrize("name", MEASURED_DEGREES)
def test_levels_of_a_degree_are_those_measured(name: str) -> None:
    model = cost_model(name)
    for first, last, levels in MEASURED_DEGREES[name]:
        found = {model.polynomial_levels(degree) for degree in range(first, last + 1)}
        assert found == {levels}, (first, last)


@pytest.mark.parametrize(("name", "degrees", "levels"), MEASURED_COMPOSITES)
def test_levels_of_a_composite_are_those_measured(
    name: str, degrees: tuple[int, ...], levels: int
) -> None:
    relu = pa.relu(degrees=degrees, refine=False, threshold=2.0**-8, offset=False)
    assert relu.degrees == degrees
    assert cost_model(name).component_levels(relu) == levels


def test_another_interval_costs_openfhe_a_level() -> None:
    for degree in (5, 27, 119):  # measured on [-2, 2]
        model = cost_model("openfhe")
        assert model.polynomial_levels(degree, (-2, 2)) == model.polynomial_levels(degree) + 1
    relu = pa.relu(degrees=[7, 7], interval=(-50, 50))
    counts = [cost_model("openfhe").component_levels(relu, r) for r in ("published", "standalone")]
    assert counts == [9, 10]


def test_openfhe_prefers_other_degrees() -> None:
    model = cost_model("openfhe")
    short, long = (pa.relu(degrees=degrees) for degrees in ((13, 13, 27), (15, 15, 27)))
    assert model.component_levels(long) - model.component_levels(short) == 2
    ideal = cost_model("ideal")
    assert ideal.component_levels(long) == ideal.component_levels(short)


@pytest.mark.parametrize("name", ["ideal", "lattigo", "tenseal", "openfhe", "desilofhe"])
def test_natural_degrees_are_the_last_of_their_level(name: str) -> None:
    model = cost_model(name)
    for levels, degree in enumerate(model.natural_degrees(7), start=1):
        assert model.polynomial_levels(degree) == levels
        assert model.polynomial_levels(degree + 1) == levels + 1


@pytest.mark.parametrize("name", ["ideal", "openfhe"])
def test_plans_cost_what_an_independent_counter_counts(name: str) -> None:
    for plan in (
        pa.relu(degrees=[7, 15], interval=(-50, 50)).plan,
        pa.circuit("relu", multiplications=6, interval=(-3, 3)).plan,
        pa.minimax("exp", 9).plan,
    ):
        assert cost_model(name).plan_levels(plan) == independent.counts(plan)[1]


def test_a_plan_saves_at_most_the_level_of_the_product_by_x() -> None:
    for degrees in ((5,), (7, 7), (3, 7, 13)):
        relu = pa.relu(degrees=degrees)
        stages = sum(degree.bit_length() for degree in degrees)
        assert cost_model("ideal").component_levels(relu) == stages + 1
        assert stages <= relu.levels <= stages + 1
        for name in cost_models():
            assert cost_model(name).levels(relu) == relu.levels


def test_what_has_no_components_or_no_name_is_refused() -> None:
    with pytest.raises(ArgumentError, match="a circuit has no components"):
        cost_model("openfhe").component_levels(pa.circuit("relu", multiplications=3))
    with pytest.raises(ArgumentError, match="there is no cost model 'heaan'; use one of 'ideal'"):
        cost_model("heaan")
    with pytest.raises(ArgumentError, match="degree must be a whole number"):
        cost_model("ideal").polynomial_levels(-1)
    with pytest.raises(ArgumentError, match="beyond what is known"):
        cost_model("openfhe").polynomial_levels(5000)
    assert set(MEASURED_DEGREES) | {"ideal"} == set(cost_models())
