"""What a false claim meets: `verify`, `audit`, import, and the commands."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import polyapprox as pa
from polyapprox import Approximation
from polyapprox.circuits.library import ARCCOSINE, FILES, shipped_for
from polyapprox.cli import main
from polyapprox.errors import FalseClaimError, ProofError
from polyapprox.numbers import dyadic, exact, multiply
from polyapprox.plan import Operation, Plan
from polyapprox.table import save


def halved(value: Approximation) -> Approximation:
    """The same with half the bound."""
    c = value.certificate
    assert c is not None
    return replace(value, certificate=replace(c, upper=multiply(c.upper, dyadic(1, -1)), lower=None))


def off(value: Approximation) -> Approximation:
    """The same with a term of a huge degree in its plan."""
    operations = list(value.plan.operations)
    power = 0
    for _ in range(40):
        operations.append(Operation("multiply", power, power))
        power = len(operations) - 1
    operations.append(Operation("scale", power, -1, dyadic(1, -300)))
    operations.append(Operation("add", value.plan.output, power + 1))
    return replace(value, plan=Plan(tuple(operations), power + 2, 1))


MAKERS: dict[str, Callable[[], Approximation]] = {
    "exp": lambda: pa.minimax("exp", 5),
    "sign": lambda: pa.sign(degrees=[7, 7], threshold=0.1),
    "relu": lambda: pa.relu(degrees=[7, 7]),
    "circuit": lambda: pa.circuit("relu", multiplications=4),
    "maximum": lambda: pa.maximum(precision=2**-5, structure="direct"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_false_claim_is_refused_by_all_who_read_it(name: str, tmp_path: Path) -> None:
    value = halved(MAKERS[name]())
    path = save(value, tmp_path / "t.json")
    for ask in (pa.verify, lambda path: pa.audit(pa.load(path)), pa.import_table):
        with pytest.raises(FalseClaimError) as caught:
            ask(path)
        where = caught.value.counterexample
        assert where is not None
        assert value.certificate is not None and where["error"] > float(value.certificate.upper)


UNGUARDED: dict[str, Callable[[], Approximation]] = {
    "exp": lambda: pa.minimax("exp", 5, guard=0),
    "sign": lambda: pa.sign(degrees=[7, 7], threshold=0.1, guard=0),
    "relu": lambda: pa.relu(degrees=[7, 7], guard=0),
}


@pytest.mark.parametrize("name", UNGUARDED)
def test_a_claim_that_nothing_refutes_is_refused_too(name: str, tmp_path: Path) -> None:
    """On [-1, 1] the term of a huge degree is small everywhere."""
    path = save(off(UNGUARDED[name]()), tmp_path / "t.json")
    for ask in (pa.verify, lambda path: pa.audit(pa.load(path)), pa.import_table):
        with pytest.raises(FalseClaimError) as caught:
            ask(path)
        assert caught.value.counterexample is None
        assert "does not compute what the components say" in str(caught.value)


@pytest.mark.parametrize("name", UNGUARDED)
def test_what_explodes_within_the_guard_is_refuted(name: str, tmp_path: Path) -> None:
    """Just above 1, where the guard holds the claim, the term of a huge degree is huge."""
    path = save(off(MAKERS[name]()), tmp_path / "t.json")
    with pytest.raises(FalseClaimError) as caught:
        pa.verify(path)
    where = caught.value.counterexample
    assert where is not None and 1 < abs(where["x"]) <= 1 + 2**-20


@pytest.mark.parametrize("name", MAKERS)
def test_true_claims_pass(name: str, tmp_path: Path) -> None:
    path = save(MAKERS[name](), tmp_path / "t.json")
    assert pa.verify(path).ok and pa.import_table(path) == pa.load(path)
    assert pa.audit(pa.load(path)).proven


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_command_says_no_by_its_exit_code(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    value = halved(MAKERS["exp"]())
    path = str(save(value, tmp_path / "t.json"))
    code, out, err = run(capsys, "verify", path)
    assert (code, out) == (1, "") and "at x=" in err and len(err.splitlines()) == 1
    code, out, err = run(capsys, "verify", path, "--json")
    said = json.loads(out)
    assert (code, err, said["ok"]) == (1, "", False)
    assert said["reason"].startswith("the table claims an error of at most")
    where = said["counterexample"]
    error = abs(value(where["x"]) - math.exp(where["x"]))
    assert where["error"] == pytest.approx(error, rel=1e-9) and value.certificate is not None
    assert where["error"] > float(value.certificate.upper)


def test_the_command_without_a_counterexample(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = str(save(off(UNGUARDED["exp"]()), tmp_path / "t.json"))
    code, out, _ = run(capsys, "verify", path, "--json")
    said = json.loads(out)
    assert code == 1 and said["ok"] is False and said["counterexample"] is None
    assert "components" in said["reason"]


@pytest.mark.parametrize("command", ["verify", "audit", "import"])
def test_other_commands_say_so_too(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    good = str(save(MAKERS["exp"](), tmp_path / "good.json"))
    bad = str(save(halved(MAKERS["exp"]()), tmp_path / "bad.json"))
    assert run(capsys, command, good)[0] == 0
    assert run(capsys, command, bad)[0] == 1
    (tmp_path / "damaged.json").write_text("{}")
    assert run(capsys, command, str(tmp_path / "damaged.json"))[0] == 2
    assert run(capsys, command, str(tmp_path / "missing.json"))[0] == 2


def test_a_true_claim_is_said_in_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(save(MAKERS["exp"](), tmp_path / "t.json"))
    code, out, _ = run(capsys, "verify", path, "--json")
    assert code == 0 and json.loads(out)["ok"] is True


def test_a_table_that_claims_nothing_is_bad_use(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = str(save(pa.minimax(lambda x: float(x) ** 3, 2), tmp_path / "t.json"))
    assert run(capsys, "verify", path)[0] == 2
    assert run(capsys, "import", path)[0] == 0


@pytest.mark.parametrize("multiplications", [5, 11, 12, 14])
@pytest.mark.parametrize("function", ["abs", "relu"])
def test_circuits_say_how_they_were_proven(function: str, multiplications: int) -> None:
    """Long ones by cells; on other intervals by the sampling theorem, for all chains nearby."""
    value = pa.circuit(function, multiplications=multiplications, guard=0)
    assert value.certificate is not None
    long = multiplications >= 12 and function == "abs"
    assert value.certificate.method == ("Taylor models on cells" if long else "sampling theorem")
    again = pa.circuit(function, multiplications=multiplications, guard=0, prove=True)
    assert again.certificate is not None and again.error_bound <= value.error_bound * (1 + 1e-9)
    if long:
        assert again.certificate.method == value.certificate.method
    assert pa.verify(value).ok


def test_the_library_holds_what_was_done() -> None:
    for function in FILES:
        for one in shipped_for(function):
            smooth = function not in ("abs", "sign")
            large = one.circuit.degree > 1 << 11
            if function == ARCCOSINE:
                large, smooth = True, False
            if one.problem.weight == "1/abs(1/x)":
                smooth = False  # x times the circuit is a polynomial
            known = "Taylor balls" if smooth else "Taylor models on cells" if large else "sampling theorem"
            assert one.intact
            if one.circuit.degree > 2:
                assert one.method == known
            assert not replace(one, method="stages").intact


@pytest.mark.parametrize("method", ["magic", "", "Taylor models on cells", "stages", "Taylor balls"])
@pytest.mark.parametrize("name", MAKERS)
def test_a_method_that_was_not_used_is_refused(name: str, method: str) -> None:
    value = MAKERS[name]()
    assert value.certificate is not None
    if value.certificate.method == method:
        return
    with pytest.raises(ProofError, match="was proven by"):
        pa.verify(replace(value, certificate=replace(value.certificate, method=method)))


def test_a_method_of_another_kind_of_circuit_is_refused() -> None:
    for make in (
        lambda: pa.circuit("gelu", multiplications=4),
        lambda: pa.circuit("abs", multiplications=12, guard=0),
    ):
        value = make()
        assert value.certificate is not None and pa.verify(value).ok
        with pytest.raises(FalseClaimError, match="was proven by"):
            pa.verify(
                replace(value, certificate=replace(value.certificate, method="sampling theorem"))
            )


def test_numbers_of_a_refutation_are_exact() -> None:
    value = pa.minimax("exp", 0)
    c = value.certificate
    assert c is not None
    with pytest.raises(FalseClaimError) as caught:
        pa.verify(replace(value, certificate=replace(c, upper=exact(1.0), lower=None)))
    where = caught.value.counterexample
    assert where is not None and abs(where["x"]) == pytest.approx(1.0, abs=1e-5)
    assert where["error"] == pytest.approx((math.e - 1 / math.e) / 2, rel=1e-5)
