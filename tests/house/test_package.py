"""What a stranger gets: metadata, the README of a package index, the sample of a training, files of a forge."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tomllib
from types import ModuleType, SimpleNamespace

import licences_tables
import pytest
from page_tables import CHECKS
from paths import DOCS, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
VERSIONS = ("3.11", "3.12", "3.13")


def hook(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setitem(
        sys.modules, "hatchling.metadata.plugin.interface", SimpleNamespace(MetadataHookInterface=object)
    )
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_of_a_package_index_has_no_link_to_a_file_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    readme = hook(monkeypatch).readme
    plain, linked = readme(README, None), readme(README, "https://forge.example/p")
    for text in (plain, linked):
        assert [one for one in re.findall(r"\]\(([^)\s]+)\)", text) if not one.startswith("http")] == []
    assert "forge.example" not in plain and "![" not in plain and "[arXiv 2105.10879](https" in plain
    assert "](https://forge.example/p/raw/HEAD/docs/figures/published-comparison.png)" in linked
    assert "[Start](https://forge.example/p/blob/HEAD/docs/start.md)" in linked


def test_metadata_and_workflow_name_the_same_versions() -> None:
    assert {one.rpartition(" ")[2] for one in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", one)} == {*VERSIONS}
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert str(list(VERSIONS)).replace("'", '"') in workflow and "run: .ci/run" in workflow
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {PROJECT['version']}\n" in cited and f"\nlicense: {PROJECT['license']}\n" in cited


def test_the_sample_of_a_training_is_that_of_its_page() -> None:
    pytest.importorskip("torch")
    from nn_bridge.training import read_configuration

    sample = ROOT / "nn_bridge" / "training" / "sample.toml"
    assert f"```toml\n{sample.read_text(encoding='utf-8')}```" in (DOCS / "training.md").read_text(encoding="utf-8")
    assert read_configuration(sample).noise.precision == (4, 5, 6)


def test_the_wheel_was_tried_in_each_version_and_all_was_as_it_must_be() -> None:
    record = json.loads((CHECKS / "wheel.json").read_text(encoding="utf-8"))
    assert record["source"]["records"] == 0 and record["source"]["bytes"] < 5 * 2**20 and record["wheel"]["sample"]
    assert {one.rpartition(".")[0] for one in record["runs"]} == {*VERSIONS}
    for kinds in record["runs"].values():
        assert {*kinds} == {"bare", "missing", "whole"}
        assert all(run["ok"] for one in kinds.values() for run in one["commands"])
    page = licences_tables.PAGE.read_text(encoding="utf-8")
    assert licences_tables.wheels() in page and licences_tables.covered() in page
    assert all(f"\n| {name} | " in page for name in licences_tables.needed())


@pytest.mark.parametrize("package", ["polyapprox", "nn_bridge"])
def test_every_module_names_its_licence(package: str) -> None:
    header = f"# SPDX-License-Identifier: {PROJECT['license']}\n"
    without = [path for path in (ROOT / package).rglob("*.py") if not path.read_text(encoding="utf-8").startswith(header)]
    assert not without, f"begin these with {header!r}: {', '.join(map(str, without))}"


def test_an_address_is_named_everywhere_or_its_lack_is_said() -> None:
    address = PROJECT.get("urls", {}).get("Repository")
    cited, security = ((ROOT / name).read_text(encoding="utf-8") for name in ("CITATION.cff", "SECURITY.md"))
    for text, lack in ((README, "There is no public\naddress yet"), (security, "no public address\nyet")):
        assert (lack in text) == (address is None)
    assert (f"repository-code: {address}" in cited) == (address is not None)
