# SPDX-License-Identifier: Apache-2.0
"""OpenFHE, in a worker process under an interpreter that its wheel is for.

Plans are evaluated operation by operation, by :mod:`polyapprox.plan.schedule`, in a context
that rescales by hand (FIXEDMANUAL); components by ``EvalChebyshevSeries``, which takes twice the
first coefficient, in a context that rescales by itself (FLEXIBLEAUTO). Both have the ring, the
scale, the levels and the security of the parameters. OpenFHE: https://eprint.iacr.org/2022/915.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...plan.plan import Plan
from ...plan.schedule import schedule
from ..backend import (
    Availability,
    Backend,
    BackendError,
    Measured,
    Parameters,
    Session,
    Times,
    measured,
)
from ..series import Series
from .interpreter import find as find_interpreter
from .process import Worker

SCRIPT = Path(__file__).with_name("openfhe_worker.py")


class OpenFHESession(Session):
    """A worker process with its contexts and keys.

    Parameters
    ----------
    parameters : Parameters
    interpreter : Path
        A Python that imports openfhe.

    Examples
    --------
    >>> import numpy as np
    >>> from polyapprox import circuit
    >>> from polyapprox.encrypted import Parameters, backend
    >>> def run():
    ...     with backend("openfhe").session(Parameters(1 << 11, 50, 3)) as session:
    ...         return session.run_plan(circuit("relu", multiplications=3).plan, [0.5, -0.5])
    >>> if backend("openfhe").find().found:
    ...     assert run().levels == 3
    """

    def __init__(self, parameters: Parameters, interpreter: Path) -> None:
        self.parameters = parameters
        self._worker = Worker(interpreter, SCRIPT, "OpenFHE")
        self._moduli: tuple[int, ...] | None = None

    @property
    def process(self) -> int:
        """Id of the worker process."""
        return self._worker.identity

    @property
    def moduli(self) -> tuple[int, ...]:
        """The moduli, in the order in which rescalings divide by them; the last one stays."""
        if self._moduli is None:
            answer, _ = self._ask({"do": "moduli"})
            self._moduli = tuple(answer["moduli"])
            self._setup = float(answer["seconds"])
        return self._moduli

    def on_plan(self, plan: Plan, arrays: list[np.ndarray], repeats: int) -> Measured:
        made = schedule(plan, self.moduli[: self.parameters.levels], self.parameters.scale_bits)
        inputs = [factor * one for factor, one in zip(made.factors, arrays, strict=True)]
        request = {
            "do": "steps",
            "steps": [list(step) for step in made.steps],
            "output": made.output,
            "scale": made.scale,
            "repeats": repeats,
        }
        answer, (values,) = self._ask(request, inputs)
        return _measured(answer, values, self._setup)

    def on_series(self, made: Series, array: np.ndarray, repeats: int) -> Measured:
        """By ``EvalChebyshevSeries``."""
        series = [[2.0 * one[0], *one[1:]] for one in made.series]
        request = {
            "do": "series",
            "series": series,
            "final_product": made.final_product,
            "repeats": repeats,
        }
        answer, (values,) = self._ask(request, [array])
        return _measured(answer, values, 0.0)

    def on_levels(self, levels: list[int], repeats: int) -> dict[str, dict[int, float]]:
        answer, _ = self._ask({"do": "time", "levels": levels, "repeats": repeats})
        return {
            name: {int(level): seconds for level, seconds in found.items()}
            for name, found in answer["seconds"].items()
        }

    def close(self) -> None:
        """End the worker process."""
        self._worker.close()

    def _ask(
        self, request: dict[str, Any], arrays: Sequence[np.ndarray] = ()
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        one = self.parameters
        context = {
            "ring_dimension": one.ring_dimension, "scale_bits": one.scale_bits,
            "levels": one.levels, "first_bits": one.first_bits, "secure": one.secure,
        }  # fmt: skip
        return self._worker.ask({**request, "parameters": context}, arrays)


class OpenFHE(Backend):
    """The backend: see :class:`polyapprox.encrypted.backend.Backend`."""

    name, title = "openfhe", "OpenFHE"

    def find(self) -> Availability:
        """Look for an interpreter that imports OpenFHE."""
        return find_interpreter()[1]

    def special_bits(self, scale_bits: int, levels: int) -> int:
        """Bits of the primes for hybrid key switching in three digits (two up to three levels)."""
        digits = 3 if levels > 3 else 2
        towers = -(-(max(levels, 1) + 1) // digits)
        return -(-(60 + (towers - 1) * scale_bits) // 60) * 60

    def opened(self, parameters: Parameters) -> OpenFHESession:
        """Start a worker process; contexts are made when they are first needed."""
        interpreter, found = find_interpreter()
        if interpreter is None:  # gone since it was looked for
            raise BackendError(f"{self.title} was not found ({found.reason})")
        return OpenFHESession(parameters, interpreter)


def _measured(answer: dict[str, Any], values: np.ndarray, setup: float) -> Measured:
    times = Times(*(tuple(map(float, answer[one])) for one in ("evaluate", "processor")))
    stages = (float(answer["context"]) + setup, float(answer["encrypt"]), float(answer["decrypt"]))
    return measured(values, stages, int(answer["levels"]), times)


BACKEND = OpenFHE()
