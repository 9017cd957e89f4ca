# SPDX-License-Identifier: Apache-2.0
"""The server's side: a network on ciphertexts, layer by layer, with keys for evaluation alone.

Every finished ciphertext of a layer is a file, so that what was killed goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from ..files import require_writable, write_json
from .chain import SCALE_BITS
from .client import PLANS, bootstrap_file, rotations_file
from .engine import Runner, answered, load
from .folder import Described, join, split, write_bytes
from .wire import ciphertext

Progress = Callable[[str, int, int], None]


@dataclass
class Spent:
    """Processor seconds of one layer.

    Attributes
    ----------
    name : str
    level : int
        Of its matrix.
    levels : int
        That its plan used.
    bootstraps : int
        Ciphertexts refreshed.
    ciphertexts : int
    load : float
        Seconds to read the layer's models, which is done once for all images of a call.
    matrix, bootstrap, plan : float
        Seconds.
    memory : int
        Largest resident memory of the process so far, in MiB.
    """

    name: str
    level: int
    levels: int
    bootstraps: int
    ciphertexts: int
    load: float = 0.0
    matrix: float = 0.0
    bootstrap: float = 0.0
    plan: float = 0.0
    memory: int = 0
    finished: list[int] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Of the operations."""
        return self.matrix + self.bootstrap + self.plan


def evaluate(
    server: Path, files: Sequence[tuple[Path, Path]], progress: Progress | None = None
) -> list[list[Spent]]:
    """Evaluate the network of a server's folder on encrypted images.

    Parameters
    ----------
    server : path
    files : sequence of pairs of paths
        For each image the file of its ciphertexts, and the file to write: the outputs' ciphertexts.
    progress : callable, optional
        Called with the name of a layer, finished ciphertexts of all layers and images, and how many
        there are.

    Returns
    -------
    list of list of Spent
        For each image, layer by layer; of what was done before a run was broken off, too.

    Raises
    ------
    ArgumentError
        If files are missing, of another network, or could not be written.
    BackendError
        If a wheel is missing, or cannot use what the folder holds.
    """
    described = Described.read(server)
    described.require_whole(server)
    for given, out in files:
        if not given.is_file():
            raise ArgumentError(f"there is no file {given}: encrypt an image first")
        require_writable(out)
    with answered():
        machine = _Machine(described, server, progress or _silent, len(files))
        images = [_Evaluation(machine, given) for given, _ in files]
        for number in range(1, len(described.names) + 1):
            for image in images:
                image.layer(number)
            machine.forget()
        for image, (_, out) in zip(images, files, strict=True):
            image.finish(out)
        machine.close()
        return [image.spent for image in images]


def _silent(name: str, done: int, total: int) -> None:
    """No progress."""


class _Machine:
    """Evaluators with their keys, and models; the matrix of one layer at a time."""

    def __init__(
        self, described: Described, server: Path, progress: Progress, images: int
    ) -> None:
        self.described, self.server, self.progress = described, server, progress
        self.total = images * sum(layout.ciphertexts for layout in described.layouts[1:])
        self.done = 0
        self.loading = 0.0
        self._runners: dict[str, Runner] = {}
        self._models: dict[str, Any] = {}
        self._matrix: Any = None

    def plans(self) -> Runner:
        """The evaluator of the whole chain, without keys of bootstraps."""
        return self._runner(PLANS, None)

    def rotations(self, level: int) -> Runner:
        """The evaluator of the matrices at a level."""
        return self._runner(rotations_file(level), level)

    def bootstraps(self, slots: int) -> Runner:
        """The evaluator of bootstraps of so many slots; that of another number gives way to it."""
        name = bootstrap_file(slots)
        for other in self.described.refreshed - {slots}:
            if bootstrap_file(other) in self._runners:
                self._runners.pop(bootstrap_file(other)).close()
        return self._runner(name, None)

    def _runner(self, name: str, level: int | None) -> Runner:
        if name not in self._runners:
            folder = self.server / "keys"
            boot = folder / name if level is None and name != PLANS else None
            keys = folder / (PLANS if boot else name)
            parameters = self.described.chain.parameters(level)
            started = time.process_time()
            self._runners[name] = Runner(parameters, keys, boot)
            self.loading += time.process_time() - started
        return self._runners[name]

    def _load(self, name: str) -> Any:
        """A model file; most of the time goes into the diagonals, which the engine encodes now."""
        started = time.process_time()
        made = load((self.server / "layers" / name).read_bytes())
        self.loading += time.process_time() - started
        return made

    def model(self, name: str) -> Any:
        """A bootstrap or a plan."""
        if name not in self._models:
            self._models[name] = self._load(name)
        return self._models[name]

    def matrix(self, number: int) -> Any:
        """The matrix of the layer that is evaluated now."""
        if self._matrix is None:
            self._matrix = self._load(f"{number:03}.orion")
        return self._matrix

    def forget(self) -> None:
        """The layer is done."""
        if self._matrix is not None:
            self._matrix.close()
            self._matrix = None

    def close(self) -> None:
        """Forget keys and models."""
        for runner in self._runners.values():
            runner.close()


