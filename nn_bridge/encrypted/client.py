# SPDX-License-Identifier: Apache-2.0
"""The client's side: keys, encrypted images, decrypted outputs. All that needs the secret key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from polyapprox.words import counted

from ..errors import ArgumentError
from .engine import Client, answered, encrypt, require_engine
from .folder import Described, join, split, write_bytes

Progress = Callable[[str, int, int], None]
PLANS = "plans.key"


def rotations_file(level: int) -> str:
    """Name of the keys of rotations at a level."""
    return f"rotations-{level:02}.key"


def bootstrap_file(slots: int) -> str:
    """Name of the keys of bootstraps of so many slots."""
    return f"bootstrap-{slots}.key"


def require_no_keys(folder: Path) -> None:
    """Refuse a folder whose keys would be lost.

    Raises
    ------
    ArgumentError
        If there are keys in it.
    """
    if (folder / "network.json").is_file() and Described.read(folder).keys:
        raise ArgumentError(f"{folder} holds keys already, which would be lost: give another folder")


def require_apart(client: Path, server: Path) -> None:
    """Refuse a client's folder that goes to the server.

    Raises
    ------
    ArgumentError
        If it is the server's, or in it.
    """
    mine, theirs = client.resolve(), server.resolve()
    if mine == theirs or theirs in mine.parents:
        raise ArgumentError(
            f"client is {client}, in the server's folder, where the secret key must not be: give another folder"
        )


def make_keys(client: Path, server: Path, progress: Progress | None = None) -> None:
    """Make the secret key, the public one, and the server's keys.

    Parameters
    ----------
    client, server : path
        Folders; the server's holds a compiled network.
    progress : callable, optional

    Raises
    ------
    ArgumentError
        If the server's folder holds no network, or the client's keys already, or is where the client's is.
    BackendError
        If a wheel is missing.
    """
    described = Described.read(server)
    require_apart(client, server)
    require_no_keys(client)
    require_engine()
    maker = Client(described.chain)
    keys = server / "keys"
    jobs: list[tuple[Path, Callable[[], bytes]]] = [
        (client / "secret.key", lambda: maker.secret),
        (client / "public.key", lambda: maker.public_key(described.input_level)),
        (keys / PLANS, maker.plan_keys),
    ]
    for slots in sorted(described.refreshed):
        jobs.append((keys / bootstrap_file(slots), partial(maker.boot_keys, slots)))
    for level, elements in described.rotations.items():
        path = keys / rotations_file(level)
        jobs.append((path, partial(maker.rotation_keys, level, elements)))
    for number, (path, job) in enumerate(jobs, 1):
        write_bytes(path, job(), 0o600 if path.name == "secret.key" else 0o666)
        if progress:
            progress("keys", number, len(jobs))
    digest = hashlib.sha256((client / "public.key").read_bytes()).hexdigest()
    for folder in (server, client):
        described.with_keys(digest, folder).write(folder)


def encrypt_image(client: Path, image: np.ndarray, out: Path) -> Path:
    """Encrypt an image with the public key.

    Raises
    ------
    ArgumentError
        If the image is not of the network's shape, or the folder has no keys.
    BackendError
        If a wheel is missing, or cannot use the key.
    """
    described = Described.read(client)
    layout = described.layouts[0]
    if tuple(image.shape) != layout.shape:
        raise ArgumentError(f"the image is of shape {tuple(image.shape)}, not {layout.shape}")
    public = described.file(client, "public.key").read_bytes()
    level = described.input_level
    packed = layout.pack(np.asarray(image, np.float64))
    with answered():
        parts = [encrypt(described.chain, public, level, one) for one in packed]
    return write_bytes(out, join(described.keys, parts))


def decrypt_outputs(client: Path, path: Path) -> np.ndarray:
    """The outputs of one image.

    Raises
    ------
    ArgumentError
        If there is no secret key, or the file is not one of outputs.
    BackendError
        If a wheel is missing, or cannot use the key or a ciphertext.
    """
    described = Described.read(client)
    layout, level = described.layouts[-1], described.steps[-1].end
    secret = described.file(client, "secret.key").read_bytes()
    if not path.is_file():
        raise ArgumentError(f"there is no file {path}: evaluate first")
    parts = split(path, described.keys, level)
    if len(parts) != layout.ciphertexts:
        raise ArgumentError(f"{path} holds {counted(len(parts), 'ciphertext')}, not the {layout.ciphertexts} of outputs")
    with answered():
        holder = Client(described.chain, secret)
        return layout.unpack(np.stack([holder.decrypt(part, level) for part in parts]))
