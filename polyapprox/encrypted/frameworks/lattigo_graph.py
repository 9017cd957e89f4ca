# SPDX-License-Identifier: Apache-2.0
"""A schedule as a graph of Orion's evaluator of Lattigo, which rescales every product at once.

The graph has products, sums and polynomials of degree 1, and these are all that a plan needs:

* a product with a constant is a polynomial of degree 1; it gives its result exactly the default
  scale, so what differs from the schedule's scale goes into its coefficient;
* an added constant goes into such a polynomial of the same sum, or, if there is none, into one
  with the slope 0 (a ciphertext of the constant), from a value at least one level above;
* there is no step that drops a level, but a sum has the level of its lower part: what is needed
  further down is added to a zero there, so that the product with its constant costs less;
* there is no difference: a ciphertext may stand for its negative, which the constants multiplied
  with it undo, and at the end the decryption; only where two products are subtracted from each
  other must one be multiplied by −1, on the level that it has left.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...plan.schedule import Schedule
from ..backend import BackendError
from .lattigo_model import INPUT, Graph

_SAME = 1e-13


class Node(NamedTuple):
    """A ciphertext of the graph."""

    name: str
    level: int  # levels used
    scale: float  # what Lattigo calls its scale
    factor: float  # what it holds, over what the schedule holds: −1 for the negative


class Term(NamedTuple):
    """A product with a constant that is not made yet."""

    source: Node
    constant: float
    level: int  # levels used by the source when it is multiplied


@dataclass
class Form:
    """A sum: multiples of nodes, products with constants, and a constant."""

    level: int
    nodes: list[tuple[Node, int]] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    constant: float = 0.0

    def plus(self, other: Form, sign: int) -> None:
        """Add another sum, or subtract it."""
        self.nodes += [(node, sign * times) for node, times in other.nodes]
        self.terms += [one._replace(constant=sign * one.constant) for one in other.terms]
        self.constant += sign * other.constant
        self.level = max(self.level, other.level)


class Lowering:
    """Takes the steps of a schedule and builds the graph.

    Attributes
    ----------
    graph : Graph
    result : Node
    """

    def __init__(self, schedule: Schedule, primes: Sequence[int], scale_bits: int) -> None:
        self.primes, self.unit = primes, 2.0**scale_bits
        self.graph = Graph()
        self.sources = [Node(INPUT, 0, self.unit, 1.0)]
        self.forms: dict[int, Form] = {}
        self._multiples: dict[tuple[str, int], str] = {}
        self._zeros: dict[int, Node] = {}
        self._lower: dict[tuple[str, int], tuple[str, float]] = {}
        self.reads = Counter(
            slot for step in schedule.steps for slot in _reads(step) if step[0] != "free"
        )
        for step in schedule.steps:
            self._take(*step)
        self.result = self._node(schedule.output)

    def _take(self, name: str, slot: int, *rest: float) -> None:
        if name == "load":
            if rest[0] != 0:
                raise BackendError(
                    "the evaluator of Lattigo takes one ciphertext, and the plan has more "
                    "arguments; use another backend"
                )
            self.forms[slot] = Form(0, [(self.sources[0], 1)])
        elif name in ("multiply", "square"):
            self.forms[slot] = self._product(int(rest[0]), int(rest[-1]))
        elif name in ("rescale", "copy"):
            self._settle(int(rest[0]))
            source = self.forms[int(rest[0])]
            self.forms[slot] = Form(
                source.level, list(source.nodes), list(source.terms), source.constant
            )
        elif name == "reduce":
            node = self._node(int(rest[0]))
            level = self.forms[int(rest[0])].level + int(rest[1])
            self.forms[slot] = Form(level, [(node, 1)])
        elif name in ("scale", "accumulate"):
            node = self._node(int(rest[0]))
            level = self.forms[int(rest[0])].level + int(rest[1])
            form = self.forms[slot] if name == "accumulate" else Form(level + 1)
            form.terms.append(Term(node, rest[2], level))
            self.forms[slot] = form
        elif name in ("plus", "minus"):
            self._settle(int(rest[0]))
            self.forms[slot].plus(self.forms[int(rest[0])], 1 if name == "plus" else -1)
        elif name == "double":
            self.forms[slot].plus(self.forms[slot], 1)
        elif name == "negate":
            negative = Form(self.forms[slot].level)
            negative.plus(self.forms[slot], -1)
            self.forms[slot] = negative
        elif name == "shift":
            self.forms[slot].constant += rest[0]
        elif name != "free":
            raise BackendError(f"the schedule has a step {name!r} that is not known here")

    def _settle(self, slot: int) -> None:
        """Make a ciphertext of a sum that is read more than once, so that it is made once."""
        form = self.forms[slot]
        if self.reads[slot] > 1 and (form.terms or form.constant):
            self._node(slot)

    def _product(self, left: int, right: int) -> Form:
        first, second = self._node(left), self._node(right)
        due = max(self.forms[left].level, self.forms[right].level)
        level = max(first.level, second.level)  # more, where a negative had to be made
        self._check(level)
        prime = self.primes[level]
        factor = first.factor * second.factor * (self.primes[due] / prime)
        name = self.graph.multiply(first.name, second.name)
        node = Node(name, level + 1, first.scale * second.scale / prime, factor)
        self.sources.append(node)
        return Form(due + 1, [(node, 1)])

    def _node(self, slot: int) -> Node:
        """The ciphertext of a slot."""
        form = self.forms[slot]
        ((node, times),) = form.nodes if len(form.nodes) == 1 else ((None, 0),)
        if node is not None and not form.terms and not form.constant and abs(times) == 1:
            return node._replace(factor=node.factor * times)
        made = self._sum(form)
        self.forms[slot] = Form(form.level, [(made, 1)])
        self.sources.append(made)
        return made

    def _sum(self, form: Form) -> Node:
        counted: dict[Node, int] = {}
        for node, times in form.nodes:
            counted[node] = counted.get(node, 0) + times
        fixed = [(node, times) for node, times in counted.items() if times]
        factor = math.copysign(1.0, fixed[0][1]) * fixed[0][0].factor if fixed else 1.0
        parts = [self._times(node, times * factor / node.factor) for node, times in fixed]
        constant = factor * form.constant
        for given, slope, level in form.terms:
            source = self._lowered(given, level)
            wanted = slope * source.scale / self.primes[level] * (factor / source.factor)
            parts.append(self._linear(source, wanted, constant))
            constant = 0.0
        if constant or not parts:
            parts.append(self._constant(constant, form.level))
        total = parts[0]
        for part in parts[1:]:
            name = self.graph.add(total.name, part.name)
            total = Node(name, max(total.level, part.level), max(total.scale, part.scale), 1.0)
        return total._replace(factor=factor)

    def _times(self, node: Node, times: float) -> Node:
        """A multiple: by sums where it is a natural number, else by a product."""
        whole = round(times)
        if whole >= 1 and abs(times - whole) < _SAME * whole:
            return self._multiple(node, whole)
        return self._linear(node, times * node.scale / self.unit, 0.0)

    def _lowered(self, node: Node, level: int) -> Node:
        """The value at a level where products cost less: by adding a zero that is there."""
        if node.level >= level:
            return node
        key = node.name, level
        if key not in self._lower:
            above = [one for one in self.sources if one.level == level - 1]
            if not above:
                return node
            if level not in self._zeros:
                self._zeros[level] = self._linear(above[0], 0.0, 0.0)
            zero = self._zeros[level]
            name = self.graph.add(node.name, zero.name)
            self._lower[key] = name, max(node.scale, zero.scale)
        name, scale = self._lower[key]
        return Node(name, level, scale, node.factor)

    def _linear(self, source: Node, slope: float, constant: float) -> Node:
        """constant + slope · what the ciphertext holds, at the default scale."""
        self._check(source.level)
        name = self.graph.linear(source.name, constant, slope)
        return Node(name, source.level + 1, self.unit, 1.0)

    def _check(self, level: int) -> None:
        if level >= len(self.primes):
            raise BackendError(
                "the plan subtracts products from each other, for which Lattigo's evaluator needs "
                f"more levels than the {len(self.primes)} that there are; give one more"
            )

    def _constant(self, value: float, level: int) -> Node:
        """A ciphertext of a constant, from the lowest value that is above a level."""
        above = [node for node in self.sources if node.level < level]
        source = max(above, key=lambda node: node.level) if above else self.sources[0]
        return self._linear(source, 0.0, value)

    def _multiple(self, node: Node, times: int) -> Node:
        """times · node by doublings, each made once."""
        if times == 1:
            return node
        key = node.name, times
        if key not in self._multiples:
            half = self._multiple(node, times // 2)
            name = self.graph.add(half.name, half.name)
            self._multiples[key] = self.graph.add(name, node.name) if times % 2 else name
        return node._replace(name=self._multiples[key])


def _reads(step: tuple[Any, ...]) -> tuple[int, ...]:
    name = step[0]
    if name == "multiply":
        return step[2], step[3]
    if name in ("load", "shift", "double", "negate"):
        return ()
    return (step[2],) if len(step) > 2 else ()
