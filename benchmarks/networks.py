"""ResNet-20 with polynomials against itself with ReLU, and our training loop against a bare one.

    python benchmarks/networks.py

Needs CIFAR-10 (NN_BRIDGE_DATA); a quiet machine, some ten minutes. Rounds alternate between what is
compared; ratios are of medians.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as functional
from common import show, write

import nn_bridge
from nn_bridge.activations.evaluator import Evaluator
from nn_bridge.activations.kernel import compiler_path, load_library
from nn_bridge.calls.intercept import intercepted
from nn_bridge.choosing.makers import make
from nn_bridge.experiments.accuracy import choose_network
from nn_bridge.models.networks import find_network
from nn_bridge.training import Configuration, Forward, Noise, Optimisation, Range
from nn_bridge.training.loop import Training
from nn_bridge.training.processes import processes

NETWORK = "resnet20-cifar10"
FORWARDS = (("ours", 6), ("ours", 9), ("published", 9), ("zero", 13), ("published", 13), ("ours", 13))
WARMING = 3


def timer(call: Callable[[], object]) -> Callable[[], float]:
    """A call that returns the seconds it took."""

    def timed() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return timed


def rounds(calls: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Median of what each call returns, in rounds of all of them."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            found[name].append(call())
    return {name: statistics.median(values) for name, values in found.items()}


def forwards(batch: int, repeats: int, compiler: bool) -> list[dict[str, Any]]:
    """Seconds of a forward pass: ReLU, and each approximation."""
    os.environ.pop("CC", None)
    if not compiler:
        os.environ["CC"] = "off"
    load_library.cache_clear()
    known = find_network(NETWORK)
    network = known.load().to(memory_format=torch.channels_last)
    images = known.batches(known.data("test").first(batch), batch)
    x = next(iter(images))[0].contiguous(memory_format=torch.channels_last)
    converted = {
        f"{name} 2^-{k}": nn_bridge.convert(
            network, approximation=Evaluator(make(name, k)), interval=50.0
        )
        for name, k in FORWARDS
    }

    def forward(model: torch.nn.Module) -> Callable[[], float]:
        with torch.inference_mode():
            model(x)
        return timer(lambda: model(x))

    calls = {"ReLU": forward(network)} | {name: forward(m) for name, m in converted.items()}
    with torch.inference_mode():
        seconds = rounds(calls, repeats)
    rows = []
    for name, model in converted.items():
        site = model.report.sites[0]
        rows.append({
            "by": "compiled" if compiler else "torch", "activation": name,
            "degrees": list(site.degrees), "multiplications": site.multiplications,
            "type": site.dtype, "seconds": seconds[name], "ReLU": seconds["ReLU"],
            "ratio": seconds[name] / seconds["ReLU"],
        })  # fmt: skip
    os.environ.pop("CC", None)
    load_library.cache_clear()
    return rows


def bare_steps(batch: int) -> Iterator[None]:
    """Steps of a plain loop in PyTorch: channels last, bfloat16, four batches again and again."""
    known = find_network(NETWORK)
    network = known.load().train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(network.parameters(), 0.01, 0.9, weight_decay=1e-5, nesterov=True)
    data = itertools.cycle(list(known.batches(known.data("train").first(4 * batch), batch)))
    while True:
        x, y = next(data)
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(x.contiguous(memory_format=torch.channels_last))
        functional.cross_entropy(logits.float(), y).backward()
        optimiser.step()
        yield


def our_steps(training: Training, waits: list[float]) -> Iterator[None]:
    """Steps of one epoch, with its data; notes how long each waited for its batch."""
    with intercepted(training.network, training.activations, evaluate=False):
        for _, waited in training.steps(0):
            waits.append(waited)
            yield


def trainings(batch: int, repeats: int) -> list[dict[str, Any]]:
    """Images a second of our loop without and with noise, and of a bare loop."""
    sgd = Optimisation(epochs=1, batch=batch, learning_rate=0.01, decay=1e-5, mixup=0.2)
    kinds = {
        "plain": (Noise(), Forward()),
        "uniform noise": (Noise("uniform", precision=(6,)), Forward()),
        "actual error": (Noise("error", precision=(6,)), Forward()),
        "polynomial 2^-6": (Noise(), Forward((6,), "polynomial")),
    }
    waits: dict[str, list[float]] = {name: [] for name in kinds}
    with processes() as group:
        steps = {"bare loop": bare_steps(batch)}
        for name, (noise, forward) in kinds.items():
            configuration = Configuration(
                NETWORK, images=batch * (WARMING + repeats), numbers="bfloat16", optimisation=sgd, noise=noise,
                forward=forward, range=Range(margin=1.0, calibration=500),
            )  # fmt: skip
            training = Training(configuration, None, None, None, "cpu", group)
            steps[name] = our_steps(training, waits[name])
        for _ in range(WARMING):
            for generator in steps.values():
                next(generator)
        seconds = rounds({name: timer(lambda s=s: next(s)) for name, s in steps.items()}, repeats)
    return [
        {
            "step": name, "images/s": batch / time, "time / plain": time / seconds["plain"],
            "time / bare loop": time / seconds["bare loop"],
            "share of data": statistics.median(waits[name]) / time if name in waits else None,
        }
        for name, time in seconds.items()
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--steps", type=int, default=31, help="of each training")
    given = parser.parse_args()
    name, reason = choose_network()
    if name != NETWORK:
        print(f"left out: {reason}")
        return
    torch.set_num_threads(given.threads)
    rows = [row for compiler in (True, False) if not compiler or compiler_path()
            for row in forwards(256, given.repeats, compiler)]  # fmt: skip
    columns = tuple(rows[0])
    show("Forward pass of ResNet-20, 256 images", columns, [tuple(r.values()) for r in rows])
    steps = trainings(128, given.steps)
    show("Training, batch 128, bfloat16", tuple(steps[0]), [tuple(r.values()) for r in steps])
    write("networks", {"threads": given.threads, "forward": rows, "training": steps})


if __name__ == "__main__":
    main()
