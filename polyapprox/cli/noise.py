# SPDX-License-Identifier: Apache-2.0
"""The command ``polyapprox table noise``: what a scale does to an approximation."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ..approximation import Approximation
from ..errors import ArgumentError
from ..noise.amplification import AmplificationTable
from ..noise.scale import Assessment, Setting
from ..outward import upper
from ..words import counted
from . import values
from .commands import AsJson, Output, Plots, Table, application, check_plots
from .outputs import put

_STEP = 5
_LOWEST, _HIGHEST = 20, 59


@application.command()
def noise(
    table: Table,
    scale: Annotated[
        int | None, typer.Option(help="Bits of the scale; by default the smallest that carries the precision.")
    ] = None,
    ring: Annotated[str, typer.Option(help="Ring dimension, such as 2^14.")] = "2^14",
    scheme: Annotated[
        str, typer.Option(help="openfhe, lattigo, tenseal or desilofhe.")
    ] = "openfhe",
    precision: Annotated[
        str | None, typer.Option(help="What is asked for, such as 2^-9; by default what the bound allows.")
    ] = None,
    first_bits: Annotated[int, typer.Option(help="Bits of the first modulus.")] = 60,
    levels: Annotated[int | None, typer.Option(help='Levels that may be used (rule "standalone").')] = None,
    real: Annotated[
        str | None, typer.Option(help="Noise that the inputs carry, relative to B, such as 2^-20.")
    ] = None,
    imaginary: Annotated[
        str | None, typer.Option(help="The same of imaginary parts, as a bootstrap leaves them.")
    ] = None,
    operations: Annotated[
        bool, typer.Option("--operations", help="Print where the plan amplifies errors.")
    ] = False,
    output: Output = None,
    plot: Plots = None,
    as_json: AsJson = False,
) -> None:
    """Rounding of constants (proven) and scheme noise (forecast) at a scale; the smallest scale."""
    from ..noise.amplification import amplification
    from ..noise.quantise import quantise
    from ..noise.scale import advice, smallest_scale, sweep
    from ..table import load
    from .report import write_json

    check_plots(plot)
    approximation = load(table)
    setting = Setting(
        _whole(ring, "ring"), scheme, first_bits, levels,
        values.optional_number(real, "real") or 0.0,
        values.optional_number(imaginary, "imaginary") or 0.0,
    )  # fmt: skip
    asked = values.optional_number(precision, "precision")
    try:
        smallest = smallest_scale(approximation, setting, precision=asked)
    except ArgumentError:
        if scale is None:
            raise
        smallest = None
    chosen = scale if scale is not None or smallest is None else smallest.scale_bits
    if chosen is None:
        raise ArgumentError("scale must be given here")
    wanted = sorted({*range(_LOWEST, _HIGHEST + 1, _STEP), chosen})
    found = sweep(approximation, setting, wanted, precision=asked)
    here = next((one for one in found if one.scale_bits == chosen), None)
    if here is None:
        raise ArgumentError(
            f"scale={chosen} is too small: its rounding leaves nothing that can be proven, or there "
            "are too few primes of that size; use a larger scale"
        )
    low, high = (float(end) for end in approximation.interval)
    steep = amplification(approximation.plan, low, high)
    written = [] if output is None else [put(output, quantise(approximation, chosen).save)]
    for path in plot or []:
        written.append(_drawn(approximation, setting, path, asked, chosen))
    sentence = None if here.carries else advice(approximation, here, setting)
    if as_json:
        write_json(_content(found, here, smallest, steep, sentence, written))
    else:
        _show(found, here, smallest, steep, sentence, operations, written)


def _whole(text: str, name: str) -> int:
    number = values.number(text, name)
    if number != int(number):
        raise ArgumentError(f"{name} is {text!r}; it must be a whole number, such as 2^14")
    return int(number)


def _drawn(
    approximation: Approximation, setting: Setting, path: Path, precision: float | None, chosen: int
) -> str:
    from ..plot.noise import noise as draw

    draw(approximation, setting, path, precision=precision, chosen=chosen)
    return str(path)


def _content(
    found: list[Assessment],
    here: Assessment,
    smallest: Assessment | None,
    steep: AmplificationTable,
    sentence: str | None,
    written: list[str],
) -> dict[str, Any]:
    return {
        "chosen": _facts(here),
        "advice": sentence,
        "smallest_scale_bits": None if smallest is None else smallest.scale_bits,
        "scales": [_facts(one) for one in found],
        "noise_gain": steep.noise_gain,
        "largest_constant": steep.largest_constant,
        "largest_value": steep.largest_value,
        "operations": [asdict(row) for row in steep.rows],
        "files": written,
    }


def _facts(one: Assessment) -> dict[str, Any]:
    return {
        "scale_bits": one.scale_bits,
        "tolerance": one.tolerance,
        "exact_bound": one.exact_bound,
        "rounded_bound": one.rounded_bound,
        "deviation": one.deviation,
        "noise": asdict(one.noise),
        "total": one.total,
        "fits": one.fits,
        "enough_levels": one.enough_levels,
        "carries": one.carries,
    }


def _show(
    found: list[Assessment],
    here: Assessment,
    smallest: Assessment | None,
    steep: AmplificationTable,
    sentence: str | None,
    operations: bool,
    written: list[str],
) -> None:
    from .report import write_text

    noise = here.noise
    ring = noise.ring_dimension.bit_length() - 1
    lines = [
        f"{noise.scheme}, ring 2^{ring}, {noise.slots} slots, {counted(noise.levels, 'level')} (rule "
        f'"standalone"); asked for: an error of {here.tolerance:.6g}',
        f"proven bound with exact constants: {upper(here.exact_bound)}",
        *(
            [f"noise of the inputs: allowed for in what is proven; comes out as {noise.inputs:.3g}"]
            if noise.inputs
            else []
        ),
        "",
        "       proven bound,      rounding changes  noise       at the worst",
        "scale  constants rounded  values by (proven) (forecast)  place (forecast)  total",
        *(
            f"{one.scale_bits:5d}  {upper(one.rounded_bound, 10):>17s}  {_deviation(one):>17s}  "
            f"{one.noise.error:10.3g}  {one.noise.worst:16.3g}  {upper(one.total):<11s}  {_verdict(one)}"
            + ("  <- chosen" if one is here else "")
            for one in found
        ),
        "",
        f"noise gain {steep.noise_gain:.3g}, largest constant {steep.largest_constant:.3g}, "
        f"largest value {steep.largest_value:.3g}",
    ]
    if operations:
        lines += ["", *operation_lines(steep)]
    if smallest is not None:
        lines.append(f"smallest scale that carries it: {smallest.scale_bits} bits")
    if sentence is not None:
        lines.append(f"warning: {sentence}")
    write_text("\n".join([*lines, *(f"written {name}" for name in written)]))


def _deviation(one: Assessment) -> str:
    return "-" if one.deviation is None else upper(one.deviation, 3)


def _verdict(one: Assessment) -> str:
    if not one.fits:
        return "does not fit"
    if not one.enough_levels:
        return "too few levels"
    return "carries it" if one.carries else "too small"


def operation_lines(steep: AmplificationTable) -> list[str]:
    """The operations that amplify most, one a line."""
    head = "operation  kind      constant      level  largest value  slope     gain"
    return [
        head,
        *(
            f"v{row.index:<9d} {row.kind:8s}  "
            f"{'' if row.constant is None else format(row.constant, '.6g'):12s}  "
            f"{row.level:5d}  {row.size:13.4g}  {row.slope:8.4g}  {row.gain:8.4g}"
            for row in steep.worst()
        ),
    ]
