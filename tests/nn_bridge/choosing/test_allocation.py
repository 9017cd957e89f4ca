"""A precision for each activation: choices against enumeration, responses against the network."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

import polyapprox
from nn_bridge import ArgumentError, allocate, convert, evaluate
from nn_bridge.activations.evaluator import Evaluator
from nn_bridge.choosing.budget import best_choices, exchanged, frontier, variance
from nn_bridge.experiments.allocation import AllocationConfiguration, run_allocation
from nn_bridge.models.networks import find_network
from nn_bridge.propagation.responses import responses


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            st.lists(st.integers(1, 6), min_size=n, max_size=n),
            st.lists(st.lists(st.integers(0, 50), min_size=n, max_size=n), min_size=1, max_size=4),
        )
    )
)
def test_the_frontier_is_that_of_all_choices(problem):
    prices, variances = problem
    found = frontier(variances, prices)
    everything = list(itertools.product(range(len(prices)), repeat=len(variances)))

    def price(choice):
        return sum(prices[i] for i in choice)

    def variance(choice):
        return sum(row[i] for row, i in zip(variances, choice, strict=True))

    for total, choice in found.items():
        assert price(choice) == total
    for choice in everything:
        below = [variance(c) for total, c in found.items() if total <= price(choice)]
        assert below and min(below) <= variance(choice)
    sums = [variance(choice) for choice in found.values()]
    assert sums == sorted(sums, reverse=True) and len(set(sums)) == len(sums)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(2, 3))
def test_exchanges_are_as_good_as_any_exchange_of_two(seed, many, options):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((many, options, 5))
    products = np.einsum("aon,bpn->aobp", values, values)
    prices = sorted(rng.integers(1, 5, size=options).tolist())
    start = rng.integers(options, size=many).tolist()

    def price(choice):
        return sum(prices[i] for i in choice)

    found = exchanged(products, prices, start)
    assert price(found) <= price(start)
    direct = sum(values[site, option] for site, option in enumerate(found))
    assert variance(products, found) == pytest.approx(float(direct @ direct), abs=1e-9)
    for choice in itertools.product(range(options), repeat=many):
        changed = sum(a != b for a, b in zip(choice, found, strict=True))
        if changed <= 2 and price(choice) <= price(found):
            assert variance(products, choice) >= variance(products, found) - 1e-6


def test_the_best_choices_use_what_cancels():
    rng = np.random.default_rng(3)
    size = np.array([4.0, 2.0, 1.0])
    signs = rng.choice([-1.0, 1.0], size=(5, 3))
    values = (signs * size)[:, :, None] + 0.1 * rng.standard_normal((5, 3, 20))
    products = np.einsum("aon,bpn->aobp", values, values) / 20
    prices = [1, 2, 3]
    found = best_choices(products, prices, 12)
    apart = frontier([[products[a, o, a, o] for o in range(3)] for a in range(5)], prices)
    for total, choice in found.items():
        assert sum(prices[i] for i in choice) == total <= 12
        below = [c for t, c in apart.items() if t <= total]
        assert variance(products, choice) <= variance(products, below[-1])
        every = itertools.product(range(3), repeat=5)
        best = min(variance(products, c) for c in every if sum(prices[i] for i in c) <= total)
        assert variance(products, choice) <= 1.0001 * best


@pytest.fixture(scope="module")
def digits():
    network = find_network("digits")
    return network.load(), list(network.batches(network.data("train"), 240))


@pytest.fixture(scope="module")
def found(digits):
    return allocate(*digits, loss=0.005, margin=1.25, images=240)


def test_responses_are_those_of_the_network_with_one_small_error(digits):
    model, data = digits
    x = data[0][0][:20].double()
    sites = ["relu", "block1/relu1", "block1/relu2", "/relu1", "block2/relu1", "block2/relu2"]
    options = [Evaluator(polyapprox.circuit("relu", multiplications=m)) for m in (3, 15)]
    bounds = dict.fromkeys(sites, 16.0)
    model.double()
    try:
        values = responses(model, x, sites, bounds, options)
        fine = convert(model, approximation=options[1], interval=bounds)
        with torch.no_grad():
            exact = model(x)
            deviation = (fine(x) - exact).numpy()
            together = values[:, 1].sum(0)
            np.testing.assert_allclose(
                together, deviation - deviation.mean(1, keepdims=True),
                atol=0.1 * np.abs(deviation).max(),
            )  # fmt: skip
            # around a choice, the responses of this choice add up to its own deviation exactly
            coarse = convert(model, approximation=options[0], interval=bounds)
            wanted = (coarse(x) - exact).numpy()
        again = responses(model, x, sites, bounds, options, around=[0] * 6)
        np.testing.assert_allclose(
            again[:, 0].sum(0), wanted - wanted.mean(1, keepdims=True), atol=1e-9
        )
    finally:
        model.float()


def test_the_choice_keeps_what_it_promises_and_costs_a_fifth_less_than_uniform(digits, found):
    model, data = digits
    converted = convert(model, approximation=found.approximations, interval=found.bounds)
    assert evaluate(converted, data).accuracy == found.accuracy >= found.exact - 0.005
    assert converted.report.multiplications == found.cost <= 0.8 * found.uniform
    assert found.saving == pytest.approx(1 - found.cost / found.uniform)
    assert found.uniform == 6 * found.one.multiplications
    uniform = convert(model, approximation=found.one, interval=found.bounds)
    assert evaluate(uniform, data).accuracy >= found.exact - 0.005
    cheaper = polyapprox.circuit("relu", multiplications=found.one.multiplications - 1)
    uniform = convert(model, approximation=cheaper, interval=found.bounds)
    assert evaluate(uniform, data).accuracy < found.exact - 0.005
    assert {s.site: s.multiplications for s in converted.report.sites} == {
        site: r.multiplications for site, r in found.approximations.items()
    }


def test_the_prediction_is_that_of_the_deviation(digits):
    model, data = digits
    fine = [polyapprox.circuit("relu", multiplications=m) for m in (6, 7, 8)]
    found = allocate(model, data[:2], loss=0.005, margin=1.25, images=480, options=fine)
    converted = convert(model, approximation=found.approximations, interval=found.bounds)
    with torch.no_grad():
        deviation = torch.cat([converted(x) - model(x) for x, _ in data[:2]])
    deviation -= deviation.mean(1, keepdim=True)
    assert found.deviation == pytest.approx(float(deviation.square().mean().sqrt()), rel=0.2)


def test_an_interrupted_run_measures_nothing_twice(tmp_path, monkeypatch):
    small = AllocationConfiguration(selection=240, calibration=240, images=100, limit=100)
    path = tmp_path / "found.json"
    first = run_allocation(small, path)
    lines = (tmp_path / "found.jsonl").read_text(encoding="utf-8")
    (tmp_path / "found.jsonl").write_text(lines[: len(lines) // 2], encoding="utf-8")
    cut = []
    monkeypatch.setattr(
        "nn_bridge.experiments.allocation.evaluate",
        lambda model, data: cut.append(1) or evaluate(model, data),
    )
    assert run_allocation(small, path) == first == json.loads(path.read_text(encoding="utf-8"))
    assert 0 < len(cut) < len(lines.splitlines())
    assert (tmp_path / "found.jsonl").read_text(encoding="utf-8") == lines
    assert first["multiplications"] == sum(site["multiplications"] for site in first["sites"])
    assert first["test_images"]["uniform"][-1]["accuracy"] >= first["test_images"]["exact"] - 0.005
    with pytest.raises(ArgumentError, match=r"give a file that ends with \.json"):
        run_allocation(small, tmp_path / "found.txt")
    with pytest.raises(ArgumentError, match=r"calibration is 0, selection 240"):
        run_allocation(AllocationConfiguration(calibration=0, selection=240), path)


def test_sites_with_an_approximation_of_their_own_and_others():
    network = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.ReLU())
    rough = polyapprox.circuit("relu", multiplications=2)
    mixed = convert(network, approximation={"0": rough}, precision=2**-9, interval=1.0)
    precisions = [site.precision for site in mixed.report.sites]
    assert precisions[0] == pytest.approx(rough.error_bound) and precisions[1] <= 2**-9
    with pytest.raises(ArgumentError, match=r"approximation\['0'\] is a str"):
        convert(network, approximation={"0": "relu"}, precision=2**-9, interval=1.0)


def test_bad_input(digits):
    model, data = digits
    with pytest.raises(ArgumentError, match=r"loss is 1.5: give a share"):
        allocate(model, data, loss=1.5)
    with pytest.raises(ArgumentError, match=r"cost is 'time': choose"):
        allocate(model, data, cost="time")
    coarse = [polyapprox.circuit("relu", multiplications=1)]
    with pytest.raises(ArgumentError, match=r"even .* loses more than that"):
        allocate(model, data[:1], loss=0.0, options=coarse)
    with pytest.raises(ArgumentError, match=r"options is empty"):
        allocate(model, data[:1], options=[])
    with pytest.raises(ArgumentError, match=r"images is 0, rounds 2"):
        allocate(model, data[:1], images=0)
    with pytest.raises(ArgumentError, match=r"interval is 'per-channel': allocate has one B"):
        allocate(model, data[:1], interval="per-channel")
    with pytest.raises(ArgumentError, match=r"no interval for the ReLU at 'block1/relu1'"):
        allocate(model, data[:1], calibrate={"relu": 3.0})
    with pytest.raises(ArgumentError, match="nothing to allocate"):
        allocate(torch.nn.Linear(64, 10), [(torch.zeros(2, 64), torch.zeros(2).long())])
