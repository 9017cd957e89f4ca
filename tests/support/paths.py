"""Folders that tests read."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
DOCS = ROOT / "docs"
MADE = DOCS / "made"
EXPERIMENTS = ROOT / "experiments"
ORACLES = TESTS / "oracles"
STUBS = TESTS / "stubs"
