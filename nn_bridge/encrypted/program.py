# SPDX-License-Identifier: Apache-2.0
"""A converted network as a list of layers, each a matrix and then a plan: what is run on ciphertexts."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import nn

from polyapprox.encrypted.series import Series
from polyapprox.plan import Plan

from ..activations.activation import PolynomialActivation
from ..activations.derived import ELU, Derived
from ..calls.answering import remove
from ..calls.functions import Call
from ..calls.intercept import Interception, installed, intercepted
from ..conversion.report import Replacement, replacement_of
from ..errors import ConversionError
from .lowering import series_of
from .tensor import Affine, EncryptedTensor


@dataclass(frozen=True)
class Layer:
    """Σ matrix · source + constants, and then, but for the last layer, a plan.

    Attributes
    ----------
    name : str
        Of the activation; "outputs" of the last layer.
    terms : tuple of (int, sparse array)
        Number of a source (0 is the image, k the k-th layer's values) and its matrix.
    constants : np.ndarray
    shape : tuple of int
        Of its values for one image.
    plan : Plan or None
    largest : float
        Size of the plan's inputs, for which it was proven.
    series : Series, optional
        The same polynomials, where the engine evaluates them by itself.
    """

    name: str
    terms: tuple[tuple[int, sparse.csr_array], ...]
    constants: np.ndarray
    shape: tuple[int, ...]
    plan: Plan | None
    largest: float = 1.0
    series: Series | None = None

    def linear(self, values: list[np.ndarray]) -> np.ndarray:
        """What the plan gets, in the clear, from the values of the image and of earlier layers."""
        found = self.constants.copy()
        for source, matrix in self.terms:
            found += matrix @ values[source]
        return found


@dataclass(frozen=True)
class Program:
    """A network's layers, the last of which gives its outputs.

    Attributes
    ----------
    shape : tuple of int
        Of one image.
    layers : tuple of Layer
    """

    shape: tuple[int, ...]
    layers: tuple[Layer, ...]

    def run(self, image: np.ndarray) -> list[np.ndarray]:
        """The image and the values of all layers, in the clear, in double precision."""
        values = [np.asarray(image, np.float64).reshape(-1)]
        for layer in self.layers:
            made = layer.linear(values)
            values.append(made if layer.plan is None else layer.plan.run(made))
        return values

    @property
    def digest(self) -> str:
        """Of all its numbers: which network a folder belongs to."""
        made = hashlib.sha256(repr(self.shape).encode())
        for layer in self.layers:
            made.update(f"{layer.name} {layer.shape} {layer.largest!r} {layer.plan!r}".encode())
            made.update(layer.constants.tobytes())
            for source, matrix in layer.terms:
                made.update(f"{source} {matrix.shape}".encode())
                for part in (matrix.indptr, matrix.indices, matrix.data):
                    made.update(part.tobytes())
        return made.hexdigest()


class _Reader:
    """Answers activations while the network runs on what stands for its input."""

    def __init__(self, replacement: Replacement) -> None:
        self.replacement = replacement
        self.layers: list[Layer] = []

    def activation(self, site: str, call: Call, x: Any, exact: Callable[[], torch.Tensor]) -> Any:
        """The value of a converted activation."""
        if not isinstance(x, EncryptedTensor):
            return exact()
        if not self.replacement.replaces(call):
            raise ConversionError(
                f"{call.kind} at {site} cannot be evaluated under encryption: convert it, by giving "
                "nn_bridge.convert a precision"
            )
        made = self._value(x, self.replacement.find(site, call, x.shape), site)
        if call.in_place:
            x.affine = made.affine
        return made

    def _value(self, x: EncryptedTensor, layer: Any, site: str) -> EncryptedTensor:
        if layer.outside == "clamp":
            raise ConversionError(
                f"{site} moves inputs outside its interval to the ends, which cannot be done under "
                "encryption: convert with outside='report'"
            )
        if isinstance(layer, PolynomialActivation):
            return x.like(self._plan(x.affine, layer, site))
        if not isinstance(layer, Derived):
            raise ConversionError(f"{site} is not a polynomial that can be evaluated here")
        inner = copy.copy(layer)
        inner.parts = [_Part(self, part, site) for part in layer.parts]  # type: ignore[misc]
        inner._modules = {}
        if isinstance(layer, ELU):
            vars(inner)["smooth"] = _Part(self, layer.smooth, site)
        return inner.value(x)  # type: ignore[arg-type, return-value]

    def _plan(self, x: Affine, layer: PolynomialActivation, site: str) -> Affine:
        radius = layer.evaluator.radius
        if layer.channels is None:
            bounds = np.full(x.constants.size, layer.bound)
        else:
            axes = (-1, *[1] * (len(x.shape) - 1))
            bounds = layer.channels.double().numpy().reshape(axes)
            bounds = np.broadcast_to(bounds, x.shape).reshape(-1)
        shrink = sparse.diags_array(radius / bounds)
        terms = tuple((source, sparse.csr_array(shrink @ matrix)) for source, matrix in x.terms)
        constants = x.constants * (radius / bounds)
        made = layer.approximation
        self.layers.append(
            Layer(site, terms, constants, x.shape, made.plan, radius, series_of(made))
        )
        back = sparse.csr_array(sparse.diags_array(bounds / radius))
        constants = np.zeros(x.constants.size)
        if layer.correction is not None:
            correction = layer.correction.double().numpy()[0]
            constants -= np.broadcast_to(correction, x.shape).reshape(-1)
        return Affine([(len(self.layers), back)], constants, x.shape)

    def other(
        self,
        path: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Nothing to note: tensors refuse what they cannot do."""


class _Part:
    """A ReLU inside another activation."""

    def __init__(self, reader: _Reader, layer: PolynomialActivation, site: str) -> None:
        self.reader, self.layer, self.site = reader, layer, site

    def forward(self, x: EncryptedTensor) -> EncryptedTensor:
        """Its value."""
        return self.reader._value(x, self.layer, self.site)


def read_program(network: nn.Module, shape: tuple[int, ...]) -> Program:
    """The layers of a converted network.

    Parameters
    ----------
    network : nn.Module
        Converted by :func:`nn_bridge.convert`; left as it is.
    shape : tuple of int
        Of one image.

    Raises
    ------
    ArgumentError
        If the network is not converted.
    ConversionError
        If it does what cannot be evaluated under encryption; it is named.

    Examples
    --------
    >>> from nn_bridge import convert
    >>> small = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> small = convert(small, precision=2**-4, interval=4.0)
    >>> [layer.name for layer in read_program(small, (2,)).layers]
    ['1', 'outputs']
    """
    replacement_of(network)
    plain = copy.deepcopy(network).double().eval()
    _, replacement = replacement_of(plain)
    remove(plain)
    reader = _Reader(replacement)
    size = int(np.prod(shape))
    image = Affine([(0, sparse.csr_array(sparse.eye_array(size)))], np.zeros(size), shape)
    with intercepted(plain, reader):
        interception = installed(plain)

        def path() -> str:
            known = isinstance(interception, Interception) and interception.stack
            return interception.stack[-1].path if known and interception else ""

        result = plain(EncryptedTensor(image, path))
    if not isinstance(result, EncryptedTensor):
        raise ConversionError("the network does not return one tensor that depends on its input")
    end = result.affine
    last = Layer("outputs", tuple(end.terms), end.constants, end.shape, None)
    return Program(shape, (*reader.layers, last))
