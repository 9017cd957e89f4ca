"""Figures that stand in a sentence, not in a made table, are those of the records too.

A figure of a sentence (a decimal, or a number of percent, points, bytes, times) stands in a table, an example or its output
on the same page, or in a sentence that is made here from a record; or it is given: a parameter, a version, a constant.
"""

from __future__ import annotations

import json
import math
import re
import statistics
import tomllib
from fractions import Fraction

import audits_tables
import law_tables
import page_tables
import paper_records
import paper_tables
import propagation_tables
import pytest
import sturdy_tables
from paths import DOCS, ROOT

import polyapprox as pa
from nn_bridge.ranges import MARGIN
from polyapprox.circuits import scaled
from polyapprox.outward import lower_places, upper

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


MADE = re.compile(r"<!-- made .*?<!-- end of what is made -->|```.*?```", re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?")
UNITS = r"%|points?\b|[GM]i?B\b|(?:minute|second|hour|time|bit)s?\b|ms\b"
FIGURE = re.compile(rf"(?<![\w.,^/@-])(?:\d[\d,]*\.\d+(?![\d.])|\d[\d,]*(?= ?(?:{UNITS})))")
GIVEN = {  # parameters of what is described, versions, constants of mathematics, what others say
    "benchmarks.md": ["128 bits"],
    "beyond.md": ["27 and 41 times"],  # counted in the code of others
    "encrypted.md": ["Python 3.10"],
    "formats.md": ["more than 53 bits", "at 40 bits", "256 times the largest", "Go 1.27", "from 40 bits on", "2, …, 1.7 of",
                   "headers of OpenFHE 1.6", "at 801 points"],
    "functions.md": ["on (0.5, 2)"],
    "guide/polynomials.md": ["0.28017 / d"],
    "noise.md": ["σ = 3.2", "modulus (60 bits"],
    "plans.md": ["rounded to 400 bits"],
    "proofs.md": ["have 400 bits", "section 3.4"],
    "sturdy.md": ["α = 0.2", "rate 0.005"],
    "transformers.md": ["120,000 points"],
    "weighted.md": ["deviation 0.08 B", "(1.1 for one"],
}  # fmt: skip


def encrypted_network(name: str) -> dict[str, float]:
    """What one encrypted image takes."""
    record = json.loads((page_tables.EXPERIMENTS / f"encrypted-{name}.json").read_text(encoding="utf-8"))
    seconds = record["processor_seconds_per_image"]["all"] + record["processor_seconds_of_loading"]
    return {"minutes": seconds / 60, "GiB": record["memory_mib"] / 1024}


def of_fine_tuning() -> tuple[float, float, float]:
    """Loss of the trainings with noise as small as the error, minutes of an epoch, and points between two seeds."""
    runs = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sturdy_tables.FOLDER.glob("*.json")}
    loss = max(run["epochs"][-1]["loss"] for name, run in runs.items() if re.fullmatch(r"\w+-error-\d", name))
    minutes = statistics.median(epoch["seconds"] for run in runs.values() for epoch in run["epochs"]) / 60
    known, apart = sturdy_tables.cells(), 0.0
    for backbone in sturdy_tables.BACKBONES:
        states = dict(sturdy_tables.states(backbone))
        for words in (words for words in states if words.endswith("seed 1")):
            for power in sturdy_tables.POWERS:
                for interval in sturdy_tables.CAPS:
                    pair = [known.get((states[words[:-1] + seed], "ours", power, interval)) for seed in "01"]
                    if all(pair) and min(one["accuracy"] for one in pair) >= 0.8:
                        apart = max(apart, 100 * abs(pair[0]["accuracy"] - pair[1]["accuracy"]))
    return loss, minutes, apart


def without_means(approximation: str, power: int) -> float:
    """Points that the network of plain decay loses on [−50, 50] when the mean of each channel is removed."""
    (cell,) = (
        line["accuracy"] for line in paper_records.lines("background.jsonl")
        if (line["subject"], line["approximation"], line["power"], line["interval"])
        == ("decay 5e-4, seed 0", approximation, power, "50")
    )  # fmt: skip
    return 100 * float(cell["exact"] - cell["all, mean removed"])


def of_law() -> tuple[int, int, int]:
    """Cells that lose less than 15 points, those of them within two points from 24 images, and those of seeds never predicted before."""
    near = [line for line in paper_records.lines("law.jsonl") if law_tables._near(line)]
    assert all(law_tables._off(line, law_tables._last(line)) <= 2 for line in near)
    new = [line for line in near if law_tables._subject(line)[-6:] in ("seed 1", "seed 2")]
    return len(near), sum(law_tables._off(line, line["predicted"]) <= 2 for line in near), len(new)


