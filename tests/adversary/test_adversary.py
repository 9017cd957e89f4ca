"""The standing adversary, for two minutes: another seed each day, which is printed for repetition.

``POLYAPPROX_ADVERSARY_SEED=20250101 python -m pytest tests/adversary`` repeats a day;
``POLYAPPROX_ADVERSARY_SECONDS`` is how long all of it may take together. Everything at once, with
10^7 points and all forgeries, is ``make check``.
"""

from __future__ import annotations

import datetime
import os
import random
import re
import time
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pytest

import polyapprox as pa
from adversary import known
from adversary.calls import Caller
from adversary.examine import SPACE, examine, guard_faults
from adversary.forgeries import Forgery, forgeries
from adversary.honest import true_tables
from adversary.judge import Table, decimal, dyadic
from adversary.others import forged_series, judge_series
from adversary.tribunal import ASKED, acceptances, refusal
from polyapprox.errors import ArgumentError, ProofError, TableError
from polyapprox.refresh.table import _read as read_document, document_of, verify
from polyapprox.table import document_of as table_of

SEED = int(
    os.environ.get("POLYAPPROX_ADVERSARY_SEED", f"{datetime.datetime.now(datetime.UTC):%Y%m%d}")
)
SECONDS = float(os.environ.get("POLYAPPROX_ADVERSARY_SECONDS", "120"))
AGAIN = f"POLYAPPROX_ADVERSARY_SEED={SEED} python -m pytest tests/adversary"

PROVING = tuple(who for who in ASKED if who not in known.TRUSTING)
KINDS: dict[str, list[Forgery]] = defaultdict(list)
for _forgery in forgeries():
    KINDS[_forgery.kind].append(_forgery)


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYAPPROX_CACHE", "off")


def is_known(forgery: Forgery) -> str | None:
    """Why it is accepted still, if that is known."""
    name = f"{forgery.kind} | {forgery.name}"
    return next((why for start, why in known.FORGERIES.items() if name.startswith(start)), None)


def test_random_calls_are_what_they_say() -> None:
    caller, until, calls, points = Caller(SEED, largest=30), time.monotonic() + 0.4 * SECONDS, 0, 0
    faults = []
    while time.monotonic() < until:
        call = caller()
        report = examine(call, points=2000, seed=calls, seconds=0.1)
        calls, points = calls + 1, points + report.verdict.tried
        faults += [
            f"{report.text}: {fault}" for fault in report.faults
            if not any(re.search(pattern, f"{report.text}  {fault}") for pattern in known.CALLS)
        ]  # fmt: skip
    print(f"{calls} calls, {points} points; again: {AGAIN}")
    assert calls > 0 and points > 0
    assert not faults, f"{AGAIN}\n" + "\n".join(faults)


@pytest.mark.parametrize(
    ("text", "moves"),
    [
        ("pa.minimax('sin', 12, domain=(1e-12, 1e-3), relative=True, guard=2**-10)", False),
        ("pa.minimax('tanh', 6, domain=(0.005, 1), relative=True, guard=2**-10)", False),
        ("pa.minimax('erf', 6, domain=(0.3, 1), weight='1/(10*x-2)', guard=2**-10)", True),
        ("pa.minimax('sin', 6, domain=(0.5, 1), relative=True, guard=2**-10)", True),
        ("pa.minimax('exp', 6, relative=True, guard=2**-10)", True),
    ],
)
def test_guards_are_examined_up_to_poles_of_the_weight(text: str, moves: bool) -> None:
    made = eval(text, SPACE)
    document = table_of(made)
    assert not guard_faults(document, Table(document), {"guard": 2**-10})
    narrower = {**document, "covered": document["domain"]}
    found = guard_faults(narrower, Table(narrower), {"guard": 2**-10})
    assert found == (["covered is less than the guard says"] if moves else [])


def test_the_judge_reads_numbers_of_any_length() -> None:
    for text in ("0", "-1.25e-3", "+12", "1e300", "0.1", "-0.5E+2", "3.", "-.5"):
        assert decimal(text) == Fraction(text), text
    long = "1." + "3" * 6000
    assert abs(decimal(f"-{long}e-9") * 10**9 + Fraction(4, 3)) < Fraction(1, 10**5999)
    assert dyadic(long, 20_000) != dyadic(long, 53) == Fraction(4 / 3)


@pytest.mark.parametrize("kind", list(KINDS))
def test_false_tables_are_refused(kind: str, tmp_path: Path) -> None:
    todo = [forgery for forgery in KINDS[kind] if is_known(forgery) is None]
    until = time.monotonic() + 0.25 * SECONDS / len(KINDS)
    random.Random(SEED).shuffle(todo)
    for number, forgery in enumerate(todo):
        if number and time.monotonic() > until:
            break
        accepted = acceptances(forgery, tmp_path, PROVING)
        assert not accepted, f"{kind}, {forgery.name}: {accepted}"


@pytest.mark.parametrize(
    "forgery",
    [
        pytest.param(f, marks=pytest.mark.xfail(reason=is_known(f), strict=True), id=f"{f.kind}, {f.name}")
        for f in forgeries() if is_known(f)
    ],
)  # fmt: skip
def test_false_tables_that_are_accepted_still(forgery: Forgery, tmp_path: Path) -> None:
    assert not acceptances(forgery, tmp_path, PROVING)


@pytest.mark.parametrize(
    "who", [pytest.param(w, marks=pytest.mark.xfail(reason=why, strict=True)) for w, why in known.TRUSTING.items()]
)
def test_who_takes_every_table_for_true_still(who: str, tmp_path: Path) -> None:
    lowered = next(f for f in KINDS["bound: lowered by a half"] if f.name == "exp")
    assert not acceptances(lowered, tmp_path, (who,))


SERIES = {
    "relu": lambda: pa.bootstrapped("relu", 13, interval=(-1, 1)),
    "exp": lambda: pa.bootstrapped("exp", 9, interval=(-2, 1)),
    "sign": lambda: pa.bootstrapped("sign", 13, interval=[(-1, -0.25), (0.25, 1)]),
}


@pytest.mark.parametrize("name", SERIES)
def test_false_series_are_refused(name: str, tmp_path: Path) -> None:
    """Written by the package itself, so that nothing but the proof can notice; the true one is not refused."""
    true = SERIES[name]()
    assert not judge_series(document_of(true), 2000, SEED).violations
    assert verify(true.save(tmp_path / "true.json")).ok
    for kind, forged in forged_series(document_of(true)):
        with pytest.raises((ProofError, TableError, ArgumentError)):
            value = read_document(forged)
            verify(value.save(tmp_path / "forged.json"))
            pytest.fail(f"{name}, {kind} is accepted")


def test_true_tables_are_not_refused(tmp_path: Path) -> None:
    until = time.monotonic() + 0.15 * SECONDS
    for number, (kind, text) in enumerate(true_tables(SEED)):
        if number and time.monotonic() > until:
            break
        why = refusal(text, lambda call: eval(call, SPACE), tmp_path)
        assert why is None or why.startswith("not made"), f"{kind}: {text}: {why}; again: {AGAIN}"
