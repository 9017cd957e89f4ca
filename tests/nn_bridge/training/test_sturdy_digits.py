"""Digits from a random start, five seeds: our training against a plain one, at low precision.

About a minute on one core. Configurations and measurement are those of experiments/digits*.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import sys
from dataclasses import replace
from types import ModuleType

import pytest
import torch
from paths import EXPERIMENTS

from nn_bridge.training.configuration import as_mapping

Found = dict[str, list[dict[str, float]]]
TREATMENTS = ("2", "2, means corrected")  # circuits of two multiplications: 2^-4.88


def load_study() -> ModuleType:
    spec = importlib.util.spec_from_file_location("digits_sturdy", EXPERIMENTS / "digits_sturdy.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_sturdy_training_pays_over_five_seeds() -> None:
    """One test, so that the ten networks are trained once however tests are shared out."""
    study = load_study()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = {
            name: [
                study.accuracies(replace(study.known(name), seed=seed), "test")
                for seed in study.SEEDS
            ]
            for name in ("baseline", "sturdy")
        }
    finally:
        torch.set_num_threads(threads)
    low_precision_costs_less_by_more_than_the_spread(found)
    with_relu_itself_less_than_a_point_is_lost(found)
    saved_results_are_those_of_the_configurations(study, found)


def low_precision_costs_less_by_more_than_the_spread(found: Found) -> None:
    values = {
        (name, treatment): [one[treatment] for one in runs]
        for name, runs in found.items() for treatment in TREATMENTS
    }  # fmt: skip
    for treatment in TREATMENTS:
        plain, ours = values["baseline", treatment], values["sturdy", treatment]
        spread = max(statistics.stdev(plain), statistics.stdev(ours))
        assert statistics.mean(ours) - statistics.mean(plain) > spread, (treatment, plain, ours)
    # and against whatever suits the baseline best
    plain = max((values["baseline", t] for t in TREATMENTS), key=statistics.mean)
    ours = max((values["sturdy", t] for t in TREATMENTS), key=statistics.mean)
    spread = max(statistics.stdev(plain), statistics.stdev(ours))
    assert statistics.mean(ours) - statistics.mean(plain) > spread


def with_relu_itself_less_than_a_point_is_lost(found: Found) -> None:
    means = {name: statistics.mean(one["relu"] for one in runs) for name, runs in found.items()}
    assert means["baseline"] > 0.97
    assert means["sturdy"] >= means["baseline"] - 0.01


def saved_results_are_those_of_the_configurations(study: ModuleType, found: Found) -> None:
    lines = (EXPERIMENTS / "results" / "digits-sturdy.jsonl").read_text(encoding="utf-8").splitlines()
    saved = [json.loads(line) for line in lines]
    for name, runs in found.items():
        for seed, run in zip(study.SEEDS, runs, strict=True):
            wanted = as_mapping(replace(study.known(name), seed=seed))
            (record,) = (
                one for one in saved
                if one["split"] == "test" and one["configuration"] == json.loads(json.dumps(wanted))
            )  # fmt: skip
            # other processors round differently, and training lets that grow
            assert record["accuracy"]["relu"] == pytest.approx(run["relu"], abs=0.03)
    judged = {one["name"] for one in saved if one["split"] == "validation"}
    assert judged == set(study.trials())


def test_readme_says_mean_and_spread_of_the_saved_results() -> None:
    lines = (EXPERIMENTS / "results" / "digits-sturdy.jsonl").read_text(encoding="utf-8").splitlines()
    readme = (EXPERIMENTS.parent / "README.md").read_text(encoding="utf-8")
    for name in ("baseline", "sturdy"):
        values = [
            100 * one["accuracy"]["2"] for one in map(json.loads, lines)
            if one["split"] == "test" and one["name"] == name
        ]  # fmt: skip
        assert len(values) == 5
        words = f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"
        assert words in " ".join(readme.split())
