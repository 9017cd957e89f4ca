# SPDX-License-Identifier: Apache-2.0
"""``polyapprox encrypted``: tables on ciphertexts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ArgumentError
from ..outward import upper
from ..words import counted
from . import values
from .commands import AsJson, application
from .running import OUTSIDE

if TYPE_CHECKING:
    from ..contest import Contest
    from ..encrypted import EncryptedRun

bench = typer.Typer(
    name="bench", help="Benchmarks on this machine.", no_args_is_help=True, add_completion=False
)
application.add_typer(bench)

BackendName = Annotated[str, typer.Option(help="openfhe, lattigo, tenseal or desilofhe.")]
Ring = Annotated[str | None, typer.Option("--ring", help="Ring dimension, such as 2^13; by default chosen.")]
Scale = Annotated[
    int | None, typer.Option("--scale", help="log2 of the scale; by default from the noise model.")
]


@application.command(name="backends")
def show_backends(as_json: AsJson = False) -> None:
    """The frameworks for encrypted runs: what was found, and how to get the rest."""
    from ..encrypted import backends
    from .report import write_json, write_text

    rows: list[dict[str, Any]] = []
    for name, one in backends().items():
        found = one.find()
        rows.append(
            {
                "backend": name,
                "found": found.found,
                "version": found.version,
                "executes": sorted(one.executes),
                "reason": found.reason,
                "remedy": found.remedy,
            }
        )
    if as_json:
        write_json({"backends": rows})
        return
    lines = []
    for row in rows:
        state = f"found, version {row['version']}" if row["found"] else "not found"
        lines.append(f"{row['backend']:10s} {state}; executes {' and '.join(row['executes'])}")
        lines.append(f"           {row['reason']}")
        if not row["found"]:
            lines.append(f"           to get it: {row['remedy']}")
    write_text("\n".join(lines))


@application.command(name="encrypt-check")
def encrypt_check(
    table: Annotated[Path, typer.Argument(help="A table written by polyapprox.")],
    backend: BackendName = "openfhe",
    ring: Ring = None,
    scale: Scale = None,
    levels: Annotated[
        int | None, typer.Option(help="Levels of the context; by default as many as are needed.")
    ] = None,
    secure: Annotated[
        bool, typer.Option("--secure", help="128 bit by the HE standard; else not secure.")
    ] = False,
    real: Annotated[
        str | None, typer.Option(help="Noise that the inputs carry, relative to B, such as 2^-20.")
    ] = None,
    imaginary: Annotated[
        str | None, typer.Option(help="The same of imaginary parts: proven and forecast, not encrypted.")
    ] = None,
    plot: Annotated[
        list[Path] | None, typer.Option("--plot", help="Draw the measured error: .png, .svg or .pdf.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a table on ciphertexts over its whole interval: measured beside proven.

    Exit code 3 if the error measured exceeds the proven bound and the stated noise: a noise larger
    than its forecast, which is no proof, not a false claim of the table.
    """
    from ..encrypted import backend as backend_of, choose_parameters, run
    from ..plot.figure import kind_of
    from ..table import load
    from .refresh import encrypt_check as encrypt_series, is_series
    from .report import write_json, write_text

    for path in plot or []:
        kind_of(path)
    if is_series(table):
        if backend != "openfhe" or secure or real or imaginary or plot:
            raise ArgumentError(
                "a function inside the bootstrap runs in openfhe, not secure, for tests; leave out "
                "--backend, --secure, --real, --imaginary and --plot"
            )
        encrypt_series(table, ring_dimension(ring), scale, levels, as_json)
        return
    one, framework = load(table), backend_of(backend)
    chosen = choose_parameters(
        one,
        framework,
        ring_dimension=ring_dimension(ring),
        scale_bits=scale,
        levels=levels,
        secure=secure,
    )
    ended = run(
        one,
        backend=backend,
        parameters=chosen,
        real=values.optional_number(real, "real") or 0.0,
        imaginary=values.optional_number(imaginary, "imaginary") or 0.0,
    )
    for path in plot or []:
        from ..plot.error import measured_error

        measured_error(ended, path)
    written = [str(path) for path in plot or []]
    if as_json:
        write_json({"table": str(table), **ended.facts(), "files": written})
    else:
        write_text("\n".join([_page(ended), *(f"written {path}" for path in written)]))
    if ended.within is False:
        raise typer.Exit(OUTSIDE)


