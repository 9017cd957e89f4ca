"""ResNet-20 on ciphertexts, forecast: every circuit and r_α, in three rings, and the front.

``python experiments/encrypted_forecasts.py`` writes ``results/encrypted-forecasts.json``: levels, places of
bootstraps, seconds and memory of each choice by the model of costs, one plan for all layers; at
2^13 the front of time against the mean square that the plans of single layers add to the logits; and
other networks and parameters, with one circuit in all layers.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

import polyapprox
from nn_bridge.activations.evaluator import Evaluator
from nn_bridge.calls.running import evaluation_mode
from nn_bridge.choosing.makers import published_relu
from nn_bridge.conversion.network import convert
from nn_bridge.encrypted.chain import chain_for
from nn_bridge.encrypted.compiling import Prepared, chains, lay_out, prepare
from nn_bridge.encrypted.costs import Costs
from nn_bridge.encrypted.lowering import series_of
from nn_bridge.encrypted.memory import forecast
from nn_bridge.encrypted.planning import Choice, best_chain, front
from nn_bridge.encrypted.program import Program, read_program
from nn_bridge.files import git_commit, write_json
from nn_bridge.models.networks import find_network
from nn_bridge.propagation.responses import mean_products
from nn_bridge.ranges.bounds import MARGIN
from nn_bridge.ranges.calibration import calibrate
from polyapprox.approximation import Approximation

OUT = Path(__file__).parent / "results" / "encrypted-forecasts.json"
NETWORK, SHAPE = "resnet20-cifar10", (3, 32, 32)
RINGS = (1 << 13, 1 << 15, 1 << 16)
CIRCUITS = range(4, 11)
THIN = ((4, 2), (5, 3), (6, 4), (7, 6))  # multiplications, most products with constants
PUBLISHED = (9, 12)
IMAGES = 50
OTHERS: tuple[tuple[str, int, int | None, int], ...] = (
    ("digits", 1 << 11, None, 5), (NETWORK, 1 << 13, None, 4), ("resnet32-cifar10", 1 << 13, None, 4),
    (NETWORK, 1 << 16, 6, 4), (NETWORK, 1 << 16, 7, 5), (NETWORK, 1 << 16, None, 4),
)  # fmt: skip
"""Network, ring, levels of the chain (None: what is fastest), multiplications."""


def choices(program: Program, plans: list[Choice]) -> list[list[Choice]]:
    """The same to choose from in every layer."""
    return [plans if layer.plan is not None else [Choice(None)] for layer in program.layers]


def uniform(program: Program, ring: int, named: dict[str, Approximation]) -> list[dict[str, Any]]:
    """One plan for all layers, at the best length of chain, and at the shortest."""
    layouts, sizes = lay_out(program, ring)
    rows = []
    for name, approximation in named.items():
        by_series = series_of(approximation) is not None
        given = choices(program, [Choice(approximation.plan, by_series=by_series)])
        best = chains(ring, given)
        for lengths in (best, best[1:2]):
            levels, placement = best_chain(program, given, sizes, ring, Costs(), lengths)
            prepared = Prepared(program, chain_for(ring, levels), layouts, sizes, placement)
            rows.append(
                {
                    "relu": name,
                    "bits": approximation.bits,
                    "depth": approximation.levels,
                    "ring": ring,
                    "levels": levels,
                    "places": sum(step.bootstrap for step in placement.steps),
                    "bootstraps": placement.bootstraps(sizes),
                    "seconds": placement.seconds,
                    "memory_mib": forecast(prepared).peak // (1 << 20),
                    "secure": prepared.chain.secure,
                    "security": prepared.chain.security,
                }
            )
    return rows


def the_front(program: Program, ring: int, named: dict[str, Approximation]) -> list[dict[str, Any]]:
    """Which circuit in which layer: from the fastest to the most precise."""
    known = find_network(NETWORK)
    model = known.load()
    images = list(known.batches(known.data("train").first(IMAGES), 50))
    bounds = {site: MARGIN * b for site, b in calibrate(model, images).items()}
    evaluators = [Evaluator(one) for one in named.values()]
    sites = [layer.name for layer in program.layers[:-1]]
    with evaluation_mode(model):
        products = mean_products(model, images, sites, bounds, evaluators, IMAGES, None)
    penalties = np.einsum("lolo->lo", np.asarray(products))
    given = [
        [Choice(one.plan, float(p)) for one, p in zip(named.values(), row, strict=True)]
        for row in penalties
    ]
    given.append([Choice(None)])
    _, sizes = lay_out(program, ring)
    weights = [0.0, *(10.0**power for power in np.arange(-3, 5.01, 0.5))]
    found = front(program, given, sizes, ring, Costs(), chains(ring, given), weights)
    return [
        {
            "levels": levels,
            "seconds": placement.seconds,
            "rms": math.sqrt(placement.penalty),
            "multiplications": [list(named)[step.choice] for step in placement.steps[:-1]],
            "bootstraps": placement.bootstraps(sizes),
        }
        for levels, placement in found
    ]


def other(name: str, ring: int, levels: int | None, multiplications: int) -> dict[str, Any]:
    """A network by name; what its weights are plays no part."""
    network, shape = find_network(name).build().eval(), (1, 8, 8) if name == "digits" else SHAPE
    relu = polyapprox.circuit("relu", multiplications=multiplications)
    program = read_program(convert(network, approximation=relu, interval=50.0), shape)
    prepared = prepare(program, ring, levels=levels)
    placement, needed = prepared.placement, forecast(prepared)
    return {
        "network": name,
        "shape": shape,
        "multiplications": multiplications,
        "activations": len(program.layers) - 1,
        "ring": ring,
        "levels": prepared.chain.levels,
        "places": sum(step.bootstrap for step in placement.steps),
        "bootstraps": placement.bootstraps(prepared.sizes),
        "seconds": placement.seconds,
        "exact": placement.exact,
        "diagonals": sum(size.diagonals for size in prepared.sizes),
        "memory_mib": needed.peak // (1 << 20),
        "least_mib": needed.least // (1 << 20),
        "keys_mib": needed.keys // (1 << 20),
        "security": prepared.chain.security,
    }


def main() -> None:
    """Write the record."""
    circuits = {str(m): polyapprox.circuit("relu", multiplications=m) for m in CIRCUITS}
    published = {f"r_{a}": published_relu(precision=2.0**-a) for a in PUBLISHED}
    network = convert(find_network(NETWORK).load(), approximation=circuits["4"], interval=50.0)
    program = read_program(network, SHAPE)
    thin = {
        f"{m}, {constants} constants": polyapprox.circuit("relu", multiplications=m, constants=constants)
        for m, constants in THIN
    }
    named = {**circuits, **thin, **published}
    rows = [row for ring in RINGS for row in uniform(program, ring, named)]
    record = {
        "network": NETWORK,
        "uniform": rows,
        "front": the_front(program, 1 << 13, circuits),
        "others": [other(*one) for one in OTHERS],
        "commit": git_commit(),
    }
    write_json(OUT, record)


if __name__ == "__main__":
    main()
