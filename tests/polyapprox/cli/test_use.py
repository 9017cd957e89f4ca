"""How the commands are used: groups, examples, words for mistakes, standard output, silence, interruptions."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from paths import DOCS

import polyapprox as pa
from polyapprox.cli import command, main, running
from polyapprox.cli.examples import EXAMPLES, KEPT
from polyapprox.cli.running import with_options
from polyapprox.cli.talk import Steps, Talk
from polyapprox.cli.values import spelled

Captured = pytest.CaptureFixture[str]
SHORT = {"table show", "table cost", "table verify", "make abs", "make minimax", "circuits list", "table export"}


def leaves(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """All commands that do something, with their whole names."""
    if not hasattr(group, "list_commands"):
        yield name, group
        return
    for one in group.list_commands(None):
        yield from leaves(group.get_command(None, one), f"{name} {one}".strip())


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    return dict(leaves(command()))


def test_every_command_has_an_example_that_it_takes(commands: dict[str, Any]) -> None:
    assert set(commands) == set(EXAMPLES)
    for name, one in commands.items():
        for line in EXAMPLES[name].splitlines():
            program, *words = shlex.split(line)
            depth = len(name.split())
            assert (program, words[:depth]) == ("polyapprox", name.split())
            one.make_context(name, spelled(words[depth:]))
            assert line in one.epilog


def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.chdir(tmp_path)
    pa.relu(precision=2**-5).save("relu.json")
    for name in sorted(SHORT):
        for line in EXAMPLES[name].splitlines():
            assert main(shlex.split(line)[1:]) == 0, line
            assert capsys.readouterr().err == ""


def test_what_an_interruption_leaves_is_told_of_commands_that_exist(commands: dict[str, Any]) -> None:
    assert set(KEPT) <= {*commands, "chains"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["relou"], "did you mean make relu?"),
        (["make", "minmax"], "did you mean make minimax or make minimum?"),
        (["tabel", "verify"], "did you mean table?"),
        (["encrypted", "chek"], "did you mean encrypted check?"),
        (["circuits", "serch"], "did you mean circuits search?"),
    ],
)
def test_a_mistyped_command_is_answered_by_the_nearest(
    given: list[str], told: str, capsys: Captured
) -> None:
    assert main(given) == 2
    assert told in capsys.readouterr().err


def test_flat_names_still_work_and_are_not_shown(capsys: Captured) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "encrypt-check" not in shown and "minimax" not in shown and "encrypted" in shown
    for flat in (["relu"], ["verify"], ["encrypt-check"], ["chains"], ["bench", "encrypted"]):
        assert main([*flat, "--help"]) == 0
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["make", "relu", "--precision", "2"], "--precision must be positive"),
        (["table", "import", "t.csv", "--interval", "1", "-1", "--function", "sin"], "--interval must"),
        (["make", "minimax", "exp", "--degree", "-4"], "--degree must be at least 0"),
        (["make", "relu", "--precision", "2^-9", "--multiplications", "6"],
         "--multiplications 6 cannot do this"),
        (["make", "relu", "--precision", "0.1", "--guard", "-1"], "--guard"),
        (["circuits", "chains", "--degree", "7", "-o", "c.json", "--family", "evn"], "'--family'"),
    ],
)  # fmt: skip
def test_errors_name_the_option(
    given: list[str], told: str, capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("0.5,1\n")
    assert main(given) == 2
    assert told in capsys.readouterr().err


def test_only_keywords_become_options(commands: dict[str, Any]) -> None:
    relu = commands["make relu"]
    sentence = "interval=(1, 2) has no levels; a precision is asked for, not backend='x'"
    assert with_options(sentence, relu) == (
        "--interval (1, 2) has no levels; a precision is asked for, not --backend 'x'"
    )
    assert with_options("function must be a name", commands["make minimax"]) == (
        "FUNCTION must be a name"
    )
    sentence = "ring_dimension=4096 is too small; use ring_dimension=8192 or scale_bits=30"
    assert with_options(sentence, commands["encrypted check"]) == (
        "--ring 4096 is too small; use --ring 8192 or --scale 30"
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("make minimax exp", "give either --degree, or one of --precision and --tolerance\n"),
        ("make circuit gelu", "give --multiplications, or --levels\n"),
        ("make approximate gelu --interval -8 8", "give --precision, --tolerance, --multiplications or --levels\n"),
        ("make reciprocal --interval 1 8", "give either --precision, a relative error, or --levels\n"),
        ("make relu", "give --precision, such as 2**-9, or --tolerance, an absolute error\n"),
        ("make step --precision 0.1 --tolerance 0.1",
         "give --precision or --tolerance, not both; got --precision 0.1, --tolerance 0.1\n"),
        ("make relu --precision 0.1 --plot x.gif", "the path of a figure must end in one of .png, .svg, .pdf; got 'x.gif'\n"),
        ("circuits keep nothing.json", "nothing.json does not exist; give a file that `circuits search` wrote\n"),
        ("zoo search geluu", "the zoo has nothing of 'geluu'; its functions are relu, abs, "),
    ],
)
def test_what_is_missing_is_named_as_an_option(given: str, told: str, capsys: Captured) -> None:
    assert main(given.split()) == 2
    assert f": {told}" in capsys.readouterr().err


def test_errors_in_json(capsys: Captured) -> None:
    assert main(["make", "relu", "--precision", "7", "--json"]) == 2
    out, err = capsys.readouterr()
    told = json.loads(err)
    assert out == "" and told["ok"] is False and told["code"] == 2
    assert told["error"].startswith("--precision must be")


def test_standard_output_gets_the_file_alone(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["make", "abs", "--precision", "2^-5", "--output", "-"]) == 0
    table = Path("t.json")
    table.write_text(capsys.readouterr().out)
    assert pa.verify(table).ok
    assert main(["table", "export", "t.json", "--format", "csv", "-o", "-"]) == 0
    assert capsys.readouterr().out.startswith("# ")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["t.json"]


def test_quiet_prints_nothing_and_writes_all(capsys: Captured, tmp_path: Path) -> None:
    table = tmp_path / "t.json"
    assert main(["--quiet", "make", "abs", "--precision", "2^-5", "-o", str(table)]) == 0
    assert main(["table", "verify", str(table), "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["table", "verify", str(table)]) == 0
    assert "supported" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--output", "--plot"])
def test_a_mistyped_folder_is_not_made(option: str, capsys: Captured, tmp_path: Path) -> None:
    lost = tmp_path / "tabels" / "relu.svg"
    assert main(["make", "relu", "--precision", "2^-5", option, str(lost)]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_runner_is_counted_after_two_seconds(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, 3.0, 3.0, 3.0, 4.0, 14.0, 14.0, 14.0])
    monkeypatch.setattr("polyapprox.cli.talk.monotonic", lambda: next(clock))
    run = Talk().counted(list, "trials")
    assert list(run([1, 2, 3, 4])) == [1, 2, 3, 4]
    assert capsys.readouterr().err.splitlines() == [
        "2 of 4 trials of this round, 2 in all, 3 s, 0.67 a second",
        "4 of 4 trials of this round, 4 in all, 14 s, 0.29 a second",
    ]
    clock = iter([0.0, 3.0, 3.0, 3.0, 4.0])
    assert list(Talk().counted(list, "trials", lambda found: found[0])([(0.25,), (0.5,)]))
    assert capsys.readouterr().err == (
        "1 of 2 trials of this round, 1 in all, 3 s, 0.33 a second, best so far 0.25\n"
    )


def test_steps_are_said_where_there_is_no_terminal(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 2.5, 3.0, 4.0, 13.5, 14.0])  # start, update, update and said, update, update and said
    monkeypatch.setattr("polyapprox.cli.talk.monotonic", lambda: next(clock))
    with Steps() as steps:
        task = steps.add_task("epoch 1", total=None, loss="")
        for done, loss in ((1, "loss 3"), (2, "loss 2"), (3, "loss 1"), (4, "loss 0")):
            steps.update(task, completed=done, total=4, loss=loss)
    assert capsys.readouterr().err.splitlines() == ["epoch 1: 2 of 4, loss 2", "epoch 1: 4 of 4, loss 0"]


def test_steps_that_nobody_counts_are_said_by_the_clock(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyapprox.cli.talk.PATIENCE", 0.01)
    with Steps() as steps:
        steps.add_task("errors through digits", total=None)
        time.sleep(0.3)
    assert capsys.readouterr().err == "errors through digits\n"


def test_an_interruption_says_what_is_kept(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "polyapprox.cli", "circuits", "search", "relu",
               "--multiplications", "7", "--record", "r.jsonl"]  # fmt: skip
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs are deaf to it
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=heard) as running:
        for _ in range(600):
            if (tmp_path / "r.jsonl").exists():
                break
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err.strip().splitlines()[-1].startswith("polyapprox: interrupted; every finished trial is")
    assert "Traceback" not in err


def test_a_shell_completes_commands(tmp_path: Path) -> None:
    asked = {"_POLYAPPROX_COMPLETE": "complete_bash", "COMP_WORDS": "polyapprox table ex", "COMP_CWORD": "2"}
    program = "import sys; sys.argv = ['polyapprox']; from polyapprox.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **asked}, cwd=tmp_path,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["export"]


def test_every_exit_code_is_on_the_page() -> None:
    text = (DOCS / "command-line.md").read_text(encoding="utf-8").partition("## Exit codes")[2]
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert told == {0, running.FALSE_CLAIM, running.BAD_INPUT, running.OUTSIDE, running.INTERRUPTED}
