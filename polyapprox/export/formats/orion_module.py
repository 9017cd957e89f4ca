# SPDX-License-Identifier: Apache-2.0
"""Orion v2: a Python module with a layer that networks for Orion's compiler take, and a self-check.

The nodes are those of the container (:mod:`.orion`), each a layer of Orion's own; the compiler places levels
and bootstraps around them. It takes no graph whose branches cross, as those of plans do: a circuit is
written as the polynomial that it is, in one series.
"""

from __future__ import annotations

from dataclasses import replace

from ..job import Format, Job
from ..noise import Noise
from ..pythonic import (
    MAIN,
    VERDICT,
    check_constants,
    docstring,
    encoded,
    noise_constants,
    series_constants,
    stages_of,
)
from ..text import double
from .orion import LOG_N, graph_of

_LEAST_SCALE = 50
_WITH_LAYERS = 4.0

_LAYERS = """import torch
from orion_compiler.nn import Chebyshev, Linear, Module, Mult

INTERVAL = ({low}, {high})


class Series(Chebyshev):
    \"\"\"sum c_k T_k as it stands: nothing is fitted.\"\"\"

    def __init__(self, *coefficients):
        if len(coefficients) == 1:  # Orion's evaluator panics on a constant
            coefficients += (0.0,)
        super().__init__(len(coefficients) - 1, None, within_composite=True)
        self.set_coeffs(list(coefficients))

    @property
    def depth(self):
        return self.degree.bit_length()

    @depth.setter
    def depth(self, value):
        \"\"\"The compiler takes one off behind a linear layer, for a scaling that is not here.\"\"\"

    def forward(self, x):
        before, value = 0.0 * x, 0.0 * x + self.coeffs[-1]
        for c in self.coeffs[-2::-1]:
            before, value = value, 2.0 * x * value - before + c
        return value - x * before  # c_0 + x b_1 - b_2, of b_0 = c_0 + 2 x b_1 - b_2


class {name}(Module):
    \"\"\"{function} on INTERVAL: LEVELS levels, wherever the compiler places them.\"\"\"

    def __init__(self):
        super().__init__()
        layers = []
        for (low, high), coefficients in STAGES:
            if (low, high) != (-1.0, 1.0):
                layers.append(Series(-(low + high) / (high - low), 2 / (high - low)))
            layers.append(Series(*coefficients))
        self.layers = torch.nn.Sequential(*layers)
{more}

    def fit(self, context):
        \"\"\"Orion calls it with the ranges that it measured: inputs must lie in the interval.\"\"\"
        low, high = self.layers[0].input_min, self.layers[0].input_max
        slack = 1e-6 * max(abs(end) for end in INTERVAL)
        if low < INTERVAL[0] - slack or high > INTERVAL[1] + slack:
            raise ValueError(f"inputs from {{low:.4g}} to {{high:.4g}} leave {{INTERVAL}}")

    def forward(self, x):
        return {result}
"""

_CHECK = '''class Network(Module):
    """The layer between two linear ones that change nothing."""

    def __init__(self, size):
        super().__init__()
        self.before, self.function, self.after = Linear(size, size), {name}(), Linear(size, size)
        for layer in (self.before, self.after):
            layer.weight.data, layer.bias.data = torch.eye(size), torch.zeros(size)

    def forward(self, x):
        return self.after(self.function(self.before(x)))


def self_check(scale_bits={scale_bits}, log_n={log_n}):
    """Compile a network, run it on ciphertexts; the exit code: 0 for PASS, 1 for FAIL.

    The parameters are for a test and are not secure; choose your own for use.
    """
    from lattigo import ckks, rlwe
    from orion_compiler import CKKSParams, Compiler
    from orion_evaluator import Evaluator, Model

    used = LEVELS + 2
    given = dict(
        logn=log_n, logq=(60,) + (scale_bits,) * used, logp=(61, 61), log_default_scale=scale_bits,
        h=192, ring_type="standard",
    )
    points = [point[0] for point, *_ in CHECK]
    network = Network(len(points))
    with Compiler(network, CKKSParams(**given)) as compiler:
        compiler.fit(torch.tensor([points]))
        compiled = compiler.compile()
    parameters = ckks.Parameters.from_dict(given)
    generator = rlwe.KeyGenerator(parameters)
    secret = generator.gen_secret_key()
    turns = [generator.gen_galois_key(secret, one) for one in compiled.manifest.galois_elements]
    keys = rlwe.MemEvaluationKeySet(generator.gen_relin_key(secret), turns).marshal_binary()
    encoder, slots = ckks.Encoder(parameters), 1 << (log_n - 1)
    padded = points + [0.0] * (slots - len(points))
    plain = encoder.encode(padded, compiled.input_level, parameters.default_scale())
    fresh = rlwe.Encryptor(parameters, generator.gen_public_key(secret)).encrypt_new(plain)
    model = Model.load(compiled.to_bytes())
    evaluator = Evaluator({{**given, "boot_logp": [], "btp_logn": 0}}, bytes(keys))
    answer = evaluator.forward(model, [bytes(fresh.marshal_binary())])[0]
    result = rlwe.Ciphertext.unmarshal_binary(bytes(answer))
    values = encoder.decode(rlwe.Decryptor(parameters, secret).decrypt_new(result), slots)
    return verdict(values[: len(points)], compiled.input_level - int(result.level()) - 2, scale_bits, 2 * slots)
'''


def _write(job: Job) -> bytes:
    chain, name = stages_of(job), _class(job)
    low, high = (double(end) for end in job.approximation.interval)
    more, result = "", "self.layers(x)"
    if chain.final == "gate":
        more, result = "        self.gate = Mult()\n", f"self.gate(x, {result})"
    if chain.offset:
        more, result = f"{more}        self.offset = Series(OFFSET, 1.0)\n", f"self.offset({result})"
    code = _LAYERS.format(
        low=low, high=high, name=name, function=job.approximation.function, more=more.rstrip(),
        result=result,
    )  # fmt: skip
    notes = ("", f"{name}() is a layer for networks of orion_compiler.nn.")
    check = _CHECK.format(name=name, scale_bits=job.noise.chosen(_LEAST_SCALE), log_n=LOG_N)
    return encoded(
        docstring(job, *notes), series_constants(job, chain), code, noise_constants(job),
        check_constants(job), VERDICT, check, MAIN,
    )  # fmt: skip


def _class(job: Job) -> str:
    return "".join(part.capitalize() for part in job.name.split("_"))


def _levels(job: Job) -> int:
    return graph_of(job)[2]


def _noise(job: Job, noise: Noise) -> Noise:
    """The linear layers of the self-check have noise too."""
    return replace(noise, at_40=_WITH_LAYERS * noise.at_40)


FORMAT = Format(
    "orion-module", ".py", ("components",), "double", "lattigo", "Orion v2 (layer, Python)", _write,
    scheme="lattigo-sparse", levels=_levels, noise=_noise, plans_as_series=True,
    security="the parameters of self_check are not secure",
)  # fmt: skip
