"""Circuits for smooth functions and the sign: against the functions themselves, and others' means."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from flint import arb
from independent import counts, run_plan_mpmath, true_value
from killed import losing_a_worker

import polyapprox as pa
from polyapprox.circuits import Circuit
from polyapprox.circuits.approximation import shipped_plan
from polyapprox.circuits.chain import Chain, errors, pack
from polyapprox.circuits.library import (
    FILES,
    FOLDER,
    Shipped,
    library_text,
    read_circuits,
    shipped_circuits,
    shipped_for,
)
from polyapprox.circuits.plan import scaling_of
from polyapprox.circuits.problem import problem_for
from polyapprox.circuits.scaled import RADIUS, bound_of_circuit, inside_box, scaled_bound
from polyapprox.circuits.search.orthogonal import minimise
from polyapprox.circuits.search.rounds import Settings, search
from polyapprox.circuits.search.runner import runner_named, serial
from polyapprox.circuits.search.shelve import neat
from polyapprox.circuits.search.shrink import shifted, shrunk
from polyapprox.circuits.search.smooth import finish
from polyapprox.errors import ArgumentError, DomainError, TableError
from polyapprox.numbers import exact, fraction
from polyapprox.plan import count
from polyapprox.precision import working_precision
from polyapprox.proof.prove import certified
from polyapprox.recipes.from_library import certified_by_library

SMOOTH = [name for name in FILES if name != "abs"]
ALL = [one for name in SMOOTH for one in shipped_for(name)]
LIMIT_OF_CONSTANTS, LIMIT_OF_NODES = 16, 2
# Larger constants, for which nothing as precise with small ones is known: the values of the
# functions themselves are large, or a node hardly uses the one before it.
LARGE = {"1/x": 512, "1/sqrt(x)": 512, "sign": 2048, "erf": 1024, "tanh": 1024, "gelu": 40,
         "2*acos(x)/pi": 40}


def named(one: Shipped) -> str:
    low, high = one.problem.interval
    return f"{one.problem.function} [{low:g},{high:g}] {one.multiplications}"


def result_of(one: Shipped, **options: object) -> pa.Approximation:
    return pa.circuit(
        one.problem.function,
        multiplications=one.multiplications,
        interval=one.problem.interval,
        weight=None if one.problem.weight == "1" else one.problem.weight,
        **options, guard=0
    )


def weight_of(one: Shipped, x: object) -> object:
    """Of the relative error of 1/x, the only one shipped so far."""
    assert one.problem.weight in ("1", "1/abs(1/x)")
    return 1 if one.problem.weight == "1" else x


def find(function: str, m: int, interval: tuple[float, float]) -> pa.Approximation:
    return pa.circuit(function, multiplications=m, interval=interval)


# --- what is shipped ----------------------------------------------------------------------------


@pytest.mark.parametrize("one", ALL, ids=named)
def test_no_point_is_above_the_bound(one: Shipped) -> None:
    result = result_of(one)
    low, high = one.problem.interval
    angles = np.linspace(0, np.pi, 3001)
    x = low + (high - low) * np.sin(angles / 2) ** 2
    size = np.abs(result(x) - one.problem.target.numpy(x)) * weight_of(one, x)
    if one.problem.function == "sign":
        x = np.concatenate([x, -x])
        size = np.concatenate([size, size])
    some = np.random.default_rng(1).choice(x, 12)
    largest = 0
    for point in (*x[np.argsort(size)[-6:]], *some, low, high):
        value = run_plan_mpmath(result.plan, float(point))
        error = abs(value - true_value(one.problem.function, exact(float(point))))
        error *= weight_of(one, float(point))
        assert error <= result.error_bound
        largest = max(largest, error)
    assert largest > 0.98 * result.error_bound
    assert result.certificate is not None and result.certificate.upper == exact(one.bound)


@pytest.mark.parametrize("one", ALL, ids=named)
def test_plans_have_m_multiplications_m_levels_and_the_digest_that_was_proven(one: Shipped) -> None:
    plan = shipped_plan(one.circuit, one.problem)
    m = one.multiplications
    assert counts(plan) == (m, m)
    assert m <= count(plan, "standalone").levels <= m + 1
    assert plan.digest == one.digest
    assert one.intact
    rounding = 2.0**-45  # of the estimate, which is computed in float64
    assert one.estimate - rounding <= one.bound < 1.003 * one.estimate + rounding


@pytest.mark.parametrize("one", ALL, ids=named)
def test_constants_and_nodes_are_moderate(one: Shipped) -> None:
    assert one.circuit.largest_node() <= LIMIT_OF_NODES
    limit = LARGE.get(one.problem.function, LIMIT_OF_CONSTANTS)
    assert one.circuit.largest_constant <= limit


@pytest.mark.parametrize("function", SMOOTH)
def test_bounds_are_proven_again(function: str) -> None:
    for interval in {one.problem.interval for one in shipped_for(function)}:
        known = [one for one in shipped_for(function) if one.problem.interval == interval]
        again = result_of(known[-1], prove=True)
        assert again.error_bound <= known[-1].bound * (1 + 1e-9)
        assert "circuit" not in again.certificate.details  # not from the library
    assert pa.verify(result_of(known[0])).ok


@pytest.mark.parametrize("function", SMOOTH)
def test_more_multiplications_are_more_precise(function: str) -> None:
    for interval in {one.problem.interval for one in shipped_for(function)}:
        bounds = [one.bound for one in shipped_for(function) if one.problem.interval == interval]
        assert bounds
        assert bounds == sorted(bounds, reverse=True)


@pytest.mark.parametrize(
    ("function", "interval", "m", "bits"),
    [("gelu", (-8, 8), 5, 13), ("gelu", (-8, 8), 6, 23), ("sigmoid", (-8, 8), 6, 18),
     ("exp", (-8, 0), 4, 26), ("sign", (2**-4, 1), 8, 11)],
)
def test_precisions_wanted_are_reached(
    function: str, interval: tuple[float, float], m: int, bits: float
) -> None:
    assert -math.log2(find(function, m, interval).error_bound) >= bits


@pytest.mark.parametrize(
    ("function", "m", "slope", "offset"),
    [("gelu", 5, Fraction(1, 2), 0), ("softplus", 4, Fraction(1, 2), 0),
     ("sigmoid", 5, 0, Fraction(1, 2)), ("tanh", 5, 0, 0), ("sign", 5, 0, 0)],
)
def test_parity_is_in_the_operations(
    function: str, m: int, slope: Fraction, offset: Fraction
) -> None:
    interval = (0.0625, 1.0) if function == "sign" else (-8.0, 8.0)
    plan = find(function, m, interval).plan
    ends = [Fraction(1, 4), Fraction(3, 4), Fraction(1)]
    pairs = [(x, plan.run(x), plan.run(-x)) for x in ends]
    if slope:  # the odd part is a line, to the last bit
        (line,) = {(right - left) / (2 * x) for x, right, left in pairs}
        assert abs(line - slope) < Fraction(1, 2**50)
    else:  # the even part is a constant
        assert {(right + left) / 2 for _, right, left in pairs} == {offset}


# --- against other means of as many multiplications ---------------------------------------------


def of_paterson_and_stockmeyer(multiplications: int) -> int:
    """The largest degree ks of so many products: k − 1 for the powers, s − 1 for the blocks."""
    return max(k * (multiplications + 2 - k) for k in range(1, multiplications + 2))


@pytest.mark.parametrize(
    ("function", "rest", "interval", "m"),
    [("gelu", "-x/2", (-8, 8), 4), ("gelu", "-x/2", (-8, 8), 5), ("sigmoid", "-1/2", (-8, 8), 5),
     ("exp", "", (-8, 0), 3), ("exp", "", (-8, 0), 4), ("1/x", "", (2**-5, 1), 4)],
)
def test_minimax_polynomials_of_as_many_multiplications_are_never_better(
    function: str, rest: str, interval: tuple[float, float], m: int
) -> None:
    if rest == "-x/2":
        degree = 2 * of_paterson_and_stockmeyer(m - 1)
    elif rest:
        degree = 2 * of_paterson_and_stockmeyer(m - 2) + 1
    else:
        degree = of_paterson_and_stockmeyer(m)
    expression = f"{function}(x){rest}" if rest else function
    best = pa.minimax(expression, degree, domain=interval)
    assert best.error_lower_bound is not None
    assert find(function, m, interval).error_bound < best.error_lower_bound


def test_no_circuit_passes_the_minimax_polynomial_of_its_degree() -> None:
    for function, interval, m, degree in (("exp", (-1, 1), 2, 4), ("1/x", (2**-5, 1), 3, 8)):
        best = pa.minimax(function, degree, domain=interval)
        assert find(function, m, interval).error_bound >= best.error_lower_bound


def test_composite_signs_of_as_many_multiplications_are_never_better() -> None:
    cost = {3: 2, 5: 3, 7: 4, 9: 5, 15: 7}
    for m in (5, 6, 7, 8):
        ours = find("sign", m, (2**-4, 1)).error_bound
        lists = [
            degrees
            for stages in (1, 2, 3, 4)
            for degrees in product(cost, repeat=stages)
            if m - 1 <= sum(cost[d] for d in degrees) <= m
        ]
        some = sorted(lists, key=lambda degrees: -math.prod(degrees))[:3]
        for degrees in some:
            one = pa.sign(degrees=list(degrees), threshold=2**-4)
            assert one.multiplications <= m
            assert ours <= one.error_bound


# --- one proof for every interval ---------------------------------------------------------------


@pytest.mark.parametrize("m", [2, 5, 7, 9])
@pytest.mark.parametrize("width", [1.0, 50.0, 0.3, 12345.678])
def test_scaled_bounds_are_those_of_new_proofs(m: int, width: float) -> None:
    for function in ("relu", "abs", "maximum"):
        scaled = find(function, m, (-width, width))
        assert scaled.certificate.details.get("circuit") == shipped_circuits()[m].seal
        proof = certified(replace(scaled, certificate=None))
        assert 0.997 * scaled.error_bound < proof.error_bound <= scaled.error_bound * (1 + 1e-9)
    assert pa.verify(find("relu", m, (-width, 3 * width))).ok


def test_signs_are_scaled_and_serve_larger_thresholds() -> None:
    one = next(o for o in shipped_for("sign") if o.multiplications == 6)
    low, _ = one.problem.interval
    for width in (3.0, 0.7):
        result = pa.circuit("sign", multiplications=6, interval=(low * width * 1.01, width))
        proof = certified(replace(result, certificate=None))
        assert proof.error_bound <= result.error_bound * (1 + 1e-9)


def test_a_plan_outside_the_box_gets_no_scaled_bound() -> None:
    circuit, width = shipped_circuits()[6].circuit, 3.0
    scaling = scaling_of(circuit, "abs", width)
    with working_precision(160):
        assert inside_box(circuit, scaling, width, arb(width))
        row = scaling.left[2]
        moved = (row[0] * (1 + 4 * RADIUS), *row[1:])
        left = (*scaling.left[:2], moved, *scaling.left[3:])
        assert not inside_box(circuit, replace(scaling, left=left), width, arb(width))
        wrong = replace(scaling, steepness=scaling.steepness * (1 + 4 * RADIUS))
        assert not inside_box(circuit, wrong, width, arb(width))
        assert not inside_box(circuit, scaling, width, arb(2 * width))
    assert scaled_bound(shipped_circuits()[1].circuit, 1.0, "abs", width) is None  # one node


def test_the_box_bound_covers_chains_with_other_constants() -> None:
    one = shipped_circuits()[6]
    assert one.bound < one.box < 1.003 * one.bound
    upper = bound_of_circuit(one.circuit).upper
    assert upper == one.box
    x = np.linspace(0, 1, 4001)
    rng = np.random.default_rng(5)

    def near(values: tuple) -> tuple:
        return tuple(v * (1 + rng.choice([-1, 1]) * RADIUS / 2) for v in values)

    for _ in range(5):
        other = replace(
            one.circuit, left=tuple(map(near, one.circuit.left)),
            right=tuple(map(near, one.circuit.right)), output=near(one.circuit.output),
        )  # fmt: skip
        assert other != one.circuit
        assert np.max(np.abs(other(x) - x)) <= upper


def test_a_circuit_that_was_changed_is_proven_anew() -> None:
    one = next(o for o in shipped_for("exp") if o.multiplications == 3)
    output = (one.circuit.output[0] + 1e-3, *one.circuit.output[1:])
    changed = replace(one, circuit=replace(one.circuit, output=output))
    assert one.intact and not changed.intact
    lying = replace(one, bound=one.bound / 2)
    assert not lying.intact
    result = pa.circuit("exp", multiplications=3, interval=one.problem.interval, guard=0)
    assert certified_by_library(result, lying, 1.0).error_bound == pytest.approx(one.bound)


# --- the library --------------------------------------------------------------------------------


@pytest.mark.parametrize("function", SMOOTH)
def test_files_are_written_as_they_are_read(function: str, tmp_path: Path) -> None:
    path = FOLDER / FILES[function]
    copy = tmp_path / "copy.json"
    copy.write_text(library_text(read_circuits(path)), encoding="utf-8")
    assert copy.read_bytes() == path.read_bytes()
    makers = (
        "polyapprox circuits search", "polyapprox.minimax of degree", "experiments/cosine_circuits.py",
    )
    assert all(one.origin.startswith(makers) for one in read_circuits(path))


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "gelu.json"
    path.write_text('{"format": 2, "circuits": [{}]}', encoding="utf-8")
    with pytest.raises(TableError, match="is not a file of circuits"):
        read_circuits(path)
    assert read_circuits(tmp_path / "none.json") == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [({"function": "gelu", "multiplications": 5, "interval": (-90, 90)}, r"shipped: .*\[-20, 20\]"),
     ({"function": "gelu", "multiplications": 1, "interval": (-8, 8)}, "multiplications from 2"),
     ({"function": "gelu", "multiplications": 6, "depth": 5}, "levels=5 is too small"),
     ({"function": "gelu"}, "give multiplications, or levels"),
     ({"function": "cos(x)", "multiplications": 4}, "give an interval too"),
     ({"function": "sign", "multiplications": 5, "interval": (-1, 1)}, "0 < low < high"),
     ({"function": "relu", "multiplications": 2.5}, "whole number"),
     ({"function": 3, "multiplications": 5}, "must be a name"),
     ({"function": "abs(x-1/3)", "multiplications": 3, "interval": (-1, 1), "search": True},
      "not smooth"),
     ({"function": "exp", "multiplications": 0, "interval": (-1, 1)}, "from 1 to 1000000")],
)
def test_requests_that_cannot_be_met_say_so(given: dict, message: str) -> None:
    with pytest.raises(ArgumentError, match=message) as caught:
        pa.circuit(**given)
    assert len(str(caught.value).splitlines()) == 1


def test_expressions_and_depth_find_the_same_circuit() -> None:
    first = find("1/sqrt(x)", 4, (2**-5, 1))
    assert pa.circuit("1 / sqrt( x )", depth=4, interval=(2**-5, 1)).plan == first.plan
    assert pa.circuit("gelu(x)", depth=5).plan == find("gelu", 5, (-8, 8)).plan


# --- fitting and searching ----------------------------------------------------------------------


def test_families_are_found_by_the_values() -> None:
    found = {name: problem_for(name, (-3.0, 3.0)) for name in ("gelu", "sigmoid", "erf", "exp")}
    assert [one.family for one in found.values()] == ["even", "odd", "odd", "general"]
    assert (found["gelu"].slope, found["sigmoid"].offset) == (0.5, 0.5)
    assert problem_for("gelu", (-3.0, 2.0)).family == "general"
    with pytest.raises(DomainError):
        problem_for("1/x", (-1.0, 1.0))


@pytest.mark.parametrize(("nodes", "degree"), [(2, 2), (3, 4)])
def test_fits_end_at_the_minimax_polynomial(nodes: int, degree: int) -> None:
    problem = problem_for("exp", (-1.0, 1.0))
    grid = problem.points(512)
    rng = np.random.default_rng(3)
    best = math.inf
    for _ in range(5):
        left, right = (np.tril(rng.standard_normal((nodes + 1, nodes + 1)), -1) for _ in range(2))
        left[:2] = right[:2] = 0
        chain = Chain(left, right, rng.standard_normal(nodes + 1))
        chain = minimise(chain, grid, 2, 100).chain
        best = min(best, finish(chain, grid, 60).largest)
    lower = pa.minimax("exp", degree, domain=(-1, 1)).error_lower_bound
    assert best == pytest.approx(lower, rel=2e-3 if nodes == 2 else 0.02)


def test_orthogonal_fits_go_below_the_floor_of_normal_equations() -> None:
    problem = problem_for("exp", (-1.0, 1.0))
    one = next(o for o in shipped_for("exp")
               if o.problem.interval == (-1.0, 1.0) and o.multiplications == 4)  # fmt: skip
    chain = one.circuit.chain()
    rng = np.random.default_rng(0)
    chain.output = chain.output * (1 + 1e-3 * rng.standard_normal(len(chain.output)))
    grid = problem.points(512)
    assert np.max(np.abs(errors(chain, grid))) > 1e-5
    assert minimise(chain, grid, 2, 200, 1e-9).largest < 1e-10


def test_shifts_keep_the_function_and_shrink_constants() -> None:
    rng = np.random.default_rng(7)
    for family in ("even", "odd", "general"):
        rows = [tuple(tuple(8 * rng.standard_normal(i)) for i in range(1, 3)) for _ in range(2)]
        circuit = Circuit(family, (-4, -9), rows[0], rows[1], tuple(rng.standard_normal(4)))
        small = shrunk(circuit)
        assert small.largest_constant < circuit.largest_constant
        x = np.linspace(-1, 1, 101)
        scale = np.max(np.abs(circuit(x)))
        np.testing.assert_allclose(small(x), circuit(x), atol=1e-9 * scale)
        chain = circuit.chain()
        moved = shifted(chain, rng.standard_normal(4))
        assert not np.allclose(moved.left, chain.left)
        grid = problem_for("exp", (-1.0, 1.0)).points(64)
        np.testing.assert_allclose(errors(moved, grid), errors(chain, grid), atol=1e-9 * scale)


SEARCH = ["circuits", "search", "softplus", "--interval", "-4", "4", "--multiplications", "3",
          "--starts", "8", "--beam", "2", "--finalists", "1", "--seed", "3"]


def test_a_killed_search_of_a_function_goes_on_where_it_was(tmp_path: Path) -> None:
    """A real kill, a record torn in the middle of a line; then the same circuit as undisturbed."""
    from polyapprox.cli import main

    record, table, other = (tmp_path / name for name in ("r.jsonl", "a.json", "b.json"))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "polyapprox.cli", *SEARCH, "--record", str(record)],
        env=environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if record.exists() and record.read_bytes().count(b"\n") > 8:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = record.read_bytes()
    assert before.count(b"\n") > 8
    record.write_bytes(before[:-5])
    assert main([*SEARCH, "--record", str(record), "-o", str(table), "--json"]) == 0
    assert record.read_bytes().startswith(before[:-5].rpartition(b"\n")[0])
    assert main([*SEARCH, "-o", str(other), "--json"]) == 0
    assert pa.load(table).plan == pa.load(other).plan
    assert main([*SEARCH[:-1], "4", "-o", str(other), "--json"]) == 0
    assert pa.load(table).plan != pa.load(other).plan


def test_a_search_grows_along_the_range_and_goes_on_from_known_circuits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """5.48 bits are shipped on [-8, 8]; a circuit of another range joins the search, and it is no worse."""
    from polyapprox.cli import main

    kept = tmp_path / "kept.json"

    def bound(width: int, starts: int, *more: str) -> float:
        given = ["--interval", f"-{width}", str(width), "--multiplications", "5", "--beam", "2"]
        few = ["--starts", str(starts), "--finalists", "1", "--json"]
        assert main(["circuits", "search", "tanh", *given, *few, *more]) == 0
        return float(json.loads(capsys.readouterr().out)["error_bound"])

    grown = bound(16, 6, "--widening", "2", "--keep", str(kept), "--stages")
    stages = [(c.problem.interval[1], c.multiplications) for c in read_circuits(kept)]
    assert stages == [(16.0, 5), (8.0, 4)]
    assert grown < 2**-2.5
    record = tmp_path / "record.jsonl"
    assert bound(15, 2, "--from", str(kept), "--record", str(record)) < min(grown, 1.001 * bound(15, 2))
    assert '"4/given 0"' in record.read_text()
    assert main(["circuits", "search", "exp", "--interval", "-1", "0", "--multiplications", "3",
                 "--from", str(kept)]) == 2  # fmt: skip
    assert "holds no circuit of the family 'general'" in capsys.readouterr().err
    assert main(["circuits", "search", "relu", "--multiplications", "3", "--widening", "2"]) == 2
    assert main(["circuits", "search", "tanh", "--interval", "-8", "8", "--multiplications", "3",
                 "--widening", "0.5"]) == 2  # fmt: skip


def test_the_library_call_searches_like_the_command() -> None:
    result = pa.circuit("cos(x)", multiplications=2, interval=(-2, 2), search=True, starts=4)
    assert (result.multiplications, result.levels) == (2, 2)
    best = pa.minimax("cos(x)", 4, domain=(-2, 2))
    assert best.error_lower_bound <= result.error_bound < 1.1 * best.error_bound
    with pytest.raises(ArgumentError, match="from 3 on in a search"):
        pa.circuit("tanh", multiplications=2, interval=(-1, 1), search=True)


def test_runners_give_the_same_results_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [(pow, (k, 2)) for k in range(5)]
    assert list(serial(tasks)) == [0, 1, 4, 9, 16]
    with pytest.raises(ArgumentError, match="runner must be one of"):
        runner_named("threads")
    with pytest.raises(ArgumentError, match="dask needs its address"):
        runner_named("dask")
    with pytest.raises(ArgumentError, match="no other runner takes one"):
        runner_named("serial", scheduler="tcp://127.0.0.1:8786")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ArgumentError, match=r"pip install 'polyapprox\[cluster\]'"):
        runner_named("dask", scheduler="tcp://127.0.0.1:8786")
    with pytest.raises(ArgumentError, match="jobs must be"):
        runner_named("joblib", 0)
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(ArgumentError, match="pip install 'joblib'"):
        runner_named("joblib")


def test_joblib_finds_what_one_process_finds() -> None:
    pytest.importorskip("joblib")
    problem = problem_for("cos(x)", (-2.0, 2.0))
    settings = Settings(2, starts=4, beam=2, finalists=1)
    found = [
        pack(stage.best.chain).tolist()
        for runner in (serial, runner_named("joblib", 2))
        for stage in search(settings, grid=problem.grid, engine="smooth", runner=runner)
    ]
    assert len(found) == 2
    assert found[0] == found[1]


def test_a_search_loses_nothing_when_a_worker_of_its_cluster_is_killed() -> None:
    problem = problem_for("cos(x)", (-2.0, 2.0))
    settings = Settings(2, starts=6, beam=3, finalists=2)

    def found(runner) -> list[list[float]]:
        stages = search(settings, grid=problem.grid, engine="smooth", runner=runner)
        return [pack(stage.best.chain).tolist() for stage in stages]

    with losing_a_worker() as (address, killed):
        survived = found(runner_named("dask", scheduler=address))
    assert killed and survived == found(serial)


def test_the_command_line_lists_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    from polyapprox.cli import main

    assert main(["circuits", "list", "gelu", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["circuits"]
    assert [row["multiplications"] for row in rows] == [
        one.multiplications for one in shipped_for("gelu")
    ]
    assert main(["circuits", "list"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in SMOOTH)
    assert main(["circuits", "list", "cos"]) == 2
    assert "no circuits are shipped for 'cos'" in capsys.readouterr().err
    assert main(["circuits", "search", "gelu", "--multiplications", "3"]) == 2
    assert "needs an interval" in capsys.readouterr().err
    assert main(["circuits", "search", "abs", "--interval", "0", "1", "--multiplications", "3"]) == 2
    assert "leave out the interval" in capsys.readouterr().err


def test_neat_circuits_keep_the_error() -> None:
    one = next(o for o in shipped_for("sigmoid") if o.multiplications == 5)
    again = neat(one.circuit.chain(), one.problem)
    x = np.linspace(-1, 1, 201)
    np.testing.assert_allclose(again(x), one.circuit(x), atol=1e-10)
    assert fraction(exact(again.output[0])) == Fraction(again.output[0])


@pytest.mark.parametrize(
    ("function", "interval"),
    [("gelu", (-8, 8)), ("silu", (-8, 8)), ("exp", (-8, 0)), ("1/x", (0.01, 1)), ("1/sqrt(x)", (0.01, 1))],
)
def test_the_interval_of_a_circuit_without_one_stays(function: str, interval: tuple) -> None:
    """Circuits shipped later, for one cost on a wide interval, do not change it."""
    assert pa.circuit(function, multiplications=5).interval == interval


def test_a_found_circuit_is_kept_by_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from polyapprox.circuits.library import read_circuits
    from polyapprox.circuits.search import shelve
    from polyapprox.cli import main

    monkeypatch.setattr(shelve, "FOLDER", tmp_path / "data")
    found = tmp_path / "found.json"
    search = ["circuits", "search", "exp", "--multiplications", "2", "--starts", "4"]
    assert main([*search, "--interval", "-2", "0", "--keep", str(found)]) == 0
    assert "found.json" in capsys.readouterr().out
    for words in ("(proven): kept", "(proven): not kept"):
        assert main(["circuits", "keep", str(found)]) == 0
        assert words in capsys.readouterr().out
    (one,) = read_circuits(tmp_path / "data" / "exp.json")
    assert one.problem.interval == (-2.0, 0.0) and one.intact
    found.write_text(found.read_text().replace('"exp"', '"cos"'))
    assert main(["circuits", "keep", str(found)]) == 2
    assert main(["circuits", "keep", str(tmp_path / "none.json")]) == 2
    assert "none.json does not exist; give a file that `circuits search` wrote" in capsys.readouterr().err
