# SPDX-License-Identifier: Apache-2.0
"""Readers of the forms in which CIFAR comes; nothing in a file is ever executed."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError

Arrays = tuple[np.ndarray, np.ndarray]
_OFFICIAL = {
    ("cifar10", "train"): [f"data_batch_{k}" for k in range(1, 6)],
    ("cifar10", "test"): ["test_batch"],
    ("cifar100", "train"): ["train"],
    ("cifar100", "test"): ["test"],
}
_FOLDER = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}
_ARCHIVE = {"cifar10": "cifar-10-python.tar.gz", "cifar100": "cifar-100-python.tar.gz"}
_SIDE = 32


def sha256(array: np.ndarray) -> str:
    """Of the bytes of an array in C order."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def read_packed(root: Path, name: str, split: str) -> Arrays | None:
    """Strips of lossless WebP in npz files: images (n, 32, 32, 3) and labels, both uint8."""
    parts = (
        [f"{name}-test.npz"] if split == "test" else [f"{name}-train-{k}.npz" for k in range(1, 6)]
    )
    paths = [root / name / part for part in parts]
    if not paths[0].is_file():
        return None
    return _joined([checked(path, _strips) for path in paths])


def read_official(root: Path, name: str, split: str) -> Arrays | None:
    """The official pickles, from their folder or from the archive: as :func:`read_packed`."""
    members = _OFFICIAL[name, split]
    for folder in (root / _FOLDER[name], root / name / _FOLDER[name], root):
        if (folder / members[0]).is_file():
            return _joined([checked(folder / member, _pickle) for member in members])
    wanted = [f"{_FOLDER[name]}/{member}" for member in members]
    for archive in (root / _ARCHIVE[name], root / name / _ARCHIVE[name]):
        if archive.is_file():
            return _joined(checked(archive, partial(_from_archive, members=wanted)))
    return None


def _joined(parts: list[Arrays]) -> Arrays:
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def checked(path: Path, read: Callable[[Path], Any]) -> Any:
    """What a function reads from a file.

    Raises
    ------
    DataError
        If the file is missing, or the function does not understand it.
    """
    try:
        return read(path)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing: the set is incomplete, copy it again") from error
    except (
        OSError, ValueError, KeyError, EOFError, TypeError, IndexError, SyntaxError,
        pickle.UnpicklingError, zipfile.BadZipFile, tarfile.TarError,
    ) as error:  # fmt: skip
        raise DataError(f"{path} is damaged or of another form: copy it again") from error


def _strips(path: Path) -> Arrays:
    from PIL import Image

    with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
        content = data["webp"].tobytes()
        ends = np.cumsum(data["sizes"].astype(np.int64))
        labels = data["labels"]
    strips = []
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        strip = Image.open(io.BytesIO(content[start:end])).convert("RGB")
        strips.append(np.asarray(strip).reshape(-1, _SIDE, _SIDE, 3))
    return np.concatenate(strips), labels


_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class _ArraysOnly(pickle.Unpickler):
    """Refuses everything but numpy arrays and plain values."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _decode(content: bytes) -> Arrays:
    table = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
    labels = table[b"fine_labels"] if b"fine_labels" in table else table[b"labels"]
    pixels = np.asarray(table[b"data"], dtype=np.uint8).reshape(-1, 3, _SIDE, _SIDE)
    return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), np.asarray(labels, dtype=np.uint8)


def _pickle(path: Path) -> Arrays:
    return _decode(path.read_bytes())


def _from_archive(path: Path, members: list[str]) -> list[Arrays]:
    found = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name in members else None
            if file is not None:
                found[member.name] = _decode(file.read())
    return [found[member] for member in members]
