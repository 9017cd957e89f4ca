"""The command ``polyapprox``: bad input ends in one sentence and exit code 2, never a traceback.

A table whose claim is false ends in exit code 1.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

from ..errors import FalseClaimError, PolyApproxError

BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        Exit code: 0, 1 for a table whose claim is false, or 2 for bad input (the sentence is on
        standard error).

    Examples
    --------
    >>> main(["relu", "--precision", "2^-5", "--interval", "-8", "8", "--json"])
    ... # doctest: +ELLIPSIS
    {...}
    0
    """
    from . import chains, costs, encrypted, noise, tables  # noqa: F401  (their commands)
    from .commands import FALSE_CLAIM, application
    from .values import spelled

    given = spelled(sys.argv[1:] if arguments is None else arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # overflow is told by what fails
            application(args=given, prog_name="polyapprox")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else BAD_INPUT
    except FalseClaimError as error:
        return _complain(str(error), FALSE_CLAIM)
    except PolyApproxError as error:
        return _complain(str(error))
    except (ArithmeticError, ValueError, MemoryError, RecursionError, OSError) as error:
        return _complain(
            f"this could not be computed ({type(error).__name__}: {error}); try an interval or a "
            "precision that is less extreme"
        )
    return 0


def _complain(sentence: str, code: int = BAD_INPUT) -> int:
    sys.stderr.write(f"polyapprox: {' '.join(sentence.split())}\n")
    return code
