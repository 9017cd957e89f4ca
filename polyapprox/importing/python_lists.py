# SPDX-License-Identifier: Apache-2.0
"""Python: lists of numbers in anybody's file, as the interpreter computes them; nothing is executed."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath

from ..errors import TableError
from ..numbers import exact, fraction
from .constants import to_float32
from .contents import Hints, chosen
from .numbers import number

_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.Pow: operator.pow,
}  # fmt: skip
_LARGEST_POWER, _LARGEST_WHOLE = 1000, 10**300
_MAKERS = frozenset((
    "array", "asarray", "tensor", "Tensor", "FloatTensor", "DoubleTensor", "as_tensor", "list",
    "tuple", "float64",
))  # fmt: skip
_DTYPES = {  # of these: whether it is float32
    "float32": True, "float": False, "double": False, "float64": False, "single": True,
}  # fmt: skip
_DOUBLES = frozenset(("", "np", "numpy", "onp", "cp", "cupy"))  # whose makers hold doubles by default
_SINGLES = frozenset(("tensor", "Tensor", "FloatTensor", "as_tensor", "asarray"))  # torch's that do not
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CHANGES = frozenset((
    "reverse", "append", "extend", "insert", "pop", "remove", "sort", "clear", "fill", "resize",
    "itemset", "put",
))  # fmt: skip
_CHANGED_BY = frozenset(("shuffle", "copyto", "put", "place", "putmask", "heapify"))  # their first argument


def tree_of(content: bytes) -> ast.Module:
    """The syntax tree of Python source; nothing is executed.

    Raises
    ------
    TableError
        If it is not Python.
    """
    try:
        return ast.parse(content.decode("utf-8"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TableError(f"cannot be read as Python source ({error})") from None


def value_of(node: ast.expr) -> mpmath.mpf:
    """A number, or arithmetic on numbers such as ``-3.4*10**(-1)``, as Python computes it.

    Raises
    ------
    TableError
        Naming the line of what is neither.
    """
    value = _computed(node)
    if isinstance(value, int):
        if abs(value) > _LARGEST_WHOLE:
            raise TableError(f"line {node.lineno} holds a number that is too large")
        return exact(value)
    return number(repr(value))


def _computed(node: ast.expr) -> int | float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return _finite(node.value, node)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _computed(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        left, right = _computed(node.left), _computed(node.right)
        if isinstance(node.op, ast.Pow) and (abs(right) > _LARGEST_POWER or abs(left) > 1e6):
            raise TableError(f"line {node.lineno} holds a power that is too large")
        try:
            value = _ARITHMETIC[type(node.op)](left, right)
        except (ArithmeticError, ValueError) as error:
            raise TableError(f"line {node.lineno}: {error}") from None
        if type(value) in (int, float):
            return _finite(value, node)
    raise TableError(
        f"line {node.lineno} holds something that is not a number, nor + - * / ** of numbers"
    )


def _finite(value: int | float, node: ast.expr) -> int | float:
    if isinstance(value, float) and not math.isfinite(value):
        raise TableError(f"line {node.lineno} holds a number beyond the largest double")
    return value


def rows_of(node: ast.expr) -> tuple[tuple[mpmath.mpf, ...], ...]:
    """A list of numbers, or a list of such lists.

    Raises
    ------
    TableError
        Naming the line of what is no number.
    """
    inner, single = _unwrapped(node)
    nested = [_is_list(item) for item in inner.elts]
    if any(nested) != all(nested):
        raise TableError(f"line {node.lineno} holds numbers and lists side by side")
    items = inner.elts if all(nested) else [inner]
    rows = []
    for item in items:
        part, also = _unwrapped(item)
        if not part.elts:
            raise TableError(f"line {item.lineno} holds an empty list")
        row = tuple(value_of(value) for value in part.elts)
        rows.append(tuple(to_float32(fraction(c), item.lineno) for c in row) if single or also else row)
    return tuple(rows)


def _is_list(node: ast.expr) -> bool:
    """Whether it is a list, or one in a call that makes an array of it."""
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
        name = called.id if isinstance(called, ast.Name) else called
        return name in _MAKERS and len(node.args) == 1 and _is_list(node.args[0])
    return isinstance(node, (ast.List, ast.Tuple)) and bool(node.elts)


def _unwrapped(node: ast.expr) -> tuple[ast.List | ast.Tuple, bool]:
    """The list in ``np.array([...])`` or ``torch.tensor([...])``, and whether they hold float32."""
    single = False
    while isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
        name = called.id if isinstance(called, ast.Name) else called
        kinds = [
            ast.unparse(k.value).rpartition(".")[2].strip("'\"")
            for k in node.keywords
            if k.arg == "dtype"
        ]
        known = all(kind in _DTYPES for kind in kinds)
        module = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        torch = module == "torch" or (not module and name != "asarray" and name in _SINGLES)
        known = known and (torch or module in _DOUBLES)
        if name not in _MAKERS or len(node.args) != 1 or len(kinds) != len(node.keywords) or not known:
            raise TableError(
                f"line {node.lineno} holds a call that is not read: {ast.unparse(node)[:60]}"
            )
        node = node.args[0]
        single |= _DTYPES[kinds[0]] if kinds else torch and name in _SINGLES and isinstance(node, (ast.List, ast.Tuple))
    if not isinstance(node, (ast.List, ast.Tuple)):
        raise TableError(f"line {node.lineno} holds no list of numbers")
    return node, single


def has_lists(tree: ast.Module) -> bool:
    """Whether there is any list with numbers."""
    return bool(_found(tree.body, "", []))


def lists_of(tree: ast.Module, hints: Hints) -> tuple[tuple[mpmath.mpf, ...], ...]:
    """The rows of one list of a file, by its name; inside functions FUNCTION.NAME.

    What the same block does to the list afterwards is done: ``name.reverse()``,
    ``name = name[::-1]``, ``name = np.array(name)``, ``name = name * 0.5``.

    Raises
    ------
    TableError
        If something else is done to it.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("set_default_dtype", "set_default_tensor_type"):
            raise TableError(
                f"line {node.lineno} changes what numbers tensors hold: copy the list into a file of its own"
            )
    found = _found(tree.body, "", [])
    wanted = chosen([(name, line, item) for name, line, item in found], hints)
    return tuple(row for rows in wanted for row in rows())


