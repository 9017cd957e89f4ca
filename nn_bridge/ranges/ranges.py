# SPDX-License-Identifier: Apache-2.0
"""Ranges of the inputs of activations: one pass, by layer or by channel, merged and saved.

A histogram has as many bins on either side of 0, over [−2^e, 2^e], where 2^e is the smallest power
of two above the largest |input|. When an input exceeds it, e grows and bins are joined. Since the
bins of one e are those of a smaller e joined, the result depends neither on the order of the inputs
nor on how they were cut into batches.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from polyapprox.words import counted

from ..calls.functions import Call
from ..errors import ArgumentError, DataError
from ..files import write_atomically
from .statistics import statistic

BINS = 2048
_SMALLEST = -900  # exponent: a channel of zeros has this one
_FORMAT = "nn_bridge ranges 1"
_TENSORS = ("low", "high", "exponents", "counts", "sums")


@dataclass(frozen=True)
class SiteRange:
    """What the inputs of one call site were.

    Attributes
    ----------
    call : Call
        What is called.
    count : int
        Inputs of each channel.
    low, high : Tensor, shape (channels,), float64
        Smallest and largest input; one "channel" where channels were not told apart.
    exponents : Tensor, shape (channels,), int64
        The histogram of a channel is over [−2^e, 2^e].
    counts : Tensor, shape (channels, bins), int64
        Inputs by bin; no bins where no histogram was made.
    by_channel : bool
        Whether channels (axis 1 of the input) were told apart.
    squares : float
        Sum of the squares of all inputs, but for rounding; NaN where it was not measured.
    sums : Tensor, float64
        Of softmax: see :class:`nn_bridge.ranges.statistics.Statistic`; else of no width.
    length : int
        Of the longest vector, where the call is a function of vectors.

    Examples
    --------
    >>> relu = Call("relu", "nn.ReLU")
    >>> x = torch.tensor([[-3.0, 2.0], [1.0, 4.0]])
    >>> site = SiteRange.of(relu, x, by_channel=True)
    >>> site.largest, site.by_channel_largest.tolist(), site.quantile(0.5)
    (4.0, [3.0, 4.0], 2.0078125)
    """

    call: Call
    count: int
    low: torch.Tensor
    high: torch.Tensor
    exponents: torch.Tensor
    counts: torch.Tensor
    by_channel: bool
    squares: float = math.nan
    sums: torch.Tensor = field(default_factory=lambda: torch.zeros((1, 0), dtype=torch.float64))
    length: int = 1

    @classmethod
    def of(
        cls, call: Call, x: torch.Tensor, by_channel: bool = False, bins: int = BINS
    ) -> SiteRange:
        """The range of one tensor; inputs that are not finite give infinite or NaN ends.

        Parameters
        ----------
        call : Call
        x : Tensor
            Channels are on axis 1; a vector has one.
        by_channel : bool
        bins : int
            A power of two; 0 for no histogram.
        """
        found = statistic(call, x)
        x = found.values.detach()
        by_channel = by_channel if found.by_channel is None else found.by_channel
        apart = by_channel and x.ndim > 1
        channels = x.shape[1] if apart else 1
        if not x.numel():
            zeros = torch.zeros(channels, dtype=torch.float64)
            low = high = zeros
        elif apart:
            axes = [axis for axis in range(x.ndim) if axis != 1]
            low, high = (end(x, axes).double().cpu() for end in (torch.amin, torch.amax))
        else:
            low, high = (end.reshape(1).double().cpu() for end in torch.aminmax(x))
        largest = torch.maximum(-low, high)
        exponents = torch.frexp(largest).exponent.to(torch.int64)
        exponents = torch.where(largest > 0, exponents, _SMALLEST).clamp(min=_SMALLEST)
        counts = torch.zeros((channels, bins), dtype=torch.int64)
        if bins and x.numel() and bool(torch.isfinite(largest).all()):
            rows = x.movedim(1, 0).reshape(channels, -1) if apart else x.reshape(1, -1)
            counts = _histogram(rows, exponents, bins)
        squares = float(torch.linalg.vector_norm(x, dtype=torch.float64)) ** 2 if x.is_floating_point() else math.nan
        return cls(
            call, x.numel() // channels, low, high, exponents, counts, by_channel, squares, found.sums, found.length
        )  # fmt: skip

    def merged(self, other: SiteRange) -> SiteRange:
        """The range of the inputs of both.

        Raises
        ------
        ArgumentError
            If the numbers of channels or of bins differ.
        """
        if self.counts.shape != other.counts.shape:
            raise ArgumentError(
                f"ranges of {counted(self.counts.shape[0], 'channel')} and {counted(self.counts.shape[1], 'bin')} cannot "
                f"be joined with ranges of {other.counts.shape[0]} and {other.counts.shape[1]}: "
                "measure both alike (by channel only where axis 1 holds as many channels each time)"
            )
        if not self.count or not other.count:
            return self if self.count else other
        exponents = torch.maximum(self.exponents, other.exponents)
        counts = _joined(self.counts, exponents - self.exponents)
        counts = counts + _joined(other.counts, exponents - other.exponents)
        return dataclasses.replace(
            self, count=self.count + other.count, low=torch.minimum(self.low, other.low),
            high=torch.maximum(self.high, other.high), exponents=exponents, counts=counts,
            squares=self.squares + other.squares, length=max(self.length, other.length),
            sums=_both(self.sums, other.sums),
        )  # fmt: skip

    @property
    def channels(self) -> int:
        """How many channels were told apart."""
        return len(self.low)

    @property
    def elements(self) -> int:
        """Inputs of all channels."""
        return self.count * self.channels

    @property
    def lowest(self) -> float:
        """Smallest input of all channels."""
        return float(self.low.min())

    @property
    def highest(self) -> float:
        """Largest input of all channels."""
        return float(self.high.max())

    @property
    def by_channel_largest(self) -> torch.Tensor:
        """Largest |input| of each channel, shape (channels,), float64."""
        return torch.maximum(-self.low, self.high)

    @property
    def largest(self) -> float:
        """Largest |input| of all channels."""
        return float(self.by_channel_largest.max())

    @property
    def rms(self) -> float:
        """Root of the mean square of all inputs; NaN where it was not measured."""
        return math.sqrt(self.squares / self.elements) if self.elements else math.nan

    def histogram(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Edges, shape (bins + 1,), float64, and counts, shape (bins,), of all channels together.

        Raises
        ------
        ArgumentError
            If no histogram was made.
        """
        exponent, counts = self._together()
        half = len(counts) // 2
        steps = torch.arange(-half, half + 1, dtype=torch.float64)
        return steps * (2.0**exponent / half), counts

    def quantile(self, q: float) -> float:
        """The smallest edge of a bin with at least the share q of all |inputs| at or below it.

        Never above the largest |input|; the exact quantile is at most a bin below.

        Raises
        ------
        ArgumentError
            If q is not in (0, 1], or no histogram was made.
        """
        exponent, counts = self._together()
        limits = _reach(counts[None], torch.tensor([exponent]), read_share(q))
        return min(float(limits[0]), self.largest)

    def by_channel_quantile(self, q: float) -> torch.Tensor:
        """:meth:`quantile` of each channel, shape (channels,), float64."""
        self._together()
        limits = _reach(self.counts, self.exponents, read_share(q))
        return torch.minimum(limits, self.by_channel_largest)

    def _together(self) -> tuple[int, torch.Tensor]:
        """Exponent and counts of all channels."""
        if not self.counts.shape[1]:
            raise ArgumentError(
                "these ranges hold no histogram: measure with nn_bridge.measure(model, loader)"
            )
        exponent = int(self.exponents.max())
        return exponent, _joined(self.counts, exponent - self.exponents).sum(0)


