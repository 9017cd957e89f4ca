"""The saved fine-tuning of ResNet-20: records fit their configurations, the page fits the records."""

import dataclasses
import json
import subprocess
import sys

import pytest
from paths import EXPERIMENTS, MADE

from nn_bridge.training.configuration import from_mapping, read_configuration

FOLDER = EXPERIMENTS / "fine-tuning"
RESULTS = EXPERIMENTS / "results" / "fine-tuning"
RECORDS = sorted(RESULTS.glob("*.json"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_records_are_of_their_configurations(path):
    name, _, seed = path.stem.rpartition("-")
    record = json.loads(path.read_text())
    written = dataclasses.replace(read_configuration(FOLDER / f"{name}.toml"), seed=int(seed))
    assert from_mapping(record["configuration"]) == written
    assert len(record["epochs"]) == written.optimisation.epochs
    assert record["epochs"][-1]["accuracy"] == record["accuracy"]


def test_every_configuration_was_run_and_measured():
    measured = {
        json.loads(line)["weights_sha256"]
        for line in (RESULTS / "results.jsonl").read_text().splitlines()
    }
    run = {path.stem.rpartition("-")[0] for path in RECORDS}
    assert run == {path.stem for path in FOLDER.glob("*.toml")}
    for path in RECORDS:
        assert json.loads(path.read_text())["weights_sha256"] in measured, path.stem


def test_the_page_is_made_of_the_records():
    command = [sys.executable, str(MADE / "sturdy_tables.py"), "--check"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
