"""The rooms of the packages and the picture of them: ``python docs/rooms.py``.

A room imports only from rooms on lower floors; a test compares this list with the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

from polyapprox.table.atomic import write_atomically

PICTURE = Path(__file__).parent / "figures" / "architecture.svg"


@dataclass(frozen=True)
class Room:
    """Modules that do one job.

    Attributes
    ----------
    title : str
    modules : tuple of str
        Direct children of ``polyapprox`` (or ``nn_bridge`` itself).
    job : str
        What it does.
    flow : str
        What goes in and what comes out.
    """

    title: str
    modules: tuple[str, ...]
    job: str
    flow: str


FLOORS: tuple[tuple[Room, ...], ...] = (
    (
        Room("nn_bridge", ("nn_bridge",), "PyTorch networks (the only room with torch)",
             "network, precision → network, report"),
        Room("cli", ("cli",), "the command polyapprox", "arguments → report, files"),
    ),
    (
        Room("plot", ("plot",), "figures (matplotlib, when drawn)", "Approximation → PNG, SVG"),
        Room("audit", ("auditing", "audit_page"), "what a table of somebody is worth",
             "Approximation → one page"),
        Room("importing", ("importing",), "tables of other people", "their file → Approximation"),
    ),
    (
        Room("export", ("export",), "source and data for frameworks", "Approximation → their file"),
        Room("weighted", ("weighted",), "least error where the inputs are",
             "histogram → Approximation"),
    ),
    (
        Room("recipes", ("recipes", "comparison"),
             "relu, abs, max, min, sign, step, minimax, circuit, limits, pareto",
             "precision, interval → Approximation"),
    ),
    (
        Room("cost", ("cost",), "levels in each framework, seconds", "plan → levels, seconds"),
    ),
    (
        Room("encrypted", ("encrypted",), "plans run by real frameworks",
             "plan, inputs → decrypted values"),
    ),
    (
        Room("noise", ("noise",), "rounded constants, scheme noise, scale",
             "plan, scale → error"),
        Room("circuits", ("circuits",), "chains of products with free constants, their limits",
             "multiplications → Plan"),
    ),
    (
        Room("verification", ("verification",), "proves a table again, without solvers",
             "table → Verification"),
        Room("cache", ("cache",), "calls made before", "call → Approximation"),
    ),
    (
        Room("remez", ("remez",), "best polynomial", "function → Polynomial"),
        Room("composite", ("composite",), "degree search, stages", "precision → Polynomials"),
        Room("proof", ("proof", "error_function"), "bounds, lower bounds",
             "plan → Certificate"),
        Room("table", ("table", "schema"), "files and their hash", "Approximation ↔ JSON"),
    ),
    (
        Room("values", ("polynomial", "plan", "approximation", "certificate", "structures",
                        "provenance"),
             "frozen: Polynomial, Plan, Certificate, Approximation",
             "Polynomials → Plan → number, ball, tensor, ciphertext"),
        Room("functions", ("targets", "expression", "interpreters"),
             "what is approximated, in every arithmetic", "name, text, callable → Target"),
    ),
    (
        Room("ground", ("numbers", "precision", "errors"), "exact numbers, precision, errors",
             "number → exact dyadic number"),
    ),
)  # fmt: skip

WIDTH, LEFT, GAP, HEIGHT, TOP = 1000, 66, 14, 80, 14
FILLS = (
    "#e8eef7", "#e8eef7", "#e8eef7", "#e6f2ea", "#e6f2ea", "#e6f2ea", "#fdf1e0", "#fdf1e0",
    "#fdf1e0", "#f9e4e1", "#efefef",
)  # fmt: skip
FONT = "font-family='Helvetica, Arial, DejaVu Sans, sans-serif'"


def picture() -> str:
    """The picture as SVG."""
    height = TOP + len(FLOORS) * (HEIGHT + GAP)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' "
        f"width='{WIDTH}' height='{height}' {FONT}>",
        "<title>Rooms of polyapprox and nn_bridge; a room imports only from lower floors</title>",
        f"<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>",
        *_arrow(height),
    ]
    for floor, rooms in enumerate(FLOORS):
        y = TOP + floor * (HEIGHT + GAP)
        width = (WIDTH - LEFT - GAP * len(rooms)) / len(rooms)
        for place, room in enumerate(rooms):
            parts += _box(room, LEFT + place * (width + GAP), y, width, FILLS[floor])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _box(room: Room, x: float, y: float, width: float, fill: str) -> list[str]:
    middle = x + width / 2
    lines = [(24, 16, "bold", "#1a1a1a", room.title), (45, 12.5, "normal", "#1a1a1a", room.job),
             (66, 12, "normal", "#1f5fa8", room.flow)]  # fmt: skip
    return [
        f"<rect x='{x:.1f}' y='{y}' width='{width:.1f}' height='{HEIGHT}' rx='6' fill='{fill}' "
        "stroke='#7a7a7a'/>",
        *(
            f"<text x='{middle:.1f}' y='{y + down}' font-size='{size}' font-weight='{weight}' "
            f"fill='{colour}' text-anchor='middle'>{escape(text)}</text>"
            for down, size, weight, colour, text in lines
        ),
    ]


def _arrow(height: int) -> list[str]:
    x, start, end = 40, TOP + 6, height - GAP - 12
    middle = (start + end) / 2
    return [
        f"<path d='M{x} {start}V{end}m-6 -12l6 12l6 -12' fill='none' stroke='#7a7a7a' "
        "stroke-width='2'/>",
        f"<text x='{x - 14}' y='{middle:.0f}' font-size='14' fill='#4a4a4a' text-anchor='middle' "
        f"transform='rotate(-90 {x - 14} {middle:.0f})'>imports go down, never up</text>",
    ]


if __name__ == "__main__":
    write_atomically(PICTURE, picture().encode())
