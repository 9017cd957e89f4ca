# SPDX-License-Identifier: Apache-2.0
"""Running a command: its exit code, and one sentence for whatever ends it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import typer

from ..errors import FalseClaimError, PolyApproxError
from .talk import TALK

FALSE_CLAIM, BAD_INPUT, INTERRUPTED = 1, 2, 130
OUTSIDE = 3  # measured beyond what is proven and forecast, which refutes no proof
NOTHING_KEPT = "nothing was written; the same command starts anew"
UsageError: Any = typer.BadParameter.__mro__[2]  # of the click that typer builds on
QUIET = ("--quiet", "-q")


def run(
    command: Any, program: str, given: Sequence[str], kept: Mapping[str, str], clock: bool = True
) -> int:
    """Run a command and tell what ends it.

    Parameters
    ----------
    command : click.Group
        As ``typer.main.get_command`` makes it.
    program : str
        Its name in messages.
    given : sequence of str
        Arguments; ``--quiet`` may stand anywhere among them.
    kept : mapping
        By command, such as "circuits search": what an interruption leaves, and how to go on.
    clock : bool
        Show a clock where it takes long.

    Returns
    -------
    int
        Exit code: 0; 1 for a false claim; 2 for bad input; 130 for an interruption.
    """
    arguments = [one for one in given if one not in QUIET]
    TALK.quiet = len(arguments) < len(given)
    *_, (name, leaf) = _path(command, arguments)
    try:
        with TALK.working(f"{program} {name}") if clock else nullcontext():
            code = command.main(args=arguments, prog_name=program, standalone_mode=False)
        sentence = f"interrupted; {kept.get(name, NOTHING_KEPT)}" if code == INTERRUPTED else ""
        code = code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        code, sentence = INTERRUPTED, f"interrupted; {kept.get(name, NOTHING_KEPT)}"
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            return BAD_INPUT
        hint = f"{program} {name}".strip()
        code = BAD_INPUT
        sentence = f"{error.format_message().rstrip('. ')}; see {hint} --help"
    except FalseClaimError as error:
        code, sentence = FALSE_CLAIM, str(error)
    except PolyApproxError as error:
        code, sentence = BAD_INPUT, with_options(str(error), leaf)
    except OSError as error:
        name, why = error.filename or "a file", error.strerror or error
        code, sentence = BAD_INPUT, f"{name} cannot be read or written ({why}): give another, or make room"
    except (ArithmeticError, ValueError, MemoryError, RecursionError) as error:
        code, sentence = BAD_INPUT, (
            f"this could not be computed ({type(error).__name__}: {error}); try an interval or a "
            "precision that is less extreme"
        )  # fmt: skip
    if sentence:
        _complain(program, sentence, code, "--json" in arguments)
    return code


def _complain(program: str, sentence: str, code: int, as_json: bool) -> None:
    TALK.ready()
    text = " ".join(sentence.split())
    if as_json:
        text = json.dumps({"ok": False, "code": code, "error": text}, ensure_ascii=False)
    else:
        text = f"{program}: {text}"
    sys.stderr.write(f"{text}\n")


def _path(command: Any, arguments: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """The command, then each command inside it that the arguments name, with its whole name."""
    names: list[str] = []
    yield "", command
    for one in arguments:
        inner = command.get_command(None, one) if hasattr(command, "get_command") else None
        if inner is None:
            return
        command = inner
        names.append(one)
        yield " ".join(names), command


_SHORTER = {"ring_dimension": "ring", "scale_bits": "scale"}  # keywords whose option has another name


def with_options(sentence: str, command: Any) -> str:
    """A sentence of the library in which the options of a command stand by their names there.

    The word that begins it, and what stands before an equals sign, is a keyword of a call; so are the
    words outside parentheses of what says which to give.
    """
    options: dict[str, str] = {
        one.name: max(one.opts, key=len) if one.param_type_name == "option" else one.name.upper()
        for one in getattr(command, "params", ())
    }
    options |= {word: options[name] for word, name in _SHORTER.items() if name in options}

    def named(found: re.Match[str]) -> str:
        word, equals, _ = found[0].partition("=")
        return f"{options[word]} "[: None if equals else -1] if word in options else found[0]

    given = r"|(?<= )[a-z_]+\b(?! error|[^(]*\))" if sentence.startswith("give ") else ""
    return re.sub(rf"^[a-z_]+\b=?|\b[a-z_]+=(?=\S){given}", named, sentence)
