"""Runs a training in a process of its own, for the tests that kill or multiply processes.

Arguments: configuration (JSON), folder, and optionally epoch and step at which to kill itself. Networks
called "mine" are models of one's own, with all that `fit` takes beside them.
"""

import json
import os
import signal
import sys

import torch
from torch import nn
from torch.utils.data import TensorDataset

from nn_bridge.training import fit, from_mapping


class Counted:
    """A callback that has a state."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def __call__(self, entry: dict, network: nn.Module) -> None:
        self.losses.append(entry["loss"])

    def state_dict(self) -> dict:
        return {"losses": self.losses}

    def load_state_dict(self, state: dict) -> None:
        self.losses = state["losses"]


def own(dropout: bool) -> dict:
    """A model of other activations than ReLU, with data, optimiser, schedule and a callback."""
    torch.manual_seed(0)
    kept = [nn.Dropout(0.2)] if dropout else []
    x = torch.randn(64, 6)
    return {
        "model": nn.Sequential(
            nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.GELU(), *kept, nn.Linear(8, 8), nn.Hardswish(), nn.Linear(8, 2)
        ),
        "train": TensorDataset(x, (x.sum(1) > 0).long()),
        "optimiser": lambda parameters: torch.optim.Adam(parameters, 0.01),
        "scheduler": lambda optimiser: torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.95),
        "callbacks": [Counted()],
    }  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    configuration, folder, *kill = sys.argv[1:]

    def progress(label: str, step: int, steps: int, loss: float) -> None:
        if kill and (label, step) == (f"epoch {kill[0]}", int(kill[1])):
            os.kill(os.getpid(), signal.SIGKILL)

    read = from_mapping(json.loads(configuration))
    given = own(dropout="dropout" in read.network) if read.network.startswith("mine") else {}
    fit(read, folder, progress=progress, **given)


if __name__ == "__main__":
    main()
