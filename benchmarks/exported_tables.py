"""Every format on 28 tables: written, and run where a wheel or a toolchain is at hand.

    python benchmarks/exported_tables.py            # goes on where it stopped
    python benchmarks/exported_tables.py --summary  # counts of what was found

One line of JSON for each file in ``results/exported_tables.jsonl``: PASS or FAIL as its self-check
says, levels of the header and of the run. C and Python, the two wheels, OpenFHE's interpreter and
``heir-opt`` are found by themselves; ``--lattigo`` is a Go module that resolves Lattigo's sources,
``--seal`` and ``--openfhe`` are the folders of an installed SEAL and OpenFHE, ``--desilo`` a Python that has
desilofhe. HEIR compiles the file to CKKS and counts; CSV and LaTeX are read and evaluated in mpmath;
HEaaN's headers run in the clear against a stub that counts levels; what nothing runs is "written".
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import ROOT
from written_tables import verdict

import polyapprox as pa
from polyapprox.encrypted.frameworks import interpreter
from polyapprox.errors import PolyApproxError
from polyapprox.export import FORMATS, find_format

RESULTS = Path(__file__).parent / "results" / "exported_tables.jsonl"
SECONDS = 900
INTERVALS = ((-1, 1), (-50, 50), (-3, 17))
Made = Callable[[], pa.Approximation]
TABLES: dict[str, Made] = {
    f"relu 2^-{k} {structure} {interval}": lambda k=k, structure=structure, interval=interval: pa.relu(
        precision=2.0**-k, structure=structure, interval=interval
    )
    for k in (7, 9, 12)
    for structure in ("circuit", "composite")
    for interval in INTERVALS
} | {
    "sign": lambda: pa.sign(precision=2**-7, threshold=2**-6),
    "maximum": lambda: pa.maximum(precision=2**-8),
    "gelu": lambda: pa.minimax("gelu", 31, interval=(-8, 8)),
    "sigmoid": lambda: pa.minimax("sigmoid", 27, interval=(-8, 8)),
    "tanh": lambda: pa.minimax("tanh", 31, interval=(-4, 4)),
    "exp": lambda: pa.minimax("exp", 15, interval=(-4, 4)),
    "1/sqrt": lambda: pa.minimax("1/sqrt(x)", 31, interval=(0.05, 1)),
    "constant": lambda: pa.minimax("exp", 0),
    "line": lambda: pa.minimax("exp", 1, interval=(0, 3)),
    "degree 200": lambda: pa.minimax("abs", 200),
}


def ran(*command: object, folder: Path | None = None, **more: str) -> tuple[int, str]:
    """Exit code, and what was said on both streams."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **more}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False,
        env=environment, cwd=folder, timeout=SECONDS, input="",
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def script(python: Path | str | None) -> Callable[[Path], tuple[int, str] | None]:
    """A Python export, run by an interpreter."""
    return lambda path: ran(python, path) if python else None


def compiled_c(path: Path) -> tuple[int, str] | None:
    """A C export, compiled and checked."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    program = path.with_suffix("")
    code, said = ran(compiler, "-std=c99", "-DPOLYAPPROX_MAIN", path, "-o", program, "-lm")
    return (code, said) if code else ran(program)


def compiled_by_heir(path: Path) -> tuple[int, str] | None:
    """MLIR, compiled to CKKS; the levels are those that HEIR gives."""
    heir = shutil.which("heir-opt", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if heir is None:
        return None
    compile_by = re.search(r"^// compile: heir-opt (.*)$", path.read_text(), re.MULTILINE)
    code, said = ran(heir, *shlex.split(compile_by[1] if compile_by else ""), path)
    found = max(map(int, re.findall(r"level = (\d+)", said)), default=0)
    return code, f"{'FAIL' if code else 'PASS'}: levels used {found} {said[-200:] if code else ''}"


def container(path: Path) -> tuple[int, str] | None:
    """A container, run by Orion's evaluator on its own parameters."""
    try:
        from lattigo import ckks, rlwe
        from orion_evaluator import Evaluator, Model
    except ImportError:
        return None
    raw = path.read_bytes()
    header = json.loads(raw[12 : 12 + struct.unpack_from("<I", raw, 8)[0]])
    given, check = header["params"], header["check"]
    parameters = ckks.Parameters.from_dict(
        {k: v for k, v in given.items() if k not in ("boot_logp", "btp_logn")}
    )
    generator = rlwe.KeyGenerator(parameters)
    secret = generator.gen_secret_key()
    encoder, slots = ckks.Encoder(parameters), 2 ** (given["logn"] - 1)
    x = [row[0] for row in check["rows"]]
    plain = encoder.encode(
        x + [0.0] * (slots - len(x)), header["input_level"], parameters.default_scale()
    )
    fresh = rlwe.Encryptor(parameters, generator.gen_public_key(secret)).encrypt_new(plain)
    keys = rlwe.MemEvaluationKeySet(generator.gen_relin_key(secret)).marshal_binary()
    answer = Evaluator(given, keys).forward(Model.load(raw), [bytes(fresh.marshal_binary())])[0]
    result = rlwe.Ciphertext.unmarshal_binary(bytes(answer))
    values = encoder.decode(rlwe.Decryptor(parameters, secret).decrypt_new(result), slots)
    excess = max(abs(y - row[2]) - row[3] for y, row in zip(values, check["rows"], strict=False))
    passed = excess <= check["noise"]
    levels = header["input_level"] - int(result.level())
    return int(not passed), f"{'PASS' if passed else 'FAIL'}: levels used {levels}"


