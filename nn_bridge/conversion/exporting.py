# SPDX-License-Identifier: Apache-2.0
"""`export`: a converted network as a file that other programs run: ONNX, torch's own format, or MLIR.

Nothing but additions, multiplications, linear maps and moves of values is in it; the operations of
the graph are listed to prove that, and the list is written beside it.
"""

from __future__ import annotations

import copy
import operator
import re
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from ..calls.constant import constant_nodes
from ..calls.intercept import Interception
from ..calls.operations import remaining_function
from ..errors import ArgumentError, ConversionError
from ..files import versions, write_atomically, write_json
from .folding import fold as folded
from .products import write_products
from .report import Replacement, Report, replacement_of
from .whole_plans import NAME, WholePlans

FORMATS = (".onnx", ".pt2", ".mlir")
_EXPORTERS = (RuntimeError, ValueError, TypeError, NotImplementedError, KeyError, AttributeError)
_MOVES = frozenset(
    ["slice", "slice_scatter", "select_scatter", "to_copy", "alias", "unsafe_view", "split_with_sizes", "lift_fresh_copy", "native_batch_norm_legit_no_training", "convolution"]
)  # as the decompositions call them
_SHAPES = ("assert_tensor_metadata",)  # looks at type and shape alone


def export(
    network: nn.Module, example: torch.Tensor, path: str | Path, *, fold: bool = False
) -> Path:
    """Write a converted network for onnxruntime, HE compilers, or torch without this package.

    Parameters
    ----------
    network : nn.Module
        Converted by :func:`nn_bridge.convert`; it is left as it is.
    example : Tensor
        A batch of inputs; the size of the batch stays free. If it and the network are of float64, so
        is an ONNX file, with convolutions written as products of matrices: onnxruntime has none.
    path : path
        Ends in ".onnx" (needs ``pip install onnx onnxscript``), ".pt2" (:func:`torch.export.load`), or
        ".mlir" (for HEIR: a function of one image, its linear maps as dense matrices).
        Beside it stands a file of the same name ending in ".json": operations, levels,
        multiplications and intervals.
    fold : bool
        Let weights take in the scales of the activations first (:func:`nn_bridge.fold`).

    Returns
    -------
    Path

    Raises
    ------
    ArgumentError
        If the network is not converted, or the path has another ending.
    ConversionError
        If something that is not polynomial remains, it is named; or the network cannot be captured.

    Examples
    --------
    >>> import tempfile
    >>> from nn_bridge import convert
    >>> network = convert(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), precision=2**-6, interval=4.0)
    >>> x = torch.ones(1, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     program = torch.export.load(export(network, x, Path(folder) / "net.pt2"))
    >>> bool((program.module()(x) - network(x)).abs().max() < 1e-6)
    True
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ArgumentError(f"path is {str(path)!r}: end it in {' or '.join(FORMATS)}")
    if not isinstance(example, torch.Tensor) or example.ndim < 1 or not len(example):
        raise ArgumentError("example is no batch: give a tensor of inputs, as the network takes it")
    asking, _ = replacement_of(network)
    if isinstance(asking, Interception):
        raise ConversionError(f"this network cannot be exported: {asking.reason}")
    plain = copy.deepcopy(network).eval().cpu()
    if fold:
        plain = folded(plain, shape=tuple(example.shape[1:])).eval()
    _, replacement = replacement_of(plain)
    write = {".onnx": _export_onnx, ".pt2": _export_torch, ".mlir": _export_mlir}[path.suffix]
    content = {
        "operations": write(plain, replacement, example.detach().cpu(), path),
        "conversion": Report(replacement).as_dict(),
        "example": list(example.shape),
        "folded": fold,
        "versions": versions(),
    }
    write_json(path.with_suffix(".json"), content)
    return path


def _export_torch(
    plain: nn.Module, replacement: Replacement, example: torch.Tensor, path: Path
) -> dict[str, int]:
    program = _captured(plain, example)
    operations = operations_of(program)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        write_atomically(path, lambda temporary: torch.export.save(program, temporary))
    return operations


def _export_onnx(
    plain: nn.Module, replacement: Replacement, example: torch.Tensor, path: Path
) -> dict[str, int]:
    plans = WholePlans(replacement)
    program = _captured(plain, example)
    operations = operations_of(program, plans)
    _write_onnx(program, plans, path)
    return operations


def _export_mlir(
    plain: nn.Module, replacement: Replacement, example: torch.Tensor, path: Path
) -> dict[str, int]:
    from ..encrypted.mlir import mlir
    from ..encrypted.program import read_program

    text = mlir(read_program(plain, tuple(example.shape[1:])))
    write_atomically(path, lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))
    return dict(sorted(Counter(re.findall(r"= (\w+\.\w+) ", text)).items()))


def _captured(network: nn.Module, example: torch.Tensor) -> torch.export.ExportedProgram:
    """The graph of a network for batches of any size."""
    batch = example if len(example) > 1 else torch.cat([example, example])
    shapes = ({0: torch.export.Dim("batch", min=1)},)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch's own, of its own parts
            program = torch.export.export(network, (batch,), dynamic_shapes=shapes).run_decompositions({})
            computed = _with_constants(program.module())
            if computed is not None:
                program = torch.export.export(computed, (batch,), dynamic_shapes=shapes).run_decompositions({})
            return cast("torch.export.ExportedProgram", program)
    except _EXPORTERS as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConversionError(f"torch.export cannot capture this network: {reason}") from error


def _with_constants(module: torch.fx.GraphModule) -> torch.fx.GraphModule | None:
    """The network with what depends on weights alone computed; None where all of that is polynomial."""
    graph = module.graph
    weights = [n for n in graph.nodes if n.op == "get_attr" and not isinstance(_held(module, n), nn.Module)]
    found = constant_nodes(graph, weights)
    if all(_remaining(node) is None for node in found):
        return None
    values = torch.fx.Interpreter(module)
    for node in [n for n in found if _name(n) in _SHAPES]:
        graph.erase_node(node)
        found.remove(node)
    for node in [n for n in graph.nodes if n in found or n in weights]:
        values.env[node] = values.run_node(node)
        if node in found and not found.issuperset(node.users):
            name = f"computed_{node.name}"
            module.register_buffer(name, values.env[node])
            with graph.inserting_before(node):
                node.replace_all_uses_with(graph.get_attr(name), lambda user: user not in found)
    graph.eliminate_dead_code()
    module.recompile()
    return module


def _held(module: nn.Module, node: torch.fx.Node) -> Any:
    return operator.attrgetter(str(node.target))(module)


def _name(node: torch.fx.Node) -> str:
    packet = getattr(node.target, "overloadpacket", node.target)
    return str(getattr(packet, "__name__", packet)).strip("_")


def _remaining(node: torch.fx.Node) -> str | None:
    """The operation of a node, if it is not polynomial."""
    name = _name(node)
    if name in _MOVES or name in _SHAPES or name.startswith("sym_"):
        return None
    return remaining_function(name, tuple(node.args), dict(node.kwargs))


def operations_of(
    program: torch.export.ExportedProgram, plans: WholePlans | None = None
) -> dict[str, int]:
    """How often each operation stands in a graph, those of its plans among them.

    Raises
    ------
    ConversionError
        If one is not polynomial: it is named.
    """
    counts: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for node in program.graph.nodes:
        if node.op != "call_function":
            continue
        name = _name(node)
        if plans is not None and name == NAME:
            counts += plans.counts(node)
            continue
        counts[name] += 1
        if _remaining(node) is not None:
            left[name] += 1
    if left:
        listed = ", ".join(f"{name} ({count} times)" for name, count in left.items())
        raise ConversionError(
            f"the network still computes what is not polynomial: {listed}; nn_bridge.check says where"
        )
    return dict(sorted(counts.items()))


def _write_onnx(program: torch.export.ExportedProgram, plans: WholePlans, path: Path) -> None:
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError as error:
        raise ArgumentError(
            f"path ends in '.onnx', which needs {error.name}: pip install onnx onnxscript"
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.onnx.export(program, dynamo=True, verbose=False)
    if made is None:
        raise ConversionError("torch.onnx.export gave nothing: write '.pt2' instead")
    proto = made.model_proto
    _restore_constants(proto, program)
    plans.expand(proto)
    if proto.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.DOUBLE:
        write_products(proto)
    onnx.checker.check_model(proto)
    write_atomically(path, lambda temporary: onnx.save(proto, temporary))


def _restore_constants(proto: Any, program: torch.export.ExportedProgram) -> None:
    """Constants of float64 as they are: torch's exporter rounds them to float32."""
    from onnx import TensorProto, numpy_helper

    numbers = {v for node in program.graph.nodes for v in node.args if isinstance(v, float)}
    exact = {float(np.float32(v)): v for v in numbers}
    for tensor in proto.graph.initializer:
        if tensor.data_type != TensorProto.DOUBLE or tensor.dims:
            continue
        known = exact.get(float(numpy_helper.to_array(tensor)))
        if known is not None:
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(known), tensor.name))
