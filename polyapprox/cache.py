"""A cache on disk: a call made before is served from the table it made.

The folder is ``POLYAPPROX_CACHE``, or the user's cache folder; ``POLYAPPROX_CACHE=off`` turns the
cache off. An entry is named by a hash of the call, the versions of the libraries and the state of
the package's own files; one that cannot be read is computed again, and a folder that cannot be
written means no cache: the cache never makes an error.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache, wraps
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ParamSpec

import mpmath

from .approximation import Approximation
from .errors import TableError
from .provenance import versions
from .table import load_unchecked, save

VARIABLE = "POLYAPPROX_CACHE"
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

    Returns
    -------
    Approximation

    Examples
    --------
    >>> import polyapprox
    >>> make = lambda: polyapprox.minimax("exp", 3)
    >>> cached("minimax", {"function": "exp", "degree": 3}, make) == make()
    True
    """
    folder, key = cache_folder(), cache_key(call, arguments)
    if folder is None or key is None:
        return compute()
    path = folder / f"{call}-{key}.json"
    with suppress(TableError):
        return load_unchecked(path)
    result = compute()
    with suppress(TableError):
        save(result, path)
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
        return Path(chosen).expanduser()
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
    try:
        named = {name: _plain(value) for name, value in arguments.items()}
    except TypeError:
        return None
    content = [call, named, _versions(), _state_of_package()]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:40]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Integral):
        return {"number": str(int(value))}
    if isinstance(value, mpmath.mpf):
        return {"number": [str(part) for part in value._mpf_]}
    if isinstance(value, float) or (isinstance(value, Real) and hasattr(value, "dtype")):
        number = float(value)
        return {"number": str(int(number)) if number.is_integer() else number.hex()}
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
