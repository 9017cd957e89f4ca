# SPDX-License-Identifier: Apache-2.0
"""From a plan to the steps that a framework takes on ciphertexts, rescaling as late as possible.

What the steps compute is the plan; what they save is time:

* a sum of products with constants is added up at the double scale and rescaled once;
* a product of ciphertexts that is only used in one sum is rescaled with that sum;
* where a ciphertext must be brought to another level, it is dropped there, which is free; the
  scale is tracked exactly, and what is left of it goes into constants that are multiplied anyway;
* a squaring is a squaring.

Every value gets the level that the plan's count gives it, so levels used are levels counted.
The scale at level l is *canonical* if it is s_l with s_{l+1} = s_l² / q_l, and s_L the scale where the
result has used L levels (s_0 the scale, where that of the input is fixed); where products of different
scales are added up, they are first made canonical (one more product with a constant, no level).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ..errors import ArgumentError
from .count import Rule, input_scaling, is_free, levels
from .plan import Operation, Plan

Step = tuple[Any, ...]  # (name, slot, …): see `Schedule`
_SAME = 1e-13  # scales that differ by less are the same
_MOST_ADDED = 2  # products with constants, to save a rescaling
_GROWTH = 2.0  # of the largest constant, likewise


@dataclass(frozen=True)
class Schedule:
    """Steps on numbered slots, each holding a ciphertext.

    =====================================  ==================================================
    ("load", d, k)                         d = the k-th encrypted argument
    ("reduce", d, a, n)                    d = a, n levels lower (the value stays)
    ("scale", d, a, n, c)                  d = c · a, a taken n levels lower; scale doubled
    ("accumulate", d, a, n, c)             d += c · a, likewise
    ("copy", d, a)                         d = a
    ("plus", d, a), ("minus", d, a)        d += a, d −= a
    ("double", d), ("negate", d)           in place
    ("shift", d, c)                        d += c
    ("multiply", d, a, b), ("square", d, a)  relinearised, not rescaled
    ("rescale", d, a)                      d = a, one level lower
    ("free", a)                            a is not needed any more
    =====================================  ==================================================

    The constants are what is given to a framework whose scale is always called 2^scale_bits.

    Attributes
    ----------
    steps : tuple of Step
    output : int
        Slot of the result.
    levels : int
        Used from the input to the result.
    scale : float
        The result's true scale.
    factors : tuple of float
        With what each argument is multiplied before it is encrypted.
    rule : {"published", "standalone"}
        "published" if the scaling of the input is folded into `factors`.
    """

    steps: tuple[Step, ...]
    output: int
    levels: int
    scale: float
    factors: tuple[float, ...]
    rule: Rule

    def number(self, *names: str) -> int:
        """How many steps of these names there are."""
        return sum(step[0] in names for step in self.steps)


def schedule(
    plan: Plan,
    primes: Sequence[int],
    scale_bits: int,
    *,
    fold_input: bool = True,
    unit: float | None = None,
    back: bool = False,
) -> Schedule:
    """The steps of a plan.

    Parameters
    ----------
    plan : Plan
    primes : sequence of int
        The moduli in the order in which rescalings divide by them.
    scale_bits : int
        log2 of the scale.
    fold_input : bool
        Fold the scaling of the input into the encryption, where it is the input's only use
        (counting rule "published"), and with it a scale of the input from which all scales stay
        close to the first one, however deep the plan; otherwise the scaling uses its level (rule
        "standalone"), and the input has the scale.
    unit : float, optional
        The scale itself, instead of 2^scale_bits (for symbols: :mod:`polyapprox.plan.symbolic`).
    back : bool
        Bring the result's true scale back to the first one, for a framework that cannot be told
        another; without it the scale is canonical.

    Raises
    ------
    ArgumentError
        If the plan needs more levels than there are primes, or its scale cannot be brought back.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> plan = circuit("relu", multiplications=3).plan
    >>> made = schedule(plan, [(1 << 50) + 1] * 3, 50)
    >>> made.levels, made.rule, made.number("multiply", "square")
    (3, 'published', 3)
    """
    exact: dict[int, float | None] = {}
    while True:
        first = 2.0**scale_bits if unit is None else unit
        lowering = _Lowering(plan, primes, first, fold_input, exact, back)
        try:
            return lowering.run()
        except _ConflictError as conflict:
            if conflict.products.items() <= exact.items():
                raise ArgumentError(
                    "the plan adds up products whose scales cannot be made equal"
                ) from None
            exact |= conflict.products


class _ConflictError(Exception):
    """Products (indices of operations) that must have a scale; None: the canonical one."""

    def __init__(self, products: dict[int, float | None]) -> None:
        super().__init__(products)
        self.products = products


@dataclass
class _Base:
    """A ciphertext: of an argument, a product or a sum."""

    level: int
    scale: float
    slot: int | None = None  # rescaled
    raw: int | None = None  # not yet rescaled, one level higher
    products: frozenset[int] = frozenset()  # whose scales decide this one's


@dataclass
class _Form:
    """Σ c_k base_k + constant."""

    terms: dict[int, float]
    constant: float = 0.0


@dataclass
class _Lowering:
    plan: Plan
    primes: Sequence[int]
    unit: float
    fold_input: bool
    exact: dict[int, float | None]
    back: bool = False
    steps: list[Step] = field(default_factory=list)
    bases: list[_Base] = field(default_factory=list)
    instead: dict[int, _Form] = field(default_factory=dict)
    slots: int = 0

    def run(self) -> Schedule:
        self.adjusted: dict[tuple[int, int, float], int] = {}
        folded = input_scaling(self.plan) if self.fold_input else None
        rule: Rule = "standalone" if folded is None else "published"
        used = levels(self.plan, rule)
        self.canonical = self._canonical(used[self.plan.output], max(used))
        self.fresh = self.canonical[0] if self.fold_input else self.unit
        factors = [self.fresh / self.unit if self.fold_input else 1.0] * self.plan.inputs
        self.forms: list[_Form] = []
        self.uses = _uses(self.plan)
        for index, operation in enumerate(self.plan.operations):
            if index == folded:
                factors[0] *= _float(operation)
                form = self.forms[operation.left]
            else:
                form = self._form(index, operation)
            self.forms.append(form)
        result = self._output(self.forms[self.plan.output])
        steps = tuple(_with_frees(self.steps, result.slot))
        slot = -1 if result.slot is None else result.slot
        return Schedule(steps, slot, result.level, result.scale, tuple(factors), rule)

    def _canonical(self, depth: int, deepest: int) -> list[float]:
        """Scales of the levels down to the result's, from there up where the first one is free: an
        error halves at each level then, and doubles otherwise; and of what the result does not need."""
        depth = min(depth, len(self.primes))  # products with constants that meet take fewer than are counted
        scales = [self.unit]
        if self.back or self.fold_input:
            for prime in reversed(self.primes[:depth]):
                scales.append((scales[-1] * prime) ** 0.5)
            scales.reverse()
        for prime in self.primes[len(scales) - 1 : deepest]:
            scales.append(scales[-1] ** 2 / prime)
        return scales

    def _output(self, form: _Form) -> _Base:
        if form.terms:
            made = self.bases[self._materialise(form)]
            if self.back and abs(made.scale / self.unit - 1) > _SAME:
                raise _ConflictError(dict.fromkeys(made.products))
            return made
        zero = self._emit("copy", self.bases[0].slot)  # a constant: x − x + constant
        self.steps.append(("minus", zero, self.bases[0].slot))
        self._shift(zero, form.constant, self.unit, 1)
        return _Base(0, self.unit, zero)  # whatever the scale of zero

    def _form(self, index: int, operation: Operation) -> _Form:
        kind, left, right, _ = operation
        if kind == "input":
            slot = self._emit("load", left)
            return _Form({self._keep(_Base(0, self.fresh, slot)): 1.0})
        if kind == "multiply":
            return self._product(index, left, right)
        first = self._linear(left)
        if kind == "shift":
            return _Form(first.terms, first.constant + _float(operation))
        if kind == "scale":
            return _times(first, _float(operation))
        second = first if kind == "double" else self._linear(right)
        sign = -1.0 if kind == "subtract" else 1.0
        terms = dict(first.terms)
        for base, coefficient in second.terms.items():
            terms[base] = terms.get(base, 0.0) + sign * coefficient
        terms = {base: c for base, c in terms.items() if c}
        return _Form(terms, first.constant + sign * second.constant)

    def _linear(self, index: int) -> _Form:
        """The form of an operand of a sum: one ciphertext if the sum is used again and again."""
        form = self.forms[index]
        linear, products = self.uses[index]
        if len(form.terms) > 1 and (products or (linear > 1 and len(form.terms) > 2)):
            self.forms[index] = form = _Form({self._materialise(form): 1.0})
        return form

    def _product(self, index: int, left: int, right: int) -> _Form:
        for place, other in ((left, right), (right, left)):
            if not self.forms[place].terms:  # a constant: its coefficients vanished as doubles
                return _times(self._linear(other), self.forms[place].constant)
        factor = 1.0
        operands: list[int] = []
        left, right = sorted((left, right), key=lambda place: self._adaptable(self.forms[place]))
        for place in (left, right):
            form = self.forms[place]
            base, coefficient = next(iter(form.terms.items()))
            if len(form.terms) == 1 and not form.constant and is_free(coefficient):
                factor *= coefficient
            else:
                partner = self.bases[operands[0]] if operands and left != right else None
                wanted = None
                if partner is not None and place not in self.exact:
                    wanted = self._partner(form, partner, index)
                base = self._materialise(form, wanted)
                self.forms[place] = _Form({base: 1.0})
            operands.append(base)
        first, second = (self.bases[base] for base in operands)
        level = max(first.level, second.level)
        if level >= len(self.primes):
            self._refuse()
        scales = self._scales(index, (left, right), operands, level)
        slots = [
            self._at(base, level, wanted) for base, wanted in zip(operands, scales, strict=True)
        ]
        same = operands[0] == operands[1]
        raw = self._emit("square", slots[0]) if same else self._emit("multiply", *slots)
        scale = scales[0] * scales[1]
        after = scale / self.primes[level]
        if abs(after / self.canonical[level + 1] - 1) < _SAME:
            after = self.canonical[level + 1]  # or roundings would double at every level
        made = _Base(level + 1, after, None, raw, frozenset({index}))
        return _Form({self._keep(made): factor})

    def _scales(
        self, index: int, places: tuple[int, int], operands: list[int], level: int
    ) -> list[float]:
        """The scales of the operands of a product, changed where it must be canonical."""
        scales = [self.bases[base].scale for base in operands]
        wanted, after = self.canonical[level], self._after(index, level)
        off = scales[0] / after * (scales[1] / self.primes[level]) - 1
        if index not in self.exact or abs(off) < _SAME:
            return scales
        for one, other in ((0, 1), (1, 0)):
            if operands[0] != operands[1] and self.bases[operands[one]].level < level:
                scales[one] = after * (self.primes[level] / scales[other])
                return scales
        if self.bases[operands[0]].level < level:
            return [wanted, wanted]
        if self.back:
            self._ask(after * self.primes[level], operands, scales)
        products = frozenset().union(*(self.bases[base].products for base in operands))
        raise _ConflictError(dict.fromkeys((*places, *products)))

    def _after(self, index: int, level: int) -> float:
        """The scale that a product is to have when it is rescaled."""
        return self.exact.get(index) or self.canonical[level + 1]

    def _ask(self, raw: float, operands: list[int], scales: list[float]) -> None:
        """Give one operand of a product another scale, if it is a product that can have one."""
        for one, other in ((0, 1), (1, 0)):
            for product in self.bases[operands[one]].products:
                _, left, right, _ = self.plan.operations[product]
                if left != right and product not in self.exact and operands[0] != operands[1]:
                    raise _ConflictError({product: raw / scales[other]})

    def _at(self, base: int, level: int, wanted: float) -> int:
        """Slot of a ciphertext brought to a level, and to a scale."""
        one = self.bases[base]
        if abs(one.scale / wanted - 1) > _SAME:
            return self._adjust(base, level, wanted)
        slot = self._rescaled(base)
        return slot if one.level == level else self._emit("reduce", slot, level - one.level)

    def _adjust(self, base: int, level: int, wanted: float) -> int:
        key = base, level, wanted
        if key not in self.adjusted:
            one = self.bases[base]
            prime = self.primes[level - 1]
            constant = wanted * prime / (one.scale * self.unit)
            slot = self._rescaled(base)
            raw = self._emit("scale", slot, level - 1 - one.level, constant)
            self.adjusted[key] = self._emit("rescale", raw)
        return self.adjusted[key]

    def _partner(self, form: _Form, partner: _Base, index: int) -> float:
        """The scale of a form that makes its product with a partner what it is to be."""
        place = max(self._level(form), partner.level)
        if place >= len(self.primes):
            self._refuse()
        return self._after(index, place) * (self.primes[place] / partner.scale)

    def _materialise(self, form: _Form, wanted: float | None = None) -> int:
        """One ciphertext for a form; of a wanted scale, where nothing in it has one already."""
        if len(form.terms) == 1 and not form.constant and next(iter(form.terms.values())) == 1:
            base = next(iter(form.terms))
            self._rescaled(base)
            return base
        level = self._level(form)
        if level > len(self.primes):
            self._refuse()
        form = self._substituted(form, level)
        fixed = {
            base: int(c)
            for base, c in form.terms.items()
            if is_free(c) and self.bases[base].level == level
        }
        others = {base: c for base, c in form.terms.items() if base not in fixed}
        if fixed:
            made = self._on_fixed(fixed, others, level)
        else:
            wanted = self.canonical[level] if wanted is None else wanted
            slot = self._emit("rescale", self._sum(others, level - 1, wanted))
            made = _Base(level, wanted, slot)
        if form.constant and made.slot is not None:
            self._shift(made.slot, form.constant, made.scale, 1)
        kept = self._keep(made)
        if len(fixed) == 1:
            ((base, times),) = fixed.items()
            terms = {kept: 1 / times, **{other: -c / times for other, c in others.items()}}
            self.instead.setdefault(base, _Form(terms, -form.constant / times))
        return kept

    def _level(self, form: _Form) -> int:
        return max(self.bases[base].level + (not is_free(c)) for base, c in form.terms.items())

    def _adaptable(self, form: _Form) -> bool:
        """Whether a form is made by a rescaling, which can give it any scale."""
        level = self._level(form)
        return not any(is_free(c) and self.bases[b].level == level for b, c in form.terms.items())

    def _substituted(self, form: _Form, level: int) -> _Form:
        """The same sum without products that would be rescaled for it alone.

        A product P that was rescaled within M = P + Σ a_j N_j is M − Σ a_j N_j: where the N_j
        occur in the sum anyway, that saves the rescaling of P.
        """
        largest = _GROWTH * max(1.0, *(abs(c) for c in form.terms.values()))
        for base, coefficient in list(form.terms.items()):
            one, instead = self.bases[base], self.instead.get(base)
            if one.slot is not None or one.level >= level or instead is None:
                continue
            terms = {other: c for other, c in form.terms.items() if other != base}
            added = sum(other not in terms for other in instead.terms) - 1
            for other, factor in instead.terms.items():
                terms[other] = terms.get(other, 0.0) + coefficient * factor
            if added > _MOST_ADDED or max(map(abs, terms.values())) > largest:
                continue
            terms = {other: c for other, c in terms.items() if c}
            form = _Form(terms, form.constant + coefficient * instead.constant)
        return form

    def _on_fixed(self, fixed: dict[int, int], others: dict[int, float], level: int) -> _Base:
        """A sum in which some ciphertexts have their scale already."""
        bases = [self.bases[base] for base in fixed]
        scale = bases[0].scale
        products = frozenset().union(*(base.products for base in bases))
        if any(abs(base.scale / scale - 1) > _SAME for base in bases):
            raise _ConflictError(dict.fromkeys(products))
        early = all(base.raw is not None for base in bases)
        if early and (others or len(fixed) > 1):  # everything before the rescaling
            total = self._sum(others, level - 1, scale) if others else None
            for base, times in fixed.items():
                total = self._add(total, self.bases[base].raw, times)
            return _Base(level, scale, self._emit("rescale", total), products=products)
        total = None
        for base, times in fixed.items():
            total = self._add(total, self._rescaled(base), times)
        if others:
            rest = self._emit("rescale", self._sum(others, level - 1, scale))
            self.steps.append(("plus", total, rest))
        return _Base(level, scale, total, products=products)

    def _sum(self, terms: dict[int, float], level: int, scale: float) -> int:
        """Σ c_k base_k at a level, not rescaled: the scale is reached by the rescaling."""
        total: int | None = None
        for base, coefficient in terms.items():
            one = self.bases[base]
            constant = coefficient * scale * self.primes[level] / (one.scale * self.unit)
            slot, drop = self._rescaled(base), level - one.level
            if total is None:
                total = self._emit("scale", slot, drop, constant)
            else:
                self.steps.append(("accumulate", total, slot, drop, constant))
        if total is None:
            raise ArgumentError("the plan has an empty sum")
        return total

    def _add(self, total: int | None, slot: int | None, times: int) -> int:
        """total + times · slot (total may be changed, slot not)."""
        if total is not None and times in (1, -1):
            self.steps.append(("plus" if times > 0 else "minus", total, slot))
            return total
        multiple = self._emit("copy", slot)
        for bit in bin(abs(times))[3:]:
            self.steps.append(("double", multiple))
            if bit == "1":
                self.steps.append(("plus", multiple, slot))
        if total is None:
            if times < 0:
                self.steps.append(("negate", multiple))
            return multiple
        self.steps.append(("plus" if times > 0 else "minus", total, multiple))
        return total

    def _shift(self, slot: int, constant: float, scale: float, degree: int) -> None:
        self.steps.append(("shift", slot, constant * (scale / self.unit**degree)))

    def _rescaled(self, base: int) -> int:
        one = self.bases[base]
        if one.slot is None:
            one.slot = self._emit("rescale", one.raw)
        return one.slot

    def _refuse(self) -> NoReturn:
        raise ArgumentError(
            f"the plan needs more levels than the {len(self.primes)} that there are; "
            "make a context with more levels"
        )

    def _emit(self, name: str, *rest: object) -> int:
        self.slots += 1
        self.steps.append((name, self.slots, *rest))
        return self.slots

    def _keep(self, base: _Base) -> int:
        self.bases.append(base)
        return len(self.bases) - 1


def _times(form: _Form, factor: float) -> _Form:
    terms = {base: c * factor for base, c in form.terms.items() if c * factor}
    return _Form(terms, form.constant * factor)


def _float(operation: Operation) -> float:
    return 0.0 if operation.constant is None else float(operation.constant)


def _uses(plan: Plan) -> list[tuple[int, int]]:
    """For each operation, in how many sums and in how many products it is used."""
    uses = [(0, 0)] * len(plan.operations)
    for kind, left, right, _ in plan.operations:
        if kind == "input":
            continue
        for used in {left, right} - {-1}:
            linear, products = uses[used]
            uses[used] = (linear, products + 1) if kind == "multiply" else (linear + 1, products)
    return uses


_READS = {
    "reduce": (2,), "scale": (2,), "accumulate": (1, 2), "copy": (2,), "plus": (1, 2),
    "minus": (1, 2), "double": (1,), "negate": (1,), "shift": (1,), "multiply": (2, 3),
    "square": (2,), "rescale": (2,), "load": (),
}  # fmt: skip


def _with_frees(steps: list[Step], output: int | None) -> list[Step]:
    last: dict[int, int] = {}
    for number, step in enumerate(steps):
        for place in (1, *_READS[step[0]]):
            last[step[place]] = number
    result: list[Step] = []
    for number, step in enumerate(steps):
        result.append(step)
        for slot in sorted({step[place] for place in (1, *_READS[step[0]])}):
            if last[slot] == number and slot != output:
                result.append(("free", slot))
    return result
