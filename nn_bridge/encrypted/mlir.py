# SPDX-License-Identifier: Apache-2.0
"""A network as MLIR for HEIR: matrices as ``linalg.matvec``, plans as ``arith`` on tensors.

``heir-opt --mlir-to-ckks`` lays them out and compiles them; the command is in the file.
"""

from __future__ import annotations

import numpy as np

from polyapprox.export.formats.heir import operations
from polyapprox.export.heir_levels import Dag, add_plan, ordered
from polyapprox.export.straight import result

from ..errors import ConversionError
from .program import Program

LARGEST = 1 << 22
"""Numbers in the matrices of a file, zeros included: HEIR reads dense ones."""


def mlir(program: Program) -> str:
    """A module with one function, from the values of one image to the network's outputs.

    Raises
    ------
    ConversionError
        If the matrices are too large to be written with all their zeros.

    Examples
    --------
    >>> from scipy import sparse
    >>> from nn_bridge.encrypted.program import Layer
    >>> matrix = sparse.csr_array(np.array([[2.0, 0.0]]))
    >>> layer = Layer("outputs", ((0, matrix),), np.array([0.5]), (1,), None)
    >>> print(mlir(Program((2,), (layer,))))  # doctest: +ELLIPSIS
    // compile: heir-opt --mlir-to-ckks=greedy-level-budget=1 --scheme-to-openfhe
    module attributes {backend.openfhe, scheme.ckks} {
    func.func @network(%y0: tensor<2xf64> {secret.secret}) -> tensor<1xf64> {
      // outputs
      %b1 = arith.constant dense<"0x000000000000E03F"> : tensor<1xf64>
      ...
      return %y1 : tensor<1xf64>
    }
    }
    """
    numbers = sum(int(np.prod(one.shape)) for layer in program.layers for _, one in layer.terms)
    if numbers > LARGEST:
        raise ConversionError(
            f"this network's matrices have {numbers} numbers with their zeros, and HEIR reads no sparse "
            f"ones: up to {LARGEST} are written; use '.onnx', or nn-bridge encrypt"
        )
    sizes = [int(np.prod(program.shape)), *(layer.constants.size for layer in program.layers)]
    body = [line for number in range(1, len(sizes)) for line in _layer(program, sizes, number)]
    return "\n".join(
        [
            f"// compile: heir-opt --mlir-to-ckks=greedy-level-budget={heir_levels(program)} --scheme-to-openfhe",
            "module attributes {backend.openfhe, scheme.ckks} {",
            f"func.func @network(%y0: {_type(sizes[0])} {{secret.secret}}) -> {_type(sizes[-1])} {{",
            *body,
            f"  return {_value(program, len(sizes) - 1)} : {_type(sizes[-1])}",
            "}\n}",
        ]
    )


def heir_levels(program: Program) -> int:
    """Levels of the whole network where HEIR runs it: one a matrix, and those of its plans."""
    dag = Dag()
    values = [dag.argument()]
    for layer in program.layers:
        value = dag.sum(dag.product(values[layer.terms[0][0]]))
        for source, _ in layer.terms[1:]:
            value = dag.sum(value, dag.product(values[source]))
        values.append(value if layer.plan is None else add_plan(dag, ordered(layer.plan), [value]))
    return dag.levels(values[-1])


def _layer(program: Program, sizes: list[int], number: int) -> list[str]:
    """What its plan gets is ``%x`` with its number, ``%y`` without a plan."""
    layer = program.layers[number - 1]
    own = _type(sizes[number])
    lines = [f"  // {layer.name}", f"  %b{number} = {_constant(layer.constants)}"]
    total = f"%b{number}"
    for place, (source, matrix) in enumerate(layer.terms, 1):
        held, last = f"%w{number}_{place}", place == len(layer.terms)
        value = f"%{'y' if layer.plan is None else 'x'}{number}" if last else f"%s{number}_{place}"
        types = f"{_type(sizes[number], sizes[source])}, {_type(sizes[source])}"
        lines += [
            f"  {held} = {_constant(matrix.toarray())}",
            f"  {value} = linalg.matvec ins({held}, {_value(program, source)} : {types}) "
            f"outs({total} : {own}) -> {own}",
        ]
        total = value
    if layer.plan is not None:
        steps = operations(ordered(layer.plan), (f"x{number}",), own)
        lines += [step.replace("%v", f"%p{number}_") for step in steps]
    return lines


def _value(program: Program, number: int) -> str:
    """The name of the values of the image, or of a layer."""
    plan = program.layers[number - 1].plan if number else None
    if plan is None:
        return f"%y{number}"
    name = result(ordered(plan), (f"x{number}",))
    return f"%{name.replace('v', f'p{number}_')}"


def _type(*sizes: int) -> str:
    return f"tensor<{'x'.join(map(str, sizes))}xf64>"


def _constant(values: np.ndarray) -> str:
    """All bits of the numbers, the lowest byte of each first."""
    data = np.ascontiguousarray(values, "<f8").tobytes().hex().upper()
    return f'arith.constant dense<"0x{data}"> : {_type(*values.shape)}'
