# SPDX-License-Identifier: Apache-2.0
"""A plan as a graph: products from top to bottom by level, with their constants.

Two views: *products* shows each product of ciphertexts as one box with its two factors, linear
forms of earlier products and of the argument; *operations* gives every operation a box of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import ArgumentError
from ..plan.count import count, levels
from ..plan.plan import Plan
from ..precision import one_at_a_time
from ..words import counted
from .figure import BLUE, GREY, ORANGE, drawn, number
from .linear_forms import CONSTANT, Form, linear_forms, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

View = Literal["products", "operations"]
VIEWS = ("products", "operations")
MOST_OPERATIONS = 400
_CHARACTER, _LINE, _GAP = 0.066, 0.155, 0.3  # inches, at 8 points
_TERMS_A_LINE, _TERMS_BESIDE_OTHERS = 6, 3
_FILL = {"input": "#e7f2e4", "multiply": "#dfe9f6", "output": "#fbeadb"}


@dataclass
class _Box:
    kind: str
    text: str
    level: int
    row: int
    uses: tuple[int, ...]  # keys of boxes
    x: float = 0.0
    y: float = 0.0

    @property
    def width(self) -> float:
        return max(len(line) for line in self.text.split("\n")) * _CHARACTER + 0.16

    @property
    def height(self) -> float:
        return (self.text.count("\n") + 1) * _LINE + 0.12


@one_at_a_time
def plan_graph(plan: Plan, path: str | Path | None = None, view: View = "products") -> Figure:
    """Draw the operations of a plan, with levels and constants.

    Parameters
    ----------
    plan : Plan
    path : str or Path, optional
        Where to write: .png, .svg or .pdf.
    view : {"products", "operations"}
        One box for a product and its two linear forms, or for every operation.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        If the plan has more than 400 operations, the view is another, or the file cannot be
        written.

    Examples
    --------
    >>> import polyapprox
    >>> plan = polyapprox.circuit("relu", multiplications=3).plan
    >>> sum(text.get_text().startswith("p") for text in plan_graph(plan).axes[0].texts)
    3
    """
    if view not in VIEWS:
        raise ArgumentError(f"view={view!r} must be one of {', '.join(VIEWS)}")
    if len(plan.operations) > MOST_OPERATIONS:
        raise ArgumentError(
            f"the plan has {len(plan.operations)} operations; a drawing shows {MOST_OPERATIONS} at "
            "most: print it instead"
        )
    boxes = _products(plan) if view == "products" else _operations(plan)
    width, height = _place(boxes)

    def draw(figure: Figure) -> None:
        counts = count(plan, "standalone")
        figure.suptitle(
            f"{counted(counts.multiplications, 'multiplication')}, {counted(counts.constant_products, 'product')} with "
            f"constants,\n{counted(counts.additions, 'addition')}, {counted(counts.levels, 'level')} "
            f"(rule “{counts.rule}”)",
            fontsize=10,
        )
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set_xlim(-0.75, width)
        axes.set_ylim(-height, 0.1)
        _bands(axes, boxes, width)
        _edges(axes, boxes)
        for box in boxes.values():
            axes.text(
                box.x,
                box.y,
                box.text,
                fontsize=8,
                family="monospace",
                ha="center",
                va="center",
                zorder=3,
                bbox={
                    "boxstyle": "round,pad=0.25",
                    "facecolor": _FILL.get(box.kind, "white"),
                    "edgecolor": BLUE if box.kind == "multiply" else GREY,
                    "linewidth": 0.9,
                },
            )

    return drawn(draw, (max(6.4, width + 1.0), height + 0.9), path)


def _argument(plan: Plan, index: int) -> str:
    return "x" if plan.inputs == 1 else f"x{plan.operations[index].left}"


def _products(plan: Plan) -> dict[int, _Box]:
    used = levels(plan)
    products, result = linear_forms(plan)
    names = {product.index: f"p{place}" for place, product in enumerate(products, 1)}
    inputs = [i for i, operation in enumerate(plan.operations) if operation.kind == "input"]
    names.update({index: _argument(plan, index) for index in inputs})
    boxes = {i: _Box("input", names[i], 0, 0, ()) for i in inputs}
    crowded = max(Counter(used[product.index] for product in products).values(), default=0) > 2
    most = _TERMS_BESIDE_OTHERS if crowded else _TERMS_A_LINE
    for product in products:
        left, right = (_wrapped(form, names, most) for form in (product.left, product.right))
        text = f"({left})²" if product.square else f"({left})\n× ({right})"
        uses = tuple(sorted({*product.left, *product.right} - {CONSTANT}))
        name = names[product.index]
        level = used[product.index]
        boxes[product.index] = _Box("multiply", f"{name} = {text}", level, level, uses)
    uses = tuple(sorted({*result} - {CONSTANT}))
    level = used[plan.output]
    row = max(box.row for box in boxes.values()) + 1
    boxes[len(plan.operations)] = _Box(
        "output", f"result = {_wrapped(result, names, _TERMS_A_LINE)}", level, row, uses
    )
    return boxes


def _wrapped(form: Form, names: dict[int, str], most: int) -> str:
    terms = written(form, names.__getitem__)
    return "\n".join("".join(terms[i : i + most]) for i in range(0, len(terms), most))


_SYMBOLS = {"multiply": "×", "add": "+", "subtract": "−", "double": "×2"}


def _operations(plan: Plan) -> dict[int, _Box]:
    used, ranks = levels(plan), [0] * len(plan.operations)
    boxes = {}
    for index, (kind, left, right, constant) in enumerate(plan.operations):
        uses: tuple[int, ...] = ()
        if kind == "input":
            text = _argument(plan, index)
        else:
            uses = (left,) if right < 0 else tuple(sorted({left, right}))
            ranks[index] = 1 + max(ranks[used] for used in uses)
            value = "" if constant is None else number(constant)
            text = _SYMBOLS.get(kind) or (f"· {value}" if kind == "scale" else f"+ ({value})")
            text = f"v{index}: {text}"
        shown = "output" if index == plan.output else kind
        boxes[index] = _Box(shown, text, used[index], ranks[index], uses)
    for box in boxes.values():  # rows in the order of levels, then of ranks
        box.row += 10_000 * box.level
    rows = {row: place for place, row in enumerate(sorted({box.row for box in boxes.values()}))}
    for box in boxes.values():
        box.row = rows[box.row]
    return boxes


def _place(boxes: dict[int, _Box]) -> tuple[float, float]:
    """Positions in inches: rows from the top, each box below what it uses on average."""
    rows: dict[int, list[int]] = {}
    for key, box in boxes.items():
        rows.setdefault(box.row, []).append(key)
    widths = {
        row: sum(boxes[key].width for key in keys) + _GAP * (len(keys) - 1)
        for row, keys in rows.items()
    }
    width = max(widths.values()) + 1.4
    y = -0.1
    for row in sorted(rows):
        keys = sorted(rows[row], key=lambda key: (_mean_x(boxes, key), key))
        height = max(boxes[key].height for key in keys)
        x = (width - widths[row]) / 2
        for key in keys:
            box = boxes[key]
            box.x, box.y = x + box.width / 2, y - height / 2
            x += box.width + _GAP
        y -= height + _GAP
    return width, -y


def _mean_x(boxes: dict[int, _Box], key: int) -> float:
    uses = boxes[key].uses
    return sum(boxes[used].x for used in uses) / len(uses) if uses else 0.0


def _bands(axes: Axes, boxes: dict[int, _Box], width: float) -> None:
    """A grey band behind every other level; a product that takes constants first uses two at once."""
    before = -1
    for place, level in enumerate(sorted({box.level for box in boxes.values()})):
        inside = [box for box in boxes.values() if box.level == level]
        top = max(box.y + box.height / 2 for box in inside) + _GAP / 2
        bottom = min(box.y - box.height / 2 for box in inside) - _GAP / 2
        if place % 2:
            axes.axhspan(bottom, top, color="#f4f4f4", linewidth=0, zorder=0)
        axes.text(
            -0.7,
            (top + bottom) / 2,
            f"level {level}" if level == before + 1 else f"levels {before + 1}–{level}",
            fontsize=7.5,
            color=GREY,
            va="center",
            zorder=4,
        )
        before = level


def _edges(axes: Axes, boxes: dict[int, _Box]) -> None:
    places: Sequence[int] = sorted({box.row for box in boxes.values()})
    order = {row: place for place, row in enumerate(places)}
    for box in boxes.values():
        for used in box.uses:
            source = boxes[used]
            skipped = order[box.row] - order[source.row] - 1
            direct = skipped <= 0
            side = 1 if skipped % 2 else -1
            start = (source.x, source.y - source.height / 2)
            end = (box.x, box.y + box.height / 2)
            if not direct:  # around the boxes between, at one side
                start = (source.x + side * source.width / 2, source.y)
                end = (box.x + side * box.width / 2, box.y)
            axes.annotate(
                "",
                end,
                start,
                zorder=1,
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": ORANGE if direct else GREY,
                    "linewidth": 0.9 if direct else 0.6,
                    "alpha": 0.9 if direct else 0.6,
                    "shrinkA": 0,
                    "shrinkB": 1,
                    "connectionstyle": "arc3,rad=0" if direct else f"arc3,rad={-0.35 * side}",
                },
            )
