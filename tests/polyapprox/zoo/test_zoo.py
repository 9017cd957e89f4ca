"""The zoo: its index is what the library makes, its files are whole, and a build goes on where it ended."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zoo_tables
from kernels import OF_RECORDS

import polyapprox as pa
from polyapprox.circuits.search.runner import runner_named
from polyapprox.cli import main
from polyapprox.errors import ArgumentError, FalseClaimError
from polyapprox.table.plans import plan_from
from polyapprox.zoo import ENTRIES, building, index, made, rows, search
from polyapprox.zoo.building import build, build_one, check
from polyapprox.zoo.entries import entry

ONE_IN_TEN = [name for name, row in rows().items() if int(row.digest, 16) % 10 == 0]


def test_the_index_is_of_the_entries_and_holds_nothing_twice() -> None:
    assert list(rows()) == list(ENTRIES)
    assert len(ONE_IN_TEN) >= 5
    assert len({row.digest for row in rows().values()}) == len(ENTRIES)
    for name, row in rows().items():
        assert row.call == ENTRIES[name].call
        assert all(-100 <= low <= high <= 100 for low, high in zip(row.low, row.high, strict=True)
                   if low is not None), name  # fmt: skip


def test_the_table_of_the_page_is_that_of_the_index() -> None:
    assert zoo_tables.main(zoo_tables.PAGE, zoo_tables.TABLES, ["--check"]) == 0


def test_each_entry_keeps_the_precision_of_its_name() -> None:
    for row in rows().values():
        asked = next(int(part[1:]) for part in row.name.split("_") if part[0] == "p" and part[1:].isdigit())
        assert row.bits >= asked, row.name


@pytest.mark.parametrize("name", ONE_IN_TEN)
def test_one_in_ten_is_made_and_proven_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYAPPROX_CACHE", "off")  # it may hold what other kernels made
    found = check(entry(name))
    assert found.name == name and (found == rows()[name] or not OF_RECORDS)


def test_an_index_that_says_otherwise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "relu_-1_1_p9"
    known = rows()[name]
    curve = tuple(-50 if low is None else low - 2 for low in known.low)
    for other in (
        {"error_bound": 1e-9}, {"error_bound": known.error_bound * (1 + 1e-8)}, {"degrees": (1,)},
        {"multiplications": 6}, {"levels": 1}, {"low": curve}, {"high": known.high[1:]},
    ):  # fmt: skip
        monkeypatch.setattr(building, "row", lambda _, other=other: replace(known, **other))
        with pytest.raises(FalseClaimError, match=f"is not what the index says: {next(iter(other))} "):
            check(entry(name))


def test_last_bits_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another processor's linear algebra: another digest, a bound that agrees to nine digits."""
    name = "relu_-1_1_p9"
    known = rows()[name]
    elsewhere = replace(known, digest="0" * 64, error_bound=known.error_bound * (1 + 1e-12))
    monkeypatch.setattr(building, "row", lambda _: elsewhere)
    monkeypatch.setattr(index, "row", lambda _: elsewhere)
    assert main(["zoo", "verify", name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"checked": 1, "wrong": {}, "other_bits": [name]}


def test_search_keeps_to_what_is_asked() -> None:
    found = search("gelu", interval=(-7, 7), bits=9, multiplications=6)
    assert found and all(
        row.function == "gelu" and row.interval[0] <= -7 and row.bits >= 9 and row.multiplications <= 6
        for row in found
    )
    assert [row.multiplications for row in found] == sorted(row.multiplications for row in found)
    assert search("gelu", levels=1) == []
    with pytest.raises(ArgumentError, match="the zoo has nothing of 'geluu'"):
        search("geluu")


def test_an_unknown_name_is_answered_by_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="nearest: relu_-50_50_p9"):
        made("relu_-50_50_p99")