def go(module: Path | None) -> Callable[[Path], tuple[int, str] | None]:
    """A Go export in a package of a module that resolves Lattigo."""

    def run(path: Path) -> tuple[int, str] | None:
        tool = shutil.which("go", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        if module is None or tool is None:
            return None
        folder = module / "exported_table"
        (folder / "polyapprox").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / "polyapprox" / "exported.go")
        name = re.search(r"^module (\S+)", (module / "go.mod").read_text(), re.MULTILINE)
        (folder / "main.go").write_text(
            f'package main\n\nimport (\n\t"os"\n\n\t"{name[1] if name else ""}/exported_table/polyapprox"\n)\n\n'
            "func main() {\n\tos.Exit(polyapprox.SelfCheck(os.Stdout))\n}\n"
        )
        return ran(tool, "run", "./exported_table", folder=module, GOFLAGS="-mod=mod")

    return run


SEAL_MAIN = """
#include "exported.h"
int main() {
    using namespace seal;
    using namespace polyapprox_NAME;
    EncryptionParameters parms(scheme_type::ckks);
    std::vector<int> bits(1, 60);
    bits.insert(bits.end(), levels, BITS);
    bits.push_back(60);
    parms.set_poly_modulus_degree(8192);
    parms.set_coeff_modulus(CoeffModulus::Create(8192, bits));
    SEALContext context(parms, true, sec_level_type::none);
    KeyGenerator keys(context);
    PublicKey open;
    keys.create_public_key(open);
    RelinKeys relin;
    keys.create_relin_keys(relin);
    CKKSEncoder encoder(context);
    Evaluator evaluator(context);
    Encryptor encryptor(context, open);
    Decryptor decryptor(context, keys.secret_key());
    Operations on(context, encoder, evaluator, encryptor, relin);
    std::printf("levels used %d\\n", levels);
    return self_check(on, encoder, encryptor, decryptor, std::ldexp(1.0, BITS));
}
"""


OPENFHE_MAIN = """
#include "exported.h"
int main() {
    using namespace lbcrypto;
    using namespace polyapprox_NAME;
    CCParams<CryptoContextCKKSRNS> parameters;
    parameters.SetMultiplicativeDepth(std::max(levels, 1));
    parameters.SetScalingModSize(BITS);
    parameters.SetFirstModSize(60);
    parameters.SetSecurityLevel(HEStd_NotSet);
    parameters.SetRingDim(8192);
    parameters.SetBatchSize(4096);
    parameters.SetScalingTechnique(FLEXIBLEAUTO);
    CryptoContext<DCRTPoly> cc = GenCryptoContext(parameters);
    for (PKESchemeFeature feature : {PKE, KEYSWITCH, LEVELEDSHE, ADVANCEDSHE})
        cc->Enable(feature);
    const KeyPair<DCRTPoly> keys = cc->KeyGen();
    cc->EvalMultKeyGen(keys.secretKey);
    return self_check(cc, keys, BITS);
}
"""


def openfhe_cpp(prefix: Path | None) -> Callable[[Path], tuple[int, str] | None]:
    """A header for OpenFHE, compiled and run at a scale of 50 bits, or of its smallest one."""

    def run(path: Path) -> tuple[int, str] | None:
        if prefix is None:
            return None
        text = path.read_text()
        name, least = re.search(r"namespace polyapprox_(\w+)", text), re.search(r"smallest scale: 2\^(\d+)", text)
        bits = max(50, int(least[1]) if least else 50)
        main, program = path.with_name("main.cpp"), path.with_name("main")
        main.write_text(OPENFHE_MAIN.replace("NAME", name[1] if name else "").replace("BITS", str(bits)))
        folder = prefix / "include" / "openfhe"
        include = [f"-I{folder / one}" for one in ("", "core", "pke", "binfhe", "third-party/include")]
        libraries = ("-lOPENFHEpke", "-lOPENFHEcore", "-lOPENFHEbinfhe")
        code, said = ran("g++", "-std=c++17", "-O0", "-w", "-fopenmp", *include, main, "-L", prefix / "lib",
                         *libraries, "-o", program)  # fmt: skip
        return (code, said) if code else ran(program, LD_LIBRARY_PATH=str(prefix / "lib"))

    return run


HEAAN_MAIN = """
#include "exported.h"
int main() {
    return polyapprox_NAME::self_check(HEaaN::HomEvaluator(), HEaaN::Encryptor(), HEaaN::Decryptor(),
        HEaaN::SecretKey(), 7, 50);
}
"""


