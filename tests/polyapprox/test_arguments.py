"""Whatever is given: a result or one sentence, never an exception of Python, NumPy or flint."""

import inspect
import json
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import flint
import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox.errors import (
    ArgumentError,
    NotConvergedError,
    PolyApproxError,
    ProofError,
    TableError,
)
from polyapprox.export import export
from polyapprox.noise import forecast, quantise, quantised_plan
from polyapprox.numbers import from_decimal
from polyapprox.table import document_of
from polyapprox.table.schema import content_hash
from polyapprox.weighted import weighted_error

RING: list = []
RING.append(RING)
MEANINGLESS: list[Any] = [
    None, True, -1, 2.5, "x", "", b"x", [], (1, 2), {}, {1}, 1j, np.complex128(1j), math.nan,
    math.inf, -math.inf, 10**400, 10**5000, -(10**5000), 5e-324, Fraction(1, 3), Decimal("0.1"),
    np.int64(3), np.float32(0.1), np.array([1, 2]), np.array([1j]), np.array(["a"]), object(), len,
    mpmath.mpf("nan"), mpmath.mpc(1, 1), flint.arb("nan"), flint.arb(0.1, 0.01), RING, [(1, 2), (3,)],
    range(3), "sin(", "x" * 3000, Path("/nope"), Path("/"), "a\0b", np.datetime64("2020"), float,
    Ellipsis, "\ud800", [None, None], (1j, 2), (10**400, 10**401), (-math.inf, math.inf), (2, 1),
    np.bool_(True), memoryview(b"ab"), np.ma.masked,
]  # fmt: skip


