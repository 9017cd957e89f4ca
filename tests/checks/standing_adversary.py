"""The standing adversary at full length: 10^7 points, all forgeries, 500 true tables.

Random calls of the whole public API are made and judged by ``tests/adversary``, which reads only
the JSON of a table and shares no code with the proofs. Work is done in numbered batches, each
saved as it ends; a second run goes on where the first stopped. What was found is put on record in
``tests/checks/results/adversary.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

os.environ["POLYAPPROX_CACHE"] = "off"
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "support"), str(ROOT)]

from adversary.calls import Caller  # noqa: E402
from adversary.examine import SPACE, Report, examine  # noqa: E402
from adversary.forgeries import forgeries  # noqa: E402
from adversary.honest import true_tables  # noqa: E402
from adversary.tribunal import ASKED, acceptances, refusal  # noqa: E402
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: E402

RESULTS = ROOT / "checks" / "results"
CALLS_A_BATCH, MOST_SECONDS, SLOW = 20, 60, 30.0


class TooSlow(BaseException):
    """A call that takes longer than a minute."""


def _ring(*_: object) -> None:
    raise TooSlow


def within_a_minute(work: Callable[[], Any], otherwise: Any) -> Any:
    """What the work gives, or something else if it takes a processor longer."""
    signal.signal(signal.SIGPROF, _ring)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        return work()
    except TooSlow:
        return otherwise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def examined(call: Any, points: int, seed: int) -> Report:
    """A call examined."""
    late = Report(call.text, faults=[f"takes more than {MOST_SECONDS} s"], seconds=MOST_SECONDS)
    found: Report = within_a_minute(lambda: examine(call, points, seed), late)
    return found


def calls_batch(seed: int, batch: int, points: int) -> dict[str, Any]:
    """Random calls, judged; what came of them, added up."""
    caller = Caller(seed * 1_000_003 + batch)
    total: dict[str, Any] = {
        "what": "calls", "batch": batch, "calls": 0, "refused": 0, "points": 0, "violations": 0,
        "faults": [], "slow": [], "structures": {},
    }  # fmt: skip
    for number in range(CALLS_A_BATCH):
        call = caller()
        report = examined(call, points, 1000 * batch + number)
        verdict = report.verdict
        total["calls"] += 1
        total["refused"] += report.refused is not None
        total["points"] += verdict.tried
        total["violations"] += len(verdict.violations)
        total["faults"] += [f"{report.text}: {fault}" for fault in report.faults]
        if report.seconds > SLOW:
            total["slow"].append(f"{report.text}: {report.seconds:.0f} s")
        if report.structure:
            kept = total["structures"].setdefault(
                report.structure, {"tables": 0, "points": 0, "loosest": 0.0, "tightest": 1e9, "call": ""}
            )
            kept["tables"] += 1
            kept["points"] += verdict.tried
            if verdict.tightness is not None:
                kept["tightest"] = min(kept["tightest"], verdict.tightness)
                if verdict.tightness > kept["loosest"]:
                    kept["loosest"], kept["call"] = verdict.tightness, report.text
    return total


def forgeries_batch(batch: int, of: int) -> dict[str, Any]:
    """Every `of`-th forgery, put to all that may refuse it."""
    kinds: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, forgery in enumerate(forgeries()):
            if number % of != batch:
                continue
            kept = kinds.setdefault(forgery.kind, {"made": 0, "refused": 0, "accepted": []})
            accepted = within_a_minute(
                lambda forgery=forgery: acceptances(forgery, Path(folder)),
                [f"no answer in {MOST_SECONDS} s"],
            )
            kept["made"] += 1
            kept["refused"] += not accepted
            kept["accepted"] += [f"{forgery.name}: {said}" for said in accepted]
    return {"what": "forgeries", "batch": batch, "kinds": kinds}


def honest_batch(seed: int, batch: int, count: int) -> dict[str, Any]:
    """True tables, none of which may be refused."""
    kinds: dict[str, dict[str, Any]] = {}
    made = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind, text in true_tables(seed * 1_000_003 + batch):
            kept = kinds.setdefault(kind, {"tables": 0, "refused": []})
            why = refusal(text, lambda call: eval(call, SPACE), Path(folder))
            if why is not None and why.startswith("not made"):
                continue
            made += 1
            kept["tables"] += 1
            if why is not None:
                kept["refused"].append(f"{text}: {why}")
            if made == count:
                break
    return {"what": "honest", "batch": batch, "kinds": kinds}


def record(lines: list[dict[str, Any]], seed: int, wanted: int) -> dict[str, Any]:
    """All batches added up: what goes on record."""
    calls = [line for line in lines if line["what"] == "calls"]
    structures: dict[str, dict[str, Any]] = {}
    for line in calls:
        for name, part in line["structures"].items():
            kept = structures.setdefault(
                name, {"tables": 0, "points": 0, "worst_tightness": 0.0, "least_tightness": 1e9, "call": ""}
            )
            kept["tables"] += part["tables"]
            kept["points"] += part["points"]
            kept["least_tightness"] = min(kept["least_tightness"], part["tightest"])
            if part["loosest"] > kept["worst_tightness"]:
                kept["worst_tightness"], kept["call"] = part["loosest"], part["call"]
    forged: dict[str, Any] = defaultdict(lambda: {"made": 0, "refused": 0, "accepted": []})
    honest: dict[str, Any] = defaultdict(lambda: {"tables": 0, "refused": []})
    for line in lines:
        for kind, part in line.get("kinds", {}).items():
            kept = (forged if line["what"] == "forgeries" else honest)[kind]
            for name, value in part.items():
                kept[name] = kept[name] + value
    faults = [fault for line in calls for fault in line["faults"]]
    return {
        "seed": seed,
        "points_wanted": wanted,
        "python": platform.python_version(),
        "calls": sum(line["calls"] for line in calls),
        "refused_with_a_sentence": sum(line["refused"] for line in calls),
        "points_tried": sum(line["points"] for line in calls),
        "violations": sum(line["violations"] for line in calls),
        "faults": faults,
        "slow": [one for line in calls for one in line["slow"]],
        "structures": structures,
        "forgeries": {
            "asked": list(ASKED), "made": sum(f["made"] for f in forged.values()),
            "refused": sum(f["refused"] for f in forged.values()), "kinds": dict(forged),
        },
        "true_tables": {
            "made": sum(h["tables"] for h in honest.values()),
            "refused": sum(len(h["refused"]) for h in honest.values()), "kinds": dict(honest),
        },
        "seconds_of_work": round(sum(line["seconds"] for line in lines)),
    }  # fmt: skip


def write_whole(path: Path, text: str) -> None:
    """The file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def timed(function: Any, *arguments: Any) -> dict[str, Any]:
    """A batch with the seconds that it took."""
    start = time.process_time()
    found: dict[str, Any] = function(*arguments)
    return {**found, "seconds": round(time.process_time() - start, 1)}


