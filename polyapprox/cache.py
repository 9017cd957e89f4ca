# SPDX-License-Identifier: Apache-2.0
"""A cache on disk: a call made before is served from the table it made.

The folder is ``POLYAPPROX_CACHE``, or the user's cache folder; ``POLYAPPROX_CACHE=off`` turns the
cache off. An entry is named by a hash of the call, the versions of the libraries and the state of
the package's own files, and holds that call beside the table, under one hash. One that is no regular
file, cannot be read, or is of another call, is computed again, and a folder that cannot be written
means no cache: the cache never makes an error. What is served was proven when it was made and is not
proven again: who may write to the folder is trusted.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache, wraps
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ParamSpec

import mpmath

from .approximation import Approximation
from .errors import TableError
from .files import write_atomically
from .provenance import versions
from .table import LARGEST_FILE, document_of, hashed_document
from .table.read import approximation_from
from .table.schema import content_hash

VARIABLE = "POLYAPPROX_CACHE"
FORMAT = "polyapprox cache entry"
_FUNCTIONS = {
    "relu": "relu", "absolute": "abs", "maximum": "maximum", "minimum": "minimum", "sign": "sign",
    "step": "step", "weighted_relu": "relu",
}  # fmt: skip
P = ParamSpec("P")


def cached(
    call: str, arguments: Mapping[str, Any], compute: Callable[[], Approximation]
) -> Approximation:
    """The result of a call, from the cache if it was made before.

    Parameters
    ----------
    call : str
        Name of the function called.
    arguments : mapping
        All its arguments by name: numbers, strings, booleans, None, and lists of these. A call
        with anything else (a callable, say) is not cached.
    compute : callable
        Makes the result.

    Examples
    --------
    >>> import polyapprox
    >>> make = lambda: polyapprox.minimax("exp", 3)
    >>> cached("minimax", {"function": "exp", "degree": 3}, make) == make()
    True
    """
    folder, content = cache_folder(), _content(call, arguments)
    if folder is None or content is None:
        return compute()
    path = folder / f"{call}-{_name(content)}.json"
    with suppress(TableError, OSError):
        result = _read_entry(path, content)
        if _suits(result, call, arguments):
            return result
    result = compute()
    with suppress(TableError, OSError):
        if path.is_symlink() or not path.is_file():  # an entry is a file of ours, nothing else
            path.unlink(missing_ok=True)
        write_atomically(path, _entry(result, content))
    return result


def remembered(function: Callable[P, Approximation]) -> Callable[P, Approximation]:
    """Decorate a function of plain arguments: its results are kept by :func:`cached`.

    Parameters
    ----------
    function : callable
        Returns an Approximation that depends on its arguments only.

    Returns
    -------
    callable
        The same function; all arguments, defaults included, name the entry.

    Examples
    --------
    >>> @remembered
    ... def cubic(name="exp"):
    ...     import polyapprox
    ...     return polyapprox.minimax(name, 3)
    >>> cubic() == cubic("exp")
    True
    """
    signature = inspect.signature(function)

    @wraps(function)
    def serve(*args: P.args, **kwargs: P.kwargs) -> Approximation:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # says itself what is wrong with the arguments
        bound.apply_defaults()
        return cached(function.__name__, bound.arguments, lambda: function(*args, **kwargs))

    return serve


def cache_folder() -> Path | None:
    """Where entries are kept; None if the cache is off."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen.lower() == "off":
        return None
    if chosen:
        with suppress(RuntimeError):  # of a user who has no home
            return Path(chosen).expanduser()
        return None
    import platformdirs

    return Path(platformdirs.user_cache_dir("polyapprox", appauthor=False))


def cache_key(call: str, arguments: Mapping[str, Any]) -> str | None:
    """Name of the entry of a call; None if an argument cannot be named.

    Examples
    --------
    >>> cache_key("relu", {"precision": 2**-9}) == cache_key("relu", {"precision": 2.0**-9})
    True
    >>> cache_key("minimax", {"function": abs}) is None
    True
    """
    content = _content(call, arguments)
    return None if content is None else _name(content)


def _content(call: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """All that a result depends on, as JSON values; None if an argument cannot be named."""
    try:
        named = {name: _plain(value) for name, value in arguments.items()}
    except (TypeError, RecursionError):
        return None
    versions = [list(pair) for pair in _versions()]
    return {"call": call, "arguments": named, "versions": versions, "code": _state_of_package()}


def _name(content: dict[str, Any]) -> str:
    return content_hash(content)[:40]


def _entry(result: Approximation, content: dict[str, Any]) -> bytes:
    """The file: the call and the table, and a hash of both."""
    table = document_of(result)
    if approximation_from(table) != result:
        raise TableError("this approximation does not survive being written and read")
    entry = {"format": FORMAT, "made by": content, "table": table}
    return json.dumps({**entry, "sha256": content_hash(entry)}, indent=1).encode()


def _read_entry(path: Path, content: dict[str, Any]) -> Approximation:
    """The table of an entry.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    TableError
        If it is not an entry of this call.
    """
    try:
        entry = json.loads(_read_regular(path))
    except (ValueError, RecursionError) as error:
        raise TableError("not a whole JSON document") from error
    if not isinstance(entry, dict) or entry.get("sha256") != content_hash(entry):
        raise TableError("not an entry, or changed after it was written")
    if entry.get("format") != FORMAT or entry.get("made by") != content:
        raise TableError("the entry of another call")
    return approximation_from(hashed_document(entry.get("table")))


def _read_regular(path: Path) -> bytes:
    """The bytes of a regular file of no more than a table's size: a pipe would never end."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_size > LARGEST_FILE:
            raise TableError("not a regular file, or too large")
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read(LARGEST_FILE)
    finally:
        os.close(descriptor)


def _suits(result: Approximation, call: str, arguments: Mapping[str, Any]) -> bool:
    """Whether function, interval and guard of a result are those of the call, where it says them."""
    named = arguments.get("function", _FUNCTIONS.get(call))
    interval, guard = arguments.get("interval"), arguments.get("guard")
    return bool(
        (not isinstance(named, str) or result.function == named)
        and (
            not isinstance(interval, (list, tuple))
            or tuple(interval) in (result.interval, result.domain[-1])  # one side of a sign's
        )
        and (guard is None or getattr(result, "guard", guard) == guard)
    )


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Integral):
        return {"number": hex(value)}
    if isinstance(value, mpmath.mpf):
        return {"number": [str(part) for part in value._mpf_]}
    if isinstance(value, float) or (isinstance(value, Real) and hasattr(value, "dtype")):
        number = float(value)
        return {"number": hex(int(number)) if number.is_integer() else number.hex()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no name that lasts")


@lru_cache(maxsize=1)
def _versions() -> tuple[tuple[str, str], ...]:
    return versions()


@lru_cache(maxsize=1)
def _state_of_package() -> str:
    """Sizes and times of the package's files: another state of the code is another cache."""
    root = Path(__file__).parent
    state = sorted(
        (str(path.relative_to(root)), path.stat().st_size, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.suffix in (".py", ".json")
    )
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()