def calls(folder: Path) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Each public function with arguments that it takes in no time."""
    circuit, best = pa.circuit("relu", multiplications=3), pa.minimax("exp", 3)
    table = best.save(folder / "table.json")
    odd = pa.Polynomial.from_floats([0, 1.2, 0, -0.3], parity="odd")
    maximum = pa.maximum(precision=2**-3)
    return {
        "relu": (pa.relu, {"precision": 2**-4}),
        "maximum": (pa.maximum, {"degrees": [3], "threshold": 0.2}),
        "sign": (pa.sign, {"degrees": [3], "threshold": 0.2}),
        "minimax": (pa.minimax, {"function": "exp", "degree": 2}),
        "circuit": (pa.circuit, {"function": "relu", "multiplications": 3}),
        "weighted_relu": (pa.weighted_relu, {"multiplications": 2, "samples": [0.1, -0.3]}),
        "limits": (pa.limits, {"function": "relu", "precision": 2**-5}),
        "from_components": (pa.from_components, {"function": "relu", "components": [odd]}),
        "load": (pa.load, {"path": table}),
        "verify": (pa.verify, {"table": table}),
        "import_table": (pa.import_table, {"path": table}),
        "audit": (pa.audit, {"approximation": best}),
        "export": (export, {"approximation": best, "format": "c", "path": folder / "x.c"}),
        "forecast": (
            forecast,
            {"plan": circuit.plan, "half_width": 1.0, "scale_bits": 40, "ring_dimension": 2**12},
        ),
        "quantise": (quantise, {"approximation": circuit, "scale_bits": 30}),
        "quantised_plan": (quantised_plan, {"plan": circuit.plan, "scale_bits": 30}),
        "weighted_error": (weighted_error, {"approximation": circuit, "samples": [0.1, 0.2]}),
        "from_floats": (pa.Polynomial.from_floats, {"coefficients": [1, 2]}),
        "counts": (circuit.counts, {}),
        "save": (best.save, {"path": folder / "again.json"}),
        "one argument": (lambda x: best(x), {"x": 0.5}),
        "two arguments": (lambda a, b: maximum(a, b), {"a": 0.5, "b": 0.2}),
        "polynomial": (lambda x: odd(x), {"x": 0.5}),
    }


NAMES = (
    "relu", "maximum", "sign", "minimax", "circuit", "weighted_relu", "limits", "from_components",
    "load", "verify", "import_table", "audit", "export", "forecast", "quantise", "quantised_plan",
    "weighted_error", "from_floats", "counts", "save", "one argument", "two arguments", "polynomial",
)  # fmt: skip


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict:
    found = calls(tmp_path_factory.mktemp("arguments"))
    assert tuple(found) == NAMES
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_takes_every_value_or_says_why_not(
    name: str, known: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POLYAPPROX_CACHE", "off")
    monkeypatch.chdir(tmp_path)  # some values are names of files
    function, usual = known[name]
    refused = 0
    for parameter in inspect.signature(function).parameters:
        for value in MEANINGLESS:
            try:
                function(**{**usual, parameter: value})
            except PolyApproxError as error:
                refused += 1
                text = str(error)
                assert text and len(text) < 700, (parameter, text[:80])
    assert refused > 10


@pytest.mark.parametrize(
    "call",
    [
        lambda: pa.sign(degrees=[27, 27, 27], threshold=0.9, guard=0),
        lambda: pa.step(degrees=[27, 27], threshold=0.99, guard=0),
        lambda: pa.sign(degrees=[31, 31, 31, 31], threshold=0.5, guard=0),
        lambda: pa.relu(degrees=[27, 27, 27], threshold=0.9, guard=0),
    ],
)
def test_stages_that_leave_nothing_to_do(call: Callable[[], Any]) -> None:
    with pytest.raises(NotConvergedError, match="leave out the last stages"):
        call()


@pytest.mark.parametrize(
    "arguments",
    [
        {"degrees": [5, 9, 27, 9], "interval": (-0.3877603331248209, 1.0), "threshold": 0.2497},
        {"degrees": [27, 27, 15], "interval": (-3, 3), "threshold": 0.0935},
    ],
)
def test_no_warning_of_numpy(arguments: dict) -> None:
    assert pa.maximum(**arguments).error_bound < 0.01


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: x.digamma(), "fails on power series"),
        (lambda x: x.lgamma() if x > 0 else x.rgamma_foo(), "fails at x="),
        (lambda x: np.exp(1j * x), "no real number"),
        (lambda x: complex(x, 1), "no real number"),
        (lambda x: {}[x], "KeyError"),
        (lambda x: "a", "no real number"),
        (lambda: 1, "TypeError"),
        (lambda x: [x, x], "no real number"),
        (lambda x: undefined, "NameError"),  # type: ignore[name-defined]  # noqa: F821
    ],
)
def test_callables_that_are_no_functions(function: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        pa.minimax(function, 3)
    with pytest.raises(ArgumentError, match=said):
        pa.minimax("exp", 3, weight=function)


def test_complex_arrays_are_refused_not_cut() -> None:
    r = pa.relu(degrees=[3])
    for value in (np.array([0.5 + 1j]), [1j, 2], np.complex64(1), 0.5j, mpmath.mpc(0, 1)):
        with pytest.raises(ArgumentError, match="real number"):
            r(value)
    assert r.plan.run(0.5 + 0j) == complex(r(0.5))


@pytest.mark.parametrize("name", ["multiplications", "levels", "tolerance"])
def test_arrays_in_place_of_numbers_are_refused(name: str) -> None:
    with pytest.raises(PolyApproxError, match=name):
        pa.relu(**{name: np.array([1.0, 2.0])})


def test_integers_of_numpy_are_integers() -> None:
    n = np.int64
    assert pa.minimax("exp", n(3), bits=np.int16(90)) == pa.minimax("exp", 3, bits=90)
    assert pa.relu(degrees=np.array([3, 5])) == pa.relu(degrees=[3, 5])
    assert pa.circuit("relu", multiplications=np.uint8(3)) == pa.circuit("relu", multiplications=3)
    circuit = pa.circuit("relu", multiplications=n(5), constants=n(20))
    assert quantise(circuit, n(30)) == quantise(circuit, 30)
    found = forecast(circuit.plan, half_width=1, scale_bits=n(40), ring_dimension=n(2**12))
    assert found == forecast(circuit.plan, half_width=1, scale_bits=40, ring_dimension=2**12)
    limited = pa.relu(precision=2**-5, multiplications=n(3), levels=n(3))
    assert limited.plan == pa.relu(precision=2**-5, multiplications=3, levels=3).plan
    weighted = pa.weighted_relu(multiplications=n(3), samples=[1, 2], interval=(n(-3), n(3)))
    assert weighted == pa.weighted_relu(multiplications=3, samples=[1, 2], interval=(-3, 3))


def test_far_outside_is_infinite_and_says_nothing() -> None:
    r = pa.minimax("exp", 3)
    assert r(1e300) == math.inf and math.isnan(r(math.inf)) | math.isinf(r(math.inf))


def test_coefficients_beyond_floats_are_refused() -> None:
    huge = pa.Polynomial.from_floats([0, 10**400], parity="odd")
    with pytest.raises(ArgumentError, match="beyond the range of floats"):
        pa.from_components("sign", [huge], [(-1, -0.5), (0.5, 1)])


@pytest.mark.parametrize("number", ["1" * 20_000, "1e" + "9" * 5000, "0." + "3" * 6000, 10**4000])
@pytest.mark.parametrize("place", ["offset", "reference", "upper"])
def test_numbers_of_thousands_of_digits_in_a_table(
    number: Any, place: str, tmp_path: Path
) -> None:
    document = document_of(pa.minimax("exp", 3))
    if place == "offset":
        document["offset"] = number
    elif place == "reference":
        document["certificate"]["details"]["reference"][2] = number
    else:
        document["certificate"]["upper"] = number
    document["sha256"] = content_hash(document)
    file = tmp_path / "table.json"
    file.write_text(json.dumps(document))
    with pytest.raises((TableError, ProofError)):
        pa.verify(file)


@pytest.mark.parametrize("bits", [16_000, 20_000])
def test_coefficients_of_thousands_of_digits_are_kept(bits: int, tmp_path: Path) -> None:
    r = pa.minimax("exp", 2, bits=bits)
    assert pa.load(r.save(tmp_path / "long.json")) == r


def test_long_decimals_are_read_as_short_ones_are() -> None:
    for text in ("-0.1", "12.5e-3", "+7", "1e40", "3.25"):
        long = text.replace("e", "0" * 5000 + "e") if "." in text else text
        long = long + "0" * 5000 if "." in text and "e" not in text else long
        assert from_decimal(long, 60) == from_decimal(text, 60)
