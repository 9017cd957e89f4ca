"""Networks on real ciphertexts, bootstraps included: the outputs of the clear, and nothing lost."""

import json
import multiprocessing
import os
import shutil
import signal
import time

import numpy as np
import pytest
import torch
from encrypted_networks import converted, images, mixed

import nn_bridge
from nn_bridge.choosing.makers import published_relu
from nn_bridge.encrypted import run
from nn_bridge.encrypted.client import decrypt_outputs, encrypt_image, make_keys
from nn_bridge.encrypted.compiling import compile_to, prepare
from nn_bridge.encrypted.engine import require_engine
from nn_bridge.encrypted.folder import Described
from nn_bridge.encrypted.program import read_program
from nn_bridge.encrypted.serving import evaluate
from nn_bridge.encrypted.working import apart
from nn_bridge.errors import ArgumentError
from polyapprox.encrypted.backend import BackendError

SHAPE = (2, 8, 8)
CLOSE = 1e-5


def has_engine() -> bool:
    try:
        require_engine()
    except BackendError:
        return False
    return True


pytestmark = pytest.mark.skipif(
    not has_engine(), reason="no wheels of Orion v2; pip install polyapprox[he]"
)


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """A client and a server with a network in a chain so short that it must bootstrap; made once."""
    place = tmp_path_factory.mktemp("run")
    program = read_program(converted(mixed(), *SHAPE), SHAPE)
    prepared = prepare(program, 1 << 10, levels=6)
    compile_to(prepared, place / "server")
    make_keys(place / "client", place / "server")
    encrypt_image(place / "client", images(3, *SHAPE)[2].numpy(), place / "image.in")
    return place


def clear() -> np.ndarray:
    with torch.no_grad():
        network = converted(mixed(), *SHAPE).double()
        return network(images(3, *SHAPE)[2:].double()).numpy()[0]


def test_outputs_are_those_of_the_clear_and_the_server_needs_no_secret(sides):
    away = sides / "away"
    (sides / "client").rename(away)
    seen = []
    ((*spent,),) = evaluate(
        sides / "server", [(sides / "image.in", sides / "image.out")], lambda *said: seen.append(said)
    )
    away.rename(sides / "client")
    outputs = decrypt_outputs(sides / "client", sides / "image.out")
    assert np.abs(outputs - clear()).max() < CLOSE
    assert sum(layer.bootstraps for layer in spent) >= 2
    assert seen[-1] == ("outputs", len(seen), len(seen))
    assert not list((sides / "server" / "values").iterdir())


def test_the_secret_key_is_nowhere_in_the_files_of_the_server(sides):
    secret = (sides / "client" / "secret.key").read_bytes()
    assert (sides / "client" / "secret.key").stat().st_mode & 0o077 == 0
    words = [secret[at : at + 64] for at in range(64, len(secret) - 64, 4096)]
    assert len(words) > 10
    for path in [*(sides / "server").rglob("*"), sides / "image.in"]:
        if path.is_file():
            data = path.read_bytes()
            assert not any(word in data for word in words), path



def test_what_was_killed_goes_on_where_it_was(sides):
    """kill -9 as soon as a ciphertext is finished, again and again: the outputs are the same."""
    files = [(sides / "image.in", sides / "killed.out")]
    context = multiprocessing.get_context("spawn")
    values = sides / "server" / "values"
    for wanted in (1, 2):
        worker = context.Process(target=evaluate, args=(sides / "server", files))
        worker.start()
        while worker.is_alive() and len(list(values.glob("*/[0-9]*.json"))) < wanted:
            time.sleep(0.02)
        assert worker.is_alive()
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    assert not (sides / "killed.out").exists()
    records = [json.loads(path.read_text()) for path in sorted(values.glob("*/[0-9]*.json"))]
    assert records[0]["finished"] == list(range(records[0]["ciphertexts"]))
    done = []
    evaluate(sides / "server", files, lambda name, *rest: done.append(name))
    assert records[0]["name"] not in done
    assert np.abs(decrypt_outputs(sides / "client", sides / "killed.out") - clear()).max() < CLOSE


