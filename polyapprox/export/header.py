# SPDX-License-Identifier: Apache-2.0
"""The lines at the top of every export: what it is, what is proven, what it needs."""

from __future__ import annotations

from ..cost.models import cost_model
from ..errors import PolyApproxError
from ..outward import float_up, lower, lower_places, upper
from .job import Job
from .noise import RING, SCALES, Noise
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
        *_under_encryption(job),
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
            f"levels: {a.counts(rule).levels}, multiplications: {a.counts(rule).multiplications} "
            f'(rule "{rule}"; the plan, operation by operation)'
            for rule in ("standalone", "published")
        ]
        return [*lines, *_used(job)]
    model = cost_model(job.format.model)
    lines = [
        f'levels: {model.component_levels(a, rule)} (rule "{rule}"; {model.about})'
        for rule in ("standalone", "published")
    ]
    return [*lines, *_used(job)]


def _used(job: Job) -> list[str]:
    if not job.format.scheme:
        return []
    return [f"levels used: {job.levels}, by this file in {job.format.about}"]


def _under_encryption(job: Job) -> list[str]:
    """What scales add, what noise of inputs does, and security."""
    if not job.format.scheme:
        return []
    noise = job.noise
    added = ", ".join(f"2^{bits} adds {upper(noise.at(bits), 2)}" for bits in SCALES)
    smallest = (
        "none of at most 2^59 adds less than a sixteenth of the error"
        if noise.smallest is None
        else f"2^{noise.smallest} (adds less than a sixteenth of the error)"
    )
    lines = [
        f"smallest scale: {smallest}",
        f"scales: {added} (a forecast for {_rings(noise)}, not proven)",
        f"noise of inputs: {_slope(job)}",
    ]
    return [*lines, f"security: {job.format.security}"] if job.format.security else lines


def _rings(noise: Noise) -> str:
    """The rings that the scales' noise is forecast for."""
    found = sorted({noise.ring_at(bits) for bits in SCALES})
    names = " and ".join(f"2^{ring.bit_length() - 1}" for ring in found)
    if found == [RING]:
        return f"a ring of {names}, twice as much in one twice as large"
    return f"{'rings' if len(found) > 1 else 'a ring'} of {names}"


def _slope(job: Job) -> str:
    a = job.approximation
    guard = f"inputs may leave the interval by {lower(a.guard, 3)} of its larger end"
    try:
        return f"at most {upper(a.slope_bound, 3)} times larger in the result; {guard}"
    except PolyApproxError:
        return guard

