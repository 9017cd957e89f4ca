"""Functions inside OpenFHE's bootstrap: its counts are ours, and measured errors are within what is proven."""

import subprocess

import numpy as np
import pytest

import polyapprox as pa
from polyapprox.encrypted.frameworks.interpreter import find
from polyapprox.errors import ArgumentError
from polyapprox.refresh.depth import NATURAL_DEGREES, SECRETS, functional_depth, plain_depth
from polyapprox.refresh.run import Setting, run, run_in_cosine, run_plainly
from polyapprox.targets import ARCCOSINE

PYTHON, FOUND = find()
pytestmark = pytest.mark.skipif(not FOUND.found, reason=f"{FOUND.reason}: {FOUND.remedy}")
SMALL = Setting(1 << 10)
COUNT = """
import openfhe as o
for name in ("SPARSE_ENCAPSULATED", "SPARSE_TERNARY", "UNIFORM_TERNARY"):
    secret = getattr(o.SecretKeyDist, name)
    for budget in ([1, 1], [3, 2], [4, 4]):
        print(name, *budget, o.CryptoContext.GetBootstrapDepth(budget, secret),
              *(o.CryptoContext.GetFEFBTDepth(budget, [0.5] + [0.1] * n, secret) for n in DEGREES))
"""


def test_our_counts_are_those_of_openfhe():
    degrees = sorted({*NATURAL_DEGREES, *(n + 1 for n in NATURAL_DEGREES[:-1]), 31, 63})
    code = COUNT.replace("DEGREES", repr(degrees))
    ended = subprocess.run([str(PYTHON), "-c", code], capture_output=True, text=True, check=True)
    lines = ended.stdout.split("\n")[:-1]
    assert len(lines) == 9
    for line in lines:
        name, first, second, plain, *counts = line.split()
        secret, budget = name.lower().replace("_", "-"), (int(first), int(second))
        assert secret in SECRETS
        assert int(plain) == plain_depth(budget, secret)
        assert [int(one) for one in counts] == [functional_depth(n, budget, secret) for n in degrees]


@pytest.mark.parametrize(
    ("function", "degree", "where"),
    [("relu", 27, {"interval": (-50, 50)}), ("gelu", 13, {"interval": (-8, 8)}),
     ("exp", 13, {"interval": (-8, 0)}), ("sign", 13, {"domain": [(-1, -0.25), (0.25, 1)]}),
     ("relu", 4, {"interval": (-3, 17)}), ("sigmoid", 27, {"interval": (-8, 8), "extension": 3})],
)  # fmt: skip
def test_errors_are_within_bound_and_noise(function, degree, where):
    series = pa.bootstrapped(function, degree, **where)
    ended = run(series, setting=SMALL)
    assert ended.within and ended.levels == ended.counted == series.levels()
    assert ended.largest_error > 0.9 * series.error_bound - ended.stated_noise
    assert ended.wave_noise < 1e-8 and ended.left >= SMALL.after
    clear = np.max(np.abs(ended.values - series(ended.x)))
    assert clear <= ended.stated_noise + 1e-12


def test_after_a_refresh_to_the_cosine_and_after_a_plain_one():
    circuit = pa.circuit(ARCCOSINE, multiplications=4)
    line = pa.bootstrapped("x", 13, guard=0)
    found = run_in_cosine(circuit, line, SMALL)
    assert found.largest_error <= circuit.error_bound / 2 + line.error_bound + 1e-6
    plain = pa.circuit("relu", multiplications=5)
    beside = run_plainly(plain, np.linspace(-1, 1, 512), SMALL)
    assert beside.largest_error <= plain.error_bound + 1e-5
    assert found.levels < beside.levels


def test_the_exported_file_passes_and_a_false_one_fails(tmp_path):
    series = pa.bootstrapped("silu", 13, interval=(-8, 8))
    path = series.export("openfhe-fefbt", tmp_path / "silu.py")
    ended = subprocess.run([str(PYTHON), str(path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0 and ended.stdout.startswith("PASS")
    text = path.read_text()
    path.write_text(text.replace(f"ERROR_BOUND = {series.error_bound!r}", "ERROR_BOUND = 1e-6"))
    ended = subprocess.run([str(PYTHON), str(path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and ended.stdout.startswith("FAIL")


def test_bad_inputs_get_a_sentence():
    series = pa.bootstrapped("relu", 5)
    with pytest.raises(ArgumentError, match="outside the domain"):
        run(series, [1.5], SMALL)
    with pytest.raises(ArgumentError, match="1 to 512 values"):
        run(series, np.zeros(513), SMALL)
    with pytest.raises(ArgumentError, match="power of two"):
        Setting(3000)
