"""Looks through the built site: nothing is fetched from elsewhere, every link within it leads somewhere.

Pages of source code link back by the names of modules, where the reference has public names: of those links only the
page is looked for.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src", "embed": "src"}
ELSEWHERE = re.compile(r"(?:https?:)?//")
STYLE = re.compile(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)")


class Page(HTMLParser):
    """What a page fetches, where it leads, and the places within it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag in FETCHED and given.get(FETCHED[tag]):
            self.fetched.append(given[FETCHED[tag]])
        if tag == "link" and given.get("rel") not in ("canonical", "author", "license", "next", "prev", "search", "index"):
            self.fetched.append(given.get("href", ""))
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        self.fetched += STYLE.findall(given.get("style", ""))


def faults(site: Path) -> Iterator[str]:
    """A sentence for each thing that is fetched from elsewhere and each link that leads nowhere."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        yield from (f"{name} fetches {one}" for one in page.fetched if ELSEWHERE.match(one))
        for link in page.links:
            target, _, place = link.partition("#")
            if re.match(r"[a-z]+:|//", link):
                continue
            goal = (path.parent / unquote(target.partition("?")[0])).resolve() if target else path
            if not goal.exists():
                yield f"{name} links to {link}"
            elif place and "_modules" not in path.parts and goal in pages and unquote(place) not in pages[goal].places:
                yield f"{name} links to {link}, which has no such place"
    for path in sorted(site.rglob("*.css")):
        text = path.read_text(encoding="utf-8")
        yield from (f"{path.relative_to(site)} fetches {one}" for one in STYLE.findall(text))


if __name__ == "__main__":
    found = list(faults(Path(sys.argv[1])))
    print("\n".join(found) or "the site fetches nothing, and its links lead somewhere")
    sys.exit(bool(found))
