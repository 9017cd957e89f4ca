"""Minimax plus certificate against Sollya's remez (quality 1e-15) plus supnorm.

Ours: ``polyapprox.minimax(...)`` with the cache off, after one warm-up call of another problem;
median of five calls. Sollya: ``remez`` and ``supnorm`` (accuracy 2^-20) timed inside Sollya, so
that its start is not counted (it is measured and reported), with a time-out of 120 s each.
Short tasks of Sollya are run right after ours. Its long answers, time-outs among them, are kept in
``results/sollya.json`` and used again for the same version of Sollya on the same processor;
``--fresh`` measures them again (a quarter of an hour).

The error of both polynomials is measured by independent arithmetic. Sollya is *wrong* where the
true error of its polynomial exceeds the best possible error by more than 1e-6 of it.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import tempfile
import time
from typing import Any

os.environ["POLYAPPROX_CACHE"] = "off"

from common import horner, independent, largest_error, machine, read, show, timed, write
from oracles import sollya_oracles as sollya

import polyapprox as pa

TIME_OUT = 120.0
QUICK = ("exp 20", "sign 27 on [0.01, 1]", "exp 15 relative", "abs 30")


def ours(task: sollya.Task, repeat: int) -> dict[str, Any]:
    """Our times and errors for a task."""
    domain = task.domain[0] if len(task.domain) == 1 else list(task.domain)
    options: dict[str, Any] = {"degree": task.degree, "domain": domain, "parity": task.parity}
    if task.norm == "relative":
        options["relative"] = True
    try:
        result, first, median = timed(lambda: pa.minimax(task.function, **options), repeat)
    except pa.errors.PolyApproxError as problem:
        return {"outcome": "failed", "message": str(problem)[:300]}
    component = result.components[0]

    def evaluate(x: Any) -> Any:
        return independent.clenshaw(component.coefficients, component.domain, x)

    measured = largest_error(
        evaluate, task.function, task.domain, task.degree, task.norm == "relative"
    )
    return {
        "outcome": "done",
        "first seconds": first,
        "seconds": median,
        "bound": result.error_bound,
        "lower bound": result.error_lower_bound,
        "estimate": result.error_estimate,
        "measured": measured,
        "method": result.certificate.method,
    }


def theirs(task: sollya.Task) -> dict[str, Any]:
    """Sollya's times and errors for a task; the median of several runs where they are short."""
    answer = sollya.remez(task, TIME_OUT)
    if answer["outcome"] != "done":
        return {"remez": answer}
    if answer["seconds"] < 3:
        times = [answer["seconds"]]
        times += [sollya.remez(task, TIME_OUT)["seconds"] for _ in range(4)]
        answer["seconds"] = statistics.median(times)
    proof = sollya.supnorm(task, answer["polynomial"], TIME_OUT)
    if proof["outcome"] == "done" and proof["seconds"] < 3:
        times = [proof["seconds"]]
        times += [
            sollya.supnorm(task, answer["polynomial"], TIME_OUT)["seconds"] for _ in range(4)
        ]
        proof["seconds"] = statistics.median(times)
    coefficients = sollya.coefficients(answer["polynomial"])
    low, high = task.domain[-1]
    if task.monomials != "all":
        low = max(low, 0.0)
    answer["measured"] = largest_error(
        lambda x: horner(coefficients, x), task.function, [(low, high)], task.degree,
        task.norm == "relative",
    )
    return {"remez": answer, "supnorm": proof}


def start_seconds() -> float:
    """Median time that an empty Sollya script takes."""
    times = []
    with tempfile.NamedTemporaryFile("w", suffix=".sollya") as file:
        file.write("quit;\n")
        file.flush()
        for _ in range(5):
            begin = time.perf_counter()
            subprocess.run(["sollya", file.name], capture_output=True, check=False)
            times.append(time.perf_counter() - begin)
    return statistics.median(times)


