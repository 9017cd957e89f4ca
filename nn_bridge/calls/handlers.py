# SPDX-License-Identifier: Apache-2.0
"""Who answers calls of activations: the protocol, and a base for those that care for ReLU alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch

from .functions import Call


class Handler(Protocol):
    """Answers the calls that are found.

    One that has ``around(site, call, args, kwargs)`` answers arithmetic around an activation as a whole, and one
    that has ``computed(path, function, args, kwargs)`` gives the value of any other function.
    """

    def activation(
        self, site: str, call: Call, x: torch.Tensor, exact: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """Value of one call of a function that can be replaced; `exact` gives torch's."""

    def other(
        self,
        path: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Note any other torch function, called inside the module `path`."""


class ReluOnly:
    """Base of handlers that care for ReLU alone: all else is computed as it is."""

    def activation(
        self, site: str, call: Call, x: torch.Tensor, exact: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """ReLU by :meth:`relu`."""
        is_relu = call.name == "relu"
        return self.relu(site, call.kind, x, call.in_place) if is_relu else exact()

    def relu(self, site: str, kind: str, x: torch.Tensor, in_place: bool) -> torch.Tensor:
        """Value of one ReLU call."""
        raise NotImplementedError

    def other(
        self,
        path: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Not of interest."""
