"""One level, two levels: what is counted agrees with its number, in what commands print and on every page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import printed
import pytest
from paths import DOCS, ROOT

import polyapprox as pa
from polyapprox.errors import PolyApproxError
from polyapprox.export import FORMATS
from polyapprox.plot.figure import title_of

NO_NOUNS = ["as", "does", "grows", "has", "holds", "is", "its", "less", "minus", "plus", "says", "this", "times", "unless", "was"]
ONE_OF_MANY = re.compile(rf"(?<!-1 )(?<![\w.,^/−-])1 (?!(?:{'|'.join(NO_NOUNS)})\b)(?:(?:test|training|other|held-out|image) )?[a-z][a-z-]*s\b")


def wrong(text: str) -> list[str]:
    """What stands in the plural after a 1."""
    return [found[0] for found in ONE_OF_MANY.finditer(text)]


def test_a_wrong_plural_is_seen() -> None:
    assert wrong("1 levels; 1 test images (1 entries)") == ["1 levels", "1 test images", "1 entries"]
    assert wrong("1 level, 11 levels, 2^-1 bits, 0.1 bits, x − 1 has, 1 is, on -1 1 levels") == []


def printed_of(one: pa.Approximation, folder: Path) -> Iterator[str]:
    """What is printed of an approximation, and what exports of it say of themselves."""
    yield from (repr(one), title_of(one))
    table = one.save(folder / "table.json")
    yield from (printed.run("table", words, table) for words in ("show", "verify", "audit", "cost", "noise"))
    for format in FORMATS:
        try:
            yield one.export(format, folder / "exported").read_text("utf-8", errors="replace")
        except PolyApproxError as refused:
            yield str(refused)


def test_what_is_printed_of_an_approximation(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    line, parabola = pa.minimax("exp", 1), pa.circuit("relu", multiplications=1)
    assert "1 multiplication, 1 level>" in repr(parabola)
    assert [found for one in (line, parabola) for text in printed_of(one, tmp_path) for found in wrong(text)] == []


def test_what_a_command_says_of_one_thing() -> None:
    one = "exp_-1_1_p9"
    said = printed.run("zoo", "verify", one)
    assert "1 entry made" in said and wrong(said) == []


def test_pages_count_one_thing() -> None:
    pages = [ROOT / "README.md", *DOCS.rglob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    assert [(path.name, found) for path in pages for found in wrong(path.read_text(encoding="utf-8"))] == []
