# SPDX-License-Identifier: Apache-2.0
"""From a program to what a server runs: layouts, levels, bootstraps, and a model file a layer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polyapprox.encrypted.frameworks.lattigo_model import INPUT, Graph, model
from polyapprox.plan import Plan

from ..errors import ArgumentError
from .chain import Chain, chain_for
from .costs import Costs
from .engine import moduli
from .folder import Described, write_bytes
from .layouts import Layout, choose_layout, diagonals, entries, first_layout
from .lowering import lower, lower_series
from .planning import Choices, Placement, Sizes, best_chain, own_plans
from .program import Layer, Program

RATIO = 4  # baby steps for each giant step: the others are hoisted, and cost less
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Prepared:
    """A program with its layouts and levels, before any file or key is made.

    Attributes
    ----------
    program : Program
    chain : Chain
    layouts : tuple of Layout
    sizes : tuple of Sizes
    placement : Placement
    """

    program: Program
    chain: Chain
    layouts: tuple[Layout, ...]
    sizes: tuple[Sizes, ...]
    placement: Placement


def prepare(
    program: Program,
    ring: int,
    *,
    levels: int | None = None,
    costs: Costs | None = None,
    highest: int | None = None,
) -> Prepared:
    """Lay out a program in a ring, and place its bootstraps.

    Parameters
    ----------
    program : Program
    ring : int
    levels : int, optional
        Of the chain behind a bootstrap; by default what the model of costs finds best.
    costs, highest
        See :func:`nn_bridge.encrypted.planning.place`.

    Raises
    ------
    ArgumentError
        If the ring is too small for the image, or the chain too short for a plan.
    """
    layouts, sizes = lay_out(program, ring)
    choices = own_plans(program)
    lengths = chains(ring, choices) if levels is None else [levels]
    found, placement = best_chain(program, choices, sizes, ring, costs or Costs(), lengths, highest)
    return Prepared(program, chain_for(ring, found), layouts, sizes, placement)


def lay_out(program: Program, ring: int) -> tuple[tuple[Layout, ...], tuple[Sizes, ...]]:
    """Layouts of the image and of each layer's values, and what the layers cost.

    Raises
    ------
    ArgumentError
        If the ring is too small for the image, or none.
    """
    Chain(ring, 2)  # refuses what is no ring
    first = first_layout(program.shape, ring // 2)
    plane = int(np.prod(first.grid))
    if plane > first.slots:
        raise ArgumentError(
            f"a channel of the image fills {plane} slots and a ring of {ring} has {first.slots}: "
            f"use one of {2 * plane} or more"
        )
    layouts, sizes = [first], []
    for layer in program.layers:
        terms = [(matrix, layouts[source]) for source, matrix in layer.terms]
        layout = choose_layout(layer.shape, terms)
        layouts.append(layout)
        sizes.append(_size(terms, layout))
    return tuple(layouts), tuple(sizes)


def chains(ring: int, choices: Choices) -> list[int]:
    """Lengths to choose from: of secure ones alone, where there are any."""
    deepest = max(one.levels for offered in choices for one in offered)
    lengths = list(range(deepest + 1, deepest + 12))
    return [one for one in lengths if chain_for(ring, one).secure] or lengths


def _size(terms: Sequence[Any], layout: Layout) -> Sizes:
    found = entries(terms, [1.0] * len(terms), layout)
    block = found.target // layout.slots * found.columns + found.source // layout.slots
    index = (found.source - found.target) % layout.height
    used = np.unique(block * layout.height + index)
    blocks = len(np.unique(used // layout.height))
    return Sizes(layout.ciphertexts, len(used), max(1, blocks), layout.refreshed < layout.slots)


def compile_to(prepared: Prepared, folder: Path, progress: Progress | None = None) -> Described:
    """Write the models of all layers, and network.json, into a server's folder."""
    chain, program = prepared.chain, prepared.program
    primes = moduli(chain)
    writer = _Writer(chain, primes, folder / "layers")
    factors, plans, boots = [1.0], [], []
    rotations: dict[int, set[int]] = {}
    total = len(program.layers)
    for number, layer in enumerate(program.layers, 1):
        step = prepared.placement.steps[number - 1]
        before, after, name = writer.plan(layer, step.start)
        shrink = max(1, int(np.ceil(abs(before) * layer.largest - 1e-9)))
        slots = prepared.layouts[number].refreshed
        boots.append(writer.bootstrap(shrink, slots) if step.bootstrap else "")
        used = writer.matrix(number, layer, prepared.layouts, factors, before, step.level)
        rotations.setdefault(step.level, set()).update(used)
        factors.append(after)
        plans.append(name)
        if progress:
            progress("compile", number, total)
    described = Described(
        program.digest,
        chain,
        tuple(layer.name for layer in program.layers),
        tuple(tuple(source for source, _ in layer.terms) for layer in program.layers),
        prepared.layouts,
        prepared.placement.steps,
        tuple(plans),
        tuple(boots),
        {level: tuple(sorted(one)) for level, one in sorted(rotations.items())},
    )
    described.write(folder)
    return described


