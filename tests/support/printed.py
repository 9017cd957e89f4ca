"""Numbers that leave the program, read back from text and compared with certificates, exactly.

Whatever prints a proven number is run here and its output parsed: representations, commands (for
people and as JSON), tables, headers of exports, titles of figures, pages of the documentation. A
text is on the wrong side if an upper bound is below the certificate, or a lower bound or bits above.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import circuits_tables
import mpmath
import page_tables
import pytest
from paths import ROOT

import polyapprox as pa
from polyapprox.cli import main
from polyapprox.export import FORMATS, job_for
from polyapprox.noise import quantise
from polyapprox.plot.figure import title_of

NUMBER = r"(-?[\d.]+(?:e[-+]?\d+)?)"
SLACK = mpmath.mpf(2) ** -250  # of logarithms to 400 bits


@dataclass(frozen=True)
class Claim:
    """A printed number, and what it says: it is at least (1) or at most (-1) the truth."""

    where: str
    text: Fraction
    side: int
    truth: Fraction
    unit: Fraction | None = None  # of bits: the truth is then −log2(truth/unit)

    @property
    def wrong(self) -> bool:
        """Whether the number is on the wrong side."""
        if self.unit is None:
            return self.side * (self.text - self.truth) < 0
        with mpmath.workprec(400):
            ratio = self.unit / self.truth
            bits = mpmath.log(ratio.numerator, 2) - mpmath.log(ratio.denominator, 2)
            text = mpmath.mpf(self.text.numerator) / self.text.denominator
            return bool(text > bits + SLACK)


class Truth:
    """What was proven of an approximation, as rationals; makes claims of printed texts."""

    def __init__(self, a: pa.Approximation) -> None:
        assert a.certificate is not None
        self.name = f"{a.function} {a.structure} {a.degrees}"
        self.upper = exactly(a.certificate.upper)
        self.lower = None if a.certificate.lower is None else exactly(a.certificate.lower)
        self.unit = scale_of(a)

    def above(self, where: str, text: Any) -> Claim:
        """A printed upper bound."""
        return Claim(f"{self.name}: {where}", Fraction(text), 1, self.upper)

    def below(self, where: str, text: Any) -> Claim:
        """A printed lower bound."""
        assert self.lower is not None
        return Claim(f"{self.name}: {where}", Fraction(text), -1, self.lower)

    def bits(self, where: str, text: Any) -> Claim:
        """Printed bits."""
        return Claim(f"{self.name}: {where}", Fraction(text), -1, self.upper, self.unit)


def exactly(value: mpmath.mpf) -> Fraction:
    """The rational value."""
    sign, mantissa, exponent, _ = value._mpf_
    return (-1 if sign else 1) * Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def scale_of(a: pa.Approximation) -> Fraction:
    """B for what scales with the interval by its name, else 1."""
    if a.weight != "1" or a.function not in ("relu", "abs", "maximum", "minimum"):
        return Fraction(1)
    low, high = (exactly(end) for end in a.interval)
    return max(abs(low), abs(high))


def run(*arguments: object) -> str:
    """What a command prints."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setenv("COLUMNS", "400")
        patch.setattr(sys, "argv", ["polyapprox", *map(str, arguments)])
        try:
            code = main()
        except SystemExit as leaving:
            code = leaving.code
    assert code in (0, None), arguments
    return out.getvalue()


def run_json(*arguments: object) -> Any:
    """The JSON that a command prints, decimals as they stand there."""
    return json.loads(run(*arguments, "--json"), parse_float=Fraction)


def of_value(a: pa.Approximation, folder: Path) -> Iterator[Claim]:
    """Everything that is printed of an approximation alone, but for slow commands."""
    truth = Truth(a)
    if not truth.upper:
        return
    yield from found(truth.above, "repr", rf"error <= {NUMBER} \(proven\)", repr(a))
    yield truth.above("error_bound", repr(a.error_bound))
    yield truth.bits("bits", repr(a.bits))
    yield from found(truth.above, "title", r"error ≤ ([^,]+), proven", title_of(a), plain)
    if a.weight == "1":
        yield from found(truth.bits, "title", rf"proven \({NUMBER} bits", title_of(a))
    path = a.save(folder / "table.json")
    yield from of_table(truth, json.loads(path.read_text(encoding="utf-8")))
    yield from of_commands(truth, path)
    for format in FORMATS:
        with contextlib.suppress(pa.errors.PolyApproxError):
            text = a.export(format, folder / "exported").read_text("utf-8", errors="replace")
            written = Truth(job_for(a, format).approximation)  # constants rounded, proven again
            yield from found(written.above, format, rf"error: at most {NUMBER}", text)
            yield from found(written.bits, format, rf"precision 2\^-{NUMBER}", text)


def of_table(truth: Truth, document: dict[str, Any]) -> Iterator[Claim]:
    """The derived fields of a table."""
    yield truth.above("table", document["bound"])
    yield truth.bits("table", document["precision_bits"])
    if truth.lower is not None:
        yield truth.below("table", document["lower_bound"])