class _Evaluation:
    """One image on its way through the layers."""

    def __init__(self, machine: _Machine, given: Path) -> None:
        self.machine = machine
        self.described = described = machine.described
        self.spent: list[Spent] = []
        image = split(given, described.keys, described.input_level)
        if len(image) != described.layouts[0].ciphertexts:
            raise ArgumentError(f"{given} is not an image of this network: encrypt it with its keys")
        mark = hashlib.sha256((described.digest + repr(described.steps)).encode())
        mark.update(b"".join(image))
        self.values = machine.server / "values" / mark.hexdigest()[:16]
        for number, part in enumerate(image):
            self._write(0, number, part)

    def finish(self, out: Path) -> None:
        """Write the outputs, and forget the values on the way."""
        last = self.spent[-1]
        parts = [self._read(len(self.spent), i) for i in range(last.ciphertexts)]
        write_bytes(out, join(self.described.keys, parts))
        for path in self.values.glob("*"):
            path.unlink()
        self.values.rmdir()

    def layer(self, number: int) -> None:
        """A layer: its matrix, and of each ciphertext the bootstrap and the plan; if not done yet."""
        machine, step = self.machine, self.described.steps[number - 1]
        spent = self._recall(number)
        due = [i for i in range(spent.ciphertexts) if i not in spent.finished]
        machine.done += len(spent.finished)
        if due:
            made = self._product(number, spent)
            for i in due:
                refreshed = self._refreshed(number, made[i], spent)
                self._write(number, i, self._planned(number, refreshed, spent))
                spent.finished.append(i)
                spent.bootstraps += step.bootstrap
                spent.load, machine.loading = spent.load + machine.loading, 0.0
                spent.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                write_json(self._record(number), asdict(spent))
                machine.done += 1
                machine.progress(spent.name, machine.done, machine.total)
        self.spent.append(spent)
        self._forget(number)

    def _product(self, number: int, spent: Spent) -> list[bytes]:
        level = self.described.steps[number - 1].level
        runner = self.machine.rotations(level)
        sources = self.described.sources[number - 1]
        layouts = self.described.layouts
        given = [
            ciphertext(self._read(source, i), level, SCALE_BITS)
            for source in sources
            for i in range(layouts[source].ciphertexts)
        ]
        model = self.machine.matrix(number)
        started = time.process_time()
        made = runner.run(model, given)
        spent.matrix += time.process_time() - started
        return made

    def _refreshed(self, number: int, given: bytes, spent: Spent) -> bytes:
        step = self.described.steps[number - 1]
        if not step.bootstrap:
            return given
        model = self.machine.model(self.described.boots[number - 1])
        runner = self.machine.bootstraps(self.described.layouts[number].refreshed)
        started = time.process_time()
        (made,) = runner.run(model, [given])
        spent.bootstrap += time.process_time() - started
        return made

    def _planned(self, number: int, given: bytes, spent: Spent) -> bytes:
        step, name = self.described.steps[number - 1], self.described.plans[number - 1]
        given = ciphertext(given, step.start, SCALE_BITS)
        if not name:
            return given
        model, runner = self.machine.model(name), self.machine.plans()
        started = time.process_time()
        (made,) = runner.run(model, [given])
        spent.plan += time.process_time() - started
        return ciphertext(made, step.end, SCALE_BITS)

    def _path(self, number: int, i: int) -> Path:
        return self.values / f"{number:03}-{i:03}.ct"

    def _record(self, number: int) -> Path:
        return self.values / f"{number:03}.json"

    def _write(self, number: int, i: int, data: bytes) -> None:
        write_bytes(self._path(number, i), data)

    def _read(self, number: int, i: int) -> bytes:
        return self._path(number, i).read_bytes()

    def _recall(self, number: int) -> Spent:
        """What is known of a layer that was begun before."""
        path = self._record(number)
        if path.is_file():
            return Spent(**json.loads(path.read_text()))
        step = self.described.steps[number - 1]
        count = self.described.layouts[number].ciphertexts
        name = self.described.names[number - 1]
        return Spent(name, step.level, step.start - step.end, 0, count)

    def _forget(self, number: int) -> None:
        """Values that no later layer reads."""
        later = {s for sources in self.described.sources[number:] for s in sources}
        for source in range(number):
            if source not in later:
                for path in self.values.glob(f"{source:03}-*.ct"):
                    path.unlink()
