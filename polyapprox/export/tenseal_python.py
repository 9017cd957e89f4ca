# SPDX-License-Identifier: Apache-2.0
"""Python code for TenSEAL: the machine that takes the steps of a plan, and the self-check."""

from __future__ import annotations

MACHINE = '''class Value:
    """A vector, and how many levels it has used; the vector is replaced, never changed."""

    def __init__(self, vector, level):
        self.vector, self.level = vector, level


class Machine:
    """Steps on vectors whose scale TenSEAL always calls the first one.

    What a scale really is, l levels down, over the first one, is scales[l]: it goes into the
    constants. TenSEAL rescales at once, so a product that is not rescaled yet is one that is.
    """

    def __init__(self, *vectors):
        import tenseal.sealapi  # noqa: F401  (registers the type of the primes)

        context = vectors[0].context()
        data = context.seal_context().data
        identity = vectors[0].ciphertext()[0].parms_id()
        chain = data.get_context_data(identity).parms().coeff_modulus()
        self.ratios = [prime.value() / context.global_scale for prime in reversed(chain[1:])]
        if len(self.ratios) < LEVELS:
            raise ValueError(f"{LEVELS} levels are needed, and the input has {len(self.ratios)}")
        self.scales = [1.0]
        for ratio in self.ratios:
            self.scales.append(self.scales[-1] ** 2 / ratio)
        self.zeros = [vectors[0] * 0.0]

    def s(self, level, power):
        return self.scales[level] ** power

    def load(self, vector):
        return Value(vector, 0)

    def operand(self, value, level):
        """The vector; a copy where TenSEAL would lower it in place."""
        return value.vector + 0.0 if value.level < level else value.vector

    def multiply(self, a, b):
        first, second = (a, b) if a.level <= b.level else (b, a)  # copied: the first
        level = second.level
        return Value(first.vector * second.vector, level + 1)

    def square(self, a):
        return Value(a.vector.square(), a.level + 1)

    def rescale(self, a):
        return Value(a.vector, a.level)

    def copy(self, a):
        return Value(a.vector, a.level)

    def term(self, a, drop, constant):
        """constant · a, rescaled by the prime of its own level instead of the lower one's."""
        return a.vector * (constant * self.ratios[a.level] / self.ratios[a.level + drop])

    def scale(self, a, drop, constant):
        made = Value(self.term(a, drop, constant), a.level + 1)
        return self.reduce(made, drop) if drop else made

    def accumulate(self, total, a, drop, constant):
        total.vector = total.vector + self.term(a, drop, constant)

    def reduce(self, a, drop):
        level = a.level + drop
        while len(self.zeros) <= level:
            self.zeros.append(self.zeros[-1] * 1.0)
        return Value(a.vector + self.zeros[level], level)

    def plus(self, a, b):
        level = max(a.level, b.level)
        a.vector, a.level = a.vector + self.operand(b, level), level

    def minus(self, a, b):
        level = max(a.level, b.level)
        same = a.vector is b.vector
        a.vector = a.vector * 0.0 if same else a.vector - self.operand(b, level)
        a.level = level

    def double(self, a):
        a.vector = a.vector + a.vector

    def negate(self, a):
        a.vector = -a.vector

    def shift(self, a, constant):
        a.vector = a.vector + constant
'''

EVALUATE = '''def evaluate({arguments}):
    """The plan on CKKSVectors at the global scale, on which it uses LEVELS levels."""
    on = Machine({arguments})
    {arguments_} = {loads}
{statements}
    return {result}.vector
'''

CHECK = '''def self_check(scale_bits={scale_bits}, first_bits=60):
    """Encrypt the points of CHECK, evaluate, decrypt; the exit code: 0 for PASS, 1 for FAIL."""
    import tenseal as ts

    bits = [first_bits, *[scale_bits] * max(LEVELS, 1), first_bits]
    ring = next((n for n, most in RINGS if sum(bits) <= most), RINGS[-1][0])
    context = ts.context(ts.SCHEME_TYPE.CKKS, ring, coeff_mod_bit_sizes=bits)
    context.global_scale = 2.0**scale_bits
    columns = zip(*(point for point, *_ in CHECK))
    vectors = [ts.ckks_vector(context, list(column)) for column in columns]
    result = evaluate(*vectors)
    before, after = (v.ciphertext()[0].coeff_modulus_size() for v in (vectors[0], result))
    return verdict(result.decrypt(), before - after, scale_bits)
'''

RINGS = "RINGS = ((4096, 109), (8192, 218), (16384, 438), (32768, 881))  # bits at 128-bit security\n"
