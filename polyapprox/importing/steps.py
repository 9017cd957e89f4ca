# SPDX-License-Identifier: Apache-2.0
"""Plans from the steps that exports for OpenFHE, TenSEAL, SEAL and Lattigo take on ciphertexts.

The constants of such steps hold powers ``on.s(l, e)`` of what a scale really is, l levels down, over
the first one. They cancel, whatever the primes are; with primes that are the scale itself each is 1,
and the steps are the plan.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import mpmath

from ..errors import TableError
from ..numbers import dyadic
from ..plan.builder import PlanBuilder
from ..plan.plan import Plan
from .numbers import NUMBER, number

_HEADS = (
    re.compile(r"def evaluate\((?:cc, )?(.*)\):"),
    re.compile(r"func Evaluate\(eval \*ckks\.Evaluator, (.*) \*rlwe\.Ciphertext\) .*\{"),
    re.compile(r"inline seal::Ciphertext evaluate\(const Operations& on, (.*)\) \{"),
    re.compile(r"inline Ciphertext evaluate\(const Context& cc, (.*)\) \{"),
)
_MACHINES = ("on = Machine(", "newMachine(eval", "class Operations")
_MADE = re.compile(r"(?:(?:seal::)?Ciphertext )?(\w+) :?= on\.(\w+)\((.*)\)")
_CHANGED = re.compile(r"on\.(\w+)\((.*)\)")
_RETURNED = re.compile(r"return (?:on\.finished\((\w+), (.*)\)|(\w+)(?:\.vector)?)")
_BACK = re.compile(r"(\w+) = on\.rescale\(on\.scale\(\1, 0, (.*)\*on\.ratios\[\d+\]\)\)")
_AROUND = re.compile(
    r'|""".*"""|on = Machine\(.*\)|on, err := newMachine\(.*\)|if err != nil \{|return nil, err|\}'
    r"|on\.start\(\w+\)|[x0-9, ]+ = on\.load\(.*\)|if on\.manual:  # .*|if \(on\.manual\(\)\)  // .*"
    r"|const Operations on\(cc, \{.*\}\)"
)
_CONSTANT = re.compile(rf"({NUMBER})((?:\*on\.s\(\d+, {NUMBER}\))*)")
_SAME = ("rescale", "copy", "reduce")


def plan_of_steps(text: str) -> Plan | None:
    """The plan of an export that takes steps; None where the text is none.

    Raises
    ------
    TableError
        Naming the line that is no such step: nothing is passed over.
    """
    if not any(mark in text for mark in _MACHINES):
        return None
    lines = text.splitlines()
    starts = [(k, m) for k, line in enumerate(lines) for head in _HEADS if (m := head.fullmatch(line))]
    if len(starts) != 1:
        raise TableError("holds no function evaluate that takes the steps of a plan, or several")
    start, head = starts[0]
    reader = _Steps(re.findall(r"\bx\d*\b", head[1]))
    for index, line in enumerate(lines[start + 1 :], start + 2):
        try:
            plan = reader.line(line.strip().removesuffix(";"))
        except (KeyError, ValueError, TableError) as error:
            raise TableError(f"line {index} is no step of a plan ({error}): {line.strip()[:60]!r}") from None
        if plan is not None:
            return plan
    raise TableError("ends before its function evaluate returns; was the file cut off?")


class _Steps:
    """Values by their names, as the lines of a function make and change them."""

    def __init__(self, arguments: list[str]) -> None:
        self.builder = PlanBuilder(len(arguments))
        self.values = dict(zip(arguments, self.builder.arguments, strict=True))

    def line(self, text: str) -> Plan | None:
        """Read a line; the plan at the return."""
        if _AROUND.fullmatch(text):
            return None
        back, returned = _BACK.fullmatch(text), _RETURNED.fullmatch(text)
        made, changed = _MADE.fullmatch(text), _CHANGED.fullmatch(text)
        if back or returned:
            constant = back[2] if back else returned[2] if returned else None
            if constant is not None and _constant(constant) != 1:
                raise ValueError("the result is scaled")
        elif made:
            self.values[made[1]] = self._made(made[2], made[3].split(", ", 2))
        elif changed:
            name, *rest = changed[2].split(", ", 3)
            self.values[name] = self._changed(changed[1], self.values[name], rest)
        else:
            raise ValueError("not understood")
        if returned:
            return self.builder.finish(self.values[returned[1] or returned[3]])
        return None

    def _made(self, kind: str, given: list[str]) -> int:
        value = self.values[given[0]]
        if kind in _SAME:
            return value
        if kind == "scale":
            return self.builder.scale(value, _constant(given[2]))
        if kind not in ("multiply", "square"):
            raise ValueError(f"{kind!r} is not known")
        return self.builder.multiply(value, self.values[given[1]] if kind == "multiply" else value)

    def _changed(self, kind: str, value: int, given: list[str]) -> int:
        make = self.builder
        changes: dict[str, Callable[[], int]] = {
            "plus": lambda: make.add(value, self.values[given[0]]),
            "minus": lambda: make.subtract(value, self.values[given[0]]),
            "shift": lambda: make.shift(value, _constant(", ".join(given))),
            "negate": lambda: make.scale(value, dyadic(-1, 0)),
            "relinearise": lambda: value,
            "accumulate": lambda: make.add(
                value, make.scale(self.values[given[0]], _constant(given[2]))
            ),
        }
        changes |= dict.fromkeys(("double", "double_", "twice"), lambda: make.double(value))
        return changes[kind]()


def _constant(text: str) -> mpmath.mpf:
    """A number, times powers of scales."""
    found = _CONSTANT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no constant")
    return number(found[1])
