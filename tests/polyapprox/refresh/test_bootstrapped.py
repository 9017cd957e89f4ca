"""Functions inside the bootstrap: the bound holds, the coefficients keep their limit, tables are honest."""

import json
import math
import shutil
import subprocess

import mpmath
import numpy as np
import pytest
from flint import arb, arb_series
from hypothesis import given, settings, strategies as st
from paths import STUBS

import polyapprox
from polyapprox.errors import ArgumentError, DomainError, FalseClaimError, TableError
from polyapprox.numbers import ball
from polyapprox.precision import working_precision
from polyapprox.refresh.depth import HIGHEST, NATURAL_DEGREES, functional_depth, series_levels
from polyapprox.refresh.fit import fit
from polyapprox.refresh.noise import gains_of
from polyapprox.refresh.proof import SeriesFunction
from polyapprox.refresh.table import document_of, load, verify
from polyapprox.table.schema import content_hash

GXX = shutil.which("g++")
FUNCTIONS = {
    "relu": ((-1.0, 1.0), lambda x: max(x, 0)),
    "abs": ((-50.0, 50.0), abs),
    "gelu": ((-8.0, 8.0), lambda x: x * mpmath.ncdf(x)),
    "silu": ((-20.0, 20.0), lambda x: x / (1 + mpmath.exp(-x))),
    "sigmoid": ((-8.0, 8.0), lambda x: 1 / (1 + mpmath.exp(-x))),
    "tanh": ((-4.0, 4.0), mpmath.tanh),
    "exp": ((-8.0, 0.0), mpmath.exp),
    "min(max(x, -1), 1)": ((-4.0, 4.0), lambda x: min(max(x, -1), 1)),
    "max(x, 0)": ((-3.0, 17.0), lambda x: max(x, 0)),
}
GAP = [(-1.0, -0.125), (0.125, 1.0)]


def _value(series, x):
    """S(x) by mpmath, sharing nothing with the package."""
    angle = mpmath.pi * (x - series.centre) / series.width
    return mpmath.fsum(
        a * mpmath.cos(j * angle) + b * mpmath.sin(j * angle)
        for j, (a, b) in enumerate(zip(series.cosines, series.sines, strict=True))
    )


def _largest_error(series, function, count):
    points = []
    for low, high in series.covered:
        points += [low + (high - low) * (mpmath.mpf(k) / count) for k in range(count + 1)]
        points += [low + (high - low) * mpmath.sin(mpmath.pi * k / count / 2) ** 2 for k in range(count)]
    return max(abs(_value(series, x) - function(x)) for x in points)


@pytest.mark.parametrize("degree", [1, 5, 13, 27])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_bound_holds_and_is_near_the_truth(name, degree):
    interval, function = FUNCTIONS[name]
    series = polyapprox.bootstrapped(name, degree, interval=interval)
    with mpmath.workdps(30):
        largest = _largest_error(series, function, 150)
    assert largest <= series.error_bound
    assert largest >= 0.8 * series.error_bound  # the points are few
    sizes = [abs(c) for c in (*series.cosines, *series.sines)]
    assert max(sizes) <= series.limit
    assert len(series.cosines) == degree + 1


@pytest.mark.parametrize("degree", [5, 13, 27])
def test_sign_with_a_gap(degree):
    series = polyapprox.bootstrapped("sign", degree, domain=GAP)
    with mpmath.workdps(30):
        largest = _largest_error(series, mpmath.sign, 150)
    assert 0.8 * series.error_bound <= largest <= series.error_bound
    assert not any(series.cosines)


