"""Softmax and LayerNorm on ciphertexts of OpenFHE: the plan that was proven, one vector in the slots of one."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import vectors

import polyapprox as pa
from polyapprox.encrypted.frameworks.openfhe import find_interpreter

INTERPRETER, FOUND = find_interpreter()
pytestmark = pytest.mark.skipif(not FOUND.found, reason=f"{FOUND.reason}: {FOUND.remedy}")
WORKER = Path(__file__).with_name("wholes_worker.py")
NOISE = 2.0**-18  # of the ciphertexts, beside the proven bound


class Written:
    """Takes the place of the vector in a plan, and writes down what is done to it."""

    def __init__(self, operations, place, length):
        self.operations, self.place, self.shape = operations, place, (length,)

    def _then(self, kind, *rest):
        self.operations.append([kind, self.place, *rest])
        return Written(self.operations, len(self.operations), self.shape[0])

    def _with(self, kind, other):
        if isinstance(other, Written):
            return self._then(kind, False, other.place)
        return self._then(kind, True, float(other))

    def __mul__(self, other):
        return 0 if isinstance(other, int) and other == 0 else self._with("multiply", other)

    def __add__(self, other):
        return self if isinstance(other, int) and other == 0 else self._with("add", other)

    def __sub__(self, other):
        return self._with("subtract", other)

    def __neg__(self):
        return self._with("multiply", -1.0)

    def __rsub__(self, other):
        return -self + other

    __rmul__, __radd__ = __mul__, __add__

    def sum(self, axis, keepdims):
        assert (axis, keepdims) == (-1, True)
        return self._then("sum")


@pytest.mark.parametrize("kind", ["softmax", "softmax of a rough sum", "layer_norm"])
def test_within_the_bound_on_ciphertexts(kind):
    n = 16
    if kind == "softmax":
        whole = pa.softmax(n, scores=(-8, 0), maximum=(-1, 0), precision=2**-10)
        x = vectors.scores(n, -8, 0, (-1, 0), 3, 5)
        true = vectors.softmax(x)
    elif kind == "softmax of a rough sum":
        whole = pa.softmax(n, scores=(-40, 0), maximum=(-1, 0), precision=2**-8)
        assert "rough exp" in whole.parts
        x = vectors.scores(n, -40, 0, (-1, 0), 3, 5)
        true = vectors.softmax(x)
    else:
        whole = pa.layer_norm(n, variance=(0.15, 10), precision=1e-2)
        x = vectors.with_variance(n, 0.15, 10, 3, 5)
        true = vectors.layer_norm(x)
    operations = []
    whole.plan.run(Written(operations, 0, n))
    given = {"length": n, "depth": whole.counts("standalone").levels + 1, "operations": operations,
             "vectors": x.tolist()}  # fmt: skip
    ended = subprocess.run([INTERPRETER, str(WORKER)], input=json.dumps(given), text=True,
                           capture_output=True, check=True)  # fmt: skip
    error = np.abs(np.array(json.loads(ended.stdout)) - true).max()
    print(f"{kind}: {whole.levels} levels, error {error:.3g}, proven {whole.error_bound:.3g}")
    assert error <= whole.error_bound + NOISE
