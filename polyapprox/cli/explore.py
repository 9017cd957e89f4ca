# SPDX-License-Identifier: Apache-2.0
"""``polyapprox explore``: the local page."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ArgumentError
from .commands import application
from .talk import TALK

PAGE = Path(__file__).parents[1] / "explorer" / "page.py"
_LOCAL = {  # nothing is sent, nothing is fetched
    "server.address": "127.0.0.1", "browser.gatherUsageStats": "false", "server.fileWatcherType": "none",
    "client.toolbarMode": "minimal",
}  # fmt: skip


def command(port: int, browser: bool) -> list[str]:
    """The command that serves the page, from this machine to itself."""
    options = {**_LOCAL, "server.port": str(port), "server.headless": str(not browser).lower()}
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(PAGE), *flags]


@application.command()
def explore(
    port: Annotated[int, typer.Option(min=1024, max=65535, help="Of the local page.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open it in the browser.")] = True,
) -> None:
    """Open a local page: function, interval and precision to a proven polynomial, its plan and files."""
    if find_spec("streamlit") is None:
        raise ArgumentError(
            "the explorer needs Streamlit, which is not installed: pip install 'polyapprox[explore]'"
        )
    TALK.ready()
    TALK.say(f"the explorer is at http://127.0.0.1:{port}; Ctrl-C ends it")
    raise typer.Exit(subprocess.call(command(port, browser)))
