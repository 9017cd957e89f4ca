# SPDX-License-Identifier: Apache-2.0
"""Lattigo, by the wheels of Orion v2: keys, encryption, and models that are run on ciphertexts.

Keys are large, and the wheels copy what they are given: here a file of keys is mapped into memory
and handed on as it is.
"""

from __future__ import annotations

import ctypes
import json
import mmap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from polyapprox.encrypted.backend import BackendError

from .chain import SCALE_BITS, Chain
from .wire import secret_key

_WHEELS = {
    "lattigo": ("orion-v2-lattigo", "6.2"),
    "orion_evaluator": ("orion-v2-evaluator", "2.1"),
    "orion_compiler": ("orion-v2-compiler", "2.1"),
}


def require_engine() -> str:
    """Versions of the wheels.

    Raises
    ------
    BackendError
        If one is missing, or of a version that is not known here.
    """
    found = []
    for module, (wheel, wanted) in _WHEELS.items():
        remedy = f"pip install '{wheel}=={wanted}.*'"
        if find_spec(module) is None:
            raise BackendError(f"no wheel {wheel} is installed here; get it by: {remedy}")
        version = metadata.version(wheel)
        if not version.startswith(wanted + "."):
            raise BackendError(
                f"{wheel} is of version {version}, and {wanted} is what is known here: {remedy}"
            )
        found.append(f"{wheel} {version}")
    return ", ".join(found)


@contextmanager
def answered() -> Iterator[None]:
    """What the wheels raise, as a sentence.

    Raises
    ------
    BackendError
        If one is missing, or refuses what it is given.
    """
    require_engine()
    from lattigo import LatticeError
    from orion_evaluator.errors import EvaluatorError

    try:
        yield
    except (LatticeError, EvaluatorError) as error:
        raise BackendError(
            f"the engine cannot use a key, a model or a ciphertext ({' '.join(str(error).split())}): it is damaged, "
            "or of another run; make keys anew, in other folders"
        ) from error


class Client:
    """Holds the secret key: makes keys, encrypts, decrypts.

    Parameters
    ----------
    chain : Chain
    secret : bytes, optional
        The key of the whole chain; a new one is made without.
    """

    def __init__(self, chain: Chain, secret: bytes | None = None) -> None:
        from lattigo import ckks, rlwe

        self.chain, self._ckks, self._rlwe = chain, ckks, rlwe
        self._whole = ckks.Parameters.from_dict(chain.parameters())
        if secret is None:
            made = rlwe.KeyGenerator(self._whole).gen_secret_key()
            secret = bytes(made.marshal_binary())
        self.secret = secret

    def _at(self, level: int | None) -> tuple[Any, Any]:
        """Parameters up to a level and their secret key."""
        given = self.chain.parameters(level)
        made = self._ckks.Parameters.from_dict(given)
        key = secret_key(self.secret, len(given["logq"]), len(given["logp"]))
        return made, self._rlwe.SecretKey.unmarshal_binary(key)

    def plan_keys(self) -> bytes:
        """What products of ciphertexts need, on the whole chain."""
        parameters, secret = self._at(None)
        made = self._rlwe.KeyGenerator(parameters).gen_relin_key(secret)
        return bytes(self._rlwe.MemEvaluationKeySet(made).marshal_binary())

    def boot_keys(self, slots: int) -> bytes:
        """What a bootstrap of so many slots needs."""
        parameters, secret = self._at(None)
        given = self.chain.parameters()
        made = self._rlwe.BootstrapParams(
            parameters, logn=given["logn"], logp=given["boot_logp"], h=given["h"],
            log_slots=slots.bit_length() - 1,
        )  # fmt: skip
        _, keys = made.gen_eval_keys(secret)
        return bytes(keys.marshal_binary())

    def rotation_keys(self, level: int, elements: Iterable[int]) -> bytes:
        """Galois keys at a level."""
        parameters, secret = self._at(level)
        generator = self._rlwe.KeyGenerator(parameters)
        keys = [generator.gen_galois_key(secret, element) for element in sorted(elements)]
        return bytes(self._rlwe.MemEvaluationKeySet(None, keys).marshal_binary())

    def public_key(self, level: int) -> bytes:
        """For encryption at a level."""
        parameters, secret = self._at(level)
        made = self._rlwe.KeyGenerator(parameters).gen_public_key(secret)
        return bytes(made.marshal_binary())

    def decrypt(self, ciphertext: bytes, level: int) -> np.ndarray:
        """The slots of a ciphertext of a level."""
        parameters, secret = self._at(level)
        found = self._rlwe.Ciphertext.unmarshal_binary(ciphertext)
        plain = self._rlwe.Decryptor(parameters, secret).decrypt_new(found)
        return np.array(self._ckks.Encoder(parameters).decode(plain, self.chain.slots))


def encrypt(chain: Chain, public: bytes, level: int, slots: np.ndarray) -> bytes:
    """A ciphertext at a level, by its public key."""
    from lattigo import ckks, rlwe

    parameters = ckks.Parameters.from_dict(chain.parameters(level))
    plain = ckks.Encoder(parameters).encode(slots.tolist(), level, 1 << SCALE_BITS)
    key = rlwe.PublicKey.unmarshal_binary(public)
    return bytes(rlwe.Encryptor(parameters, key).encrypt_new(plain).marshal_binary())


def moduli(chain: Chain) -> list[int]:
    """The primes of the chain, that of level 0 first."""
    from lattigo import ckks

    return [int(q) for q in ckks.Parameters.from_dict(chain.parameters()).moduli_chain()]


class Runner:
    """An evaluator with its keys, read from files.

    Parameters
    ----------
    parameters : dict
    keys : path
    boot : path, optional
        Keys of the bootstrap.
    """

    def __init__(self, parameters: dict[str, Any], keys: Path, boot: Path | None = None) -> None:
        from orion_evaluator import Evaluator, ffi

        library, error = ffi._lib_call(), ffi._make_errout()
        with _Mapped(keys) as first, _Mapped(boot) as second:
            raw = library.EvalNewEvaluator(
                json.dumps(parameters).encode(), *first, *second, ctypes.byref(error)
            )
        ffi._check_err(error)
        self._evaluator = object.__new__(Evaluator)
        self._evaluator._handle = ffi.GoHandle(int(raw), "Evaluator", delete_fn=ffi._delete_handle)  # type: ignore[attr-defined]

    def run(self, model: Any, ciphertexts: Sequence[bytes]) -> list[bytes]:
        """Ciphertexts through a model."""
        return [bytes(one) for one in self._evaluator.forward(model, list(ciphertexts))]

    def close(self) -> None:
        """Forget the keys."""
        self._evaluator.close()


def load(model: bytes) -> Any:
    """A model, ready to run."""
    from orion_evaluator import Model

    return Model.load(model)


class _Mapped:
    """Address and length of a file's bytes in memory."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._held: list[Any] = []

    def __enter__(self) -> tuple[Any, int]:
        if self.path is None:
            return None, 0
        with self.path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        first = ctypes.c_char.from_buffer(mapped)
        self._held = [mapped, first]
        return ctypes.addressof(first), len(mapped)

    def __exit__(self, *rest: object) -> None:
        if self._held:
            mapped = self._held[0]
            self._held.clear()  # the address is forgotten before the memory is
            mapped.close()
