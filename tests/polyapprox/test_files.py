"""Files are written whole or not at all; what is no file is written to, and stays what it is."""

import os
import stat
import threading
from pathlib import Path

import pytest

from polyapprox.files import replaced, write_atomically


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_atomically(pipe, b"content")
    reader.join(timeout=10)
    assert read == [b"content"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.skipif(not Path(os.devnull).is_char_device(), reason="the null device is none here")
def test_the_null_device_stays_one() -> None:
    write_atomically(os.devnull, b"content")
    assert Path(os.devnull).is_char_device()


def test_a_link_is_followed(tmp_path: Path) -> None:
    goal, link = tmp_path / "goal.json", tmp_path / "link.json"
    goal.write_bytes(b"old")
    link.symlink_to(goal)
    write_atomically(link, b"new")
    assert link.is_symlink() and goal.read_bytes() == b"new"


def test_what_raises_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    goal = tmp_path / "goal.json"
    goal.write_bytes(b"old")
    with pytest.raises(RuntimeError), replaced(goal) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert goal.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["folder", "none.json/x.json"])
def test_an_error_names_the_file_that_was_asked_for(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "none.json").write_bytes(b"")
    with pytest.raises(OSError) as found:
        write_atomically(tmp_path / name, b"content")
    assert ".part" not in str(found.value) and str(found.value.filename).startswith(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "none.json"]
