"""What is known to be wrong still, and is being mended: each entry goes with its mending."""

from __future__ import annotations

TRUSTING: dict[str, str] = {}
"""Who proves nothing anew, and takes every table that can be read for true."""

FORGERIES: dict[str, str] = {
    **{
        f"margins | {name}: a million times": "nothing is proven of the size of margins"
        for name in ("sign", "step", "large composite relu", "lopsided sign")
    },
    "guard: larger": "guard, domain and covered are not compared",
    "guard: zero": "guard, domain and covered are not compared",
    "guard: covered enlarged | circuit relu: by 2^-30": "guard, domain and covered are not compared",
    "guard: covered enlarged | gelu: by 2^-30": "guard, domain and covered are not compared",
}
"""Forgeries that are accepted: the start of "kind | name", and why."""

CALLS: dict[str, str] = {
    r"not an error of the package": "exceptions of Python and flint",
}
"""Calls that are at fault: a regular expression for "call  fault", and why."""
