"""Export, then import: every bit comes back, in every format."""

import random
import tempfile
from fractions import Fraction
from pathlib import Path

import pytest
from exported import READ, STEPS, bare, trimmed, written
from hypothesis import HealthCheck, given, settings, strategies as st

import polyapprox as pa
from polyapprox.errors import ArgumentError, TableError
from polyapprox.export import job_for
from polyapprox.importing import read
from polyapprox.importing.certify import components_of
from polyapprox.numbers import exact

COEFFICIENT = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 3.0, -7.0, 0.5, 5e-324, -5e-324, 2.5e-310, 1e-17]),
    st.floats(-1e6, 1e6),
    st.floats(-2.0**-1022, 2.0**-1022),
    st.integers(-1000, 1000).map(float),
)
ROW = st.integers(0, 64).flatmap(lambda n: st.lists(COEFFICIENT, min_size=n + 1, max_size=n + 1))

NO_CONSTANTS = [("tenseal", "components"), ("heir", "components")]
"""Forms that refuse some polynomials: powers that lose digits, a constant."""


def check_round_trip(r: pa.Approximation, name: str, form: str) -> None:
    job = job_for(r, name, form)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{job.format.suffix}"
        path.write_bytes(job.format.write(job))
        found = read(path, name)
    assert found.function == r.function and found.domain == r.domain
    if form == "plan":
        assert found.plan == job.approximation.plan
        return
    structure = found.structure or ""
    stages, note = components_of(found, r.function, structure, found.domain)
    assert not note
    ours = job.approximation.components
    assert [trimmed(p) for p in stages] == [trimmed(p) for p in ours]
    assert found.offset == job.approximation.offset


@pytest.mark.parametrize(("name", "form"), READ)
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(row=ROW, interval=st.sampled_from([(-1.0, 1.0), (-50.0, 50.0), (0.1, 3.0)]))
def test_any_polynomial(
    name: str, form: str, row: list[float], interval: tuple[float, float]
) -> None:
    r = bare([row], intervals=[interval])
    try:
        check_round_trip(r, name, form)
    except ArgumentError as refusal:  # monomials that would be wrong there
        assert (name, form) in NO_CONSTANTS
        assert "form='plan'" in str(refusal)


@pytest.mark.parametrize(("name", "form"), READ)
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 6, 16, 33, 64])
def test_every_kind_of_number(name: str, form: str, degree: int) -> None:
    rng = random.Random(degree)
    kinds = [0.0, -0.0, 5e-324, -2.0**-1060, 2.0, -3.0, rng.uniform(-1, 1), rng.gauss(0, 1e-9)]
    row = [rng.choice(kinds) for _ in range(degree)] + [rng.uniform(0.5, 1)]
    try:
        check_round_trip(bare([row]), name, form)
    except ArgumentError:
        assert (name, form) in NO_CONSTANTS and (degree > 6 or not degree)


@pytest.mark.parametrize(("name", "form"), READ)
@pytest.mark.parametrize("function", ["relu", "abs", "sign", "step"])
def test_composites(name: str, form: str, function: str) -> None:
    """The half that is folded into the last stage, and the offset, come back too."""
    rows = [[0, 1.25, 0, -0.25], [0, 1.3, 0, 2.0**-1070, 0, -0.125]]
    offset = 0.001 if function in ("relu", "abs") else 0.0
    r = bare(rows, "composite", function, [(-8.0, 8.0), (-1.0, 1.0)], offset, "odd")
    check_round_trip(r, name, form)


@pytest.mark.parametrize("name", ["lattigo", "csv", "latex"])
def test_more_than_doubles(name: str) -> None:
    """Decimals of any length where the framework takes them."""
    p = pa.Polynomial(tuple(pa.minimax("exp", 12, bits=200).components[0].coefficients),
                      (exact(-1), exact(1)))
    assert any(exact(float(c)) != c for c in p.coefficients)
    r = pa.from_components("exp", [p], structure="polynomial")
    check_round_trip(r, name, "components")
    with tempfile.TemporaryDirectory() as folder:
        again = pa.import_table(written(r, name, "components", Path(folder)), format=name)
    assert again.components == r.components and again.error_bound == r.error_bound