def test_a_build_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [entry(name) for name in ("relu_-8_8_p9", "gelu_-4_4_p6", "sigmoid_-8_8_p12_bootstrapped")]
    told: list[str] = []
    assert [row.name for row in build(wanted[:2], tmp_path, report=told.append)] == [
        "gelu_-4_4_p6", "relu_-8_8_p9"
    ]  # fmt: skip
    calls: list[str] = []

    def counted(one, folder):  # type: ignore[no-untyped-def]
        calls.append(one.name)
        return build_one(one, folder)

    monkeypatch.setattr(building, "build_one", counted)
    assert len(build(wanted, tmp_path, report=told.append)) == 3
    assert calls == [wanted[2].name] and told == [one.name for one in wanted]
    here = tmp_path / "relu_-8_8_p9"
    assert pa.verify(here / "table.json").ok
    assert pa.load(here / "table.json").plan.digest == rows()["relu_-8_8_p9"].digest
    files = json.loads((here / "row.json").read_text())["files"]
    assert {"table.json", "lattigo.go", "openfhe.py", "csv.csv"} <= set(files)
    assert all((here / name).stat().st_size for name in [*files, "error.svg"])
    page = (tmp_path / "index.html").read_text()
    assert "http" not in page  # nothing is fetched
    assert (tmp_path / "zoo-index.js").read_text().startswith("const ZOO = [")


def test_a_plan_of_vectors_says_all_that_is_computed(tmp_path: Path) -> None:
    name = "softmax_-4_4_p9"
    build([entry(name)], tmp_path)
    document = json.loads((tmp_path / name / "plan.json").read_text())
    x = np.random.default_rng(1).uniform(-4, 4, (5, document["length"]))
    plans = {digest: plan_from(one) for digest, one in document["plans"].items()}
    does = {
        "input": lambda: x, "multiply": np.multiply, "add": np.add, "subtract": np.subtract,
        "scale": lambda value, constant: value * float(constant), "shift": lambda value, constant: value + float(constant),
        "sum": lambda value: value.sum(-1, keepdims=True), "apply": lambda *given: plans[given[-1]].run(*given[:-1]),
    }  # fmt: skip
    values: list[np.ndarray] = []
    for kind, *rest in document["operations"]:
        values.append(does[kind](*(values[one] if isinstance(one, int) else one for one in rest)))
    exact = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    assert 0 < np.abs(values[-1] - exact).max() <= float(document["error_bound"]) < 2**-9
    assert rows()[name].error_bound == pytest.approx(float(document["error_bound"]))


def test_a_cluster_builds_what_one_process_does(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    wanted = [entry(name) for name in ("relu_-1_1_p5", "rms-norm_0.25_4_p6")]
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        runner = runner_named("dask", scheduler=cluster.scheduler_address, ordered=False)
        assert {row.name for row in build(wanted, tmp_path / "cluster", runner=runner)} == {one.name for one in wanted}
    build(wanted, tmp_path / "here")
    for path in (tmp_path / "here").rglob("row.json"):
        assert (tmp_path / "cluster" / path.relative_to(tmp_path / "here")).read_text() == path.read_text()


def test_the_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["zoo", "search", "gelu", "--interval", "-7", "7", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["tables"]
    assert found[0]["name"] == search("gelu", interval=(-7, 7))[0].name
    assert main(["zoo", "search", "gelu", "--bits", "99"]) == 0
    assert capsys.readouterr().out.startswith("no entry serves that: ")
    assert main(["zoo", "show", "relu_-8_8_p9", "-o", str(tmp_path / "t.json")]) == 0
    assert "at most 0.00908"  in capsys.readouterr().out
    assert pa.verify(tmp_path / "t.json").ok
    assert main(["zoo", "show", "layer-norm_0.25_4_p6", "-o", str(tmp_path / "plan.json")]) == 0
    assert "variance within (0.25, 4.0)" in capsys.readouterr().out
    assert json.loads((tmp_path / "plan.json").read_text())["function"] == "layer_norm"
    assert main(["zoo", "verify", "relu_-8_8_p9", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"checked": 1, "wrong": {}, "other_bits": []}


def test_the_script_of_the_page_is_whole() -> None:
    script = Path(building.PAGE) / "zoo.js"
    try:
        subprocess.run(["node", "--check", str(script)], check=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("no node to read it")
