# SPDX-License-Identifier: Apache-2.0
"""``polyapprox zoo``: ready tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import FalseClaimError
from ..outward import lower_places, upper
from ..words import counted
from .commands import AsJson, Output, application as whole
from .groups import Told
from .options import one_interval
from .outputs import put
from .running import FALSE_CLAIM
from .talk import TALK

if TYPE_CHECKING:
    from ..wholes.whole import Whole
    from ..zoo import Entry, Row

application = typer.Typer(
    name="zoo", cls=Told, help="Ready tables, by name: found, made, written, verified.",
    no_args_is_help=True,
)  # fmt: skip
whole.add_typer(application)
Name = Annotated[str, typer.Argument(help="Of an entry, such as relu_-50_50_p9.")]
Names = Annotated[list[str] | None, typer.Argument(help="Of entries; all of them if none is given.")]


@application.command(name="list")
def show_all(as_json: AsJson = False) -> None:
    """All entries, with proven bound and cost."""
    from ..zoo import rows

    _show(list(rows().values()), as_json)


@application.command()
def search(
    text: Annotated[str, typer.Argument(help="In the name, or the function itself.")] = "",
    interval: Annotated[
        list[str] | None, typer.Option(metavar="LOW HIGH", help="Where the inputs lie.")
    ] = None,
    bits: Annotated[float | None, typer.Option(help="Proven bits, at least.")] = None,
    multiplications: Annotated[int | None, typer.Option(help='At most so many (rule "published").')] = None,
    levels: Annotated[int | None, typer.Option(help='At most so many (rule "published").')] = None,
    as_json: AsJson = False,
) -> None:
    """Entries that serve a need, the cheapest first."""
    from ..zoo import search as find

    ends = one_interval(interval, "interval") if interval else None
    _show(
        find(text, interval=ends, bits=bits, multiplications=multiplications, levels=levels), as_json
    )


def _show(found: list[Row], as_json: bool) -> None:
    from .report import write_json, write_text

    if as_json:
        write_json({"tables": [asdict(one) for one in found]})
        return
    if not found:
        write_text("no entry serves that: ask for fewer bits, a narrower interval or more multiplications and levels")
        return
    head = f"{'name':30s}  {'structure':12s}  mult.  levels  {'bits':>7s}  error bound (proven)"
    write_text("\n".join([head, *(
        f"{one.name:30s}  {one.structure:12s}  "
        f"{'' if one.multiplications is None else one.multiplications:>5}  {one.levels:6d}  "
        f"{lower_places(one.bits, 2):>7s}  {upper(one.error_bound, 4)}{' relative' if one.relative else ''}"
        for one in found
    )]))  # fmt: skip


@application.command()
def show(name: Name, output: Output = None, as_json: AsJson = False) -> None:
    """Make an entry: all that its table says, and the table itself."""
    from ..approximation import Approximation
    from ..wholes.whole import Whole
    from ..zoo import made
    from .commands import deliver
    from .refresh import deliver as deliver_series

    result = made(name)
    if isinstance(result, Whole):
        _show_whole(result, output, as_json)
    elif isinstance(result, Approximation):
        deliver(result, output, None, as_json)
    else:
        deliver_series(result, output, as_json)


def _show_whole(result: Whole, output: Path | None, as_json: bool) -> None:
    """A function of vectors: no table, but its plan can be written."""
    from ..wholes.writing import save_whole, whole_document
    from .report import write_json, write_text

    files = [] if output is None else [put(output, lambda path: save_whole(result, path))]
    if as_json:
        write_json({**whole_document(result), "files": files})
        return
    box = ", ".join(f"{name} within {ends}" for name, ends in result.box.items())
    rows = [("function", repr(result)[1:-1]), ("every vector with", box), ("bound", result.reason),
            ("made by", result.provenance.command), *(("written", one) for one in files)]  # fmt: skip
    write_text("\n".join(f"{name:20s} {text}" for name, text in rows))


@application.command()
def build(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for tables, pictures and exports.")],
    names: Names = None,
    runner: Annotated[
        Literal["serial", "joblib", "dask"], typer.Option(help="joblib: several processes.")
    ] = "serial",
    jobs: Annotated[int, typer.Option(help="Processes of joblib; -1: one a core.")] = -1,
    scheduler: Annotated[str | None, typer.Option(help="Of dask's cluster, such as tcp://host:8786.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write entries in every format, with pictures and a page to search them; goes on where it ended."""
    from ..circuits.search.runner import runner_named
    from ..zoo.building import build as run
    from .report import write_json, write_text

    wanted = _entries(names)
    run_tasks = runner_named(runner, jobs, scheduler=scheduler, ordered=False)
    found = run(wanted, output, runner=run_tasks, report=lambda name: TALK.say(f"made {name}"))
    page = str(output / "index.html")
    if as_json:
        write_json({"tables": len(found), "files": [page, str(output / "index.json")]})
    else:
        write_text(f"{counted(len(found), 'table')} in {output}; open {page}")


@application.command()
def verify(
    names: Names = None,
    share: Annotated[
        int, typer.Option(min=1, help="One in so many, chosen by digest.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Make entries again, prove them again, and compare them with the index: exit code 1 if one differs."""
    from ..zoo.building import check
    from ..zoo.index import row
    from .report import write_json, write_text

    wanted = [one for one in _entries(names) if int(row(one.name).digest, 16) % share == 0]
    wrong: dict[str, str] = {}
    other_bits: list[str] = []
    for one in TALK.counted(lambda tasks: tasks, "entries")(wanted):
        try:
            if check(one).digest != row(one.name).digest:
                other_bits.append(one.name)
        except FalseClaimError as error:
            wrong[one.name] = str(error)
            TALK.say(str(error))
    if as_json:
        write_json({"checked": len(wanted), "wrong": wrong, "other_bits": other_bits})
    else:
        write_text(
            f"{counted(len(wanted), 'entry')} made and proven again, {len(wrong)} not as the index says, "
            f"{len(other_bits)} but for last bits of constants"
        )
    if wrong:
        raise typer.Exit(FALSE_CLAIM)


def _entries(names: list[str] | None) -> list[Entry]:
    from ..zoo.entries import ENTRIES, entry

    return [entry(name) for name in names] if names else list(ENTRIES.values())
