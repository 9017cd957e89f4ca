"""One call from end to end: made, judged, counted again, and asked whether it is what was asked."""

from __future__ import annotations

import json
import random
import re
import tempfile
import time
import warnings
from contextlib import chdir
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import independent
import mpmath
import numpy as np
from flint import arb

import polyapprox as pa
from polyapprox import Polynomial
from polyapprox.circuits.library import shipped_intervals
from polyapprox.errors import PolyApproxError
from polyapprox.refresh.table import document_of as series_document
from polyapprox.refresh.value import Bootstrapped
from polyapprox.table import document_of
from polyapprox.wholes.whole import Whole

from .calls import Call
from .judge import Balls, Table, Verdict, as_ball, dyadic, float_points, judge
from .noisy import noise_faults, stage_faults
from .others import judge_series, judge_whole

NEWTON = Polynomial.from_floats([0.0, 1.125, 0.0, -0.125], parity="odd")
_QUICK = 0.5  # seconds: what is made in less is made twice
_PRINTED = re.compile(r"error <= ([0-9.e+-]+) \(proven\)")


def reimported(approximation: Any, format: str) -> Any:
    """Written in a framework's convention and read back."""
    with tempfile.TemporaryDirectory() as folder:
        path = approximation.export(format, Path(folder) / "table")
        domain = [(float(a), float(b)) for a, b in approximation.domain]
        return pa.import_table(path, format=format, function=approximation.function, domain=domain)


SPACE = {
    "pa": pa, "np": np, "mpmath": mpmath, "Polynomial": Polynomial, "Fraction": Fraction,
    "NEWTON": NEWTON, "reimported": reimported, "shipped_intervals": shipped_intervals,
    "polyapprox": pa,
}  # fmt: skip


@dataclass
class Report:
    """What one call came to."""

    text: str
    refused: str | None = None
    structure: str = ""
    verdict: Verdict = field(default_factory=Verdict)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    made: Any = None


def examine(call: Call, points: int = 4000, seed: int = 0, seconds: float = 0.25) -> Report:
    """Make a call and find fault with it."""
    report = Report(call.text)
    start = time.process_time()
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as here, chdir(here):
        warnings.simplefilter("error")  # a file that a wrong call leaves behind goes with `here`
        try:
            made = eval(call.text, SPACE)
        except PolyApproxError as error:
            report.refused = str(error)
            report.seconds = time.process_time() - start
            report.faults += sentence_faults(str(error))
            return report
        except Exception as error:  # noqa: BLE001 (whatever it is, it is a fault)
            report.seconds = time.process_time() - start
            report.faults.append(f"not an error of the package: {type(error).__name__}: {error}")
            return report
    report.seconds = time.process_time() - start
    if isinstance(made, Bootstrapped) and made.certificate is not None:
        report.structure = "series"
        report.verdict = judge_series(series_document(made), points // 8, seed)
    elif isinstance(made, Whole) and "whole" in call.asked:
        report.structure = "whole"
        report.verdict = judge_whole(made, call.asked["whole"], points // 8, seed)
    if not isinstance(made, pa.Approximation):
        report.faults += report.verdict.violations[:2]
        return report
    report.made, report.structure = made, made.structure
    document = json.loads(json.dumps(document_of(made)))
    if (document["certificate"] or {}).get("details", {}).get("noise_between_stages"):
        report.structure += " with noise between its stages"  # its bound covers more than a plain run
    report.verdict = judge(document, points, seed, seconds)
    report.faults += report.verdict.violations[:2]
    report.faults += claim_faults(made, document, report.verdict)
    report.faults += count_faults(made, document)
    if not call.asked.get("junk"):
        report.faults += request_faults(made, document, call.asked)
    if report.seconds < _QUICK:
        report.faults += provenance_faults(made)
        report.faults += _tried(rounding_faults, made, Table(document), seed)
    report.faults += _tried(stage_faults, made, Table(document), seed)
    if report.seconds < _QUICK and seed % 8 == 0 and made.multiplications < 9:
        report.faults += _tried(noise_faults, made, Table(document), seed)
    return report


def _tried(check: Any, made: Any, table: Table, seed: int) -> list[str]:
    """What a check finds; an exception of Python or flint is a fault too."""
    try:
        found: list[str] = check(made, table, seed)
        return found
    except PolyApproxError as error:
        return sentence_faults(str(error))
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a fault)
        return [f"not an error of the package: {type(error).__name__}: {error} ({check.__name__})"]


def rounding_faults(made: Any, table: Table, seed: int) -> list[str]:
    """Calls with floats err by rounding no more than is stated, and warn where that is much."""
    lines = [
        float_points(low, high, [0.0] if low < 0 < high else [], 60, random.Random(seed))
        for low, high in table.parts
    ]
    chance = np.random.default_rng(seed)
    x = [chance.permutation(np.concatenate(lines))[:80] for _ in range(table.inputs)]
    with warnings.catch_warnings(record=True) as said, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        values = np.asarray(made(*x), dtype=float) * np.ones(80 if len(x[0]) >= 80 else len(x[0]))
    warned = any(issubclass(w.category, pa.PrecisionWarning) for w in said)
    stated = made.float64_error_bound
    balls = Balls(table)
    worst = 0.0
    for index, value in enumerate(values):
        point = [Fraction(float(v[index])) for v in x]
        exact_value = balls.plan_at(point, 600)
        off = float(abs(exact_value - arb(float(value))).abs_lower())
        worst = max(worst, off if np.isfinite(off) else np.inf)
    found = []
    if worst > stated:
        found.append(f"floats err by {worst:.3g}, stated {stated:.3g}")
    if table.bound and not warned and made.weight == "1" and worst > 1.01 * table.bound:
        found.append(f"floats err by {worst:.3g}, above the bound, without a warning")
    return found


def provenance_faults(made: Any) -> list[str]:
    """The command of the provenance makes the same again; one that cannot be run says so."""
    command = made.provenance.command.partition("  #")[0]
    if "…" in command or not command.startswith("polyapprox.") or "import_table" in command:
        return []
    try:
        again = eval(command, SPACE)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a fault)
        return [f"the command {command!r} of the provenance fails: {error}"]
    return [] if again == made else [f"the command {command!r} of the provenance makes another"]


