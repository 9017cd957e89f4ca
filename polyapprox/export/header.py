"""The lines at the top of every export: what it is, what is proven, what it needs."""

from __future__ import annotations

from ..cost.models import cost_model
from ..outward import float_up, lower_places
from .job import Job
from .text import shortest


def header(job: Job) -> list[str]:
    """Lines without comment marks; those of the form ``key: value`` are read back by importers."""
    a = job.approximation
    domain = " and ".join(f"[{shortest(low)}, {shortest(high)}]" for low, high in a.domain)
    lines = [
        f"{a.function} by polynomials; exported by polyapprox for {job.format.about}.",
        "",
        f"function: {a.function}",
        f"interval: {domain}",
        f"structure: {a.structure}",
        f"degrees: {', '.join(map(str, a.degrees))}",
        *_error(job),
        *_levels(job),
        f"made by: {' '.join(a.provenance.command.splitlines())}",
    ]
    if job.rounding:
        lines.append(f"rounding: {job.rounding}")
    return lines


def _error(job: Job) -> list[str]:
    a = job.approximation
    weighted = "" if a.weight == "1" else f", weighted by {a.weight}"
    if a.certificate is None:
        return [
            f"error: about {a.error_estimate:.6g}{weighted} (sampled estimate, nothing is proven)"
        ]
    bits = "" if not a.certificate.upper else f"; precision 2^-{lower_places(a.bits, 3)}"
    kind = "exact" if not a.certificate.upper else "proven"
    return [f"error: at most {float_up(a.certificate.upper)!r}{weighted} ({kind}){bits}"]


def _levels(job: Job) -> list[str]:
    a = job.approximation
    if job.form == "plan":
        lines = [
            f"levels: {a.counts(rule).depth}, multiplications: {a.counts(rule).multiplications} "
            f'(rule "{rule}"; the plan, operation by operation)'
            for rule in ("standalone", "published")
        ]
        if job.plan_levels > a.counts("standalone").depth:
            lines.append(f"levels: {job.plan_levels} where products with integers use one too")
        return lines
    model = cost_model(job.format.model)
    return [
        f'levels: {model.component_levels(a, rule)} (rule "{rule}"; {model.about})'
        for rule in ("standalone", "published")
    ]

