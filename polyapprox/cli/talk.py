# SPDX-License-Identifier: Apache-2.0
"""What a command says on standard error while it works: lines of progress, and a clock on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from threading import Timer
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

PATIENCE = 2.0  # seconds until something is shown
PAUSE = 10.0  # seconds between lines
OUT, ERRORS = Console(), Console(stderr=True)  # quiet together


class Talk:
    """What is said, and the clock that runs on the terminal meanwhile."""

    def __init__(self) -> None:
        self.clock: Progress | None = None

    @property
    def quiet(self) -> bool:
        """Nothing but errors, files and JSON."""
        return OUT.quiet

    @quiet.setter
    def quiet(self, wanted: bool) -> None:
        OUT.quiet = ERRORS.quiet = wanted

    def say(self, line: str) -> None:
        """Write one line of progress, above the clock if one runs."""
        ERRORS.print(line, soft_wrap=True, highlight=False, markup=False)

    def ready(self) -> None:
        """Take the clock away: a report follows."""
        if self.clock is not None:
            self.clock.stop()

    def counted(
        self,
        runner: Callable[[Sequence[Any]], Iterable[Any]],
        what: str,
        error: Callable[[Any], float] | None = None,
    ) -> Callable[[Sequence[Any]], Iterator[Any]]:
        """A runner of tasks that says how many are done: after two seconds, then now and again.

        With the error of a result, it says the least of the round so far too (an estimate).
        """
        began = monotonic()
        due = [began + PATIENCE]
        total = [0]

        def run(tasks: Sequence[Any]) -> Iterator[Any]:
            best = inf
            for number, result in enumerate(runner(tasks), 1):
                total[0] += 1
                best = best if error is None else min(best, error(result))
                if monotonic() >= due[0]:
                    took = monotonic() - began
                    least = f", best so far {best:.3g}" if best < inf else ""
                    self.say(f"{number} of {len(tasks)} {what} of this round, {total[0]} in all, "
                             f"{took:.0f} s, {total[0] / max(took, 1e-9):.2g} a second{least}")  # fmt: skip
                    due[0] = monotonic() + PAUSE
                yield result

        return run

    @contextmanager
    def working(self, label: str) -> Iterator[None]:
        """Show a clock on a terminal, from the second second on."""
        if self.quiet or not ERRORS.is_terminal:
            yield
            return
        self.clock = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=ERRORS,
            transient=True, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self.clock.add_task(label)
        timer = Timer(PATIENCE, self.clock.start)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self.ready()
            self.clock = None


TALK = Talk()


class Steps(Progress):
    """Steps that are done: a bar on a terminal; elsewhere, as in a log, a line after two seconds, then now and again."""

    def __init__(self, *more: ProgressColumn) -> None:
        super().__init__(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), *more,
            console=ERRORS, disable=not ERRORS.is_terminal, transient=True,
        )  # fmt: skip
        self._timer = Timer(PATIENCE, self._say)
        self._timer.daemon = True
        self._due = inf

    def start(self) -> None:
        """Begin to show."""
        super().start()
        if self.disable:
            self._due = monotonic() + PATIENCE
            self._timer.start()

    def stop(self) -> None:
        """Take the bar away."""
        self._timer.cancel()
        super().stop()

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """Change what is shown of a task."""
        super().update(task_id, **changes)
        if monotonic() >= self._due:
            self._say()

    def _say(self) -> None:
        one = self.tasks[-1]
        if one.description:
            steps = "" if one.total is None else f": {one.completed:g} of {one.total:g}"
            TALK.say(", ".join((f"{one.description}{steps}", *map(str, one.fields.values()))))
            self._due = monotonic() + PAUSE
