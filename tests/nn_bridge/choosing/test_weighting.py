"""Approximations weighted by measured ranges: cost, bounds, accuracy of the network of digits."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import polyapprox
from nn_bridge import convert, evaluate
from nn_bridge.activations.default import network_relu
from nn_bridge.choosing.weighting import unit_histograms, weighted
from nn_bridge.errors import ArgumentError
from nn_bridge.experiments.accuracy import AccuracyConfiguration, run_accuracy
from nn_bridge.models.networks import find_network
from nn_bridge.ranges.calibration import measure
from polyapprox.weighted import weighted_error

SMALL = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 2))


@pytest.fixture(scope="module")
def digits():
    found = find_network("digits")
    network = found.load()
    ranges = measure(network, found.batches(found.data("train")))
    return network, ranges, list(found.batches(found.data("test")))


@pytest.fixture(scope="module")
def small():
    network = copy.deepcopy(SMALL)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator))
    inputs = torch.randn(500, 4, generator=generator)
    return network, inputs


def test_the_cost_is_that_of_the_default_and_the_weighted_error_is_smaller(digits) -> None:
    _, ranges, _ = digits
    for power in (4, 5, 6):
        found = weighted(ranges, precision=2.0**-power, margin=1.25)
        default = network_relu(precision=2.0**-power)
        histograms = unit_histograms(ranges, "per-layer", 1.25)
        assert list(found) == list(ranges.sites) == list(histograms)
        for site, one in found.items():
            assert (one.multiplications, one.levels) == (default.multiplications, default.levels)
            assert one.error_bound <= 8 * default.error_bound
            errors = [weighted_error(r, histogram=histograms[site]).rms for r in (one, default)]
            assert errors[0] < errors[1]


def test_a_network_at_two_multiplications_loses_less(digits) -> None:
    network, ranges, test = digits
    plain = polyapprox.circuit("relu", multiplications=2)
    correct = {
        interval: [
            evaluate(
                convert(network, approximation=a, interval=interval, calibrate=ranges, margin=1.25),
                test,
            ).correct
            for a in (
                plain, weighted(ranges, multiplications=2, interval=interval, margin=1.25)
            )
        ]
        for interval in ("per-layer", "global")
    }  # fmt: skip
    assert correct["per-layer"][1] >= correct["per-layer"][0] + 2
    assert correct["global"][1] >= correct["global"][0] + 100


def test_the_error_of_each_layer_is_within_its_proven_bound(small) -> None:
    network, inputs = small
    ranges = measure(network, [inputs])
    found = weighted(ranges, multiplications=3, margin=1.25)
    converted = convert(network, approximation=found, calibrate=ranges, margin=1.25)
    site = converted.report.sites[0]
    assert site.multiplications == 3
    inside = network[0](inputs)
    assert inside.abs().max() <= site.bound
    exact, ours = inside.clamp(min=0), converted[1](inside)
    assert (ours - exact).abs().max() <= site.error_bound


def test_unit_histograms_are_those_of_the_inputs(small) -> None:
    network, inputs = small
    ranges = measure(network, [inputs], channels=True)
    x = network[0](inputs).detach().double().numpy()
    bound = 1.25 * np.abs(x).max()
    edges, shares = unit_histograms(ranges, "per-layer", 1.25)["1"]
    assert shares.sum() == pytest.approx(1.0)
    middle = (edges[1:] + edges[:-1]) / 2
    assert shares @ middle**2 == pytest.approx(float(np.mean((x / bound) ** 2)), rel=1e-3)
    by_channel = 1.25 * np.abs(x).max(axis=0)
    bounds = {"1": torch.tensor(by_channel), "3": 40.0}
    edges, shares = unit_histograms(ranges, bounds, 1.0)["1"]
    assert shares @ middle**2 / shares.sum() == pytest.approx(
        float(np.mean((x / by_channel) ** 2)), rel=1e-3
    )


def test_inputs_outside_are_left_out(small) -> None:
    network, inputs = small
    ranges = measure(network, [inputs])
    x = network[0](inputs).detach().abs()
    bound = float(x.median())
    _, shares = unit_histograms(ranges, bound, 1.0)["1"]
    assert shares.sum() == pytest.approx(0.5, abs=0.02)


def test_one_approximation_for_all(digits) -> None:
    _, ranges, _ = digits
    found = weighted(ranges, multiplications=3, margin=1.25, shared=True)
    assert len({id(one) for one in found.values()}) == 1
    single = weighted(ranges, multiplications=3, margin=1.25)
    histograms = unit_histograms(ranges, "per-layer", 1.25)
    errors = {
        site: [weighted_error(one[site], histogram=histograms[site]).rms for one in (single, found)]
        for site in found
    }
    assert all(own <= common * 1.001 for own, common in errors.values())


def test_only_relus_are_weighed() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.GELU(), nn.Linear(3, 1))
    ranges = measure(network, [torch.randn(50, 3)])
    assert list(weighted(ranges, multiplications=2)) == ["1"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one of precision"),
        ({"precision": 2**-6, "multiplications": 3}, "exactly one of precision"),
        ({"precision": 2.0**-18}, "needs more than the 15 multiplications"),
        ({"multiplications": 0}, "multiplications must be a whole number"),
        ({"multiplications": 3, "margin": 0.0}, "margin is 0.0"),
        ({"multiplications": 3, "cap": 0.2}, "cap must be a number from 1 to 10000"),
        ({"multiplications": 3, "interval": "per-channel"}, "give a dict with the B of each channel"),
        ({"multiplications": 3, "interval": "wide"}, "interval is 'wide'"),
        ({"multiplications": 3, "interval": {"1": 4.0}}, "interval has no B for 3"),
        (
            {"multiplications": 3, "interval": {"1": torch.ones(3), "3": 4.0}},
            "has 3 channels, the ranges have 1",
        ),
    ],
    ids=str,
)
def test_bad_input(small, given: dict, message: str) -> None:
    network, inputs = small
    ranges = measure(network, [inputs])
    with pytest.raises(polyapprox.errors.ArgumentError, match=message):
        weighted(ranges, **given)


def test_ranges_need_histograms_and_a_relu(small) -> None:
    network, inputs = small
    with pytest.raises(ArgumentError, match="hold no histogram"):
        weighted(measure(network, [inputs], bins=0), multiplications=3)
    gelu = nn.Sequential(nn.Linear(3, 3), nn.GELU())
    with pytest.raises(ArgumentError, match="hold no ReLU"):
        weighted(measure(gelu, [torch.randn(5, 3)]), multiplications=3)


def test_the_experiment_measures_them(tmp_path) -> None:
    path = tmp_path / "records.jsonl"
    given = AccuracyConfiguration(
        first=4, last=4, intervals=("global", "per-channel", "30"), limit=60,
        approximations=("ours", "weighted"), calibration_images=150,
    )  # fmt: skip
    records = run_accuracy(given, path)
    by = {(r["approximation"], r.get("interval")): r for r in records}
    for interval in given.intervals:
        ours, other = (by[name, interval] for name in ("ours", "weighted"))
        assert other["key"] != ours["key"]
        assert other["multiplications"] == ours["multiplications"] == 3
        assert ours["proven_error"] < other["proven_error"] <= 8 * ours["proven_error"]
        assert len(other["proven_errors"]) == 6 and other["cap"] == 8
    assert by["weighted", "global"]["correct"] >= by["ours", "global"]["correct"]
    assert by["weighted", "30"]["correct"] >= by["ours", "30"]["correct"] + 10
    text = path.read_text()
    assert run_accuracy(given, path) == records and path.read_text() == text
    wider = run_accuracy(replace(given, cap=3.0), path)
    assert {r["key"] for r in wider} & {r["key"] for r in records if r["approximation"] == "ours"}
    assert all(r["key"] not in text for r in wider if r["approximation"] == "weighted")


def test_the_experiment_refuses_a_cap_below_one(tmp_path) -> None:
    with pytest.raises(ArgumentError, match=r"cap is 0\.5"):
        run_accuracy(AccuracyConfiguration(cap=0.5), tmp_path / "r.jsonl")
