# SPDX-License-Identifier: Apache-2.0
"""``polyapprox make bootstrapped``, and what other commands do with its tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .. import outward
from ..words import counted
from .commands import AsJson, Output
from .outputs import put
from .running import OUTSIDE

if TYPE_CHECKING:
    from ..refresh.run import RefreshRun
    from ..refresh.value import Bootstrapped


def is_series(table: Path) -> bool:
    """Whether a file is the table of a series."""
    from ..table import format_of
    from ..table.schema import SERIES_FORMAT

    return format_of(table) == SERIES_FORMAT


def deliver(result: Any, output: Output = None, as_json: AsJson = False) -> None:
    """Save and report a :class:`~polyapprox.refresh.value.Bootstrapped`."""
    from .report import write_json, write_text

    written = [] if output is None else [put(output, result.save)]
    facts = summary(result)
    if as_json:
        write_json({**facts, "files": written})
        return
    rows = [
        ("function", facts["function"]),
        ("interval", outward.intervals(result.domain)),
        ("inside the bootstrap", f"degree {result.degree}, coefficients up to {outward.upper(result.largest_coefficient, 4)}"),
        ("error bound, proven", f"{outward.upper(result.error_bound, 8)}, {outward.lower_places(result.bits, 4)} bits"),
        ("levels", f"{facts['depth']} by OpenFHE's count; a plain bootstrap has {facts['depth_plain']}"),
        ("noise of e^(i pi m)", f"at most {outward.upper(result.amplification, 3)} times larger"),
        ("noise of the input", f"at most {outward.upper(result.slope_bound, 3)} times larger"),
        ("message", f"(x - {float(result.centre)!r}) / {float(result.width)!r}"),
        ("made by", result.provenance.command),
        *(("written", name) for name in written),
    ]  # fmt: skip
    write_text("\n".join(f"{name:22s} {text}" for name, text in rows))


def summary(result: Bootstrapped) -> dict[str, Any]:
    """The facts about a series, ready for JSON."""
    from ..refresh.depth import plain_depth

    return {
        "function": result.function,
        "domain": [[float(low), float(high)] for low, high in result.domain],
        "degree": result.degree,
        "error_bound": result.error_bound,
        "error_estimate": result.error_estimate,
        "bits": result.bits,
        "extension": result.extension,
        "largest_coefficient": result.largest_coefficient,
        "amplification": result.amplification,
        "slope_bound": result.slope_bound,
        "depth": result.levels(),
        "depth_plain": plain_depth(),
        "command": result.provenance.command,
        "versions": dict(result.provenance.versions),
    }


def encrypt_check(
    table: Path, ring: int | None, scale: int | None, after: int | None, as_json: bool
) -> None:
    """Run a series in OpenFHE's bootstrap: measured beside proven."""
    from ..refresh.run import Setting, run
    from ..refresh.table import load
    from .report import write_json, write_text

    usual = Setting()
    setting = Setting(
        usual.ring_dimension if ring is None else ring,
        usual.scale_bits if scale is None else scale,
        usual.after if after is None else after,
    )
    ended = run(load(table), setting=setting)
    if as_json:
        write_json({"table": str(table), **ended.facts(), "files": []})
    else:
        write_text(_page(ended))
    if ended.within is False:
        raise typer.Exit(OUTSIDE)


def _page(ended: RefreshRun) -> str:
    one = ended.setting
    verdict = {
        None: "no bound to compare with",
        True: "within proven bound and stated noise",
        False: "OUTSIDE proven bound and stated noise",
    }[ended.within]
    rows = [
        ("function", f"{ended.function}, {counted(ended.values.size, 'value')}, inside the bootstrap"),
        ("backend", f"openfhe {ended.version}, EvalFEFuncBootstrap"),
        ("context", f"ring {one.ring_dimension}, scale 2^{one.scale_bits}: {one.security}"),
        ("largest error, measured", f"{ended.largest_error:.6g}"),
        ("error bound, proven", "none" if ended.bound is None else outward.upper(ended.bound)),
        ("noise of e^(i pi m)", f"{ended.wave_noise:.3g}, measured"),
        ("noise, stated", f"{ended.stated_noise:.3g}: twice {outward.upper(ended.amplification, 3)} times that"),
        ("verdict", verdict),
        ("levels", f"{ended.levels} by OpenFHE, {ended.counted} by our count"),
        ("levels left", f"{ended.left}"),
        ("seconds, bootstrap", f"{min(ended.seconds):.4g} ({min(ended.processor):.4g} of the processor)"),
    ]  # fmt: skip
    return "\n".join(f"{name:26s} {text}" for name, text in rows)