def _found(
    body: list[ast.stmt], scope: str, outside: list[ast.stmt]
) -> list[tuple[str, int, Callable[[], Any]]]:
    """Lists of a block and of the blocks inside it: name, line, and what reads them.

    `outside` is what runs after the block.
    """
    found: list[tuple[str, int, Callable[[], Any]]] = []
    for place, statement in enumerate(body):
        target, value = _assigned(statement)
        after = [*body[place + 1 :], *outside]
        if isinstance(statement, ast.Expr) and _looks_numeric(statement.value):
            found.append((f"line {statement.lineno}", statement.lineno, partial(rows_of, statement.value)))
        elif isinstance(target, ast.Name) and value is not None and _looks_numeric(value):
            reader = partial(_followed, target.id, value, after)
            found.append((f"{scope}{target.id}", statement.lineno, reader))
        elif target is not None and value is not None and _looks_numeric(value):
            name = f"{scope}{ast.unparse(target)}"
            found.append((name, statement.lineno, partial(rows_of, value)))
        named = isinstance(statement, _SCOPES)
        inner = f"{scope}{statement.name}." if isinstance(statement, _SCOPES) else scope
        for field in ("body", "orelse", "finalbody"):
            found += _found(getattr(statement, field, None) or [], inner, [] if named else after)
    return found


def _assigned(statement: ast.stmt) -> tuple[ast.expr | None, ast.expr | None]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        return statement.targets[0], statement.value
    if isinstance(statement, ast.AnnAssign):
        return statement.target, statement.value
    return None, None


