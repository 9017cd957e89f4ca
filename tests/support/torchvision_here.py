"""torchvision, where its compiled operators may be of another build than torch: no classifier uses them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

_LIBRARIES = []  # gone with one are its definitions


def operators():
    """Define what torchvision's Python looks for when it is imported, if it is there at all."""
    spec = importlib.util.find_spec("torchvision")
    for library in Path(spec.submodule_search_locations[0]).glob("_C.*") if spec else ():
        try:
            torch.ops.load_library(library)
        except OSError:
            made = torch.library.Library("torchvision", "FRAGMENT")
            for name in () if _LIBRARIES else ("nms", "qnms"):
                made.define(f"{name}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
            _LIBRARIES.append(made)


def torchvision():
    """The package; the test is skipped without it."""
    operators()
    return pytest.importorskip("torchvision")
