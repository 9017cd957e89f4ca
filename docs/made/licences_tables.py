"""Makes the tables of the page on stability and licences: ``python docs/made/licences_tables.py``."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata

from page_tables import CHECKS, DOCS, ROOT, grid, main

PAGE = DOCS / "stability.md"
NAME = re.compile(r"[\w.-]+")
SPELT = {  # the SPDX name of what a package calls its licence
    "Apache Software License": "Apache-2.0", "Apache 2.0": "Apache-2.0", "Apache License v2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0", "Apache License 2.0": "Apache-2.0", "BSD": "BSD-3-Clause", "MIT License": "MIT",
    "BSD License": "BSD-3-Clause", "new BSD": "BSD-3-Clause", "Apache": "Apache-2.0",
    "Apache-2": "Apache-2.0",
}  # fmt: skip


def needed() -> dict[str, list[str]]:
    """Each package that is needed by name, with the extras that need it ("" for all)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: dict[str, list[str]] = {}
    for extra, packages in {"": project["dependencies"], **project["optional-dependencies"]}.items():
        for package in packages:
            name = NAME.match(package)[0]
            if name != "polyapprox":
                found.setdefault(name, []).append(extra)
    return found


def licence(said: PackageMetadata) -> str:
    """As the package's metadata has it."""
    kinds = [one.rpartition(" :: ")[2] for one in said.get_all("Classifier") or [] if "License ::" in one]
    text = said.get("License-Expression") or (kinds[-1] if kinds else "") or said.get("License") or ""
    return SPELT.get(text.strip(), text.strip().partition("\n")[0])


def licences() -> str:
    """Packages that are needed, and their licences."""
    rows = []
    for name, extras in needed().items():
        try:
            rows.append((name, ", ".join(filter(None, extras)) or "always", licence(metadata(name))))
        except PackageNotFoundError as error:
            raise SystemExit(f"{name} is not installed: all extras must be, for this page") from error
    return grid(("package", "needed by", "licence"), rows, "---")


def wheels() -> str:
    """What came of the wheel in fresh environments."""
    record = json.loads((CHECKS / "wheel.json").read_text(encoding="utf-8"))
    rows = []
    for version, kinds in record["runs"].items():
        for kind, one in kinds.items():
            good = sum(run["ok"] for run in one["commands"])
            rows.append((version, KINDS[kind], f"`{one['extras']}`" if one["extras"] else "none",
                         f"{good} of {len(one['commands'])}"))  # fmt: skip
    sizes = ", ".join(
        f"{word} {record[kind]['bytes'] / 2**20:.1f} MiB" for kind, word in (("wheel", "wheel"), ("source", "source distribution"))
    )
    return grid(("Python", "tried", "extras", "as it must be"), rows, "---") + f"\nSizes: {sizes}.\n"


def covered() -> str:
    """The share of lines and branches that all tests run, if that was measured."""
    path = CHECKS / "coverage.json"
    if not path.is_file():
        return "No run of all tests was measured yet.\n"
    rooms = json.loads(path.read_text(encoding="utf-8"))["rooms"]
    return grid(("room", "lines and branches that are run, %"), rooms.items(), "---")


KINDS = {
    "bare": "commands", "missing": "sentences where an extra is missing", "whole": "commands, with networks and figures",
}  # fmt: skip
TABLES = {"licences": licences, "wheels": wheels, "covered": covered}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
