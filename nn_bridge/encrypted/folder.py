# SPDX-License-Identifier: Apache-2.0
"""The folders of a run: the server's (network, keys for evaluation, values) and the client's.

    client/network.json  secret.key  public.key
    server/network.json  layers/…  keys/…  values/…

What the client sends is its keys/ and an image's ciphertexts; it gets the outputs' ciphertexts back.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from ..files import write_atomically, write_json
from .chain import Chain
from .layouts import Layout
from .planning import Step
from .wire import level_of

FORMAT = 4
_MARK = 16  # bytes before the ciphertexts of a file: whose keys they are for


@dataclass(frozen=True)
class Described:
    """What both sides know of a run.

    Attributes
    ----------
    digest : str
        Of the program.
    chain : Chain
    names : tuple of str
        Of the layers.
    sources : tuple of tuple of int
        Of each layer: 0 is the image.
    layouts : tuple of Layout
        Of the image, and of each layer's values.
    steps : tuple of Step
    plans, boots : tuple of str
        Files of each layer's plan and bootstrap; "" where there is none.
    rotations : dict of int to tuple of int
        Galois elements by level.
    keys : str
        Digest of the public key, which tells files of other keys apart; "" before keys are made.
    sizes : dict of str to int
        Bytes of the folder's files of keys and models, which tell one that is cut off.
    """

    digest: str
    chain: Chain
    names: tuple[str, ...]
    sources: tuple[tuple[int, ...], ...]
    layouts: tuple[Layout, ...]
    steps: tuple[Step, ...]
    plans: tuple[str, ...]
    boots: tuple[str, ...]
    rotations: dict[int, tuple[int, ...]]
    keys: str = ""
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def input_level(self) -> int:
        """Level at which images are encrypted: the highest that a layer takes them at."""
        levels = [s.level for s, used in zip(self.steps, self.sources, strict=True) if 0 in used]
        return max(levels)

    @property
    def refreshed(self) -> set[int]:
        """How many slots are bootstrapped: of each number there are keys."""
        pairs = zip(self.layouts[1:], self.steps, strict=True)
        return {layout.refreshed for layout, step in pairs if step.bootstrap}

    def write(self, folder: Path) -> None:
        """As network.json."""
        record = {
            "format": FORMAT,
            "digest": self.digest,
            "chain": self.chain.record(),
            "security": self.chain.security,
            "names": self.names,
            "sources": self.sources,
            "layouts": [one.record() for one in self.layouts],
            "steps": [asdict(one) for one in self.steps],
            "plans": self.plans,
            "boots": self.boots,
            "rotations": {str(level): one for level, one in self.rotations.items()},
            "keys": self.keys,
            "sizes": self.sizes,
        }
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "network.json", record)

    @classmethod
    def read(cls, folder: Path) -> Described:
        """From network.json.

        Raises
        ------
        ArgumentError
            If there is none, or one that is not understood.
        """
        path = folder / "network.json"
        if not path.is_file():
            raise ArgumentError(
                f"{folder} holds no network.json: make keys first (nn-bridge encrypt keygen)"
            )
        try:
            record: dict[str, Any] = json.loads(path.read_text())
            if record["format"] != FORMAT:
                raise ValueError(f"its format is {record['format']}, not {FORMAT}")
            return cls(
                record["digest"],
                Chain(**record["chain"]),
                tuple(record["names"]),
                tuple(map(tuple, record["sources"])),
                tuple(map(Layout.of, record["layouts"])),
                tuple(Step(**one) for one in record["steps"]),
                tuple(record["plans"]),
                tuple(record["boots"]),
                {int(level): tuple(one) for level, one in record["rotations"].items()},
                record["keys"],
                record["sizes"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArgumentError(
                f"{path} is not the description of a run ({error}): make keys anew"
            ) from None


    def with_keys(self, keys: str, folder: Path) -> Described:
        """The same, once a folder is complete."""
        files = [path for kind in ("*.key", "*.orion") for path in folder.rglob(kind)]
        sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
        return replace(self, keys=keys, sizes=sizes)

    def require_whole(self, folder: Path) -> None:
        """Refuse a folder without keys, or in which a file is missing or cut off.

        Raises
        ------
        ArgumentError
            It names the file.
        """
        if not any(name.startswith("keys/") for name in self.sizes):
            raise ArgumentError(
                f"{folder} holds no keys to evaluate with: give the server's folder, or make keys first "
                "(nn-bridge encrypt keygen)"
            )
        for name in self.sizes:
            self.file(folder, name)

    def file(self, folder: Path, name: str) -> Path:
        """A file of keys or of a model.

        Raises
        ------
        ArgumentError
            If there is none, or only a part of it.
        """
        path = folder / name
        if not path.is_file():
            raise ArgumentError(f"there is no {path}: make keys first (nn-bridge encrypt keygen)")
        if path.stat().st_size != self.sizes.get(name):
            raise ArgumentError(
                f"{path} has {path.stat().st_size} bytes of {self.sizes.get(name, 0)}: copy it anew, or make keys anew"
            )
        return path


def write_bytes(path: Path, data: bytes, mode: int = 0o666) -> Path:
    """Whole or not at all; from its first byte on, nobody may read it but by this mode."""

    def write(temporary: Path) -> None:
        temporary.touch(mode)
        temporary.write_bytes(data)

    return write_atomically(path, write)


def join(keys: str, parts: list[bytes]) -> bytes:
    """Ciphertexts as one file: whose keys they are for, and each after its length."""
    made = [len(part).to_bytes(8, "little") + part for part in parts]
    return bytes.fromhex(keys)[:_MARK] + b"".join(made)


def split(path: Path, keys: str, level: int) -> list[bytes]:
    """Ciphertexts of a file, which have a level.

    Raises
    ------
    ArgumentError
        If it is none, of other keys, or of another level, as outputs and images have them.
    """
    data = path.read_bytes()
    parts, start = [], _MARK
    while start < len(data):
        length = int.from_bytes(data[start : start + 8], "little")
        part = data[start + 8 : start + 8 + length]
        if len(part) != length or not part.startswith(b"\x01{"):
            break
        parts.append(part)
        start += 8 + length
    if not parts or start != len(data):
        raise ArgumentError(f"{path} is not a file of ciphertexts, or it is cut off")
    if data[:_MARK] != bytes.fromhex(keys)[:_MARK]:
        raise ArgumentError(
            f"{path} was encrypted with other keys than those in this folder: encrypt the image with its keys"
        )
    for part in parts:
        if (found := level_of(part)) != level:
            raise ArgumentError(
                f"{path} holds a ciphertext of level {found}, not of level {level}: give images to evaluate, and "
                "outputs to decrypt"
            )
    return parts
