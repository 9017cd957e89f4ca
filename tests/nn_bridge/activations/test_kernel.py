"""Compiled kernels: equal to the plan in float64, and to torch where there is no compiler."""

import math
import pickle

import pytest
import torch

import polyapprox
from nn_bridge import PolynomialActivation
from nn_bridge.activations import kernel
from nn_bridge.activations.default import network_relu
from nn_bridge.activations.evaluator import COMPILE, Evaluator
from nn_bridge.activations.kernel import compiled_noise, compiler_path, in_parts, load_library
from nn_bridge.training.configuration import Noise
from nn_bridge.training.noise import NoisePool, _in_one_pass, erring_relu, noisy_relu, random_noise

BOUND = 4.0
needs_compiler = pytest.mark.skipif(compiler_path() is None, reason="there is no C compiler")


@pytest.fixture(params=["circuit", "composite"], scope="module")
def approximation(request):
    if request.param == "circuit":
        return network_relu(precision=2**-6)
    return polyapprox.relu(precision=2**-7, offset=False, structure="composite")


@pytest.fixture
def without_compiler(monkeypatch):
    monkeypatch.setenv("CC", "off")
    load_library.cache_clear()
    yield
    load_library.cache_clear()


def points(dtype=torch.float32, layout=torch.channels_last):
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(16, 16, 32, 34, generator=generator, dtype=torch.float64) * 2 * BOUND - BOUND
    assert x.numel() > COMPILE
    return x.to(dtype).contiguous(memory_format=layout)


def exact(approximation, x):
    """Value and derivative by the plan in float64, times what scales them to [−B, B]."""
    radius = float(approximation.interval[1])
    u = (x.detach().double() * radius / BOUND).requires_grad_()
    value = approximation.plan.run(u)
    (slope,) = torch.autograd.grad(value.sum(), u)
    return value.detach() * BOUND / radius, slope


TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-13, torch.bfloat16: 2**-8}


@needs_compiler
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_value_and_derivative_are_the_plans(approximation, dtype, layout):
    evaluator = Evaluator(approximation)
    x = points(dtype, layout)
    value, slope = exact(approximation, x)
    result = torch.empty_like(x)
    evaluator.write(x, BOUND, result)
    pulled = evaluator.pull_back(x, BOUND, torch.full_like(x, 2.0))
    assert all(made is not None for made in evaluator.kernels.values()) and evaluator.kernels
    assert result.stride() == x.stride() and pulled.stride() == x.stride()
    limit = TOLERANCE[dtype]
    assert (result.double() - value).abs().max() < 10 * limit
    largest = float(slope.abs().max())
    assert (pulled.double() / 2 - slope).abs().max() < 40 * limit * max(largest, 1.0)


@needs_compiler
def test_the_measured_error_covers_the_kernel(approximation):
    evaluator = Evaluator(approximation)
    x = points()
    result = torch.empty_like(x)
    evaluator.write(x, BOUND, result)
    value, _ = exact(approximation, x)
    rounding = float((result.double() - value).abs().max()) / BOUND
    assert 0 < rounding < 2 * evaluator.evaluation_error


@needs_compiler
def test_torch_and_kernel_agree(approximation, request):
    fast, x = Evaluator(approximation), points()
    y = fast.below(x, 2.0, 0.5), torch.empty_like(x)
    fast.write(x, BOUND, y[1])
    request.getfixturevalue("without_compiler")
    slow = Evaluator(approximation)
    z = slow.below(x, 2.0, 0.5), torch.empty_like(x)
    slow.write(x, BOUND, z[1])
    assert list(slow.kernels.values()) == [None]
    for one, other in zip(y, z, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_below_is_relu_with_the_error_at_negative_inputs(approximation):
    x = points().requires_grad_()
    found = erring_relu(x, Evaluator(approximation), BOUND, "after", 3.0)
    value, _ = exact(approximation, x)
    expected = torch.where(x > 0, x.double(), 3 * value)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=2e-5)
    (slope,) = torch.autograd.grad(found.sum(), x)
    assert torch.equal(slope, (x > 0).float())