def test_bits_are_those_that_linear_programs_reach():
    bits = [polyapprox.bootstrapped("relu", n).bits for n in (5, 13, 27)]
    assert [math.floor(100 * b) for b in bits] == [612, 737, 835]
    assert polyapprox.bootstrapped("relu", 27, interval=(-50, 50)).bits == pytest.approx(bits[2], abs=0.01)


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["relu", "gelu", "sigmoid", "exp(x/4)", "abs"]), st.integers(1, 20),
    st.floats(-6, -0.5), st.floats(0.5, 6), st.sampled_from([0.25, 1.0, 8.0]),
    st.floats(2, 5),
)  # fmt: skip
def test_any_interval_limit_and_extension(name, degree, low, high, largest, extension):
    series = polyapprox.bootstrapped(
        name, degree, interval=(low, high), largest=largest, extension=extension
    )
    x = np.concatenate([np.linspace(low, high, 2001), [0.0]])
    error = np.max(np.abs(series(x) - polyapprox.targets.as_target(name).numpy(x)))
    assert error <= series.error_bound * (1 + 1e-9)
    assert series.largest_coefficient <= float(series.limit)
    assert np.max(np.abs(series.message(x))) <= 0.5
    assert series.extension == pytest.approx(extension, rel=1e-9)


@pytest.mark.parametrize("name", ["relu", "gelu", "exp"])
def test_gains_bound_what_is_sampled(name):
    interval, _ = FUNCTIONS[name]
    series = polyapprox.bootstrapped(name, 27, interval=interval)
    found = gains_of(series)
    x = np.linspace(*interval, 20011)
    slope = np.max(np.abs(np.diff(series(x)) / np.diff(x)))
    angle = np.pi * series.message(x)
    c = np.array([complex(float(a), -float(b)) for a, b in zip(series.cosines, series.sines, strict=True)])
    order = np.arange(28)
    gain = np.max(np.abs(np.exp(1j * np.multiply.outer(angle, order)) @ (order * c)))
    assert slope <= found.slope <= 1.02 * slope + 1e-9
    assert gain <= found.amplification <= 1.02 * gain
    assert np.max(np.abs(series(x))) <= found.value <= series.result_scale


def test_amplification_is_what_noise_of_the_wave_does():
    series = polyapprox.bootstrapped("gelu", 13, interval=(-8, 8))
    z = np.array(series.coefficients())
    wave = np.exp(1j * np.pi * series.message(np.linspace(-8, 8, 501)))
    noise = 1e-7 * np.exp(2j * np.pi * np.random.default_rng(5).uniform(size=501))
    clear, noisy = (2 * np.polyval(z[::-1], w).real * series.result_scale for w in (wave, wave + noise))
    assert np.max(np.abs(clear - series(np.linspace(-8, 8, 501)))) < 1e-12
    assert np.max(np.abs(noisy - clear)) <= series.amplification * 1e-7 * (1 + 1e-5)


def test_taylor_coefficients_are_those_of_the_series():
    series = polyapprox.bootstrapped("relu", 13, interval=(-3, 17))
    with working_precision(200, 8):
        along = SeriesFunction(series).along(arb_series([arb("0.7"), 1], 8))
        step = arb(2) ** -20
        value = sum((along[k] * step**k for k in range(8)), arb(0))
        exactly = SeriesFunction(series).ball(arb("0.7") + step)
        assert abs(value - exactly) < arb(2) ** -140
        wide = SeriesFunction(series).ball(ball(0.7) + arb(0, 0.01))
        assert wide.contains(SeriesFunction(series).ball(ball(0.705)))


def test_precision_takes_the_cheapest_degree():
    found = polyapprox.bootstrapped("sigmoid", precision=2**-15, interval=(-8, 8))
    assert found.degree == 13 and found.error_bound <= 2**-15
    found = polyapprox.bootstrapped("relu", tolerance=0.2, interval=(-50, 50))
    assert found.degree == 27 and found.error_bound <= 0.2


def test_depth_by_natural_degrees():
    for levels, degree in enumerate(NATURAL_DEGREES):
        assert series_levels(degree) == levels
        if degree < HIGHEST:
            assert series_levels(degree + 1) == levels + 1
    assert functional_depth(31, (3, 2)) == 21


