# SPDX-License-Identifier: Apache-2.0
"""Imports: tables that others made, or that this package exported, certified as what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from ..approximation import Approximation
from ..errors import ArgumentError, TableError
from ..given import file_path, shown
from ..precision import one_at_a_time
from ..provenance import Provenance, call, remarked
from ..recipes.arguments import Parts, either, read_choice
from ..recipes.guard import DEFAULT_GUARD
from . import (
    ant_ace,
    c_source,
    columns,
    csv,
    go_source,
    latex,
    mlir,
    orion,
    perseus,
    python_source,
    smart_paf,
)
from .certify import approximation_of
from .contents import BASES, LARGEST_POWER, ORDERS, Basis, Contents, Hints, Order, arranged

__all__ = ["FORMATS", "Contents", "Hints", "import_table", "read"]

Reader = Callable[[bytes, Hints], Contents]

READERS: dict[str, Reader] = {
    "openfhe": python_source.read_openfhe,
    "openfhe-cpp": c_source.read_openfhe,
    "lattigo": go_source.read_lattigo,
    "tenseal": python_source.read_tenseal,
    "seal": c_source.read_straight,
    "heaan": c_source.read_straight,
    "orion": orion.read_orion,
    "orion-module": python_source.read_orion_lists,
    "desilo": python_source.read_desilo,
    "heir": mlir.read_mlir,
    "c": c_source.read_straight,
    "python": python_source.read_python,
    "csv": csv.read_csv,
    "latex": latex.read_latex,
    "approxcnn": columns.read_approxcnn,
    "fhe-mp-cnn": columns.read_fhe_mp_cnn,
    "smart-paf": smart_paf.read_smart_paf,
    "ant-ace": ant_ace.read_ant_ace,
    "perseus": perseus.read_perseus,
}
FORMATS = tuple(READERS)
LARGEST_FILE = 64 * 2**20
_BY_SUFFIX = {".go": "lattigo", ".orion": "orion", ".mlir": "heir", ".csv": "csv", ".tex": "latex"}


def read(path: str | Path, format: str, hints: Hints = Hints()) -> Contents:
    """The numbers of a file, exactly, and what it says about them; nothing is proven.

    Parameters
    ----------
    path : str or Path
    format : str
        One of :data:`FORMATS`.
    hints : Hints

    Raises
    ------
    TableError
        If the file cannot be read as this format; the message names the file and the reason.
    ArgumentError
        If there is no such format, or the numbers are ambiguous without a hint.
    """
    read_choice("format", format, FORMATS)
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise TableError(f"{path}: larger than {LARGEST_FILE >> 20} MiB: not a table")
        content = path.read_bytes()
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        return arranged(READERS[format](content, replace(hints, path=str(path))), hints)
    except ArgumentError:
        raise
    except (TableError, OverflowError) as error:
        raise TableError(f"{path}: as {format!r}: {error}") from None


@one_at_a_time
def _checked(path: Path) -> Approximation:
    """A table of our own, what it claims proven again."""
    from ..table import load
    from ..verification import verify

    result = load(path)
    if result.certificate is not None:
        verify(result)
    return result


def import_table(
    path: str | Path,
    *,
    format: str | None = None,
    function: str | None = None,
    interval: Parts | None = None,
    domain: Parts | None = None,
    basis: Basis | None = None,
    degrees: tuple[int, ...] = (),
    name: str | None = None,
    half_width: float | None = None,
    guard: float = DEFAULT_GUARD,
    order: Order = "low-to-high",
    powers: tuple[int, ...] = (),
    structure: Literal["polynomial", "composite"] | None = None,
    relative: bool = False,
    weight: str | None = None,
) -> Approximation:
    """Read a table in somebody's format and certify it: what it truly approximates.

    Parameters
    ----------
    path : str or Path
        A file with somebody's coefficients.
    format : str, optional
        Such as "lattigo" or "csv", one of :data:`FORMATS`; by default that of the file's suffix, where one has it.
    function : str, optional
        What it approximates, if the file does not say it. With the stages of a sign s, "relu"
        means x(1 + s(x))/2, "abs" x·s(x), "step" (1 + s(x))/2: see `structure`.
    interval : (float, float) or list of them, optional
        Where, if the file does not say it. On an interval other than [-1, 1] the stages of a
        composite are taken as functions of x/B, B the larger end; powers of a single polynomial
        are powers of x itself.
    domain : the same
        The former word for `interval`.
    basis : {"chebyshev", "monomial", "monomial-odd"}, optional
        Of the coefficients, if neither format nor file says it; "monomial-odd": only those of
        x, x³, x⁵, …
    degrees : tuple of int, optional
        Of the stages, for formats with all numbers in one column.
    name : str, optional
        Which table, if the file holds several: its exact name. Several with commas between are
        composed, innermost first.
    half_width : float, optional
        B, where the numbers are those of a function of x/B; by default the larger end of the
        domain for stages of a composite, and 1 for powers of a single polynomial. Give 1 to see
        what a composite for [-1, 1] does beyond it.
    guard : float
        Inputs may leave the domain by so much of its larger end: the bound holds for that too
        (and, of a composite, for as much relative noise between its stages). Tables of this
        package (JSON) keep theirs.
    order : {"low-to-high", "high-to-low"}
        Of the numbers of each row.
    powers : tuple of int, optional
        Which power of x (or index of a Chebyshev polynomial) each number belongs to, such as
        (0, 1, 3, 5, 7) for a constant followed by odd powers.
    structure : {"polynomial", "composite"}, optional
        Whether the numbers are the function itself or the stages of a sign s. By default both
        are tried for ReLU, \\|x\\| and step: one is taken if the proven bound of its error is at most
        half the error that the other has at some point. For another function f, "composite" means
        x(1 + s(x))/2, as for GELU(x) = x(1 + erf(x/√2))/2.
    relative : bool
        The bound is of the relative error: weight 1/\\|f\\|.
    weight : str, optional
        Expression of a positive weight of the error.

    Returns
    -------
    Approximation
        With a proven bound.

    Raises
    ------
    ArgumentError
        If something is ambiguous: the message says what to give.
    TableError
        If the file cannot be read as this format.
    ProofError
        If no bound can be proven; `FalseClaimError` if a table of our own claims one that is not.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "newton.csv"
    ...     _ = file.write_text("1.5, -0.5\\n1.5, -0.5\\n")
    ...     r = import_table(file, function="relu", interval=(-1, 1), basis="monomial-odd")
    >>> r.degrees, f"{r.error_bound:.4f}"
    ((3, 3), '0.0593')
    """
    path = file_path("path", path)
    interval = either("interval", interval, "domain", domain, None)
    if format is None:
        if path.suffix == ".json":
            return _checked(path)
        format = _BY_SUFFIX.get(path.suffix)
        if format is None:
            raise ArgumentError(
                f"format is not given and the suffix of {path.name} does not say it; give one of "
                f"{', '.join(FORMATS)}"
            )
    if basis is not None:
        read_choice("basis", basis, BASES)
    read_choice("order", order, ORDERS)
    if structure is not None:
        read_choice("structure", structure, ("polynomial", "composite"))
    hints = Hints(basis, tuple(degrees), name, order=order, powers=_read_powers(powers))
    contents = read(path, format, hints)
    if basis is not None and contents.basis not in (None, basis):
        if format not in ("csv", "heir", "lattigo"):
            raise ArgumentError(
                f"basis={basis!r} contradicts the file, whose numbers are {contents.basis!r}"
            )
        contents = replace(contents, basis=basis)
    source = f"{path.name}, format {format}" + (f", table {name}" if name else "")
    result = approximation_of(
        contents, function, interval, source, half_width, guard, structure, relative, weight
    )
    left_out = {
        "format": _BY_SUFFIX.get(path.suffix), "degrees": (), "guard": DEFAULT_GUARD,
        "order": ORDERS[0], "powers": (), "relative": False,
        **dict.fromkeys(("function", "interval", "basis", "name", "half_width", "structure", "weight")),
    }  # fmt: skip
    command = call(
        "import_table", str(path), format=format, function=function, interval=interval, basis=basis,
        degrees=tuple(degrees), name=name, half_width=half_width, guard=float(guard),
        order=order, powers=hints.powers, structure=structure, relative=relative,
        weight=weight, leave_out=left_out,
    )  # fmt: skip
    return replace(result, provenance=Provenance.of(remarked(command, _remark(path, contents))))


def _read_powers(powers: Any) -> tuple[int, ...]:
    found = tuple(powers) if isinstance(powers, (tuple, list)) else (powers,)
    whole = all(type(k) is int and 0 <= k <= LARGEST_POWER for k in found)
    if not whole or len(set(found)) != len(found):
        raise ArgumentError(
            f"powers must be different whole numbers from 0 on, such as (0, 1, 3); got {shown(powers)}"
        )
    return found


def _remark(path: Path, contents: Contents) -> str:
    """Which file it was, and what was done to its numbers."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return "; ".join((f"SHA-256 of the file {digest}…", *contents.notes))
