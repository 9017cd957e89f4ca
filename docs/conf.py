"""Sphinx configuration: ``make docs``."""

from __future__ import annotations

import json
import re
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert as mathml

project = "polyapprox"
author = "the polyapprox developers"
copyright = author
release = version = metadata.version("polyapprox")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "_built", "_site", "static", "templates"]
templates_path = ["templates"]
nb_execution_mode = "off"  # they are executed by the tests, and kept with their outputs
root_doc = "index"

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

suppress_warnings = ["ref.python"]  # attributes of one name in two classes

html_theme = "furo"
html_title = f"polyapprox {version}"
html_static_path = ["static", "_built"]
html_css_files = ["site.css", "zoo.css"]
html_sidebars = {
    "**": [
        "sidebar/brand.html", "versions.html", "sidebar/search.html", "sidebar/scroll-start.html",
        "sidebar/navigation.html", "sidebar/scroll-end.html",
    ]
}  # fmt: skip
html_math_renderer = "mathml"

DOCS = Path(__file__).parent
(DOCS / "_built").mkdir(exist_ok=True)  # Sphinx wants it before anything is in it


def take_notebooks(app: Any) -> None:
    """The notebooks and their list, copied to where Sphinx finds them."""
    goal = DOCS / "notebooks"
    goal.mkdir(exist_ok=True)
    for path in sorted((DOCS.parent / "notebooks").glob("*.ipynb")):
        shutil.copyfile(path, goal / path.name)
    text = (DOCS.parent / "notebooks" / "README.md").read_text(encoding="utf-8")
    names = re.findall(r"\((\w+)\.ipynb\)", text)
    tree = "\n".join(["", "```{toctree}", ":hidden:", "", *names, "```", ""])
    (goal / "index.md").write_text(text + tree, encoding="utf-8")


def take_zoo(app: Any) -> None:
    """Script, style and index of the zoo's page, with the files that `make zoo` built, if it did."""
    from dataclasses import asdict

    from polyapprox.zoo import rows
    from polyapprox.zoo.building import write_page

    found = {one.name: asdict(one) for one in rows().values()}
    for path in (DOCS / "_built" / "zoo").glob("*/row.json"):
        found[path.parent.name] = json.loads(path.read_text(encoding="utf-8"))
    write_page(list(found.values()), DOCS / "_built")
    (DOCS / "_built" / "index.html").unlink()


def end_blocks(app: Any, name: str, source: list[str]) -> None:
    """An example ends with its output: the empty line that a doctest needs after it is not shown."""
    source[0] = re.sub(r"\n\n```$", "\n```", source[0], flags=re.MULTILINE)


def keep_together(app: Any, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """The name of an option is not broken after its hyphens, nor a mean from its deviation."""
    if "body" in context:
        body = re.sub(r"(?<=[>\s])--[a-z][a-z0-9-]*", r'<span class="together">\g<0></span>', context["body"])
        context["body"] = body.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")


def visit_math(translator: Any, node: Any) -> None:
    """Formulas as MathML: every browser draws them, without a script and without a network."""
    from docutils import nodes

    display = "inline" if isinstance(node, nodes.math) else "block"
    translator.body.append(mathml(node.astext(), display=display))
    raise nodes.SkipNode


_SPECIAL = re.compile(r"(?<![\\|`])\||(?<=\w)_(?=\W|$)")


def escape(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """In our docstrings |x| is an absolute value and relu_ a name, no reStructuredText."""
    for number, line in enumerate(lines):
        if ">>>" not in line and not line.startswith("    "):
            parts = re.split(r"(``.*?``|:\w+:`.*?`)", line)
            parts[::2] = [_SPECIAL.sub(lambda m: "\\" + m[0], part) for part in parts[::2]]
            lines[number] = "".join(parts)


def setup(app: Any) -> None:
    app.connect("builder-inited", take_notebooks)
    app.connect("builder-inited", take_zoo)
    app.connect("source-read", end_blocks)
    app.connect("html-page-context", keep_together)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    app.connect("autodoc-process-docstring", escape, priority=900)
