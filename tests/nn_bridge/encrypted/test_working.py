"""A worker that gives no result: why, in a sentence."""

import sys
from types import ModuleType

import pytest

from nn_bridge.encrypted.working import apart
from polyapprox.encrypted.backend import BackendError

ANEW = "import multiprocessing\nmultiprocessing.get_context('spawn').Process(target=print).start()\n"


def fails(progress):
    raise RuntimeError("no fault of memory")


@pytest.mark.parametrize(
    "text",
    [ANEW, "raise SystemExit(3)\n", None],
    ids=["the call is not under a guard", "the program ends by itself", "no file, as of standard input"],
)
def test_a_main_program_that_cannot_be_imported_is_named(text, tmp_path, monkeypatch, capfd):
    main = ModuleType("__main__")
    main.__file__ = str(tmp_path / "program.py")
    if text is not None:
        (tmp_path / "program.py").write_text(text)
    monkeypatch.setitem(sys.modules, "__main__", main)
    with pytest.raises(BackendError, match=r"could not begin.*imports the main program.*__name__") as said:
        apart(print, what="makes keys")
    assert "memory" not in str(said.value)


def test_a_worker_that_fails_does_not_say_that_memory_was_short(capfd):
    with pytest.raises(BackendError, match=r"the process that waits was ended \(code 1\)") as said:
        apart(fails, what="waits")
    assert "memory" not in str(said.value)
    assert "no fault of memory" in capfd.readouterr().err
