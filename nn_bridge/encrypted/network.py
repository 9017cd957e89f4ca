"""A converted network evaluated wholly under encryption.

Images are packed one a slot, so one run evaluates as many as there are slots. Nothing is decrypted
in between and nothing is bootstrapped: the context has the levels of the whole network, which makes
secure parameters far too large for a demonstration; the ring is small and "not secure, for tests",
every operation is the real one.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import nn

from polyapprox.encrypted import backend
from polyapprox.encrypted.backend import BackendError, Parameters

from ..activations.activation import PolynomialActivation
from ..calls.answering import answering, remove
from ..calls.functions import Call
from ..calls.intercept import Interception, installed, intercepted
from ..conversion.report import Replacement
from ..errors import ArgumentError, ConversionError
from .machine import LevelCounter, Machine, Progress, Source, Stage, folded_factor
from .tensor import Affine, EncryptedTensor

_MOST_PRIMES = 62  # of SEAL, less the one that stays and the one of key switching


@dataclass(frozen=True)
class EncryptedResult:
    """What an encrypted run of a network gave.

    Attributes
    ----------
    outputs : np.ndarray, shape (images, classes)
        Decrypted.
    parameters : Parameters
    seconds : dict of str to float
        "context and keys", "encrypt", "evaluate", "decrypt".
    levels : int
        Used from the images to the outputs.
    stages : tuple of Stage
        Layer by layer: ciphertexts, products, levels used so far, seconds.
    """

    outputs: np.ndarray
    parameters: Parameters
    seconds: dict[str, float]
    levels: int
    stages: tuple[Stage, ...]


class _Handler:
    """Answers activations by their plans on ciphertexts."""

    def __init__(self, replacement: Replacement, machine: Machine | LevelCounter) -> None:
        self.replacement, self.machine = replacement, machine

    def activation(self, site: str, call: Call, x: Any, exact: Callable[[], torch.Tensor]) -> Any:
        """The value of a converted ReLU."""
        if not isinstance(x, EncryptedTensor):
            return exact()
        if call.name != "relu":
            raise ConversionError(
                f"{call.kind} at {site} cannot be evaluated under encryption here: ReLU can"
            )
        layer = self.replacement.find(site, call, x.shape)
        if not isinstance(layer, PolynomialActivation):
            raise ConversionError(f"{site} is not a polynomial ReLU: convert the network first")
        made = x.like(self._relu(x, layer, site))
        if call.in_place:
            x.affine = made.affine
        return made

    def _relu(self, x: EncryptedTensor, layer: PolynomialActivation, site: str) -> Affine:
        if layer.channels is not None:
            raise ConversionError(
                f"{site} has an interval for each channel: give nn_bridge.fold(network), whose "
                "weights take them in"
            )
        plan = layer.approximation.plan
        shrink = layer.evaluator.radius / layer.bound
        before = shrink * folded_factor(plan)
        terms = [(source, sparse.csr_array(before * one)) for source, one in x.affine.terms]
        made = self.machine.weighted(terms, before * x.affine.constants, f"{site}: weighted sums")
        result = self.machine.plan(made, plan, 1.0 / shrink, site)
        return _fresh(result, x.affine.shape, layer.correction)

    def other(
        self,
        path: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Nothing to note: tensors refuse what they cannot do."""


def _fresh(source: Source, shape: tuple[int, ...], correction: torch.Tensor | None) -> Affine:
    """Activations as they are, less a correction."""
    constants = np.zeros(source.size)
    if correction is not None:
        constants -= np.broadcast_to(correction.double().numpy()[0], shape).reshape(-1)
    return Affine([(source, sparse.csr_array(sparse.eye_array(source.size)))], constants, shape)


