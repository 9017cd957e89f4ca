# SPDX-License-Identifier: Apache-2.0
"""Tiny ImageNet-200: its official folder, or its JPEG scans packed in npz files.

A JPEG file is a header (tables, size) and a scan (the coded pixels). Checksums are those of the
scans, which both forms have in common and no version of a decoder changes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError
from .archives import Arrays, checked

NAME = "tiny-imagenet"
CLASSES, SIDE = 200, 64
VERIFIED = {"train": 100, "test": 50}
"""Images of each class that a checksum covers: the first ones."""
CHECKSUMS = {
    "train": "c3076885a6e3cfb17beb1968b182b44fdde538e2d671319b993c1963d4983c58",
    "test": "d10723a154d6ccae2aef188bb8aee51a8bf7e7305e6e3fa433d2e14755eeac8c",
}
"""SHA-256 of sizes (uint32), labels (uint8) and scans, in the order of :func:`read_scans`."""
HEADERS = "9ad8482d221c5cd5163d94626b381c14cc75040f8e9e7e9387f2c14278bd4aa7"
"""SHA-256 of the two headers, colour and grey, of the packed form."""
_FOLDER = "tiny-imagenet-200"
_END = b"\xff\xd9"
_START_OF_SCAN = b"\xff\xda"


@dataclass(frozen=True)
class Scan:
    """A JPEG file in two parts, without its end marker, and its label."""

    header: bytes
    coded: bytes
    label: int


def read_tiny_imagenet(root: Path, split: str) -> Arrays | None:
    """Images (n, 64, 64, 3) and labels, both uint8; None if the set is not there.

    The training images come in turn, one of each class, so that the first n are a fair share of
    all classes; the validation images, which stand for the test set (whose labels are secret), in
    the order of ``val_annotations.txt``. Labels are places in ``wnids.txt``.

    Parameters
    ----------
    root : path
        Holds ``tiny-imagenet-200`` (here, or in ``tiny-imagenet``), or the packed form
        ``tiny-imagenet/tiny-imagenet-train-*.npz`` and ``tiny-imagenet-val.npz``.
    split : {"train", "test"}

    Raises
    ------
    DataError
        If the set is incomplete, damaged, or not the official one.
    """
    scans = read_scans(root, split)
    if scans is None:
        return None
    verify(scans, split, root)
    images = np.empty((len(scans), SIDE, SIDE, 3), dtype=np.uint8)
    checked(root / NAME, lambda _: _decode(scans, images))
    return images, np.array([scan.label for scan in scans], dtype=np.uint8)


def read_scans(root: Path, split: str) -> list[Scan] | None:
    """All images, not decoded yet, in the order of :func:`read_tiny_imagenet`."""
    pattern = f"{NAME}-train-*.npz" if split == "train" else f"{NAME}-val.npz"
    packed = sorted((root / NAME).glob(pattern), key=lambda path: (len(path.name), path.name))
    if packed:
        scans = [scan for path in packed for scan in checked(path, _packed)]
    else:
        folder = _official_folder(root)
        if folder is None:
            return None
        scans = list((_training if split == "train" else _validation)(folder))
    return _in_turn(scans) if split == "train" else scans


def verify(scans: list[Scan], split: str, root: Path) -> None:
    """Refuse a set in which images are missing, or whose scans are not the official ones.

    Raises
    ------
    DataError
    """
    counts = np.bincount(
        np.array([scan.label for scan in scans], dtype=np.int64), minlength=CLASSES
    )
    least = VERIFIED[split]
    if len(counts) != CLASSES or len(set(counts.tolist())) != 1 or counts[0] < least:
        raise DataError(
            f"{NAME} ({split}) in {root} has {counts.min()} to {counts.max()} images in "
            f"{np.count_nonzero(counts)} classes, not equally many, at least {least}, in each of "
            f"{CLASSES}: copy the set again"
        )
    if digest(scans[: least * CLASSES]) != CHECKSUMS[split]:
        raise DataError(
            f"the images of {NAME} ({split}) in {root} are not the official ones (the SHA-256 of "
            "their coded pixels differs): copy the set again"
        )


def digest(scans: list[Scan]) -> str:
    """SHA-256 of sizes, labels and coded pixels."""
    total = hashlib.sha256(np.array([len(scan.coded) for scan in scans], dtype="<u4").tobytes())
    total.update(bytes(scan.label for scan in scans))
    for scan in scans:
        total.update(scan.coded)
    return total.hexdigest()


def split_jpeg(content: bytes, label: int) -> Scan:
    """A JPEG file in its parts.

    Raises
    ------
    ValueError
        If it is no whole JPEG file.
    """
    place = 2
    while content[place : place + 2] != _START_OF_SCAN:
        if content[place : place + 1] != b"\xff":
            raise ValueError("no JPEG file")
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    if not content.endswith(_END):
        raise ValueError("the end is missing")
    return Scan(content[:place], content[place : -len(_END)], label)


def _in_turn(scans: list[Scan]) -> list[Scan]:
    """The first image of each class, then the second ones, and so on; classes in order."""
    labels = np.array([scan.label for scan in scans])
    place = np.zeros(len(scans), dtype=np.int64)
    for label in np.unique(labels):
        mine = labels == label
        place[mine] = np.arange(np.count_nonzero(mine))
    return [scans[index] for index in np.lexsort((labels, place))]


def _decode(scans: list[Scan], images: np.ndarray) -> None:
    from PIL import Image

    for image, scan in zip(images, scans, strict=True):
        opened = Image.open(io.BytesIO(scan.header + scan.coded + _END))
        if opened.size != (SIDE, SIDE):
            raise ValueError(f"an image has {opened.size} pixels")
        image[:] = np.asarray(opened.convert("RGB"))


def _packed(path: Path) -> list[Scan]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
        headers = [data["header0"].tobytes(), data["header1"].tobytes()]
        content = data["jpeg"].tobytes()
        ends = np.cumsum(data["sizes"].astype(np.int64)).tolist()
        kinds, labels = data["head"].tolist(), data["labels"].tolist()
    if hashlib.sha256(b"".join(headers)).hexdigest() != HEADERS or ends[-1] != len(content):
        raise ValueError("other headers")
    return [
        Scan(headers[kind], content[start:end], label)
        for kind, start, end, label in zip(kinds, [0, *ends[:-1]], ends, labels, strict=True)
    ]


def _official_folder(root: Path) -> Path | None:
    for folder in (root / _FOLDER, root / NAME / _FOLDER, root / NAME, root):
        if (folder / "wnids.txt").is_file() and (folder / "train").is_dir():
            return folder
    return None


def _labels(folder: Path) -> dict[str, int]:
    names = checked(folder / "wnids.txt", Path.read_text).split()
    return {name: label for label, name in enumerate(names)}


def _training(folder: Path) -> Iterator[Scan]:
    for name, label in _labels(folder).items():
        paths = (folder / "train" / name / "images").glob("*.JPEG")
        yield from _files(sorted(paths, key=lambda p: (len(p.name), p.name)), label)


def _validation(folder: Path) -> Iterator[Scan]:
    labels = _labels(folder)
    listing = folder / "val" / "val_annotations.txt"
    for line in checked(listing, Path.read_text).splitlines():
        file, _, rest = line.partition("\t")
        label = labels.get(rest.partition("\t")[0])
        if label is None or "/" in file or "\\" in file:
            raise DataError(f"{listing} has the line {line!r}: copy the set again")
        yield from _files([folder / "val" / "images" / file], label)


def _files(paths: Iterable[Path], label: int) -> Iterator[Scan]:
    for path in paths:
        yield checked(path, lambda p: split_jpeg(p.read_bytes(), label))
