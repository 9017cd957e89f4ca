# SPDX-License-Identifier: Apache-2.0
"""Running independent tasks: one after another, on several processes (joblib), on a cluster (dask)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from ...errors import ArgumentError
from ...given import is_whole, shown

Task: TypeAlias = "tuple[Callable[..., Any], tuple[Any, ...]]"
Runner: TypeAlias = "Callable[[Sequence[Task]], Iterable[Any]]"
RUNNERS = ("serial", "joblib", "dask")


def serial(tasks: Sequence[Task]) -> Iterator[Any]:
    """One task after another, in this process."""
    for function, arguments in tasks:
        yield function(*arguments)


def runner_named(
    name: str, jobs: int = -1, *, scheduler: str | None = None, ordered: bool = True
) -> Runner:
    """What runs independent tasks.

    Parameters
    ----------
    name : {"serial", "joblib", "dask"}
    jobs : int
        Processes of joblib (-1: one a core).
    scheduler : str, optional
        Address of the cluster's scheduler, for dask alone. A worker that dies costs what it was
        doing: the task goes to another one.
    ordered : bool
        Results in the order of the tasks; otherwise each as soon as it is there.

    Returns
    -------
    callable
        Takes a list of (function, arguments) and yields their results, whatever the runner is:
        the same seed finds the same circuit.

    Raises
    ------
    ArgumentError
        If the name is unknown, its package is not installed, or the scheduler does not answer.

    Examples
    --------
    >>> list(runner_named("serial")([(max, (1, 2)), (min, (1, 2))]))
    [2, 1]
    """
    if name not in RUNNERS:
        raise ArgumentError(f"runner must be one of {RUNNERS}; got {name!r}")
    if not is_whole(jobs) or jobs == 0:
        raise ArgumentError(f"jobs must be a whole number other than 0; got {shown(jobs)}")
    if (scheduler is None) == (name == "dask"):
        raise ArgumentError(
            f"scheduler is {scheduler!r} for runner={name!r}: dask needs its address, such as "
            "'tcp://host:8786', and no other runner takes one"
        )
    if name == "serial":
        return serial
    return _joblib(jobs, ordered) if scheduler is None else _dask(scheduler, ordered)


def _joblib(jobs: int, ordered: bool) -> Runner:
    try:
        import joblib
    except ImportError:
        raise _missing("joblib", "joblib") from None

    def run(tasks: Sequence[Task]) -> Iterator[Any]:
        if not tasks:
            return iter(())
        kind = "generator" if ordered else "generator_unordered"
        parallel = joblib.Parallel(n_jobs=jobs, return_as=kind)
        return iter(parallel(joblib.delayed(function)(*rest) for function, rest in tasks))

    return run


def _dask(scheduler: str, ordered: bool) -> Runner:
    try:
        import distributed
    except ImportError:
        raise _missing("dask", "polyapprox[cluster]") from None

    def run(tasks: Sequence[Task]) -> Iterator[Any]:
        try:
            client = distributed.Client(scheduler, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ArgumentError(
                f"no scheduler of dask answers at {scheduler!r} ({error}): start one, or give its "
                "address"
            ) from error
        with client:
            futures: Any = [client.submit(f, *rest, pure=False, retries=2) for f, rest in tasks]
            if not ordered:
                futures = distributed.as_completed(futures, loop=client.loop)
            for future in futures:
                yield future.result()

    return run


def _missing(runner: str, package: str) -> ArgumentError:
    return ArgumentError(
        f"runner={runner!r} needs the package {package}, which is not installed; "
        f"install it (pip install '{package}') or use runner='serial'"
    )
