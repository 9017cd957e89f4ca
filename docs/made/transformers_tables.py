"""Makes the tables of the page on transformers from the records of ``experiments``."""

from __future__ import annotations

import json
import math
import sys
from functools import partial
from statistics import mean, stdev
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


def ours(record: dict[str, Any]) -> tuple[str, ...]:
    """The choice beside it: call, error, multiplications and levels."""
    rival = record["rival"]
    if rival is None:
        return "none found", "", "", ""
    return f"`{rival['call']}`", upper(rival["error"], 3), str(rival["multiplications"]), str(rival["levels"])


def rows(family: str) -> str:
    """All tables of a family."""
    lines = []
    for entry, record in entries():
        if family_of(entry) != family:
            continue
        claim = f"{entry['claimed']:.4g}" if "claimed" in entry else ""
        lines.append(
            (
                f"{entry['system']} ({entry['name']})", place(entry), entry["cost"], claim,
                f"{record['truth']:.4g}", f"{record['where']:.4g}", upper(record["bound"], 4),
                verdict(entry, record).strip(), *ours(record),
            )
        )  # fmt: skip
    head = (
        "table", "function", "cost as coded", "claimed", "mpmath (sampled)", "at", "proven bound", "verdict",
        "ours", "its error", "multiplications", "levels",
    )  # fmt: skip
    return grid(head, lines, "---", starts=(8,))


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


