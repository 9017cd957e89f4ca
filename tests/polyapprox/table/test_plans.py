"""Plans in files: whatever is wrong with one is refused by name, in one sentence."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mpmath
import pytest

import polyapprox as pa
from polyapprox import Approximation
from polyapprox.cli import main
from polyapprox.errors import ProofError, TableError
from polyapprox.numbers import exact
from polyapprox.plan import Operation, Plan
from polyapprox.table import document_of, load
from polyapprox.table.plans import plan_document, plan_from
from polyapprox.table.schema import content_hash


@pytest.fixture(scope="module")
def relu() -> Approximation:
    return pa.circuit("relu", multiplications=4)


def write(document: dict, path: Path) -> Path:
    """A file whose content hash is right, so that only the plan is wrong."""
    document["sha256"] = content_hash(document)
    path.write_text(json.dumps(document))
    return path


Change = Callable[[dict], None]


def operation(index: int, *row: object) -> Change:
    def change(plan: dict) -> None:
        plan["operations"][index] = list(row)

    return change


def field(name: str, value: object) -> Change:
    def change(plan: dict) -> None:
        plan[name] = value

    return change


def both(*changes: Change) -> Change:
    def change(plan: dict) -> None:
        for one in changes:
            one(plan)

    return change


# v0 = x, v1 = c·x, v2 = v1·v1, v3 = v2 + c, v4 = v2 + c, …
REFUSED: dict[str, tuple[Change, str]] = {
    "uses itself": (operation(3, "add", 3, 2), r"operation 3 .*\(add\).*a cycle: 3 uses 3\)"),
    "cycle of two": (
        both(operation(3, "add", 4, 2), operation(4, "add", 3, 2)),
        r"operation 3 .*a cycle: 3 uses 4 uses 3\)",
    ),
    "cycle of three": (
        both(operation(3, "double", 5), operation(4, "double", 3), operation(5, "double", 4)),
        r"operation 3 .*a cycle: 3 uses 5 uses 4 uses 3\)",
    ),
    "forward reference": (
        both(operation(3, "add", 4, 2), operation(4, "double", 2)),
        r"operation 3 .*uses 4, .*forward reference or a cycle$",
    ),
    "no such operation": (operation(3, "add", 2, 999), r"operation 3 .*uses 999"),
    "unknown operation": (operation(3, "divide", 1, 2), r"operation 3 .*unknown 'divide'"),
    "missing constant": (operation(3, "shift", 2), r"operation 3 .*lacks its constant"),
    "missing factor": (operation(1, "scale", 0), r"operation 1 .*lacks its constant"),
    "infinite constant": (operation(1, "scale", 0, "inf"), r"operation 1 .*constant: 'inf' is not"),
    "constant not a number": (operation(3, "shift", 2, "nan"), r"operation 3 .*constant: 'nan'"),
    "constant without end": (operation(3, "shift", 2, "1e60000"), r"operation 3 .*too large"),
    "constant as text": (operation(3, "shift", 2, "two"), r"operation 3 .*'two'"),
    "too many constants": (
        operation(3, "shift", 2, "1.0", 53, 53),
        r"operation 3|operations\[3\]",
    ),
    "wrong argument": (operation(0, "input", 1), r"operation 0 .*names the argument \[1\]"),
    "argument of another": (operation(3, "input", 2), r"operation 3 .*names the argument"),
    "argument missing": (field("inputs", 2), r"takes 2 argument\(s\), .*the argument 1"),
    "no arguments": (field("inputs", 0), r"inputs"),
    "output missing": (field("output", 999), r"output 999 is not one of its operations"),
    "too few operands": (operation(2, "multiply", 1), r"operation 2 .*has 1 operand; it takes 2"),
    "too many operands": (operation(2, "multiply", 1, 1, 1), r"operation 2 .*has 3 operands"),
    "negative operand": (operation(2, "multiply", -1, 1), r"operations\[2\]|operation 2"),
    "constant changed": (operation(3, "shift", 2, "-0.25"), r"does not match its digest"),
    "operation changed": (operation(2, "add", 1, 1), r"does not match its digest"),
    "digest changed": (field("digest", "0" * 64), r"does not match its digest"),
    "no digest": (field("digest", None), r"digest"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_damaged_plans_are_refused_by_name(
    relu: Approximation, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = REFUSED[name]
    document = document_of(relu)
    change(document["plan"])
    path = write(document, tmp_path / "relu.json")
    with pytest.raises(TableError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert main(["verify", str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("polyapprox: ") and shown.err.count("\n") == 1


def test_the_plan_in_the_file_is_the_plan(relu: Approximation) -> None:
    document = plan_document(relu.plan)
    assert document["operations"][:3] == [
        ["input", 0],
        ["scale", 0, repr(float(relu.plan.operations[1].constant))],
        ["multiply", 1, 1],
    ]
    again = plan_from(json.loads(json.dumps(document)))
    assert again == relu.plan
    assert again.digest == relu.plan.digest


def changed_constants(plan: Plan, factor: float) -> Plan:
    """The constants added, times a factor."""
    operations = tuple(
        Operation(o.kind, o.left, o.right, o.constant * factor)
        if o.kind == "shift" and o.constant is not None
        else o
        for o in plan.operations
    )
    return Plan(operations, plan.output, plan.inputs)


def with_plan(value: Approximation, plan: Plan, path: Path) -> Path:
    """A file that is consistent in itself: new digest, new hash, the old claim."""
    return write(document_of(replace(value, plan=plan)), path)


def test_a_bound_that_another_plan_was_proven_for_is_refused(
    relu: Approximation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = with_plan(relu, changed_constants(relu.plan, 1.01), tmp_path / "relu.json")
    assert load(path).error_bound == relu.error_bound  # it claims so
    with pytest.raises(ProofError, match="claims an error of at most"):
        pa.verify(path)
    assert main(["verify", str(path)]) == 1  # a false claim, not bad use
    assert "claims an error" in capsys.readouterr().err


def test_a_declared_bound_below_what_can_be_proven_is_refused(
    relu: Approximation, tmp_path: Path
) -> None:
    assert relu.certificate is not None
    low = replace(relu.certificate, upper=relu.certificate.upper * mpmath.mpf(0.99), lower=None)
    path = write(document_of(replace(relu, certificate=low)), tmp_path / "relu.json")
    with pytest.raises(ProofError, match=r"claims an error of at most .*(can be proven|larger)"):
        pa.verify(path)


def test_an_honest_change_of_the_plan_passes(relu: Approximation, tmp_path: Path) -> None:
    assert relu.certificate is not None
    loose = replace(relu.certificate, upper=exact(2 * relu.error_bound), lower=None)
    other = replace(relu, certificate=loose)
    path = with_plan(other, changed_constants(relu.plan, 1.0001), tmp_path / "relu.json")
    found = pa.verify(path)
    assert found.ok and relu.error_bound < found.bound < 2 * relu.error_bound


def test_a_plan_of_two_arguments_is_no_relu(relu: Approximation, tmp_path: Path) -> None:
    maximum = pa.circuit("maximum", multiplications=4)
    path = with_plan(relu, maximum.plan, tmp_path / "relu.json")
    with pytest.raises(ProofError, match=r"claims an error|takes 2 argument"):
        pa.verify(path)


def test_a_plan_other_than_its_components_is_refused(tmp_path: Path) -> None:
    exponential = pa.minimax("exp", 6)
    path = with_plan(exponential, changed_constants(exponential.plan, 1.001), tmp_path / "e.json")
    with pytest.raises(ProofError, match=r"claims an error|does not compute what the components"):
        pa.verify(path)
