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
from ..files import write_json
from .chain import SCALE_BITS
from .client import BOOT, PLANS, rotations_file
from .engine import Runner, require_engine
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
    matrix: float = 0.0
    bootstrap: float = 0.0
    plan: float = 0.0
    memory: int = 0
    finished: list[int] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """All of them."""
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
        Called with the name of a layer, finished ciphertexts of all layers, and how many there are.

    Returns
    -------
    list of list of Spent
        For each image, layer by layer; of what was done before a run was broken off, too.

    Raises
    ------
    ArgumentError
        If files are missing or of another network.
    BackendError
        If a wheel is missing.
    """
    require_engine()
    described = Described.read(server)
    for given, _ in files:
        if not given.is_file():
            raise ArgumentError(f"there is no file {given}: encrypt an image first")
    machine = _Machine(described, server)
    found = [
        _Evaluation(machine, given, progress or _silent).run(out) for given, out in files
    ]
    machine.close()
    return found


def _silent(name: str, done: int, total: int) -> None:
    """No progress."""


class _Machine:
    """Evaluators with their keys, and models that are used again."""

    def __init__(self, described: Described, server: Path) -> None:
        self.described, self.server = described, server
        self._runners: dict[int | None, Runner] = {}
        self._models: dict[str, Any] = {}

    def runner(self, level: int | None) -> Runner:
        """The evaluator of the whole chain, or of the matrices at a level."""
        if level not in self._runners:
            keys = self.server / "keys"
            name = PLANS if level is None else rotations_file(level)
            boot = keys / BOOT if level is None and (keys / BOOT).is_file() else None
            if not (keys / name).is_file():
                raise ArgumentError(f"there is no {keys / name}: the client has to make keys")
            parameters = self.described.chain.parameters(level)
            self._runners[level] = Runner(parameters, keys / name, boot)
        return self._runners[level]

    def read(self, name: str) -> bytes:
        """A model file."""
        path = self.server / "layers" / name
        if not path.is_file():
            raise ArgumentError(f"there is no {path}: make keys and models anew")
        return path.read_bytes()

    def model(self, name: str) -> Any:
        """A bootstrap or a plan."""
        if name not in self._models:
            self._models[name] = self.runner(None).load(self.read(name))
        return self._models[name]

    def close(self) -> None:
        """Forget keys and models."""
        for runner in self._runners.values():
            runner.close()


class _Evaluation:
    """One image on its way through the layers."""

    def __init__(self, machine: _Machine, given: Path, progress: Progress) -> None:
        self.machine, self.progress = machine, progress
        self.described = described = machine.described
        self.total = sum(layout.ciphertexts for layout in described.layouts[1:])
        data = given.read_bytes()
        self.image = split(data, given)
        if len(self.image) != described.layouts[0].ciphertexts:
            raise ArgumentError(f"{given} is not an image of this network: encrypt it with its keys")
        mark = hashlib.sha256((described.digest + repr(described.steps)).encode() + data)
        self.values = machine.server / "values" / mark.hexdigest()[:16]
        self.done = 0

    def run(self, out: Path) -> list[Spent]:
        """All layers; finished ones are not done again."""
        for number, data in enumerate(self.image):
            self._write(0, number, data)
        spent = [self._layer(number) for number in range(1, len(self.described.names) + 1)]
        last = len(spent)
        parts = [self._read(last, i) for i in range(spent[-1].ciphertexts)]
        write_bytes(out, join(parts))
        self._clear()
        return spent

    def _layer(self, number: int) -> Spent:
        """A layer: its matrix, and of each ciphertext the bootstrap and the plan."""
        step = self.described.steps[number - 1]
        spent = self._recall(number)
        due = [i for i in range(spent.ciphertexts) if i not in spent.finished]
        self.done += len(spent.finished)
        if due:
            made = self._matrix(number, spent)
            for i in due:
                refreshed = self._refreshed(number, made[i], spent)
                self._write(number, i, self._planned(number, refreshed, spent))
                spent.finished.append(i)
                spent.bootstraps += step.bootstrap
                spent.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                write_json(self._record(number), asdict(spent))
                self.done += 1
                self.progress(spent.name, self.done, self.total)
        self._forget(number)
        return spent

    def _matrix(self, number: int, spent: Spent) -> list[bytes]:
        level = self.described.steps[number - 1].level
        runner = self.machine.runner(level)
        sources = self.described.sources[number - 1]
        layouts = self.described.layouts
        given = [
            ciphertext(self._read(source, i), level, SCALE_BITS)
            for source in sources
            for i in range(layouts[source].ciphertexts)
        ]
        started = time.process_time()
        model = runner.load(self.machine.read(f"{number:03}.orion"))
        made = runner.run(model, given)
        model.close()
        spent.matrix += time.process_time() - started
        return made

    def _refreshed(self, number: int, given: bytes, spent: Spent) -> bytes:
        step = self.described.steps[number - 1]
        if not step.bootstrap:
            return given
        model = self.machine.model(f"{number:03}-boot.orion")
        started = time.process_time()
        (made,) = self.machine.runner(None).run(model, [given])
        spent.bootstrap += time.process_time() - started
        return made

    def _planned(self, number: int, given: bytes, spent: Spent) -> bytes:
        step, name = self.described.steps[number - 1], self.described.plans[number - 1]
        given = ciphertext(given, step.start, SCALE_BITS)
        if not name:
            return given
        model = self.machine.model(name)
        started = time.process_time()
        (made,) = self.machine.runner(None).run(model, [given])
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

    def _clear(self) -> None:
        for path in self.values.glob("*"):
            path.unlink()
        self.values.rmdir()
