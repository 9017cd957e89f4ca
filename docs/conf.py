"""Sphinx configuration: ``make docs``."""

from __future__ import annotations

import re
from importlib import metadata
from typing import Any

project = "polyapprox"
author = "the polyapprox developers"
copyright = author
release = version = metadata.version("polyapprox")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
]
exclude_patterns = ["_build"]
root_doc = "index"

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"polyapprox {version}"
html_static_path: list[str] = []


_SPECIAL = re.compile(r"(?<![\\|`])\||(?<=\w)_(?=\W|$)")


def escape(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """In our docstrings |x| is an absolute value and relu_ a name, no reStructuredText."""
    for number, line in enumerate(lines):
        if ">>>" not in line and not line.startswith("    "):
            parts = re.split(r"(``.*?``|:\w+:`.*?`)", line)
            parts[::2] = [_SPECIAL.sub(lambda m: "\\" + m[0], part) for part in parts[::2]]
            lines[number] = "".join(parts)


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", escape, priority=900)
