"""``nn-bridge encrypt``: the sides apart on files, and one sentence where something is wrong."""

import json
import os
import signal
import time

import numpy as np
import pytest
import torch
from encrypted_networks import converted, images, mixed

from nn_bridge.cli import main
from nn_bridge.cli_encrypted import read_ring
from nn_bridge.encrypted.compiling import compile_to, prepare
from nn_bridge.encrypted.program import read_program
from nn_bridge.errors import ArgumentError
from nn_bridge.experiments.encrypted_network import (
    EncryptedConfiguration,
    converted_network,
    test_images as images_of,
)
from nn_bridge.models.networks import find_network

SHAPE = (2, 8, 8)


def command(monkeypatch, capsys, *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["nn-bridge", "encrypt", *map(str, words)])
    monkeypatch.setattr("polyapprox.cli.talk.PATIENCE", 600)  # no line of progress on a slow machine
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_rings_are_numbers_or_powers():
    assert read_ring("2^13") == read_ring("8192") == 8192
    for text in ("", "3^4", "2^", "-4", "2^x", "many"):
        with pytest.raises(ArgumentError, match="give a number or a power, such as 2\\^13"):
            read_ring(text)


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--ring", "many"], "ring is 'many'"),
        (["--interval", "wide"], "interval is 'wide': give 'per-layer' or a number"),
        (["--network", "digits", "--no-weighted", "--folder", "/dev/null"], "/dev/null/images.json cannot be"),
        (["--published", "99"], "published is 99: give α from 4 to 14"),
        (["--published", "-2000"], "published is -2000: give α from 4 to 14"),
        (["--published", "12", "--constants", "3"], "leave them out where published is given"),
        (["--network", "digits", "--image", "-1"], "image is -1 and 1 are asked for: give one or more"),
        (["--network", "digits", "--images", "0"], "image is 0 and 0 are asked for: give one or more"),
        (["--network", "digits", "--image", "360"], "of those from 0 to 359"),
        (["--network", "resnet21"], "the network 'resnet21' is unknown"),
        (["--output", "."], ". cannot be written (it is a folder): give another file"),
        (["--output", "/dev/null/x.json"], "/dev/null/x.json cannot be written (Not a directory)"),
        (["evaluate", "--server", "nowhere"], "nowhere holds no network.json: make keys first"),
        (["decrypt", "--client", "nowhere"], "nowhere holds no network.json: make keys first"),
    ],
)
def test_what_is_wrong_is_one_sentence(words, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, _, said = command(monkeypatch, capsys, *words)
    assert code == 2
    assert sentence in said
    assert len(said.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_told_to_end_leaves_no_key_behind(monkeypatch, capsys):
    from nn_bridge.encrypted.running import _kept

    seen, before = [], signal.getsignal(signal.SIGTERM)

    def ended(*rest, **given):
        with _kept(None) as place:
            seen.append(place)
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    monkeypatch.setattr("nn_bridge.experiments.encrypted_network.encrypt_network", ended)
    code, _, said = command(monkeypatch, capsys)
    assert code == 130 and "interrupted; with --folder" in said and len(said.strip().splitlines()) == 1
    assert not seen[0].exists() and signal.getsignal(signal.SIGTERM) == before


def test_normalisation_is_corrected_where_it_is_asked_for():
    """Closer to the network itself, on images that nothing was measured on."""
    pixels, _ = images_of("digits", 0, 100)
    with torch.no_grad():
        exact = find_network("digits").load()(pixels)
        plain, corrected = (
            converted_network(EncryptedConfiguration("digits", 3, False, corrected=asked))(pixels)
            for asked in (False, True)
        )
    assert (corrected - exact).square().mean() < 0.9 * (plain - exact).square().mean()


def test_client_and_server_apart_on_files(tmp_path, monkeypatch, capsys):
    from nn_bridge.encrypted import client
    from nn_bridge.encrypted.engine import require_engine
    from polyapprox.encrypted.backend import BackendError

    try:
        require_engine()
    except BackendError as missing:
        pytest.skip(str(missing))
    network = converted(mixed(), *SHAPE, multiplications=2)
    prepared = prepare(read_program(network, SHAPE), 1 << 10, levels=12)
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    assert not any(step.bootstrap for step in prepared.placement.steps)
    compile_to(prepared, theirs)
    client.make_keys(mine, theirs)
    image = images(1, *SHAPE)
    client.encrypt_image(mine, image[0].numpy(), tmp_path / "image.in")
    code, said, _ = command(
        monkeypatch, capsys, "evaluate", "--server", theirs, "--image", tmp_path / "image.in",
        "--out", tmp_path / "image.out",
    )  # fmt: skip
    assert code == 0 and "not secure" in said
    code, said, _ = command(
        monkeypatch, capsys, "decrypt", "--client", mine, "--outputs", tmp_path / "image.out"
    )
    security, outputs, _ = said.strip().splitlines()
    assert code == 0 and "not secure" in security
    assert json.loads((theirs / "network.json").read_text())["security"] == security
    with torch.no_grad():
        clear = network.double()(image.double()).numpy()[0]
    assert np.abs(np.array([float(word) for word in outputs.split()]) - clear).max() < 1e-4
