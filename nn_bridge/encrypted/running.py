# SPDX-License-Identifier: Apache-2.0
"""A whole run: keys, an encrypted image, the network on ciphertexts, decrypted outputs, a report."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from polyapprox.words import counted

from ..errors import ArgumentError
from ..files import git_commit, require_writable, versions, write_json
from .client import decrypt_outputs, encrypt_image, make_keys
from .compiling import Prepared, compile_to, prepare
from .engine import require_engine
from .folder import Described
from .memory import require_memory
from .program import read_program
from .serving import Spent, evaluate
from .working import apart

Progress = Callable[[str, int, int], None]
MARKS = "images.json"  # which images are encrypted in a folder


@dataclass(frozen=True)
class Run:
    """What came of a run.

    Attributes
    ----------
    outputs : np.ndarray, shape (images, …)
        Decrypted.
    clear : np.ndarray
        Of the same converted network in the clear, in double precision.
    layers : tuple of tuple of Spent
        For each image, layer by layer.
    prepared : Prepared
        Layouts, levels and chain.
    seconds : dict of str to float
        On the clock: "compile", "keys", "encrypt", "evaluate", "decrypt".
    """

    outputs: np.ndarray
    clear: np.ndarray
    layers: tuple[tuple[Spent, ...], ...]
    prepared: Prepared
    seconds: dict[str, float]

    @property
    def deviation(self) -> float:
        """Largest |encrypted − clear| of an output."""
        return float(np.abs(self.outputs - self.clear).max())

    @property
    def security(self) -> str:
        """Ring, modulus and security."""
        return self.prepared.chain.security

    def record(self) -> dict[str, Any]:
        """For JSON: what was run, processor seconds of every layer, deviations."""
        spent = [layer for layers in self.layers for layer in layers]
        kinds = {
            kind: sum(getattr(one, kind) for one in spent) / len(self.layers)
            for kind in ("matrix", "bootstrap", "plan")
        }
        return {
            "security": self.security,
            "chain": self.prepared.chain.record(),
            "engine": require_engine(),
            "images": len(self.outputs),
            "processor_seconds_per_image": {**kinds, "all": sum(kinds.values())},
            "processor_seconds_of_loading": sum(one.load for one in spent),
            "forecast_seconds": self.prepared.placement.seconds,
            "bootstraps": self.prepared.placement.bootstraps(self.prepared.sizes),
            "bootstrap_places": sum(step.bootstrap for step in self.prepared.placement.steps),
            "largest_deviation": self.deviation,
            "largest_output": float(np.abs(self.clear).max()),
            "same_prediction": int((self.outputs.argmax(1) == self.clear.argmax(1)).sum()),
            "memory_mib": max(one.memory for one in spent),
            "clock_seconds": self.seconds,
            "outputs": self.outputs.tolist(),
            "clear": self.clear.tolist(),
            "layers": [[asdict(one) for one in layers] for layers in self.layers],
            "date": time.strftime("%Y-%m-%d"),
            "versions": versions(),
            "commit": git_commit(),
        }


def run(
    converted: nn.Module,
    images: torch.Tensor,
    *,
    ring: int = 1 << 13,
    levels: int | None = None,
    folder: str | Path | None = None,
    progress: Progress | None = None,
) -> Run:
    """Evaluate a converted network on encrypted images, and compare with the clear.

    Keys and evaluation have processes of their own, and the one that evaluates has no secret key.
    A new process imports the main program again: in a file, call this under
    ``if __name__ == "__main__":``.

    Parameters
    ----------
    converted : nn.Module
        Converted by :func:`nn_bridge.convert`.
    images : torch.Tensor, shape (images, …)
        One after another.
    ring : int
        Ring dimension, a power of two; half of it are the slots of a ciphertext.
    levels : int, optional
        Of the chain behind a bootstrap; by default what should be fastest.
    folder : path, optional
        Keeps keys, the compiled network and finished ciphertexts: the same call goes on where one
        was broken off. Without it all is thrown away at the end.
    progress : callable, optional
        Called with a name, how much is done, and of how much.

    Returns
    -------
    Run

    Raises
    ------
    ArgumentError
        If the network is not converted, the ring is too small for the image, memory is too small,
        or the folder is another network's, or none that can be written to.
    ConversionError
        If the network does what cannot be evaluated; it is named.
    BackendError
        If a wheel is missing, or a process was killed or could not begin.

    Examples
    --------
    >>> from nn_bridge import convert
    >>> from polyapprox.encrypted import backend
    >>> small = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> small = convert(small, precision=2**-4, interval=4.0)
    >>> if backend("lattigo").find().found:
    ...     found = run(small, torch.ones(1, 1, 2, 2), ring=1 << 10)
    ...     assert found.deviation < 1e-3 and "not secure" in found.security
    """
    if images.ndim < 2 or not len(images):
        raise ArgumentError(f"images of shape {tuple(images.shape)}: give (images, …), one at least")
    if folder is not None:
        require_writable(Path(folder) / MARKS)
    program = read_program(converted, tuple(images.shape[1:]))
    prepared = prepare(program, ring, levels=levels)
    require_memory(prepared)
    require_engine()
    with _kept(folder) as place:
        seconds = _set_up(prepared, place, progress)
        outputs, spent = _evaluated(place, images, seconds, progress)
    return Run(
        outputs,
        _in_the_clear(converted, images),
        tuple(map(tuple, spent)),
        prepared,
        seconds,
    )


@contextmanager
def _kept(folder: str | Path | None) -> Iterator[Path]:
    if folder is not None:
        yield Path(folder)
        return
    made = Path(tempfile.mkdtemp(prefix="nn-bridge-encrypted-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _set_up(prepared: Prepared, place: Path, progress: Progress | None) -> dict[str, float]:
    """Compile the network and make keys, where that was not done before."""
    server, client = place / "server", place / "client"
    started = time.perf_counter()
    if (server / "network.json").is_file():
        known = Described.read(server)
        if known.digest != prepared.program.digest:
            raise ArgumentError(
                f"{place} is the folder of another network or other intervals: give another folder"
            )
        if known.chain != prepared.chain or known.steps != prepared.placement.steps:
            raise ArgumentError(
                f"{place} was made with {known.chain.security} and {counted(known.chain.levels, 'level')}, not "
                f"{counted(prepared.chain.levels, 'level')} in a ring of {prepared.chain.ring}: give another "
                "folder"
            )
    else:
        compile_to(prepared, server, progress)
    compiled = time.perf_counter()
    if not (client / "network.json").is_file():
        apart(make_keys, client, server, what="makes keys", progress=progress)
    return {
        "compile": compiled - started,
        "keys": time.perf_counter() - compiled,
    }


def _evaluated(
    place: Path, images: torch.Tensor, seconds: dict[str, float], progress: Progress | None
) -> tuple[np.ndarray, list[list[Spent]]]:
    """Encrypt images, have them evaluated, decrypt the outputs."""
    files = [(place / f"image-{n}.in", place / f"image-{n}.out") for n in range(len(images))]
    marks = place / MARKS
    digest = hashlib.sha256(images.double().numpy().tobytes()).hexdigest()
    known = marks.is_file() and json.loads(marks.read_text()) == digest
    clock = time.perf_counter
    started = clock()
    for (given, _), image in zip(files, images, strict=True):
        if not known or not given.is_file():  # another encryption would be another run
            encrypt_image(place / "client", image.double().numpy(), given)
    write_json(marks, digest)
    encrypted = clock()
    spent = apart(
        evaluate, place / "server", files, what="evaluates the network", progress=progress
    )
    evaluated = clock()
    outputs = np.stack([decrypt_outputs(place / "client", out) for _, out in files])
    marks.unlink()
    seconds["encrypt"], seconds["evaluate"] = encrypted - started, evaluated - encrypted
    seconds["decrypt"] = clock() - evaluated
    return outputs, spent


def _in_the_clear(converted: nn.Module, images: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(copy.deepcopy(converted).double().eval()(images.double()).numpy())
