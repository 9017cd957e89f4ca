"""Fracast-0, a network for time series of 85,001 weights, with every SiLU and RMSNorm a polynomial.

    python experiments/forecast.py FOLDER

FOLDER holds the package ``fracast`` (0.1.0, whose wheel has the weights). Series are made by chance of trends,
seasons and noise: some calibrate, others judge. Its features of periods (a periodogram and the largest peaks) are computed
from the series themselves, before any weight: they stay exact, as what a client computes before encrypting. Each
precision is a line of forecast.jsonl; started again, it goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nn_bridge import convert, measure, propagate
from nn_bridge.experiments.records import Records, key_of
from nn_bridge.files import git_commit, versions

RESULTS = Path(__file__).parent / "results" / "forecast.jsonl"
CALIBRATED, JUDGED, LENGTH, MARGIN, FOLLOWED = 48, 32, 2048, 1.5, 4
"""Series that calibrate, judge, and in which each activation's error is followed alone; their length."""
POWERS = (6, 8, 10)


class Forecast(nn.Module):
    """Series of numbers in [0, 1] to quantiles of what follows."""

    def __init__(self, core: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.core, self.head = core, head

    def forward(self, series: torch.Tensor) -> torch.Tensor:
        known = torch.ones_like(series, dtype=torch.bool)
        hidden = self.core(series[:, None], known[:, None], torch.ones_like(series)[:, None])
        return self.head.forward_horizon(hidden, last_obs=series[:, -1:], ctx=series, ctx_mask=known)


def made(count: int, seed: int) -> torch.Tensor:
    """Series of a trend, two seasons and noise, each scaled to [0, 1] as the package does."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, 1, generator=generator)

    time = torch.arange(LENGTH)[None] / LENGTH
    period = torch.exp(drawn(1.5, 5.5))
    series = drawn(-2, 2) * time + drawn(0.2, 1) * torch.sin(2 * torch.pi * (LENGTH * time / period + drawn(0, 1)))
    series = series + drawn(0, 0.5) * torch.sin(2 * torch.pi * (LENGTH * time / (7 * period) + drawn(0, 1)))
    series = series + drawn(0, 0.4) * torch.randn(count, LENGTH, generator=generator)
    low, high = series.amin(1, keepdim=True), series.amax(1, keepdim=True)
    return (series - low) / (high - low)


def law(model: nn.Module, series: torch.Tensor, precision: float, ranges: Any) -> dict[str, Any]:
    """Deviation with all activations replaced, as predicted from the single ones, and which of these is worst."""
    told = propagate(model, [series], precision=precision, calibrate=ranges, margin=MARGIN, samples=1)
    worst = max(told.layers, key=lambda one: one.observed)
    kinds = {name: told.deviation[name] for name in ("all", "linear", "independent")}
    return {"series": told.images, **kinds, "worst": worst.site, "of_worst": worst.observed}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="that holds the package fracast")
    folder = parser.parse_args().folder
    sys.path.insert(0, str(folder))
    from fracast.inference import load_fracast

    torch.set_num_threads(1)
    records = Records(RESULTS)
    model = Forecast(*load_fracast(folder / "fracast" / "weights", weights="fp32")).eval()
    ranges = measure(model, made(CALIBRATED, 1).split(16), bins=0)
    held = made(JUDGED, 2)
    with torch.no_grad():
        exact = model(held).double()
    for power in POWERS:
        identity = {"power": power, "calibrated": CALIBRATED, "judged": JUDGED, "length": LENGTH, "margin": MARGIN}
        if records.get(key_of(identity)) is not None:
            continue
        converted: Any = convert(model, precision=2.0**-power, calibrate=ranges, margin=MARGIN)
        with torch.no_grad():
            off = (converted(held).double() - exact).abs()
        sites = converted.report.sites
        found = {
            "rms": float(off.square().mean().sqrt()), "worst": float(off.max()),
            "outside": sum(a.seen.outside for a in converted.report.replacement.activations.values()),
            "spread": float((exact[..., -1] - exact[..., 0]).mean()), "sites": len(sites),
            "levels": {kind: max(s.levels for s in sites if s.kind == kind) for kind in {s.kind for s in sites}},
            "all_levels": converted.report.levels, "products": converted.report.multiplications,
            "remaining": sorted({item.operation for item in converted.report.remaining}),
            "law": law(model, held[:FOLLOWED], 2.0**-power, ranges),
            "environment": {"versions": versions(), "commit": git_commit()},
        }  # fmt: skip
        records.add({"key": key_of(identity), **identity, **found})
        sys.stdout.write(f"{power}: {found}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
