"""``nn-bridge encrypt``: the sides apart on files, and one sentence where something is wrong."""

import json

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
        (["--network", "resnet21"], "the network 'resnet21' is unknown"),
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
