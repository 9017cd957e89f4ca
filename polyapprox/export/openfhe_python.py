# SPDX-License-Identifier: Apache-2.0
"""Python code for OpenFHE: the machine that takes the steps of a plan."""

from __future__ import annotations

MACHINE = '''class Machine:
    """Steps on ciphertexts; a product is rescaled by a step of its own.

    With FIXEDMANUAL OpenFHE calls every scale 2^(bits of a scale). What a scale really is, l levels
    down, over the first one, is scales[l]: it goes into the constants. With FLEXIBLEAUTO(EXT) OpenFHE
    rescales and keeps scales itself: levels are left to it, and scales are 1.
    """

    def __init__(self, cc, *inputs):
        import openfhe

        self.cc, name = cc, cc.GetScalingTechnique().name
        if name not in ("FIXEDMANUAL", "FLEXIBLEAUTO", "FLEXIBLEAUTOEXT"):
            raise ValueError(f"the scaling technique is {name}: FIXEDMANUAL or FLEXIBLEAUTO is needed")
        self.manual = name == "FIXEDMANUAL"
        if self.manual and any(x.GetNoiseScaleDeg() != 1 for x in inputs):
            raise ValueError("an input is not rescaled yet: Rescale it first")
        primes = moduli(openfhe.Serialize(cc, openfhe.JSON))[:0:-1]
        self.level = max(x.GetLevel() for x in inputs)
        left = len(primes) - max(x.GetLevel() + x.GetNoiseScaleDeg() - 1 for x in inputs)
        needed = LEVELS + (MORE if self.manual else 0)
        if left < needed:
            raise ValueError(f"{needed} levels are needed, and the input has {left}")
        unit = cc.GetScalingFactorReal(0)
        self.ratios = [prime / unit if self.manual else 1.0 for prime in primes[self.level :]]
        self.scales = [1.0]
        for ratio in self.ratios:
            self.scales.append(self.scales[-1] ** 2 / ratio)

    def s(self, level, power):
        return self.scales[level] ** power

    def load(self, x):
        return self.reduce(x, self.level - x.GetLevel())

    def reduce(self, a, drop):
        return self.cc.LevelReduce(a, None, drop) if self.manual and drop else a.Clone()

    def rescale(self, a):
        """Once for all uses: FLEXIBLEAUTO, whose Rescale does nothing, would do it at each of them."""
        every = 10**6  # moduli that Compress is to leave: it drops none
        return self.cc.Rescale(a) if self.manual else self.cc.Compress(a, every)

    def copy(self, a):
        return a.Clone()

    def multiply(self, a, b):
        return self.cc.EvalMult(a, b)

    def square(self, a):
        return self.cc.EvalSquare(a)

    def scale(self, a, drop, constant):
        made = self.reduce(a, drop)
        self.cc.EvalMultInPlace(made, constant)
        return made

    def accumulate(self, total, a, drop, constant):
        self.cc.EvalAddInPlace(total, self.scale(a, drop, constant))

    def plus(self, a, b):
        self.cc.EvalAddInPlace(a, b)

    def minus(self, a, b):
        self.cc.EvalSubInPlace(a, b)

    def double(self, a):
        self.cc.EvalAddInPlace(a, a.Clone())

    def negate(self, a):
        self.cc.EvalNegateInPlace(a)

    def shift(self, a, constant):
        self.cc.EvalAddInPlace(a, constant)


def moduli(serialised):
    """The moduli of a context; rescalings divide by the last one first."""
    import json

    nodes = [json.loads(serialised)]
    for node in nodes:
        if isinstance(node, dict):
            if "elp" in node:
                parts = node["elp"]["ptr_wrapper"]["data"]["p"]
                return [int(p["ptr_wrapper"]["data"]["value0"]["cm"]["v"]) for p in parts]
            nodes += node.values()
    raise ValueError("this version of OpenFHE writes its moduli differently: use form='components'")
'''

EVALUATE = '''MORE = {more}  # levels with FIXEDMANUAL


def evaluate(cc, {arguments}):
    """The plan on ciphertexts of cc, on which it uses LEVELS levels; fastest with FIXEDMANUAL."""
    on = Machine(cc, {arguments})
    {arguments_} = {loads}
{statements}
    return {result}
'''