@dataclass(frozen=True)
class Ranges:
    """Ranges of all call sites of a network, in order of first call.

    :func:`nn_bridge.measure` makes them; :func:`nn_bridge.convert` takes them as `calibrate`.

    Attributes
    ----------
    sites : dict of str to SiteRange
    input_shape : tuple of int
        Of one input of the network, without the axis of the batch.
    """

    sites: Mapping[str, SiteRange]
    input_shape: tuple[int, ...] = ()

    @property
    def largest(self) -> dict[str, float]:
        """Largest |input| of each call site."""
        return {site: found.largest for site, found in self.sites.items()}

    @property
    def calls(self) -> dict[str, Call]:
        """What each call site calls."""
        return {site: found.call for site, found in self.sites.items()}

    @property
    def per_channel(self) -> dict[str, torch.Tensor]:
        """Largest |input| of each channel, shape (channels,), by call site.

        Raises
        ------
        ArgumentError
            If channels were not told apart.
        """
        self._need_channels()
        return {site: found.by_channel_largest for site, found in self.sites.items()}

    def quantile(self, q: float) -> dict[str, float]:
        """:meth:`SiteRange.quantile` of each call site."""
        return {site: found.quantile(q) for site, found in self.sites.items()}

    def per_channel_quantile(self, q: float) -> dict[str, torch.Tensor]:
        """:meth:`SiteRange.by_channel_quantile` of each call site."""
        self._need_channels()
        return {site: found.by_channel_quantile(q) for site, found in self.sites.items()}

    def histogram(self, site: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Edges and counts of a call site: :meth:`SiteRange.histogram`."""
        if site not in self.sites:
            raise ArgumentError(f"site is {site!r}: choose one of {', '.join(self.sites)}")
        return self.sites[site].histogram()

    def merged(self, other: Ranges) -> Ranges:
        """Ranges of the inputs of both measurements."""
        sites = dict(self.sites)
        for site, found in other.sites.items():
            sites[site] = sites[site].merged(found) if site in sites else found
        return Ranges(sites, self.input_shape or other.input_shape)

    def save(self, path: str | Path) -> Path:
        """Write one file (safetensors), as a whole or not at all."""
        tensors, header = self.packed()
        header["format"] = _FORMAT
        return write_atomically(Path(path), lambda temporary: save_file(tensors, temporary, header))

    @classmethod
    def load(cls, path: str | Path) -> Ranges:
        """Read what :meth:`save` wrote.

        Raises
        ------
        DataError
            If the file is missing, damaged or another.
        """
        try:
            with safe_open(path, framework="pt") as file:
                header = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if header.get("format") != _FORMAT:
                raise DataError(f"{path} holds no ranges: give a file that Ranges.save wrote")
            return cls.unpacked(tensors, header)
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise DataError(f"{path} cannot be read as ranges: measure again ({error})") from error

    def packed(self) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
        """Tensors and text that :meth:`unpacked` makes ranges from."""
        about = [
            {"site": site, "call": pack_call(found.call), "count": found.count,
             "by_channel": found.by_channel, "squares": found.squares, "length": found.length}
            for site, found in self.sites.items()
        ]  # fmt: skip
        tensors = {
            f"{index}/{name}": getattr(found, name).contiguous().clone()
            for index, found in enumerate(self.sites.values())
            for name in _TENSORS
        }
        return tensors, {"sites": json.dumps(about), "input_shape": json.dumps(self.input_shape)}

    @classmethod
    def unpacked(cls, tensors: Mapping[str, torch.Tensor], header: Mapping[str, str]) -> Ranges:
        """The inverse of :meth:`packed`."""
        sites = {}
        for index, about in enumerate(json.loads(header["sites"])):
            parts = {name: tensors[f"{index}/{name}"] for name in _TENSORS if f"{index}/{name}" in tensors}
            sites[about["site"]] = SiteRange(
                call=unpack_call(about["call"]), count=about["count"],
                by_channel=about["by_channel"], squares=about.get("squares", math.nan),
                length=about.get("length", 1), **parts,
            )  # fmt: skip
        return cls(sites, tuple(json.loads(header["input_shape"])))

    def _need_channels(self) -> None:
        if not all(found.by_channel for found in self.sites.values() if found.length == 1):
            raise ArgumentError(
                "these ranges do not tell channels apart: measure with "
                "nn_bridge.measure(model, loader, channels=True)"
            )


def pack_call(call: Call) -> dict[str, Any]:
    """A call for JSON."""
    return {"name": call.name, "kind": call.kind, "options": dict(call.options)}


def unpack_call(values: Mapping[str, Any]) -> Call:
    """The inverse of :func:`pack_call`."""
    options = tuple(
        (name, tuple(value) if isinstance(value, list) else value)
        for name, value in values["options"].items()
    )
    return Call(values["name"], values["kind"], options)


def read_share(q: object) -> float:
    """A share of the inputs, in (0, 1], or a sentence."""
    good = isinstance(q, (int, float)) and not isinstance(q, bool)
    if not good or not 0 < q <= 1:  # type: ignore[operator]
        raise ArgumentError(f"quantile is {q!r}: give a share in (0, 1], such as 0.9999")
    return float(q)  # type: ignore[arg-type]


def _both(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Pairs of ends, of two measurements together."""
    low = torch.minimum(one[:, 0::2], other[:, 0::2])
    return torch.stack([low, torch.maximum(one[:, 1::2], other[:, 1::2])], 2).flatten(1)


def _histogram(rows: torch.Tensor, exponents: torch.Tensor, bins: int) -> torch.Tensor:
    """Counts, shape (channels, bins), of rows, shape (channels, n), all inside their intervals."""
    half = bins // 2
    steps = _powers(-exponents, half)
    index = (rows * steps.to(rows.device)[:, None]).floor_().to(torch.int64)
    index += half + bins * torch.arange(len(rows), device=rows.device)[:, None]
    counts = torch.bincount(index.reshape(-1), minlength=len(rows) * bins)
    return counts.view(len(rows), bins).cpu()


def _joined(counts: torch.Tensor, doublings: torch.Tensor) -> torch.Tensor:
    """Counts, shape (channels, bins), over intervals that were doubled so many times."""
    bins = counts.shape[1]
    if not bins or not bool(doublings.any()):
        return counts
    index = torch.arange(bins)[None] - bins // 2
    index = (index >> doublings.clamp(max=62)[:, None]) + bins // 2
    return torch.zeros_like(counts).scatter_add_(1, index, counts)


def _reach(counts: torch.Tensor, exponents: torch.Tensor, q: float) -> torch.Tensor:
    """Edges with the share q of the |inputs| of each channel at or below, shape (channels,)."""
    half = counts.shape[1] // 2
    sizes = counts[:, half:] + counts[:, :half].flip(1)
    totals = sizes.sum(1, keepdim=True)
    needed = torch.tensor([math.ceil(q * n) for n in totals[:, 0].tolist()])[:, None]
    bins = torch.searchsorted(sizes.cumsum(1), needed).clamp(max=half - 1)[:, 0] + 1
    return bins * _powers(exponents, 1 / half)


def _powers(exponents: torch.Tensor, factor: float) -> torch.Tensor:
    """factor · 2^e, exactly: torch's own ldexp rounds and overflows."""
    return torch.tensor([math.ldexp(factor, e) for e in exponents.tolist()], dtype=torch.float64)
