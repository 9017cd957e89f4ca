# SPDX-License-Identifier: Apache-2.0
"""Lattigo's bytes: ciphertexts at a lower level, or under another scale; a secret key of fewer primes.

A ciphertext is a byte, its description as JSON, the number of its polynomials, and of each the rows
of its residues, a prime each. Fewer rows are the same ciphertext at a lower level. What its scale is
called is a matter of the description.
"""

from __future__ import annotations

import json
import struct
from typing import Any

_WORD = struct.Struct("<Q")


def _rows(data: memoryview, start: int) -> tuple[list[memoryview], int]:
    """Residues from a place on, each with its length before it, and the place behind them."""
    (count,) = _WORD.unpack_from(data, start)
    start += _WORD.size
    rows = []
    for _ in range(count):
        (length,) = _WORD.unpack_from(data, start)
        end = start + _WORD.size * (1 + length)
        rows.append(data[start:end])
        start = end
    return rows, start


def level_of(data: bytes) -> int:
    """Level of a ciphertext."""
    _, start = _description(data)
    return len(_rows(memoryview(data), start + _WORD.size)[0]) - 1


def ciphertext(data: bytes, level: int, scale_bits: int) -> bytes:
    """The same residues at a level, which must not be higher, under the scale 2^scale_bits.

    """
    description, start = _description(data)
    description["PlaintextMetaData"]["Scale"]["Value"] = f"{2.0**scale_bits:.39e}"
    text = json.dumps(description, separators=(",", ":")).encode()
    view = memoryview(data)
    (polynomials,) = _WORD.unpack_from(view, start)
    parts: list[bytes | memoryview] = [data[:1], text, _WORD.pack(polynomials)]
    start += _WORD.size
    for _ in range(polynomials):
        rows, start = _rows(view, start)
        parts += [_WORD.pack(level + 1), *rows[: level + 1]]
    return b"".join(parts)


def secret_key(data: bytes, chain: int, special: int) -> bytes:
    """The key over the first primes of the chain, and the first of key switching."""
    first, start = _rows(memoryview(data), 0)
    second, _ = _rows(memoryview(data), start)
    return b"".join([_WORD.pack(chain), *first[:chain], _WORD.pack(special), *second[:special]])


def _description(data: bytes) -> tuple[dict[str, Any], int]:
    text = data[1:1024].decode("latin-1")
    found, end = json.JSONDecoder().raw_decode(text)
    return found, 1 + end
