"""The explorer and the page of the zoo in headless Chromium, on a desktop and on a phone, cut off from the network.

Each takes seconds: a server, a browser and figures are what is tested. Pictures go to the folder that POLYAPPROX_SHOTS names.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2
import pytest
import versions
from paths import DOCS

import polyapprox as pa
from polyapprox.cli import explore
from polyapprox.outward import lower_places, upper
from polyapprox.zoo import rows, search
from polyapprox.zoo.building import write_page

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path")
DEVICES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1400, "height": 1000}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
HERE = ("http://127.0.0.1:", "ws://127.0.0.1:", "file://", "data:", "blob:")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as tool:
        started = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("streamlit")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("explorer") / "log").open("w")
    server = subprocess.Popen(explore.command(port, browser=False), stdout=log, stderr=log)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()
        log.close()


@pytest.fixture(params=DEVICES)
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page that has only this machine; it must not ask for more, nor fail in its scripts."""
    context = browser.new_context(**DEVICES[request.param], accept_downloads=True)
    opened, asked, failed = context.new_page(), [], []
    opened.set_default_timeout(120_000)
    opened.on("request", lambda one: asked.append(one.url))
    opened.on("pageerror", lambda error: failed.append(str(error)))
    yield opened
    if folder := os.environ.get("POLYAPPROX_SHOTS"):
        opened.screenshot(path=Path(folder) / f"{request.node.originalname}-{request.param}.png", full_page=True)
    context.close()
    assert [url for url in asked if not url.startswith(HERE)] == []
    assert failed == []


def fits(page: Any) -> bool:
    """Whether nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def fact(page: Any, name: str) -> Any:
    return page.get_by_test_id("stMetric").filter(has_text=name).first.get_by_test_id("stMetricValue")


def test_the_explorer(page: Any, address: str, tmp_path: Path) -> None:
    expect = playwright.expect
    expect.set_options(timeout=120_000)
    page.goto(address)
    one = pa.relu(precision=2**-9, interval=(-8, 8))
    expect(page.get_by_role("heading", name="relu on [-8, 8]")).to_be_visible()
    expect(fact(page, "error, at most (proven)")).to_have_text(upper(one.error_bound, 5))
    expect(fact(page, "bits (proven)")).to_have_text(lower_places(one.bits, 2))
    figure = page.get_by_test_id("stImage").locator("img")
    expect(figure).to_be_visible()
    assert figure.evaluate("image => image.complete && image.naturalWidth > 300") and fits(page)
    narrow = page.viewport_size["width"] < 500
    if narrow:  # the widgets wait behind an arrow
        page.get_by_test_id("stExpandSidebarButton").click()
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("ArrowLeft")
    slider.press("ArrowLeft")
    expect(fact(page, "multiplications")).to_have_text("5")
    if narrow:
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    page.get_by_test_id("stButtonGroup").get_by_role("radio", name="export").or_(
        page.get_by_test_id("stButtonGroup").get_by_role("button", name="export")
    ).click()
    with page.expect_download() as waiting:
        page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    waiting.value.save_as(tmp_path / "relu.json")
    assert pa.verify(tmp_path / "relu.json").ok
    assert pa.load(tmp_path / "relu.json").multiplications == 5
    assert fits(page)


def test_the_page_of_the_zoo(page: Any, tmp_path: Path) -> None:
    write_page([asdict(one) for one in rows().values()], tmp_path)
    page.goto((tmp_path / "index.html").as_uri())
    page.get_by_label("function").select_option("gelu")
    page.get_by_label("interval").select_option("[-8, 8]")
    best = next(one for one in search("gelu", interval=(-8, 8), bits=9) if one.interval == (-8, 8))
    assert page.locator(".best h2").text_content() == best.name
    assert page.locator(".facts b").first.text_content() == f"{float(upper(best.error_bound, 4)):.3e}".replace("e-0", "e-")
    assert page.locator(".best svg").count() == 2 and fits(page)
    page.get_by_label("search names").fill("sign_t5")
    names = page.locator("tbody button").all_text_contents()
    assert names and all("sign_t5" in name for name in names)
    page.locator("tbody button").last.click()
    assert page.locator(".best h2").text_content() == names[-1]
    assert fits(page)


def test_the_choice_of_a_version(page: Any, tmp_path: Path) -> None:
    template = jinja2.Template((DOCS / "templates" / "versions.html").read_text(encoding="utf-8"))
    for version, names in (("0.9", ("index", "guide/index")), ("0.10", ("index", "guide/index", "guide/new"))):
        for name in names:
            path = tmp_path / "built" / version / f"{name}.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            root = "../" * name.count("/") or "./"
            said = template.render(version=version, content_root=root, pagename=name)
            path.write_text(f"<!doctype html><h1>{version} {name}</h1>{said}", encoding="utf-8")
        (tmp_path / "built" / version / "_static").mkdir()
        shutil.copy(DOCS / "static" / "versions.js", tmp_path / "built" / version / "_static")
        versions.put(tmp_path / "built" / version, tmp_path / "site", version)
    page.goto((tmp_path / "site" / "index.html").as_uri())
    page.wait_for_url("**/0.10/index.html")
    page.goto((tmp_path / "site" / "0.10" / "guide" / "index.html").as_uri())
    choice = page.get_by_label("version")
    assert choice.locator("option").all_text_contents() == ["0.10", "0.9"] and choice.input_value() == "0.10"
    choice.select_option("0.9")
    page.wait_for_url("**/0.9/guide/index.html")
    page.goto((tmp_path / "site" / "0.10" / "guide" / "new.html").as_uri())
    page.get_by_label("version").select_option("0.9")
    page.wait_for_url("**/0.9/index.html")
    page.goto((tmp_path / "built" / "0.9" / "index.html").as_uri())  # alone
    assert page.locator("select").count() == 0
