# SPDX-License-Identifier: Apache-2.0
"""SMART-PAF: ``coeflist`` in powers, odd ones only, padded with zeros, several to a file.

The repository (EfficientFHE/SmartPAF, ``src/util.py``) names each table by
``param_dict["name"] = "a7"`` before its ``coeflist``. It keeps them in float32 while training;
what is read here are the decimals as written.
"""

from __future__ import annotations

import ast

from .contents import Contents, Hints, chosen
from .python_lists import rows_of, tree_of


def read_smart_paf(content: bytes, hints: Hints) -> Contents:
    """One table by its name, or the only one.

    Raises
    ------
    TableError
        If there is none of that name, or several and none was named.
    """
    tables = _tables(tree_of(content).body)
    rows = [row for node in chosen(tables, hints) for row in rows_of(node)]
    return Contents(tuple(rows), "monomial-odd", function="sign")


def _tables(body: list[ast.stmt]) -> list[tuple[str, int, ast.expr]]:
    """Lists of lists of a block, named by what the same block says before them."""
    found: list[tuple[str, int, ast.expr]] = []
    name = ""
    for statement in body:
        if isinstance(statement, ast.Assign):
            said = _name_said(statement)
            if said:
                name = said
            elif isinstance(statement.targets[0], ast.Name) and _is_table(statement.value):
                found.append((name or f"line {statement.lineno}", statement.lineno, statement.value))
                name = ""
        elif isinstance(statement, ast.Expr) and _is_table(statement.value):
            found.append((f"line {statement.lineno}", statement.lineno, statement.value))
        for field in ("body", "orelse", "finalbody"):
            found += _tables(getattr(statement, field, None) or [])
    return found


def _name_said(statement: ast.Assign) -> str:
    target, value = statement.targets[0], statement.value
    if (
        isinstance(target, ast.Subscript)
        and isinstance(target.slice, ast.Constant)
        and target.slice.value == "name"
        and isinstance(value, ast.Constant)
    ):
        return str(value.value)
    return ""


def _is_table(node: ast.expr) -> bool:
    if not isinstance(node, (ast.List, ast.Tuple)) or not node.elts:
        return False
    return all(isinstance(item, (ast.List, ast.Tuple)) for item in node.elts)
