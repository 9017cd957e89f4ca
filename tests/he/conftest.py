"""Tests in real frameworks: run by `make test-he`, or when this folder is named; else skipped."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
collect_ignore = ["wholes_worker.py"]  # for an interpreter of its own, which has openfhe


def pytest_collection_modifyitems(config, items):
    named = any("he" in Path(one.split("::")[0]).parts for one in config.args)
    if named or os.environ.get("POLYAPPROX_TEST_HE"):
        return
    skip = pytest.mark.skip(reason="runs real frameworks: make test-he")
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(skip)
