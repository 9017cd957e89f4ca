"""The explorer in Streamlit's own test client: what the widgets say is what the library made."""

import json
from pathlib import Path
from typing import Any

import pytest

import polyapprox as pa
from polyapprox.cli import explore, main
from polyapprox.explorer.asked import FUNCTIONS, Asked, exported
from polyapprox.outward import lower_places, upper

testing = pytest.importorskip("streamlit.testing.v1")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the toolkit


def page() -> Any:
    return testing.AppTest.from_file(str(explore.PAGE), default_timeout=240)


def facts(at: Any) -> dict[str, str]:
    assert not at.exception and not at.error
    return {one.label: one.value for one in at.metric}


def test_the_page_says_what_the_library_says() -> None:
    at = page().run()
    one = pa.relu(precision=2**-9, interval=(-8, 8))
    found = facts(at)
    assert found["error, at most (proven)"] == upper(one.error_bound, 5)
    assert found["bits (proven)"] == lower_places(one.bits, 2)
    assert found["multiplications"] == str(one.multiplications)
    assert at.code[0].value == "polyapprox.relu(interval=(-8.0, 8.0), precision=2**-9, objective='balanced')"
    assert facts(at.slider(key="power").set_value(7).run())["multiplications"] == "5"
    at.radio(key="by").set_value("a cost").run()
    assert facts(at.slider(key="multiplications").set_value(4).run())["multiplications"] == "4"


def test_every_view_of_a_smooth_function() -> None:
    at = page().run()
    at.selectbox(key="function").set_value("gelu").run()
    for view in ("plan", "front", "cost", "certificate", "export"):
        at.segmented_control(key="view").set_value(view).run()
        assert not at.exception and not at.error
    assert at.selectbox(key="format").set_value("lattigo").run().code[-1].value.startswith("//")


def test_a_wish_that_cannot_be_is_a_sentence() -> None:
    at = page().run()
    at.selectbox(key="function").set_value("1/x").run()
    at.number_input(key="low-1/x").set_value(-1.0).run()
    assert not at.exception and len(at.error) == 1 and "\n" not in at.error[0].value


def test_each_function_of_the_list_is_made() -> None:
    for function, (low, high) in FUNCTIONS.items():
        asked = Asked(function, low, high, power=5)
        assert eval(asked.call, {"polyapprox": pa}).plan.digest == asked.answer().plan.digest


def test_exports_are_the_files_of_the_library(tmp_path: Path) -> None:
    one = Asked("relu", -1, 1, power=5).answer()
    name, content = exported(one, "table")
    assert name == "relu.json" and json.loads(content)["plan"]["digest"] == one.plan.digest
    (tmp_path / name).write_bytes(content)
    assert pa.verify(tmp_path / name).ok


def test_the_command_is_local_and_fetches_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run: list[list[str]] = []
    monkeypatch.setattr(explore.subprocess, "call", lambda words: run.append(words) or 0)
    assert main(["explore", "--port", "8765", "--no-browser"]) == 0
    assert "http://127.0.0.1:8765" in capsys.readouterr().err
    assert {"--server.address=127.0.0.1", "--browser.gatherUsageStats=false", "--server.headless=true"} <= {*run[0]}
    monkeypatch.setattr(explore, "find_spec", lambda name: None)
    assert main(["explore"]) == 2
    assert "pip install 'polyapprox[explore]'" in capsys.readouterr().err
