"""Exported plans in OpenFHE beside its own evaluator: processor time, one process, turn by turn.

    python benchmarks/exported_openfhe.py

Both files of a table, as they are exported, each in contexts of just the levels it uses; the medians go
to ``results/exported_openfhe.json``. The errors are those of the decrypted values from the polynomial.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import polyapprox as pa
from polyapprox.encrypted.frameworks import interpreter

RESULTS = Path(__file__).parent / "results" / "exported_openfhe.json"
TABLES = (
    ("gelu", 32, (-8, 8)), ("sigmoid", 31, (-8, 8)), ("exp", 15, (-4, 4)), ("1/x", 19, (0.1, 1)),
    ("tanh", 31, (-4, 4)),
)  # fmt: skip
RUN = """
import json, statistics, time
import openfhe as o
import components, plan

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

points = [row[0][0] for row in plan.CHECK]
found = {}
for _ in range(16):
    for module in (plan, components):
        for technique in ("FIXEDMANUAL", "FLEXIBLEAUTO"):
            name = f"{module.__name__} {technique}"
            one = found.setdefault(name, {"context": context(technique, module.LEVELS), "times": []})
            cc, keys = one["context"]
            x = cc.Encrypt(keys.publicKey, cc.MakeCKKSPackedPlaintext(points))
            started = time.process_time()
            y = module.evaluate(cc, x)
            one["times"].append(time.process_time() - started)
            clear = cc.Decrypt(y, keys.secretKey)
            clear.SetLength(len(points))
            off = max(abs(a - row[1]) for a, row in zip(clear.GetRealPackedValue(), plan.CHECK))
            one["error"] = max(one.get("error", 0.0), off)
            one["levels"] = module.LEVELS
for one in found.values():
    del one["context"]
    one["median"] = statistics.median(one.pop("times")[1:])
print(json.dumps(found))
"""


def measured(function: str, degree: int, interval: tuple[float, float]) -> dict[str, object]:
    """Medians, errors and levels of both files of a table."""
    made = pa.minimax(function, degree, interval=interval)
    with tempfile.TemporaryDirectory() as folder:
        for form in ("plan", "components"):
            made.export("openfhe", Path(folder) / f"{form}.py", form=form)  # type: ignore[arg-type]
        (Path(folder) / "go.py").write_text(RUN)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        environment.pop("PYTHONPATH", None)
        said = subprocess.run(
            [str(interpreter.find()[0]), "go.py"], cwd=folder, env=environment,
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    return {
        "table": f"{function} {degree} on {list(interval)}", "bound": made.error_bound,
        **json.loads(said),
    }  # fmt: skip


def main() -> None:
    """Every table."""
    if interpreter.find()[0] is None:
        sys.exit("OpenFHE was not found")
    rows = [measured(*table) for table in TABLES]
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
