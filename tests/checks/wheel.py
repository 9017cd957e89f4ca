"""The package as a stranger gets it: ``python tests/checks/wheel.py PYTHON…`` (each a whole path).

Builds source distribution and wheel, looks what is in them, installs the wheel in fresh environments of each
Python without and with extras, runs commands, and keeps what came of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).with_name("results") / "wheel.json"
EXTRAS = "plot,nn,export,explore,cluster,logs"
TABLE = "polyapprox make relu --precision 2^-9 --interval -50 50 --output relu.json --quiet"
# each command with a part of what it must print; first without extras …
BARE = {
    "polyapprox --version": "polyapprox 0.",
    TABLE: "",
    "polyapprox table verify relu.json": "the claim is supported",
    "polyapprox table export relu.json --format openfhe --output relu_openfhe.py": "written relu_openfhe.py",
    "polyapprox zoo search gelu --interval -7 7 --bits 9": "gelu_-8_8_p12",
}
# … then what is said where an extra is missing, with exit code 2 (1 where Python says it) and no traceback …
MISSING = {
    "polyapprox table plot relu.json --output relu.png": "polyapprox[plot]",
    "polyapprox explore": "polyapprox[explore]",
    "polyapprox zoo build relu_-1_1_p5 --output zoo --runner joblib": "joblib",
    "polyapprox encrypted check relu.json --backend tenseal": "pip install tenseal",
    "polyapprox encrypted check relu.json --backend lattigo": "pip install orion-v2-lattigo",
    "nn-bridge networks": "polyapprox[nn]",
}
# … then with extras.
WHOLE = {
    **BARE,
    "polyapprox table plot relu.json --output relu.png": "",
    "polyapprox zoo build relu_-1_1_p5 --output . --runner joblib": "1 table in",
    "nn-bridge --version": "nn-bridge 0.",
    "nn-bridge networks": "resnet20-cifar10",
    "nn-bridge train --sample": 'network = "digits"',
    "nn-bridge train sample.toml --output trained": "weights.safetensors",
    "nn-bridge propagate --network digits --precision 2^-7 --images 50 --output .": "propagation-digits.html",
}


def ran(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    alone = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        words, cwd=folder, env={**alone, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=3000, check=False
    )


def must(words: list[str], folder: Path) -> None:
    done = ran(words, folder)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout}\n{done.stderr}")


def built(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The wheel, made from the source distribution; sizes, and what lies at the top of both."""
    must([sys.executable, "-m", "venv", "build"], folder)
    must(["build/bin/pip", "install", "--quiet", "build"], folder)
    must(["build/bin/python", "-m", "build", "--outdir", str(folder), str(ROOT)], folder)
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    with tarfile.open(source) as archive:
        sources = [name.partition("/")[2] for name in archive.getnames()]
    return wheel, {
        "wheel": {"bytes": wheel.stat().st_size, "files": len(names), "top": tops(names),
                  "sample": "nn_bridge/training/sample.toml" in names},
        "source": {"bytes": source.stat().st_size, "files": len(sources), "top": tops(sources),
                   "records": sum("results/" in name for name in sources)},
    }  # fmt: skip


def tops(names: list[str]) -> list[str]:
    return sorted({name.partition("/")[0] for name in names})


def tried(commands: dict[str, str], place: Path, folder: Path, codes: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """Run each command of an environment; whether it did and said what it must, without a traceback."""
    for command, wanted in commands.items():
        program, *arguments = command.split()
        start = time.monotonic()
        done = ran([str(place / "bin" / program), *arguments], folder)
        said = done.stdout + done.stderr
        if command.endswith("--sample"):
            (folder / "sample.toml").write_text(done.stdout)
        ok = done.returncode in codes and wanted in said and "Traceback" not in said
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        yield {"command": command, "ok": ok, "code": done.returncode, "said": " ".join(last),
               "seconds": round(time.monotonic() - start, 1)}  # fmt: skip


def installed(python: str, wheel: Path, extras: str, folder: Path) -> Path:
    place = folder / "environment"
    must([python, "-m", "venv", "--clear", str(place)], folder)
    wanted = f"{wheel}[{extras}]" if extras else str(wheel)
    must([str(place / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", wanted], folder)
    return place


def main(pythons: list[str]) -> int:
    known = json.loads(RECORD.read_text()) if RECORD.exists() else {"runs": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, contents = built(folder)
        known.update(contents)
        for extras, kinds in (("", {"bare": (BARE, (0,)), "missing": (MISSING, (1, 2))}), (EXTRAS, {"whole": (WHOLE, (0,))})):
            for python in pythons:
                place, work = installed(python, wheel, extras, folder), Path(tempfile.mkdtemp(dir=folder))
                version = ran([python, "-c", "import platform; print(platform.python_version())"], folder).stdout.strip()
                size = sum(path.lstat().st_size for path in place.rglob("*"))
                for kind, (commands, codes) in kinds.items():
                    runs = list(tried(commands, place, work, codes))
                    known["runs"].setdefault(version, {})[kind] = {
                        "extras": extras, "environment_bytes": size, "commands": runs,
                    }  # fmt: skip
                    for run in runs:
                        print(version, kind, "ok " if run["ok"] else "BAD", run["command"], "|", run["said"], flush=True)
                    RECORD.write_text(json.dumps(known, indent=1) + "\n")
    return int(any(not run["ok"] for kinds in known["runs"].values() for one in kinds.values() for run in one["commands"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [sys.executable]))