def test_half_filled_ciphertexts_and_composites_by_the_engines_own_evaluation():
    """Both kinds of bootstraps, each with its keys, and series in place of a plan."""
    torch.manual_seed(1)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(2, 8, 3, 1, 1), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3, 2, 1), torch.nn.ReLU(),
        torch.nn.Conv2d(8, 8, 3, 1, 1), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(128, 3),
    )  # fmt: skip
    known = nn_bridge.convert(
        network, approximation=published_relu(precision=2**-4), calibrate=[images(40, *SHAPE)], margin=1.25
    )
    found = run(known, images(1, *SHAPE), ring=1 << 10, levels=6)
    layers = found.prepared.program.layers
    assert all(layer.series is not None for layer in layers[:-1])
    kept = {
        layout.refreshed
        for layout, step in zip(found.prepared.layouts[1:], found.prepared.placement.steps, strict=True)
        if step.bootstrap
    }
    assert kept == {256, 512}
    assert found.deviation < CLOSE


def _killed(progress):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_a_sentence():
    with pytest.raises(BackendError, match=r"was ended as the system .* memory is short \(code -9"):
        apart(_killed, what="waits")


def _waits(path, progress):
    path.write_text(str(os.getpid()))
    time.sleep(600)


def test_no_process_is_left_behind_by_one_that_is_killed(tmp_path):
    path = tmp_path / "pid"
    context = multiprocessing.get_context("spawn")
    asking = context.Process(target=apart, args=(_waits, path), kwargs={"what": "waits"})
    asking.start()
    while not (path.exists() and path.read_text()):
        time.sleep(0.05)
    asking.kill()
    asking.join()
    for _ in range(600):
        if not os.path.exists(f"/proc/{path.read_text()}"):
            return
        time.sleep(0.1)
    raise AssertionError("it still runs")


def test_a_run_in_one_call_and_its_folder(tmp_path):
    network, two = converted(mixed(), *SHAPE), images(2, *SHAPE)
    found = run(network, two, ring=1 << 10, levels=6, folder=tmp_path)
    with torch.no_grad():
        expected = network.double()(two.double()).numpy()
    assert np.abs(found.outputs - expected).max() < CLOSE
    assert found.deviation == np.abs(found.outputs - found.clear).max()
    record = found.record()
    assert "not secure" in record["security"]
    assert record["bootstraps"] == sum(layer.bootstraps for layer in found.layers[0])
    other = converted(mixed(), *SHAPE, margin=2.0)
    with pytest.raises(ArgumentError, match="the folder of another network or other intervals"):
        run(other, two, ring=1 << 10, levels=6, folder=tmp_path)
    with pytest.raises(ArgumentError, match="not 7 levels in a ring of 1024"):
        run(network.float(), two, ring=1 << 10, levels=7, folder=tmp_path)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"ring": 1000}, "ring is 1000: give a power of two from 2\\^10"),
        ({"ring": 1 << 17}, "ring is 131072"),
        ({"ring": 1 << 10, "levels": 4}, "a plan of 4 levels needs a chain of 6 or more"),
    ],
)
def test_rings_and_chains_that_cannot_be_used(given, message):
    with pytest.raises(ArgumentError, match=message):
        run(converted(mixed(), *SHAPE), images(1, *SHAPE), **given)


def test_a_ring_too_small_for_the_image_is_refused():
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3, 1, 1), torch.nn.ReLU())
    known = converted(network, 1, 32, 32)
    with pytest.raises(ArgumentError, match="fills 1024 slots and a ring of 1024 has 512: use one of 2048"):
        run(known, images(1, 1, 32, 32), ring=1 << 10)


def test_missing_wheels_are_named_with_their_remedy(monkeypatch):
    from nn_bridge.encrypted import engine

    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(BackendError, match="no wheel orion-v2-lattigo is installed here; get it by: pip"):
        run(converted(mixed(), *SHAPE), images(1, *SHAPE))
    monkeypatch.undo()
    monkeypatch.setattr(engine.metadata, "version", lambda name: "1.0.0")
    with pytest.raises(BackendError, match=r"orion-v2-lattigo is of version 1\.0\.0, and 6\.2 is what"):
        require_engine()


def test_images_are_no_outputs_and_outputs_no_images(sides, tmp_path):
    evaluate(sides / "server", [(sides / "image.in", sides / "image.out")])
    sentence = "give images to evaluate, and outputs to decrypt"
    with pytest.raises(ArgumentError, match=sentence):
        decrypt_outputs(sides / "client", sides / "image.in")
    with pytest.raises(ArgumentError, match=sentence):
        evaluate(sides / "server", [(sides / "image.out", tmp_path / "out")])


