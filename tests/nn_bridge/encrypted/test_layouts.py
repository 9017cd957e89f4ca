"""Matrices by diagonals, done on slots as an evaluator does them, and levels chosen by a program."""

import itertools

import numpy as np
import pytest
import torch
from scipy import sparse

from nn_bridge.encrypted.chain import Chain, chain_for
from nn_bridge.encrypted.costs import Costs
from nn_bridge.encrypted.layouts import choose_layout, diagonals, entries, first_layout
from nn_bridge.encrypted.memory import forecast, require_memory
from nn_bridge.encrypted.planning import Choice, Sizes, best_chain, front, own_plans, place
from nn_bridge.encrypted.program import Layer, Program
from nn_bridge.errors import ArgumentError
from polyapprox import circuit

DRAWN = np.random.default_rng(3)


def convolution(channels: int, out: int, side: int, stride: int) -> sparse.csr_array:
    from nn_bridge.encrypted.matrices import affine_map

    weight = torch.from_numpy(DRAWN.normal(size=(out, channels, 3, 3)))
    call = (None, weight, None, stride, 1)
    return affine_map("conv2d", None, (channels, side, side), call, {}, "").matrix


def on_slots(blocks, layout, columns: np.ndarray) -> np.ndarray:
    """What the evaluator computes: rotations, products, sums, and folds at the end."""
    made = np.zeros((layout.ciphertexts, layout.slots))
    for (i, j), (indices, values) in blocks.items():
        for index, diagonal in zip(indices, values, strict=True):
            made[i] += diagonal * np.roll(columns[j], -index)
    turn = layout.slots // 2
    while turn >= layout.height:
        made += np.roll(made, -turn, axis=1)
        turn //= 2
    return made


