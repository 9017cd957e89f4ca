"""The command line on functions inside the bootstrap, and the choices beside one."""

import json

import pytest

import polyapprox as pa
from polyapprox.cli import main
from polyapprox.errors import ArgumentError
from polyapprox.refresh.choices import beside_refresh
from polyapprox.refresh.latency import refresh_model


def _json(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_series_is_made_shown_verified_and_exported(tmp_path, capsys):
    table, code = str(tmp_path / "gelu.json"), str(tmp_path / "gelu.py")
    made = _json(capsys, "bootstrapped", "gelu", "--degree", "13", "--interval", "-8", "8", "--output", table)
    series = pa.load_bootstrapped(table)
    assert made["error_bound"] == series.error_bound and made["depth"] == 19
    assert _json(capsys, "show", table)["degree"] == 13
    assert _json(capsys, "verify", table)["ok"] is True
    assert _json(capsys, "export", table, "--format", "openfhe-fefbt", "--output", code)["files"] == [code]
    assert main(["bootstrapped", "gelu", "--precision", "2^-9", "--interval", "-8", "8"]) == 0
    assert "degree 13" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["bootstrapped", "relu"], "give either --degree"),
        (["bootstrapped", "relu", "--degree", "0"], "degree must be at least 1"),
        (["bootstrapped", "relu", "--degree", "5", "--extension", "1"], "extension must be from 2"),
        (["show", "TABLE", "--plan"], "has no plan"),
        (["export", "TABLE", "--format", "lattigo", "--output", "x.go"], "format must be one of"),
        (["export", "TABLE", "--format", "openfhe-fefbt", "--form", "plan", "--output", "x.py"], "one form"),
        (["encrypt-check", "TABLE", "--backend", "lattigo"], "runs in openfhe"),
        (["encrypt-check", "TABLE", "--ring", "3000"], "power of two"),
    ],
)
def test_bad_use_is_one_sentence(arguments, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pa.bootstrapped("relu", 5).save("relu.json")
    assert main([one.replace("TABLE", "relu.json") for one in arguments]) == 2
    told = capsys.readouterr().err
    assert sentence in told and "Traceback" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["relu.json"]


def test_a_false_table_ends_in_one(tmp_path, capsys):
    from polyapprox.refresh.table import document_of
    from polyapprox.table.schema import content_hash

    document = document_of(pa.bootstrapped("abs", 5))
    document["certificate"].update(upper="0.0009765625", bits=53)
    document.update(bound="0.0009765625", precision_bits="10.0")
    document["sha256"] = content_hash(document)
    path = tmp_path / "false.json"
    path.write_text(json.dumps(document))
    assert main(["verify", str(path)]) == 1
    assert "can be proven" in capsys.readouterr().err


def test_choices_beside_a_bootstrap(capsys):
    front = pa.pareto("relu", precision=2**-8)
    ways = beside_refresh(front)
    series = next(one for one in ways if one.way.startswith("series"))
    plain = [one for one in ways if one.way.startswith("bootstrap, then")]
    assert (series.way, series.levels, series.chain) == ("series of degree 27", 20, 23)
    assert len(plain) == len(front.rows)
    assert min(one.levels for one in plain) == 15 + front.rows[0].levels > series.levels
    assert series.seconds < min(one.seconds for one in plain)
    assert any("cos" in one.way for one in ways)
    assert all(one.bits >= 8 for one in ways)
    shown = _json(capsys, "pareto", "relu", "--precision", "2^-8", "--bootstrap")
    assert [one["way"] for one in shown["bootstrap"]] == [one.way for one in ways]
    assert main(["pareto", "relu", "--precision", "2^-8", "--bootstrap"]) == 0
    assert "next to a bootstrap" in capsys.readouterr().out


def test_seconds_grow_with_levels_and_rings():
    model = refresh_model()
    assert model.seconds("plain", 30) > model.seconds("plain", 25) > 0
    assert 2 < model.seconds("series", 25, 2 * model.ring_dimension) / model.seconds("series", 25) < 2.5
    with pytest.raises(ArgumentError, match="kind must be one of"):
        model.seconds("other", 25)
