"""Figures that stand in a sentence, not in a made table, are those of the records too."""

from __future__ import annotations

import re

import page_tables
from paths import DOCS, ROOT

RESNET = page_tables.saved_lines(page_tables.EXPERIMENTS / "resnet20-cifar10.jsonl")
PAGES = {"README.md": ROOT / "README.md"} | {
    str(path.relative_to(DOCS)): path for path in DOCS.rglob("*.md") if "_build" not in path.parts
}


def text_of(name: str) -> str:
    """A page with its lines joined."""
    return " ".join(PAGES[name].read_text(encoding="utf-8").split())


def accuracy(approximation: str, **wanted: object) -> float:
    """In percent, of the one run that has all that is wanted."""
    wanted = {"margin": 1.25, **wanted} if wanted else {}
    (found,) = (
        one["accuracy"] for one in RESNET
        if one["approximation"] == approximation and all(one.get(key) == value for key, value in wanted.items())
    )  # fmt: skip
    return 100 * float(found)


def test_resnet_with_relu_itself() -> None:
    told = f"{accuracy('backbone'):.2f} %"
    said = [name for name, path in PAGES.items() if told in path.read_text(encoding="utf-8")]
    assert {"README.md", "networks.md", "paper.md", "ranges.md", "weighted.md", "encrypted_network.md"} <= {*said}
    for name in said:
        for found in re.findall(r"(\d\d\.\d\d) % with ReLU itself", text_of(name)):
            assert f"{found} %" == told, name


def test_free_corrections_of_the_guide() -> None:
    plain = accuracy("ours", interval="per-layer", power=5)
    best = accuracy("weighted-corrected", interval="per-layer", power=5, cap=8.0)
    exact = accuracy("backbone")
    assert f"from {plain:.2f} to {best:.2f} %, where ReLU itself has {exact:.2f} " in text_of("guide/networks.md")


def test_digits_that_survive() -> None:
    import propagation_tables

    head, *rows = page_tables.whole(propagation_tables.sturdy())
    cell = {row[0]: row[head.index("2^-4.88")] for row in rows}
    assert f"keep {cell['sturdy']} % in place of {cell['baseline']}, five seeds" in text_of("README.md")