class Sollya:
    """Sollya's answers: short tasks are run next to ours, long ones kept from an earlier run."""

    def __init__(self, fresh: bool) -> None:
        self.present = sollya.installed()
        saved = read("sollya")
        self.key = {"processor": machine()["processor"]}
        if self.present:
            self.key["sollya version"] = sollya.version()
        other = any(saved.get(name) != value for name, value in self.key.items())
        self.answers: dict[str, Any] = {} if self.present and (fresh or other) else dict(
            saved.get("answers", {})
        )

    def answer(self, task: sollya.Task) -> dict[str, Any]:
        """Run or remember; saved after each run."""
        known = self.answers.get(task.name)
        if not self.present or (known is not None and _is_long(known)):
            return known or {}
        self.answers[task.name] = theirs(task)
        write("sollya", {**self.key, "start seconds": start_seconds(), "answers": self.answers})
        return self.answers[task.name]


def _is_long(answer: dict[str, Any]) -> bool:
    parts = (answer.get("remez", {}), answer.get("supnorm", {"outcome": "done", "seconds": 0}))
    return any(part.get("outcome") != "done" or part["seconds"] > 5 for part in parts)


def compared(task: sollya.Task, mine: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """One row: times, ratios, and who is right."""
    remez, proof = other.get("remez", {}), other.get("supnorm", {})
    row: dict[str, Any] = {"task": task.name, "ours": mine, "sollya": {
        "remez outcome": remez.get("outcome"), "remez seconds": remez.get("seconds"),
        "norm": remez.get("norm"), "measured": remez.get("measured"),
        "supnorm outcome": proof.get("outcome"), "supnorm seconds": proof.get("seconds"),
        "supnorm": proof.get("upper"),
    }}
    done = mine["outcome"] == "done" and remez.get("outcome") == "done"
    if done:
        best = min(mine["measured"], remez["measured"])
        row["sollya wrong"] = remez["measured"] > best * (1 + 1e-6)
        row["equal to 10 digits"] = abs(mine["measured"] / remez["measured"] - 1) < 1e-10
        row["remez ratio"] = remez["seconds"] / mine["seconds"]
        if proof.get("outcome") == "done" and not row["sollya wrong"]:
            row["ratio"] = (remez["seconds"] + proof["seconds"]) / mine["seconds"]
    if mine["outcome"] == "done" and mine["lower bound"]:
        row["upper over lower bound"] = mine["bound"] / mine["lower bound"]
    return row


def main() -> None:
    """Run, save, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="measure Sollya again")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", help="part of a task's name")
    parser.add_argument("--quick", action="store_true", help="four short tasks, nothing written")
    options = parser.parse_args()
    pa.minimax("cos", degree=8, domain=(-1, 1))
    chosen = [task for task in sollya.TASKS if not options.only or options.only in task.name]
    if options.quick:
        chosen = [task for task in chosen if task.name in QUICK]
    other = Sollya(options.fresh)
    rows = [compared(task, ours(task, options.repeat), other.answer(task)) for task in chosen]
    ratios = [row["ratio"] for row in rows if "ratio" in row]
    mean = math.exp(statistics.fmean(map(math.log, ratios))) if ratios else None
    show(
        "Minimax plus certificate: seconds",
        ("task", "ours", "remez", "supnorm", "ratio", "remez/ours", "10 digits", "Sollya wrong",
         "our bound", "upper/lower"),
        [(
            row["task"], row["ours"].get("seconds", row["ours"].get("message", "")[:60]),
            row["sollya"]["remez seconds"] or row["sollya"]["remez outcome"],
            row["sollya"]["supnorm seconds"] or row["sollya"]["supnorm outcome"],
            row.get("ratio"), row.get("remez ratio"), row.get("equal to 10 digits"),
            row.get("sollya wrong"), row["ours"].get("bound"),
            f"{row['upper over lower bound']:.8f}" if "upper over lower bound" in row else None,
        ) for row in rows],
    )
    print(f"geometric mean over the {len(ratios)} tasks that Sollya finishes: {mean}")
    if not (options.only or options.quick):
        write("minimax_vs_sollya", {
            "sollya start seconds": read("sollya").get("start seconds"),
            "geometric mean": mean, "smallest ratio": min(ratios, default=None), "rows": rows,
        })


if __name__ == "__main__":
    main()
