"""How ``nn-bridge`` is used: examples, its help without PyTorch, names that are not cut."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

import nn_bridge
from nn_bridge.cli import EXAMPLES, KEPT, app, main


def leaves(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    for one in group.list_commands(None) if hasattr(group, "list_commands") else ():
        inner = group.get_command(None, one)
        yield f"{name} {one}".strip(), inner
        yield from leaves(inner, f"{name} {one}".strip())


def test_every_command_has_an_example_that_it_takes() -> None:
    known = dict(leaves(typer.main.get_command(app)))
    assert set(EXAMPLES) == set(known) - {"paper"}
    assert set(KEPT) <= set(known)
    for name, line in EXAMPLES.items():
        program, *words = shlex.split(line)
        depth = len(name.split())
        assert (program, words[:depth]) == ("nn-bridge", name.split())
        known[name].make_context(name, words[depth:])
        assert line in known[name].epilog


def test_help_does_not_load_torch() -> None:
    program = "import nn_bridge.cli, sys; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["False", "True"]


def test_every_public_name_loads() -> None:
    for name in nn_bridge.__all__:
        assert getattr(nn_bridge, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = nn_bridge.nonsense


def test_names_of_networks_are_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["nn-bridge", "networks"])
    with pytest.raises(SystemExit):
        main()
    out = capsys.readouterr().out
    assert "resnet20-cifar10-chenyaofo" in out and "…" not in out
