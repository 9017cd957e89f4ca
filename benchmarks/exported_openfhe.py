"""Exported circuits and polynomials in OpenFHE beside its own evaluator, at equal error.

    python benchmarks/exported_openfhe.py [--rounds 25]

For each function an error: the proven bound of a shipped circuit. Contestants that reach it:

=============  =====================================================================================
interpolant    what ``EvalChebyshevFunction`` makes and evaluates: interpolation at Chebyshev nodes,
               the least degree that reaches the error (sampled); none for the sign, where no degree
               up to 500 does
minimax        the least degree whose proven bound does; exported as components (OpenFHE's evaluator)
               and as plan
circuit        the plan of the circuit
=============  =====================================================================================

Processor time, all turn by turn in one process, each in contexts of just the levels that it uses, with
FIXEDMANUAL and FLEXIBLEAUTO; medians go to ``results/exported_openfhe.json``, with the largest error of
decrypted values from the function.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import write

import polyapprox as pa
from polyapprox.cost.models import cost_model
from polyapprox.encrypted.frameworks import interpreter
from polyapprox.export import export
from polyapprox.targets import as_target

Interval = tuple[float, float]
TABLES: tuple[tuple[str, int, Interval], ...] = (
    ("gelu", 5, (-8, 8)), ("gelu", 6, (-8, 8)), ("sigmoid", 5, (-8, 8)), ("sigmoid", 6, (-8, 8)), ("exp", 3, (-8, 0)),
    ("1/x", 5, (2**-5, 1)), ("1/x", 6, (2**-5, 1)), ("sign", 8, (2**-5, 1)), ("sign", 9, (2**-6, 1)),
    ("tanh", 5, (-4, 4)), ("tanh", 6, (-4, 4)),
)  # fmt: skip
MOST, POINTS = 500, 2048
INTERPOLANT = """LEVELS = {levels}
COEFFICIENTS = {coefficients}

def evaluate(cc, x):
    return cc.EvalChebyshevSeries(x, COEFFICIENTS, {low!r}, {high!r})
"""
RUN = """
import importlib, json, statistics, sys, time
import openfhe as o

def context(technique, depth):
    parameters = o.CCParamsCKKSRNS()
    parameters.SetMultiplicativeDepth(depth)
    parameters.SetScalingModSize(50)
    parameters.SetFirstModSize(60)
    parameters.SetSecurityLevel(o.SecurityLevel.HEStd_NotSet)
    parameters.SetRingDim(8192)
    parameters.SetBatchSize(4096)
    parameters.SetScalingTechnique(getattr(o.ScalingTechnique, technique))
    cc = o.GenCryptoContext(parameters)
    for feature in ("PKE", "KEYSWITCH", "LEVELEDSHE", "ADVANCEDSHE"):
        cc.Enable(getattr(o.PKESchemeFeature, feature))
    keys = cc.KeyGen()
    cc.EvalMultKeyGen(keys.secretKey)
    return cc, keys

given = json.load(open("given.json"))
modules = {name: importlib.import_module(name) for name in given["names"]}
found = {}
for number in range(given["rounds"] + 1):
    for name, module in modules.items():
        levels = module.LEVELS + getattr(module, "MORE", 0)
        for technique in ("FIXEDMANUAL", "FLEXIBLEAUTO"):
            one = found.setdefault(f"{name} {technique}", {"times": [], "levels": levels})
            if "context" not in one:
                one["context"] = context(technique, levels)
            cc, keys = one["context"]
            x = cc.Encrypt(keys.publicKey, cc.MakeCKKSPackedPlaintext(given["points"]))
            started = time.process_time()
            y = module.evaluate(cc, x)
            if number:
                one["times"].append(time.process_time() - started)
            clear = cc.Decrypt(y, keys.secretKey)
            clear.SetLength(len(given["points"]))
            off = max(abs(a - b) for a, b in zip(clear.GetRealPackedValue(), given["values"]))
            one["error"] = max(one.get("error", 0.0), off)
for one in found.values():
    del one["context"]
    one["median"] = statistics.median(one.pop("times"))
