# SPDX-License-Identifier: Apache-2.0
"""The report of an error propagation: a table for the terminal, one page with figures."""

from __future__ import annotations

import base64
import html
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from polyapprox.outward import upper

from ..files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .layers import LayerError
    from .study import Propagation

_COLUMNS = (
    ("site", "activation", "{:<22}"),
    ("bound", "B", "{:.3g}"),
    ("bias_negative", "bias x<0", "{:+.1e}"),
    ("bias_positive", "bias x>0", "{:+.1e}"),
    ("rms_negative", "rms x<0", "{:.1e}"),
    ("rms_positive", "rms x>0", "{:.1e}"),
    ("relative", "relative", "{:.1%}"),
    ("negative", "x<0", "{:.0%}"),
    ("dead", "dead", "{:.1%}"),
    ("outside", "outside", "{:.1e}"),
    ("carried", "carried", "{:.1e}"),
    ("amplification", "growth", "{:.2f}"),
    ("predicted_norm", "‖J‖·rms", "{:.1e}"),
    ("predicted", "J·e", "{:.1e}"),
    ("observed", "observed", "{:.1e}"),
)
_MEANING = {
    "x<0, x>0": "inputs below 0, where ReLU is 0, and above, where it is x; alone, x<0 is the share of such inputs",
    "bias, rms": "mean and root mean square of the activation's own error, on the inputs of the exact network",
    "relative": "rms divided by that of the exact values",
    "dead": "share of the inputs smaller than the proven error",
    "outside": "share of the inputs outside [−B, B]",
    "carried": "rms of the deviation from the exact network after this activation",
    "growth": "carried, divided by that before",
    "‖J‖·rms": "predicted rms of the logits' deviation if this activation alone is replaced, as if its error were random",
    "J·e": "the same to first order, with the error as it is",
    "observed": "the same, measured",
}
_ONE_SIGN = 1.25  # J·e above so many times ‖J‖·rms: errors have one sign and add up


def rows(found: Propagation) -> list[list[str]]:
    """Heading and one row an activation."""
    table = [[heading for _, heading, _ in _COLUMNS]]
    for layer in found.layers:
        table.append([shape.format(getattr(layer, name)).strip() for name, _, shape in _COLUMNS])
    return table


def summary(found: Propagation) -> list[tuple[str, str]]:
    """What holds for the whole network, in words and numbers."""
    deviation, flips = found.deviation, found.flips
    bound = upper(found.bound, 3) if found.bound is not None else f"none: {found.reason}"
    loose = found.bound / deviation["all"] if found.bound and deviation["all"] else math.nan
    lines = [
        ("approximation", found.approximation),
        ("images", str(found.images)),
        ("accuracy exact, polynomial", ", ".join(f"{one:.2%}" for one in found.accuracy.values()) or "no labels"),
        ("predictions that change", f"{flips['all']:.2%}"),
        ("median margin of the logits", f"{found.margin:.3g}"),
        ("rms deviation of the logits, observed", f"{deviation['all']:.3g}"),
        ("… to first order, Σ J·e", f"{deviation['linear']:.3g}"),
        ("… one activation at a time, added as independent", f"{deviation['independent']:.3g}"),
        ("… of errors at negative inputs alone",
         f"{deviation['negative']:.3g} ({flips['negative']:.2%} change)"),
        ("… of errors at positive inputs alone",
         f"{deviation['positive']:.3g} ({flips['positive']:.2%} change)"),
        ("… of the same errors in random places",
         f"{deviation['random']:.3g} ({flips['random']:.2%} change)"),
        ("proven bound of a logit's deviation (inputs inside)", bound),
        ("predictions certified to stay", f"{found.certified:.2%}"),
    ]  # fmt: skip
    if not math.isnan(loose):
        lines.insert(-1, ("… divided by the observed rms", f"{loose:.2g}"))
    return lines


def findings(found: Propagation) -> list[str]:
    """Which activation does the most harm, what to do about it, and what the bound is worth; a sentence each."""
    worst = max(found.layers, key=lambda layer: layer.observed)
    total = sum(layer.observed**2 for layer in found.layers)
    share = worst.observed**2 / total if total else 0.0
    said = [
        f"Most harm is done by {worst.site}: replaced alone, it moves the logits by {worst.observed:.2g} (rms), "
        f"{share:.0%} of what all activations do one at a time.",
        _remedy(found, worst),
    ]
    if found.bound is not None:
        times = found.bound / found.deviation["all"] if found.deviation["all"] else math.inf
        said.append(
            f"The proven bound is {times:.1g} times what was observed: it holds for every image, so every layer adds "
            "absolute values and nothing cancels; the deeper the network, the looser it is."
        )
    return said


