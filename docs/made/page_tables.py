"""Tables of one page, made by the page's own script.

A table stands between ``<!-- made NAME -->`` and ``<!-- end of what is made -->``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from polyapprox.files import write_atomically

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
EXPERIMENTS = ROOT / "experiments" / "results"
BENCHMARKS = ROOT / "benchmarks" / "results"
CHECKS = ROOT / "tests" / "checks" / "results"
PLACE = re.compile(r"(<!-- made ([a-z-]+) -->\n).*?(<!-- end of what is made -->)", re.DOTALL)
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
    headings: Sequence[str], rows: Iterable[Sequence[object]], alignment: str = "---:"
) -> str:
    """A Markdown table, right-aligned."""
    lines = ["| " + " | ".join(headings) + " |", "|" + f"{alignment}|" * len(headings)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def renewed(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """A page with its tables computed."""
    return PLACE.sub(lambda place: place[1] + tables[place[2]]() + place[3], text)


def main(
    page: Path,
    tables: Mapping[str, Callable[[], str]],
    arguments: Sequence[str],
    figures: Callable[[], None] | None = None,
) -> int:
    """Renew the tables and figures of a page, or with ``--check`` only compare the tables."""
    before = page.read_text(encoding="utf-8")
    after = renewed(before, tables)
    check, differs = "--check" in arguments, after != before
    if figures is not None and not check:
        figures()
    if differs and not check:
        write_atomically(page, after.encode())
    if differs:
        print(f"tables of {page.name} {'differ' if check else 'renewed'}")
    return int(differs and check)
