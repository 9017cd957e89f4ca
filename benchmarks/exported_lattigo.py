"""Exported circuits and polynomials in Lattigo beside its own evaluator, at equal error.

    python benchmarks/exported_lattigo.py MODULE [--rounds 15]

The functions, errors and minimax polynomials of ``exported_openfhe.py``: the circuit and the polynomial as
plans, and the polynomial by Lattigo's own evaluator (``form="components"``). MODULE is a folder with a go.mod
that resolves Lattigo's sources. One thread, ring 2^13, scale 2^50, turn by turn in one process, each on
parameters of just its levels; medians go to ``results/exported_lattigo.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import write
from exported_openfhe import TABLES, minimax

import polyapprox as pa

MAIN = """package main

import (
	"encoding/json"
	"os"
	"sort"
	"time"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/schemes/ckks"
{imports}
)

type way struct {{
	name     string
	levels   int
	evaluate func(*ckks.Evaluator, *rlwe.Ciphertext) (*rlwe.Ciphertext, error)
	eval     *ckks.Evaluator
	input    *rlwe.Ciphertext
	times    []float64
}}

func main() {{
	ways := []*way{{
{ways}
	}}
	for _, w := range ways {{
		logQ := []int{{60}}
		for i := 0; i < w.levels; i++ {{
			logQ = append(logQ, 50)
		}}
		params, err := ckks.NewParametersFromLiteral(ckks.ParametersLiteral{{
			LogN: 13, LogQ: logQ, LogP: []int{{60}}, LogDefaultScale: 50,
		}})
		check(err)
		keys := rlwe.NewKeyGenerator(params)
		secret := keys.GenSecretKeyNew()
		w.eval = ckks.NewEvaluator(params, rlwe.NewMemEvaluationKeySet(keys.GenRelinearizationKeyNew(secret)))
		plain := ckks.NewPlaintext(params, params.MaxLevel())
		values := make([]float64, params.MaxSlots())
		for i := range values {{
			values[i] = 0.5
		}}
		check(ckks.NewEncoder(params).Encode(values, plain))
		w.input, err = rlwe.NewEncryptor(params, secret).EncryptNew(plain)
		check(err)
	}}
	found := map[string]map[string]float64{{}}
	for round := 0; round <= {rounds}; round++ {{
		for _, w := range ways {{
			started := time.Now()
			_, err := w.evaluate(w.eval, w.input)
			check(err)
			if round > 0 {{
				w.times = append(w.times, time.Since(started).Seconds())
			}}
		}}
	}}
	for _, w := range ways {{
		sort.Float64s(w.times)
		found[w.name] = map[string]float64{{"median": w.times[len(w.times)/2], "levels": float64(w.levels)}}
	}}
	check(json.NewEncoder(os.Stdout).Encode(found))
}}

func check(err error) {{
	if err != nil {{
		panic(err)
	}}
}}
"""


def measured(module: Path, go: str, row: tuple[Any, ...], rounds: int) -> dict[str, Any]:
    """Medians and levels of the three ways of one function."""
    function, products, interval = row
    circuit = pa.circuit(function, multiplications=products, interval=interval)
    best = minimax(function, interval, circuit.error_bound)
    forms = {"circuit": (circuit, "plan"), "plan": (best, "plan"), "evaluator": (best, "components")}
    name = re.search(r"^module (\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    with tempfile.TemporaryDirectory(dir=module, prefix="timing") as folder:
        imports, ways = [], []
        for way, (one, form) in forms.items():
            path = Path(folder) / way / "exported.go"
            path.parent.mkdir()
            one.export("lattigo", path, form=form)  # type: ignore[arg-type]
            path.write_text(path.read_text().replace("package polyapprox", f"package {way}", 1))
            imports.append(f'\t"{name[1] if name else ""}/{Path(folder).name}/{way}"')
            ways.append(f'\t\t{{name: "{way}", levels: {way}.Levels, evaluate: {way}.Evaluate}},')
        text = MAIN.format(imports="\n".join(imports), ways="\n".join(ways), rounds=rounds)
        (Path(folder) / "main.go").write_text(text)
        done = subprocess.run(
            [go, "run", f"./{Path(folder).name}"], cwd=module, capture_output=True, text=True, check=False,
            env={**os.environ, "GOFLAGS": "-mod=mod", "GOMAXPROCS": "1"},
        )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr)
    return {
        "function": function, "interval": list(interval), "error": circuit.error_bound, "products": products,
        "degrees": list(best.degrees), **json.loads(done.stdout),
    }  # fmt: skip


def main() -> None:
    """Every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    go = shutil.which("go", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if go is None:
        sys.exit("Go was not found")
    rows = []
    for table in TABLES:
        rows.append(measured(given.module.resolve(), go, table, given.rounds))
        write("exported_lattigo", {"rounds": given.rounds, "rows": rows})
        own = rows[-1]["evaluator"]["median"]
        print(table, {way: round(rows[-1][way]["median"] / own, 3) for way in ("circuit", "plan")}, flush=True)


if __name__ == "__main__":
    main()
