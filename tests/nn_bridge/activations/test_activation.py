"""Evaluation of an approximation on tensors: value, type, chunks, derivative, policies."""

import copy
import pickle

import numpy as np
import pytest
import torch

import polyapprox
from nn_bridge import ArgumentError, ConversionError, OutOfRangeError, PolynomialActivation
from nn_bridge.activations.evaluator import Evaluator
from nn_bridge.activations.program import compile_plan
from polyapprox.plan.builder import PlanBuilder
from polyapprox.recipes.plans import polynomial_plan


@pytest.fixture(scope="module")
def direct():
    return polyapprox.relu(precision=2**-6, structure="direct")


@pytest.fixture(scope="module")
def composite():
    return polyapprox.relu(precision=2**-9, structure="composite")


def by_numpy(approximation, x):
    """r on [−1, 1] from its components, by numpy's Chebyshev series."""
    value = x
    for component in approximation.components:
        value = np.polynomial.chebyshev.chebval(value, component.as_floats())
    if approximation.structure == "direct":
        return value
    return x * (1 + value) / 2 + float(approximation.offset)


@pytest.mark.parametrize("name", ["direct", "composite"])
def test_value_agrees_with_numpy(name, request):
    approximation = request.getfixturevalue(name)
    x = torch.linspace(-3, 3, 4001, dtype=torch.float64)
    layer = PolynomialActivation(approximation, bound=3.0)
    expected = 3 * by_numpy(approximation, x.numpy() / 3)
    assert np.abs(layer(x).numpy() - expected).max() < 1e-13
    assert np.abs(layer(x.float()).double().numpy() - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["direct", "composite"])
def test_error_stays_below_the_proven_bound(name, request):
    layer = PolynomialActivation(request.getfixturevalue(name), bound=8.0)
    x = torch.linspace(-8, 8, 100_001, dtype=torch.float64)
    error = (layer(x) - torch.relu(x)).abs().max()
    assert 0.5 * layer.error_bound < error <= layer.error_bound * (1 + 1e-12)


def test_shapes_layouts_and_chunks(composite):
    layer = PolynomialActivation(composite, bound=4.0)
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(3, 5, 220, 221, generator=generator) * 8 - 4
    expected = layer(x.reshape(-1)).reshape(x.shape)
    assert x.numel() > 3 * 131072
    for view in (x, x.contiguous(memory_format=torch.channels_last), x.transpose(1, 3)):
        target = expected if view.shape == x.shape else expected.transpose(1, 3)
        assert torch.equal(layer(view), target)
        assert torch.equal(layer.apply_in_place(view.clone()), target)
    part = torch.cat([x, x], dim=3)[..., ::2]
    untouched = part.clone()
    assert torch.equal(layer(part), layer(untouched.contiguous()))
    assert torch.equal(part, untouched)
    assert layer(torch.tensor(1.0)).shape == ()
    assert layer(torch.empty(0, 3)).shape == (0, 3)


def test_types(composite):
    layer = PolynomialActivation(composite)
    for dtype in (torch.bfloat16, torch.float16, torch.float32, torch.float64):
        assert layer(torch.zeros(3, dtype=dtype)).dtype == dtype
    with pytest.raises(ArgumentError, match=r"int64: give real floating point"):
        layer(torch.zeros(3, dtype=torch.int64))


def test_float64_is_chosen_where_float32_cannot_carry_the_precision():
    coarse = Evaluator(polyapprox.relu(precision=2**-6))
    assert coarse.dtype == torch.float32
    assert 0 < coarse.evaluation_error <= coarse.error / 16
    fine = Evaluator(polyapprox.relu(precision=2**-20))
    assert fine.dtype == torch.float64
    assert fine.evaluation_error == 0
    x = torch.linspace(-1, 1, 10_001)
    forced = torch.empty_like(x)
    fine.write(x, 1.0, forced, torch.float32)
    chosen = torch.empty_like(x)
    fine.write(x, 1.0, chosen)
    exact = torch.as_tensor(fine.approximation.plan.run(x.double()))
    assert (forced - exact).abs().max() > fine.error / 16
    assert (chosen - exact).abs().max() < 2**-24


@pytest.mark.parametrize("name", ["direct", "composite"])
def test_derivative(name, request):
    layer = PolynomialActivation(request.getfixturevalue(name), bound=2.0)
    x = torch.linspace(-2, 2, 41, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x,))
    y = x.detach().clone().requires_grad_()
    layer.apply_in_place(y * 1.0).sum().backward()
    layer(x).sum().backward()
    assert torch.equal(x.grad, y.grad)


