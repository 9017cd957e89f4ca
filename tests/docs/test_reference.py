"""The reference has every public name, under the name that users write."""

import re
from types import ModuleType

import pytest
from paths import DOCS

import nn_bridge
import polyapprox

TEXT = (DOCS / "api.md").read_text(encoding="utf-8")
DOCUMENTED = re.findall(r"^\.\. auto\w+:: (\S+)$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("package", [polyapprox, nn_bridge], ids=["polyapprox", "nn_bridge"])
def test_every_public_name_is_in_the_reference(package: ModuleType) -> None:
    values = {name: getattr(package, name) for name in package.__all__}
    errors = {name for name, one in values.items() if isinstance(one, type) and issubclass(one, Exception)}
    public = {name for name, one in values.items() if callable(one)} - errors  # their modules are there whole
    assert len(public) > 20
    assert sorted({f"{package.__name__}.{name}" for name in public} - {*DOCUMENTED}) == []


def test_nothing_is_twice_in_the_reference() -> None:
    assert len(DOCUMENTED) == len({*DOCUMENTED})
