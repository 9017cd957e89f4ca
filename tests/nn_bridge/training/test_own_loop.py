"""NGNV and its kin in anybody's own loop."""

import copy

import pytest
import torch
import torch.nn.functional as functional
from relu_styles import seeded
from torch import nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

import nn_bridge
from nn_bridge import ArgumentError, ConversionError, Ranges, convert, sturdy
from nn_bridge.training import Forward, Noise


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


def test_whose_derivative_the_backward_pass_takes():
    slopes = {}
    for gradient in ("relu", "polynomial"):
        network, x = nn.Sequential(nn.Identity(), nn.ReLU()), torch.linspace(-3, 3, 61).requires_grad_()
        sturdy(network, polynomial=Forward((3,), gradient), interval=4.0)
        network.train()(x).sum().backward()
        slopes[gradient] = x.grad
    assert torch.equal(slopes["relu"], (x > 0).float())
    assert 0.01 < (slopes["polynomial"] - slopes["relu"]).abs().max() < 2


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


class Checkpointed(Mixed):
    def forward(self, x):
        inner = lambda h: self.act(self.second(functional.relu(self.first(h))))  # noqa: E731
        return self.last(functional.leaky_relu(checkpoint(inner, x, use_reentrant=False) - 0.1, 0.1))


WRAPS = {
    "whole": lambda model: lambda x: checkpoint(model, x, use_reentrant=False),
    "reentrant": lambda model: lambda x: checkpoint(model, x.clone().requires_grad_(), use_reentrant=True),
    "sequential": lambda model: lambda x: checkpoint_sequential([model], 1, x, use_reentrant=False),
    "compiled": lambda model: torch.compile(model, backend="aot_eager"),
}


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch's compiler asks for it
@pytest.mark.parametrize("noise", ["uniform", "error"])
@pytest.mark.parametrize("wrap", WRAPS)
def test_passes_that_are_computed_again_or_compiled_have_the_same_noise(noise, wrap):
    """Three passes of one step, whose backward passes come after all of them."""
    found = []
    for wrapped in (lambda model: model, WRAPS[wrap]):
        network = seeded(Mixed)
        sturdy(network, noise=noise, precision=range(2, 8), calibrate=[X], seed=3)
        run = wrapped(network.train())
        loss = sum(run(X + number).square().sum() for number in range(1 if wrap == "compiled" else 3))
        loss.backward()
        found.append([loss.detach(), *(p.grad for p in network.parameters())])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_segment_that_is_computed_again_costs_its_penalty_once(penalty):
    found = []
    for make in (Mixed, Checkpointed):
        network = seeded(make)
        handle = sturdy(network, precision=range(2, 8), calibrate=[X], margin=0.5, penalty=penalty)
        network.train()
        loss = network(X).sum() + network(2 * X).sum() + handle.penalty
        before = float(torch.as_tensor(handle.penalty).detach())
        loss.backward()
        found.append([loss.detach(), *(p.grad for p in network.parameters())])
        assert float(torch.as_tensor(handle.penalty).detach()) == before and (before > 0) == (penalty > 0)
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-5)


def test_a_checkpoint_that_cannot_have_the_same_noise_is_refused():
    network = seeded(Mixed)
    handle = sturdy(network, calibrate=[X], margin=0.5, penalty=1.0)
    given = X.clone().requires_grad_()
    checkpoint(network.train(), given, use_reentrant=True)
    with pytest.raises(ConversionError, match="the penalty has no gradient: the pass ran in"):
        _ = handle.penalty
    loss = checkpoint(network, given, use_reentrant=False, preserve_rng_state=False).sum()
    with pytest.raises(ConversionError, match=r"runs in the backward pass.*preserve_rng_state=True"):
        loss.backward()


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
    with pytest.raises(ArgumentError, match="precision is 4 beside a Noise"):
        sturdy(seeded(Mixed), noise=Noise("uniform"), precision=4, calibrate=[X])
    with pytest.raises(ArgumentError, match=r"noise.kind is 'error' beside forward"):
        sturdy(seeded(Mixed), noise="error", polynomial=[4, 5], calibrate=[X])
    network = seeded(Mixed)
    sturdy(network, calibrate=[X])
    with pytest.raises(ConversionError, match="already converted"):
        sturdy(network, calibrate=[X])


def test_circuits_fitted_to_inputs_are_refused():
    with pytest.raises(ArgumentError, match=r"forward\.approximation is 'weighted', which fit has for networks by name"):
        sturdy(nn.Sequential(nn.Linear(4, 2), nn.ReLU()), polynomial=Forward((5,), approximation="weighted"), interval=4.0)