def sentences() -> list[tuple[str, str]]:
    """Parts of sentences, each with its page, made from records and computed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = [one.rpartition(" ")[2] for one in project["classifiers"] if re.search(r":: 3\.\d+$", one)]
    pythons = f"{', '.join(versions[:-1])} and {versions[-1]}"
    relu, direct = pa.relu(precision=2**-9), pa.relu(precision=2**-9, structure="direct")
    at_end = 50 - round(pa.relu(precision=2**-9, interval=(-50, 50))(50.0), 2)
    even = max(abs(Fraction(c)) for c in audits_tables.oracle("heir_composite_step.json")["stages"][-1][2::2])
    inputs = {run["inputs"] for run in RESNET if run["inputs"]}
    loss, minutes, apart = of_fine_tuning()
    big, small = encrypted_network("resnet20-five"), encrypted_network("digits")
    assert 1 < big["minutes"] < 2 and small["minutes"] < 1 and round(minutes) == 2
    head, *rows = page_tables.whole(propagation_tables.sturdy())
    digits = {row[0]: row[head.index("2^-4.88")] for row in rows}
    plain = accuracy("ours", interval="per-layer", power=5)
    best = accuracy("weighted-corrected", interval="per-layer", power=5, cap=8.0)
    wheel = json.loads((page_tables.CHECKS / "wheel.json").read_text(encoding="utf-8"))
    bare = max(run["bare"].get("environment_bytes", 0) for run in wheel["runs"].values()) / 1e6
    rows = page_tables.whole(paper_tables.few("P60"))
    few = {row[0]: row for row in rows}
    three, exact = few["3 multiplications, distilled"][4], few["ReLU"][1]
    near, within, new = of_law()
    return [
        ("law.md", f"{within} of {near} cells are within two points"), ("law.md", f"the {new} of four networks"),
        ("README.md", f"has {three} % with three multiplications a ReLU, where ReLU itself has {exact}"),
        ("README.md", f"keep {digits['sturdy']} % in place of {digits['baseline']}, five seeds"),
        ("guide/networks.md", f"from {plain:.2f} to {best:.2f} %, where ReLU itself has {accuracy('backbone'):.2f} "),
        ("README.md", f"Python {pythons}"), ("stability.md", f"now {pythons}"),
        ("README.md", f"Python {versions[0]} or later"), ("start.md", f"Python {versions[0]} or later"),
        ("start.md", f"about {50 * round(bare / 50)} MB"),
        ("start.md", f"50 · 2^-9 = {50 * 2**-9:.3f}"),
        ("guide/encrypted.md", f"a minute or two and less than {math.ceil(big['GiB'])} GiB"),
        ("guide/networks.md", f"up to {upper(50 * 2**-9, 1)} for B = 50, up to {upper(5 * 2**-9, 1)} for B = 5"),
        ("guide/polynomials.md", f"right to {at_end:.2f} at 50"),
        ("guide/precision.md", f"{lower_places(relu.bits, 2)} bits is a little better"),
        ("background.md", f"a loss of {without_means('published', 8):.0f} points (r_8) and of {without_means('ours', 7):.0f} (ours"),
        ("audits.md", f"even coefficients up to {upper(even, 2).replace('e-0', 'e-')}"),
        ("beyond.md", f"On {len(page_tables.saved_lines(page_tables.CHECKS / 'never_dominated.jsonl'))} functions"),
        ("circuits.md", f"leaves {100 * (scaled._ALLOWANCE - 1):.2f} % of room"),
        ("networks.md", f"margin of {MARGIN} costs log₂ {MARGIN} = {math.log2(MARGIN):.2f} bits"),
        ("proofs.md", f"with {scaled.OVERSAMPLING} the factor is below {upper(1 / math.cos(math.pi / 2 / scaled.OVERSAMPLING), 5)}"),
        ("proofs.md", f"by more than {upper(100 * (direct.error_bound / direct.error_lower_bound - 1), 1)} %"),
        ("ranges.md", f"of {max(inputs) / 1e9:.1f} thousand million"),
        ("sturdy.md", f"(below {upper(loss, 1)})"), ("sturdy.md", f"by less than {upper(apart, 1)} points"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def made() -> list[tuple[str, str]]:
    return sentences()


def test_sentences_made_from_records(made: list[tuple[str, str]]) -> None:
    assert [(page, words) for page, words in made if words not in text_of(page)] == []


def left(name: str, taken: list[str]) -> list[str]:
    """Figures of a page's sentences that are in no table or example of the page, and not in what is taken from records."""
    text = PAGES[name].read_text(encoding="utf-8")
    there = [number for part in MADE.findall(text) for number in NUMBER.findall(part.replace(",", ""))]
    for sign, space in ((MADE, " "), (re.compile(r"`[^`]*`"), "code"), (re.compile(r"\]\([^)]*\)"), "]"),
                        (re.compile(r"\b(?:arXiv|eprint|doi:)[ :]?[\w./()-]+"), "source")):  # fmt: skip
        text = sign.sub(space, text)
    text = " ".join(text.split())
    for words in taken:
        text = text.replace(words, "")
    return [figure for figure in FIGURE.findall(text) if not any(rounds(one, figure.replace(",", "")) for one in there)]


def rounds(number: str, figure: str) -> bool:
    """Whether a number of a table is the figure, to as many digits."""
    return f"{float(number):.{len(figure.partition('.')[2])}f}" == figure


def test_every_figure_of_a_sentence_has_its_place(made: list[tuple[str, str]]) -> None:
    known = [f"{accuracy('backbone'):.2f}", f"{MARGIN:g}"]
    for name in PAGES:
        taken = [words for page, words in made if page == name] + GIVEN.get(name, [])
        assert [figure for figure in left(name, taken) if figure not in known] == [], name


def test_what_is_given_is_there() -> None:
    assert [(name, words) for name, given in GIVEN.items() for words in given if words not in text_of(name)] == []


def test_a_figure_without_a_place_is_seen() -> None:
    assert FIGURE.findall("91.7 %, of 12 GiB, 3 times, 2^-4.88, arXiv") == ["91.7", "12", "3"]
    assert rounds("91.73", "91.7") and not rounds("91.73", "91.8")
