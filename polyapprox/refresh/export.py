# SPDX-License-Identifier: Apache-2.0
"""A series as a file for OpenFHE's functional bootstrap, in Python or C++, which runs and checks itself.

``EvalFEFuncBootstrap`` gives 2 Re Σ z_j e^{iπjm} of a message m in [−1/2, 1/2). The file holds z, how x
becomes m, by what the result is multiplied, and what is proven; run by a Python with OpenFHE it
encrypts points, bootstraps, and ends with PASS or FAIL and an exit code.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .. import outward
from ..errors import TableError
from ..files import write_atomically
from ..given import file_path, instance, word
from ..precision import one_at_a_time
from ..targets import as_target
from .depth import BUDGET, SECRETS
from .export_cpp import FILE
from .value import Bootstrapped

SUFFIXES = {"openfhe-fefbt": ".py", "openfhe-fefbt-cpp": ".h"}
FORMATS = tuple(SUFFIXES)
_POINTS = 64
_WAVE = 3e-11  # noise of e^{iπm} measured at scale 2^59 (docs/bootstrapping.md)
_NAMES = ("CENTRE", "WIDTH", "RESULT_SCALE")
_HEADER = '''\
{function} inside OpenFHE's bootstrap; exported by polyapprox for OpenFHE 1.6 ({language}).

function: {function}
interval: {domain}
degree: {degree}
error bound: {bound}
precision bits: {bits}
levels: {depth} by GetFEFBTDepth (budget {budget}, secret {secret}); the input has {input} of them left
noise: of e^(i pi m) comes out at most {amplification} times larger, of x {slope} times (proven)
noise, a forecast: {forecast} at a scale of 2^59 in rings of 2^12 and 2^13, where e^(i pi m) was off by {wave}
largest coefficient: {largest}
security: the parameters of self_check are not secure, for a test

x becomes the message m = (x - {names[0]}) / {names[1]} in [-1/2, 1/2], which is encrypted with {input} levels left
(context() shows it); the result is f(x) / {names[2]}. The layer before can take in {names[0]} and {names[1]},
the layer after {names[2]}. The bound is that of exact arithmetic; noise comes on top.
'''
_FILE = '''"""{header}"""

import math
import sys

CENTRE = {centre}
WIDTH = {width}
RESULT_SCALE = {scale}
ERROR_BOUND = {bound_float}
AMPLIFICATION = {amplification_float}
BUDGET = {budget}
SECRET = "{secret_name}"
# 2 Re sum z_j exp(i pi j m) = f(x) / RESULT_SCALE
COEFFICIENTS = [
{coefficients}
]
# x, and the function there
CHECK = [
{checks}
]


def evaluate(cc, ciphertext):
    """The refreshed ciphertext of f(x) / RESULT_SCALE from one of the messages m."""
    return cc.EvalFEFuncBootstrap(ciphertext, COEFFICIENTS)


def context(ring_dimension=1024, scale_bits=59, after=2):
    """A context with its keys, and the level at which messages are encrypted: for a test, not secure."""
    import openfhe as o

    secret = getattr(o.SecretKeyDist, SECRET)
    first = scale_bits + 1  # what a functional bootstrap demands
    depth = o.CryptoContext.GetFEFBTDepth(BUDGET, COEFFICIENTS, secret, first) + after
    parameters = o.CCParamsCKKSRNS()
    parameters.SetMultiplicativeDepth(depth)
    parameters.SetScalingModSize(scale_bits)
    parameters.SetFirstModSize(first)
    parameters.SetSecurityLevel(o.SecurityLevel.HEStd_NotSet)
    parameters.SetRingDim(ring_dimension)
    parameters.SetBatchSize(ring_dimension // 2)
    parameters.SetSecretKeyDist(secret)
    parameters.SetScalingTechnique(o.ScalingTechnique.FLEXIBLEAUTO)
    cc = o.GenCryptoContext(parameters)
    for feature in ("PKE", "KEYSWITCH", "LEVELEDSHE", "ADVANCEDSHE", "FHE"):
        cc.Enable(getattr(o.PKESchemeFeature, feature))
    cc.EvalFEFuncBootstrapSetup(BUDGET, [0, 0], ring_dimension // 2)
    keys = cc.KeyGen()
    cc.EvalMultKeyGen(keys.secretKey)
    cc.EvalBootstrapKeyGen(keys.secretKey, ring_dimension // 2)
    return cc, keys, depth - (BUDGET[1] + 1)


def self_check():
    """Largest error under encryption, and what is allowed: the bound and twice the noise measured.

    That of e^(i pi m) is measured by series of degree 1, which are exact, on the same ciphertext.
    """
    cc, keys, level = context()
    messages = [(x - CENTRE) / WIDTH for x, _ in CHECK]
    plaintext = cc.MakeCKKSPackedPlaintext(messages, 1, level)
    ciphertext = cc.Encrypt(keys.publicKey, plaintext)

    def decrypted(result):
        plaintext = cc.Decrypt(result, keys.secretKey)
        plaintext.SetLength(len(CHECK))
        return plaintext.GetRealPackedValue()

    values = decrypted(evaluate(cc, ciphertext))
    cosine, sine = (
        decrypted(cc.EvalFEFuncBootstrap(ciphertext, wave)) for wave in ([0.0, 0.5], [0.0, -0.5j])
    )
    noise = max(
        math.hypot(a - math.cos(math.pi * m), b - math.sin(math.pi * m))
        for a, b, m in zip(cosine, sine, messages)
    )
    error = max(abs(y * RESULT_SCALE - value) for y, (_, value) in zip(values, CHECK))
    return error, ERROR_BOUND + 2 * AMPLIFICATION * noise


if __name__ == "__main__":
    error, allowed = self_check()
    passed = error <= allowed
    print(f"{{'PASS' if passed else 'FAIL'}}: largest error {{error:.4g}}, allowed {{allowed:.4g}} (bound and noise)")
    sys.exit(0 if passed else 1)
'''


@one_at_a_time
def export(series: Bootstrapped, format: str, path: str | Path) -> Path:
    """Write a series in the convention of a framework.

    Parameters
    ----------
    series : Bootstrapped
        With a proven bound, of a function that has a name.
    format : {"openfhe-fefbt", "openfhe-fefbt-cpp"}
        A Python file or a C++17 header for OpenFHE 1.6.
    path : str or Path
        The file; it is replaced as a whole or not at all.

    Raises
    ------
    ArgumentError
        If there is no such format.
    NoBoundError
        If nothing is proven of it.
    TableError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile, polyapprox
    >>> r = polyapprox.bootstrapped("sigmoid", 13, interval=(-4, 4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = export(r, "openfhe-fefbt", Path(folder) / "sigmoid.py")
    ...     "EvalFEFuncBootstrap(ciphertext, COEFFICIENTS)" in path.read_text()
    True
    """
    instance("series", series, Bootstrapped, "a function inside the bootstrap (Bootstrapped)")
    word("format", format, FORMATS)
    path = file_path("path", path)
    content = _cpp(series) if format.endswith("-cpp") else _python(series)
    try:
        return write_atomically(path, content.encode())
    except OSError as error:
        raise TableError(f"cannot write {path}: {error.strerror or error}") from error


def _python(series: Bootstrapped) -> str:
    z, (x, values) = series.coefficients(), _checks(series)
    return _FILE.format(
        header=_header(series, "Python", _NAMES),
        **_facts(series),
        coefficients="\n".join(f"    complex({c.real!r}, {c.imag!r})," for c in z),
        checks="\n".join(f"    ({a!r}, {b!r})," for a, b in zip(x, values, strict=True)),
    )


def _cpp(series: Bootstrapped) -> str:
    z, (x, values) = series.coefficients(), _checks(series)
    lines = _header(series, "C++", tuple(name.lower() for name in _NAMES)).splitlines()
    return FILE.format(
        header="\n".join(f"// {line}".rstrip() for line in lines),
        **_facts(series),
        coefficients="\n".join(f"    {{{c.real!r}, {c.imag!r}}}," for c in z),
        checks="\n".join(f"    {{{a!r}, {b!r}}}," for a, b in zip(x, values, strict=True)),
    )


def _checks(series: Bootstrapped) -> tuple[list[float], list[float]]:
    """Points, and the function there."""
    x = _points(series)
    return x.tolist(), as_target(series.function).numpy(x).tolist()


def _header(series: Bootstrapped, language: str, names: tuple[str, ...]) -> str:
    """What every file says."""
    return _HEADER.format(
        language=language,
        names=names,
        function=" ".join(series.function.split()),
        domain=" and ".join(f"[{float(low)!r}, {float(high)!r}]" for low, high in series.domain),
        degree=series.degree,
        bound=outward.upper(series.error_bound),
        bits=outward.lower_places(series.bits, 4),
        depth=series.levels(),
        budget=list(BUDGET),
        secret=SECRETS[0],
        input=BUDGET[1] + 1,
        amplification=outward.upper(series.amplification, 3),
        slope=outward.upper(series.slope_bound, 3),
        forecast=f"{series.amplification * _WAVE:.1e}",
        wave=_WAVE,
        largest=outward.upper(series.largest_coefficient, 6),
    )


def _facts(series: Bootstrapped) -> dict[str, object]:
    """Constants of both files."""
    return {
        "centre": repr(float(series.centre)),
        "width": repr(float(series.width)),
        "scale": repr(series.result_scale),
        "bound_float": repr(series.error_bound),
        "amplification_float": float(outward.upper(series.amplification, 3)),
        "budget": list(BUDGET),
        "budget_values": ", ".join(map(str, BUDGET)),
        "secret_name": SECRETS[0].replace("-", "_").upper(),
    }


def _points(series: Bootstrapped) -> np.ndarray:
    """Points of the domain: ends, evenly spaced ones, and some near kinks."""
    kinks = [float(b) for b in as_target(series.function).breakpoints]
    found = []
    for low, high in ((float(low), float(high)) for low, high in series.domain):
        found += [np.linspace(low, high, _POINTS // len(series.domain))]
        near = [k + (high - low) * step for k in kinks for step in (-1e-3, 0.0, 1e-3)]
        found += [np.array([x for x in near if low <= x <= high])]
    return np.unique(np.concatenate(found))