THOR = {"softmax": 5 + 8 + 2 + 7 + 1, "gelu": 11, "layer_norm": (10 + 2, 12 + 2)}
"""Levels of THOR's own code, of products of ciphertexts alone: exp, inverse, product and square, inverse, product (its
`he_softmax1`; `he_softmax2` takes 34); GELU; two inverse roots, each with a square and a product."""
THOR_LAYER = THOR["softmax"] + THOR["gelu"] + sum(THOR["layer_norm"])
PERSEUS = {"softmax": 414 // 12, "gelu": 11, "layer_norm": 17}
"""Levels of Perseus: iterations of a softmax of GPT-2, each at least a level; GELU; the mean of its norms."""


def powers(choice: dict[str, int]) -> str:
    """Precisions by kind, and of how many call sites others are given."""
    kinds = ("gelu", "softmax", "layer_norm")
    own = len(choice) - len(kinds)
    return ", ".join(f"2^-{choice[kind]}" for kind in kinds) + (f"; of {own} sites less" if own else "")


def minilm() -> str:
    """Sentence embeddings by precision, levels beside those of others."""
    lines = []
    records = saved_lines(EXPERIMENTS / "minilm.jsonl")
    for record in (one for one in records if "choice" in one):
        layers, products = (
            [value for name, value in record[what].items() if name[-1].isdigit()] for what in ("levels", "products")
        )
        mean, most = sum(layers) / len(layers), max(layers)
        lines.append(
            (
                powers(record["choice"]), f"{record['margin']:g}", f"{record['mean']:.6f}", f"{record['worst']:.5f}",
                f"{100 * record['neighbour']:.1f} %", record["outside"],
                f"{sum(products) / len(products):.0f}", max(products),
                *(record["levels"][kind] for kind in ("gelu", "softmax", "layer_norm")),
                f"{mean:.1f}", most, f"{100 * mean / THOR_LAYER:.1f} %",
            )
        )  # fmt: skip
    others = [
        ("THOR, by its code", *[""] * 7, THOR["gelu"], THOR["softmax"], max(THOR["layer_norm"]), THOR_LAYER, "", ""),
        (
            "Perseus, GPT-2", *[""] * 7, PERSEUS["gelu"], PERSEUS["softmax"], PERSEUS["layer_norm"],
            PERSEUS["gelu"] + PERSEUS["softmax"] + 2 * PERSEUS["layer_norm"], "", "",
        ),
    ]  # fmt: skip
    head = (
        "precision of GELU, softmax, LayerNorm", "margin", "cosine, mean", "worst", "same neighbour", "inputs outside",
        "products of a layer, mean", "most", "levels of GELU", "softmax", "LayerNorm (the largest)",
        "levels of a layer, mean", "most", "of THOR's levels",
    )  # fmt: skip
    laws = [followed(f"All at 2^-{one['law at']}, {one['followed']} sentences, before embeddings are scaled to length one", one) for one in records if "law at" in one]
    return grid(head, lines + others, starts=(8,)) + "\n" + "".join(laws)


def followed(what: str, law: dict[str, Any]) -> str:
    """What the deviation is, and is predicted to be; the worst activation."""
    return (
        f"{what}: rms deviation {law['all']:.2g}; by first order {law['linear']:.2g}; if the errors of the single "
        f"activations were independent {law['independent']:.2g}. Worst alone: `{law['worst']}` ({law['of_worst']:.2g}).\n"
    )


def of_seed(one: dict[str, Any]) -> list[Any]:
    """What was measured of a converted network; levels and products are the largest of a block."""
    levels = ([block[name] for block in one["levels"] for name in names] for names in (("norm1", "norm2"), ("softmax1",), ("act",)))
    moved = math.inf if one["deviation"] is None else one["deviation"]
    return [
        100 * one["accuracy"], 100 * one["law"][1], one["seen"], moved, one["outside"], *map(max, levels),
        *(max(sum(block.values()) for block in one[what]) for what in ("levels", "products")),
    ]  # fmt: skip


FORMS = (".2f", ".2f", "d", ".2g", "d", *[".3g"] * 5)
"""Of the values of a seed; counts have no mean."""


def of_seeds(what: str, found: dict[int, list[float]]) -> list[tuple[object, ...]]:
    """A row for each seed, and their means and standard deviations; without a mean where one has left its ranges."""
    forms = FORMS[: len(found[1])]
    missing = [""] * (len(FORMS) - len(forms))
    lines: list[tuple[object, ...]] = []
    for seed, values in found.items():
        cells = (format(v, form) if math.isfinite(v) else "left its ranges" for v, form in zip(values, forms, strict=True))
        lines.append((what, seed, *cells, *missing))
    means = []
    for values, form in zip(zip(*found.values(), strict=True), forms, strict=True):
        known = form != "d" and all(map(math.isfinite, values))
        means.append(f"{mean(values):{form}} ± {stdev(values):.2{form[-1]}}" if known else "")
    return [*lines, (what, "mean", *means, *missing)]


WAYS = {"alike": "", "finer": ", worst finer", "tuned": ", worst finer, trained on"}


def vit(network: str) -> str:
    """Accuracy by precision, three seeds."""
    records = [r for r in saved_lines(EXPERIMENTS / "vit.jsonl") if r["network"] == network]
    groups: dict[tuple[str, int], dict[int, dict[str, Any]]] = {}
    for r in sorted(records, key=lambda r: r["seed"]):
        groups.setdefault((r["what"], r["power"]), {})[r["seed"]] = r
    lines = of_seeds("exact", {seed: [100 * one["accuracy"]] for seed, one in groups["exact", 0].items()})
    for way, said in WAYS.items():
        for power in sorted(power for what, power in groups if what == way):
            found = groups[way, power]
            lines += of_seeds(f"2^-{power}{said}", {seed: of_seed(one) for seed, one in found.items()})
    head = (
        "precision", "seed", "accuracy (%)", "by the law (%)", "images it saw", "deviation of logits", "inputs outside",
        "levels of a norm", "softmax", "GELU", "block", "products of a block",
    )  # fmt: skip
    return grid(head, lines, keys=2, starts=(7,)) + "\n" + "".join(map(worst_of, (r for r in records if r["what"] == "layers")))


def worst_of(record: dict[str, Any]) -> str:
    """The two worst activations of a seed."""
    worst, second = sorted(record["layers"], key=record["layers"].get, reverse=True)[:2]
    moved = record["layers"]
    return (
        f"- Seed {record['seed']}, all at 2^-{record['power']}: rms deviation {record['deviation']['all']:.2g}; `{worst}` alone "
        f"{moved[worst]:.2g}, `{second}` {moved[second]:.2g}.\n"
    )


def forecast() -> str:
    """Deviation of forecasts by precision."""
    lines = [
        (f"2^-{r['power']}", f"{r['rms']:.2g}", f"{r['worst']:.2g}", r["outside"], r["sites"], r["all_levels"], r["products"])
        for r in saved_lines(EXPERIMENTS / "forecast.jsonl")
    ]
    laws = [followed(f"\n2^-{r['power']}, {r['law']['series']} series", r["law"]) for r in saved_lines(EXPERIMENTS / "forecast.jsonl") if "law" in r]
    head = ("precision", "rms deviation", "worst", "inputs outside", "sites", "levels of all", "products of all")
    return grid(head, lines) + "".join(laws)


TABLES = {
    "transformers-minilm": minilm,
    "transformers-vit": partial(vit, "digits"),
    "transformers-vit-cifar": partial(vit, "cifar10"),
    "transformers-forecast": forecast,
    "transformers-summary": summary,
    **{f"transformers-{name}": (lambda name=name: rows(name)) for name in FAMILIES},
    "transformers-sources": sources,
}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