def test_outside_policies(composite):
    x = torch.tensor([-3.0, -2.0, 0.5, 2.0, 2.5])
    report = PolynomialActivation(composite, 2.0)
    report(x)
    report(x[1:4])
    assert (report.seen.elements, report.seen.outside, report.seen.largest) == (8, 2, 3.0)
    assert report.seen.share_outside == 0.25
    report.reset()
    assert report.seen.elements == 0
    clamp = PolynomialActivation(composite, 2.0, outside="clamp")
    assert torch.equal(clamp(x), report(x.clamp(-2, 2)))
    assert clamp.seen.outside == 2
    refuse = PolynomialActivation(composite, 2.0, outside="raise", name="layer7")
    assert refuse(x[1:4]).shape == (3,)
    with pytest.raises(OutOfRangeError, match=r"layer7 got 2 of 5 inputs .* the largest 3:"):
        refuse(x)


def test_not_a_number_counts_as_outside(composite):
    layer = PolynomialActivation(composite, 2.0)
    layer(torch.tensor([float("nan"), 1.0]))
    assert (layer.seen.outside, layer.seen.largest) == (1, float("inf"))


@pytest.mark.parametrize("bound", [0, -1.0, float("inf"), float("nan"), "3", None, True])
def test_bad_bound(composite, bound):
    with pytest.raises(ArgumentError, match="give a positive finite number"):
        PolynomialActivation(composite, bound)


def test_bad_approximations(composite):
    with pytest.raises(ArgumentError, match="choose 'report', 'raise' or 'clamp'"):
        PolynomialActivation(composite, 1.0, outside="ignore")
    for wrong in (
        polyapprox.abs(precision=2**-5),
        polyapprox.relu(precision=2**-5, interval=(-1, 2)),
    ):
        with pytest.raises(ConversionError, match="give one of 'relu' on an interval"):
            PolynomialActivation(wrong)


def test_approximation_on_another_interval(composite):
    wide = polyapprox.relu(precision=2**-9, interval=(-8, 8), structure="composite")
    x = torch.linspace(-8, 8, 1001, dtype=torch.float64)
    layer = PolynomialActivation(wide, bound=8.0)
    assert (layer(x) - wide.plan.run(x)).abs().max() < 1e-13
    half = PolynomialActivation(wide, bound=4.0)
    assert torch.allclose(half(x / 2), layer(x) / 2, rtol=0, atol=1e-13)
    assert half.error_bound == wide.error_bound / 2


def test_copies_compute_the_same(composite):
    layer = PolynomialActivation(composite, 2.0)
    x = torch.linspace(-2, 2, 101)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin(x), layer(x))
    assert not list(layer.state_dict())


def run_program(program, x):
    """Twice with the same calls, as for the pieces of a tensor."""
    registers = [torch.empty_like(x) for _ in range(program.registers)]
    scalars = program.scalars(x.dtype, x.device)
    calls, results = program.calls(registers, scalars), []
    for piece in (x + 1, x):
        registers[0].copy_(piece)
        results.append(torch.empty_like(x))
        for call in [*calls, *program.last_calls(registers, scalars, results[-1])]:
            call()
    assert not torch.equal(*results)
    return results[-1]


def test_fused_program_is_the_plan():
    generator = np.random.default_rng(5)
    for degree, parity in ((1, "odd"), (7, None), (12, "even"), (31, "odd"), (40, None)):
        coefficients = generator.normal(size=degree + 1)
        if parity:
            coefficients[(1 if parity == "even" else 0) :: 2] = 0
        polynomial = polyapprox.Polynomial.from_floats(coefficients, (-1, 1), parity)
        plan = polynomial_plan(polynomial)
        program = compile_plan(plan)
        x = torch.linspace(-1, 1, 501, dtype=torch.float64)
        result = run_program(program, x)
        expected = np.polynomial.chebyshev.chebval(x.numpy(), coefficients)
        assert np.abs(result.numpy() - expected).max() < 1e-11
        assert program.passes <= len(plan.operations)


def test_program_of_trivial_plans():
    builder = PlanBuilder()
    x = torch.tensor([1.0, -2.0])
    program = compile_plan(builder.finish(builder.arguments[0]))
    assert torch.equal(run_program(program.times(3.0), x), 3 * x)
