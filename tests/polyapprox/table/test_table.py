"""Tables: what is read is what was written, and nothing damaged is accepted."""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import mpmath
import pytest
from hypothesis import given, settings, strategies as st
from paths import TESTS

import polyapprox as pa
from polyapprox import Approximation, Polynomial
from polyapprox.certificate import Certificate
from polyapprox.errors import ProofError, TableError
from polyapprox.files import write_atomically
from polyapprox.numbers import ZERO, dyadic, exact
from polyapprox.outward import float_up
from polyapprox.plan import Operation, Plan, PlanBuilder
from polyapprox.plan.chebyshev import append_chebyshev
from polyapprox.proof.prove import prove
from polyapprox.provenance import Provenance
from polyapprox.table import document_of, load, save
from polyapprox.table.decimals import common_bits, read, written
from polyapprox.table.read import approximation_from
from polyapprox.table.schema import content_hash, table_schema
from polyapprox.table.write import HELD, laid_out


def bits_of(number: mpmath.mpf) -> tuple:
    return tuple(int(part) for part in number._mpf_)


def approximation_with(
    coefficients: list[mpmath.mpf], upper: mpmath.mpf | None = None, estimate: float = 0.25
) -> Approximation:
    polynomial = Polynomial(tuple(coefficients), (exact(-1), exact(1)))
    builder = PlanBuilder()
    plan = builder.finish(append_chebyshev(builder, builder.arguments[0], coefficients))
    certificate = None if upper is None else Certificate(upper, ZERO, "nobody", "none")
    return Approximation(
        function="exp",
        domain=((exact(-1), exact(1)),),
        structure="polynomial",
        components=(polynomial,),
        plan=plan,
        offset=ZERO,
        weight="1",
        error_estimate=estimate,
        certificate=certificate,
        margins=(),
        provenance=Provenance("made by a test", (("polyapprox", "0"),)),
    )


@pytest.fixture(scope="module")
def relu() -> Approximation:
    return pa.relu(precision=2**-9, interval=(-50, 50), structure="direct")


@pytest.fixture(scope="module")
def composite() -> Approximation:
    return pa.relu(degrees=[7, 15], interval=(-3, 4))


def test_recipes_survive(relu: Approximation, composite: Approximation, tmp_path: Path) -> None:
    maximum = pa.maximum(precision=2**-5, interval=(-1, 2))
    weighted = pa.minimax("exp", 6, domain=[(-2, -1), (0.1, 1)], relative=True)
    tiny = pa.minimax("exp", 22)
    black_box = pa.minimax(lambda x: 1 / (2 + x), 4)
    for number, value in enumerate([relu, composite, maximum, weighted, tiny, black_box]):
        path = save(value, tmp_path / f"{number}.json")
        again = load(path)
        assert again == value
        assert again.plan.digest == value.plan.digest
        assert again.threshold == value.threshold
        assert repr(again) == repr(value)


def test_details_of_the_certificate_survive(relu: Approximation, tmp_path: Path) -> None:
    assert relu.certificate is not None
    details = {"points": 3, "reference": [dyadic(3**90, -200), exact(0.1)], "note": ["a", None, True]}
    changed = replace(relu, certificate=replace(relu.certificate, details=details))
    again = load(save(changed, tmp_path / "t.json")).certificate
    assert again is not None and again.details == details


def test_file_says_what_a_reader_needs(relu: Approximation, tmp_path: Path) -> None:
    document = json.loads(save(relu, tmp_path / "t.json").read_text())
    assert document["counts"]["published"]["multiplications"] == relu.multiplications
    assert float(document["bound"]) == relu.error_bound
    assert float(document["precision_bits"]) == pytest.approx(relu.bits)
    assert math.isclose(float(document["plan"]["operations"][1][2]), 1 / 50)
    assert [float(c) for c in document["components"][0]["coefficients"]] == list(
        relu.components[0].as_floats()
    )


def test_save_uses_the_method_and_makes_folders(relu: Approximation, tmp_path: Path) -> None:
    path = relu.save(tmp_path / "new" / "folder" / "relu.json")
    assert path.is_file()
    assert [p.name for p in path.parent.iterdir()] == ["relu.json"]


