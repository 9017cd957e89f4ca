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


def grid(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table, right-aligned."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---:|" * len(headings)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def main(page: Path, tables: Mapping[str, Callable[[], str]], arguments: Sequence[str]) -> int:
    """Renew the tables of a page, or with ``--check`` only compare."""
    before = page.read_text(encoding="utf-8")
    after = PLACE.sub(lambda place: place[1] + tables[place[2]]() + place[3], before)
    if after == before:
        return 0
    if "--check" in arguments:
        print(f"tables of {page.name} differ")
        return 1
    write_atomically(page, after.encode())
    print(f"tables of {page.name} renewed")
    return 0
