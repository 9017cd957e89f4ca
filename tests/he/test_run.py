"""The commands on real ciphertexts."""

import json

import pytest

import polyapprox as pa
from polyapprox.cli import main
from polyapprox.encrypted import backend

FOUND = backend("openfhe").find()
pytestmark = pytest.mark.skipif(not FOUND.found, reason=f"{FOUND.reason}: {FOUND.remedy}")


@pytest.fixture
def table(tmp_path):
    return str(pa.circuit("relu", multiplications=5).save(tmp_path / "relu.json"))


def test_encrypt_check_prints_measured_beside_proven(table, tmp_path, capsys):
    figure = tmp_path / "error.svg"
    assert main(["encrypt-check", table, "--ring", "2^11", "--plot", str(figure), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["within"] and found["security"] == "not secure, for tests"
    assert found["levels_used"] == found["levels_counted"] == 5
    assert 0.9 * found["error_bound"] < found["largest_error"] < 1.01 * found["error_bound"]
    assert "decrypted" in figure.read_text()


def test_encrypt_check_for_humans_names_security_and_rule(table, capsys):
    assert main(["encrypt-check", table, "--ring", "2^11", "--scale", "45"]) == 0
    page = capsys.readouterr().out
    assert "not secure, for tests" in page and 'rule "published"' in page
    assert "scale 2^45" in page and "within proven bound" in page


def test_encrypt_check_refuses_too_few_levels(table, capsys):
    assert main(["encrypt-check", table, "--levels", "3"]) == 2
    said = capsys.readouterr().err
    assert "--levels 3" in said and said.count("\n") == 1


def test_bench_has_every_contestant_and_ours_is_the_fastest(capsys, tmp_path):
    output = tmp_path / "bench.json"
    command = ["bench", "encrypted", "--precision", "7", "--ring", "2^11", "--repeats", "1"]
    assert main([*command, "--output", str(output)]) == 0
    (contest,) = json.loads(output.read_text())["contests"]
    names = [entry["name"] for entry in contest["entries"]]
    assert set(names) == {"ours", "published plan", "published", "framework"}
    for entry in contest["entries"]:
        assert entry["largest_error"] <= 2.0**-7 and entry["levels_used"] == entry["levels"]
    assert contest["ratio"] < 1
