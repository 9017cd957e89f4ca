"""What a conversion takes by itself: nearer to the exact network on inputs that nothing was fitted to."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from nn_bridge import convert, evaluate, load_converted, save_converted
from nn_bridge.activations.default import network_relu
from nn_bridge.choosing import improving
from nn_bridge.models.networks import find_network


@pytest.fixture(scope="module")
def digits():
    found = find_network("digits")
    training = list(found.batches(found.data("train").first(384)))
    return found.load().eval(), training, list(found.batches(found.data("test").first(500)))


def far(one, other, batches):
    with torch.no_grad():
        parts = [(one(x).double() - other(x).double()).square().mean(1) for x, _ in batches]
    return float(torch.cat(parts).mean().sqrt())


@pytest.mark.parametrize("interval", ["per-layer", "per-channel"])
def test_digits_are_nearer_at_the_same_cost_and_precision(digits, interval):
    network, training, test = digits
    options = {"precision": 2**-5, "calibrate": training, "interval": interval}
    plain, better = convert(network, improve=False, **options), convert(network, **options)
    assert plain.report.improvement is None and better.report.improvement.taken
    assert far(better, network, test) < 0.6 * far(plain, network, test)  # images that it never saw
    assert evaluate(better, test).accuracy >= evaluate(plain, test).accuracy - 0.004
    for one, other in zip(better.report.sites, plain.report.sites, strict=True):
        assert (one.multiplications, one.levels, one.bound) == (other.multiplications, other.levels, other.bound)
    for site, activation in better.report.replacement.activations.items():
        assert activation.approximation.error_bound <= 2**-5, site
    assert better.report.improvement.taken in str(better.report)


def test_it_is_never_worse_on_what_was_held_out(digits, monkeypatch):
    _network, training, _ = digits
    judged = []
    judge = improving.Exact.judge
    monkeypatch.setattr(
        improving.Exact, "judge", lambda self, one: judged.append(judge(self, one)) or judged[-1]
    )
    for seed, power in ((0, 4), (1, 6), (2, 12)):
        torch.manual_seed(seed)
        other = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 5))
        judged.clear()
        converted = convert(other, precision=2.0**-power, calibrate=training)
        found = converted.report.improvement
        names = [name for name, _, _ in found.tried]
        assert found.judged >= 90 and names[0] == "as it is" and len(judged) == len(names)
        plain, taken = judged[0], judged[names.index(found.taken or "as it is")]
        assert taken.rms <= plain.rms and taken.agreeing >= plain.agreeing
        if found.taken:
            assert (taken.deviation - plain.deviation).mean() < 0


def test_a_change_that_is_worse_is_not_taken(digits, monkeypatch):
    network, training, _ = digits

    def spoil(one, loader):
        with torch.no_grad():
            next(one.parameters()).mul_(1.5)

    monkeypatch.setattr(improving, "correct_means", spoil)
    monkeypatch.setattr(improving, "correct_batch_norms", spoil)
    monkeypatch.setattr(improving, "_weigh", lambda *_: None)
    weights = copy.deepcopy(network.state_dict())
    converted = convert(network, precision=2**-5, calibrate=training)
    assert converted.report.improvement.taken == "" and len(converted.report.improvement.tried) == 3
    plain = convert(network, precision=2**-5, calibrate=training, improve=False)
    x = training[0][0]
    assert torch.equal(converted(x), plain(x))
    assert all(torch.equal(value, weights[key]) for key, value in network.state_dict().items())


def test_the_network_itself_is_changed_where_that_was_asked(digits):
    network, training, test = digits
    own = copy.deepcopy(network)
    assert convert(own, precision=2**-5, calibrate=training, inplace=True) is own
    twin = convert(network, precision=2**-5, calibrate=training)
    assert own.report.improvement == twin.report.improvement
    assert torch.equal(own(test[0][0]), twin(test[0][0]))


def test_circuits_that_were_given_stay(digits):
    network, training, _ = digits
    given = network_relu(precision=2**-5)
    converted = convert(network, precision=2**-5, approximation=given, calibrate=training)
    made = {a.approximation.plan.digest for a in converted.report.replacement.activations.values()}
    assert made == {given.plan.digest}
    assert all("weighted" not in name for name, _, _ in converted.report.improvement.tried)


def test_it_is_kept_in_files(digits, tmp_path):
    network, training, test = digits
    converted = convert(network, precision=2**-5, calibrate=training)
    path = save_converted(converted, tmp_path / "net.safetensors")
    again = load_converted(path, copy.deepcopy(network))
    assert torch.equal(again(test[0][0]), converted(test[0][0]))


def test_few_inputs_and_outputs_that_are_no_scores_are_told():
    x = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
    network = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
    few = convert(network, precision=2**-5, calibrate=[x[:100]])
    assert "100 inputs cannot both fit and judge" in few.report.improvement.reason

    class Odd(nn.Module):
        def forward(self, x):
            return {"mask": torch.relu(x)}

    assert "the network gave a dict" in convert(Odd(), precision=2**-5, calibrate=[x]).report.improvement.reason
    ranges = {"1": 3.0}
    assert convert(network, precision=2**-5, calibrate=ranges).report.improvement is None


def test_several_inputs_by_name():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 3)

        def forward(self, x, mask):
            return self.b(torch.relu(self.a(x * mask)))

    x = torch.randn(400, 6, generator=torch.Generator().manual_seed(0))
    batch = {"x": x, "mask": (x > -1).float(), "labels": torch.zeros(400)}
    found = convert(Masked(), precision=2**-4, calibrate=[batch]).report.improvement
    assert found.judged == 100 and len(found.tried) == 4


def test_one_lost_input_does_not_hide_the_others():
    """A network that explodes for one input of many is no better than one that is a little off for all."""
    few = torch.full((96,), 1e-3, dtype=torch.float64)
    judged = [
        improving._Judged(deviation, deviation > 100.0, agreeing)
        for deviation, agreeing in (
            (few, 0.97), (few.index_fill(0, torch.tensor([5]), 1e300), 0.97),
            (few.index_fill(0, torch.tensor([5, 6]), torch.inf), 0.97), (few / 2, 0.97), (few / 2, 0.96),
        )
    ]  # fmt: skip
    whole, one_lost, two_lost, nearer, fewer_agree = judged
    assert whole.better_than(one_lost) and not one_lost.better_than(whole)
    assert one_lost.better_than(two_lost) and not two_lost.better_than(one_lost)
    assert nearer.better_than(whole) and nearer.better_than(two_lost)
    assert not fewer_agree.better_than(whole) and not whole.better_than(whole)
    all_lost = improving._Judged(few, few > 0, 0.97)
    assert not all_lost.better_than(all_lost) and whole.better_than(all_lost)