def ring_dimension(text: str | None) -> int | None:
    """A ring dimension written as 8192 or 2^13.

    Examples
    --------
    >>> ring_dimension("2^13")
    8192
    """
    if text is None:
        return None
    number = values.number(text, "ring")
    if number != int(number):
        raise ArgumentError(f"ring is {text!r}; it must be a power of two, such as 2^13")
    return int(number)


def _page(ended: EncryptedRun) -> str:
    one, noise = ended.parameters, ended.forecast
    how = "the plan, operation by operation" if ended.executed == "plan" else "its components"
    verdict = {
        None: "no bound or no noise model to compare with",
        True: "within proven bound and stated noise (twice the forecast)",
        False: "OUTSIDE proven bound and stated noise (twice the forecast)",
    }[ended.within]
    rows = [
        ("function", f"{ended.function}, {_values(ended)}"),
        ("backend", f"{ended.backend} {ended.version}, evaluates {how}"),
        (
            "context",
            f"ring {one.ring_dimension}, scale 2^{one.scale_bits}, {counted(one.levels, 'level')}: "
            f"{ended.security}",
        ),
        (
            "noise of inputs",
            f"real {ended.real:.4g}, imaginary {ended.imaginary:.4g} (of B)"
            + ("; the imaginary one is allowed for, not encrypted" if ended.imaginary else ""),
        ),
        ("largest error, measured", f"{ended.largest_error:.6g}"),
        ("error bound, proven", "none" if ended.bound is None else upper(ended.bound)),
        ("noise, measured", f"{ended.noise:.3g}"),
        ("noise, forecast", "no model" if noise is None else f"{noise.worst:.3g}"),
        ("verdict", verdict),
        ("levels used", f"{ended.levels}"),
        ("levels counted", f'{ended.counted} (rule "{ended.rule}")'),
        *((f"seconds, {name}", f"{seconds:.4g}") for name, seconds in ended.stages),
    ]
    return "\n".join(f"{name:26s} {text}" for name, text in rows)


def _values(ended: EncryptedRun) -> str:
    count, slots = ended.values.size, ended.parameters.slots
    return f"{counted(count, 'value')}" + (f", repeated in {slots} slots" if count < slots else "")


@bench.command(name="encrypted")
def bench_encrypted(
    backend: Annotated[str, typer.Option(help="openfhe.")] = "openfhe",
    precision: Annotated[
        list[int] | None, typer.Option(help="k of 2^-k; may be repeated; by default 7, 9, 12 and 14.")
    ] = None,
    ring: Annotated[
        list[str] | None, typer.Option("--ring", help="Ring dimension; may be repeated; by default 2^13.")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Runs of each, at least 5 for a spread.")] = 5,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write all figures (JSON) here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Encrypted ReLU: ours, published r_alpha and the framework's own evaluator, in one run."""
    from ..contest import contests, report
    from ..files import write_atomically
    from .report import write_json, write_text

    if backend != "openfhe":
        raise ArgumentError(f"backend={backend!r} has no benchmark; use openfhe")
    rings = [ring_dimension(one) or 0 for one in ring or ["2^13"]]
    found: list[Contest] = contests(precision or [7, 9, 12, 14], rings, repeats)
    content = report(found)
    if output is not None:
        try:
            write_atomically(output, (json.dumps(content, indent=1) + "\n").encode())
        except OSError as error:
            raise ArgumentError(f"cannot write {output}: {error.strerror or error}") from error
    if as_json:
        write_json(content)
    else:
        write_text("\n".join(line for one in found for line in one.lines()))
