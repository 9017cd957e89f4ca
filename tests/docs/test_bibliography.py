"""Every work that is cited is on the page of works, once."""

import re
from pathlib import Path

import bibliography_tables
import page_tables
import pytest


def test_every_work_that_is_cited_is_listed_and_none_else() -> None:
    cited = bibliography_tables.cited()
    listed = [number for work in bibliography_tables.WORKS for number in work.numbers]
    assert len(listed) == len({*listed})
    missing = {number: [path.name for path in cited[number]] for number in cited.keys() - {*listed}}
    assert missing == {}, "name them in docs/made/bibliography_tables.py"
    assert [work.title for work in bibliography_tables.WORKS if not cited.keys() & {*work.numbers}] == []


def test_the_page_has_them_each_once() -> None:
    text = bibliography_tables.PAGE.read_text(encoding="utf-8")
    assert page_tables.renewed(text, bibliography_tables.TABLES) == text, "python docs/made/bibliography_tables.py"
    for work in bibliography_tables.WORKS:
        assert len(re.findall(re.escape(f"| {work.authors} | "), text)) == 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("(Amsel et al., arXiv\n    2505.16932, theorem 4.1)", "arXiv 2505.16932"),
        ("see https://arxiv.org/abs/2311.03470.", "arXiv 2311.03470"),
        ("([eprint\n2020/834](https://eprint.iacr.org/2020/834)", "eprint 2020/834"),
        ("# Ogilvie, Player, eprint\n# 2022/162", "eprint 2022/162"),
        ("[doi:10.1007/s10543-009-0240-1](https://doi.org/10.1007/s10543-009-0240-1)", "doi:10.1007/s10543-009-0240-1"),
        ("Comput. 2\n(1973), 60)", "2 (1973), 60"),
    ],
)
def test_a_citation_is_found_in_every_form(
    text: str, number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page.md").write_text(text)
    monkeypatch.setattr(bibliography_tables, "DOCS", tmp_path)
    monkeypatch.setattr(bibliography_tables, "ROOT", tmp_path)
    (tmp_path / "CITATION.cff").write_text("")
    assert set(bibliography_tables.cited()) == {number}
