# SPDX-License-Identifier: Apache-2.0
"""The stages of a composite found in its plan: which operations hold their values.

In terms of the unit variable u of a stage every operation is a polynomial; one of them is, but for
rounded constants, an affine image α t + β of the unit variable t of the next stage. That operation
is taken for α u + β from there on, and so forth to the last stage, where the result is compared.
Where no operation holds the value of a stage, two stages are taken as one.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb, arb_poly

from ..plan.plan import Plan
from .ending import Ending
from .forms import Form, run_on_forms, size_on

_SAME = arb((1, -100))  # of the values of a stage: what two equal ones may differ by at most
_NEARLY = arb((1, -40))  # of the result: differences beyond are not looked into
_LARGEST_JOINED = 1 << 10


@dataclass(frozen=True)
class Stage:
    """t = form(u), on inputs of at most `radius`, its values at most `size`."""

    form: arb_poly
    radius: arb
    size: arb


@dataclass(frozen=True)
class Match:
    """How far the plan's stages are from those of the components, in absolute terms.

    Attributes
    ----------
    joined : tuple of int
        How many stages each step of the plan takes together.
    gaps : tuple of arb
        Bound of the difference of each step, in its own values (the last: of the result).
    """

    joined: tuple[int, ...]
    gaps: tuple[arb, ...]


def match_stages(plan: Plan, stages: list[Stage], ending: Ending) -> Match | None:
    """Find the stages in the plan; None where it computes something else (or cannot be told)."""
    return _Search(plan, stages, ending).from_stage(0, {})


class _Search:
    def __init__(self, plan: Plan, stages: list[Stage], ending: Ending) -> None:
        self.plan, self.stages, self.ending = plan, stages, ending
        self.failed: set[tuple[int, int]] = set()

    def from_stage(self, first: int, known: dict[int, Form]) -> Match | None:
        """Match the stages from one on; `known`: the operation that holds its unit variable."""
        place = first, next(iter(known), -1)
        if place in self.failed:
            return None
        for last in range(first, len(self.stages)):
            stage = self._joined(first, last)
            if stage is None:
                break
            found = self._with(stage, first, last, known)
            if found is not None:
                return Match((last - first + 1, *found.joined), found.gaps)
        self.failed.add(place)
        return None

    def _with(self, stage: Stage, first: int, last: int, known: dict[int, Form]) -> Match | None:
        argument = Form(arb_poly([]), arb_poly([1])) if known else Form(self.ending.argument)
        degree = stage.form.degree()
        if last + 1 == len(self.stages):
            whole = Form(self.ending.plain(stage.form), self.ending.times(stage.form))
            if not known:
                whole = Form(whole.plain + whole.times * self.ending.argument)
            forms = run_on_forms(self.plan, argument, known, max(whole.degree, degree))
            return self._ended(forms[self.plan.output], whole, stage)
        forms = run_on_forms(self.plan, argument, known, degree)
        after = next(iter(known), -1)
        for index in range(after + 1, len(forms)):
            form = forms[index]
            if form is None or len(form.times) or form.plain.degree() != degree:
                continue
            held = _affine(form.plain, stage)
            if held is None:
                continue
            image, gap = held
            found = self.from_stage(last + 1, {index: Form(image)})
            if found is not None:
                return Match(found.joined, (gap, *found.gaps))
        return None

    def _ended(self, found: Form | None, wanted: Form, stage: Stage) -> Match | None:
        if found is None:
            return None
        gap = size_on(found.plain - wanted.plain, stage.radius)
        gap += size_on(found.times - wanted.times, stage.radius) * self.ending.reach
        size = size_on(wanted.plain, stage.radius)
        size += size_on(wanted.times, stage.radius) * self.ending.reach
        return Match((), (gap.upper(),)) if gap <= size * _NEARLY else None

    def _joined(self, first: int, last: int) -> Stage | None:
        """Some stages as one (None: of too large a degree)."""
        form, degree = self.stages[first].form, 1
        for stage in self.stages[first + 1 : last + 1]:
            degree = form.degree() * stage.form.degree()
            if degree > _LARGEST_JOINED:
                return None
            form = stage.form(form)
        return Stage(form, self.stages[first].radius, self.stages[last].size)


def _affine(found: arb_poly, stage: Stage) -> tuple[arb_poly, arb] | None:
    """(β + α u', difference in units of u') if the values are α t + β, else None."""
    top = stage.form.degree()
    if top < 1 or not abs(stage.form[top]) > 0:
        return None
    slope = (found[top] / stage.form[top]).mid()
    shift = (found[0] - slope * stage.form[0]).mid()
    if slope == 0 or not slope.is_finite():
        return None
    gap = size_on(found - stage.form * slope - arb_poly([shift]), stage.radius) / abs(slope)
    if not gap <= stage.size * _SAME:
        return None
    return arb_poly([shift, slope]), gap.upper()
