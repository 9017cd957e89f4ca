# SPDX-License-Identifier: Apache-2.0
"""The command ``polyapprox``: bad input ends in one sentence and exit code 2, never a traceback.

A table whose claim is false ends in exit code 1; a run on ciphertexts whose error exceeds proven bound
and forecast noise in 3, since a forecast is no claim.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        Exit code: 0, 1 for a table whose claim is false, 2 for bad input (the sentence is on
        standard error), 3 for a measurement beyond proven bound and forecast noise, or 130 where it
        was interrupted.

    Examples
    --------
    >>> main(["make", "relu", "--precision", "2^-5", "--interval", "-8", "8", "--json"])
    ... # doctest: +ELLIPSIS
    {...}
    0
    """
    from .examples import KEPT
    from .running import run
    from .values import spelled

    given = spelled(sys.argv[1:] if arguments is None else arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # overflow is told by what fails
        return run(command(), "polyapprox", given, KEPT)


def command() -> Any:
    """All commands, as one group of click."""
    import typer

    from . import chains, costs, encrypted, explore, noise, zoo  # noqa: F401  (their commands)
    from .commands import application

    return typer.main.get_command(application)
