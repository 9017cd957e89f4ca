"""Random tables and random changes of good files: read as the language reads them, or refused."""

from __future__ import annotations

import math
import random
import re
import shutil
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from exported import STEPS
from hypothesis import given, settings, strategies as st

import polyapprox as pa
from polyapprox.errors import PolyApproxError
from polyapprox.export import find_format
from polyapprox.importing import FORMATS, READERS, Hints, read

DOUBLE = st.floats(-1e6, 1e6, allow_nan=False)


def single(value: float) -> float:
    return float(np.float32(value))


def plain(value: float) -> str:
    return repr(value) if value >= 0 else f"({value!r})"


@st.composite
def constants(draw: st.DrawFn) -> tuple[str, float]:
    """An expression of C and its value in doubles."""
    kind = draw(st.sampled_from(["plain", "hex", "sum", "cast", "single", "product", "whole", "signs"]))
    a, b = draw(DOUBLE), draw(DOUBLE)
    if kind == "hex":
        return a.hex(), a
    if kind == "sum":
        return f"{plain(a)} + {plain(b)}", a + b
    if kind == "product":
        return f"{plain(a)}*{plain(b)}/ 2", a * b / 2
    if kind == "cast":
        return f"(double) {int(a)} / 7", int(a) / 7
    if kind == "single":
        return f"{plain(a)} + 0.1f", a + single(0.1)
    if kind == "whole":
        return f"{int(a)} - 3*2", float(int(a) - 6)
    if kind == "signs":
        return f"- + -({plain(a)})", a
    return repr(a), a


SPACE = st.sampled_from(["", " ", "\n", "\t", " /* 7, {8} */ ", " // 9 };\n"])


@settings(max_examples=60, deadline=None)
@given(st.lists(constants(), min_size=1, max_size=6), SPACE, st.booleans())
def test_any_expressions(items: list[tuple[str, float]], space: str, trailing: bool) -> None:
    body = f"{space},{space}".join(text for text, _ in items) + ("," if trailing else "")
    code = f"static const double c[]{space}={space}{{{space}{body}{space}}};\n"
    assert values(code, "c") == [value for _, value in items]


def values(code: str, format: str) -> list[float] | None:
    """The numbers that are read, of one row; None: refused."""
    try:
        found = READERS[format](code.encode(), Hints("monomial")).stages
    except PolyApproxError:
        return None
    return [float(c) for c in found[0]] if len(found) == 1 else [math.nan]


ALPHABET = "0123456789.,+-*/(){}[];= \nefxXLa\"'#n"
GOOD = [
    "double c[] = {0, 3.0 / 2, -0.5e-1, -(0.25), 0x1p-3, 2*0.25};\n",
    "const double c[5] = {0.125f, (double)3/2,\n 1.0 - .5, -1};\n",
    "double c[3] = {1.5, /* 2 */ -0.5};\n",
]


