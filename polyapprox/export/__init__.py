# SPDX-License-Identifier: Apache-2.0
"""Exports: approximations as source code or data in the conventions of each framework.

Each format is one module in ``formats`` with one writer; being there is all that registers it.
What it holds is either the *plan*, operation by operation, where the framework computes with
ciphertexts, or the *components*, coefficients for the framework's own evaluator. Numbers are written so that every bit comes back;
where a framework reads doubles only, longer constants are first rounded to double, which the
header says, and the bound in the header is proven again for the rounded numbers.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from ..approximation import Approximation
from ..errors import TableError
from ..given import file_path, instance, word
from ..precision import one_at_a_time
from . import formats
from .job import Form, Format, Job

__all__ = ["FORMATS", "Form", "Format", "Job", "export", "find_format", "job_for"]

FORMATS = tuple(sorted(m.name.replace("_", "-") for m in iter_modules(formats.__path__)))
"""Names of the formats: the modules in ``formats``."""


@lru_cache
def find_format(name: str) -> Format:
    """A format by its name.

    Raises
    ------
    ArgumentError
        If there is no format of that name.

    Examples
    --------
    >>> find_format("lattigo").forms, find_format("openfhe").forms
    (('plan', 'components'), ('plan', 'components'))
    """
    word("format", name, FORMATS)
    module = import_module(f"{formats.__name__}.{name.replace('-', '_')}")
    found: Format = module.FORMAT
    return found


def job_for(approximation: Approximation, format: str, form: Form | None = None) -> Job:
    """What an export will write: the approximation rounded for the format, and its check.

    The parameters are those of :func:`export`.
    """
    from .prepare import prepare

    return prepare(approximation, find_format(format), form)


@one_at_a_time
def export(
    approximation: Approximation, format: str, path: str | Path, *, form: Form | None = None
) -> Path:
    """Write an approximation in the convention of a framework.

    Parameters
    ----------
    approximation : Approximation
    format : str
        One of :data:`FORMATS`.
    path : str or Path
        The file; it is replaced as a whole or not at all.
    form : {"plan", "components"}, optional
        Operations one by one, or coefficients for the framework's own evaluator; by default the
        first that the format holds, the faster one where both were timed.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ArgumentError
        If there is no such format, if it does not hold that form, or if it would be wrong there
        (monomials that lose digits).
    TableError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile, polyapprox
    >>> r = polyapprox.relu(precision=2**-5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = export(r, "c", Path(folder) / "relu.c")
    ...     "double polyapprox_relu(double x)" in path.read_text()
    True
    """
    from ..files import write_atomically

    instance("approximation", approximation, Approximation, "an Approximation")
    path = file_path("path", path)
    job = job_for(approximation, word("format", format, FORMATS), form)
    content = job.format.write(job)
    try:
        return write_atomically(path, content)
    except OSError as error:
        raise TableError(f"cannot write {path}: {error.strerror or error}") from error
