"""Tables of one page, made by the page's own script.

A table stands between ``<!-- made NAME -->`` and ``<!-- end of what is made -->``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from polyapprox.files import write_atomically

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
EXPERIMENTS = ROOT / "experiments" / "results"
BENCHMARKS = ROOT / "benchmarks" / "results"
CHECKS = ROOT / "tests" / "checks" / "results"
PLACE = re.compile(r"(<!-- made ([a-z-]+) -->\n).*?(<!-- end of what is made -->)", re.DOTALL)
POWER = re.compile(r"2\^-(\d+\.\d)(?!\d)")
WIDEST = 8  # columns that a page has room for
COLOURS = 48  # enough for lines and letters; thirds the size of a file


def reduce_colours(path: Path) -> None:
    """Write a picture again in few colours."""
    from PIL import Image

    with Image.open(path) as image:
        small = image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
    small.save(path, optimize=True)


def saved_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def grid(
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    alignment: str = "---:",
    keys: int = 1,
    starts: Sequence[int] = (),
) -> str:
    """A Markdown table, right-aligned; one that is too wide in parts.

    Each part begins with the first `keys` columns, and has no row that is empty there. `starts` are the columns at
    which a new part begins; if none is named, the parts are of about one width.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    if len(headings) <= WIDEST and not starts:
        return _table(headings, cells, alignment)
    ends = [*(starts or _even(len(headings), keys)), len(headings)]
    parts = []
    for low, high in pairwise([keys, *ends]):
        shown = [[*row[:keys], *row[low:high]] for row in cells if any(row[low:high])]
        parts.append(_table([*headings[:keys], *headings[low:high]], shown, alignment))
    return "\n".join(parts)


def _even(columns: int, keys: int) -> range:
    """Where parts begin that have about as many columns each."""
    parts = math.ceil((columns - keys) / (WIDEST - keys))
    width = math.ceil((columns - keys) / parts)
    return range(keys + width, columns, width)


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], alignment: str) -> str:
    lines = ["| " + " | ".join(headings) + " |", "|" + f"{alignment}|" * len(headings)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def whole(text: str, keys: int = 1) -> list[list[str]]:
    """Cells of a table as `grid` wrote it, headings first, its parts side by side again."""
    parts = [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()]
        for part in text.strip().split("\n\n")
    ]
    order = {tuple(row[:keys]): None for _, _, *rows in parts for row in rows}
    found = [list(key) for key in [tuple(parts[0][0][:keys]), *order]]
    for heading, _, *rows in parts:
        known = {tuple(row[:keys]): row[keys:] for row in [heading, *rows]}
        empty = [""] * (len(heading) - keys)
        for row in found:
            row += known.get(tuple(row[:keys]), empty)
    return found


def renewed(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """A page with its tables computed."""
    return PLACE.sub(lambda place: place[1] + tables[place[2]]() + place[3], text)


def agree(one: str, other: str, slack: float) -> bool:
    """Whether two texts are the same but for powers 2^-a.b whose exponents differ by `slack` at most."""
    exponents = [[float(a) for a in POWER.findall(text)] for text in (one, other)]
    rest = [POWER.sub("", text) for text in (one, other)]
    return rest[0] == rest[1] and all(
        abs(a - b) <= slack + 1e-9 for a, b in zip(*exponents, strict=True)
    )


def main(
    page: Path,
    tables: Mapping[str, Callable[[], str]],
    arguments: Sequence[str],
    figures: Callable[[], None] | None = None,
    slack: float = 0.0,
) -> int:
    """Renew the tables and figures of a page, or with ``--check`` only compare the tables.

    `slack` is how far exponents of powers may be apart in a comparison: of what depends on the last
    bits of constants, which processors find differently.
    """
    before = page.read_text(encoding="utf-8")
    after = renewed(before, tables)
    check = "--check" in arguments
    differs = not agree(before, after, slack) if check else after != before
    if figures is not None and not check:
        figures()
    if differs and not check:
        write_atomically(page, after.encode())
    if differs:
        print(f"tables of {page.name} {'differ' if check else 'renewed'}")
    return int(differs and check)
