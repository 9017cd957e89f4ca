"""The cache: serves what was computed, and never makes an error."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox import Approximation, cache
from polyapprox.cache import cache_folder, cache_key, cached, remembered
from polyapprox.errors import DomainError
from polyapprox.table import document_of, load
from polyapprox.table.schema import content_hash

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
    assert held(folder) == first


def held(folder: Path) -> Approximation:
    """The table in the only entry."""
    (entry,) = folder.iterdir()
    document = json.loads(entry.read_text())["table"]
    table = folder.parent / "table.json"
    table.write_text(json.dumps(document))
    return load(table)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[1, 2"])
def test_a_damaged_entry_is_computed_again(folder: Path, content: bytes) -> None:
    compute = Counting()
    value = cached("minimax", ARGUMENTS, compute)
    (entry,) = folder.iterdir()
    entry.write_bytes(content)
    assert cached("minimax", ARGUMENTS, compute) == value
    assert compute.calls == 2
    assert held(folder) == value


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


# --- entries that are not what they should be ---------------------------------------------------


def relu_of(folder: Path, content: Callable[[Path], None]) -> Approximation:
    """What `relu` returns where its entry was replaced; a hang ends with the process."""
    first = pa.relu(precision=2**-5)
    (entry,) = [path for path in folder.iterdir() if path.name.startswith("relu-")]
    entry.unlink()
    content(entry)
    program = (
        "import polyapprox as pa\n"
        "r = pa.relu(precision=2**-5)\n"
        "print(r.function, r.error_bound.hex(), r.plan.digest)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == [first.function, first.error_bound.hex(), first.plan.digest]
    return first


def another_function(entry: Path) -> None:
    """The entry of |x| under the name of that of ReLU."""
    pa.abs(precision=2**-5)
    (other,) = [path for path in entry.parent.iterdir() if path.name.startswith("absolute-")]
    entry.write_bytes(other.read_bytes())


def plain_table(entry: Path) -> None:
    """A table of another function, as it is."""
    pa.minimax("exp", 3).save(entry)


def another_interval(entry: Path) -> None:
    """The right function, on another interval."""
    before = set(entry.parent.iterdir())
    pa.relu(precision=2**-5, interval=(-2, 2))
    (other,) = set(entry.parent.iterdir()) - before
    other.rename(entry)


def loop(entry: Path) -> None:
    entry.symlink_to(entry.name)


def loop_of_two(entry: Path) -> None:
    other = entry.with_name("other")
    other.symlink_to(entry.name)
    entry.symlink_to(other.name)


def huge(entry: Path) -> None:
    with entry.open("wb") as stream:
        stream.truncate(1 << 40)  # a hole: takes no room


@pytest.mark.parametrize(
    "content",
    [
        another_function, plain_table, another_interval,
        os.mkfifo, Path.mkdir, loop, loop_of_two, huge,
        lambda entry: entry.symlink_to("/dev/zero"),
        lambda entry: entry.write_text("[" * 200_000),
        lambda entry: entry.write_text('{"format": ' + "9" * 5000 + "}"),
    ],
    ids=["function", "table", "interval", "fifo", "folder", "loop", "loop2", "huge", "device",
         "deep", "digits"],
)  # fmt: skip
def test_an_entry_that_is_not_the_calls_is_computed_again(
    folder: Path, content: Callable[[Path], None]
) -> None:
    relu_of(folder, content)


def test_an_entry_whose_hash_was_computed_again_is_of_another_function(folder: Path) -> None:
    """The call is written right and all hashes agree: function and interval still must."""
    pa.relu(precision=2**-5)
    (entry,) = folder.iterdir()
    document = json.loads(entry.read_text())
    for other in (pa.minimax("exp", 3), pa.relu(degrees=[3], interval=(-2, 2))):
        document["table"] = document_of(other)
        document["sha256"] = content_hash(document)
        entry.write_text(json.dumps(document))
        assert pa.relu(precision=2**-5).function == "relu"
        assert pa.relu(precision=2**-5).interval == (-1, 1)


def test_arguments_that_have_no_end_are_not_named(folder: Path) -> None:
    ring: list = []
    ring.append(ring)
    assert cache_key("relu", {"interval": ring}) is None
    long = cache_key("relu", {"precision": 10**5000})
    assert long not in (None, cache_key("relu", {"precision": 10**5000 + 1}))


def test_a_home_that_is_not_known_means_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, "~nobody-of-this-name/cache")
    assert cache_folder() is None
    assert pa.relu(degrees=[3]).degrees == (3,)