print(json.dumps(found))
"""


def on(function: str, interval: Interval, count: int) -> np.ndarray:
    """Points of the domain: of both sides for the sign."""
    found = np.linspace(*interval, count)
    return np.concatenate([-found[::-2], found[::2]]) if function == "sign" else found


def interpolant(value: Callable[[np.ndarray], np.ndarray], interval: Interval, error: float) -> np.ndarray | None:
    """Coefficients of the least degree that reaches the error, c_0 doubled; None: none does."""
    low, high = interval
    x = np.linspace(-1, 1, 20_001)
    exact = value((x + 1) * (high - low) / 2 + low)
    for degree in range(2, MOST + 1):
        made = np.polynomial.chebyshev.chebinterpolate(
            lambda u: value((u + 1) * (high - low) / 2 + low), degree
        )
        if np.max(np.abs(np.polynomial.chebyshev.chebval(x, made) - exact)) <= error:
            made[0] *= 2
            return np.asarray(made)
    return None


def minimax(function: str, interval: Interval, error: float) -> pa.Approximation:
    """The least degree whose bound reaches the error; the sign's stages are composed."""
    if function == "sign":
        return pa.sign(tolerance=error, threshold=interval[0])
    return pa.minimax(function, tolerance=error, interval=interval)


def measured(function: str, products: int, interval: Interval, rounds: int) -> dict[str, Any]:
    """Medians, errors and levels of all contestants."""
    circuit = pa.circuit(function, multiplications=products, interval=interval)
    error = circuit.error_bound
    best = minimax(function, interval, error)
    value = as_target(function).numpy
    with tempfile.TemporaryDirectory() as folder:
        export(circuit, "openfhe", Path(folder) / "circuit.py", form="plan")
        export(best, "openfhe", Path(folder) / "plan.py", form="plan")
        export(best, "openfhe", Path(folder) / "evaluator.py", form="components")
        names = ["circuit", "plan", "evaluator"]
        own = None if function == "sign" else interpolant(value, interval, error)
        if own is not None:
            levels = cost_model("openfhe").polynomial_levels(len(own) - 1, interval)
            text = INTERPOLANT.format(
                levels=levels, coefficients=own.tolist(), low=float(interval[0]), high=float(interval[1])
            )
            (Path(folder) / "interpolant.py").write_text(text)
            names.append("interpolant")
        points = on(function, interval, POINTS)
        given = {
            "names": names, "rounds": rounds, "points": points.tolist(),
            "values": np.asarray(value(points)).tolist(),
        }  # fmt: skip
        (Path(folder) / "given.json").write_text(json.dumps(given))
        (Path(folder) / "go.py").write_text(RUN)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        environment.pop("PYTHONPATH", None)
        said = subprocess.run(
            [str(interpreter.find()[0]), "go.py"], cwd=folder, env=environment,
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    return {
        "function": function, "interval": list(interval), "error": error, "products": products,
        "degrees": list(best.degrees), "interpolant": None if own is None else len(own) - 1,
        **json.loads(said),
    }  # fmt: skip


def main() -> None:
    """Every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--only", type=int, nargs="+", help="rows to run, for a look")
    chosen = parser.parse_args()
    if interpreter.find()[0] is None:
        sys.exit("OpenFHE was not found")
    rows = []
    for number, table in enumerate(TABLES):
        if chosen.only is None or number in chosen.only:
            rows.append(measured(*table, chosen.rounds))
            medians = {k: v["median"] for k, v in rows[-1].items() if isinstance(v, dict)}
            base = {t: min(v for k, v in medians.items() if k.split()[0] in ("evaluator", "interpolant") and t in k)
                    for t in ("FIXEDMANUAL", "FLEXIBLEAUTO")}
            ratios = {k: round(v / base[k.split()[1]], 3) for k, v in medians.items()}
            if chosen.only is None:
                write("exported_openfhe", {"rounds": chosen.rounds, "rows": rows})
            print(table, rows[-1]["error"], rows[-1]["degrees"], rows[-1]["interpolant"], ratios, flush=True)


if __name__ == "__main__":
    main()