@pytest.mark.parametrize("slots", [64, 256, 2048])
@pytest.mark.parametrize("channels, out, side, stride", [(1, 4, 8, 1), (4, 8, 8, 2), (3, 5, 7, 2)])
def test_diagonals_compute_the_matrix(slots, channels, out, side, stride):
    first = first_layout((channels, side, side), slots)
    matrix = convolution(channels, out, side, stride)
    after = -(-side // stride)
    layout = choose_layout((out, after, after), [(matrix, first)])
    x = DRAWN.normal(size=(channels, side, side))
    blocks = diagonals(entries([(matrix, first)], [2.0], layout), layout)
    found = layout.unpack(on_slots(blocks, layout, first.pack(x)))
    assert np.abs(found.reshape(-1) - 2 * (matrix @ x.reshape(-1))).max() < 1e-12
    assert layout.gap == stride


def test_a_strided_convolution_has_no_more_diagonals_than_its_weights():
    first = first_layout((4, 8, 8), 256)
    matrix = convolution(4, 16, 8, 2)
    layout = choose_layout((16, 4, 4), [(matrix, first)])
    ((indices, _),) = diagonals(entries([(matrix, first)], [1.0], layout), layout).values()
    assert len(indices) <= 9 * 4 * 4


def a_program(sources: list[list[int]]) -> Program:
    plan = circuit("relu", multiplications=3).plan
    one = sparse.csr_array(np.eye(1))
    layers = [
        Layer("", tuple((s, one) for s in given), np.zeros(1), (1,), plan) for given in sources[:-1]
    ]
    last = Layer("", tuple((s, one) for s in sources[-1]), np.zeros(1), (1,), None)
    return Program((1,), (*layers, last))


def by_brute_force(program: Program, sizes: list[Sizes], levels: int, costs: Costs) -> float:
    """All choices of levels and bootstraps, one after another, by the rules alone."""
    ring, best = 1 << 12, np.inf
    depths = [3] * (len(program.layers) - 1)
    for refreshed in itertools.product([False, True], repeat=len(depths)):
        for ends in itertools.product(range(1, levels), repeat=len(depths)):
            known, total = [levels], 0.0
            for k, layer in enumerate(program.layers):
                there = min(known[s] for s, _ in layer.terms)
                last = k == len(depths)
                level = 1 if last else 2 if refreshed[k] else ends[k] + 4
                start = 0 if last else ends[k] + 3
                if level > there or start > levels:
                    break
                total += costs.matrix(ring, sizes[k].diagonals, 1, level)
                if not last:
                    total += sizes[k].ciphertexts * costs.plan(ring, Choice(layer.plan).work, start)
                    if refreshed[k]:
                        total += sizes[k].ciphertexts * costs.refresh(ring, levels)
                    known.append(ends[k])
            else:
                best = min(best, total)
    return best


@pytest.mark.parametrize("sources", [[[0], [1], [2], [3]], [[0], [1], [2, 1], [3, 0]]])
@pytest.mark.parametrize("levels", [4, 5, 7, 9])
def test_placement_is_the_cheapest_there_is(sources, levels):
    program = a_program(sources)
    sizes = [Sizes(4, 30), Sizes(1, 900), Sizes(2, 10), Sizes(1, 5)]
    costs = Costs()
    found = place(program, own_plans(program), sizes, 1 << 12, levels, costs)
    best = by_brute_force(program, sizes, levels, costs)
    if found is None:
        assert best == np.inf
    else:
        assert found.seconds == pytest.approx(best, rel=1e-12)


def test_where_many_values_are_held_the_placement_says_that_it_is_not_exact(monkeypatch):
    from nn_bridge.encrypted import planning

    program = a_program([[0], [1], [2, 1], [3, 2, 1], [4, 3, 2]])
    sizes, costs, levels = [Sizes(2, 30)] * 5, Costs(), 8
    exact = place(program, own_plans(program), sizes, 1 << 12, levels, costs)
    monkeypatch.setattr(planning, "_STATES", 1)
    found = place(program, own_plans(program), sizes, 1 << 12, levels, costs)
    assert exact is not None and exact.exact
    assert found is not None and not found.exact
    assert exact.seconds <= found.seconds < 1.5 * exact.seconds
    known = [levels]
    for layer, step in zip(program.layers, found.steps, strict=True):  # by the rules
        assert step.level <= min(known[source] for source, _ in layer.terms)
        assert step.start <= (levels if step.bootstrap else step.level - 1)
        known.append(step.end)


def test_the_front_holds_the_best_of_every_weight_and_every_mixture_of_plans():
    program = a_program([[0], [1], [2, 1], [3]])
    sizes, costs = [Sizes(4, 30), Sizes(2, 90), Sizes(1, 10), Sizes(1, 5)], Costs()
    plans = [circuit("relu", multiplications=m).plan for m in (3, 5)]
    penalties = [(1.0, 0.1), (3.0, 0.2), (0.5, 0.4)]
    choices = [[Choice(p, e) for p, e in zip(plans, both, strict=True)] for both in penalties]
    choices.append([Choice(None)])
    weights = [0.0, 0.01, 0.1, 1.0, 10.0]
    found = front(program, choices, sizes, 1 << 12, costs, range(5, 12), weights)
    assert [p.penalty for _, p in found] == sorted((p.penalty for _, p in found), reverse=True)
    assert found[0][1].penalty > found[-1][1].penalty == pytest.approx(0.7)
    for weight in weights:
        best = np.inf
        for mixture in itertools.product(range(2), repeat=3):
            single = [[one[i]] for one, i in zip(choices, (*mixture, 0), strict=False)]
            single[3:] = [choices[3]]
            _, one = best_chain(program, single, sizes, 1 << 12, costs, range(5, 12))
            best = min(best, one.seconds + weight * one.penalty)
        reached = min(p.seconds + weight * p.penalty for _, p in found)
        assert reached == pytest.approx(best, rel=1e-12)


def test_a_chain_that_is_too_short_is_refused():
    program = a_program([[0], [1], [2]])
    with pytest.raises(ArgumentError, match="a plan of 3 levels needs a chain of 5 or more"):
        best_chain(program, own_plans(program), [Sizes(1, 1)] * 3, 1 << 12, Costs(), [3])


def test_security_is_said_by_the_tables_of_the_standard():
    assert "not secure (128 bit needs log2 QP <= 218)" in Chain(1 << 13, 7).security
    secure = chain_for(1 << 16, 9)
    assert secure.modulus_bits == 55 + 9 * 40 + 821 + 8 * 61
    assert "128 bit by the tables of the HE standard" in secure.security


def test_a_run_that_does_not_fit_is_refused_and_told_what_would(monkeypatch):
    from nn_bridge.encrypted import memory
    from nn_bridge.encrypted.compiling import prepare

    prepared = prepare(a_program([[0], [1], [2]]), 1 << 15, levels=5)
    small = prepare(a_program([[0], [1], [2]]), 1 << 12, levels=5)
    monkeypatch.setattr(memory, "available_memory", lambda: forecast(small).least)
    with pytest.raises(ArgumentError, match=r"would need \d+ MiB .* a ring of 2\^12 would fit"):
        require_memory(prepared)
    monkeypatch.setattr(memory, "available_memory", lambda: 1)
    with pytest.raises(ArgumentError, match="no ring would fit"):
        require_memory(prepared)
