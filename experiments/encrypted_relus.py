"""The ReLUs of ResNet-20 on ciphertexts, ring 2^13: ours and r_12 in turns, in one process.

``python experiments/encrypted_relus.py`` writes ``results/encrypted-relus.json``: processor seconds of a ReLU on
one ciphertext at every level that the planned run starts one from, times the ciphertexts there; each by the
median of its rounds. Ratios of these stand even where other work disturbs the machine.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from encrypted_forecasts import NETWORK, OUT, SHAPE, choices

import polyapprox
from nn_bridge.choosing.makers import published_relu
from nn_bridge.conversion.network import convert
from nn_bridge.encrypted.chain import Chain
from nn_bridge.encrypted.compiling import lay_out
from nn_bridge.encrypted.costs import Costs
from nn_bridge.encrypted.engine import Client, Runner, encrypt, load, moduli
from nn_bridge.encrypted.lowering import Lowered, lower, lower_series, series_of
from nn_bridge.encrypted.planning import Choice, place
from nn_bridge.encrypted.program import read_program
from nn_bridge.files import git_commit, write_json
from nn_bridge.models.networks import find_network
from polyapprox.approximation import Approximation
from polyapprox.encrypted.frameworks.lattigo_model import model

RING, ROUNDS = 1 << 13, 5
Start = tuple[int, int]  # level, ciphertexts


@dataclass
class Timed:
    """One ReLU at one level."""

    name: str
    levels: int
    start: Start
    run: Callable[[], Any]
    seconds: list[float] = field(default_factory=list)


def starts(program: Any, sizes: Any, relu: Approximation, levels: int) -> list[Start]:
    """At which levels the planned run starts ReLUs, and on how many ciphertexts."""
    by_series = series_of(relu) is not None
    given = choices(program, [Choice(relu.plan, by_series=by_series)])
    found = place(program, given, sizes, RING, levels, Costs())
    counts: Counter[int] = Counter()
    for step, size in zip(found.steps[:-1] if found else (), sizes, strict=False):
        counts[step.start] += size.ciphertexts
    return sorted(counts.items())


def ways(name: str, relu: Approximation) -> dict[str, Callable[[list[int]], Lowered]]:
    """How the engine may evaluate it, given the primes."""
    series = series_of(relu)
    by_plan = {f"{name}, by its plan" if series else name: lambda primes: lower(relu.plan, primes)}
    if series is None:
        return by_plan
    return {f"{name}, by the engine": lambda primes: lower_series(series, primes), **by_plan}


def timed(name: str, relu: Approximation, levels: int, found: list[Start], folder: Path) -> Iterator[Timed]:
    """A ReLU at all its levels, ready to run."""
    chain, keys = Chain(RING, levels), folder / f"{levels}.key"
    client, primes = Client(chain), moduli(chain)
    keys.write_bytes(client.plan_keys())
    runner = Runner(chain.parameters(), keys)
    for start in found:
        image = encrypt(chain, client.public_key(start[0]), start[0], np.linspace(-0.9, 0.9, chain.slots))
        for way, lowered in ways(name, relu).items():
            low = lowered(primes[start[0] : 0 : -1])
            ready = load(model(low.graph, low.output, chain.parameters()))
            yield Timed(way, levels, start, lambda m=ready, x=image: runner.run(m, [x]))  # type: ignore[misc]


def main() -> None:
    """Write the record."""
    relus = {
        "circuit of 4": (polyapprox.circuit("relu", multiplications=4), 12),
        "circuit of 5, 3 constants": (polyapprox.circuit("relu", multiplications=5, constants=3), 14),
        "r_12": (published_relu(precision=2.0**-12), 16),
    }
    first = relus["circuit of 4"][0]
    program = read_program(convert(find_network(NETWORK).load(), approximation=first, interval=50.0), SHAPE)
    _, sizes = lay_out(program, RING)
    with tempfile.TemporaryDirectory() as folder:
        entries = [
            one
            for name, (relu, levels) in relus.items()
            for one in timed(name, relu, levels, starts(program, sizes, relu, levels), Path(folder))
        ]
        for _ in range(ROUNDS):
            for one in entries:
                before = time.process_time()
                one.run()
                one.seconds.append(time.process_time() - before)
    rows: dict[str, dict[str, Any]] = {}
    for one in entries:
        row = rows.setdefault(one.name, {"relu": one.name, "levels": one.levels, "starts": [], "seconds": 0.0})
        row["starts"].append(one.start)
        row["seconds"] += one.start[1] * float(np.median(one.seconds))
    record = {"ring": RING, "rounds": ROUNDS, "rows": list(rows.values()), "commit": git_commit()}
    write_json(OUT.parent / "encrypted-relus.json", record)


if __name__ == "__main__":
    sys.exit(main())
