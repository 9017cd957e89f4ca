"""Makes the tables of the page on transformers from the record of ``experiments/transformer_tables.py``."""

from __future__ import annotations

import json
import sys
from typing import Any

from page_tables import DOCS, EXPERIMENTS, ROOT, grid, main, saved_lines

from polyapprox.outward import upper

PAGE = DOCS / "transformers.md"
RECORD = EXPERIMENTS / "transformers.jsonl"
TABLES_READ = ROOT / "tests" / "oracles" / "transformer_tables.json"
FAMILIES = {
    "activations": ("gelu", "gelu_tanh", "silu", "tanh", "sigmoid", "normcdf"),
    "softmax": ("exp", "1/x"),
    "norms": ("1/sqrt(x)",),
    "signs": ("sign",),
}
HALF = 0.5  # an error of half of what is wanted, or more, is of no use
CLOSE = 1.001  # of a claim


def entries() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Data and record of every table, in the order of the data."""
    records = {record["name"]: record for record in saved_lines(RECORD)}
    tables = json.loads(TABLES_READ.read_text(encoding="utf-8"))["tables"]
    return [(entry, records[entry["name"]]) for entry in tables if entry["name"] in records]


def verdict(entry: dict[str, Any], record: dict[str, Any]) -> str:
    """What is wrong with it, if anything is."""
    bounded = entry["relative"] or entry["function"] in ("tanh", "sign", "sigmoid", "normcdf")
    if "claimed" in entry and record["truth"] > entry["claimed"] * CLOSE:
        return "**misses its claim**"
    if bounded and record["truth"] >= HALF:
        return "**of no use on its range**"
    if entry["said"] and record["truth"] > 2 * float(entry["said"]):
        return f"**{record['truth'] / float(entry['said']):.0f} times what is said of it**"
    return "claim holds" if "claimed" in entry else ""


def family_of(entry: dict[str, Any]) -> str:
    """Which table of the page."""
    for name, functions in FAMILIES.items():
        if entry["function"] in functions:
            return name
    return "softmax"  # multiples of exp


def place(entry: dict[str, Any]) -> str:
    """Function and interval, short."""
    low, high = (f"{float(end):.6g}" for end in entry["interval"])
    function = "c·exp(8x)" if entry["function"].endswith("*exp(8*x)") else entry["function"]
    return f"{function} on [{low}, {high}]" + (", relative" if entry["relative"] else "")


def ours(record: dict[str, Any]) -> tuple[str, str]:
    """The choice beside it: call and cost."""
    rival = record["rival"]
    if rival is None:
        return "none found", ""
    cost = f"{upper(rival['error'], 3)} by {rival['multiplications']} / {rival['levels']}"
    return f"`{rival['call']}`", cost


def rows(family: str) -> str:
    """All tables of a family."""
    lines = []
    for entry, record in entries():
        if family_of(entry) != family:
            continue
        call, cost = ours(record)
        claim = f"{entry['claimed']:.4g}" if "claimed" in entry else ""
        lines.append(
            (
                f"{entry['system']} ({entry['name']})", place(entry), entry["cost"], claim,
                f"{record['truth']:.4g} at {record['where']:.4g}", upper(record["bound"], 4),
                verdict(entry, record), cost, call,
            )
        )  # fmt: skip
    head = (
        "table", "function", "cost as coded", "claimed", "mpmath (sampled)", "proven bound", "",
        "ours: error by multiplications / levels", "call",
    )  # fmt: skip
    return grid(head, lines, "---")


def summary() -> str:
    """What misses, and how many there are."""
    found = [(e, r, verdict(e, r)) for e, r in entries()]
    wrong = [(e, r, v) for e, r, v in found if v.startswith("**")]
    beaten = sum(r["rival"] is not None for _, r, _ in found)
    lines = [
        (f"{e['system']} ({e['name']})", place(e), f"{r['truth']:.3g}", v.strip("*"), e["claim"])
        for e, r, v in wrong
    ]
    head = ("table", "function", "error", "", "what its source says")
    said = (
        f"{len(found)} tables; every proven bound encloses the error that mpmath finds: "
        f"{all(r['truth'] <= r['bound'] for _, r, _ in found)}. {beaten} have a choice of ours that is at "
        f"least as precise for less; {len(wrong)} do not do what is said or needed:\n\n"
    )
    return said + grid(head, lines, "---")


def sources() -> str:
    """Where each was read."""
    lines = [(entry["name"], entry["source"]) for entry, _ in entries()]
    return grid(("table", "read in"), lines, "---")


TABLES = {
    "transformers-summary": summary,
    **{f"transformers-{name}": (lambda name=name: rows(name)) for name in FAMILIES},
    "transformers-sources": sources,
}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
