# SPDX-License-Identifier: Apache-2.0
"""`sturdy`: NGNV, the polynomial in the forward pass and the range penalty in anybody's own loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ..calls.answering import answer, remove
from ..calls.functions import Call
from ..calls.inputs import Batch
from ..calls.normalising import VECTOR_FUNCTIONS
from ..calls.running import check_weights
from ..calls.site import Switch
from ..errors import ArgumentError, ConversionError
from ..ranges.bounds import MARGIN, Bounds, bounds_of
from ..ranges.calibration import measure, measured_again
from .configuration import Configuration, Forward, Noise, NoiseKind, Range
from .own_activations import OwnLoopActivations, in_backward

Loader = Iterable[Batch]


class Sturdy:
    """Handle of a network whose activations train for polynomials; :func:`sturdy` makes it.

    Attributes
    ----------
    model : nn.Module
        The network given, changed in place.
    activations : OwnLoopActivations
    """

    def __init__(
        self, model: nn.Module, activations: OwnLoopActivations, switch: Switch, loader: Loader | None,
        steps: int, seed: int,
    ) -> None:  # fmt: skip
        self.model, self.activations = model, activations
        self._switch, self._loader, self._steps, self._seed = switch, loader, steps, seed
        self._done = 0
        self._hook = model.register_forward_pre_hook(self._before, prepend=True)

    @torch._disable_dynamo  # type: ignore[attr-defined]  # noise is drawn in Python
    def _before(self, module: nn.Module, args: Any) -> None:
        if in_backward():  # a checkpoint runs the whole network again
            return
        self.activations.training = module.training
        if module.training:
            self.step()

    def step(self) -> None:
        """Draw the precision and the noise of a pass; each pass of the network does so itself."""
        progress = min(1.0, self._done / self._steps) if self._steps else 0.0
        self.activations.start(self._seed * 1_000_003 + self._done, progress)
        self._done += 1

    @property
    def steps_done(self) -> int:
        """Passes of the network in training so far."""
        return self._done

    @property
    def penalty(self) -> torch.Tensor | float:
        """To be added to the loss: what inputs outside their intervals cost in the last pass; 0 without."""
        found = self.activations.penalty
        weight = self.activations.configuration.range.penalty
        return 0.0 if found is None else weight * found

    def renew(self, loader: Loader | None = None) -> dict[str, float]:
        """Measure the ranges again, of the network as it is now; best before each epoch.

        Raises
        ------
        ArgumentError
            If no loader was given, here or before.
        """
        loader = self._loader if loader is None else loader
        if loader is None:
            raise ArgumentError("loader is missing: give one here, or calibrate= at the beginning")
        limits = self.activations.configuration.range
        found = measured_again(self.model, self._switch, loader).largest
        self.activations.bounds = dict(bounds_of(limits.interval, found, limits.margin).layers)
        return self.activations.bounds

    def off(self) -> nn.Module:
        """The network with its own activations, to be saved or converted."""
        self._hook.remove()
        remove(self.model)
        return self.model


def sturdy(
    model: nn.Module,
    *,
    noise: NoiseKind | Noise | None = None,
    precision: int | Iterable[int] | None = None,
    strength: float | None = None,
    polynomial: int | Sequence[int] | Forward = (),
    interval: float | str = "per-layer",
    calibrate: Loader | Mapping[str, float] | None = None,
    penalty: float = 0.0,
    margin: float = MARGIN,
    steps: int = 0,
    seed: int = 0,
) -> Sturdy:
    """Let a network train for low precision, in any loop, with any optimiser.

    Its activations become layers that add noise in training (NGNV, arXiv 2402.11224), or compute
    the polynomial itself; in evaluation they are exact. Weights, state and all else stay. Softmax and norms,
    whose inputs have no interval to count noise in, stay exact.

    Parameters
    ----------
    model : nn.Module
        Changed in place, until :meth:`Sturdy.off`. What is wrapped (DDP, torch.compile) is wrapped
        afterwards.
    noise : str or Noise
        Kind of noise, "uniform" if neither it nor a polynomial is given; or all that
        :class:`nn_bridge.training.Noise` can say, precision and strength too.
    precision : int or list of int
        k of the precisions 2^-k of the noise, 6 if not given; each step draws one.
    strength : float
        λ: noise of λ·B·2^-k (of the actual error: times λ); 3 if not given.
    polynomial : int, list of int or Forward
        k of the polynomials that stand in the forward pass, in place of noise; or all that
        :class:`nn_bridge.training.Forward` can say.
    interval : float, "per-layer" or "global"
        B of each activation: measured, the largest of all, or given.
    calibrate : loader or dict
        Batches to measure ranges on; or what :func:`nn_bridge.calibrate` returned.
    penalty : float
        Weight of the penalty for inputs outside [−B, B], see :attr:`Sturdy.penalty`.
    margin : float
        Measured ranges are multiplied by it.
    steps : int
        Of the whole training, for noise that rises or falls.
    seed : int

    Returns
    -------
    Sturdy

    Raises
    ------
    ArgumentError
        For arguments that cannot be used.
    ConversionError
        If the network's code cannot be traced, or it has no activation; if a polynomial of softmax or of a norm is asked for.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 2))
    >>> x, y = torch.randn(32, 4), torch.randint(2, (32,))
    >>> optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> handle = sturdy(model, precision=range(4, 7), calibrate=[x])
    >>> for _ in range(3):
    ...     loss = nn.functional.cross_entropy(model(x), y) + handle.penalty
    ...     optimiser.zero_grad(); loss.backward(); optimiser.step()
    >>> handle.off() is model
    True
    """
    check_weights(model, "preparing the training")
    configuration = _configuration(noise, precision, strength, polynomial, interval, penalty, margin, seed)
    measured: dict[str, float] | None = None
    known: dict[str, Call] | None = None
    loader: Loader | None = None
    if isinstance(calibrate, Mapping):
        measured = {str(site): float(value) for site, value in calibrate.items()}
        known = dict.fromkeys(measured, Call("relu", "not called yet"))
    elif calibrate is not None:
        loader = calibrate
        ranges = measure(model, loader, bins=0)
        measured, known = ranges.largest, ranges.calls
    if configuration.needs_ranges and isinstance(interval, str) and measured is None:
        raise ArgumentError(
            "calibrate is missing: noise counts in units of each layer's interval; give a loader, or "
            "one number for interval"
        )
    bounds = bounds_of(interval, measured, margin) if configuration.needs_ranges else Bounds()
    activations = OwnLoopActivations(configuration, dict(bounds.layers), model)
    asking = answer(model, activations, known=known)
    if not isinstance(asking, Switch):
        remove(model)
        raise ConversionError(
            f"this network cannot be trained for polynomials in place: {asking.reason}"
        )
    if not asking.calls:
        remove(model)
        raise ConversionError(f"no activation is called in this {type(model).__name__}")
    vectors = [site for site, call in asking.calls.items() if call.name in VECTOR_FUNCTIONS]
    if vectors and (configuration.forward.polynomial or configuration.noise.kind == "error"):
        remove(model)
        raise ConversionError(
            f"{vectors[0]!r} is a function of vectors, which no polynomial on an interval replaces in training: take "
            "another kind of noise, or convert first and train the converted network"
        )
    if bounds.default is not None:
        activations.bounds = {**dict.fromkeys(asking.calls, bounds.default), **bounds.layers}
    return Sturdy(model, activations, asking, loader, steps, seed)


def _configuration(
    noise: Any, precision: Any, strength: float | None, polynomial: Any, interval: Any, penalty: float,
    margin: float, seed: int,
) -> Configuration:  # fmt: skip
    if not isinstance(polynomial, Forward):
        polynomial = Forward((polynomial,) if isinstance(polynomial, int) else tuple(polynomial))
    if isinstance(noise, Noise):
        for name, value in (("precision", precision), ("strength", strength)):
            if value is not None:
                raise ArgumentError(f"{name} is {value!r} beside a Noise, which has its own: give it there alone")
    else:
        kind: Any = noise or ("none" if polynomial.polynomial else "uniform")
        powers = 6 if precision is None else precision
        noise = Noise(
            kind, 3.0 if strength is None else strength,
            precision=(powers,) if isinstance(powers, int) else tuple(powers),
        )  # fmt: skip
    return Configuration(
        "", seed=seed, noise=noise, forward=polynomial,
        range=Range(interval=interval, margin=margin, penalty=penalty),
    )  # fmt: skip
