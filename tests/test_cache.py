"""The cache: serves what was computed, and never makes an error."""

import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox import Approximation, cache
from polyapprox.cache import cache_folder, cache_key, cached, remembered
from polyapprox.errors import DomainError
from polyapprox.table import load

ARGUMENTS = {"function": "exp", "degree": 3, "domain": (-1, 1)}


class Counting:
    """Computes, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Approximation:
        self.calls += 1
        return pa.minimax("exp", 3)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_second_call_is_served_from_a_table(folder: Path) -> None:
    compute = Counting()
    first = cached("minimax", ARGUMENTS, compute)
    second = cached("minimax", dict(ARGUMENTS), compute)
    assert compute.calls == 1
    assert first == second
    (entry,) = folder.iterdir()
    assert load(entry) == first


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[1, 2"])
def test_a_damaged_entry_is_computed_again(folder: Path, content: bytes) -> None:
    compute = Counting()
    value = cached("minimax", ARGUMENTS, compute)
    (entry,) = folder.iterdir()
    entry.write_bytes(content)
    assert cached("minimax", ARGUMENTS, compute) == value
    assert compute.calls == 2
    assert load(entry) == value


def test_an_altered_entry_is_computed_again(folder: Path) -> None:
    compute = Counting()
    value = cached("minimax", ARGUMENTS, compute)
    (entry,) = folder.iterdir()
    entry.write_text(entry.read_text().replace('"parity": null', '"parity": "even"'))
    assert cached("minimax", ARGUMENTS, compute) == value
    assert compute.calls == 2


def test_off_means_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, "off")
    compute = Counting()
    cached("minimax", ARGUMENTS, compute)
    cached("minimax", ARGUMENTS, compute)
    assert compute.calls == 2
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_means_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "cache"))
    compute = Counting()
    assert cached("minimax", ARGUMENTS, compute) == cached("minimax", ARGUMENTS, compute)
    assert compute.calls == 2


def test_default_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    found = cache_folder()
    assert found is not None and "polyapprox" in found.parts


def test_callables_are_not_cached(folder: Path) -> None:
    compute = Counting()
    for _ in range(2):
        cached("minimax", {"function": np.exp, "degree": 3}, compute)
    assert compute.calls == 2
    assert not folder.exists()


def test_keys_follow_values_not_types() -> None:
    base = cache_key("relu", {"interval": (-1, 1), "precision": 2.0**-9})
    assert base is not None
    same = [
        {"precision": 2.0**-9, "interval": [-1.0, 1.0]},
        {"precision": np.float64(2.0**-9), "interval": (np.int64(-1), 1.0)},
    ]
    assert [cache_key("relu", arguments) for arguments in same] == [base, base]
    other = [
        {"precision": 2.0**-8, "interval": (-1, 1)},
        {"precision": "0.001953125", "interval": (-1, 1)},
        {"precision": 2.0**-9, "interval": (-1, 2)},
        {"precision": 2.0**-9, "interval": ("-1", 1)},
        {"precision": 2.0**-9},
        {"precision": mpmath.mpf(3) / 7, "interval": (-1, 1)},
        {"precision": 2.0**-9, "interval": (-1, True)},
    ]
    keys = [cache_key("relu", arguments) for arguments in other]
    assert len({base, cache_key("abs", {"interval": (-1, 1), "precision": 2.0**-9}), *keys}) == 9


def test_keys_follow_versions_and_code(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache_key("relu", ARGUMENTS)
    monkeypatch.setattr(cache, "_versions", lambda: (("polyapprox", "next"),))
    after = cache_key("relu", ARGUMENTS)
    monkeypatch.setattr(cache, "_state_of_package", lambda: "edited")
    assert len({before, after, cache_key("relu", ARGUMENTS)}) == 3


def test_reading_an_entry_needs_no_schema_library(folder: Path) -> None:
    cached("minimax", ARGUMENTS, Counting())
    program = (
        "import sys\n"
        "from polyapprox.cache import cached\n"
        f"value = cached('minimax', {ARGUMENTS!r}, lambda: 1 / 0)\n"
        "print(value.degrees, 'jsonschema' in sys.modules, 'polyapprox.remez.solve' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.split("\n")[0] == "(3,) False False"


def test_decorated_functions_remember(folder: Path) -> None:
    calls = []

    @remembered
    def best(function: object, degree: int = 3, *, domain: tuple = (-1, 1)) -> Approximation:
        """Best polynomial."""
        calls.append((function, degree, domain))
        return pa.minimax(function, degree, domain=domain)  # type: ignore[arg-type]

    assert best.__name__ == "best" and best.__doc__ == "Best polynomial."
    first = best("exp")
    assert best("exp", 3) == best(function="exp", domain=[-1.0, 1.0]) == first
    assert len(calls) == 1
    assert best("exp", 4) != first
    assert best(np.exp).error_estimate == best(np.exp).error_estimate
    assert len(calls) == 4
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'function'"):
        best()  # type: ignore[call-arg]


def test_errors_are_raised_again_not_kept(folder: Path) -> None:
    @remembered
    def fails(degree: int) -> Approximation:
        return pa.minimax("1/x", degree)

    for _ in range(2):
        with pytest.raises(DomainError):
            fails(3)
    assert not folder.exists()