def heaan_stub(path: Path) -> tuple[int, str] | None:
    """A header for HEaaN against the stub of the tests, which computes in the clear and counts levels."""
    if shutil.which("g++") is None:
        return None
    name = re.search(r"namespace polyapprox_(\w+)", path.read_text())
    main, program = path.with_name("main.cpp"), path.with_name("main")
    main.write_text(HEAAN_MAIN.replace("NAME", name[1] if name else ""))
    code, said = ran("g++", "-std=c++17", "-I", ROOT / "tests" / "stubs", main, "-o", program)
    return (code, said) if code else ran(program)


def read_back(name: str) -> Callable[[Path], tuple[int, str]]:
    """A CSV or LaTeX export, evaluated in mpmath from what is written."""

    def run(path: Path) -> tuple[int, str]:
        passed, share = verdict(name, path.read_text())
        return int(not passed), f"{'PASS' if passed else 'FAIL'}: {share:.4f} of the bound"

    return run


def seal(prefix: Path | None) -> Callable[[Path], tuple[int, str] | None]:
    """A header for SEAL, compiled and run at the scale that it calls smallest, from 40 bits on."""

    def run(path: Path) -> tuple[int, str] | None:
        if prefix is None:
            return None
        text = path.read_text()
        name = re.search(r"namespace polyapprox_(\w+)", text)
        least = re.search(r"smallest scale: 2\^(\d+)", text)
        bits = max(40, int(least[1]) if least else 50)
        main = SEAL_MAIN.replace("NAME", name[1] if name else "").replace("BITS", str(bits))
        path.with_name("main.cpp").write_text(main)
        include, library = next(prefix.glob("include/SEAL-*")), next(prefix.glob("lib*/libseal*.a"))
        program = path.with_name("main")
        code, said = ran(
            "g++", "-std=c++17", "-O1", "-I", include, path.with_name("main.cpp"), library,
            "-lpthread", "-o", program,
        )  # fmt: skip
        return (code, said) if code else ran(program)

    return run


def one(name: str, form: str, table: Made, run: Callable[[Path], Any] | None) -> dict[str, Any]:
    """What one file gave."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"exported{find_format(name).suffix}"
        try:
            table().export(name, path, form=form)  # type: ignore[arg-type]
        except PolyApproxError as error:
            return {"found": "refused", "said": str(error)}
        text = path.read_bytes().decode("utf-8", "replace")
        header = re.search(r"levels used: (\d+)", text)
        row: dict[str, Any] = {"found": "written", "header": int(header[1]) if header else None}
        started = time.process_time()
        answer = None if run is None else run(path)
        if answer is not None:
            code, said = answer
            used = re.search(r"levels used (\d+)", said)
            row["found"] = "PASS" if code == 0 and "PASS" in said else "FAIL"
            row["run"] = int(used[1]) if used else None
            row["seconds"] = round(time.process_time() - started, 2)
            if row["found"] == "FAIL":
                row["said"] = said[-400:]
        return row


def summary() -> None:
    """Counts by format, form and what was found, and where levels differ."""
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    for key, count in sorted(Counter((r["format"], r["form"], r["found"]) for r in rows).items()):
        print(*key, count)
    different = [r for r in rows if r.get("run") is not None and r["run"] != r.get("header")]
    print(f"levels of the run differ from the header's in {len(different)}:")
    for r in different:
        if r["header"] is not None:
            print(" ", r["format"], r["form"], r["table"], r["header"], r["run"])


def main() -> None:
    """Run what is not in the results yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--summary", action="store_true")
    parser.add_argument("--formats", nargs="+", default=list(FORMATS), choices=FORMATS)
    parser.add_argument("--lattigo", type=Path)
    parser.add_argument("--seal", type=Path)
    parser.add_argument("--openfhe", type=Path)
    parser.add_argument("--desilo", type=Path)
    chosen = parser.parse_args()
    if chosen.summary:
        summary()
        return
    runs: dict[str, Callable[[Path], Any]] = {
        "c": compiled_c, "python": script(sys.executable), "openfhe": script(interpreter.find()[0]),
        "tenseal": script(sys.executable), "heir": compiled_by_heir, "orion": container,
        "orion-module": script(sys.executable),
        "lattigo": go(chosen.lattigo), "seal": seal(chosen.seal), "openfhe-cpp": openfhe_cpp(chosen.openfhe),
        "desilo": script(chosen.desilo), "heaan": heaan_stub, "csv": read_back("csv"), "latex": read_back("latex"),
    }  # fmt: skip
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    known = {(r["format"], r["form"], r["table"]) for r in map(json.loads, lines)}
    for table, made in TABLES.items():
        for name in chosen.formats:
            for form in find_format(name).forms:
                if (name, form, table) not in known:
                    row = {"format": name, "form": form, "table": table}
                    row |= one(name, form, made, runs.get(name))
                    with RESULTS.open("a") as file:
                        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
