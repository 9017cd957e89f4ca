"""Figures: they show the function's error, carry the facts, and are written whole."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import polyapprox as pa
from polyapprox import Approximation
from polyapprox.comparison import Row, compare_with_published
from polyapprox.errors import ArgumentError, PolyApproxError, ProofError
from polyapprox.plot import error_curve, pareto, stages
from polyapprox.plot.error import extrema, sample_points


@pytest.fixture(scope="module")
def composite() -> Approximation:
    return pa.relu(degrees=[7, 15], interval=(-4, 4))


@pytest.fixture(scope="module")
def exponential() -> Approximation:
    return pa.minimax("exp", 20)


def curve(figure) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[no-untyped-def]
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == "error r − f"]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def test_curve_is_the_error_of_the_function(composite: Approximation) -> None:
    x, y = curve(error_curve(composite))
    low, high = composite.covered[0]
    assert -4.00001 < x[0] == float(low) < -4 and 4 < x[-1] == float(high) < 4.00001 and 0.0 in x
    np.testing.assert_allclose(y, composite(x) - np.maximum(x, 0), atol=1e-13)
    assert 0.999 * composite.error_bound < np.abs(y).max() <= composite.error_bound


def test_error_far_below_double_precision_is_drawn_truly(exponential: Approximation) -> None:
    _, y = curve(error_curve(exponential))
    assert 0.99 * exponential.error_bound < np.abs(y).max() <= exponential.error_bound
    assert extrema(np.arange(y.size), y).size == 22


def test_bounds_and_facts_are_in_the_figure(composite: Approximation) -> None:
    figure = error_curve(composite)
    levels = {float(line.get_ydata()[0]) for line in figure.axes[0].lines if line.get_linestyle() == "--"}
    assert levels == {composite.error_bound, -composite.error_bound}
    title = figure.get_suptitle()
    for fact in ("ReLU", "[−4, 4]", "composite", "7, 15", "proven", "11 multiplications",
                 "7 levels", "published"):
        assert fact in title
    assert [axes.get_xscale() for axes in figure.axes] == ["linear", "asinh"]
    assert figure.axes[0].get_ylabel() == "absolute error r − f"


def test_estimates_are_not_called_bounds() -> None:
    black_box = pa.minimax(lambda x: float(np.exp(float(x))), 4)
    with pytest.raises(ProofError, match="is no expression"):
        error_curve(black_box)
    figure = error_curve(black_box, function="exp")
    assert "estimate" in figure.get_suptitle() and "proven" not in figure.get_suptitle()
    assert "± sampled estimate" in [line.get_label() for line in figure.axes[0].lines]


def test_two_intervals_and_two_arguments() -> None:
    two = error_curve(
        pa.minimax("exp", 5, domain=[(-2, -1), (0.5, 1)], relative=True, guard=0)
    )
    assert two.axes[0].get_ylabel().startswith("weighted error")
    x, _ = curve(two)
    assert x[-1] == -1  # the first interval; the second is a line of its own
    maximum = error_curve(pa.maximum(precision=2**-4, interval=(-1, 2), guard=0))
    assert maximum.axes[0].get_xlabel() == "a − b"
    assert curve(maximum)[0][-1] == 3


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".PNG"])
def test_files(composite: Approximation, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"error{suffix}"
    composite.plot(path)
    content = path.read_bytes()
    start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix.lower()]
    assert content.startswith(start)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if suffix == ".svg":
        assert ElementTree.fromstring(content).tag.endswith("svg")
        composite.plot(path)
        assert path.read_bytes() == content  # the same figure is the same file


def test_bad_paths(composite: Approximation, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"must end in one of \.png"):
        error_curve(composite, tmp_path / "error.gif")
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match="cannot write"):
        error_curve(composite, tmp_path / "file" / "error.png")


def test_missing_matplotlib_names_the_extra(
    composite: Approximation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(PolyApproxError, match=r'pip install "polyapprox\[plot\]"'):
        error_curve(composite)


def test_stages(composite: Approximation, exponential: Approximation, tmp_path: Path) -> None:
    figure = stages(composite, tmp_path / "stages.png")
    lines = [line for line in figure.axes[0].lines if "degree" in str(line.get_label())]
    assert len(lines) == 2
    x, y = np.asarray(lines[-1].get_xdata()), np.asarray(lines[-1].get_ydata())
    relu = x * (1 + y) / 2 + float(composite.offset)
    np.testing.assert_allclose(relu, composite(x), atol=1e-12)
    with pytest.raises(ArgumentError, match="only a 'composite' has stages"):
        stages(exponential)


def test_pareto_draws_the_rows(tmp_path: Path) -> None:
    rows = [
        Row(4, (5,), 4, 4, 3, 3, 3.7, "direct", (2,), 1, 2, 4.0, 1),
        Row(5, (13,), 8, 5, 5, 4, 4.9, "direct", (6,), 3, 3, 5.4, 3),
    ]
    figure = pareto(tmp_path / "pareto.png", rows=rows)
    depth, multiplications = figure.axes
    assert [line.get_xdata().tolist() if hasattr(line.get_xdata(), "tolist") else
            list(line.get_xdata()) for line in depth.lines] == [[4, 5], [2, 3], [1, 3]]
    assert list(multiplications.lines[1].get_ydata()) == [4.0, 5.4]
    assert "published" in figure.get_suptitle()


def test_comparison_meets_the_precision() -> None:
    for row in compare_with_published([5, 7]):
        assert row.bits >= row.alpha
        assert row.limit <= row.levels <= row.published_levels
        assert row.limit <= row.multiplications <= row.published_multiplications
    with pytest.raises(ArgumentError, match="4 to 14"):
        compare_with_published([3])


def test_extrema_and_points() -> None:
    x = np.linspace(0, 6 * np.pi, 10_001)
    assert extrema(x, np.sin(x)).size == 6 + 2
    assert extrema(np.arange(4.0), np.zeros(4)).tolist() == [0]
    points = sample_points(-1.0, 3.0, 100, (0.5,))
    assert points[0] == -1 and points[-1] == 3 and {0.0, 0.5} <= set(points)
    assert (np.diff(points) > 0).all()
