# SPDX-License-Identifier: Apache-2.0
"""Tables: approximations as JSON files that anyone can read, check and run.

The format is described by the JSON Schema ``polyapprox/schema/table-2.json``, shipped with the
package (``table-1.json``: that of older tables, which have no guard and are read as they are). Every number that is not a count is a decimal string; it stands for the dyadic number
nearest to it that has as many significant bits as the field ``bits`` of the same object says (53,
a double, unless said otherwise), so that reading gives back every bit. The field ``plan`` holds
the operations themselves: the plan in the file is the plan. ``sha256`` is the hash of the rest of
the table as canonical JSON (sorted keys, no spaces, UTF-8).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from ..approximation import Approximation
from ..errors import TableError
from ..files import write_atomically
from ..given import file_path
from ..precision import one_at_a_time
from .plans import plan_document, plan_from
from .read import approximation_from
from .schema import FORMAT, SERIES_FORMAT, VERSION, VERSIONS, content_hash
from .write import document_of, laid_out

__all__ = ["FORMAT", "VERSION", "document_of", "load", "read_document", "save"]

LARGEST_FILE = 64 * 2**20


@one_at_a_time
def save(approximation: Approximation, path: str | Path) -> Path:
    """Write an approximation as a table.

    Parameters
    ----------
    approximation : Approximation
    path : str or Path
        Where to write; folders on the way are made. The file is replaced as a whole or not at
        all.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    TableError
        If the value cannot be held by a table, or the file cannot be written.

    Examples
    --------
    >>> import tempfile, polyapprox
    >>> p = polyapprox.minimax("exp", 5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load(save(p, Path(folder) / "exp.json")) == p
    True
    """
    plan_from(plan_document(approximation.plan))  # before anything counts on it
    document = document_of(approximation)
    if approximation_from(document) != approximation:
        raise TableError("this approximation does not survive being written and read; not written")
    return write_document(document, path)


def write_document(document: dict[str, Any], path: str | Path) -> Path:
    """Write a document of a table, as a whole or not at all.

    Raises
    ------
    TableError
        If the file cannot be written.
    """
    path = file_path("path", path)
    try:
        return write_atomically(path, laid_out(document).encode())
    except OSError as error:
        raise TableError(f"cannot write the table {path}: {error.strerror or error}") from error


@one_at_a_time
def load(path: str | Path) -> Approximation:
    """Read a table, checking all of it against the schema.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Approximation
        Equal to the one saved, bit for bit.

    Raises
    ------
    TableError
        If the file cannot be read, was changed or cut off, is of another version, or says
        something impossible; the message names the file and what is wrong.
    """
    path = file_path("path", path)
    try:
        document = read_document(path)
        check_schema(document)
        return approximation_from(document)
    except TableError as error:
        raise TableError(f"{path}: {error}") from None


def read_document(
    path: str | Path, format: str = FORMAT, versions: tuple[int, ...] = VERSIONS
) -> dict[str, Any]:
    """The JSON object of a table whose format, version and content hash are right.

    Raises
    ------
    TableError
    """
    return hashed_document(_json(path), format, versions)


def format_of(path: str | Path) -> str:
    """What the field ``format`` of a table says ("" where there is none).

    Raises
    ------
    TableError
        If the file is no JSON document.
    """
    try:
        document = _json(path)
    except TableError as error:
        raise TableError(f"{path}: {error}") from None
    return str(document.get("format", "")) if isinstance(document, dict) else ""


def _json(path: str | Path) -> Any:
    text = _read_text(Path(path))
    try:
        return json.loads(
            text, object_pairs_hook=_without_repetition, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise TableError(f"not a whole JSON document ({error}); was the file cut off?") from None


def hashed_document(
    document: Any, format: str = FORMAT, versions: tuple[int, ...] = VERSIONS
) -> dict[str, Any]:
    """The same object, if it is a table whose format, version and content hash are right.

    Raises
    ------
    TableError
    """
    found = document.get("format") if isinstance(document, dict) else None
    if found == SERIES_FORMAT != format:
        raise TableError(
            "it holds a function inside the bootstrap; read it with polyapprox.load_bootstrapped"
        )
    if found != format:
        raise TableError(f"not a table: the field 'format' is not {format!r}")
    version = document.get("version")
    if isinstance(version, bool) or version not in versions:
        raise TableError(
            f"version {version!r} of the table format is not known; this release reads versions "
            f"{' and '.join(map(str, versions))}"
        )
    if "sha256" not in document:
        raise TableError("the field 'sha256' is missing; save the table again")
    if document["sha256"] != content_hash(document):
        raise TableError(
            "the content does not match its sha256: the file was changed after it was written"
        )
    return cast("dict[str, Any]", document)


def check_schema(document: dict[str, Any]) -> None:
    """Check a document against the shipped JSON Schema.

    Raises
    ------
    TableError
        With the place of the worst violation.
    """
    from .schema import first_violation

    violation = first_violation(document)
    if violation:
        raise TableError(violation)


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise TableError(f"larger than {LARGEST_FILE >> 20} MiB: not a table")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise TableError(f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise TableError("not a JSON document: it is not UTF-8 text") from error


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a field is given twice")
    return result


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