def test_a_callable_of_balls_is_proven_and_a_black_box_is_not():
    def bump(x):
        return 1 / (1 + x * x)

    series = polyapprox.bootstrapped(bump, 13, interval=(-2, 2))
    x = np.linspace(-2, 2, 999)
    assert np.max(np.abs(series(x) - 1 / (1 + x * x))) <= series.error_bound
    black = polyapprox.bootstrapped(lambda x: np.where(x > 0, x, 0.0), 5)
    assert black.certificate is None
    with pytest.raises(polyapprox.errors.NoBoundError, match="black-box"):
        black.error_bound  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"degree": 0}, "degree must be at least 1"),
        ({"degree": 248}, "degree must be at most 247; got 248"),
        ({"degree": 5.0}, "degree must be a whole number"),
        ({}, "give either degree, or one of"),
        ({"degree": 5, "precision": 0.1}, "give either degree, or one of"),
        ({"precision": 2.0**-20}, "no series up to degree 247 reaches"),
        ({"degree": 5, "extension": 1.5}, "extension must be from 2"),
        ({"degree": 5, "extension": "2"}, "extension must be a number"),
        ({"degree": 5, "largest": 0.0}, "largest must be from 2"),
        ({"degree": 5, "interval": (1, 1)}, "interval must have low < high|domain must have low < high"),
        ({"degree": 5, "interval": (0, 1), "domain": (0, 1)}, "mean the same"),
        ({"degree": 5, "guard": 1}, "guard must be"),
        ({"degree": 5, "interval": (-2, -1)}, "is 0 or not finite"),
    ],
)
def test_bad_arguments_get_a_sentence(arguments, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        polyapprox.bootstrapped("relu", **arguments)


def test_a_pole_is_refused():
    with pytest.raises(DomainError):
        polyapprox.bootstrapped("1/x", 5, interval=(-1, 1))


def test_tables_come_back_and_are_proven(tmp_path):
    for name in ("relu", "min(max(x, -1), 1)", "exp"):
        series = polyapprox.bootstrapped(name, 13, interval=FUNCTIONS[name][0])
        path = series.save(tmp_path / "series.json")
        assert polyapprox.load_bootstrapped(path) == series
        assert verify(path).ok and verify(path).bound <= series.error_bound * (1 + 1e-9)
        again = eval(series.provenance.command)
        assert again.cosines == series.cosines and again.sines == series.sines


def _forged(series, tmp_path, change):
    document = document_of(series)
    change(document)
    document["sha256"] = content_hash(document)
    path = tmp_path / "forged.json"
    path.write_text(json.dumps(document))
    return path


FORGERIES = {
    "a smaller bound": lambda d: (
        d["certificate"].update(upper="0.0009765625", bits=53),
        d.update(bound="0.0009765625", precision_bits="10.0"),
    ),
    "another coefficient": lambda d: d["cosines"].__setitem__(2, repr(float(d["cosines"][2]) * 1.5)),
    "a coefficient above the limit": lambda d: d["cosines"].__setitem__(3, "1e3"),
    "a smaller limit": lambda d: d.update(limit="0.25"),
    "another function": lambda d: d.update(function="abs"),
    "a wider domain": lambda d: (d.update(domain=[["-2.0", "2.0"]], covered=[["-2.0", "2.0"]])),
    "a larger guard": lambda d: d.update(guard="0.01"),
    "another width": lambda d: d.update(width="3.0"),
    "a message too long": lambda d: d.update(width="1.5"),
    "another centre": lambda d: d.update(centre="0.1"),
    "fewer sines": lambda d: d["sines"].pop(),
    "a first sine": lambda d: d["sines"].__setitem__(0, "0.5"),
    "a depth": lambda d: d.update(depth=12),
    "an amplification": lambda d: d.update(amplification="0.1"),
    "a slope": lambda d: d.update(slope="0.1"),
    "another method": lambda d: d["certificate"].update(method="stages"),
    "a field": lambda d: d.update(more=1),
    "no function": lambda d: d.update(function=""),
    "an infinite number": lambda d: d.update(limit="1e999999999"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_tables_are_refused(name, tmp_path):
    series = polyapprox.bootstrapped("relu", 5)
    with pytest.raises((TableError, FalseClaimError)):
        load(_forged(series, tmp_path, FORGERIES[name]))


def test_a_consistent_lie_is_refused_by_the_proof(tmp_path):
    series = polyapprox.bootstrapped("relu", 5)
    with pytest.raises(FalseClaimError, match="can be proven"):
        load(_forged(series, tmp_path, FORGERIES["a smaller bound"]))


def test_a_changed_file_and_the_wrong_reader_are_refused(tmp_path):
    series = polyapprox.bootstrapped("relu", 5)
    path = series.save(tmp_path / "series.json")
    with pytest.raises(TableError, match="load_bootstrapped"):
        polyapprox.load(path)
    table = polyapprox.minimax("exp", 3).save(tmp_path / "table.json")
    with pytest.raises(TableError, match="not a table"):
        load(table)
    path.write_text(path.read_text().replace('"relu"', '"silu"'))
    with pytest.raises(TableError, match="sha256"):
        load(path)


def test_an_export_states_what_it_holds(tmp_path):
    series = polyapprox.bootstrapped("gelu", 13, interval=(-8, 8))
    path = series.export("openfhe-fefbt", tmp_path / "gelu.py")
    scope: dict = {"__name__": "gelu"}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    x = np.array([point for point, _ in scope["CHECK"]])
    m = (x - scope["CENTRE"]) / scope["WIDTH"]
    z = np.array(scope["COEFFICIENTS"])
    value = 2 * np.polyval(z[::-1], np.exp(1j * np.pi * m)).real * scope["RESULT_SCALE"]
    truth = np.array([y for _, y in scope["CHECK"]])
    assert np.max(np.abs(value - truth)) <= scope["ERROR_BOUND"] == series.error_bound
    assert "levels: 19 by GetFEFBTDepth" in scope["__doc__"]
    with pytest.raises(ArgumentError, match="openfhe-fefbt"):
        series.export("lattigo", tmp_path / "x.go")


@pytest.mark.skipif(GXX is None, reason="needs g++")
@pytest.mark.parametrize("function", ["gelu", "sign"])
def test_a_header_in_cpp_holds_the_same_and_fails_where_it_is_changed(function, tmp_path):
    """Compiled and run in the clear, with the calls of OpenFHE 1.6 as a stub has them."""
    domain = {"gelu": (-8, 8), "sign": [(-1, -0.25), (0.25, 1)]}[function]
    series = polyapprox.bootstrapped(function, 13, interval=domain)
    path = series.export("openfhe-fefbt-cpp", tmp_path / "exported.h")
    (tmp_path / "main.cpp").write_text(
        '#include "exported.h"\nint main() { return polyapprox_inside::self_check(); }\n'
    )
    command = [GXX, "-std=c++17", "-Wall", "-Wextra", "-Werror", "-I", STUBS / "openfhe", tmp_path / "main.cpp", "-o",
               tmp_path / "main"]  # fmt: skip
    text = path.read_text()
    assert "noise, a forecast: " in text and f"// levels: {series.levels()} by GetFEFBTDepth" in text
    for bound, code in ((series.error_bound, 0), (series.error_bound * 0.9, 1)):
        path.write_text(text.replace(f"error_bound = {series.error_bound!r}", f"error_bound = {bound!r}"))
        subprocess.run([str(part) for part in command], check=True)
        ended = subprocess.run([str(tmp_path / "main")], capture_output=True, text=True, check=False)
        assert ended.returncode == code and ended.stdout.startswith(("PASS", "FAIL")[code])


def test_the_fit_is_the_best_of_its_limit():
    """Beside the solution of one linear program on many points."""
    from scipy.optimize import linprog

    n, limit = 7, 0.7
    t = np.linspace(-np.pi / 2, np.pi / 2, 801)
    rows = np.cos(t[:, None] * np.arange(n + 1))
    ones = np.ones((801, 1))
    whole = linprog(
        np.append(np.zeros(n + 1), 1.0),
        A_ub=np.vstack([np.hstack([rows, -ones]), np.hstack([-rows, -ones])]),
        b_ub=np.append(np.abs(t), -np.abs(t)), bounds=[(-limit, limit)] * (n + 1) + [(0, None)],
    )  # fmt: skip
    found = fit(np.abs, [(-np.pi / 2, np.pi / 2)], n, limit, [0.0])
    assert found.estimate == pytest.approx(whole.x[-1], rel=2e-3)
