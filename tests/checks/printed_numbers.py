"""Some ten thousand printed numbers read back and compared with certificates, exactly.

All commands, representations, tables, exports, titles of figures and pages of the documentation
(``tests/support/printed.py``); what was found is put on record in ``tests/checks/results/printed.json``.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

os.environ.setdefault("POLYAPPROX_CACHE", "off")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
sys.path.insert(1, str(ROOT))

import printed  # noqa: E402
from rich.console import Console  # noqa: E402

from polyapprox.files import write_atomically  # noqa: E402

RECORD = ROOT / "checks" / "results" / "printed.json"


def main() -> int:
    """Read everything; 1 if a number is on the wrong side."""
    show = Console(highlight=False, markup=False, soft_wrap=True).print
    kinds: Counter[str] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, claim in enumerate(printed.of_everything(Path(folder), full=True), start=1):
            kinds[claim.where.rpartition(": ")[2]] += 1
            if claim.wrong:
                wrong.append(f"{claim.where}: {float(claim.text)!r}")
                show(f"on the wrong side: {wrong[-1]}")
            if number % 1000 == 0:
                show(f"{number} numbers, {len(wrong)} on the wrong side")
    record = {"numbers": sum(kinds.values()), "wrong": wrong, "kinds": dict(kinds.most_common())}
    write_atomically(RECORD, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
    show(f"{record['numbers']} printed numbers, {len(wrong)} on the wrong side")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
