"""Runs a training in a process of its own, for the tests that kill or multiply processes.

Arguments: configuration (JSON), folder, and optionally epoch and step at which to kill itself.
"""

import json
import os
import signal
import sys

import torch

from nn_bridge.training import fit, from_mapping


def main() -> None:
    torch.set_num_threads(1)
    configuration, folder, *kill = sys.argv[1:]

    def progress(label: str, step: int, steps: int, loss: float) -> None:
        if kill and (label, step) == (f"epoch {kill[0]}", int(kill[1])):
            os.kill(os.getpid(), signal.SIGKILL)

    fit(from_mapping(json.loads(configuration)), folder, progress=progress)


if __name__ == "__main__":
    main()
