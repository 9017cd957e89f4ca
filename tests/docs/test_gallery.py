"""The gallery: what is said of a picture is true of the object that it draws."""

from __future__ import annotations

import re
from pathlib import Path

import gallery_tables
import numpy as np
import pytest

import polyapprox as pa
from polyapprox import Approximation
from polyapprox.encrypted import EncryptedRun, Parameters
from polyapprox.plot.error import measured_error

agg = pytest.importorskip("matplotlib.backends.backend_agg")
TEXT = gallery_tables.PAGE.read_text(encoding="utf-8")
SECTIONS = {found[1]: part for part in TEXT.split("\n## ")[1:] if (found := re.search(r"figures/([\w-]+\.png)", part))}
STRUCTURES = ("circuit", "direct", "composite", "polynomial")
COUNTS = {"four": 4, "five": 5, "six": 6, "seven": 7}
QUICK = [name for name in gallery_tables.TABLES if name not in ("inputs-and-error", "ciphertext-error")]


def test_every_picture_of_the_page_is_drawn_by_the_code_beside_it() -> None:
    assert list(SECTIONS) and {*SECTIONS} == {*gallery_tables.PICTURES}
    for name, part in SECTIONS.items():
        assert re.search(r":pyobject: (\w+)", part)[1] == gallery_tables.PICTURES[name].__name__


@pytest.mark.parametrize("name", QUICK)
def test_words_around_a_picture_are_those_of_its_object(name: str, tmp_path: Path) -> None:
    one = gallery_tables.PICTURES[f"{name}.png"](tmp_path / "picture.png")
    assert isinstance(one, Approximation)
    part = SECTIONS[f"{name}.png"]
    assert gallery_tables.caption(one) in part
    heading, alt = part.partition("\n")[0].lower(), re.search(r"!\[(.*?)\]\(figures", part)[1]
    assert {word for word in STRUCTURES if word in alt.lower() or word in heading} <= {one.structure}
    assert one.function.lower() in alt.lower() and "[{:g}, {:g}]".format(*map(float, one.interval)) in alt
    if claimed := re.search(r"2\^-(\d+)", alt):
        assert one.error_bound <= 2.0 ** -int(claimed[1]) * one.interval[1]
    if claimed := re.search(r"degree (\d+)", alt):
        assert one.degrees == (int(claimed[1]),)
    if claimed := re.search(r"(\w+) multiplications", part.partition("<!--")[0]):
        assert COUNTS[claimed[1]] == one.multiplications


@pytest.mark.parametrize("name", ["training-curves", "network-levels", "resnet20-accuracy"])
def test_pictures_of_records_are_drawn_from_what_is_on_record_now(name: str, tmp_path: Path) -> None:
    gallery_tables.PICTURES[f"{name}.png"](tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def test_a_false_caption_is_seen() -> None:
    one = pa.minimax("gelu", 12, interval=(-8, 8))
    assert gallery_tables.caption(one) not in SECTIONS["minimax-error.png"]


def test_no_title_is_cut() -> None:
    x = np.linspace(-1, 1, 5)
    ended = EncryptedRun(
        "relu", "lattigo", "orion-v2-lattigo 6.2.4, orion-v2-evaluator 2.1.8", "plan",
        Parameters(ring_dimension=65536, scale_bits=40, levels=12), (x,), x, 0 * x, 0.1, 0.2, 1e-9, None, (), 12, 12,
        "published", 0, 0.0, 0.0,
    )  # fmt: skip
    figure = measured_error(ended)
    agg.FigureCanvasAgg(figure).draw()
    inside = figure.axes[0].title.get_window_extent()
    assert inside.x0 >= 0 and inside.x1 <= figure.bbox.width