@pytest.mark.parametrize(("name", "form"), READ)
def test_an_import_is_certified_again(name: str, form: str, tmp_path: Path) -> None:
    r = pa.relu(degrees=[3, 5], interval=(-4, 4), guard=0)
    try:
        path = written(r, name, form, tmp_path)
    except ArgumentError:
        assert (name, form) == ("tenseal", "components")
        return
    again = pa.import_table(path, format=name, guard=0)
    assert again.function == "relu" and again.domain == r.domain
    assert again.error_bound == pytest.approx(r.error_bound, rel=1e-9)
    assert again.multiplications == r.multiplications
    assert pa.verify(again).ok


@pytest.mark.parametrize(("name", "form"), [f for f in READ if f[1] == "plan"])
def test_two_arguments(name: str, form: str, tmp_path: Path) -> None:
    r = pa.maximum(precision=2**-5)
    again = pa.import_table(written(r, name, form, tmp_path), format=name)
    assert again.plan == job_for(r, name, "plan").approximation.plan
    assert again(0.25, -0.5) == pytest.approx(0.25, abs=again.error_bound)


STEPPED = {
    "composite": lambda: pa.relu(precision=2**-5, interval=(-3, 17), structure="composite"),
    "circuit": lambda: pa.circuit("relu", multiplications=5, interval=(-50, 50)),
    "two arguments": lambda: pa.maximum(precision=2**-5),
    "polynomial": lambda: pa.minimax("exp", 7, interval=(-2, 3)),
    "constant": lambda: pa.minimax("exp", 0),
}


@pytest.mark.parametrize("table", STEPPED)
@pytest.mark.parametrize(("name", "form"), STEPS)
def test_steps_are_read_as_the_plan_that_they_compute(
    name: str, form: str, table: str, tmp_path: Path
) -> None:
    """Certified again; constants are rounded to double where two of the plan became one."""
    r = STEPPED[table]()
    again = pa.import_table(written(r, name, form, tmp_path), format=name)
    assert (again.function, again.domain) == (r.function, r.domain)
    assert 0.99 * r.error_bound < again.error_bound <= (1 + 1e-9) * r.error_bound
    assert again.multiplications == r.multiplications
    for x in (-0.75, 0.3125):
        point = [Fraction(x), Fraction(1, 8)][: r.inputs]
        assert float(again.plan.run(*point)) == pytest.approx(float(r.plan.run(*point)), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("tenseal", "= on.square(", "= on.cube("),
        ("openfhe", "on.plus(", "on.add("),
        ("seal", "on.twice(", "on.twice_in_place("),
        ("lattigo", "return on.finished(", "return on.done("),
        ("tenseal", "*on.s(", "*on.t("),
        ("openfhe", "    return v", "    return w"),
        ("seal", "inline seal::Ciphertext evaluate(", "inline seal::Ciphertext run("),
        ("lattigo", "on.finished(v", "on.finished(w"),
    ],
)
def test_changed_steps_are_refused(name: str, old: str, new: str, tmp_path: Path) -> None:
    path = written(pa.circuit("relu", multiplications=5, interval=(-50, 50)), name, "plan", tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(TableError, match=r"line \d+ is no step of a plan|holds no function evaluate"):
        pa.import_table(path, format=name)


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("csv", "\n3,", "\n4,", r"line \d+ is no operation of a plan"),
        ("csv", ",shift,", ",push,", r"line \d+ is no operation of a plan"),
        ("csv", "# output: ", "# outputs: ", "does not say its output once"),
        ("csv", "# check: ", "# points: ", "ends before its self-check"),
        ("latex", r"\cdot", r"\times", r"line \d+ is not as this package writes it"),
        ("latex", "r(x)", "s(x)", r"line \d+ is not as this package writes it"),
        ("heir", "arith.mulf", "arith.divf", r"line \d+ is no operation of a plan"),
        ("heir", "  return", "  yield", r"line \d+ is no operation of a plan"),
        ("heir", "func.func", "func.call", "holds no function of f64"),
    ],
)
def test_changed_plans_are_refused(
    name: str, old: str, new: str, words: str, tmp_path: Path
) -> None:
    path = written(pa.circuit("relu", multiplications=3), name, "plan", tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(TableError, match=words):
        pa.import_table(path, format=name)


def test_a_plan_in_a_container_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = written(bare([[0.5, 0.25, 0.125, 0.0625]]), "orion", "plan", tmp_path)
    with pytest.raises(TableError, match="constants are made for its own primes"):
        pa.import_table(path, format="orion")
