"""The documentation: its examples run, its tables are computed, its picture of the rooms is true."""

import contextlib
import doctest
import importlib
import importlib.util
import io
import re
import shlex
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import page_tables
import pytest
import rooms
import tables
from paths import DOCS, MADE, ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "CODE_OF_CONDUCT.md")),
    ROOT / "notebooks" / "README.md",
    *(page for page in DOCS.rglob("*.md") if page.parent.name not in ("notebooks", "_build")),
]
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(page: Path, *languages: str) -> list[tuple[int, str]]:
    """Fenced blocks of some languages: line number and text."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, found.start()) + 1, found[2])
        for found in FENCED.finditer(text)
        if found[1] in languages
    ]


def with_blocks(*languages: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, *languages)]


def need(page: Path) -> None:
    """Skip a page whose libraries are not installed."""
    text = page.read_text(encoding="utf-8")
    for name, sign in (("torch", "import nn_bridge"), ("matplotlib", "--plot")):
        if sign in text:
            pytest.importorskip(name)


@pytest.mark.parametrize("page", with_blocks("python", "pycon"), ids=lambda p: p.stem)
def test_examples(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need(page)
    monkeypatch.chdir(tmp_path)
    parser, names = doctest.DocTestParser(), {"__name__": "__main__"}
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    output = io.StringIO()
    for line, text in blocks(page, "python", "pycon"):
        test = parser.get_doctest(text, names, page.name, str(page), line)
        assert test.examples, f"{page.name}, line {line}: nothing is run"
        runner.run(test, out=output.write, clear_globs=False)
        names.update(test.globs)
    assert runner.failures == 0, output.getvalue()


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the output it claims."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def run_command(command: str) -> str:
    program, *arguments = shlex.split(command)
    package = {"polyapprox": "polyapprox.cli", "nn-bridge": "nn_bridge.cli"}[program]
    main = importlib.import_module(package).main
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
        patch.setattr(sys, "argv", [program, *arguments])
        try:
            code = main()
        except SystemExit as leaving:
            code = leaving.code
    assert code in (0, None), f"{command}: exit code {code}"
    return output.getvalue()


@pytest.mark.parametrize("page", with_blocks("console"), ids=lambda p: p.stem)
def test_commands(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need(page)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    checker = doctest.OutputChecker()
    for _, text in blocks(page, "console"):
        for command, wanted in commands(text):
            got = run_command(command)
            assert checker.check_output(wanted, got, OPTIONS), f"$ {command}\n{got}"


FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
IN_BLOCK = re.compile(r"^(?:\$ )?((?:polyapprox|nn-bridge) (?:\\\n|[^\n])*)", re.MULTILINE)
IN_TEXT = re.compile(r"`((?:polyapprox|nn-bridge) [^`]*)`")


def typed(text: str) -> list[str]:
    """The command lines of a page, in blocks and in sentences."""
    inside = [line for block in FENCE.findall(text) for line in IN_BLOCK.findall(block)]
    return inside + IN_TEXT.findall(FENCE.sub("", text))


def whole_command(program: str) -> Any:
    """All commands of a program, as one group."""
    if program == "polyapprox":
        return importlib.import_module("polyapprox.cli").command()
    return importlib.import_module("typer").main.get_command(importlib.import_module("nn_bridge.cli").app)


def unknown(line: str) -> list[str]:
    """Names in a command line that the program does not know: a command, or options."""
    program, *words = shlex.split(line.replace("\\\n", " ").replace("…", ""), comments=True)
    command, hidden = whole_command(program), {"--help", "--quiet", "-q", "--install-completion", "--show-completion"}
    while hasattr(command, "get_command") and words and not words[0].startswith("-"):
        if (inner := command.get_command(None, words[0])) is None:
            return [words[0]]
        command, words = inner, words[1:]
    known = hidden.union(*(one.opts + one.secondary_opts for one in command.params))
    return [word for word in words if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_commands_that_are_not_run_are_known(page: Path) -> None:
    """Those in the text, and of blocks that would take long or need data."""
    lines = typed(page.read_text(encoding="utf-8"))
    if any(line.startswith("nn-bridge") for line in lines):
        pytest.importorskip("torch")
    assert {line: found for line in lines if (found := unknown(line))} == {}


def test_a_mistyped_command_is_seen() -> None:
    assert unknown("polyapprox make rleu --precision 2^-9") == ["rleu"]
    assert unknown("polyapprox table verify t.json --jason --json") == ["--jason"]
    text = "polyapprox is, see `polyapprox zoo list`\n```sh\n$ nn-bridge train a \\\n  --output b\n```\n"
    assert typed(text) == ["nn-bridge train a \\\n  --output b", "polyapprox zoo list"]


SCRIPTS = {path.stem: importlib.import_module(path.stem) for path in sorted(MADE.glob("*tables.py"))}


def pages_of(script: ModuleType) -> tuple[Path, ...]:
    return getattr(script, "PAGES", None) or (script.PAGE,)


def made_in(page: Path) -> list[str]:
    return [place[2] for place in page_tables.PLACE.finditer(page.read_text(encoding="utf-8"))]


def test_every_table_of_a_page_is_made_by_one_script() -> None:
    owned: set[Path] = set()
    for name, script in SCRIPTS.items():
        if script is page_tables:
            continue
        pages = pages_of(script)
        assert sorted(one for page in pages for one in made_in(page)) == sorted(script.TABLES), name
        assert not owned & {*pages}, name
        owned |= {*pages}
    assert {page for page in PAGES if made_in(page)} == owned


def test_tables_are_those_of_the_code() -> None:
    for page in tables.PAGES:
        text = page.read_text(encoding="utf-8")
        known = {p[2]: p[0][len(p[1]) : -len(p[3])] for p in page_tables.PLACE.finditer(text)}
        # Accuracies in single precision may differ by an image from one processor to another.
        makers = {**tables.TABLES, "margins": partial(known.get, "margins")}
        assert page_tables.renewed(text, makers) == text, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_no_table_is_wider_than_a_page(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    wide = [line for line in text.splitlines() if re.fullmatch(r"(\|\s*:?-+:?\s*){9,}\|", line)]
    assert wide == [] and page_tables.WIDEST == 8


def test_a_wide_table_has_parts_that_are_whole_again() -> None:
    heads = ["function", "interval", *map(str, range(1, 20))]
    rows = [["relu", "[-1, 1]", *map(str, range(19))], ["exp", "[-8, 0]", "2.76", *[""] * 18]]
    parts = page_tables.grid(heads, rows, keys=2)
    assert max(line.count("|") for line in parts.splitlines()) - 1 <= page_tables.WIDEST
    assert parts.count("| exp |") == 1 and parts.count("| relu |") == 4
    assert page_tables.whole(parts, keys=2) == [heads, *rows]
    named = page_tables.grid(heads[:9], [row[:9] for row in rows], starts=(4, 6))
    assert [line.count("|") - 1 for line in named.splitlines() if "---" in line] == [4, 3, 4]


def test_tables_agree_but_for_exponents_that_are_near() -> None:
    line = "| 2^-7 | composite 23 | 2^-37.2 | 0.0078 |"
    assert page_tables.agree(line, line, 0.0)
    assert page_tables.agree(line, line.replace("37.2", "37.6"), 0.5)
    for other in ("2^-7 |", "2^-8 |"), ("37.2", "37.8"), ("0.0078", "0.0079"), ("2^-37.2 ", ""):
        assert not page_tables.agree(line, line.replace(*other), 0.5)


def test_table_cells_are_rounded_to_the_safe_side() -> None:
    assert tables.proven(9.00999) == "9.00"
    assert tables.above(0.0973201) == "0.0974"
    assert float(tables.above(1.15)) >= 1.15


def test_the_picture_of_the_rooms_is_up_to_date() -> None:
    assert rooms.PICTURE.read_text(encoding="utf-8") == rooms.picture()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for target, anchor in LINK.findall(text):
        if target.startswith(("http://", "https://")):
            continue
        goal = page.parent / target if target else page
        assert goal.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", goal.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor[1:] in {slug(heading) for heading in headings}, f"{target}{anchor}"


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_picture_is_made_by_a_script_and_shown_and_small() -> None:
    shown = set()
    for page in PAGES:
        for target, _ in LINK.findall(page.read_text(encoding="utf-8")):
            if target.endswith((".png", ".svg")):
                shown.add((page.parent / target).resolve())
    assert shown == {path.resolve() for path in (DOCS / "figures").iterdir()}
    made = "".join(script.read_text(encoding="utf-8") for script in MADE.glob("*.py"))
    for path in shown:
        assert f'"{path.name}"' in made, path.name
        assert path.stat().st_size <= 150_000, path.name


def test_every_field_of_a_table_is_explained() -> None:
    from polyapprox.table.schema import table_schema

    text = (DOCS / "table-format.md").read_text(encoding="utf-8")
    schema = table_schema()
    fields = set(schema["properties"])
    for part in ("component", "plan", "certificate"):
        fields |= set(schema["$defs"][part]["properties"])
    missing = [name for name in fields if f"`{name}`" not in text and f'["{name}"]' not in text]
    assert missing == []
    for structure in schema["properties"]["structure"]["enum"]:
        assert structure in text, structure