def test_noise_is_the_same_with_and_without_a_compiler(request):
    x = points().requires_grad_()
    pool = NoisePool("uniform", 1)
    noise = random_noise(x, Noise("uniform"), pool, torch.Generator().manual_seed(1))
    y = noisy_relu(x, noise, "after", 0.25)
    assert (compiled_noise() is None) == (compiler_path() is None)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(slope, (x > 0).float())
    request.getfixturevalue("without_compiler")
    assert compiled_noise() is None
    assert torch.equal(y, noisy_relu(x, noise, "after", 0.25))
    assert torch.equal(y, torch.where(x > 0, x, 0.25 * noise))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_noise_before_is_the_same_with_and_without_a_compiler(request, dtype, layout):
    x, noise = points(dtype, layout), points(torch.float32, layout).flip(0)
    x[0, 0, 0, 0] = torch.nan
    x.requires_grad_()

    def both():
        y = noisy_relu(x, noise, "before", 0.37)
        return y, *torch.autograd.grad(y.sum(), x)

    assert (_in_one_pass("lifted", x.detach(), noise, 0.37) is None) == (compiler_path() is None)
    found = both()
    request.getfixturevalue("without_compiler")
    for one, other in zip(found, both(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
        assert one.stride() == other.stride()
    assert found[0][0, 0, 0, 0].isnan() and ((found[0] > 0) & (x <= 0)).any()


def test_an_evaluator_with_kernels_can_be_pickled(approximation):
    evaluator, x = Evaluator(approximation), points()
    y, z = torch.empty_like(x), torch.empty_like(x)
    evaluator.write(x, BOUND, y)
    pickle.loads(pickle.dumps(evaluator)).write(x, BOUND, z)
    assert torch.equal(y, z)


def test_a_compiler_that_fails_is_no_compiler(monkeypatch, tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    monkeypatch.setenv("POLYAPPROX_CACHE", str(tmp_path / "cache"))
    assert load_library("int one(void) { return 1; }") is None
    assert list((tmp_path / "cache" / "kernels").iterdir()) == []
    load_library.cache_clear()


@needs_compiler
def test_shared_objects_are_kept_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("POLYAPPROX_CACHE", str(tmp_path))
    source = "int kept(int x) { return x + 1; }"
    assert load_library(source).kept(1) == 2
    assert len(list((tmp_path / "kernels").glob("*.so"))) == 1
    load_library.cache_clear()
    monkeypatch.setattr(kernel, "_compile", None)  # not needed again
    assert load_library(source).kept(2) == 3
    load_library.cache_clear()


def test_parts_cover_everything_once():
    done = torch.zeros(100_001, dtype=torch.int64)

    def part(start, stop):
        done[start:stop] += 1

    in_parts(part, len(done))
    assert done.eq(1).all()


@needs_compiler
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_largest_input_is_found_on_the_way(approximation, dtype):
    evaluator, x = Evaluator(approximation), points(dtype)
    x[3, 2, 1, 0] = -BOUND * 1.5
    y = torch.empty_like(x)
    assert evaluator.write(x, BOUND, y) == float(x.abs().max()) == BOUND * 1.5
    x[1, 1, 1, 1] = torch.nan
    assert math.isnan(evaluator.write(x, BOUND, y))
    assert torch.isnan(y[1, 1, 1, 1])


def test_inputs_are_counted_alike_in_one_pass_and_in_two(approximation, request):
    x = points()
    x[0, :3, 0, 0] = torch.tensor([-7.0, 9.0, torch.nan])
    seen = []
    for _ in range(2):
        layer = PolynomialActivation(approximation, bound=BOUND)
        layer(x)
        seen.append(layer.seen)
        layer = PolynomialActivation(approximation, bound=BOUND)
        layer(x.clone().requires_grad_())
        seen.append(layer.seen)
        request.getfixturevalue("without_compiler")
    assert seen[0].outside == 3 and math.isinf(seen[0].largest)
    assert all(one == seen[0] for one in seen)
