"""Softmax, norms and maxima of vectors: inside their bounds, in every arithmetic, and what they cost."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path

import mpmath
import numpy as np
import pytest
import vectors

import polyapprox as pa
from polyapprox.errors import ArgumentError
from polyapprox.plan.count import count, levels as level_of_each
from polyapprox.plan.times import times_plan
from polyapprox.polynomial import Polynomial
from polyapprox.recipes.plans import polynomial_plan
from polyapprox.wholes.normalising import curve_for, squared_range
from polyapprox.wholes.softmax import _Box as Box, _way as way, softmax_levels
from polyapprox.wholes.vector_plan import tree_rotations

COUNT = 100_000


@pytest.mark.parametrize(
    ("n", "scores", "maximum", "precision"),
    [
        (16, (-4.0, 4.0), None, 2**-8), (64, (-30.0, 0.0), (-1.0, 0.0), 2**-10),
        (32, (-20.0, 12.0), None, 2**-9), (2, (-3.0, 1.0), None, 1e-4),
    ],
)  # fmt: skip
def test_softmax_stays_within_its_bound(n, scores, maximum, precision):
    whole = pa.softmax(n, scores=scores, precision=precision, maximum=maximum)
    assert whole.error_bound <= precision
    s = vectors.scores(n, *scores, maximum or scores, COUNT * 16 // max(n, 16), 20261128)
    error = np.abs(whole(s) - vectors.softmax(s))
    assert 0.2 * whole.error_bound < error.max() <= whole.error_bound


@pytest.mark.parametrize(("n", "top", "squarings"), [(8, (-1, 0), 0), (32, (-6, 0), 0), (16, (-3, 2), 1)])
def test_the_inverse_is_proven_for_sums_of_exponentials_that_err(n, top, squarings):
    whole = pa.softmax(n, scores=(top[0] - 4, top[1]), precision=2**-4, maximum=top, squarings=squarings)
    exp = whole.parts["exp"]
    error = exp.error_bound / (1 if exp.weight != "1" else math.exp(exp.interval[1]))
    low, high = whole.parts["inverse 0"].interval  # of a multiple of the sum
    least = math.exp((top[0] - top[1]) / 2**squarings) + (n - 1) * math.exp((top[0] - 4 - top[1]) / 2**squarings)
    assert error > 1e-3 and high * least * (1 - error) >= low * n * (1 + error)


def test_softmax_of_known_sums():
    whole = pa.softmax(16, scores=(-12, 0), precision=2**-7, squarings=0, sums=(0.05, 1.0))
    s = np.random.default_rng(5).uniform(-9, 0, (400, 16))
    total = np.exp(s).sum(-1, keepdims=True)
    s = s[(s.max(-1) < 0) & (total[:, 0] < 40)] - 4.0  # sums of 0.05 to 1
    total = np.exp(s).sum(-1)
    s = s[(total > 0.05) & (total < 1)]
    exact = np.exp(s) / np.exp(s).sum(-1, keepdims=True)
    assert len(s) > 20 and np.abs(whole(s) - exact).max() <= whole.error_bound <= 2**-7
    wide = pa.softmax(16, scores=(-12, 0), precision=2**-7, squarings=0)
    assert whole.levels + 2 < wide.levels


def test_softmax_by_hand_and_by_its_own_choice():
    free = pa.softmax(64, scores=(-20, 20), precision=2**-8)
    given = pa.softmax(64, scores=(-20, 20), precision=2**-8, squarings=4)
    assert free.levels <= given.levels + 1
    known = pa.softmax(64, scores=(-40, 0), maximum=(-0.5, 0), precision=2**-8)
    assert known.levels < free.levels / 1.5  # a known maximum saves most of it


@pytest.mark.parametrize(("n", "ends", "eps"), [(64, (0.25, 4.0), 0.0), (768, (0.15, 10.0), 1e-5)])
def test_norms_stay_within_their_bounds(n, ends, eps):
    count_of = COUNT * 16 // n
    norm = pa.layer_norm(n, variance=ends, precision=1e-2, eps=eps)
    x = vectors.with_variance(n, ends[0] - eps, ends[1] - eps, count_of, 5)
    error = np.abs(norm(x) - vectors.layer_norm(x, eps)).max()
    assert 0.2 * norm.error_bound < error <= norm.error_bound <= 1e-2
    rms = pa.rms_norm(n, mean_square=ends, precision=1e-2, eps=eps)
    x = vectors.with_variance(n, ends[0] - eps, ends[1] - eps, count_of, 6, centred=False)
    error = np.abs(rms(x) - vectors.rms_norm(x, eps)).max()
    assert 0.2 * rms.error_bound < error <= rms.error_bound <= 1e-2
    assert rms.rotations == tree_rotations(n) and norm.rotations == 2 * tree_rotations(n)


def test_a_norm_takes_one_level_beside_a_polynomial_and_two_beside_a_circuit():
    norm = pa.layer_norm(768, variance=(0.15, 10), precision=4e-4)
    root = norm.parts["inverse root"]
    assert norm.levels == root.levels + 1 and root.structure == "polynomial"
    assert norm.counts("standalone").levels == norm.levels + 1
    assert norm.error_bound >= np.sqrt(767) * root.error_bound
    few = pa.layer_norm(768, variance=(0.15, 10), precision=4e-4, objective="multiplications")
    root = few.parts["inverse root"]
    assert few.levels == root.levels + 2 and few.multiplications == root.multiplications + 2


def test_softmax_of_few_levels_where_the_sums_are_known():
    sums = (0.05, 8.0)
    whole = pa.softmax(32, scores=(-8, 6), precision=2**-8, squarings=1, sums=sums)
    assert whole.levels <= 13 and whole.error_bound <= 2**-8
    s = vectors.scores(32, -8, 6, (-8, 6), 4000, 3)
    total = np.exp((s - 6) / 2).sum(axis=-1)
    s = s[(total >= sums[0]) & (total <= sums[1])]
    assert len(s) > 500 and np.abs(whole(s) - vectors.softmax(s)).max() <= whole.error_bound


@pytest.mark.parametrize("error", [0.03, 0.3, 0.7, 0.9])
def test_curves_bring_the_ends_nearer_and_their_range_is_proven(error):
    curve = curve_for(error)
    low, high = squared_range(error, curve)
    u = np.linspace(1 - error, 1 + error, 10_001)
    values = u**2 * ((u - curve[0]) ** 2 + curve[1])
    assert low <= values.min() and values.max() <= high
    assert values.min() < low * (1 + 1e-6) and values.max() > high * (1 - 1e-6)
    plain = squared_range(error, None)
    assert (high / low - 1) * 1.5 < plain[1] / plain[0] - 1


ROUGH = [
    {"n": 128, "scores": (-27.2493, 21.72692), "squarings": 1, "sums": (11.32 / 2**11, 11.32), "precision": 4e-7},
    {"n": 16, "scores": (-40.0, 0.0), "maximum": (-1.0, 0.0), "precision": 2**-8},
]


@pytest.mark.parametrize(("given", "levels"), list(zip(ROUGH, (18, 9), strict=True)))
def test_the_first_sum_may_be_of_rougher_exponentials_a_level_earlier(given, levels):
    whole = pa.softmax(**given)
    exp, rough, first = (whole.parts[name] for name in ("exp", "rough exp", "inverse 0"))
    assert whole.levels == levels and rough.levels == exp.levels - 1
    assert rough.error_bound > 5 * exp.error_bound and first.components[0].degree == 2 ** (first.levels) - 3
    s = vectors.scores(whole.length, *whole.box["scores"], whole.box["maximum"], 20_000, 8)
    s = vectors.with_sums(s, whole.box, 9) if "sums" in whole.box else s
    error = np.abs(whole(s) - vectors.softmax(s)).max()
    assert len(s) > 4000 and 0.2 * whole.error_bound < error <= whole.error_bound <= given["precision"]


@pytest.mark.parametrize("given", ROUGH)
def test_rough_sums_are_as_near_to_those_of_the_vector_as_the_steps_are_made_for(given):
    box = Box(given["n"], given["scores"], given.get("maximum", given["scores"]), given.get("sums"))
    _, design, exp = way(box, given["precision"], given.get("squarings", 0))
    s = vectors.scores(box.n, *box.scores, box.top, 20_000, 10)
    if box.sums is not None:
        s = vectors.with_sums(s, {"scores": box.scores, "squarings": 1, "sums": box.sums}, 11)
    y = np.exp((s - box.top[1]) / 2 ** given.get("squarings", 0))
    off = exp.rough.error * (exp.rough.floor + y)
    worst = max(np.abs(y.sum(-1) / (y + sign * off).sum(-1) - 1).max() for sign in (-1, 1))
    assert 0.3 * design.steps[0].blur < worst < design.steps[0].blur


@pytest.mark.parametrize("levels", range(2, 9))
def test_an_inverse_of_degree_3_less_waits_a_level_for_the_vector(levels):
    series = np.polynomial.chebyshev.chebinterpolate(lambda x: 1 / (1.05 + x), 2**levels - 3)
    plan = times_plan(polynomial_plan(Polynomial.from_floats(series)), (0, 1))
    assert level_of_each(plan, starts=(0, 1))[plan.output] == levels


def test_the_forecast_of_levels():
    box = {"scores": (-6.0, 0.0), "precision": 2**-6, "squarings": 1, "sums": (0.1, 1.0)}
    assert abs(softmax_levels(64, **box) - pa.softmax(64, **box).levels) <= 1


def test_the_largest_and_where_it_is():
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (COUNT, 8))
    x[::3] = np.where(rng.random((len(x[::3]), 8)) < 0.5, -1.0, 1.0)
    largest = pa.maximum_of(8, interval=(-1, 1), tolerance=0.1)
    error = np.abs(largest(x) - x.max(axis=-1, keepdims=True)).max()
    assert 0.1 * largest.error_bound < error <= largest.error_bound <= 0.1
    assert largest.rotations == 3 and largest.levels == 3 * count(largest.parts["maximum"].plan).levels
    where = pa.argmax(4, interval=(-1, 1), gap=0.5, precision=0.05)
    x = rng.uniform(-1, 1, (COUNT, 4))
    ordered = np.sort(x, axis=-1)
    x = x[ordered[:, -1] - ordered[:, -2] >= 0.5]
    hot = (x == x.max(axis=-1, keepdims=True)).astype(float)
    assert np.abs(where(x) - hot).max() <= where.error_bound * (1 + 1e-9) <= 0.05 * (1 + 1e-9)


def test_numpy_mpmath_and_torch_agree():
    torch = pytest.importorskip("torch")
    whole = pa.softmax(8, scores=(-5, 3), precision=2**-10)
    s = np.random.default_rng(1).uniform(-5, 3, (4, 8))
    floats = whole(s)
    with mpmath.workdps(40):
        exactly = whole(np.array([[mpmath.mpf(v) for v in row] for row in s], dtype=object))
        assert isinstance(exactly[0, 0], mpmath.mpf)
        p = [[mpmath.exp(mpmath.mpf(v)) for v in row] for row in s]
        true = [[v / mpmath.fsum(row) for v in row] for row in p]
        worst = max(abs(a - b) for u, v in zip(exactly, true, strict=True) for a, b in zip(u, v, strict=True))
        assert worst <= whole.error_bound
    assert np.max(np.abs(np.array(exactly, dtype=float) - floats)) < 1e-11
    assert np.max(np.abs(whole(torch.tensor(s)).numpy() - floats)) < 1e-11
    largest = pa.maximum_of(8, interval=(-5, 3), tolerance=0.5)
    assert np.max(np.abs(largest(torch.tensor(s)).numpy() - largest(s))) < 1e-11


@pytest.mark.parametrize(
    "call",
    [
        lambda: pa.softmax(1, scores=(-1, 1), precision=0.1),
        lambda: pa.softmax(8, scores=(1, -1), precision=0.1),
        lambda: pa.softmax(8, scores=(-1, 1), precision=2),
        lambda: pa.softmax(8, scores=(-1, 1), precision=0.1, sums=(0.1, 1)),
        lambda: pa.softmax(8, scores=(-1, 1), precision=0.1, sums=(-1, 1), squarings=0),
        lambda: pa.softmax(8, scores=(-1, 1), precision=0.1, maximum=(0, 2)),
        lambda: pa.softmax(8, scores=(-200, 1), precision=0.1, squarings=0),
        lambda: pa.layer_norm(64, variance=(0, 1), precision=0.1),
        lambda: pa.layer_norm(64, variance=(0.1, 1), precision=-1),
        lambda: pa.rms_norm(64, mean_square=(0.1, 1), precision=0.1, eps=0.2),
        lambda: pa.maximum_of(6, interval=(-1, 1), tolerance=0.1),
        lambda: pa.argmax(8, interval=(-1, 1), gap=3, precision=0.1),
        lambda: pa.softmax(8, scores=(-1, 1), precision=0.1)(np.zeros((2, 7))),
    ],
)  # fmt: skip
def test_refusals(call):
    with pytest.raises(ArgumentError):
        call()


def test_the_long_check_counts_no_vectors_of_another_plan(tmp_path, monkeypatch):
    path = Path(__file__).parents[2] / "checks" / "wholes.py"
    spec = importlib.util.spec_from_file_location("long_check_of_wholes", path)
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    made = {k: pa.softmax(8, scores=(-2, 0), precision=2**-k) for k in (4, 12)}
    record = tmp_path / "wholes.jsonl"
    monkeypatch.setattr("sys.argv", ["wholes.py", "--count", "100", "--results", str(record)])
    seen = []
    for k in (4, 12, 12):
        monkeypatch.setattr(check.reach, "WHOLES", (("one", lambda k=k: made[k], "softmax", ()),))
        assert check.main() == 0
        seen.append(json.loads(record.read_text()))
    assert seen[1]["digest"] != seen[0]["digest"] and seen[1]["largest"] < 2**-12 < seen[0]["largest"]
    assert seen[2] == seen[1] and seen[2]["vectors"] == 100
