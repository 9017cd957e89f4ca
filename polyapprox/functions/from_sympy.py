"""SymPy expressions written as text that the parser reads."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError


def sympy_text(form: Any) -> str:
    """The text of a SymPy expression in one symbol, which becomes x; floats become fractions.

    Raises
    ------
    ArgumentError
        If it is no expression in one symbol.
    """
    import sympy

    if not isinstance(form, sympy.Expr) or len(form.free_symbols) > 1:
        raise ArgumentError(f"f={form!r} is not a SymPy expression in one symbol")
    floats = {number: sympy.Rational(number) for number in form.atoms(sympy.Float)}
    renamed = {symbol: sympy.Symbol("x") for symbol in form.free_symbols}
    return str(form.xreplace({**floats, **renamed}))
