"""A precision for each activation: the dynamic program against enumeration, the choice judged."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings, strategies as st

import polyapprox
from nn_bridge import ArgumentError, allocate, convert, evaluate
from nn_bridge.allocation import frontier
from nn_bridge.networks import find_network


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


@pytest.fixture(scope="module")
def digits():
    network = find_network("digits")
    return network.load(), list(network.batches(network.data("test"), 120))


def test_the_choice_keeps_what_it_promises_and_costs_less_than_uniform(digits):
    model, data = digits
    found = allocate(model, data, loss=0.005, margin=1.1, images=240)
    converted = convert(model, approximation=found.approximations, interval=found.bounds)
    assert evaluate(converted, data).accuracy == found.accuracy >= found.exact - 0.005
    assert converted.report.multiplications == found.cost < found.uniform
    assert found.saving == pytest.approx(1 - found.cost / found.uniform)
    assert {s.site: s.multiplications for s in converted.report.sites} == {
        site: r.multiplications for site, r in found.approximations.items()
    }


def test_the_prediction_is_that_of_the_deviation(digits):
    model, data = digits
    found = allocate(model, data, loss=0.005, margin=1.1, images=360)
    converted = convert(model, approximation=found.approximations, interval=found.bounds)
    with torch.no_grad():
        deviation = torch.cat([converted(x) - model(x) for x, _ in data])
    assert 0.4 < found.deviation / float(deviation.square().mean().sqrt()) < 2.5


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
