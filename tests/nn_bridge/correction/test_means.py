"""Mean errors of channels: what is subtracted, what it costs the bound, what a network gains."""

import copy
import pickle

import pytest
import torch
from torch import nn

from nn_bridge import ArgumentError, calibrate, convert, correct_means, evaluate
from nn_bridge.models.networks import find_network

INPUTS = torch.rand(64, 3, 5, 5, generator=torch.Generator().manual_seed(1)) * 4 - 2


def converted(**options) -> nn.Module:
    return convert(nn.Sequential(nn.ReLU()), precision=2**-5, interval=2.0, **options)


def test_the_mean_error_of_each_channel_vanishes() -> None:
    network = converted()
    exact = INPUTS.clamp(min=0)
    before = (network(INPUTS) - exact).mean(dim=(0, 2, 3))
    means = correct_means(network, [INPUTS])
    assert torch.allclose(means["0"].flatten().float(), before, atol=1e-6)
    after = (network(INPUTS) - exact).mean(dim=(0, 2, 3))
    assert after.abs().max() < 1e-6 < before.abs().max()


def test_the_proven_bound_is_widened_by_the_correction_and_holds() -> None:
    network = converted()
    bound = network.report.sites[0].error_bound
    means = correct_means(network, [INPUTS])
    wider = network.report.sites[0].error_bound
    assert wider == pytest.approx(bound + float(means["0"].abs().max()))
    assert (network(INPUTS) - INPUTS.clamp(min=0)).abs().max() <= wider


def test_in_place_gradient_copies_and_pickles_keep_the_correction() -> None:
    network = converted()
    correct_means(network, [INPUTS])
    value = network(INPUTS)
    twin = pickle.loads(pickle.dumps(copy.deepcopy(network)))
    assert torch.equal(twin(INPUTS), value)
    leaf = INPUTS.clone().requires_grad_()
    assert torch.allclose(network(leaf), value)
    in_place = convert(nn.Sequential(nn.ReLU(inplace=True)), precision=2**-5, interval=2.0)
    correct_means(in_place, [INPUTS.clone()])
    assert torch.allclose(in_place(INPUTS.clone()), value, atol=1e-6)


def test_a_second_correction_replaces_the_first() -> None:
    network = converted()
    first = correct_means(network, [INPUTS])
    second = correct_means(network, [INPUTS])
    assert torch.equal(first["0"], second["0"])


@pytest.mark.filterwarnings("ignore::nn_bridge.RangeWarning")  # inputs are outside on purpose
def test_digits_lose_less_with_it() -> None:
    """Logits of the digits network at a low precision: nearer to those of ReLU."""
    network = find_network("digits")
    model = network.load(None, None)
    train, test = (list(network.batches(network.data(s, None))) for s in ("train", "test"))
    ranges = calibrate(model, train)
    polynomial = convert(model, precision=2**-4, calibrate=ranges, margin=1.1)

    def distance() -> float:
        with torch.no_grad():
            gaps = [(polynomial(x) - model(x)).pow(2).mean() for x, _ in test]
        return float(torch.stack(gaps).mean())

    model.eval()
    polynomial.eval()
    before = distance()
    correct_means(polynomial, train)
    assert distance() < 0.5 * before
    assert evaluate(polynomial, test).accuracy > 0.9


@pytest.mark.filterwarnings("ignore::nn_bridge.RangeWarning")  # inputs are outside on purpose
@pytest.mark.parametrize("exploding", [slice(3, 4), slice(0, 32), slice(None)], ids=["one", "half", "all"])
def test_images_that_explode_are_not_counted(exploding) -> None:
    """Far outside of its interval a polynomial gives ∞, and the next layer NaN: no mean is made of that."""
    network = convert(
        nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3).eval(), nn.ReLU()), precision=2**-5, interval=2.0
    ).eval()  # fmt: skip
    images = INPUTS.clone()
    images[exploding] = 1e30
    with torch.no_grad():
        assert not network(images[exploding]).isfinite().any()
    means = correct_means(network, [images])
    assert all(bool(mean.isfinite().all()) for mean in means.values())
    assert all(0 < site.error_bound < 1 for site in network.report.sites)


def test_what_cannot_be_corrected_is_refused() -> None:
    with pytest.raises(ArgumentError, match="not converted"):
        correct_means(nn.Sequential(nn.ReLU()), [INPUTS])
    with pytest.raises(ArgumentError, match="no batch"):
        correct_means(converted(), [])
