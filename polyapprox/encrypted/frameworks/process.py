# SPDX-License-Identifier: Apache-2.0
"""A worker process spoken to over pipes, which never outlives its session."""

from __future__ import annotations

import contextlib
import os
import subprocess
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..backend import BackendError
from .openfhe_worker import read_message, write_message

_PATIENCE = 2.0  # seconds for a worker to end by itself


class Worker:
    """A process that answers messages (see :mod:`polyapprox.encrypted.frameworks.openfhe_worker`).

    Parameters
    ----------
    interpreter : Path
        The Python that runs it.
    script : Path
    name : str
        Of the framework, for messages.

    Raises
    ------
    BackendError
        If it cannot be started.
    """

    def __init__(self, interpreter: Path, script: Path, name: str) -> None:
        self.name = name
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        environment.pop("PYTHONPATH", None)
        try:
            self._process = subprocess.Popen(
                [str(interpreter), str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        except OSError as error:
            raise BackendError(
                f"the worker process of {name} could not be started with {interpreter}: "
                f"{error.strerror or error}"
            ) from error
        self._end = weakref.finalize(self, _end, self._process)
        self.version = str(self._receive()[0].get("ready"))

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def identity(self) -> int:
        """Process id."""
        return self._process.pid

    def ask(
        self, request: Mapping[str, Any], arrays: Sequence[np.ndarray] = ()
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        """Send a request, wait for its answer.

        Raises
        ------
        BackendError
            If the worker refuses, or dies.
        """
        if not self._end.alive:
            raise BackendError(f"the session with {self.name} is closed; open a new one")
        data = [np.ascontiguousarray(one, dtype=np.float64) for one in arrays]
        try:
            write_message(self._process.stdin, dict(request), data)
        except (BrokenPipeError, ValueError):
            self._died()
        answer, results = self._receive()
        if "error" in answer:
            raise BackendError(f"{self.name} refused: {answer['error']}")
        return answer, results

    def close(self) -> None:
        """End the process."""
        self._end()

    def _receive(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        try:
            message = read_message(self._process.stdout)
        except (OSError, ValueError):
            message = None
        if message is None:
            self._died()
        content, arrays = message
        return content, [np.array(one, dtype=np.float64) for one in arrays]

    def _died(self) -> NoReturn:
        self._end()
        code = self._process.returncode
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        raise BackendError(
            f"the worker process of {self.name} died {how} in mid-run; there is no result: "
            "run it again, with a smaller ring if memory was short"
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
