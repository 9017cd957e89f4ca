"""Circuits with few plaintext products: bounds, counts, and the search that finds them."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from independent import Counter, counts, exact_fraction, points, run_plan, to_fixed

from polyapprox.circuits import circuit_plan, shipped_circuits
from polyapprox.circuits.chain import pack, unpack
from polyapprox.circuits.library import (
    SPARSE as FILE,
    Shipped,
    library_text,
    read_circuits,
    sparse_circuits,
)
from polyapprox.circuits.search.grow import normalised
from polyapprox.circuits.search.shelve import proven
from polyapprox.circuits.search.shelve_sparse import (
    add_sparse,
    finished_sparse,
    largest_value,
    moderate,
)
from polyapprox.circuits.search.sparse import bits_of, grids, read_archive, search_products
from polyapprox.circuits.search.sparse_fit import (
    minimise_pattern,
    norm_of,
    pattern_of,
    places,
    removals,
)
from polyapprox.plan import count

SPARSE = sparse_circuits()
PRODUCT = 0.12  # of a multiplication: the price of a plaintext product
NAMES = [f"{one.circuit.multiplications}-{one.constant_products}" for one in SPARSE]
DENSE = shipped_circuits()
every = pytest.mark.parametrize("one", SPARSE, ids=NAMES)


def tally(one: Shipped, function: str) -> dict[str, int]:
    """What is done with the input, by computing with it (independent of the package's counts)."""
    x = Counter.start()
    circuit_plan(one.circuit, function, 1.0).run(x, lift=exact_fraction)
    return x.tally


# --- what is shipped ----------------------------------------------------------------------------


@every
def test_products_are_what_is_said(one: Shipped) -> None:
    m = one.circuit.multiplications
    # the scaling of the input is done by the layer before where it is its only use
    for function, more in (("abs", 0), ("relu", 1)):
        found = tally(one, function)
        assert found["multiplications"] == m
        assert found["constants"] - found["input scalings"] == one.constant_products + more
        plan = circuit_plan(one.circuit, function, 1.0)
        assert counts(plan) == (m, m)
        assert count(plan).constant_products == one.constant_products + more


@every
def test_bounds_hold_in_fixed_point(one: Shipped) -> None:
    plan = circuit_plan(one.circuit, "abs", 1.0)
    assert plan.digest == one.digest
    assert one.intact
    x = points(-1, 1, 2500, seed=one.circuit.multiplications)
    error = run_plan(plan, x) - np.abs(x)
    largest = max(abs(int(e)) for e in error)
    assert to_fixed(0.85 * one.bound) <= largest <= to_fixed(one.bound) + 1
    assert 0 < one.estimate <= one.bound <= 1.004 * one.estimate


@every
def test_constants_and_nodes_are_moderate(one: Shipped) -> None:
    assert one.circuit.largest_constant <= 16
    assert one.circuit.largest_node() <= 2
    assert largest_value(one.circuit) <= 8
    assert moderate(one.circuit)


@every
def test_a_circuit_is_proven_to_the_same_bound(one: Shipped) -> None:
    again = proven(one.circuit, "a test")
    assert again.bound == pytest.approx(one.bound, rel=2e-3)
    assert (again.constant_products, again.digest) == (one.constant_products, one.digest)


def cost(one: Shipped) -> float:
    return one.multiplications + PRODUCT * one.constant_products


@pytest.mark.parametrize("k", range(6, 15))
def test_few_products_cost_less_than_all(k: int) -> None:
    one = min((o for o in SPARSE if o.bits >= k), key=cost)
    dense = min(m for m in DENSE if DENSE[m].bits >= k)
    all_of_them = count(circuit_plan(DENSE[dense].circuit, "abs", 1.0)).constant_products
    assert cost(one) < 0.9 * (dense + PRODUCT * all_of_them) if k > 6 else cost(one) < 5
    assert one.circuit.multiplications in (k - 2, k - 1)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "sparse.json"
    path.write_text(library_text(SPARSE))
    assert read_circuits(path) == SPARSE and path.read_text() == FILE.read_text()
    assert read_circuits(tmp_path / "none.json") == ()


def test_reading_is_late_and_needs_no_solver() -> None:
    code = (
        "import polyapprox, sys; unread = 'polyapprox.circuits.library' not in sys.modules; "
        "from polyapprox.circuits.library import sparse_circuits; found = sparse_circuits(); "
        "sys.exit(not (unread and found and 'scipy' not in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- fitting ------------------------------------------------------------------------------------


def test_places_are_all_constants_once() -> None:
    for m in (2, 3, 6):
        kinds = places(m)
        together = np.sort(np.concatenate([kinds.leads, kinds.additions, kinds.products]))
        np.testing.assert_array_equal(together, np.arange(m * (m + 1) - 2 + m + 1))
        plan = circuit_plan(DENSE[m].circuit, "abs", 1.0)
        assert len(pattern_of(DENSE[m].circuit.chain())) == count(plan).constant_products


def test_a_fit_keeps_its_pattern_and_gains() -> None:
    grid, _ = grids(5)
    chain = normalised(DENSE[5].circuit.chain(), grid.first)
    pattern = pattern_of(chain)[:-2]
    vector = pack(chain)
    start = [chain, norm_of(chain, grid, 8)]
    moved = minimise_pattern(chain, grid, 8, 20, pattern)
    changed = np.flatnonzero(pack(moved) != vector)
    assert set(changed) <= set(pattern) | set(places(5).additions)
    assert norm_of(moved, grid, 8) < start[1]


def test_the_surgeon_foresees_what_a_removal_costs() -> None:
    grid, _ = grids(6)
    chain = normalised(DENSE[6].circuit.chain(), grid.first)
    pattern = pattern_of(chain)
    chain = minimise_pattern(chain, grid, 8, 60, pattern)
    found = removals(chain, grid, 8, pattern)
    assert [cost for cost, _, _ in found] == sorted(cost for cost, _, _ in found)
    assert {place for _, place, _ in found} == set(pattern)
    for _, place, changed in found:
        assert pack(changed)[place] == 0.0
    # moving the others makes up for most of it
    _, place, changed = found[0]
    plain = pack(chain)
    plain[place] = 0.0
    assert norm_of(changed, grid, 8) < norm_of(unpack(plain, 6), grid, 8)


# --- searching ----------------------------------------------------------------------------------


def test_a_search_finds_few_products_and_goes_on_where_it_was(tmp_path: Path) -> None:
    starts = [DENSE[4].circuit.chain()]
    whole = search_products(4, starts, [], 120, 6, 5, tmp_path / "whole.json")
    search_products(4, starts, [], 60, 6, 5, tmp_path / "half.json")
    again = search_products(4, [], [], 120, 6, 5, tmp_path / "half.json")
    front = [(one.products, one.bits) for one in whole.front()]
    assert front == [(one.products, one.bits) for one in again.front()]
    assert read_archive(tmp_path / "whole.json")[0].moves == 120
    few = [one for one in whole.front() if one.products <= 2]
    assert max(one.bits for one in few) > 6
    grid, _ = grids(4)
    for one in whole.front():
        assert one.bits == pytest.approx(bits_of(one.chain, grid))
    shipped = add_sparse([whole], "a test", tmp_path / "sparse.json")
    assert shipped and all(one.bits >= 6 for one in shipped)
    assert shipped[0].constant_products <= 3


def test_the_end_of_a_fit_gains_bits() -> None:
    one = next(o for o in SPARSE if o.circuit.multiplications == 6)
    chain = one.circuit.chain()
    chain.output[0] += 1e-3
    _, fine = grids(6)
    circuit = finished_sparse(chain, steps=20)
    assert bits_of(circuit.chain(), fine) > bits_of(chain, fine) + 0.1
    assert 1 - math.log2(one.bound) - bits_of(circuit.chain(), fine) < 0.1
