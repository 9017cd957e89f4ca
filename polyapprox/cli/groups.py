# SPDX-License-Identifier: Apache-2.0
"""The commands in groups; a recipe's command is made when it is called, since its module loads slowly."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any

from typer.core import TyperGroup

from .examples import EXAMPLES
from .outputs import guard_folders

# the command: module and function that make it, whose docstring tells it, what delivers it
RECIPES = {
    "relu": ("recipes.absolute", "relu", "relu", "commands"),
    "abs": ("recipes.absolute", "absolute", "relu", "commands"),
    "maximum": ("recipes.absolute", "maximum", "relu", "commands"),
    "minimum": ("recipes.absolute", "minimum", "relu", "commands"),
    "sign": ("recipes.sign", "sign", "sign", "commands"),
    "step": ("recipes.sign", "step", "sign", "commands"),
    "approximate": ("recipes.approximate", "approximate", "approximate", "commands"),
    "minimax": ("recipes.minimax", "minimax", "minimax", "commands"),
    "reciprocal": ("recipes.reciprocal", "reciprocal", "reciprocal", "commands"),
    "circuit": ("recipes.circuits", "circuit", "circuit", "commands"),
    "bootstrapped": ("refresh.recipe", "bootstrapped", "bootstrapped", "refresh"),
    "pareto": ("recipes.pareto", "pareto", "pareto", "fronts"),
    "import": ("importing", "import_table", "import_table", "commands"),
    "audit": ("cli.audits", "tables", "import_table", "audits"),
}
TABLE = ("verify", "show", "plot", "export", "import", "audit", "cost", "noise", "compare")
# each group: what it is for, and its commands by the flat names that they had
GROUPS: dict[str, tuple[str, dict[str, str]]] = {
    "make": ("Make an approximation, with its proof.", {name: name for name in RECIPES if name not in TABLE}),
    "table": ("Check, show, draw, export, import and judge tables.", {name: name for name in TABLE}),
    "encrypted": (
        "Tables on ciphertexts, in the frameworks found here.",
        {"backends": "backends", "check": "encrypt-check", "calibrate": "calibrate", "bench": "bench encrypted"},
    ),
}
INTO = {"circuits": {"chains": "chains"}}  # groups with commands of their own


class Told(TyperGroup):
    """Commands with an example in their help; a mistyped name is answered by the nearest ones."""

    whole_name = ""
    examples = EXAMPLES

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, its example with it."""
        found = super().get_command(ctx, cmd_name)
        name = f"{self.whole_name} {cmd_name}".strip()
        if isinstance(found, Told):
            found.whole_name, found.examples = name, self.examples
        elif found is not None:
            guard_folders(found)
        if found is not None and name in self.examples:
            found.epilog = "Such as:\n\n" + "\n\n".join(self.examples[name].splitlines())
        return found

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As of every group, with the nearest names."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            names = self.every_name(ctx)
            near = get_close_matches(args[0], names)
            hint = f"; did you mean {' or '.join(names[one] for one in near)}?" if near else ""
            ctx.fail(f"there is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def every_name(self, ctx: Any) -> dict[str, str]:
        """Names that may have been meant, each with the whole name to type."""
        return {one: f"{self.whole_name} {one}".strip() for one in self.list_commands(ctx)}


class Commands(Told):
    """The whole: groups; the flat names of the version before are taken, and not shown."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The groups, and what belongs to none."""
        flat = {one.split()[0] for _, inside in GROUPS.values() for one in inside.values()}
        flat |= {one for inside in INTO.values() for one in inside}
        return [*GROUPS, *(one for one in super().list_commands(ctx) if one not in flat)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A group, or a command by its flat name."""
        if cmd_name in RECIPES:
            return made(cmd_name)
        if cmd_name not in GROUPS:
            found = super().get_command(ctx, cmd_name)
            for name, former in INTO.get(cmd_name, {}).items():
                found.commands[name] = self.commands[former]
            return found
        about, inside = GROUPS[cmd_name]
        group = _Group(name=cmd_name, help=about, no_args_is_help=True)
        group.whole_name, group.inside, group.root = cmd_name, inside, self
        return group

    def every_name(self, ctx: Any) -> dict[str, str]:
        """Those of the groups, and those inside."""
        inside = {one: f"{name} {one}" for name, (_, them) in GROUPS.items() for one in them}
        return {**inside, **super().every_name(ctx)}


class _Group(Told):
    """A group of commands that have flat names as well."""

    inside: dict[str, str]
    root: Commands

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.inside)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.inside:
            return None
        found: Any = self.root
        for one in self.inside[cmd_name].split():
            found = found.get_command(ctx, one)
        self.commands[cmd_name] = found
        return super().get_command(ctx, cmd_name)


def made(name: str) -> Any:
    """The command of a recipe."""
    from .options import command_of

    module, function, told, end = RECIPES[name]
    found = import_module(f"polyapprox.{module}")
    delivered = import_module(f".{end}", __package__).deliver
    return command_of(name, getattr(found, function), getattr(found, told), delivered)
