# SPDX-License-Identifier: Apache-2.0
"""Series as JSON files: a format of their own beside that of tables, with the same rules for numbers.

A series has no plan and no Chebyshev components, and a table nothing of a message or a period, so the
two share hash, decimals and layout, not the schema (``polyapprox/schema/series-1.json``). Reading
proves: :func:`load` shows the bound of the file anew, and refuses what it cannot show.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import mpmath

from .. import outward
from ..certificate import Certificate
from ..errors import FalseClaimError, PolyApproxError, TableError
from ..given import file_path, instance
from ..precision import one_at_a_time
from ..provenance import Provenance
from ..table import read_document, write_document
from ..table.decimals import common_bits, read, read_bits, written
from ..table.read import consistent, read_intervals
from ..table.schema import SERIES_FORMAT, SERIES_VERSIONS, content_hash, first_violation
from ..table.write import float_text
from ..verification import Verification, claim_of, supported
from .proof import prove
from .value import Bootstrapped


def document_of(series: Bootstrapped) -> dict[str, Any]:
    """The JSON document, content hash included.

    Raises
    ------
    TableError
        If a number is not finite.
    """
    one = series
    ends = [end for part in (*one.domain, *one.covered) for end in part]
    numbers = [*ends, one.guard, one.centre, one.width, one.limit, *one.cosines, *one.sines]
    bits = common_bits(numbers)

    def row(values: tuple[mpmath.mpf, ...]) -> list[str]:
        return [written(value, bits) for value in values]

    document: dict[str, Any] = {
        "format": SERIES_FORMAT,
        "version": SERIES_VERSIONS[-1],
        "function": one.function,
        "bits": bits,
        "domain": [row(part) for part in one.domain],
        "guard": written(one.guard, bits),
        "covered": [row(part) for part in one.covered],
        "centre": written(one.centre, bits),
        "width": written(one.width, bits),
        "cosines": row(one.cosines),
        "sines": row(one.sines),
        "limit": written(one.limit, bits),
        "error_estimate": float_text(one.error_estimate),
        "certificate": None if one.certificate is None else _certificate(one.certificate),
        "provenance": one.provenance.as_dict(),
        **derived(one),
    }
    document["sha256"] = content_hash(document)
    return document


def derived(series: Bootstrapped) -> dict[str, Any]:
    """The fields that repeat what the others say, for readers of the file."""
    one, proven = series, series.certificate is not None
    bits = one.bits
    places = repr(float(outward.lower_places(bits, 9)) if proven else round(bits, 9))
    return {
        "degree": one.degree,
        "precision_bits": places if math.isfinite(bits) else None,
        "bound": float_text(one.error_bound) if proven else None,
        "amplification": outward.upper(one.amplification, 3),
        "slope": outward.upper(one.slope_bound, 3),
        "depth": one.levels(),
    }


def _certificate(certificate: Certificate) -> dict[str, Any]:
    bits = common_bits([certificate.upper])
    return {
        "bits": bits,
        "upper": written(certificate.upper, bits),
        "method": certificate.method,
        "details": dict(certificate.details),
    }


@one_at_a_time
def save(series: Bootstrapped, path: str | Path) -> Path:
    """Write a series as a table.

    Raises
    ------
    TableError
        If the value cannot be held by a table (a callable says nothing in a file), or the file cannot be
        written.

    Examples
    --------
    >>> import tempfile, polyapprox
    >>> r = polyapprox.bootstrapped("sigmoid", 13, interval=(-4, 4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load(save(r, Path(folder) / "sigmoid.json")) == r
    True
    """
    instance("series", series, Bootstrapped, "a function inside the bootstrap (Bootstrapped)")
    document = document_of(series)
    if series_from(document) != series:
        raise TableError("this series does not survive being written and read; not written")
    return write_document(document, path)


@one_at_a_time
def load(path: str | Path) -> Bootstrapped:
    """Read a series, and prove its bound again.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Bootstrapped
        Equal to the one saved.

    Raises
    ------
    TableError
        If the file cannot be read, was changed, or says something impossible.
    FalseClaimError
        If the bound that it claims cannot be proven.
    """
    series = read_series(path)
    if series.certificate is not None:
        verify_value(series)
    return series


def read_series(path: str | Path) -> Bootstrapped:
    """The same without the proof."""
    path = file_path("path", path)
    try:
        document = read_document(path, SERIES_FORMAT, SERIES_VERSIONS)
        violation = first_violation(document, "series")
        if violation:
            raise TableError(violation)
        return series_from(document)
    except TableError as error:
        raise TableError(f"{path}: {error}") from None


@one_at_a_time
def verify(table: str | Path | Bootstrapped) -> Verification:
    """Prove the bound of a series again, from the file alone.

    Raises
    ------
    TableError, FalseClaimError
    ProofError
        If nothing is claimed.
    """
    if isinstance(table, Bootstrapped):
        return verify_value(series_from(document_of(table)))
    return verify_value(read_series(table))


def verify_value(series: Bootstrapped) -> Verification:
    """The same of a value."""
    start, claimed = time.perf_counter(), claim_of(series)
    try:
        found = prove(series)
    except (PolyApproxError, ValueError, ArithmeticError, TypeError) as error:
        raise FalseClaimError(f"the claim of the table cannot be proven again: {error}") from error
    if claimed.method != found.method:
        raise FalseClaimError(
            f"the table says that its bound was proven by {claimed.method!r}, but the proof is by "
            f"{found.method!r}"
        )
    return supported(series, found, start)


def series_from(document: dict[str, Any]) -> Bootstrapped:
    """Read a document whose hash was checked.

    Raises
    ------
    TableError
        Naming what is missing, impossible or in contradiction with the rest.
    """
    return consistent(document, _read, derived)


def _read(document: dict[str, Any]) -> Bootstrapped:
    bits = read_bits(document["bits"])
    certificate, estimate = document["certificate"], float(read(document["error_estimate"]))
    if estimate < 0:
        raise TableError(f"error_estimate is {document['error_estimate']}; it cannot be negative")
    width, limit = (read(document[name], bits) for name in ("width", "limit"))
    if width <= 0 or limit <= 0:
        raise TableError("width and limit must be positive")
    cosines, sines = (
        tuple(read(value, bits) for value in document[name]) for name in ("cosines", "sines")
    )
    if len(cosines) != len(sines) or sines[0] != 0:
        raise TableError("there must be as many sines as cosines, and the first must be 0")
    return Bootstrapped(
        function=document["function"],
        domain=read_intervals(document["domain"], bits, "domain"),
        guard=read(document["guard"], bits),
        covered=read_intervals(document["covered"], bits, "covered"),
        centre=read(document["centre"], bits),
        width=width,
        cosines=cosines,
        sines=sines,
        limit=limit,
        error_estimate=estimate,
        certificate=None if certificate is None else _read_certificate(certificate),
        provenance=Provenance.from_dict(document["provenance"]),
    )


def _read_certificate(given: dict[str, Any]) -> Certificate:
    upper = read(given["upper"], read_bits(given["bits"]))
    if upper < 0:
        raise TableError("the bound of the certificate cannot be negative")
    return Certificate(upper, None, "", given["method"], dict(given["details"]))