def _run(
    network: nn.Module, replacement: Replacement, machine: Machine | LevelCounter,
    source: Source, shape: tuple[int, ...],
) -> Source:  # fmt: skip
    """The network's own code, on what stands for its input."""
    with intercepted(network, _Handler(replacement, machine)):  # type: ignore[arg-type]
        interception = installed(network)

        def path() -> str:
            known = isinstance(interception, Interception) and interception.stack
            return interception.stack[-1].path if known and interception else ""

        result = network(EncryptedTensor(_fresh(source, shape, None), machine, path))
    if not isinstance(result, EncryptedTensor):
        raise ConversionError("the network does not return one tensor that depends on its input")
    return machine.weighted(result.affine.terms, result.affine.constants, "outputs")


def evaluate_encrypted(
    network: nn.Module,
    images: torch.Tensor,
    *,
    ring_dimension: int = 256,
    scale_bits: int = 50,
    progress: Progress | None = None,
) -> EncryptedResult:
    """Evaluate a converted network on encrypted images, by SEAL as TenSEAL ships it.

    Parameters
    ----------
    network : nn.Module
        Converted by :func:`nn_bridge.convert`; of convolutions, linear layers, batch
        normalisation, average pooling, flattening, sums and ReLU.
    images : torch.Tensor, shape (images, …)
        At most half the ring dimension.
    ring_dimension : int
        Two slots for each image at least. The ring is not secure with so many levels.
    scale_bits : int
    progress : callable, optional
        Called with the number of finished ciphertexts of a step, of all, and the step's name.

    Returns
    -------
    EncryptedResult

    Raises
    ------
    ArgumentError
        If the network is not converted, or the images do not fit.
    ConversionError
        If the network does what cannot be done here; it is named.
    BackendError
        If TenSEAL is missing, or the network needs more levels than SEAL can have.

    Examples
    --------
    >>> import torch
    >>> from nn_bridge import convert
    >>> from polyapprox import circuit
    >>> relu = circuit("relu", multiplications=3)
    >>> small = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> small = convert(small, approximation=relu, interval=4.0)
    >>> if backend("tenseal").find().found:
    ...     assert evaluate_encrypted(small, torch.zeros(5, 2)).levels == 5
    """
    asking = answering(network)
    if asking is None or not isinstance(asking.handler, Replacement):
        raise ArgumentError("the network is not converted: use nn_bridge.convert first")
    if images.ndim < 2 or not 1 <= len(images) <= ring_dimension // 2:
        raise ArgumentError(
            f"{tuple(images.shape)} images: give from 1 to {ring_dimension // 2}, half of "
            f"ring_dimension={ring_dimension}"
        )
    plain = copy.deepcopy(network).double().eval()
    replacement = answering(plain).handler  # type: ignore[union-attr]
    remove(plain)
    shape = tuple(images.shape[1:])
    size = int(np.prod(shape))
    counter = LevelCounter()
    _run(plain, replacement, counter, Source(size, 0), shape)  # type: ignore[arg-type]
    if counter.most > _MOST_PRIMES:
        raise BackendError(
            f"the network uses {counter.most} levels and SEAL has at most {_MOST_PRIMES}; convert "
            "it with fewer levels a ReLU"
        )
    parameters = Parameters(ring_dimension, scale_bits, counter.most)
    started = time.perf_counter()
    with backend("tenseal").session(parameters) as session:
        machine = Machine(session, progress)  # type: ignore[arg-type]
        ready = time.perf_counter()
        columns = images.reshape(len(images), -1).double().numpy().T
        source = machine.encrypt(columns)
        encrypted = time.perf_counter()
        result = _run(plain, replacement, machine, source, shape)  # type: ignore[arg-type]
        evaluated = time.perf_counter()
        outputs = machine.decrypt(result, len(images)).T
        seconds = {
            "context and keys": ready - started,
            "encrypt": encrypted - ready,
            "evaluate": evaluated - encrypted,
            "decrypt": time.perf_counter() - evaluated,
        }
        return EncryptedResult(outputs, parameters, seconds, result.level, tuple(machine.stages))