def of_commands(truth: Truth, path: Path) -> Iterator[Claim]:
    """``show`` and ``verify``, for people and machines."""
    shown, facts = run("show", path), run_json("show", path)
    yield from found(truth.above, "show", rf"at most {NUMBER} \(proven", shown)
    yield from found(truth.bits, "show", rf"bits +{NUMBER} \(proven", shown)
    yield truth.above("show --json", facts["error_bound"])
    yield truth.bits("show --json", facts["bits"])
    if truth.lower is not None:
        yield from found(truth.below, "show", rf"lower bound +{NUMBER} \(proven", shown)
        yield truth.below("show --json", facts["error_lower_bound"])
    checked, facts = run("verify", path), run_json("verify", path)
    yield from found(truth.above, "verify", rf"claimed bound +{NUMBER}", checked)
    yield truth.above("verify --json", facts["claimed"])
    again = Fraction(facts["bound"])
    for text in re.findall(rf"proven again +{NUMBER}", checked):
        yield Claim(f"{truth.name}: verify again", Fraction(text), 1, again)


def of_slow_commands(a: pa.Approximation, folder: Path) -> Iterator[Claim]:
    """``audit`` and ``noise``."""
    truth, path = Truth(a), a.save(folder / "table.json")
    page, facts = run("audit", path), run_json("audit", path)
    yield from found(truth.above, "audit", rf"at most {NUMBER} \(proven", page)
    yield from found(truth.bits, "audit", rf"bits +{NUMBER} \(", page)
    yield from found(truth.bits, "audit, conclusion", rf"to {NUMBER} bits \(proven", page)
    (facts,) = facts if isinstance(facts, list) else facts.get("audits", [facts])
    yield truth.above("audit --json", facts["error"])
    yield truth.bits("audit --json", facts["bits"])
    text, facts = run("noise", path, "--scale", 40), run_json("noise", path, "--scale", 40)
    yield from found(truth.above, "noise", rf"exact constants: {NUMBER}", text)
    for one in facts["scales"]:
        rounded = Truth(quantise(a, one["scale_bits"]))
        yield truth.above("noise --json", one["exact_bound"])
        yield rounded.above("noise --json, rounded", one["rounded_bound"])
        rows = re.findall(rf"^ *{one['scale_bits']}  +{NUMBER}", text, re.MULTILINE)
        yield from (rounded.above("noise, rounded", row) for row in rows)


def of_comparison() -> Iterator[Claim]:
    """``compare``."""
    text, facts = run("compare"), run_json("compare")
    for row in facts["rows"]:
        truth = Truth(pa.relu(precision=2.0 ** -row["alpha"]))
        yield truth.bits("compare --json", row["bits"])
        (line,) = re.findall(rf"^ *{row['alpha']} .*$", text, re.MULTILINE)
        yield truth.bits("compare", line.split()[-2])


def of_fronts(precisions: Iterable[int]) -> Iterator[Claim]:
    """``pareto``."""
    for k in precisions:
        front = pa.pareto("relu", precision=2.0**-k)
        text, facts = run("pareto", "relu", "--precision", f"2^-{k}"), None
        ways = (*front.rows, *front.others)
        printed = re.findall(rf"{NUMBER} \(proven\)", text)
        assert len(printed) == len(ways)
        for way, bits in zip(ways, printed, strict=True):
            yield Truth(way.approximation).bits("pareto", bits)
        facts = run_json("pareto", "relu", "--precision", f"2^-{k}")
        rows = [row for name in ("rows", "others") for row in facts.get(name, [])]
        for way, row in zip(ways, rows, strict=False):
            yield Truth(way.approximation).bits("pareto --json", row["bits"])


def of_shipped() -> Iterator[Claim]:
    """``circuits list``."""
    from polyapprox.circuits.library import FILES, shipped_for

    shipped = [one for name in FILES for one in shipped_for(name)]
    facts, lines = run_json("circuits", "list")["circuits"], run("circuits", "list").splitlines()[1:]
    for one, row, line in zip(shipped, facts, lines, strict=True):
        unit = Fraction(2 if one.problem.function == "abs" else 1)
        for text in (row["bits"], re.split(r"\](?: \*)? +\d+ +", line, maxsplit=1)[1].split()[0]):
            where = f"circuits list: {one.problem.function} {one.multiplications}"
            yield Claim(where, Fraction(text), -1, Fraction(one.bound), unit)


def found(
    claim: Callable[[str, Any], Claim],
    where: str,
    pattern: str,
    text: str,
    read: Callable[[str], str] = str,
) -> Iterator[Claim]:
    """A claim for each match; there must be one."""
    matches = re.findall(pattern, text)
    assert matches, (where, pattern, text[:2000])
    yield from (claim(where, read(match)) for match in matches)


def plain(text: str) -> str:
    """A number of a title as Python reads it."""
    return re.sub(r"·10\$\^\{(-?\d+)\}\$", r"e\1", text.replace("−", "-"))


