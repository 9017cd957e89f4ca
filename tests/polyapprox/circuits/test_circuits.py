"""Circuits: counts, degrees and bounds against independent arithmetic, other records, and limits."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb
from independent import TRUE_FIXED, counts, log2_fixed, points, run_plan, run_plan_mpmath, to_fixed
from paths import ORACLES

import polyapprox as pa
from polyapprox.circuits import Circuit, canonical, circuit_plan, shipped_circuits
from polyapprox.circuits.chain import Chain, absolute_grid, errors, free_constants, jacobian, pack
from polyapprox.circuits.library import FILE, read_library
from polyapprox.circuits.lower import (
    COMPUTED,
    absolute_lower_bound,
    alternation_points,
    levelled_bound,
)
from polyapprox.circuits.search.fit import minimise
from polyapprox.circuits.search.grow import deleted, inserted, normalised
from polyapprox.circuits.search.polish import polish
from polyapprox.circuits.search.rounds import Settings, search
from polyapprox.circuits.search.thin import noise_gain, thinned
from polyapprox.errors import ArgumentError
from polyapprox.numbers import ball, exact
from polyapprox.plan import count
from polyapprox.precision import working_precision

RECORDS = json.loads((ORACLES / "circuit_records_bits.json").read_text())
LIBRARY = shipped_circuits()
FUNCTIONS = ("abs", "relu", "maximum", "minimum")


# --- plans --------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", LIBRARY)
@pytest.mark.parametrize("width", [1.0, 50.0])
def test_plans_use_m_multiplications_and_m_levels(m: int, width: float) -> None:
    for function in FUNCTIONS:
        plan = circuit_plan(LIBRARY[m].circuit, function, width)
        extra = function in ("maximum", "minimum")
        assert counts(plan) == (m, m + extra)
        assert m <= count(plan, "standalone").levels <= m + 1
        products = sum(operation.kind == "multiply" for operation in plan.operations)
        assert products == m


@pytest.mark.parametrize("m", [m for m in LIBRARY if m <= 5])
def test_degree_is_two_to_the_m(m: int) -> None:
    x = sympy.Symbol("x")
    plan = circuit_plan(LIBRARY[m].circuit, "relu", 1.0)
    value = plan.run(x, lift=lambda c: sympy.Rational(*float(c).as_integer_ratio()))
    polynomial = sympy.Poly(sympy.expand(value), x)
    assert polynomial.degree() == 2**m
    odd = {power for (power,) in polynomial.monoms() if power % 2}
    assert odd == {1}
    assert abs(float(polynomial.coeff_monomial(x)) - 0.5) < 1e-15


def test_zero_constants_cost_nothing() -> None:
    shape = ("even", (0, 0))
    dense = Circuit(*shape, ((0.51,), (0.12, 0.23)), ((-0.56,), (0.3, 0.41)), (1.1, 2.3, 3.1, 0.7))
    sparse = Circuit(*shape, ((0.51,), (0.12, 0.0)), ((-0.56,), (0.3, 0.0)), (1.1, 0.0, 3.1, 0.7))
    products = [count(circuit_plan(c, "abs", 1.0)).constant_products for c in (dense, sparse)]
    assert products[0] - products[1] == 3


def test_plan_on_an_interval_is_the_scaled_circuit() -> None:
    circuit = LIBRARY[6].circuit
    x = np.linspace(-1, 1, 101)
    for width in (2.0**-3, 1.0, 50.0, 1e6):
        value = circuit_plan(circuit, "abs", width).run(width * x)
        assert np.max(np.abs(value / width - circuit(x))) < 1e-12


@pytest.mark.parametrize(
    "bad", [{"family": "none"}, {"shifts": (1, 2)}, {"output": (math.nan, 1.0, 2.0)},
            {"left": ((0.0, 1.0),)}]
)
def test_a_circuit_that_is_none_is_refused(bad: dict) -> None:
    good = {"family": "even", "shifts": (0,), "left": ((0.1,),), "right": ((0.2,),), "output": (0.0, 1.0, 2.0)}
    assert Circuit(**good).multiplications == 2
    with pytest.raises(ArgumentError):
        Circuit(**{**good, **bad})


# --- proven bounds ------------------------------------------------------------------------------


@pytest.mark.parametrize("m", LIBRARY)
def test_the_bound_holds_in_fixed_point(m: int) -> None:
    result = pa.circuit("relu", multiplications=m, interval=(-50, 50))
    x = points(-50, 50, 3000 if m < 10 else 1500, seed=m)
    error = run_plan(result.plan, x) - TRUE_FIXED["relu"](x)
    largest = max(abs(int(e)) for e in error)
    assert largest <= to_fixed(result.error_bound) + 1
    assert log2_fixed(largest) > math.log2(result.error_bound) - 0.1  # and is not far above


@pytest.mark.parametrize("m", LIBRARY)
def test_shipped_bounds_are_of_the_shipped_plans(m: int) -> None:
    one = LIBRARY[m]
    assert circuit_plan(one.circuit, "abs", 1.0).digest == one.digest
    assert 0 < one.estimate <= one.bound < 1.03 * one.estimate
    assert one.circuit.largest_constant <= 16
    assert one.circuit.largest_node() <= 2
    if m <= 11:
        result = pa.circuit("abs", multiplications=m, guard=0)
        assert result.plan.digest == one.digest
        assert result.error_bound == pytest.approx(one.bound, rel=1e-12)
        guarded = pa.circuit("abs", multiplications=m)
        assert one.bound < guarded.error_bound < one.bound * 1.0013


@pytest.mark.parametrize("m", RECORDS["bits"])
def test_records_are_reached(m: str) -> None:
    assert LIBRARY[int(m)].bits >= RECORDS["bits"][m]


@pytest.mark.parametrize("m", LIBRARY)
def test_no_circuit_passes_the_limit(m: int) -> None:
    assert LIBRARY[m].bound >= float(absolute_lower_bound(2**m))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_arithmetics_agree(function: str) -> None:
    result = pa.circuit(function, multiplications=7, interval=(-3, 3))
    two = function in ("maximum", "minimum")
    for first in (-3.0, -0.40625, 0.0, 1.1328125, 2.75):
        arguments = (first, -0.6875) if two else (first,)
        precise = run_plan_mpmath(result.plan, *arguments)
        assert abs(result(*arguments) - float(precise)) < 1e-12
        array = result(*(np.array([a, a]) for a in arguments))
        assert np.max(np.abs(array - float(precise))) < 1e-12
        with working_precision(400):
            value = result.plan.run(*(ball(exact(a)) for a in arguments))
            gap = value - arb(mpmath.nstr(precise, 90))
            assert gap.abs_upper() < 1e-80


def test_maximum_in_two_arguments() -> None:
    result = pa.maximum(precision=2**-7, interval=(-0.1, 0.3), structure="circuit")
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-0.1, 0.3, (2, 20000))
    assert np.max(np.abs(result(a, b) - np.maximum(a, b))) <= result.error_bound <= 0.3 * 2**-7


def test_verify_proves_a_saved_circuit_again(tmp_path: Path) -> None:
    path = pa.circuit("relu", multiplications=6, interval=(-8, 8)).save(tmp_path / "c.json")
    assert pa.verify(path).ok


# --- requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("k", range(4, 17))
def test_fewest_multiplications_for_relu(k: int) -> None:
    least = pa.limits("relu", precision=2.0**-k).multiplications  # of the interval itself
    for guard in (0, 2**-20):
        result = pa.relu(precision=2.0**-k, structure="circuit", guard=guard)
        assert result.structure == "circuit"
        assert result.error_bound <= 2.0**-k
        exactly = k == 4 and guard  # one multiplication errs by 2^-4 itself, and more beside [-1, 1]
        assert result.multiplications == (2 if exactly else least)


@pytest.mark.parametrize("objective", ["multiplications", "levels", "depth"])
def test_objectives_never_lose_to_a_circuit(objective: str) -> None:
    for k in (6, 8, 9, 12):
        chosen = pa.relu(precision=2.0**-k, objective=objective)
        circuit = pa.relu(precision=2.0**-k, structure="circuit")
        measure = "multiplications" if objective == "multiplications" else "levels"
        assert getattr(chosen, measure) <= getattr(circuit, measure)
    assert chosen.structure == "circuit"


@pytest.mark.parametrize("k", range(7, 15))
def test_balanced_requests_reach_the_limit(k: int) -> None:
    found = pa.relu(precision=2.0**-k)
    limits = pa.limits("relu", precision=2.0**-k)
    assert (found.multiplications, found.levels) == (limits.multiplications, limits.levels)
    assert found.structure == ("direct" if k in (7, 8) else "circuit")


def test_no_offset_is_no_circuit() -> None:
    assert pa.relu(precision=2**-7, offset=False, objective="multiplications").structure == "composite"
    with pytest.raises(ArgumentError, match="offset=True"):
        pa.relu(precision=2**-7, offset=False, structure="circuit")


def test_too_few_multiplications_are_refused_by_the_limit() -> None:
    with pytest.raises(ArgumentError, match="degree 72, so m is at least 7"):
        pa.relu(precision=2**-9, multiplications=6)
    assert pa.relu(precision=2**-9, multiplications=7).multiplications == 7
    # on [-1/1000, 1] little is forbidden, and a line does it
    nearly = pa.relu(precision=2**-9, multiplications=6, interval=(-0.001, 1))
    assert nearly.multiplications == 0 and nearly.error_bound <= 2**-9


@pytest.mark.parametrize(
    "given",
    [{"multiplications": 0}, {"multiplications": 99}, {"multiplications": True},
     {"multiplications": 5, "structure": "composite"}, {"precision": 2**-30, "structure": "circuit"},
     {"degrees": (7, 7), "structure": "circuit"}],
)
def test_requests_that_cannot_be_met_say_so(given: dict) -> None:
    with pytest.raises(ArgumentError) as caught:
        pa.relu(**given)
    assert len(str(caught.value).splitlines()) == 1


# --- limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("degree", [2, 4, 8, 16, 64])
def test_lower_bounds_are_the_minimax_errors(degree: int) -> None:
    best = pa.minimax("abs(x)", degree)
    lower = float(absolute_lower_bound(degree))
    assert lower <= best.error_bound
    assert lower == pytest.approx(best.error_bound, rel=2e-3)
    assert lower <= best.error_bound <= lower * 1.002


def test_lower_bounds_tend_to_the_limit_of_varga_and_carpenter() -> None:
    # 2n E_2n = 0.2801694990… − 0.0439675/n² + …: Varga and Carpenter, Constr. Approx. 1 (1985)
    for degree in (512, 1024, 4096):
        value = degree * float(absolute_lower_bound(degree))
        assert value < 0.2801694990
        assert value == pytest.approx(0.2801694990 - 0.175870 / degree**2, rel=2e-5)


def test_any_points_give_a_lower_bound() -> None:
    best = float(absolute_lower_bound(16))
    rng = np.random.default_rng(3)
    found = [levelled_bound(np.sort(rng.uniform(0, 1, 10))) for _ in range(50)]
    assert all(0 <= value <= best for value in found)
    assert levelled_bound(alternation_points(16)) <= best
    with pytest.raises(ArgumentError):
        levelled_bound(np.array([0.0, 0.5, 0.25]))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_limits_are_below_what_is_known(function: str) -> None:
    for k in (1, 2, 4, 7, 10):
        found = pa.limits(function, precision=2.0**-k)
        assert found.multiplications == found.levels <= found.estimate <= found.known
        assert 2 ** (found.multiplications - 1) < max(found.degree, 1) <= 2**found.multiplications
        result = pa.circuit(function, multiplications=found.known, guard=0)
        assert result.error_bound <= 2.0**-k
        assert (result.counts().levels, result.counts("standalone").levels) == found.known_levels


def test_computed_bounds_tend_to_the_limit_of_varga_and_carpenter() -> None:
    for degree, value in COMPUTED.items():
        assert 0.28016946 < degree * value < 0.2801694990  # the limit, from below
        assert float(absolute_lower_bound(degree)) == value


def test_limits_are_sharp_to_2_to_the_minus_21_and_weaker_beyond() -> None:
    for k in range(17, 22):
        found = pa.limits("relu", precision=2.0**-k)
        assert found.multiplications == found.estimate == k - 2
    finer = pa.limits("relu", precision=2.0**-26)
    assert 19 < finer.multiplications < finer.estimate == 24
    assert finer.known is None


# --- fitting and searching ----------------------------------------------------------------------


def random_chain(m: int, seed: int) -> Chain:
    rng = np.random.default_rng(seed)
    left, right = (np.tril(rng.standard_normal((m + 1, m + 1)), -1) for _ in range(2))
    left[:2] = right[:2] = 0
    return Chain(left / m, right / m, rng.standard_normal(m + 1))


@pytest.mark.parametrize("reduced", [False, True])
def test_derivatives_are_those_of_differences(reduced: bool) -> None:
    chain, grid = random_chain(5, 1), absolute_grid(3, 4)
    free = free_constants(5, reduced)
    rows = jacobian(chain, grid, free)
    for row, place in enumerate(free):
        step = np.array([1e-6])
        there = errors(chain.moved(step, np.array([place])), grid)
        here = errors(chain.moved(-step, np.array([place])), grid)
        np.testing.assert_allclose((there - here) / 2e-6, rows[row], rtol=1e-6, atol=1e-8)


def test_canonical_form_is_the_same_function() -> None:
    chain = random_chain(6, 2)
    grid = absolute_grid(6, 4)
    circuit = canonical(chain, "even")
    np.testing.assert_allclose(circuit(grid.target) - grid.target, errors(chain, grid), atol=1e-9)
    assert 0.7 <= circuit.largest_node() <= 1.5


def test_normalising_and_unused_nodes_do_not_change_the_function() -> None:
    chain, grid = random_chain(5, 3), absolute_grid(5, 4)
    before = errors(chain, grid)
    np.testing.assert_allclose(errors(normalised(chain, grid.first), grid), before, atol=1e-10)
    larger = inserted(chain, 3, "random", np.random.default_rng(0))
    np.testing.assert_allclose(errors(normalised(deleted(larger, 3), grid.first), grid), before,
                               atol=1e-10)


def test_fit_of_two_multiplications_finds_the_minimax_polynomial() -> None:
    grid = absolute_grid(2, 64)
    start = Chain(np.zeros((3, 3)), np.zeros((3, 3)), np.array([0.7, 0.4, -0.2]))
    start.left[2, 1] = start.right[2, 1] = 1.0
    chain = start
    for p in (4, 16, 64, 256, 1024):
        chain = minimise(chain, grid, p, 50).chain
    found = polish(chain, grid, 30)
    assert found.largest == pytest.approx(float(absolute_lower_bound(4)), rel=1e-5)


def test_search_from_nothing_finds_the_records(tmp_path: Path) -> None:
    stages = list(search(Settings(6, starts=120, beam=6, finalists=3, seed=1)))
    assert [stage.multiplications for stage in stages] == [2, 3, 4, 5, 6]
    for stage in stages:
        bits = 1 - math.log2(stage.best.largest)
        assert bits > RECORDS["bits"][str(stage.multiplications)] - 0.02


SMALL = Settings(4, starts=10, beam=2, finalists=1, seed=7)


def test_the_same_seed_finds_the_same_circuit_and_another_another() -> None:
    first, again = ([pack(s.best.chain).tolist() for s in search(SMALL)] for _ in range(2))
    assert first == again
    other = [pack(s.best.chain).tolist() for s in search(Settings(4, 10, 2, 1, seed=8))]
    assert other != first


def test_a_killed_search_goes_on_where_it_was(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    program = (
        "import sys; from pathlib import Path\n"
        "from polyapprox.circuits.search.rounds import Settings, search\n"
        f"list(search({SMALL!r}, Path(sys.argv[1])))\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", program, str(record)], env=environment)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if record.exists() and record.read_bytes().count(b"\n") > 12:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = record.read_bytes()
    assert before.count(b"\n") > 12
    record.write_bytes(before[:-7])  # the last line is torn
    kept = before[:-7].rpartition(b"\n")[0]
    resumed = [pack(stage.best.chain).tolist() for stage in search(SMALL, record)]
    assert resumed == [pack(stage.best.chain).tolist() for stage in search(SMALL)]
    assert record.read_bytes().startswith(kept)
    size = record.stat().st_size
    assert [pack(stage.best.chain).tolist() for stage in search(SMALL, record)] == resumed
    assert record.stat().st_size == size  # nothing was computed again


def test_a_search_goes_on_from_known_circuits() -> None:
    known = {m: [LIBRARY[m].circuit.chain()] for m in (4, 5)}
    (stage,) = search(Settings(5, starts=6, beam=2, finalists=1, first=5), known=known)
    assert 1 - math.log2(stage.best.largest) > LIBRARY[5].bits - 1e-3
    with pytest.raises(ArgumentError, match="known chains of 4"):
        list(search(Settings(5, starts=6, beam=2, finalists=1, first=5)))


def test_a_record_of_another_search_is_refused(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    list(search(Settings(2, 4, 1, 1), record))
    before = record.read_bytes()
    with pytest.raises(ArgumentError, match="another search"):
        list(search(Settings(2, 4, 1, 1, seed=5), record))
    assert record.read_bytes() == before


@pytest.mark.parametrize("m", [4, 5, 7])
def test_thinning_keeps_the_function(m: int) -> None:
    dense = canonical(random_chain(m, m), "even")
    thin = thinned(dense)
    x = np.linspace(-1, 1, 501)
    np.testing.assert_allclose(thin(x), dense(x), atol=1e-8)
    before, after = (count(circuit_plan(c, "abs", 1.0)) for c in (dense, thin))
    assert before.constant_products > after.constant_products == (m - 1) * (m - 3) + 1
    assert (after.multiplications, after.levels) == (before.multiplications, before.levels)


@pytest.mark.parametrize("m", LIBRARY)
def test_shipped_circuits_are_thin_and_quiet(m: int) -> None:
    plan = circuit_plan(LIBRARY[m].circuit, "relu", 1.0)
    least = (m - 1) * (m - 3) + 2 if m > 3 else (0, 2, 2)[m - 1]
    assert count(plan).constant_products == least
    x = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 401))
    values: list[np.ndarray] = []
    for kind, left, right, constant in plan.operations:  # largest value anywhere in the plan
        number = None if constant is None else float(constant)
        values.append(
            x if kind == "input"
            else values[left] * values[right] if kind == "multiply"
            else values[left] * number if kind == "scale"
            else values[left] + number if kind == "shift"
            else values[left] - values[right] if kind == "subtract"
            else values[left] + values[left if kind == "double" else right]
        )
    assert max(np.max(np.abs(v)) for v in values) < 8


def test_noise_gain_is_that_of_noise() -> None:
    """Noise put into one product after another, by finite differences."""
    chain = LIBRARY[5].circuit.chain()
    first = np.linspace(-1, 1, 21)
    nodes = [np.ones_like(first), first]
    for i in range(2, 6):
        nodes.append((chain.left[i, :i] @ nodes) * (chain.right[i, :i] @ nodes))

    def output(disturbed: int, size: float) -> np.ndarray:
        values = [np.ones_like(first), first + size * (disturbed == 1)]
        for i in range(2, 6):
            product = (chain.left[i, :i] @ values) * (chain.right[i, :i] @ values)
            values.append(product + size * (disturbed == i))
        return chain.output @ values

    least = sum(
        np.abs(output(i, 1e-6) - output(i, -1e-6)) / 2e-6 * np.max(np.abs(nodes[i]))
        for i in range(1, 6)
    )
    gain = noise_gain(chain.left, chain.right, chain.output, first)
    products = count(circuit_plan(LIBRARY[5].circuit, "abs", 1.0)).constant_products
    assert np.max(least) < gain < np.max(least) * (1 + 2 * products)


# --- the sign -----------------------------------------------------------------------------------


def odd_circuit(nodes: int, seed: int) -> Circuit:
    return canonical(random_chain(nodes, seed), "odd")


@pytest.mark.parametrize("nodes", [1, 2, 4, 6])
def test_odd_plans_multiply_by_x_last(nodes: int) -> None:
    circuit = odd_circuit(nodes, 5)
    for width in (1.0, 12.5):
        plan = circuit_plan(circuit, "sign", width)
        assert counts(plan) == (nodes + 1, nodes + 1) == (circuit.multiplications,) * 2
        x = np.linspace(-1, 1, 101)
        np.testing.assert_allclose(plan.run(width * x), circuit(x), atol=1e-10)
        np.testing.assert_allclose(circuit(-x), -circuit(x), atol=0)
    with pytest.raises(ArgumentError, match="family"):
        circuit_plan(circuit, "relu", 1.0)
    with pytest.raises(ArgumentError, match="family"):
        circuit_plan(LIBRARY[3].circuit, "sign", 1.0)


def test_sign_circuits_beat_composites_of_as_many_multiplications(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from polyapprox.cli import main

    table = tmp_path / "sign.json"
    arguments = ["circuits", "search", "sign", "--threshold", "2^-4", "--multiplications", "5",
                 "--starts", "30", "--beam", "3", "--finalists", "2", "-o", str(table), "--json"]
    assert main(arguments) == 0
    found = pa.load(table)
    assert (found.multiplications, found.levels) == (5, 5)
    x = points(1 / 16, 1, 2000, around=())
    error = run_plan(found.plan, x) - TRUE_FIXED["sign"](x)
    largest = max(abs(int(e)) for e in error)
    assert to_fixed(found.error_bound) * 98 // 100 < largest <= to_fixed(found.error_bound)
    composites = [pa.sign(degrees=d, threshold=2**-4) for d in ([7, 3], [5, 3], [15], [11], [3, 3])]
    cheap = [one.error_bound for one in composites if one.multiplications <= 5]
    assert cheap and found.error_bound < 0.75 * min(cheap)
    capsys.readouterr()
    assert main([*arguments[:2], "sign", "--multiplications", "5"]) == 2
    assert "needs a threshold" in capsys.readouterr().err


# --- the library and the command line -----------------------------------------------------------


def test_library_round_trip(tmp_path: Path) -> None:
    from polyapprox.circuits.library import library_text

    copy = tmp_path / "copy.json"
    copy.write_text(library_text(LIBRARY), encoding="utf-8")
    assert read_library(copy) == LIBRARY
    assert copy.read_bytes() == FILE.read_bytes()


def test_importing_the_names_leaves_scipy_alone() -> None:
    program = "import polyapprox, sys; polyapprox.circuit; print('scipy.optimize' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from polyapprox.cli import main

    assert main(["circuits", "list", "relu", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["circuits"]
    assert [row["multiplications"] for row in rows] == list(LIBRARY)
    table = tmp_path / "found.json"
    arguments = ["circuits", "search", "relu", "--multiplications", "3", "--starts", "8", "--beam",
                 "2", "--finalists", "1", "--output", str(table), "--json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["files"] == [str(table)]
    assert pa.load(table).multiplications == 3
    assert main(["circuits", "search", "relu", "--multiplications", "1"]) == 2
    assert "multiplications must be a whole number from 2 on" in capsys.readouterr().err
