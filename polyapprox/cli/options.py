# SPDX-License-Identifier: Apache-2.0
"""Commands made from functions of the library: an option for each keyword, told by its docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, get_args, get_origin, get_type_hints

import typer

from ..errors import ArgumentError
from ..recipes.arguments import Ends, Parts
from . import values

Reader = Callable[[Any, str], Any]
SHORT = {"format": ("-f",)}


def command_of(
    name: str,
    function: Callable[..., Any],
    described: Callable[..., Any],
    deliver: Callable[..., None],
) -> Any:
    """The command that calls a function and delivers its result.

    Parameters
    ----------
    name : str
        Of the command.
    function : callable
        Its keywords are the options; what has no default is an argument.
    described : callable
        Whose numpydoc text tells them.
    deliver : callable
        Takes the result, then options of its own.
    """
    texts, kinds = parameters(described), get_type_hints(function)
    every = inspect.signature(function).parameters.values()
    given = [one for one in every if f"--{one.name}" not in values.SYNONYMS]
    readers = {one.name: kind_of(kinds[one.name])[1] for one in given}
    _, *own = inspect.signature(deliver, eval_str=True).parameters.values()
    own = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]

    def run(**chosen: Any) -> None:
        rest = {one.name: chosen.pop(one.name) for one in own}
        from .commands import check_plots

        check_plots(rest.get("plot"))
        read = {key: readers[key](one, key) for key, one in chosen.items() if one is not None}
        deliver(function(**read), **rest)

    options = [_option(one, kinds[one.name], texts.get(one.name, "")) for one in given]
    run.__signature__ = inspect.Signature([*options, *own])  # type: ignore[attr-defined]
    run.__annotations__ = {}
    run.__doc__ = inspect.getdoc(function)
    about, more, _ = (run.__doc__ or "").split("\n\n")[0].partition("; parameters as for")
    single = typer.Typer(add_completion=False)
    single.command(name=name, help=plain(about) + "." * bool(more))(run)
    return typer.main.get_command(single)


def _option(one: inspect.Parameter, annotation: Any, text: str) -> inspect.Parameter:
    kind, _ = kind_of(annotation)
    words = [word for word in _words(annotation) if f"--{word}" not in values.SYNONYMS]
    keyword = one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    required = one.default is inspect.Parameter.empty
    if required and one.kind is not inspect.Parameter.KEYWORD_ONLY:
        return keyword.replace(annotation=Annotated[kind, typer.Argument(help=text)])
    shown = one.default if isinstance(one.default, (str, int, float)) else None
    shown = None if isinstance(shown, bool) else shown
    option = typer.Option(
        f"--{one.name}/--no-{one.name}" if kind is bool else f"--{one.name.replace('_', '-')}",
        *SHORT.get(one.name, ()),
        help=text + (f" ({', '.join(words[:-1])} or {words[-1]})" if words else "") + ("" if shown is None else f" [{_default(shown)} unless given]"),
        metavar="LOW HIGH" if kind == list[str] else None,
        autocompletion=lambda: words,
    )
    return keyword.replace(
        annotation=Annotated[kind if required else Optional[kind], option],  # noqa: UP045
        default=inspect.Parameter.empty if required else None,
    )


def _default(value: Any) -> str:
    power = value.hex().partition("p")[2] if isinstance(value, float) else ""
    return f"2^{power}" if power and 2.0 ** int(power) == value else str(value)


def _words(annotation: Any) -> list[str]:
    """The words that an option takes."""
    plain_one = _without_none(annotation)
    return [*get_args(plain_one)] if get_origin(plain_one) is Literal else []


def kind_of(annotation: Any) -> tuple[Any, Reader]:
    """What the command line takes for a type, and how that is read."""
    without = _without_none(annotation)
    kinds: dict[Any, tuple[Any, Reader]] = {
        float: (str, values.number),
        int: (int, _as_given),
        bool: (bool, _as_given),
        Ends: (list[str], one_interval),
        Iterable[int]: (str, lambda text, _: values.degrees(text)),
        tuple[int, ...]: (str, lambda text, _: values.degrees(text)),
        list[Path]: (list[Path], _as_given),
    }
    if without == Parts or annotation == Parts | None:
        return list[str], lambda parts, _: values.domain(parts)
    if "LatencyModel" in str(annotation):
        return str, lambda text, _: values.backend(text)
    return kinds.get(without, (str, _as_given))


def _without_none(annotation: Any) -> Any:
    rest = [one for one in get_args(annotation) if one is not type(None)]
    return rest[0] if len(rest) == 1 and type(None) in get_args(annotation) else annotation


def with_first(
    name: str, kind: Any, function: Callable[..., Any]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate: the options are those of a function, behind a first argument of another type."""
    first = inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind)
    _, *rest = inspect.signature(function).parameters.values()
    kinds = {**get_type_hints(function), name: kind}

    def decorate(made: Callable[..., Any]) -> Callable[..., Any]:
        made.__signature__ = inspect.Signature([first, *rest])  # type: ignore[attr-defined]
        made.__annotations__ = kinds
        return made

    return decorate


def _as_given(value: Any, _: str) -> Any:
    return value


def one_interval(parts: list[str], name: str) -> tuple[float, float]:
    """The only interval given."""
    found = values.domain(parts)
    if len(found) != 1:
        raise ArgumentError(f"{name} must be one interval here; got {len(found)} of them")
    return found[0]


def parameters(function: Callable[..., Any]) -> dict[str, str]:
    """What a numpydoc text says of each parameter, in short: to the first period or semicolon.

    Examples
    --------
    >>> from ..recipes.sign import sign
    >>> parameters(sign)["interval"]
    'With 0 inside.'
    """
    text = inspect.getdoc(function) or ""
    _, _, section = text.partition("Parameters\n----------\n")
    section = re.split(r"\n\n\w+\n-+\n", section)[0]
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", section):
        names, _, rest = entry.partition(" : ")
        said = plain(" ".join(line.strip() for line in rest.splitlines()[1:]))
        short = re.split(r"[.;](?:\s|$)(?![^(]*\))", said)[0]
        found |= {name.strip(): f"{short}." for name in names.split(",")}
    return found


def plain(text: str) -> str:
    """Without the marks of reStructuredText."""
    return re.sub(r":\w+:`(?:polyapprox\.)?([^`]*)`", r"\1", " ".join(text.split())).replace("`", "").replace("\\|", "|")
