# SPDX-License-Identifier: Apache-2.0
"""A run on record trained again, from nothing: whether its accuracy comes back, and its weights to the bit."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from polyapprox.words import counted

from ..errors import ArgumentError
from ..experiments.records import Records
from ..files import git_commit, require_writable
from .declared import TABLES, Run, runs
from .progress import Clock
from .train import RUNS, require_weights, train, weights_path

REPEATED = "repeated.jsonl"
"""Under the folder of records: a line for each time that a run was trained again."""
LEAST = 0.01
"""Difference in accuracy that is allowed in any case: one other seed has no spread, and two may be alike by chance."""


@dataclass(frozen=True)
class Repeated:
    """A run on record, and trained again.

    Attributes
    ----------
    run : Run
    before, now : float
        Accuracy on the test images, from 0 to 1.
    same_weights : bool
        Whether the files of weights are the same to the bit.
    others : tuple of float
        Accuracies on record of the arm's other seeds: with its own a false record would widen the spread.

    Examples
    --------
    >>> run = runs("table1")[0]
    >>> Repeated(run, 0.90, 0.91, False, ()).ok, Repeated(run, 0.90, 0.92, False, ()).ok
    (True, False)
    """

    run: Run
    before: float
    now: float
    same_weights: bool
    others: tuple[float, ...]

    @property
    def spread(self) -> float | None:
        """Standard deviation of the other seeds; None of fewer than two."""
        return statistics.stdev(self.others) if len(self.others) > 1 else None

    @property
    def ok(self) -> bool:
        """Whether the accuracies differ by at most three spreads, or by :data:`LEAST` if that is more."""
        return abs(self.now - self.before) <= max(LEAST, 3 * (self.spread or 0.0)) + 1e-9  # 0.91 - 0.9 is more

    def __str__(self) -> str:
        accuracies = f"{100 * self.before:.2f} % on record, {100 * self.now:.2f} % now"
        weights = "the same weights to the bit" if self.same_weights else "other weights"
        spread = "" if self.spread is None else f", spread {100 * self.spread:.2f} points"
        verdict = "DIFFERS" if not self.ok else "the same" if self.now == self.before else "alike"
        return f"{self.run.label}: {accuracies}, {weights}; {counted(len(self.others), 'other seed')}{spread}: {verdict}"


def repeat(
    table: str, arm: str | None, seed: int, recipe: str | None, folder: Path, scratch: Path,
    data: str | Path | None = None, say: Callable[[str], None] = lambda line: None,
) -> Repeated:  # fmt: skip
    """Train a run again and put on record, in a file of its own, what came out.

    Parameters
    ----------
    table, arm, seed, recipe
        As :func:`~nn_bridge.paper.declared.runs` takes them; the first arm by default.
    folder, scratch, data : path
        Of records and weights; for checkpoints, by commit: a run that was stopped goes on by the same code; of data.
    say : callable
        Called with a line each epoch.

    Raises
    ------
    ArgumentError, DataError, TrainingError
        If the run is not declared or not on record, if its stored weights are not those on record, or as
        :func:`~nn_bridge.paper.train.train`.
    """
    run = runs(table, [arm] if arm else (), [seed], recipe)[0]
    known = Records(folder / RUNS).lines
    if run.key not in known:
        raise ArgumentError(
            f"{run.label} of {table}, recipe {recipe or TABLES[table][1]}, is not on record in {folder}: train it "
            f"first by nn-bridge paper {table}, or give another arm, seed, recipe or folder"
        )
    record = known[run.key]
    require_weights(weights_path(folder, run.key), record["weights_sha256"])
    require_writable(folder / REPEATED)
    own = scratch / "repeated" / (git_commit() or "+")
    if own.name.endswith("+"):  # a checkpoint may be of other code
        shutil.rmtree(own / run.key, ignore_errors=True)
    watch = Clock([run.configuration]).watch(run.configuration, run.label, say)
    again = train(run, own, data, watch).record
    seeds = sorted({line["configuration"]["seed"] for line in known.values()})
    others = [one.key for one in runs(table, [run.arm], seeds, recipe) if one.key in known and one.key != run.key]
    same = again["weights_sha256"] == record["weights_sha256"]
    found = Repeated(run, record["accuracy"], again["accuracy"], same, tuple(known[key]["accuracy"] for key in others))
    Records(folder / REPEATED).add({
        "key": run.key, "table": table, "arm": run.arm, "seed": seed, "accuracy": found.before, "again": found.now,
        "same_weights": same, "other_seeds": len(others), "spread": found.spread, "ok": found.ok,
        "processor_seconds": round(sum(epoch["processor_seconds"] for epoch in again["epochs"]), 1),
        **{name: again[name] for name in ("commit", "versions", "machine")},
    })  # fmt: skip
    shutil.rmtree(own / run.key)  # or the next repetition would find it done
    return found