finite = st.floats(allow_nan=False, allow_infinity=False)
wide = st.builds(dyadic, st.integers(-(2**400), 2**400), st.integers(-1500, 1100))
numbers = st.one_of(
    finite.map(exact),
    wide,
    st.integers(-(10**30), 10**30).map(exact),
    st.sampled_from([5e-324, -5e-324, -0.0, 0.0, 2.2250738585072014e-308]).map(exact),
    st.sampled_from([sys.float_info.max, -sys.float_info.max]).map(exact),
)


@given(numbers)
def test_decimal_strings_give_back_every_bit(number: mpmath.mpf) -> None:
    bits = common_bits([number])
    assert bits_of(read(written(number, bits), bits)) == bits_of(number)


@given(finite)
def test_a_double_reads_as_the_same_double_elsewhere(value: float) -> None:
    assert float(written(exact(value))) == value


@settings(max_examples=60, deadline=None)
@given(
    st.lists(numbers, min_size=1, max_size=9),
    st.one_of(st.none(), numbers.map(abs).filter(lambda bound: float_up(bound) < math.inf)),
    st.floats(0, 1e300),
)
def test_any_approximation_survives(
    coefficients: list[mpmath.mpf], upper: mpmath.mpf | None, estimate: float
) -> None:
    value = approximation_with(coefficients, upper, estimate)
    again = approximation_from(json.loads(laid_out(document_of(value))))
    assert again == value
    assert [bits_of(c) for c in again.components[0].coefficients] == [
        bits_of(c) for c in coefficients
    ]
    assert again.plan.digest == value.plan.digest


@pytest.mark.parametrize("bad", [mpmath.inf, -mpmath.inf, mpmath.nan])
def test_numbers_that_are_not_finite_are_not_written(bad: mpmath.mpf, tmp_path: Path) -> None:
    value = replace(approximation_with([exact(1.0)]), offset=bad)
    with pytest.raises(TableError, match="not finite"):
        save(value, tmp_path / "t.json")
    assert list(tmp_path.iterdir()) == []


def test_a_plan_that_cannot_be_read_is_not_written(tmp_path: Path) -> None:
    plan = Plan((Operation("input", 0), Operation("add", 2, 0), Operation("double", 1)), 2)
    value = replace(approximation_with([exact(1.0)]), plan=plan)
    with pytest.raises(TableError, match=r"operation 1 .*forward reference"):
        save(value, tmp_path / "t.json")
    assert list(tmp_path.iterdir()) == []


def test_details_without_json_form_are_refused(relu: Approximation, tmp_path: Path) -> None:
    assert relu.certificate is not None
    odd = replace(relu.certificate, details={"what": object()})
    with pytest.raises(TableError, match="is a object, not JSON"):
        save(replace(relu, certificate=odd), tmp_path / "t.json")


def altered(
    value: Approximation, path: Path, change: Callable[[dict], None], rehash: bool = True
) -> Path:
    document = document_of(value)
    change(document)
    if rehash:
        document["sha256"] = content_hash(document)
    path.write_text(laid_out(document))
    return path


def set_in(*keys: object) -> Callable[[dict], None]:
    *way, last, content = keys

    def change(document: dict) -> None:
        for key in way:
            document = document[key]
        document[last] = content

    return change


def test_a_tampered_file_is_refused(relu: Approximation, tmp_path: Path) -> None:
    change = set_in("components", 0, "coefficients", 0, "0.25")
    path = altered(relu, tmp_path / "t.json", change, rehash=False)
    with pytest.raises(TableError, match="changed after it was written"):
        load(path)


