"""Drawings of plans: every product and constant is there, in the row of its level."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import polyapprox as pa
from polyapprox import Approximation
from polyapprox.cli import main
from polyapprox.errors import ArgumentError
from polyapprox.numbers import exact
from polyapprox.plan import Plan, PlanBuilder, count
from polyapprox.plot import plan_graph
from polyapprox.plot.linear_forms import CONSTANT, Form, linear_forms


def evaluated(plan: Plan, *arguments: np.ndarray) -> np.ndarray:
    """What the linear forms say, without the plan."""
    products, result = linear_forms(plan)
    values: dict[int, np.ndarray] = {CONSTANT: np.ones_like(arguments[0])}
    for index, operation in enumerate(plan.operations):
        if operation.kind == "input":
            values[index] = arguments[operation.left]

    def value(form: Form) -> np.ndarray:
        return sum(c * values[key] for key, c in form.items()) + np.zeros_like(arguments[0])

    for product in products:
        values[product.index] = value(product.left) * value(product.right)
    return value(result)


MAKERS = {
    "circuit": lambda: pa.circuit("relu", multiplications=8),
    "circuit of two": lambda: pa.circuit("maximum", multiplications=4),
    "composite": lambda: pa.relu(degrees=[7, 7]),
    "direct": lambda: pa.relu(precision=2**-7, structure="direct"),
    "polynomial": lambda: pa.minimax("exp", 7, domain=(-2, 3)),
}


@pytest.fixture(scope="module", params=list(MAKERS))
def approximation(request: pytest.FixtureRequest) -> Approximation:
    return MAKERS[request.param]()


def test_linear_forms_compute_what_the_plan_does(approximation: Approximation) -> None:
    random = np.random.default_rng(3)
    arguments = [random.uniform(-0.5, 0.5, 50) for _ in range(approximation.plan.inputs)]
    assert evaluated(approximation.plan, *arguments) == pytest.approx(
        approximation.plan.run(*arguments), rel=1e-9, abs=1e-12
    )


def shown(figure: object) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]  # type: ignore[attr-defined]


def test_every_product_has_a_box(approximation: Approximation, tmp_path: Path) -> None:
    path = tmp_path / "plan.png"
    texts = shown(plan_graph(approximation.plan, path))
    multiplications = count(approximation.plan).multiplications
    boxes = [re.match(r"p(\d+) = ", text) for text in texts]
    assert [int(b[1]) for b in boxes if b] == list(range(1, multiplications + 1))
    assert sum(text.startswith("result = ") for text in texts) == 1
    depth = count(approximation.plan, "standalone").levels
    assert f"level {depth}" in texts and f"level {depth + 1}" not in texts
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_every_operation_has_a_box(approximation: Approximation) -> None:
    plan = approximation.plan
    texts = shown(plan_graph(plan, view="operations"))
    places = {int(m[1]) for text in texts if (m := re.match(r"v(\d+):", text))}
    assert places == set(range(plan.inputs, len(plan.operations)))


def test_constants_are_those_of_the_plan() -> None:
    builder = PlanBuilder()
    (x,) = builder.arguments
    square = builder.multiply(builder.scale(x, exact(0.75)), builder.shift(x, exact(-0.625)))
    plan = builder.finish(builder.subtract(builder.double(square), x))
    texts = shown(plan_graph(plan))
    assert "p1 = (0.75·x)\n× (x − 0.625)" in texts
    assert "result = 2·p1 − x" in texts


def test_boxes_do_not_overlap() -> None:
    figure = plan_graph(pa.circuit("relu", multiplications=8).plan)
    FigureCanvasAgg(figure).draw()
    boxes = [
        text.get_bbox_patch().get_window_extent()
        for text in figure.axes[0].texts
        if text.get_bbox_patch() is not None
    ]
    assert len(boxes) == 10  # x, eight products, the result
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])


def test_refusals(tmp_path: Path) -> None:
    plan = pa.circuit("relu", multiplications=3).plan
    with pytest.raises(ArgumentError, match="view='tree' must be one of products, operations"):
        plan_graph(plan, view="tree")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"must end in one of \.png"):
        plan_graph(plan, tmp_path / "plan.gif")
    builder = PlanBuilder()
    (value,) = builder.arguments
    for _ in range(500):
        value = builder.double(value)
    with pytest.raises(ArgumentError, match="501 operations; a drawing shows 400 at most"):
        plan_graph(builder.finish(value))
    assert list(tmp_path.iterdir()) == []


def test_the_command_draws_the_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = pa.circuit("relu", multiplications=3).save(tmp_path / "relu.json")
    drawing = tmp_path / "relu.svg"
    assert main(["plot", str(table), "--plan", "-o", str(drawing)]) == 0
    assert "written" in capsys.readouterr().out
    assert "<svg" in drawing.read_text()
