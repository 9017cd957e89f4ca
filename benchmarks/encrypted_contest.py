"""Encrypted ReLU in one framework: our circuit against the published composite r_alpha.

Every contestant runs in the same ring at the same scale, in a context with just as many levels as
it needs, on the same batch, one after the other, in rounds, so that what else the machine does hits
all alike. Times are those of the evaluation alone.

==============  ==========================================================================
ours            the fastest of the shipped circuits that meet 2^-k (the most precise one of
                the fewest multiplications, those with the fewest constants), by its plan
published       r_alpha by the framework's own polynomial evaluator, stage by stage
published plan  r_alpha by our plan for it, operation by operation
==============  ==========================================================================
"""

from __future__ import annotations

import argparse
import os
import statistics
from typing import Any

import numpy as np
from common import write

from polyapprox.contest import candidates
from polyapprox.cost import cost_model
from polyapprox.encrypted import Parameters, backend
from polyapprox.published.rivals import published_relu


def contest(name: str, power: int, ring: int, scale_bits: int, secure: bool, rounds: int) -> dict:
    """All contestants at one precision; seconds of each round."""
    framework = backend(name)
    rival = published_relu(power)
    jobs = {
        **{about: (one, "plan", one.levels) for about, one in candidates(power)},
        "published": (rival, "components", cost_model(name).component_levels(rival)),
        "published plan": (rival, "plan", rival.levels),
    }
    x = np.linspace(-1.0, 1.0, ring // 2)
    exact = np.maximum(x, 0.0)
    before = os.getloadavg()[0]
    entries: dict[str, dict[str, Any]] = {}
    sessions = {}
    for label, (one, how, levels) in jobs.items():
        sessions[label] = framework.session(Parameters(ring, scale_bits, levels, secure=secure))
        entries[label] = {"about": repr(one), "executed": how, "seconds": [], "processor": []}
    for number in range(rounds + 1):
        for label, (one, how, _) in jobs.items():
            session = sessions[label]
            run = session.run_plan if how == "plan" else session.run_components
            measured = run(one.plan if how == "plan" else one, x)
            entry = entries[label]
            if number:
                entry["seconds"].append(measured.seconds)
                entry["processor"].append(measured.processor[0])
            entry["levels"] = measured.levels
            entry["largest_error"] = float(np.abs(measured.values - exact).max())
    for session in sessions.values():
        session.close()
    for entry in entries.values():
        entry["median"] = statistics.median(entry["seconds"])
        entry["median_processor"] = statistics.median(entry["processor"])
        entry["least"], entry["most"] = min(entry["seconds"]), max(entry["seconds"])
    rivals = ("published", "published plan")
    own = [label for label in entries if label not in rivals]
    fastest = min(own, key=lambda label: entries[label]["median_processor"])
    first = entries[fastest]
    entries = {"ours": first, **{label: entries[label] for label in (*rivals, *own)}}
    return {
        "backend": name,
        "precision": power,
        "ring_dimension": ring,
        "scale_bits": scale_bits,
        "security": Parameters(ring, scale_bits, 1, secure=secure).security,
        "rounds": rounds,
        "load": [before, os.getloadavg()[0]],
        "ours": fastest,
        "entries": entries,
        "ratio_to_published": first["median"] / entries["published"]["median"],
        "ratio_to_published_plan": first["median"] / entries["published plan"]["median"],
        "ratio_of_the_least": first["least"]
        / min(entries["published"]["least"], entries["published plan"]["least"]),
        "ratio_of_processor": first["median_processor"]
        / min(
            entries["published"]["median_processor"],
            entries["published plan"]["median_processor"],
        ),
        "levels_fewer": min(entries["published"]["levels"], entries["published plan"]["levels"])
        - first["levels"],
    }


def show(one: dict) -> None:
    """A table for humans."""
    print(
        f"{one['backend']}, 2^-{one['precision']}, ring {one['ring_dimension']}, scale "
        f"2^{one['scale_bits']}, {one['security']}; load {one['load'][0]:.1f} to "
        f"{one['load'][1]:.1f}"
    )
    for label, entry in one["entries"].items():
        print(
            f"  {label:15s} {entry['levels']:3d} levels {entry['median']:8.4f} s "
            f"({entry['least']:.4f} … {entry['most']:.4f})  processor "
            f"{entry['median_processor']:.4f} s  error {entry['largest_error']:.4g}"
        )
    print(
        f"  ours / published {one['ratio_to_published']:.3f}, / its plan "
        f"{one['ratio_to_published_plan']:.3f}, least / least {one['ratio_of_the_least']:.3f}, "
        f"processor {one['ratio_of_processor']:.3f}, "
        f"{one['levels_fewer']} levels fewer",
        flush=True,
    )


def main(name: str, ring: int, scale_bits: int, secure: bool, rounds: int) -> None:
    """Read the options, run, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", type=int, nargs="+", default=[7, 9, 12])
    parser.add_argument("--ring", type=int, nargs="+", default=[ring])
    parser.add_argument("--rounds", type=int, default=rounds)
    options = parser.parse_args()
    found = backend(name).find()
    if not found.found:
        raise SystemExit(f"{name} was not found ({found.reason}); get it by: {found.remedy}")
    contests = []
    for one_ring in options.ring:
        for power in options.precision:
            contests.append(contest(name, power, one_ring, scale_bits, secure, options.rounds))
            show(contests[-1])
    result = {"backend": name, "version": found.version, "threads": 1, "contests": contests}
    print(f"wrote {write(f'encrypted_{name}', result)}")
