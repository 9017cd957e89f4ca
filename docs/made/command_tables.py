"""Makes the lists of the page on the command line: ``python docs/made/command_tables.py``."""

from __future__ import annotations

import sys

import page_tables
from page_tables import DOCS, grid

from polyapprox.cli import command
from polyapprox.cli.examples import KEPT

PAGE = DOCS / "command-line.md"


def commands() -> str:
    """Every command, one a row, by group."""
    whole = command()
    rows = []
    for name in whole.list_commands(None):
        group = whole.get_command(None, name)
        if not hasattr(group, "list_commands"):
            rows.append((f"`{name}`", group.get_short_help_str(200)))
            continue
        for one in group.list_commands(None):
            said = group.get_command(None, one).get_short_help_str(200)
            rows.append((f"`{name} {one}`", said.replace("|", "\\|")))
    return grid(("command", "what it does"), rows, "---")


def kept() -> str:
    """Commands that go on, and what they keep."""
    import nn_bridge.cli

    both = [("polyapprox", KEPT), ("nn-bridge", nn_bridge.cli.KEPT)]
    rows = [(f"`{p} {name}`", text) for p, told in both for name, text in told.items() if name != "chains"]
    return grid(("command", "what is kept"), rows, "---")


TABLES = {"commands": commands, "kept": kept}

if __name__ == "__main__":
    sys.exit(page_tables.main(PAGE, TABLES, sys.argv[1:]))
