"""Puts a built site beside those of other versions: ``python docs/made/versions.py HTML FOLDER VERSION``.

FOLDER then has a folder for each version, the list of them for the switch of every page, and a page that leads to the
newest.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

from polyapprox.files import write_atomically

LEADING = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={0}/index.html"><a href="{0}/index.html">{0}</a>\n'


def newest_first(names: list[str]) -> list[str]:
    """Versions, 0.10 before 0.9."""
    return sorted(names, key=lambda name: [int(part) for part in re.findall(r"\d+", name)], reverse=True)


def put(site: Path, folder: Path, version: str) -> None:
    """Copy a site to its place, and write the list anew."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / version, ignore_errors=True)
    shutil.copytree(site, folder / version)
    names = newest_first([path.parent.name for path in folder.glob("*/index.html")])
    found = [
        {"name": name, "pages": sorted(str(page.relative_to(folder / name)) for page in (folder / name).rglob("*.html")
                                       if "_modules" not in page.parts)}
        for name in names
    ]  # fmt: skip
    write_atomically(folder / "versions.js", f"const VERSIONS = {json.dumps(found)};\n".encode())
    write_atomically(folder / "index.html", LEADING.format(names[0]).encode())


if __name__ == "__main__":
    put(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
