"""The README of a package: links into the repository lead there, or are plain words while it has no address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)\[((?:[^][]|\[[^]]*\])*)\]\((?!https?://)([^)\s]+)\)")


def readme(text: str, address: str | None) -> str:
    """The text for a package index, where no file lies beside it."""

    def found(link: re.Match[str]) -> str:
        picture, words, target = link.groups()
        if address is None:
            return "" if picture else words
        return f"{picture}[{words}]({address}/{'raw' if picture else 'blob'}/HEAD/{target})"

    return LINK.sub(found, text)


class Readme(MetadataHookInterface):
    """Its address is that of the repository, among the project's urls."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put it into the package's metadata."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        address = metadata.get("urls", {}).get("Repository")
        metadata["readme"] = {"content-type": "text/markdown", "text": readme(text, address)}
