"""The share of lines and branches that the tests run, by room: ``python tests/checks/covered.py [PATH…]``.

All tests, in two processes; processes that tests start are measured too. With paths only those tests run, and nothing
is put on record.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).with_name("results") / "coverage.json"
SETTINGS = "[run]\nbranch = true\nparallel = true\nsource = polyapprox, nn_bridge\npatch = subprocess\ndisable_warnings = no-data-collected\n"


def measured(paths: list[str], folder: Path) -> dict[str, Any]:
    """What coverage says of each file."""
    (folder / "settings").write_text(SETTINGS + f"data_file = {folder / 'data'}\n")
    flags = [f"--rcfile={folder / 'settings'}"]
    alone = {**os.environ, "COVERAGE_RCFILE": str(folder / "settings")}

    def run(*words: str) -> int:
        return subprocess.run([sys.executable, "-m", "coverage", *words], cwd=ROOT, env=alone, check=False).returncode

    failed = run("run", *flags, "-m", "pytest", "-n", "2", *paths)
    if run("combine", "--quiet", *flags) or run("json", *flags, "--quiet", "-o", str(folder / "found.json")):
        raise SystemExit("coverage could not say what was run")
    if failed:
        raise SystemExit("tests failed: a figure of them means nothing")
    return dict(json.loads((folder / "found.json").read_text(encoding="utf-8"))["files"])


def by_room(files: dict[str, Any]) -> dict[str, float]:
    """Percent of lines and branches of each room, and of both packages as a whole."""
    run: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for name, found in files.items():
        package, *inside = Path(name).parts
        one = found["summary"]
        for room in (package, f"{package}.{inside[0]}" if len(inside) > 1 else f"{package}, top", "all"):
            run[room] += one["covered_lines"] + one["covered_branches"]
            there[room] += one["num_statements"] + one["num_branches"]
    return {room: round(100 * run[room] / there[room], 1) for room in sorted(there)}


def main(paths: list[str]) -> int:
    """Print the share of each room; keep it if all tests ran."""
    with tempfile.TemporaryDirectory() as folder:
        rooms = by_room(measured(paths, Path(folder)))
    print("\n".join(f"{share:6.1f} %  {room}" for room, share in rooms.items()))
    if not paths:
        RECORD.write_text(json.dumps({"coverage": version("coverage"), "rooms": rooms}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
