# SPDX-License-Identifier: Apache-2.0
"""Making figures without global state, and writing them whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mpmath

from ..approximation import Approximation
from ..errors import ArgumentError, PolyApproxError
from ..files import write_atomically
from ..outward import lower_places, upper
from ..scaling import scales_with_interval
from ..words import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
BLUE, ORANGE, GREY, RED = "#1f5fa8", "#d9730d", "#7a7a7a", "#b3261e"
STYLE: dict[Any, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.labelsize": 9.5,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "svg.hashsalt": "polyapprox",
}


def drawn(
    draw: Callable[[Figure], None], size: tuple[float, float], path: str | Path | None
) -> Figure:
    """Let a function draw on a new figure, and write the figure if a path is given.

    Raises
    ------
    ArgumentError
        If the suffix of the path is not .png, .svg or .pdf, or the file cannot be written.
    PolyApproxError
        If matplotlib is not installed.
    """
    kind = None if path is None else kind_of(path)
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure as NewFigure
    except ImportError as error:
        raise PolyApproxError(
            'drawing needs matplotlib, which is not installed: pip install "polyapprox[plot]"'
        ) from error
    with rc_context(STYLE):
        figure = NewFigure(figsize=size, layout="constrained")
        draw(figure)
        if path is not None and kind is not None:
            _write(figure, Path(path), kind)
    return figure


def kind_of(path: str | Path) -> str:
    """The format that the suffix of a path names.

    Raises
    ------
    ArgumentError
        If it is not .png, .svg or .pdf.

    Examples
    --------
    >>> kind_of("error.PNG")
    'png'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ArgumentError(f"the path of a figure must end in one of {', '.join(SUFFIXES)}; got {str(path)!r}")
    return suffix[1:]


def _write(figure: Figure, path: Path, kind: str) -> None:
    content = io.BytesIO()
    metadata = {"png": {"Software": "polyapprox"}, "svg": {"Date": None}}.get(kind)
    figure.savefig(content, format=kind, dpi=200, metadata=metadata)
    try:
        write_atomically(path, content.getvalue())
    except OSError as error:
        raise ArgumentError(f"cannot write {path}: {error.strerror or error}") from error


def number(value: float | mpmath.mpf, digits: int = 4) -> str:
    """A number for a title, with a true minus sign."""
    return _typeset(f"{float(value):.{digits}g}")


def bound(value: float | mpmath.mpf, digits: int = 4) -> str:
    """A proven bound for a title, rounded up.

    Examples
    --------
    >>> bound(2.50726e-07)
    '2.508·10$^{−7}$'
    """
    return _typeset(upper(value, digits))


def _typeset(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    if exponent:
        mantissa = f"{mantissa}·10$^{{{int(exponent)}}}$"
    return mantissa.replace("-", "−", 1)


NAMES = {
    "relu": "ReLU(x)",
    "abs": "|x|",
    "sign": "sign(x)",
    "step": "step(x)",
    "maximum": "max(a, b)",
    "minimum": "min(a, b)",
}


def title_of(approximation: Approximation) -> str:
    """Function, domain, structure and degrees; bound; cost with the name of the rule."""
    a = approximation
    parts = " ∪ ".join(f"[{number(low)}, {number(high)}]" for low, high in a.domain)
    degrees = ", ".join(map(str, a.degrees))
    degrees = f"degrees {degrees}" if len(a.degrees) > 1 else f"degree {degrees}"
    name = NAMES.get(a.function, a.function.replace("$", r"\$"))
    return f"{name} on {parts}: {a.structure}, {degrees}\n{_claim(a)}{_cost(a)}"


def _claim(a: Approximation) -> str:
    if a.certificate is None:
        return f"error about {number(a.error_estimate)} (sampled estimate)"
    if a.weight != "1":
        return f"weighted error ≤ {bound(a.error_bound)}, proven"
    scaled = " on [−1, 1]" if scales_with_interval(a.function) else ""
    bits = lower_places(a.bits, 2)
    return f"error ≤ {bound(a.error_bound)}, proven ({bits} bits{scaled})"


def _cost(a: Approximation) -> str:
    counts = a.counts("published")
    return (
        f"; {counted(counts.multiplications, 'multiplication')}, {counted(counts.levels, 'level')} "
        f"(rule “{counts.rule}”)"
    )
