"""SMART-PAF: ``coeflist`` in powers, odd ones only, padded with zeros, several to a file.

The repository (EfficientFHE/SmartPAF, ``src/util.py``) names each table by
``param_dict["name"] = "a7"`` before its ``coeflist``. It keeps them in float32 while training;
what is read here are the decimals as written.
"""

from __future__ import annotations

import ast

from ..errors import TableError
from .contents import Contents, Hints
from .python_source import chosen, rows_of, tree_of


def read_smart_paf(content: bytes, hints: Hints) -> Contents:
    """One table by its name, or the only one.

    Raises
    ------
    TableError
        If there is none of that name, or several and none was named.
    """
    tree = tree_of(content)
    found: dict[str, tuple] = {}
    name = ""
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            for statement in getattr(node, field, []) or []:
                if not isinstance(statement, ast.Assign):
                    continue
                said = _name_said(statement)
                name = said or name
                if said:
                    continue
                rows = _rows(statement.value)
                if rows and not (isinstance(statement.targets[0], ast.Subscript)):
                    found.setdefault(name or f"line {statement.lineno}", rows)
    for statement in tree.body:
        if isinstance(statement, ast.Expr) and (rows := _rows(statement.value)):
            found.setdefault(f"line {statement.lineno}", rows)
    return Contents(chosen(found, hints), "monomial-odd", function="sign")


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


def _rows(node: ast.expr) -> tuple | None:
    if not isinstance(node, (ast.List, ast.Tuple)) or not node.elts:
        return None
    if not all(isinstance(item, (ast.List, ast.Tuple)) for item in node.elts):
        return None
    try:
        return rows_of(node)
    except TableError:
        return None
