# SPDX-License-Identifier: Apache-2.0
"""Programs compiled by the machine's C compiler: one pass over memory, where there is a compiler.

The shared objects are kept in the cache folder of polyapprox under the hash of their source, the
compiler and the processor; ``CC=off`` turns compiling off, and everything is evaluated by torch.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import torch

from polyapprox.cache import cache_folder

from ..files import write_atomically
from .kernel_source import kernel_source, noise_source
from .program import Program

_FLAGS = ("-std=gnu11", "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC")
_SECONDS = 120
_SHARE = 1 << 15  # elements that are worth a thread
_C = {torch.float32: "float", torch.float64: "double", torch.bfloat16: "bf16"}
_NUMBERS = {"float": ctypes.c_float, "double": ctypes.c_double}


class Kernel:
    """Value and derivative of one program, computed in one type, on contiguous CPU tensors.

    Parameters
    ----------
    library : ctypes.CDLL
    number : {"float", "double"}
    """

    def __init__(self, library: ctypes.CDLL, number: str) -> None:
        self.library, self.number = library, _NUMBERS[number]

    def value(self, x: torch.Tensor, y: torch.Tensor, scale: float, gain: float) -> float:
        """Write gain · r(scale · x) into y (x itself is allowed).

        Returns
        -------
        float
            Largest |x|; not a number if one is not.
        """
        sizes = self._run("value", (x, y), scale, gain)
        return math.nan if any(map(math.isnan, sizes)) else max(sizes)

    def slope(self, x: torch.Tensor, gradient: torch.Tensor, y: torch.Tensor, scale: float) -> None:
        """Write gradient · r'(scale · x) into y."""
        self._run("slope", (x, gradient, y), scale)

    def below(
        self, x: torch.Tensor, y: torch.Tensor, scale: float, gain: float, low: float
    ) -> None:
        """Write x into y where it is positive, elsewhere gain · r(scale · max(x, low))."""
        self._run("below", (x, y), scale, gain, low)

    def _run(self, name: str, tensors: tuple[torch.Tensor, ...], *numbers: float) -> list[float]:
        count = tensors[0].numel()
        function = self.library[f"{name}_{_C[tensors[0].dtype]}"]
        function.restype = ctypes.c_double if name == "value" else None
        places = [(tensor.data_ptr(), tensor.element_size()) for tensor in tensors]
        constants = [self.number(number) for number in numbers]

        def part(start: int, stop: int) -> float:
            here = [ctypes.c_void_p(address + start * size) for address, size in places]
            return float(function(*here, ctypes.c_long(stop - start), *constants) or 0.0)

        return in_parts(part, count)


class NoiseKernel(Kernel):
    """ReLU with noise where its input is not positive."""

    def noise(self, x: torch.Tensor, noise: torch.Tensor, y: torch.Tensor, size: float) -> None:
        """Write x into y where it is positive, elsewhere size · noise (of float32)."""
        self._run("noise", (x, noise, y), size)

    def lifted(self, x: torch.Tensor, noise: torch.Tensor, y: torch.Tensor, size: float) -> None:
        """Write x into y where it is positive, elsewhere ReLU of x + size · noise."""
        self._run("lifted", (x, noise, y), size)


def in_parts(part: Callable[[int, int], float], count: int) -> list[float]:
    """Call part(start, stop) so that all of range(count) is done, on torch's number of threads."""
    threads = max(1, min(torch.get_num_threads(), count // _SHARE))
    if threads == 1:
        return [part(0, count)]
    edges = [count * i // threads for i in range(threads + 1)]
    return list(_pool().map(part, edges[:-1], edges[1:]))


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="nn_bridge")
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not live on in a child
    return pool


def compiled(program: Program, dtype: torch.dtype) -> Kernel | None:
    """The kernel that computes a program in float32 or float64; None where none can be made."""
    number = _C[dtype]
    library = load_library(kernel_source(program, number))
    return None if library is None else Kernel(library, number)


def compiled_noise() -> NoiseKernel | None:
    """The kernel for noise; None where none can be made."""
    library = load_library(noise_source())
    return None if library is None else NoiseKernel(library, "float")


def supports(*tensors: torch.Tensor) -> bool:
    """Whether kernels work on these tensors: on the CPU, contiguous, of one known type."""
    first = tensors[0]
    return all(
        t.is_cpu and t.dtype in _C and t.dtype == first.dtype and t.is_contiguous() for t in tensors
    )


@lru_cache(maxsize=512)
def load_library(source: str) -> ctypes.CDLL | None:
    """The shared object of C source, compiled if it is not in the cache; None without a compiler.

    Examples
    --------
    >>> library = load_library("int twice(int x) { return 2 * x; }")
    >>> library is None or library.twice(21)
    42
    """
    compiler = compiler_path()
    if compiler is None:
        return None
    folder = cache_folder()
    identity = "\n".join((source, compiler, *_FLAGS, _processor()))
    name = hashlib.sha256(identity.encode()).hexdigest()[:32] + ".so"
    with tempfile.TemporaryDirectory() as temporary:
        path = (Path(temporary) if folder is None else folder / "kernels") / name
        try:
            if not path.is_file():  # a pipe would never end
                write_atomically(path, lambda fresh: _compile(source, compiler, fresh))
            return ctypes.CDLL(str(path))
        except (OSError, subprocess.SubprocessError):
            return None


def compiler_path() -> str | None:
    """The C compiler: ``CC``, or ``cc``; None if there is none, or CC is "off"."""
    chosen = os.environ.get("CC") or "cc"
    return None if chosen.lower() == "off" else shutil.which(chosen)


def _compile(source: str, compiler: str, path: Path) -> None:
    command = [compiler, *_FLAGS, "-x", "c", "-", "-o", str(path)]
    subprocess.run(
        command, input=source, text=True, capture_output=True, check=True, timeout=_SECONDS
    )


@lru_cache(maxsize=1)
def _processor() -> str:
    """What the code is tuned for: a cache may be shared by several machines."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() + platform.machine()
    lines = text.split("\n\n", 1)[0].splitlines()
    return "\n".join(line for line in lines if line.startswith(("model name", "flags")))
