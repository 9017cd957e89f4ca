"""Running independent trials: one after another, or on several processes by joblib."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from ...errors import ArgumentError

Task: TypeAlias = "tuple[Callable[..., Any], tuple[Any, ...]]"
Runner: TypeAlias = "Callable[[Sequence[Task]], Iterable[Any]]"
RUNNERS = ("serial", "joblib")


def serial(tasks: Sequence[Task]) -> Iterator[Any]:
    """One task after another, in this process."""
    for function, arguments in tasks:
        yield function(*arguments)


def runner_named(name: str, jobs: int = -1) -> Runner:
    """What runs the trials of a search.

    Parameters
    ----------
    name : {"serial", "joblib"}
    jobs : int
        Processes of joblib (-1: one a core).

    Returns
    -------
    callable
        Takes a list of (function, arguments) and yields their results in order, whatever the
        runner is: the same seed finds the same circuit.

    Raises
    ------
    ArgumentError
        If the name is unknown, or joblib is not installed.

    Examples
    --------
    >>> list(runner_named("serial")([(max, (1, 2)), (min, (1, 2))]))
    [2, 1]
    """
    if name not in RUNNERS:
        raise ArgumentError(f"runner must be one of {RUNNERS}; got {name!r}")
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0:
        raise ArgumentError(f"jobs must be a whole number other than 0; got {jobs!r}")
    if name == "serial":
        return serial
    try:
        import joblib
    except ImportError:
        raise ArgumentError(
            "runner='joblib' needs the package joblib, which is not installed; "
            "install it (pip install joblib) or use runner='serial'"
        ) from None

    def run(tasks: Sequence[Task]) -> Iterator[Any]:
        if not tasks:
            return iter(())
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator")
        return iter(parallel(joblib.delayed(function)(*rest) for function, rest in tasks))

    return run
