"""The rooms of both packages, their floors and doors, and the picture: ``python docs/made/rooms.py``.

A room imports only from rooms on lower floors, inside functions too; a door is an import upward that
is allowed by name. The picture and the test of the walls read this list.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from page_tables import DOCS

from polyapprox.files import write_atomically

PICTURE = DOCS / "figures" / "architecture.svg"


@dataclass(frozen=True)
class Room:
    """Modules that do one job.

    Attributes
    ----------
    title : str
    modules : tuple of str
        Names of modules and packages; what a longer name of another room claims is not in it.
    job : str
        What it does.
    flow : str
        What goes in and what comes out.
    """

    title: str
    modules: tuple[str, ...]
    job: str
    flow: str


def _room(package: str, title: str, children: str, job: str, flow: str) -> Room:
    return Room(title, tuple(f"{package}.{child}" for child in children.split()), job, flow)


def _nn(title: str, job: str, flow: str, children: str = "") -> Room:
    return _room("nn_bridge", title, children or title, job, flow)


def _pa(title: str, job: str, flow: str, children: str = "") -> Room:
    return _room("polyapprox", title, children or title, job, flow)


FLOORS: tuple[tuple[Room, ...], ...] = (
    (_nn("nn-bridge", "the command nn-bridge", "arguments → report, files", "cli cli_encrypted __main__"),),
    (_nn("paper", "the tables of the paper, trained and measured", "declared runs → records"),),
    (_nn("experiments", "what the documentation measures", "configuration → records"),),
    (_nn("training", "networks that survive low precision", "network, images → weights"),),
    (_nn("choosing", "which approximation each activation gets", "ranges, budget → precisions"),),
    (
        _nn("correction", "mean errors taken out, free", "network, batches → network"),
        _nn("propagation", "how errors travel", "network, batches → report"),
        _nn("encrypted", "a network under encryption", "ciphertexts → ciphertexts"),
    ),
    (_nn("conversion", "polynomials in place of activations", "network → network, report"),),
    (_nn("ranges", "ranges of inputs, intervals", "network, batches → Ranges"),),
    (_nn("activations", "an approximation as a layer", "Approximation → layer, kernel"),),
    (
        _nn("channels", "scales that weights can take in", "network → foldings"),
        _nn("models", "architectures, named networks", "name → network, images"),
    ),
    (
        _nn("calls", "activations found while a network runs", "network → calls"),
        _nn("images", "image sets from a folder", "folder → arrays"),
    ),
    (_nn("ground of nn_bridge", "sentences for errors, files", "content → file", "errors files requirements"),),
    (_pa("explorer", "a local page (Streamlit)", "wish → page, files"),),
    (_pa("polyapprox", "the command polyapprox", "arguments → report, files", "cli"),),
    (_pa("zoo", "ready tables, by name", "name → Approximation, files"),),
    (_pa("plot", "figures (matplotlib, when drawn)", "Approximation → PNG, SVG"),),
    (
        _pa("audit", "what a table of somebody is worth", "Approximation → one page",
            "auditing audit_page comparison contest"),
        _pa("importing", "tables of other people", "their file → Approximation"),
    ),
    (
        _pa("export", "source and data for frameworks", "Approximation → their file"),
        _pa("wholes", "softmax, norms, maxima of vectors", "box → Whole: plan, bound"),
        _pa("weighted", "least error where the inputs are", "histogram → Approximation"),
        _pa("refresh", "functions inside the bootstrap", "degree → Bootstrapped, measured"),
    ),
    (
        _pa("recipes", "relu, max, sign, minimax, circuit, …", "precision → Approximation"),
        _pa("frameworks", "one file a framework", "plan, inputs → values",
            "encrypted.frameworks encrypted.calibrate"),
    ),
    (
        _pa("encrypted", "runs on ciphertexts: what they share", "plan, inputs → steps, verdict"),
        _pa("search", "finding circuits", "multiplications → constants", "circuits.search"),
    ),
    (_pa("noise", "rounded constants, scheme noise, scale", "plan, scale → error"),),
    (
        _pa("circuits", "chains with free constants, limits", "multiplications → Plan"),
        _pa("verification", "proves a table without solvers", "table → Verification"),
    ),
    (
        _pa("proof", "bounds, lower bounds", "plan → Certificate"),
        _pa("cost", "levels by framework, seconds", "plan → levels, seconds"),
        _pa("cache", "calls made before", "call → Approximation"),
    ),
    (
        _pa("table", "files and their hash", "Approximation ↔ JSON", "table schema structures"),
        _pa("published", "the composites r_α", "α → Polynomials, costs"),
    ),
    (
        _pa("approximation", "the value that carries all", "plan, certificate → Approximation"),
        _pa("composite", "degree search, stages", "precision → Polynomials"),
    ),
    (
        _pa("plan", "operations: written, counted, run", "Polynomial → Plan"),
        _pa("remez", "best polynomial", "function → Polynomial"),
    ),
    (
        _pa("polynomial", "Chebyshev coefficients, exact", "numbers → Polynomial"),
        _pa("functions", "what is approximated", "name, text, callable → Target",
            "functions targets expression interpreters scaling"),
    ),
    (
        _pa("ground of polyapprox", "exact numbers, precision, errors, files", "number → exact dyadic number",
            "numbers outward words precision errors given provenance certificate files"),
    ),
)  # fmt: skip

DOORS = frozenset({
    ("polyapprox.approximation", "polyapprox.export"),
    ("polyapprox.approximation", "polyapprox.plot"),
    ("polyapprox.approximation", "polyapprox.proof"),
    ("polyapprox.approximation", "polyapprox.table"),
    ("polyapprox.recipes.pareto", "polyapprox.plot"),
    ("polyapprox.encrypted", "polyapprox.encrypted.frameworks"),
    ("nn_bridge.conversion.network", "nn_bridge.choosing"),
    ("nn_bridge.conversion.exporting", "nn_bridge.encrypted"),
})  # fmt: skip
"""Imports upward, by module and the room entered: ``save``, ``export``, ``plot`` and what is proven on
demand are methods of values; a backend is found by name; a conversion is improved by what the rooms
above it do to converted networks, and a format of compilers gets a network as matrices."""


def room_of(module: str) -> tuple[int, str]:
    """Floor (0 is the lowest) and title of the room of a module; the longest name decides."""
    found = [
        (len(name), len(FLOORS) - number, room.title)
        for number, floor in enumerate(FLOORS)
        for room in floor
        for name in room.modules
        if module == name or module.startswith(name + ".")
    ]
    if not found:
        raise LookupError(f"{module} is in no room: give it one in docs/made/rooms.py")
    _, floor, title = max(found)
    return floor, title


WIDTH, LEFT, GAP, HEIGHT, TOP = 1000, 66, 8, 62, 14
FILLS = ("#e8eef7", "#fdf1e0")  # nn_bridge, polyapprox
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
            parts += _box(room, LEFT + place * (width + GAP), y, width, FILLS[room.modules[0].startswith("polyapprox")])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _box(room: Room, x: float, y: float, width: float, fill: str) -> list[str]:
    middle = x + width / 2
    lines = [(20, 15, "bold", "#1a1a1a", room.title), (37, 12, "normal", "#1a1a1a", room.job),
             (53, 11.5, "normal", "#1f5fa8", room.flow)]  # fmt: skip
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