def sentence_faults(message: str) -> list[str]:
    """A refusal is one clear sentence."""
    if "\n" in message or not 15 <= len(message) <= 700:
        return [f"the refusal is no sentence: {message[:200]!r} ({len(message)} characters)"]
    return []


def claim_faults(made: Any, document: dict[str, Any], verdict: Verdict) -> list[str]:
    """Printed numbers against the certificate, lower bound against what was seen."""
    table, found = Table(document), []
    if table.bound is None:
        return found
    if Fraction(float(document["bound"])) < table.bound:
        found.append(f"the field 'bound' {document['bound']} is below the certificate")
    if Fraction(made.error_bound) < table.bound:
        found.append(f"error_bound {made.error_bound!r} is below the certificate")
    printed = _PRINTED.search(repr(made))
    if printed and Fraction(printed[1]) < table.bound:
        found.append(f"repr prints {printed[1]} for the bound {made.error_bound!r}")
    if table.lower is not None and table.lower > table.bound:
        found.append("the lower bound is above the upper")
    if table.lower is not None and verdict.largest < 0.99 * float(table.lower):
        found.append(
            f"lower bound {float(table.lower):.6g}, largest error seen only {verdict.largest:.6g}"
        )
    return found


def count_faults(made: Any, document: dict[str, Any]) -> list[str]:
    """Multiplications, products with constants and levels counted again, both rules."""
    found = []
    for rule in ("published", "standalone"):
        counted = counts_of(document["plan"], folded=rule == "published")
        said = made.counts(rule)
        stated = document["counts"][rule]
        for name, value in counted.items():
            if value != stated[name] or value != getattr(said, name):
                found.append(f"{rule}: {name} are {value}, stated {stated[name]}")
    plan = SimpleNamespace(run=made.plan.run, inputs=made.plan.inputs)
    if independent.counts(plan) != (made.multiplications, made.levels):
        found.append(f"computing with the plan counts {independent.counts(plan)}")
    return found


def counts_of(plan: dict[str, Any], folded: bool) -> dict[str, int]:
    """Costs of the operations in a table's JSON."""
    rows = plan["operations"]
    inputs = [i for i, row in enumerate(rows) if row[0] == "input"]
    operands = {"multiply": 2, "add": 2, "subtract": 2, "input": 0}
    uses = [
        i for i, row in enumerate(rows)
        if any(u in inputs for u in row[1 : 1 + operands.get(row[0], 1)])
    ]  # fmt: skip
    free = uses[0] if folded and plan["inputs"] == len(uses) == 1 else None
    level: list[int] = []
    multiplications = constants = 0
    for index, row in enumerate(rows):
        below = [level[u] for u in row[1 : 1 + operands.get(row[0], 1)]]
        cost = 0
        if row[0] == "multiply":
            multiplications, cost = multiplications + 1, 1
        elif row[0] == "scale" and not _is_free(row) and index != free:
            constants, cost = constants + 1, 1
        level.append(max(below, default=0) + cost)
    return {
        "multiplications": multiplications, "constant_products": constants,
        "depth": level[plan["output"]],
    }  # fmt: skip


def _is_free(row: list[Any]) -> bool:
    """Whether a product is with an integer of at most 2^15."""
    constant = dyadic(row[2], row[3] if len(row) > 3 else 53)
    return constant.denominator == 1 and abs(constant) <= 2**15


