"""What is known to be wrong still, and is being mended: each entry goes with its mending."""

from __future__ import annotations

TRUSTING: dict[str, str] = {
    "audit": "audit repeats what a table claims",
    "import": "import_table repeats what a table of our own format claims",
}
"""Who proves nothing anew, and takes every table that can be read for true."""

FORGERIES: dict[str, str] = {
    **{
        f"plan: tiny term of high degree | {name}": "plan and components are compared at points"
        for name in ("exp", "gelu", "sign", "relative 1/x", "step", "large composite relu", "union",
                     "composition", "fine exp")
    },
    "lower bound: out of nothing": "a lower bound without a reference is not proven again",
    "method": "the method is any word",
    "margins": "margins are any numbers",
    "threshold": "a threshold is not compared with the domain",
    "offset | sign: where": "an offset is looked at only where the structure has one",
    "offset | exp: where": "an offset is looked at only where the structure has one",
    "offset | step: where": "an offset is looked at only where the structure has one",
    "two arguments: sum for difference | circuit": "circuits of two arguments are studied on a line",
    "guard: larger": "guard, domain and covered are not compared",
    "guard: zero": "guard, domain and covered are not compared",
    "guard: covered enlarged | circuit relu: by 2^-30": "guard, domain and covered are not compared",
    "guard: covered enlarged | gelu: by 2^-30": "guard, domain and covered are not compared",
}
"""Forgeries that are accepted: the start of "kind | name", and why."""

CALLS: dict[str, str] = {
    r"repr prints|bits are|precision_bits|precision .* asked": "printed numbers and the rule of bits",
    r"not an error of the package": "exceptions of Python and flint",
    r"from_components.*(error|lower bound)": "composites entered by hand",
    r"reimported.*(error|lower bound)": "composites that are imported",
}
"""Calls that are at fault: a regular expression for "call  fault", and why."""