@pytest.mark.parametrize("part", [0, 1, 100, -2, -100])
def test_a_truncated_file_is_refused(relu: Approximation, tmp_path: Path, part: int) -> None:
    path = save(relu, tmp_path / "t.json")
    path.write_text(path.read_text()[:part])
    with pytest.raises(TableError, match="not a whole JSON document"):
        load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[" * 100_000, "not a whole JSON document"),
        (b'{"format": "polyapprox table", "format": 1}', "given twice"),
        (b'{"format": NaN}', "NaN is not a JSON number"),
        (b'{"x": ' + b"9" * 5000 + b"}", "not a whole JSON document"),
        (b"[]", "not a table"),
        (b'"text"', "not a table"),
        (b'{"format": "something else"}', "not a table"),
        (b'{"format": "polyapprox table", "version": 7}', "version 7"),
        (b'{"format": "polyapprox table", "version": 1}', "'sha256' is missing"),
    ],
)
def test_files_that_are_no_tables(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(content)
    with pytest.raises(TableError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="No such file"):
        load(tmp_path / "missing.json")
    with pytest.raises(TableError, match="directory"):
        load(tmp_path)
    with pytest.raises(TableError, match="cannot write"):
        save(approximation_with([exact(1.0)]), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_in("surprise", 1), "surprise"),
        (set_in("structure", "magic"), "structure"),
        (set_in("domain", []), "domain"),
        (set_in("domain", [["1.0", "-1.0"]]), "first end must be the smaller"),
        (set_in("offset", "nan"), "offset"),
        (set_in("offset", 0.5), "offset"),
        (set_in("bits", 10), "bits"),
        (set_in("counts", "published", "depth", 3), "'counts'"),
        (set_in("bound", "0.001"), "'bound'"),
        (set_in("precision_bits", "40.0"), "'precision_bits'"),
        (set_in("lower_bound", "0.0001"), "'lower_bound'"),
        (set_in("certificate", "upper", "-1.0"), "0 <= lower <= upper"),
        (set_in("error_estimate", "-1.0"), "cannot be negative"),
        (set_in("components", 0, "coefficients", 0, "inf"), "component 0, coefficient 0"),
        (set_in("components", 0, "coefficients", 0, "1e999999"), "component 0, coefficient 0"),
        (set_in("components", 0, "coefficients", 2, "1.5"), "component 0 is said to be odd"),
        (set_in("components", 0, "basis", "monomial"), "monomial|basis"),
        (set_in("plan", "operations", 3, ["multiply", 3, 2]), r"operation 3 .*multiply.*cycle"),
        (set_in("plan", "operations", 3, ["add", 2, 7]), r"operation 3 .*add.*forward"),
        (set_in("plan", "operations", 3, ["divide", 1, 2]), "unknown 'divide'"),
        (set_in("plan", "operations", 3, ["multiply", 1, "2"]), "not an earlier operation"),
        (set_in("plan", "operations", 3, ["multiply", 1]), "has 1 operand; it takes 2"),
        (set_in("plan", "operations", 3, ["multiply", 1, 2, 2]), "has 3 operands; it takes 2"),
        (set_in("plan", "operations", 3, ["double", 1, 1]), "has 2 operands; it takes 1"),
        (set_in("plan", "operations", 3, ["shift", 1]), "one operand and one constant"),
        (set_in("plan", "operations", 3, ["scale", 1, "nan"]), "unusable constant: 'nan'"),
        (set_in("plan", "operations", 3, ["scale", 1, "1e400000"]), "unusable constant"),
        (set_in("plan", "operations", 3, ["input", 4]), "names the argument"),
        (set_in("plan", "operations", 0, ["shift", 0, "1.0"]), "forward reference or a cycle"),
        (set_in("plan", "output", 10_000), "output 10000"),
        (set_in("plan", "operations", 1, ["scale", 0, "0.03"]), "digest"),
        (set_in("provenance", "versions", [["a"]]), "versions"),
    ],
)
def test_impossible_tables_are_refused_by_name(
    composite: Approximation, tmp_path: Path, change: Callable[[dict], None], message: str
) -> None:
    path = altered(composite, tmp_path / "t.json", change)
    with pytest.raises(TableError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500 + len(str(path))


def test_parity_is_checked(composite: Approximation, tmp_path: Path) -> None:
    path = altered(composite, tmp_path / "t.json", set_in("components", 0, "parity", "even"))
    with pytest.raises(TableError, match="component 0 is said to be even"):
        load(path)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_damage_ends_in_another_error(data: st.DataObject) -> None:
    document = document_of(approximation_with([exact(0.5), exact(0.25)], exact(1.0)))
    junk = st.sampled_from([None, -1, 10**20, 0.5, "", "x", [], {}, [[]], True, "1e5"])
    place: dict | list = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], (dict, list)) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(junk)
        break
    try:
        again = approximation_from(document)
    except TableError:
        return
    assert isinstance(again, Approximation)


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_atomically(tmp_path / "a.txt", b"old")

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("polyapprox.files.os.replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_schema_is_a_schema_and_describes_every_table(composite: Approximation) -> None:
    schema = table_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(HELD) == set(schema["properties"]["counts"]["properties"])
    assert set(schema["required"]) == set(schema["properties"]) == set(document_of(composite))


OLD = TESTS / "tables" / "version-1.json"


def test_a_table_of_version_1_is_read_and_verified() -> None:
    old = load(OLD)
    assert json.loads(OLD.read_text())["version"] == 1
    assert old.guard == 0 and old.covered == old.domain == ((-3, 4),)
    assert pa.verify(OLD).ok
    assert load(OLD) == approximation_from(document_of(old))


FORMER = sorted(OLD.parent.glob("version-1*.json"))


@pytest.mark.parametrize("path", FORMER, ids=lambda path: path.stem)
def test_tables_of_the_first_release_are_still_proven(path: Path) -> None:
    found = pa.verify(path)
    assert json.loads(path.read_text())["version"] == 1
    assert found.ok and found.bound <= found.claimed * (1 + 1e-9)


def test_what_is_covered_is_in_the_table_and_proven(tmp_path: Path) -> None:
    plain = pa.minimax("exp", 4, domain=(-1, 1))
    wider = replace(plain, guard=exact(0.25), covered=((exact(-1.25), exact(1.25)),))
    assert load(save(wider, tmp_path / "t.json")) == wider
    with pytest.raises(ProofError, match="at x="):  # the bound is that of the domain alone
        pa.verify(wider)
    wider = replace(wider, error_estimate=0.01)
    honest = replace(wider, certificate=prove(wider))
    assert pa.verify(honest).bound > 3 * plain.error_bound
    assert abs(honest(1.25) - math.exp(1.25)) > plain.error_bound


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("guard", "-0.5", "guard is -0.5"),
        ("covered", [["-1.0", "0.5"]], "hold the one of domain"),
        ("covered", [["-1.0", "0.0"], ["0.5", "1.0"]], "hold the one of domain"),
        ("covered", [["1.0", "-1.0"]], "covered"),
    ],
)
def test_covered_must_hold_the_domain(field: str, value: object, said: str) -> None:
    document = document_of(pa.minimax("exp", 3))
    document[field] = value
    with pytest.raises(TableError, match=said):
        approximation_from(document)


def run_from_json(document: dict, x: float) -> float:
    """The plan of a table, run by reading nothing but the JSON."""
    values: list[float] = []
    for kind, left, *rest in document["plan"]["operations"]:
        if kind == "input":
            values.append(x)
        elif kind in ("scale", "shift"):
            constant = float(rest[0])
            values.append(values[left] * constant if kind == "scale" else values[left] + constant)
        else:
            right = values[rest[0]] if rest else values[left]
            signs = {"multiply": values[left] * right, "subtract": values[left] - right}
            values.append(signs.get(kind, values[left] + right))
    return values[document["plan"]["output"]]


def test_a_reader_without_the_package_gets_the_function(
    composite: Approximation, tmp_path: Path
) -> None:
    document = json.loads(save(composite, tmp_path / "t.json").read_text())
    for x in (-3.0, -0.7, 0.0, 1e-3, 2.5, 4.0):
        assert abs(run_from_json(document, x) - max(x, 0.0)) <= float(document["bound"]) + 1e-12
        assert run_from_json(document, x) == pytest.approx(composite(x), abs=1e-14)