SMOOTH = ("exp", "sin", "cos", "gelu", "silu", "tanh", "erf")
SCALING = ("relu", "abs", "maximum", "minimum")


def scales(made: Any) -> bool:
    """Whether precision is the error on the interval scaled to [-1, 1]."""
    return made.function in SCALING and made.weight == "1"


def request_faults(made: Any, document: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """Whether the result is what was asked for."""
    found = []
    table = Table(document)
    if "function" in asked and made.function.replace(" ", "") != asked["function"].replace(" ", ""):
        found.append(f"asked for {asked['function']!r}, got {made.function!r}")
    if "domain" in asked:
        got = [(float(a), float(b)) for a, b in table.domain]
        slack = 1e-15 if made.structure == "circuit" and table.inputs == 2 else 0.0
        for (a, b), (c, d) in zip(asked["domain"], got, strict=True):
            off = max(abs(a - c), abs(b - d))
            if off > slack * max(abs(a), abs(b)) or c > a or d < b:
                found.append(f"asked for the domain {asked['domain']}, got {got}")
    found += guard_faults(document, table, asked)
    bound = made.error_bound if made.certificate else made.error_estimate
    size = float(table.scale)
    if "precision" in asked:
        unit = size if scales(made) else 1.0
        wanted = asked["precision"] * unit
        if bound > wanted * (1 + 1e-12):
            found.append(f"precision {asked['precision']:.6g} asked, error bound {bound:.6g}")
    if "tolerance" in asked and bound > asked["tolerance"] * (1 + 1e-12):
        found.append(f"tolerance {asked['tolerance']:.6g} asked, error bound {bound:.6g}")
    for limit, got in (("multiplications", made.multiplications), ("levels", made.levels)):
        if limit in asked and got > asked[limit]:
            found.append(f"at most {asked[limit]} {limit} asked, got {got}")
    if "degrees" in asked and made.degrees != asked["degrees"]:
        found.append(f"asked for degrees {asked['degrees']}, got {made.degrees}")
    if "degree" in asked and max(made.degrees) > asked["degree"]:
        found.append(f"asked for degree {asked['degree']}, got {made.degrees}")
    if asked.get("zero"):
        at_zero = Balls(table).plan_at([Fraction(0)] * table.inputs, 1000)
        if not abs(at_zero) < as_ball(table.scale * Fraction(1, 2**100)):
            found.append(f"offset=False, but r(0) = {at_zero}")
    return found + bits_faults(made, document, table)


def guard_faults(document: dict[str, Any], table: Table, asked: dict[str, Any]) -> list[str]:
    """What is covered: the domain, and beyond its ends what the guard says, nothing else."""
    if "guard" not in document:
        return []
    found = []
    guard = dyadic(document["guard"], document["bits"])
    if "guard" in asked and guard != Fraction(asked["guard"]):
        found.append(f"guard {asked['guard']!r} asked, got {float(guard)!r}")
    more = guard * table.scale
    for (a, b), (c, d) in zip(table.domain, table.parts, strict=True):
        rounding = table.scale / 2**50
        if not (a - more - rounding <= c <= a and b <= d <= b + more + rounding):
            found.append("what is covered is not the domain and its guard")
        # a polynomial with a parity on one side of 0 does not pass 0
        one_sided = a >= 0 and any(row["parity"] for row in document["components"])
        smooth = table.function in SMOOTH and not one_sided and is_finite_near(table, 100 * more)
        clear = smooth or min(-a, b) > 100 * more
        if len(table.domain) == 1 and clear and (c > a - more or d < b + more):
            found.append("covered is less than the guard says")
    return found


def is_finite_near(table: Table, way: Fraction) -> bool:
    """Whether the weight is finite as far beyond both ends: a relative error is not where f is 0."""
    weight = Balls(table).weight
    if weight is None:
        return True
    (low, _), (_, high) = table.domain[0], table.domain[-1]
    beyond = ((low - way, low), (high, high + way))
    return all(weight(as_ball(a).union(as_ball(b))).is_finite() for a, b in beyond)


def bits_faults(made: Any, document: dict[str, Any], table: Table) -> list[str]:
    """Bits are −log2 of the error: on [-1, 1] where the function scales with the interval."""
    error = table.bound if table.bound is not None else Fraction(made.error_estimate)
    if not error:
        return []
    if scales(made):
        error = error / table.scale
    with mpmath.workdps(40):
        true = -mpmath.log(mpmath.mpf(error.numerator) / error.denominator, 2)
    found = []
    if made.bits > true + 1e-12 or made.bits < true - 1e-6:
        found.append(f"bits are {float(true):.9g}, stated {made.bits:.9g}")
    stated = document["precision_bits"]
    if stated is not None and mpmath.mpf(stated) > true:
        found.append(f"the field precision_bits says {stated}, true {mpmath.nstr(true, 15)}")
    return found
