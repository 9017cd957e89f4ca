"""Makes tables and the figure of the page on ciphertexts: ``python docs/made/encrypted_tables.py``.

``--check`` only says whether they are up to date. The data are what the benchmarks
``encrypted_runs.py`` and ``encrypted_openfhe.py`` and the check ``back_ends.py`` saved.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

from page_tables import BENCHMARKS, CHECKS, DOCS, grid, main

from polyapprox.outward import bits_of, lower_places
from polyapprox.plot.figure import BLUE, GREY, ORANGE, RED, drawn

PAGE = DOCS / "encrypted.md"
FIGURE = DOCS / "figures" / "encrypted.svg"
RIVALS = ("published plan", "published", "framework")


def read(name: str) -> dict[str, Any]:
    """A saved result."""
    return json.loads((BENCHMARKS / f"{name}.json").read_text(encoding="utf-8"))


def bits(error: float) -> str:
    """An error as a power of two."""
    return f"2^{math.log2(error):.2f}"


def runs() -> str:
    """What was proven, forecast and measured in every framework."""
    rows = []
    for one in read("encrypted_runs")["runs"]:
        low, high = one["interval"]
        what = f"2^-{one['precision']} on [{low:g}, {high:g}], {one['structure']}"
        if "refused" in one:
            rows.append((what, one["backend"], "refused", *[""] * 7))
            continue
        rows.append(
            (
                what,
                f"{one['backend']} ({one['executed']})",
                f"2^{one['scale_bits']}",
                f"2^-{lower_places(bits_of(one['error_bound']), 2)}",
                bits(one["largest_error"]),
                bits(one["noise_forecast"]),
                bits(one["noise_measured"]),
                one["levels_used"], one["levels_counted"],
                "yes" if one["within"] else "NO",
            )
        )
    return grid(
        (
            "ReLU", "backend", "scale", "error, proven", "error, measured", "noise, forecast",
            "noise, measured", "levels used", "levels counted (published)", "within bound and stated noise",
        ),
        rows,
        keys=2,
        starts=(7,),
    )  # fmt: skip


def ordinary() -> str:
    """36 minimax polynomials with the parameters that were chosen: one line for each back end."""
    lines = (CHECKS / "back_ends.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    rows = []
    for name in dict.fromkeys(one["backend"] for one in found):
        its = [one for one in found if one["backend"] == name]
        closest = max(one["largest_error"] / (one["error_bound"] + one["stated_noise"]) for one in its)
        noise = max(one["noise_measured"] / one["noise_forecast"] for one in its)
        scales = [one["scale_bits"] for one in its]
        rows.append(
            (
                name, sum(one["within"] is True for one in its), len(its), f"{closest:.4f}",
                f"{noise:.2f}", f"2^{min(scales)} … 2^{max(scales)}",
                sum(one["levels_used"] == one["levels_counted"] for one in its),
            )
        )  # fmt: skip
    headings = (
        "back end", "within", "of", "closest", "noise measured over its forecast, at most", "scales",
        "levels as counted",
    )  # fmt: skip
    return grid(headings, rows)


def bench() -> str:
    """Seconds of every contestant."""
    rows = []
    for contest in read("encrypted_openfhe")["contests"]:
        for one in sorted(contest["entries"], key=lambda entry: entry["median_processor"]):
            seconds = one["seconds"]
            rows.append(
                (
                    f"2^-{contest['precision']}",
                    f"2^{int(math.log2(contest['ring_dimension']))}",
                    f"{one['name']}: {one['about']}",
                    one["levels_used"],
                    bits(one["largest_error"]),
                    f"{one['median']:.3f} ({min(seconds):.3f} … {max(seconds):.3f})",
                    f"{one['median_processor']:.3f}",
                )
            )
    headings = (
        "precision", "ring", "what", "levels used", "error, measured", "seconds",
        "processor seconds",
    )  # fmt: skip
    return grid(headings, rows)


def ratios() -> str:
    """Ours divided by each rival."""
    rows = []
    for contest in read("encrypted_openfhe")["contests"]:
        slowest_first = sorted(contest["entries"], key=lambda one: -one["median_processor"])
        entries = {one["name"]: one for one in slowest_first}  # of each name the fastest
        ours = entries["ours"]
        cells = []
        for name in RIVALS:
            if name not in entries:
                cells.append("")
                continue
            share = ours["median_processor"] / entries[name]["median_processor"]
            fewer = entries[name]["levels_used"] - ours["levels_used"]
            cells.append(f"{share:.2f}; {fewer}")
        power = int(math.log2(contest["ring_dimension"]))
        rows.append((f"2^-{contest['precision']}", f"2^{power}", *cells))
    return grid(("precision", "ring", *(f"{name}; levels fewer" for name in RIVALS)), rows)


def figure() -> None:
    """Proven, forecast, measured: one column of marks for every run."""
    data = [one for one in read("encrypted_runs")["runs"] if "refused" not in one]
    data.sort(key=lambda one: (one["interval"], one["structure"], one["precision"]))
    names = sorted({one["backend"] for one in data})
    places = {"openfhe": -0.22, "lattigo": 0.0, "tenseal": 0.22, "desilofhe": 0.36}
    marks = {"openfhe": "o", "lattigo": "s", "tenseal": "^", "desilofhe": "D"}
    cases: list[tuple[Any, ...]] = []
    for one in data:
        case = (tuple(one["interval"]), one["structure"], one["precision"])
        if case not in cases:
            cases.append(case)

    def draw(page: Any) -> None:
        axes = page.subplots()
        for one in data:
            case = (tuple(one["interval"]), one["structure"], one["precision"])
            x, mark = cases.index(case) + places[one["backend"]], marks[one["backend"]]
            axes.plot([x - 0.1, x + 0.1], [one["error_bound"]] * 2, color=RED, lw=1.6)
            axes.plot(x, one["largest_error"], mark, color=BLUE, ms=4)
            axes.plot([x - 0.1, x + 0.1], [one["noise_forecast"]] * 2, color=GREY, lw=1.6)
            axes.plot(x, one["noise_measured"], mark, color=ORANGE, ms=4)
        axes.set_yscale("log", base=2)
        axes.set_ylabel("absolute error")
        labels = [f"2^-{k}\n{s}\n[{i[0]:g}, {i[1]:g}]" for i, s, k in cases]
        axes.set_xticks(range(len(cases)), labels, fontsize=7)
        axes.plot([], [], color=RED, label="error bound, proven")
        axes.plot([], [], "o", color=BLUE, label="error, measured")
        axes.plot([], [], color=GREY, label="noise, forecast")
        axes.plot([], [], "o", color=ORANGE, label="noise, measured")
        for name in names:
            axes.plot([], [], marks[name], color="black", ms=4, label=name)
        axes.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.14))

    drawn(draw, (9.0, 4.8), FIGURE)


TABLES = {"runs": runs, "ordinary": ordinary, "bench": bench, "ratios": ratios}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:], figure))
