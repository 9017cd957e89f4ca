"""The record of the audit of transformers: whole, enclosed by its bounds, and what is proven today."""

from __future__ import annotations

import importlib.util
import json
import sys
from types import ModuleType

import pytest
import transformers_tables
from paths import ROOT

QUICK = ("bolt_gelu", "exp_1px128_16", "nexus_invsqrt_0.15_10", "slothe_tanh_15", "muon_aol4")


def experiment() -> ModuleType:
    path = ROOT / "experiments" / "transformer_tables.py"
    spec = importlib.util.spec_from_file_location("experiment_transformers", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_record_of_transformers_is_whole() -> None:
    tables = json.loads(transformers_tables.TABLES_READ.read_text(encoding="utf-8"))["tables"]
    found = transformers_tables.entries()
    assert len(found) == len(tables) == 49
    for entry, record in found:
        assert record["truth"] <= record["bound"], entry["name"]
        assert record["bound"] <= 1.01 * record["truth"] or record["bound"] < 1e-15, entry["name"]
        if entry["said"] and "times what" not in transformers_tables.verdict(entry, record):
            assert record["truth"] == pytest.approx(float(entry["said"]), rel=0.01, abs=1e-14)
        rival = record["rival"]
        assert rival is None or rival["error"] <= record["bound"]


@pytest.mark.parametrize("name", QUICK)
def test_the_record_is_what_is_proven(name: str) -> None:
    module = experiment()
    tables = json.loads(module.TABLES.read_text(encoding="utf-8"))["tables"]
    (entry,) = (e for e in tables if e["name"] == name)
    (record,) = (r for _, r in transformers_tables.entries() if r["name"] == name)
    if entry["kind"] == "pieces":
        assert module.in_pieces(entry) == pytest.approx(record["bound"], rel=1e-12)
        return
    maker = {"sign": module.sign_of, **dict.fromkeys(module.SCHEMES, module.from_scheme)}
    made = maker.get(entry["kind"], module.imported)(entry)
    assert made.error_bound == pytest.approx(record["bound"], rel=1e-12)
