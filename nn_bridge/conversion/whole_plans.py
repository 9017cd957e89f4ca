# SPDX-License-Identifier: Apache-2.0
"""Plans as single operations of a captured graph: captured at once, and written out in the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch

from polyapprox.plan.plan import Plan

from ..activations.activation import PolynomialActivation
from .report import Replacement

DOMAIN, NAME = "nn_bridge", "symbolic"
_TORCH = {"multiply": "mul", "scale": "mul", "add": "add", "double": "add", "shift": "add", "subtract": "sub"}
_ONNX = {"mul": "Mul", "add": "Add", "sub": "Sub"}


class WholePlans:
    """Numbers the plans of a converted network, and knows them by number.

    Tracing a plan operation by operation takes torch some milliseconds for each; so a plan is traced as one
    operation, of no meaning but its number.

    Parameters
    ----------
    replacement : Replacement
        Of a copy of a network, whose activations trace as one operation from now on.
    """

    def __init__(self, replacement: Replacement) -> None:
        self.plans: list[Plan] = []
        for activation in replacement.activations.values():
            parts = [*getattr(activation, "parts", []), getattr(activation, "smooth", activation)]
            for part in parts:
                if isinstance(part, PolynomialActivation):
                    part.whole = self._apply

    def _apply(self, plan: Plan, u: torch.Tensor) -> torch.Tensor:
        if plan not in self.plans:
            self.plans.append(plan)
        number: dict[str, Any] = {"number": self.plans.index(plan)}
        return torch.onnx.ops.symbolic(
            f"{DOMAIN}::Plan", (u,), number, dtype=u.dtype, shape=u.shape, version=1
        )

    def of(self, node: torch.fx.Node) -> Plan:
        """The plan that a node of a captured graph stands for."""
        numbers: list[int] = node.kwargs["attr_ints"]  # type: ignore[assignment]
        return self.plans[numbers[0]]

    def counts(self, node: torch.fx.Node) -> Counter[str]:
        """The operations of torch that a node stands for."""
        return Counter(_TORCH[o.kind] for o in self.of(node).operations if o.kind != "input")

    def expand(self, proto: Any) -> None:
        """Write the plans out in a model of ONNX, their constants as exact as its numbers."""
        nodes = [made for node in proto.graph.node for made in self._expanded(node, proto.graph)]
        del proto.graph.node[:]
        proto.graph.node.extend(nodes)
        kept = [version for version in proto.opset_import if version.domain != DOMAIN]
        del proto.opset_import[:]
        proto.opset_import.extend(kept)

    def _expanded(self, node: Any, graph: Any) -> Iterator[Any]:
        if node.domain != DOMAIN:
            yield node
            return
        from onnx import helper

        plan = self.plans[next(a.i for a in node.attribute if a.name == "number")]
        (value,), names = node.output, [""] * len(plan.operations)
        known = [*graph.value_info, *graph.output]  # a plan may be the last operation
        kind = next(v.type.tensor_type.elem_type for v in known if v.name == value)
        for index, (what, left, right, constant) in enumerate(plan.operations):
            if what == "input":
                names[index] = node.input[0]
                continue
            names[index] = value if index == plan.output else f"{value}.{index}"
            other = names[left] if what == "double" else names[right]
            if constant is not None:
                other = f"{value}.{index}c"
                graph.initializer.append(helper.make_tensor(other, kind, [], [float(constant)]))
            yield helper.make_node(_ONNX[_TORCH[what]], [names[left], other], [names[index]])
        if plan.operations[plan.output].kind == "input":
            yield helper.make_node("Identity", [node.input[0]], [value])