def mutants(
    chance: random.Random, good: str, count: int, start: str = "", end: str = ""
) -> list[str]:
    """Changed texts; what stands before `start` and from `end` on is not touched."""
    found = []
    first, last = good.index(start), good.rindex(end) if end else len(good)
    for _ in range(count):
        text = list(good[first:last])
        for _ in range(chance.randint(1, 2)):
            place = chance.randrange(len(text))
            change = chance.choice(("insert", "delete", "replace", "swap"))
            if change == "delete":
                del text[place]
            elif change == "insert":
                text.insert(place, chance.choice(ALPHABET))
            elif change == "replace":
                text[place] = chance.choice(ALPHABET)
            else:
                other = chance.randrange(len(text))
                text[place], text[other] = text[other], text[place]
        found.append(good[:first] + "".join(text) + good[last:])
    return found


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_changed_c_is_what_the_compiler_takes(tmp_path: Path) -> None:
    """All that is read must compile, and hold the same doubles."""
    chance = random.Random(20261128)
    accepted = []
    for text in {m for good in GOOD for m in mutants(chance, good, 500, "{", ";")}:
        found = values(text, "c")
        if found is not None:
            accepted.append((text, found))
    assert len(accepted) > 100  # the test is about something
    lines = ["#include <stdio.h>"]
    for index, (text, _) in enumerate(accepted):
        lines += [f'#line 1 "{index}"', text.replace("double c", f"double c{index}")]
    lines += ["int main(void) {"]
    for index in range(len(accepted)):
        size = f"sizeof(c{index}) / sizeof(c{index}[0])"
        lines.append(f'for (unsigned i = 0; i < {size}; i++) printf("%a ", c{index}[i]); puts("");')
    (tmp_path / "all.c").write_text("\n".join([*lines, "return 0; }"]))
    done = subprocess.run(
        ["gcc", "-w", "-std=gnu17", "-o", "all", "all.c"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    refused = {int(k) for k in re.findall(r"^(\d+):\d+:\d+: error", done.stderr, re.MULTILINE)}
    assert done.returncode == 0, "\n".join(accepted[k][0] for k in sorted(refused)) or done.stderr
    printed = subprocess.run([tmp_path / "all"], capture_output=True, text=True, check=True).stdout
    for (text, found), line in zip(accepted, printed.splitlines(), strict=True):
        assert [float.fromhex(part) for part in line.split()] == found, text


def test_changed_python_is_what_the_interpreter_takes() -> None:
    chance = random.Random(7)
    good = "c = [0, 3 / 2, -0.5e-1, -(0.25), 2*0.25,\n     1e-3]\n"
    count = 0
    for text in mutants(chance, good, 1500, "= ["):
        found = values(text, "python")
        if found is None:
            continue
        names: dict[str, object] = {}
        exec(compile(text, "t", "exec", dont_inherit=True), {"__builtins__": {}}, names)
        (theirs,) = names.values()
        if len(theirs) == 1 and isinstance(theirs[0], (list, tuple)):  # type: ignore[arg-type]
            (theirs,) = theirs  # type: ignore[misc]
        assert [float(v) for v in theirs] == found, text  # type: ignore[attr-defined]
        count += 1
    assert count > 100


def test_changed_csv_is_as_it_stands() -> None:
    chance = random.Random(11)
    number = r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*"
    count = 0
    for text in mutants(chance, "0.5, -1.25, 3e-1, .5\n", 1500):
        found = values(text, "csv")
        if found is None or found == [math.nan] or "0x" in text.lower():
            continue
        (line,) = [part for part in (row.partition("#")[0].strip() for row in text.splitlines()) if part]
        mark = ";" if ";" in line else "," if "," in line else r"\s+"
        parts = re.split(mark, re.sub(f"{mark}$", "", line))
        assert all(re.fullmatch(number, part) for part in parts), text
        assert [float(part) for part in parts] == found, text
        count += 1
    assert count > 50


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMATS), st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_garbage_is_refused_in_a_sentence(format: str, content: bytes | str) -> None:
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    try:
        found = READERS[format](raw, Hints("monomial", (3,)))
    except PolyApproxError as error:
        assert str(error) and "\n" not in str(error)[:60]
    else:
        assert found.plan is not None or found.stages


EXPORTS = ["openfhe", "openfhe-cpp", "lattigo", "orion", "heir", "latex", "csv", "c", "python"]


@pytest.mark.parametrize("format", EXPORTS)
def test_changed_exports(format: str, tmp_path: Path) -> None:
    """One character of an export's numbers: read with that change alone, or refused."""
    r = pa.minimax("exp", 4)
    unread = (format, "plan") in STEPS and "components" in find_format(format).forms
    path = r.export(format, tmp_path / "t", form="components" if unread else None)
    whole = path.read_bytes()
    chance = random.Random(format)
    reference = numbers_of(read(path, format))
    spots = [m.span() for m in re.finditer(rb"-?(?:0x1\.[0-9a-f]+p[-+]\d+|\d+\.\d+)", whole)]
    accepted = 0
    for _ in range(150):
        start, end = chance.choice(spots)
        place = chance.randrange(start, end)
        new = chance.choice(b"0123456789.-+exp ,{}[]\"#").to_bytes(1, "little")
        path.write_bytes(whole[:place] + new + whole[place + 1 :])
        try:
            found = numbers_of(read(path, format))
        except PolyApproxError:
            continue
        accepted += 1
        assert len(found) == len(reference)
        assert sum(a != b for a, b in zip(found, reference, strict=True)) <= 1
    assert accepted > 5


def numbers_of(contents: object) -> list[Fraction]:
    """All numbers of the coefficients or constants, in order."""
    plan = contents.plan  # type: ignore[attr-defined]
    if plan is not None:
        found = [op.constant for op in plan.operations if op.constant is not None]
        return [Fraction(*as_ratio(c)) for c in found]
    rows = contents.stages  # type: ignore[attr-defined]
    return [Fraction(*as_ratio(c)) for row in rows for c in row]


def as_ratio(value: object) -> tuple[int, int]:
    sign, mantissa, exponent, _ = value._mpf_  # type: ignore[attr-defined]
    top = int(mantissa) * (-1 if sign else 1)
    return (top << exponent, 1) if exponent >= 0 else (top, 1 << -exponent)


def test_float32_is_rounded_as_everywhere() -> None:
    from polyapprox.importing.constants import to_float32

    chance = random.Random(3)
    for _ in range(2000):
        (value,) = struct.unpack("<d", struct.pack("<Q", chance.getrandbits(64)))
        if not math.isfinite(value) or abs(value) > 3.4e38:
            continue
        assert float(to_float32(Fraction(value), 1)) == single(value)
