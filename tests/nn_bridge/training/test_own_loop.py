"""NGNV and its kin in anybody's own loop."""

import copy

import pytest
import torch
import torch.nn.functional as functional
from relu_styles import seeded
from torch import nn
from torch.utils.checkpoint import checkpoint

import nn_bridge
from nn_bridge import ArgumentError, ConversionError, Ranges, convert, sturdy
from nn_bridge.training import Noise


def inputs(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 16)
        self.second = nn.Linear(16, 16)
        self.act = nn.GELU()
        self.last = nn.Linear(16, 3)

    def forward(self, x):
        x = functional.relu(self.first(x))
        x = self.act(self.second(x))
        return self.last(functional.leaky_relu(x - 0.1, 0.1))


X, Y = inputs(96, 4), torch.arange(96) % 3


@pytest.mark.parametrize("noise", ["uniform", "gaussian", "error"])
@pytest.mark.parametrize("side", ["negative", "positive", "both"])
def test_every_activation_gets_noise_on_its_side_in_training_alone(noise, side):
    for layer in (nn.ReLU(), nn.GELU(), nn.SiLU(), nn.ReLU6(), nn.LeakyReLU(), nn.Tanh()):
        network = nn.Sequential(nn.Identity(), layer)
        x = torch.linspace(-3, 3, 601)
        kind = Noise(kind=noise, strength=2.0, precision=(4,), side=side)
        handle = sturdy(network, noise=kind, interval=4.0)
        moved = network.train()(x) - layer(x)
        wanted = {"negative": x <= 0, "positive": x > 0, "both": x == x}[side]
        assert moved[~wanted].abs().sum() == 0, type(layer)
        assert (moved[wanted] != 0).float().mean() > 0.9, type(layer)
        assert torch.equal(network.eval()(x), layer(x))
        assert type(handle.off()[1]) is type(layer)


def test_the_polynomial_itself_stands_in_the_forward_pass():
    network = seeded(Mixed)
    exact = copy.deepcopy(network)
    handle = sturdy(network, polynomial=5, calibrate=[X], margin=1.5)
    converted = convert(exact, precision=2**-5, calibrate=[X], margin=1.5)
    difference = (network.train()(X) - exact(X)).abs().max()
    assert 1e-4 < difference < 1.5 and (network(X) - converted(X)).abs().max() < difference
    network(X).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    handle.off()


def accuracy_of_training(**arguments):
    torch.manual_seed(3)
    network = seeded(Mixed)
    handle = sturdy(network, calibrate=[X], **arguments)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    losses = []
    for epoch in range(30):
        if epoch % 10 == 9:
            handle.renew()
        loss = functional.cross_entropy(network.train()(X), Y) + handle.penalty
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    handle.off()
    return network, losses


def test_a_plain_loop_trains_and_is_repeated_by_its_seed():
    network, losses = accuracy_of_training(noise="uniform", precision=range(4, 7), penalty=0.1, steps=30)
    assert losses[-1] < 0.8 * losses[0]
    again, same = accuracy_of_training(noise="uniform", precision=range(4, 7), penalty=0.1, steps=30)
    assert same == losses
    assert type(network) is Mixed
    assert list(network.state_dict()) == list(seeded(Mixed).state_dict())
    _, other = accuracy_of_training(noise="uniform", precision=range(4, 7), penalty=0.1, seed=1)
    assert other != losses
    assert isinstance(nn_bridge.measure(again, [X]), Ranges)


def test_checkpointing_computes_the_same_noise_twice():
    class Checkpointed(nn.Module):
        def __init__(self, whole):
            super().__init__()
            self.body, self.whole = seeded(Mixed), whole

        def forward(self, x):
            return self.body(x) if self.whole else checkpoint(self.body, x, use_reentrant=False)

    gradients = []
    for whole in (True, False):
        network = Checkpointed(whole).train()
        handle = sturdy(network.body, noise="uniform", precision=4, calibrate=[X])
        handle._hook.remove()
        handle.activations.training = True
        handle.step()
        network(X).square().sum().backward()
        gradients.append([p.grad.clone() for p in network.body.parameters()])
    for one, other in zip(*gradients, strict=True):
        assert torch.equal(one, other)


def test_autocast():
    network = seeded(Mixed)
    sturdy(network, noise="uniform", precision=4, calibrate=[X])
    with torch.autocast("cpu", torch.bfloat16):
        loss = functional.cross_entropy(network.train()(X).float(), Y)
    loss.backward()
    assert torch.isfinite(loss)


def test_ranges_are_renewed():
    network = seeded(Mixed)
    handle = sturdy(network, noise="uniform", calibrate=[X], margin=1.0)
    before = dict(handle.activations.bounds)
    with torch.no_grad():
        network.first.weight.mul_(3)
        network.first.bias.mul_(3)
    after = handle.renew()
    assert after["/relu1"] == pytest.approx(3 * before["/relu1"], rel=1e-6)


def test_bad_input():
    with pytest.raises(ArgumentError, match="calibrate is missing: noise counts in units"):
        sturdy(seeded(Mixed))
    with pytest.raises(ArgumentError, match=r"noise.kind is 'unifrom'"):
        sturdy(seeded(Mixed), noise="unifrom", calibrate=[X])
    with pytest.raises(ConversionError, match="no activation"):
        sturdy(nn.Sequential(nn.Linear(2, 2)), interval=1.0)
    network = seeded(Mixed)
    sturdy(network, calibrate=[X])
    with pytest.raises(ConversionError, match="already converted"):
        sturdy(network, calibrate=[X])
