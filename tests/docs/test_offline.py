"""The look through the site (`make docs` ends with it) sees what is fetched from elsewhere and what leads nowhere."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from offline import faults
from paths import DOCS, ROOT


def site(folder: Path, body: str, style: str = "p { color: red }") -> list[str]:
    (folder / "sub").mkdir(parents=True)
    (folder / "index.html").write_text(f"<html><head><link rel=stylesheet href=s.css></head><body>{body}</body></html>")
    (folder / "sub" / "other.html").write_text("<h1 id=here>x</h1><a href='../index.html'>back</a>")
    (folder / "s.css").write_text(style)
    return list(faults(folder))


def test_a_whole_site_has_no_faults(tmp_path: Path) -> None:
    body = "<a href='sub/other.html#here'>o</a><a href='https://arxiv.org'>a</a><img src='s.css'><a href='#at'>l</a><p id=at>"
    assert site(tmp_path / "good", body) == []


def test_what_is_fetched_and_what_leads_nowhere_is_said(tmp_path: Path) -> None:
    for number, (body, style, said) in enumerate((
        ("<script src='https://cdn.example/x.js'></script>", "", "index.html fetches https://cdn.example/x.js"),
        ("<img src='//example.org/i.png'>", "", "index.html fetches //example.org/i.png"),
        ("<p style=\"background: url('http://e.org/b.png')\">", "", "index.html fetches http://e.org/b.png"),
        ("", "@import 'https://fonts.example/f.css';", "s.css fetches https://fonts.example/f.css"),
        ("<a href='gone.html'>g</a>", "", "index.html links to gone.html"),
        ("<a href='sub/other.html#gone'>g</a>", "", "index.html links to sub/other.html#gone, which has no such place"),
    )):  # fmt: skip
        assert site(tmp_path / str(number), body, style) == [said]


def test_our_own_sources_fetch_nothing() -> None:
    pages = [*DOCS.glob("static/*"), *(ROOT / "polyapprox" / "zoo" / "page").iterdir()]
    assert len(pages) >= 4
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert "http://" not in text and "https://" not in text, path.name


def test_what_belongs_together_is_not_broken() -> None:
    pytest.importorskip("latex2mathml")
    found = importlib.util.spec_from_file_location("conf", DOCS / "conf.py")
    conf = importlib.util.module_from_spec(found)
    found.loader.exec_module(conf)
    context = {"body": '<pre>$ make <span class="w"> </span>--output<span> x</span> --runner joblib</pre> 98 ± 2 <!-- a -->'}
    conf.keep_together(None, "page", "page.html", context, None)
    for option in ("--output", "--runner"):
        assert f'<span class="together">{option}</span>' in context["body"]
    assert "98\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}2 <!-- a -->" in context["body"]
    assert ".together { white-space: nowrap; }" in (DOCS / "static" / "site.css").read_text(encoding="utf-8")
