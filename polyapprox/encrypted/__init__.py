# SPDX-License-Identifier: Apache-2.0
"""Encrypted runs: our tables in the frameworks that compute on ciphertexts.

Importing this package loads no framework; a backend is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module

from ..errors import ArgumentError
from .backend import (
    Availability as Availability,
    Backend as Backend,
    BackendError as BackendError,
    Measured as Measured,
    Parameters as Parameters,
    Session as Session,
)
from .choose import choose_parameters as choose_parameters
from .run import EncryptedRun as EncryptedRun, run as run

# A framework: the module of its name in `frameworks`, whose `BACKEND` speaks to it.
NAMES = ("openfhe", "lattigo", "tenseal", "desilofhe")


def backend(name: str) -> Backend:
    """One backend by name.

    Parameters
    ----------
    name : {"openfhe", "lattigo", "tenseal", "desilofhe"}

    Returns
    -------
    Backend
        Found or not: :meth:`Backend.find` says so.

    Raises
    ------
    ArgumentError
        If there is no backend of that name.

    Examples
    --------
    >>> backend("openfhe").name
    'openfhe'
    """
    if name not in NAMES:
        raise ArgumentError(f"backend={name!r} is unknown; choose from {', '.join(NAMES)}")
    made: Backend = import_module(f".frameworks.{name}", __name__).BACKEND
    return made


def backends() -> dict[str, Backend]:
    """All backends by name, found or not.

    Returns
    -------
    dict of str to Backend
    """
    return {name: backend(name) for name in NAMES}
