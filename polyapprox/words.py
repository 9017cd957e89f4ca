# SPDX-License-Identifier: Apache-2.0
"""Counts in sentences: 1 level, 2 levels."""

from __future__ import annotations


def counted(count: object, noun: str) -> str:
    """A count and its noun, in the plural unless the count reads "1".

    Parameters
    ----------
    count : int or str
        A number, or its text.
    noun : str
        In the singular.

    Examples
    --------
    >>> counted(1, "level"), counted(0, "bit"), counted("1.5", "half-width")
    ('1 level', '0 bits', '1.5 half-widths')
    >>> counted(2, "entry"), counted(3, "process"), counted(2, "key"), counted(2, "epoch"), counted(2, "branch")
    ('2 entries', '3 processes', '2 keys', '2 epochs', '2 branches')
    """
    if str(count) == "1":
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{count} {noun[:-1]}ies"
    hissing = noun.endswith(("s", "x", "ch", "sh")) and not noun.endswith("epoch")
    return f"{count} {noun}{'es' if hissing else 's'}"