def markdown(name: str, page: str, keys: int = 1) -> list[list[str]]:
    """Cells of a table of the documentation, headings first."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (block,) = re.findall(rf"<!-- \w+ {name} -->\n(.*?)<!-- end", text, re.DOTALL)
    return page_tables.whole(block, keys)


def of_pages() -> Iterator[Claim]:
    """Tables of the documentation whose rows say what they are of."""
    head, *rows = markdown("published-short", "README.md")
    for row in rows:
        truth = Truth(pa.relu(precision=2.0 ** -int(row[0])))
        yield truth.bits("README, published", row[head.index("bits (proven)")])
    head, *rows = markdown("published-ours", "docs/published.md")
    columns = [i for i, name in enumerate(head) if name == "bits (proven)"]
    for row in rows:
        made = [pa.relu(precision=2.0 ** -int(row[0]), structure=s) for s in ("auto", "composite")]
        for a, column in zip(made, columns, strict=True):
            yield Truth(a).bits("published", row[column])
    for name, structure in (("precisions", "auto"), ("circuits", "circuit")):
        head, *rows = markdown(name, "docs/questions.md")
        for row in rows:
            precision = 2.0 ** -int(row[0].removeprefix("2^-"))
            truth = Truth(pa.relu(precision=precision, interval=(-50, 50), structure=structure))
            yield truth.bits(f"questions, {name}", row[head.index("bits (proven)")])
            if name == "precisions":
                yield truth.above("questions, error", row[-1])
    yield from of_page_of_circuits()
    yield from of_page_of_choices()


def of_page_of_circuits() -> Iterator[Claim]:
    """Bits of all shipped circuits."""
    from polyapprox.circuits.library import ARCCOSINE, FILES, shipped_for

    _, *rows = markdown("shipped", "docs/circuits.md", keys=2)
    known = {
        (*circuits_tables.named(name, one.problem.weight != "1", one.problem.interval), one.multiplications): one
        for name in FILES for one in shipped_for(name) if name != ARCCOSINE
    }  # fmt: skip
    told = {(*row[:2], m): text for row in rows for m, text in enumerate(row[2:], start=1) if text}
    assert told.keys() == known.keys()
    for (name, interval, m), text in told.items():
        unit = Fraction(2 if name == "`relu`" else 1)
        bound = Fraction(known[name, interval, m].bound)
        yield Claim(f"circuits.md: {name} {m}", Fraction(text), -1, bound, unit)


def of_page_of_choices() -> Iterator[Claim]:
    """What ``relu`` takes for the fewest multiplications and levels."""
    head, *rows = markdown("chosen", "docs/pareto.md")
    columns = [i for i, name in enumerate(head) if name == "bits (proven)"]
    for row in rows:
        precision = 2.0 ** -int(row[0].removeprefix("2^-"))
        for objective, column in zip(("multiplications", "levels"), columns, strict=True):
            if row[column]:
                a = pa.relu(precision=precision, objective=objective)  # type: ignore[arg-type]
                yield Truth(a).bits(f"pareto.md, {objective}", row[column])


def values(full: bool) -> Iterator[pa.Approximation]:
    """Approximations of every kind: a few, or some two hundred."""
    functions = ("exp", "tanh", "sigmoid", "gelu", "erf", "cos", "silu", "softplus", "atan", "sinh")
    domains = ((-1, 1), (-8, 8), (-0.3, 2.7), (-3e-9, 1e-9))
    for number, name in enumerate(functions if full else functions[:2]):
        for degree in (1, 4, 9, 15) if full else (5,):
            for domain in domains if full else domains[number : number + 1]:
                with contextlib.suppress(pa.errors.PolyApproxError):
                    yield pa.minimax(name, degree, domain=domain)
    yield pa.minimax("1/x", 5, domain=(1, 8), relative=True)
    yield pa.minimax("abs", 6, domain=(-50, 50))
    yield pa.minimax("exp", 4, weight="1+x**2")
    yield pa.sign(degrees=[3, 5], threshold=0.1, interval=(-4, 3))
    yield pa.step(precision=2**-5)
    for k in range(4, 21) if full else (5, 9):
        for function in (pa.relu, pa.abs, pa.maximum, pa.minimum) if full else (pa.relu, pa.maximum):
            yield function(precision=2.0**-k, interval=(-0.7, 50) if k % 2 else (-1, 1))
    for m in range(2, 8) if full else (3,):
        for name in ("relu", "abs", "gelu", "sigmoid", "exp", "tanh") if full else ("gelu",):
            with contextlib.suppress(pa.errors.PolyApproxError):
                yield pa.circuit(name, multiplications=m)
    newton = pa.Polynomial.from_floats([0, 1.125, 0, -0.125], parity="odd")
    for stages in range(1, 7 if full else 2):
        yield pa.from_components("relu", [newton] * stages, (-1, 1))


def of_everything(folder: Path, full: bool) -> Iterator[Claim]:
    """All claims: of the values, of slow commands for some of them, of lists and pages."""
    for number, value in enumerate(values(full)):
        yield from of_value(value, folder)
        if number % 10 == 0 and value.weight == "1":
            yield from of_slow_commands(value, folder)
    yield from of_shipped()
    yield from of_pages()
    if full:
        yield from of_comparison()
        yield from of_fronts(range(4, 10))
