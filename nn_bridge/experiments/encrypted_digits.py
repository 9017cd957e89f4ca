"""The network of digits, converted, on encrypted test images: outputs beside those in the clear."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import polyapprox
from polyapprox.encrypted import backend

from ..conversion.network import convert
from ..encrypted.machine import Progress
from ..encrypted.network import evaluate_encrypted
from ..errors import ArgumentError
from ..files import git_commit, versions, write_json
from ..models.networks import find_network
from ..ranges.bounds import MARGIN


def encrypt_digits(
    path: str | Path,
    *,
    images: int = 100,
    multiplications: int = 6,
    ring_dimension: int = 256,
    scale_bits: int = 50,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Evaluate the trained network of digits under encryption and write what came of it.

    Every ReLU is the circuit of so many multiplications, with ranges measured on the training
    images; the encrypted outputs are compared with those of the same converted network in the
    clear, in double precision.

    Parameters
    ----------
    path : path
        JSON to write.
    images : int
        First test images; at most half the ring dimension.
    multiplications : int
        Of each ReLU's circuit, which has as many levels.
    ring_dimension, scale_bits : int
        Of the context, which is not secure.
    progress : callable, optional
        See :func:`nn_bridge.encrypted.network.evaluate_encrypted`.

    Returns
    -------
    dict
        The record that is written.

    Raises
    ------
    ArgumentError, BackendError
    """
    if not 1 <= images <= ring_dimension // 2:
        raise ArgumentError(
            f"images is {images}: give from 1 to {ring_dimension // 2}, half of "
            f"ring_dimension={ring_dimension}"
        )
    relu = polyapprox.circuit("relu", multiplications=multiplications)
    known = find_network("digits")
    exact = _network()
    training = [batch for batch, _ in known.batches(known.data("train"))]
    network = convert(exact, approximation=relu, calibrate=training, margin=MARGIN)
    pixels, labels = next(iter(known.batches(known.data("test"), images)))
    load = os.getloadavg()[0]
    result = evaluate_encrypted(
        network, pixels, ring_dimension=ring_dimension, scale_bits=scale_bits, progress=progress
    )
    with torch.no_grad():
        clear = network.double()(pixels.double()).numpy()
        plain = exact.double()(pixels.double()).numpy()
    digits = labels.numpy()
    predicted = result.outputs.argmax(1)
    record = {
        "network": "digits",
        "images": len(pixels),
        "relu": repr(relu),
        "relu_bits": relu.bits,
        "margin": MARGIN,
        "backend": f"tenseal {backend('tenseal').find().version}",
        "parameters": asdict(result.parameters),
        "security": result.parameters.security,
        "levels": result.levels,
        "largest_deviation": float(np.abs(result.outputs - clear).max()),
        "largest_output": float(np.abs(clear).max()),
        "smallest_gap": float(np.diff(np.sort(clear, axis=1)[:, -2:], axis=1).min()),
        "agree": int((predicted == clear.argmax(1)).sum()),
        "correct": int((predicted == digits).sum()),
        "correct_in_the_clear": int((clear.argmax(1) == digits).sum()),
        "correct_with_relu_itself": int((plain.argmax(1) == digits).sum()),
        "deviation_from_relu_itself": float(np.abs(clear - plain).max()),
        "seconds": result.seconds,
        "load": [load, os.getloadavg()[0]],
        "stages": [asdict(stage) for stage in result.stages],
        "date": time.strftime("%Y-%m-%d"),
        "versions": versions(),
        "commit": git_commit(),
    }
    write_json(Path(path), record)
    return record


def _network() -> nn.Module:
    return find_network("digits").load()
