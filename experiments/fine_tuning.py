"""ResNet-20 fine-tuned for low precision: train, then measure with polynomials in ReLU's place.

    python experiments/fine_tuning.py akamaster-polynomial:0 autofhe-error:1 --work out/fine-tuning

trains each configuration of experiments/fine-tuning/ with the seed after the colon ("-" instead of
a seed: the network as it was). Stopped and started again it goes on with the epoch, or the
measurement, where it was. Kept in experiments/results/fine-tuning/: the record of each training (.json) and all
measurements (results.jsonl); weights stay in the working folder.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import sys
from pathlib import Path

from nn_bridge.experiments.accuracy import AccuracyConfiguration, run_accuracy
from nn_bridge.files import write_json
from nn_bridge.training import fit, read_configuration

HERE = Path(__file__).parent / "fine-tuning"
RESULTS = Path(__file__).parent / "results" / "fine-tuning"
Cells = tuple[tuple[str, ...], tuple[str, ...], int, int]
"""Intervals, approximations, and the precisions 2^-k from and to."""
SHORT: tuple[Cells, ...] = ((("per-layer", "50"), ("published", "ours"), 4, 9),)
WHOLE: tuple[Cells, ...] = (*SHORT, (("per-layer", "50"), ("ours-corrected",), 4, 9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", help="CONFIGURATION:SEED, or CONFIGURATION:-")
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints, weights")
    parser.add_argument("--data", type=Path, help="folder with data ($NN_BRIDGE_DATA)")
    parser.add_argument("--train-only", action="store_true", help="measure later")
    parser.add_argument("--short", action="store_true", help="batch normalisation not corrected")
    given = parser.parse_args()
    for run in given.runs:
        name, _, seed = run.rpartition(":")
        if seed == "-":
            network, weights = read_configuration(HERE / f"{name}.toml").network, None
        else:
            network, weights = trained(name, int(seed), given.work, given.data)
        if not given.train_only:
            measured(run, network, weights, given.data, SHORT if given.short else WHOLE)


def trained(name: str, seed: int, work: Path, data: Path | None) -> tuple[str, Path]:
    """Train, and keep the record; the network's name and the weights."""
    configuration = dataclasses.replace(read_configuration(HERE / f"{name}.toml"), seed=seed)
    folder = work / f"{name}-{seed}"
    record = fit(configuration, folder, data=data, progress=_show).record
    weights = folder / "weights.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    write_json(RESULTS / f"{name}-{seed}.json", {"weights_sha256": digest, **record})
    _say(f"{name}, seed {seed}: {100 * record['accuracy']:.2f} % with ReLU itself\n")
    return configuration.network, weights


def measured(
    run: str, network: str, weights: Path | None, data: Path | None, cells: tuple[Cells, ...]
) -> None:
    """PANN accuracy on all test images, published approximations and ours."""
    known = network == "resnet20-cifar10" and weights is None
    path = RESULTS.parent / "resnet20-cifar10.jsonl" if known else RESULTS / "results.jsonl"
    for intervals, approximations, first, last in cells:
        configuration = AccuracyConfiguration(
            network=network,
            first=first,
            last=last,
            intervals=intervals,
            approximations=approximations,
            margin=1.25,
            calibration_images=5000,
        )
        records = run_accuracy(
            configuration,
            path,
            data,
            weights,
            lambda done, total, label: _say(f"\r{run}: {done} of {total} {label:40}"),
        )
        _say("\n")
        for row in records[1:]:
            _say(
                f"{run} {row['approximation']} 2^-{row['power']} {row['interval']}: "
                f"{100 * row['accuracy']:.2f} ({row['inputs_outside']} outside)\n"
            )


def _show(label: str, step: int, steps: int, loss: float) -> None:
    if step % 20 == 0 or step == steps:
        _say(f"\r{label}: step {step} of {steps}, loss {loss:.3f} ")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