def _looks_numeric(node: ast.expr) -> bool:
    """Whether it is a list of which something is a number: it may still not be readable."""
    if isinstance(node, ast.Call):
        return any(_looks_numeric(argument) for argument in node.args)
    if isinstance(node, ast.BinOp):
        return _looks_numeric(node.left) or _looks_numeric(node.right)
    if isinstance(node, ast.Subscript):
        return _looks_numeric(node.value)
    if not isinstance(node, (ast.List, ast.Tuple)):
        return False
    return any(_looks_numeric(item) or _has_number(item) for item in node.elts)


def _has_number(node: ast.expr) -> bool:
    return any(
        isinstance(part, ast.Constant) and type(part.value) in (int, float) for part in ast.walk(node)
    )


def _followed(
    name: str, value: ast.expr, after: list[ast.stmt]
) -> tuple[tuple[mpmath.mpf, ...], ...]:
    """The rows, with what the block does to them afterwards."""
    rows = rows_of(value)
    others: set[str] = set()  # names of the same list
    for statement in after:
        target, source = _assigned(statement)
        if isinstance(target, ast.Name) and target.id != name:
            others.discard(target.id)
            if isinstance(source, ast.Name) and source.id in {name, *others}:
                others.add(target.id)
        elif any(_writes(other, statement) for other in others):
            raise _change(name, value, statement)
        if not _writes(name, statement):
            continue
        text = ast.unparse(statement)
        factor = re.fullmatch(rf"{name} = (?:(?:np|numpy)\.(?:as)?array\({name}\)|{name}) ([*/]) ([-+.0-9e]+)", text)
        plain = rf"{name} = (?:np|numpy)\.(?:as)?array\({name}(?:, dtype=(?:np\.)?(?:float64|float))?\)"
        turned = (f"{name}.reverse()", f"{name} = {name}[::-1]", f"{name} = list(reversed({name}))")
        if text in turned:
            if len(rows) != 1:
                raise _change(name, value, statement)
            rows = (rows[0][::-1],)
        elif factor:
            rows = _multiplied(rows, factor[1], number(factor[2]))
        elif not re.fullmatch(plain, text):
            raise _change(name, value, statement)
    return rows


def _multiplied(
    rows: tuple[tuple[mpmath.mpf, ...], ...], sign: str, factor: mpmath.mpf
) -> tuple[tuple[mpmath.mpf, ...], ...]:
    if sign == "/" and not factor:
        raise TableError("a list is divided by 0")
    by = _ARITHMETIC[ast.Mult if sign == "*" else ast.Div]
    return tuple(tuple(exact(by(float(c), float(factor))) for c in row) for row in rows)


def _change(name: str, value: ast.expr, statement: ast.stmt) -> TableError:
    return TableError(
        f"line {statement.lineno} changes {name!r}: what the code uses is not what line {value.lineno} "
        "says; if the list as written is meant, copy it into a file of its own"
    )


def _writes(name: str, statement: ast.stmt) -> bool:
    """Whether a statement assigns to a name, to a part of it, or calls what changes it."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, (ast.Store, ast.Del)):
            return True
        if isinstance(node, ast.Call) and _changes(name, node):
            return True
        if not isinstance(node, (ast.Subscript, ast.Attribute)):
            continue
        part = isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del))
        called = isinstance(node, ast.Attribute) and (node.attr in _CHANGES or re.fullmatch(r"\w*[a-z]_", node.attr))
        if (part or called) and isinstance(node.value, ast.Name) and node.value.id == name:
            return True
    return False


def _changes(name: str, call: ast.Call) -> bool:
    """Whether a call writes to what it is given: ``random.shuffle(name)``, ``np.multiply(…, out=name)``."""
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    written = [k.value for k in call.keywords if k.arg == "out"] + call.args[: called in _CHANGED_BY]
    return any(isinstance(one, ast.Name) and one.id == name for one in written)