class _Writer:
    """Model files of one chain."""

    def __init__(self, chain: Chain, primes: list[int], folder: Path) -> None:
        self.chain, self.primes, self.folder = chain, primes, folder
        self.made: dict[tuple[Plan, int], tuple[float, float, str]] = {}

    def plan(self, layer: Layer, start: int) -> tuple[float, float, str]:
        """What a plan's input and value are to be multiplied with, and its file."""
        if layer.plan is None:
            return 1.0, 1.0, ""
        key = layer.plan, start
        if key not in self.made:
            primes = self.primes[start:0:-1]
            made = lower_series(layer.series, primes) if layer.series else lower(layer.plan, primes)
            data = model(made.graph, made.output, self.chain.parameters())
            name = f"plan-{hashlib.sha256(data).hexdigest()[:12]}.orion"
            write_bytes(self.folder / name, data)
            self.made[key] = made.before, made.after, name
        return self.made[key]

    def bootstrap(self, shrink: int, slots: int) -> str:
        """The file of a bootstrap of so many slots, of values up to `shrink`."""
        graph = Graph()
        output = graph.bootstrap(INPUT, slots, shrink)
        name = f"bootstrap-{slots}-{shrink}.orion"
        write_bytes(self.folder / name, model(graph, output, self.chain.parameters()))
        return name

    def matrix(
        self, number: int, layer: Layer, layouts: Sequence[Layout], factors: Sequence[float],
        before: float, level: int,
    ) -> set[int]:  # fmt: skip
        """Write a layer's matrix; the Galois elements that it needs."""
        target = layouts[number]
        terms = [(matrix, layouts[source]) for source, matrix in layer.terms]
        undo = [before * factors[source] for source, _ in layer.terms]
        blocks = diagonals(entries(terms, undo, target), target)
        graph = Graph()
        folds = (target.slots // target.height).bit_length() - 1
        bias = list(target.pack(before * layer.constants))  # added before the folds, so once
        output = graph.matrix(INPUT, level, blocks, bias, ratio=RATIO, folds=folds)
        data = model(graph, output, self.chain.parameters(level))
        write_bytes(self.folder / f"{number:03}.orion", data)
        return galois_elements(blocks, target, self.chain.ring)


def galois_elements(blocks: dict[Any, Any], layout: Layout, ring: int) -> set[int]:
    """Of the rotations that a matrix needs, as Lattigo splits them into baby and giant steps."""
    from orion_compiler.core import galois

    root, slots = 2 * ring, layout.slots
    ratio = RATIO.bit_length() - 1
    found: set[int] = set()
    for indices, _ in blocks.values():
        found.update(galois.compute_galois_elements(indices.tolist(), slots, ratio, root))
    turn = slots // 2
    while turn >= layout.height:
        found.add(galois.galois_element(turn, root))
        turn //= 2
    found.discard(1)
    return found