class Check:
    """The whole run: what is done, what is to be done, and the files that remember it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.log = Path(options.log)
        text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        self.lines = [json.loads(line) for line in text.splitlines()]
        wanted = {"seed": options.seed, "calls": CALLS_A_BATCH, "points": options.a_table}
        if self.lines and self.lines[0] != wanted:
            raise SystemExit(f"{self.log} is of another run ({self.lines[0]}): move it away")
        self.lines = self.lines or [wanted]

    @property
    def done(self) -> list[dict[str, Any]]:
        return self.lines[1:]

    @property
    def points(self) -> int:
        return sum(line.get("points", 0) for line in self.done)

    def keep(self, line: dict[str, Any]) -> None:
        """Put a batch on record."""
        self.lines.append(line)
        write_whole(self.log, "".join(json.dumps(one) + "\n" for one in self.lines))
        found = record(self.done, self.options.seed, self.options.points)
        write_whole(Path(self.options.output), json.dumps(found, indent=1, ensure_ascii=False) + "\n")

    def others(self) -> list[tuple[Any, ...]]:
        """Batches of forgeries and true tables that are not done."""
        o, kept = self.options, {(line["what"], line["batch"]) for line in self.done}
        todo: list[tuple[Any, ...]] = [
            (forgeries_batch, n, o.parts) for n in range(o.parts) if ("forgeries", n) not in kept
        ]
        each = -(-o.tables // max(1, o.parts))
        return todo + [
            (honest_batch, o.seed, n, each) for n in range(o.parts) if ("honest", n) not in kept
        ]

    def run(self) -> int:
        """Do what is left; 0 if nothing was found."""
        o = self.options
        kept = {line["batch"] for line in self.done if line["what"] == "calls"}
        batches = (n for n in range(10**9) if n not in kept)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns) as progress, ProcessPoolExecutor(o.workers) as pool:
            bar = progress.add_task("points", total=o.points, completed=self.points)
            waiting = {pool.submit(timed, *job) for job in self.others()}
            while waiting or self.points < o.points:
                while self.points < o.points and len(waiting) < 2 * o.workers:
                    waiting.add(pool.submit(timed, calls_batch, o.seed, next(batches), o.a_table))
                ready = next(as_completed(waiting))
                waiting.discard(ready)
                self.keep(ready.result())
                progress.update(bar, completed=self.points)
        return self.conclusion()

    def conclusion(self) -> int:
        found = record(self.done, self.options.seed, self.options.points)
        forged, honest = found["forgeries"], found["true_tables"]
        worst = {name: round(s["worst_tightness"], 4) for name, s in found["structures"].items()}
        sys.stdout.write(
            f"{found['calls']} calls ({found['refused_with_a_sentence']} refused), "
            f"{found['points_tried']} points, {found['violations']} violations, "
            f"{len(found['faults'])} faults; worst tightness {worst}; {forged['refused']} of "
            f"{forged['made']} forgeries and {honest['refused']} of {honest['made']} true tables refused\n"
        )
        most = Counter(fault.rpartition(": ")[0] for fault in found["faults"]).most_common(20)
        sys.stdout.writelines(f"  {fault}\n" for fault, _ in most)
        good = forged["refused"] == forged["made"] and not honest["refused"]
        return int(bool(found["faults"]) or not good)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--a-table", type=int, default=30_000, help="points tried on each table")
    parser.add_argument("--tables", type=int, default=520, help="true tables")
    parser.add_argument("--parts", type=int, default=4, help="batches of forgeries and true tables")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    parser.add_argument("--output", default=str(RESULTS / "adversary.json"))
    parser.add_argument("--log", default=str(RESULTS / "adversary.jsonl"))
    return Check(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