def _remedy(found: Propagation, worst: LayerError) -> str:
    if worst.outside:
        return (
            f"{worst.outside:.1g} of its inputs leave [−B, B], where nothing is proven: calibrate on more images, or "
            "choose a larger margin."
        )
    if not found.flips["all"]:
        return "No prediction changes: nothing needs to be done at this precision, and a coarser one may do."
    if worst.predicted > _ONE_SIGN * worst.predicted_norm:
        return (
            "Its errors have one sign and add up: nn_bridge.correct_means or correct_batch_norms takes their mean out, "
            "free under encryption."
        )
    return (
        "Its errors behave as if random: give it a more precise polynomial (one multiplication more about halves the "
        "error); nn_bridge.allocate chooses one for each activation."
    )


def text(found: Propagation) -> str:
    """The report for a terminal."""
    table = rows(found)
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = [f"{found.network}: how errors travel", "", *findings(found), ""]
    lines += [f"{name:<52} {value}" for name, value in summary(found)]
    lines.append("")
    for row in table:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join([row[0].ljust(widths[0]), *rest]) if first else "")
    return "\n".join([*lines, "", *(f"{name}: {meaning}" for name, meaning in _MEANING.items())])


def prediction_figure(found: Propagation) -> Figure:
    """Predicted and observed deviation of the logits, activation by activation."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    places = range(len(found.layers))
    for name, label, style in (
        ("observed", "observed", "o-"),
        ("predicted", "first order, J·e", "x--"),
        ("predicted_norm", "as if random, ‖J‖·rms", "+:"),
    ):
        axes.semilogy(places, [getattr(layer, name) for layer in found.layers], style, label=label)
    axes.axhline(found.deviation["all"], color="black", lw=0.8, label="all activations replaced")
    _label(found, axes, "rms deviation of the logits")
    return figure


def error_figure(found: Propagation) -> Figure:
    """Own error by sign of the input, carried deviation, and the proven bound."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    places = range(len(found.layers))
    for name, label, style in (
        ("proven", "proven bound of the own error", "k-"),
        ("carried", "carried (rms of the deviation)", "o-"),
        ("rms_negative", "own error, x < 0 (rms)", "v--"),
        ("rms_positive", "own error, x > 0 (rms)", "^--"),
    ):
        axes.semilogy(places, [getattr(layer, name) for layer in found.layers], style, label=label)
    _label(found, axes, "absolute error of the activation's value")
    return figure


def _label(found: Propagation, axes: object, quantity: str) -> None:
    axes.set_xticks(range(len(found.layers)))  # type: ignore[attr-defined]
    axes.set_xticklabels(  # type: ignore[attr-defined]
        [layer.site for layer in found.layers], rotation=60, ha="right", fontsize=7
    )
    axes.set_xlabel("activation, in order of call")  # type: ignore[attr-defined]
    axes.set_ylabel(quantity)  # type: ignore[attr-defined]
    axes.grid(True, which="major", alpha=0.3)  # type: ignore[attr-defined]
    axes.legend(fontsize=8)  # type: ignore[attr-defined]


def page(found: Propagation) -> str:
    """One self-contained HTML page."""
    heading, *body = rows(found)
    figures = "".join(
        f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,{_png(figure)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for figure, caption in (
            (error_figure(found), "Errors of the activations, absolute."),
            (prediction_figure(found), "Deviation of the logits by activation: predicted, observed."),
        )
    )
    facts = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in summary(found)
    )
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in heading)
    lines = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in body
    )
    said = "".join(f"<p>{html.escape(one)}</p>" for one in findings(found))
    meanings = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(meaning)}</dd>" for name, meaning in _MEANING.items()
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{html.escape(found.network)}: how errors travel</title><style>{_STYLE}</style>"
        f"</head><body><h1>{html.escape(found.network)}: how errors travel</h1>{said}"
        f"<table class='facts'>{facts}</table>{figures}"
        f"<div><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
        f"<dl>{meanings}</dl></body></html>\n"
    )


def save_page(found: Propagation, path: Path) -> Path:
    """Write the page, atomically."""
    content = page(found)
    return write_atomically(path, lambda file: file.write_text(content, encoding="utf-8"))


def _png(figure: Figure) -> str:
    memory = io.BytesIO()
    figure.savefig(memory, format="png", dpi=110)
    return base64.b64encode(memory.getvalue()).decode("ascii")


_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"
    "h1{font-size:1.5rem}div{overflow-x:auto}div td,div th{white-space:nowrap}dt{font-weight:bold}"
    "table{border-collapse:collapse;font-size:12px;margin:1rem 0}"
    "th,td{padding:.2rem .5rem;border-bottom:1px solid #ddd;text-align:right}"
    "td:first-child,th:first-child,.facts td{text-align:left}figure{margin:1rem 0}"
    "div td:first-child,div th:first-child{position:sticky;left:0;background:#fff}"
    "img{max-width:100%}"
)
