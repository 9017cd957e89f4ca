# SPDX-License-Identifier: Apache-2.0
"""A job in a process of its own: its memory is given back, and it ends with the process that asked."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from polyapprox.encrypted.backend import BackendError
from polyapprox.errors import PolyApproxError

from .memory import available_memory

Progress = Callable[[str, int, int], None]


def apart(
    job: Callable[..., Any], *arguments: Any, what: str, progress: Progress | None = None
) -> Any:
    """The result of job(*arguments, progress), in another process.

    Parameters
    ----------
    job : callable
        Of a module; its last argument is a `progress`.
    *arguments
    what : str
        What the process does, for messages.
    progress : callable, optional

    Raises
    ------
    BackendError
        If the process was killed, or could not begin.
    PolyApproxError
        Whatever the job raises of this.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    worker = context.Process(target=_work, args=(there, job, arguments), daemon=True)
    worker.start()
    there.close()
    begun = False
    try:
        while True:
            kind, *rest = here.recv()
            if kind == "begun":
                begun = True
            elif kind == "progress" and progress:
                progress(*rest)
            elif kind == "result":
                return rest[0]
            elif kind == "error":
                raise rest[0]
    except EOFError:
        worker.join()
        raise BackendError(_why_ended(what, worker.exitcode, begun)) from None
    finally:
        here.close()
        if worker.is_alive():
            worker.terminate()
        worker.join()


def _why_ended(what: str, code: int | None, begun: bool) -> str:
    """A sentence on a process that gave no result."""
    if not begun:
        return (
            f"the process that {what} could not begin (code {code}): a new process imports the main "
            "program again, so give a program in a file, with the call under "
            "`if __name__ == \"__main__\":`"
        )
    short = " as the system does when memory is short" if code == -signal.SIGKILL else ""
    return (
        f"the process that {what} was ended{short} (code {code}); what it finished is kept: run the "
        f"same again{', or in a smaller ring' if short else ''}"
    )


def _work(there: Connection, job: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    os.environ.setdefault("GOGC", "50")  # the engine's memory is swept earlier,
    os.environ.setdefault("GOMEMLIMIT", str(available_memory() * 3 // 4))  # and often when it is short
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def progress(*said: Any) -> None:
        there.send(("progress", *said))  # fails when nobody listens any more: so does the job

    try:
        there.send(("begun",))
        there.send(("result", job(*arguments, progress)))
    except PolyApproxError as error:
        there.send(("error", error))
    except (BrokenPipeError, ConnectionResetError):
        os._exit(1)


def _end_with_parent() -> None:
    """Nobody waits for the result any more, however that came."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
