"""What is known to be wrong still, and is being mended: each entry goes with its mending."""

from __future__ import annotations

TRUSTING: dict[str, str] = {}
"""Who proves nothing anew, and takes every table that can be read for true."""

FORGERIES: dict[str, str] = {}
"""Forgeries that are accepted: the start of "kind | name", and why."""

CALLS: dict[str, str] = {}
"""Calls that are at fault: a regular expression for "call  fault", and why."""