@pytest.mark.parametrize("name", ["keys/plans.key", "layers/001.orion"])
@pytest.mark.parametrize("left", [0, 1000])
def test_what_is_cut_off_is_a_sentence(sides, tmp_path, name, left):
    shutil.copytree(sides / "server", tmp_path / "server")
    path = tmp_path / "server" / name
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ArgumentError, match=f"{name} has {left} bytes of [0-9]+: copy it anew"):
        evaluate(tmp_path / "server", [(sides / "image.in", tmp_path / "out")])
    shutil.copytree(sides / "client", tmp_path / "client")
    (tmp_path / "client" / "secret.key").write_bytes(b"1" * left)
    with pytest.raises(ArgumentError, match=f"secret.key has {left} bytes of"):
        decrypt_outputs(tmp_path / "client", sides / "image.in")


def test_keys_that_were_never_finished_are_a_sentence(sides, tmp_path):
    (tmp_path / "server").mkdir()
    record = json.loads((sides / "server" / "network.json").read_text())
    (tmp_path / "server" / "network.json").write_text(json.dumps({**record, "keys": "", "sizes": {}}))
    for folder in (tmp_path / "server", sides / "client"):
        with pytest.raises(ArgumentError, match="holds no keys to evaluate with: give the server's folder"):
            evaluate(folder, [(sides / "image.in", tmp_path / "out")])


def test_what_the_engine_refuses_is_a_sentence(sides, tmp_path):
    shutil.copytree(sides / "server", tmp_path / "server")
    path = tmp_path / "server" / "layers" / "001.orion"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(BackendError, match="the engine cannot use a key, a model or a ciphertext"):
        evaluate(tmp_path / "server", [(sides / "image.in", tmp_path / "out")])


def test_files_that_are_missing_or_not_what_they_should_be(sides, tmp_path):
    with pytest.raises(ArgumentError, match=r"holds no network\.json: make keys first"):
        evaluate(tmp_path, [])
    with pytest.raises(ArgumentError, match="encrypt an image first"):
        evaluate(sides / "server", [(tmp_path / "none", tmp_path / "out")])
    with pytest.raises(ArgumentError, match=r"cannot be written \(it is a folder\)"):
        evaluate(sides / "server", [(sides / "image.in", tmp_path)])
    broken = tmp_path / "broken.in"
    broken.write_bytes((sides / "image.in").read_bytes()[:-9])
    with pytest.raises(ArgumentError, match="not a file of ciphertexts, or it is cut off"):
        evaluate(sides / "server", [(broken, tmp_path / "out")])
    with pytest.raises(ArgumentError, match=r"the image is of shape \(1, 8, 8\), not \(2, 8, 8\)"):
        encrypt_image(sides / "client", np.zeros((1, 8, 8)), tmp_path / "x")
    with pytest.raises(ArgumentError, match="evaluate first"):
        decrypt_outputs(sides / "client", tmp_path / "none")
    mixed_up = tmp_path / "of-others.in"
    mixed_up.write_bytes(bytes(16) + (sides / "image.in").read_bytes()[16:])
    with pytest.raises(ArgumentError, match="was encrypted with other keys than those in this folder"):
        evaluate(sides / "server", [(mixed_up, tmp_path / "out")])
    with pytest.raises(ArgumentError, match="was encrypted with other keys"):
        decrypt_outputs(sides / "client", mixed_up)
    with pytest.raises(ArgumentError, match="client holds keys already, which would be lost"):
        make_keys(sides / "client", sides / "server")
    for inside in (sides / "server", sides / "server" / "mine", sides / "client" / ".." / "server"):
        with pytest.raises(ArgumentError, match="where the secret key must not be"):
            make_keys(inside, sides / "server")
    shutil.copytree(sides / "server", tmp_path / "server")
    record = json.loads((tmp_path / "server" / "network.json").read_text())
    (tmp_path / "server" / "network.json").write_text(json.dumps({**record, "format": 9}))
    with pytest.raises(ArgumentError, match="not the description of a run"):
        Described.read(tmp_path / "server")
