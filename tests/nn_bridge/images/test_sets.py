"""Image sets and weights: forms, checksums, and sentences about what is wrong."""

import io
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import nn_bridge.images.sets as data
from nn_bridge import DataError, WeightsError, evaluate
from nn_bridge.images.archives import sha256
from nn_bridge.images.sets import Batches, ImageSet, data_root, load_cifar, load_digits
from nn_bridge.models.networks import NETWORKS, find_network
from nn_bridge.models.weights import load_weights, read_weights

ROOT = os.environ.get("NN_BRIDGE_DATA", "")
needs_data = pytest.mark.skipif(
    not (Path(ROOT) / "cifar10").is_dir() or not ROOT,
    reason="set NN_BRIDGE_DATA to a folder with cifar10, cifar100 and weights",
)


def fake(count, seed):
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    return images, generator.integers(0, 10, count, dtype=np.uint8)


def official_pickle(images, labels, key=b"labels"):
    """As the official files: rows of 3072 bytes, channel by channel."""
    return pickle.dumps(
        {key: labels.tolist(), b"data": images.transpose(0, 3, 1, 2).reshape(len(images), -1)},
        protocol=2,
    )


@pytest.fixture
def known(monkeypatch):
    """Ten made-up images that count as the official test sets."""
    images, labels = fake(10, 3)
    for name in ("cifar10", "cifar100"):
        monkeypatch.setitem(data.CHECKSUMS, (name, "test"), (sha256(images), sha256(labels)))
    return images, labels


def write_archive(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def write_packed(path, images, labels):
    from PIL import Image

    path.parent.mkdir()
    stream = io.BytesIO()
    Image.fromarray(images.reshape(-1, 32, 3)).save(stream, "WEBP", lossless=True)
    content = np.frombuffer(stream.getvalue(), dtype=np.uint8)
    np.savez(path, webp=content, sizes=np.array([len(content)], np.uint32), labels=labels)


@pytest.mark.parametrize("form", ["folder", "archive", "packed", "cifar100"])
def test_forms(form, known, tmp_path):
    images, labels = known
    name = "cifar10"
    if form == "folder":
        (tmp_path / "cifar-10-batches-py").mkdir()
        file = tmp_path / "cifar-10-batches-py" / "test_batch"
        file.write_bytes(official_pickle(images, labels))
    elif form == "archive":
        member = {"cifar-10-batches-py/test_batch": official_pickle(images, labels)}
        write_archive(tmp_path / "cifar-10-python.tar.gz", member)
    elif form == "packed":
        write_packed(tmp_path / "cifar10" / "cifar10-test.npz", images, labels)
    else:
        name = "cifar100"
        member = {"cifar-100-python/test": official_pickle(images, labels, b"fine_labels")}
        write_archive(tmp_path / "cifar-100-python.tar.gz", member)
    loaded = load_cifar(name, "test", tmp_path)
    assert np.array_equal(loaded.images, images)
    assert np.array_equal(loaded.labels, labels)
    assert loaded.labels.dtype == np.int64


def test_other_images_are_refused(known, tmp_path):
    images, labels = known
    (tmp_path / "cifar-10-batches-py").mkdir()
    file = tmp_path / "cifar-10-batches-py" / "test_batch"
    changed = images.copy()
    changed[3, 2, 1, 0] ^= 1
    file.write_bytes(official_pickle(changed, labels))
    with pytest.raises(DataError, match=r"the images of cifar10 \(test\) .* not the official"):
        load_cifar("cifar10", "test", tmp_path)
    file.write_bytes(official_pickle(images, labels[::-1]))
    with pytest.raises(DataError, match=r"the labels of cifar10 \(test\)"):
        load_cifar("cifar10", "test", tmp_path)
    file.write_bytes(official_pickle(images, labels)[:-2000])
    with pytest.raises(DataError, match="is damaged or of another form: copy it again"):
        load_cifar("cifar10", "test", tmp_path)


class Exploit:
    def __reduce__(self):
        return (os.mkdir, ("exploited",))


def test_code_in_a_pickle_does_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cifar-10-batches-py").mkdir()
    file = tmp_path / "cifar-10-batches-py" / "test_batch"
    file.write_bytes(pickle.dumps({b"data": Exploit(), b"labels": []}))
    with pytest.raises(DataError, match="damaged or of another form"):
        load_cifar("cifar10", "test", tmp_path)
    assert not (tmp_path / "exploited").exists()
    torch.save({"conv1.weight": Exploit()}, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        read_weights(tmp_path / "weights.pth")
    assert not (tmp_path / "exploited").exists()


def test_missing_data(tmp_path, monkeypatch):
    monkeypatch.delenv("NN_BRIDGE_DATA", raising=False)
    with pytest.raises(DataError, match="name one with --data or set NN_BRIDGE_DATA"):
        data_root()
    with pytest.raises(DataError, match="does not exist"):
        data_root(tmp_path / "no")
    monkeypatch.setenv("NN_BRIDGE_DATA", str(tmp_path))
    assert data_root() == tmp_path
    with pytest.raises(DataError, match=r"put there the official archive cifar-100-python"):
        load_cifar("cifar100", "train")
    write_archive(tmp_path / "cifar-10-python.tar.gz", {"cifar-10-batches-py/readme": b"."})
    with pytest.raises(DataError, match=r"cifar-10-python.tar.gz is damaged"):
        load_cifar("cifar10", "test")
    images, labels = fake(10, 4)
    write_packed(tmp_path / "cifar100" / "cifar100-train-1.npz", images, labels)
    with pytest.raises(DataError, match=r"cifar100-train-2.npz is missing: the set is incomplete"):
        load_cifar("cifar100", "train")
    with pytest.raises(ValueError, match="'mnist', part 'test', is unknown"):
        load_cifar("mnist", "test")


def test_batches_are_normalised():
    images, labels = fake(7, 5)
    source = ImageSet("made", "test", images, labels.astype(np.int64))
    batches = Batches(source, (0.5, 0.4, 0.3), (0.1, 0.2, 0.3), size=3)
    pairs = list(batches)
    assert [len(x) for x, _ in pairs] == [3, 3, 1] and len(batches) == 3
    x = torch.cat([x for x, _ in pairs]).double().numpy()
    mean, deviation = np.array([0.5, 0.4, 0.3]), np.array([0.1, 0.2, 0.3])
    expected = ((images / 255 - mean) / deviation).transpose(0, 3, 1, 2)
    assert np.abs(x - expected).max() < 1e-5
    assert torch.equal(torch.cat([y for _, y in pairs]), torch.from_numpy(source.labels))
    assert torch.equal(next(iter(batches))[0], pairs[0][0])
    assert len(source.first(2)) == 2 and source.first(None) is source


def test_digits_are_split_once_and_for_all():
    train, test = load_digits("train"), load_digits("test")
    assert (len(train), len(test)) == (1437, 360)
    from sklearn.datasets import load_digits as original

    everything = original().images.astype(np.uint8)
    rows = sorted(image.tobytes() for image in everything)
    assert sorted(image.tobytes() for part in (train, test) for image in part.images) == rows
    assert test.images.max() == 16


def test_weights_must_fit(tmp_path):
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    state = {name: value.clone() for name, value in network.state_dict().items()}
    counted = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    changed = {k: v + 1 for k, v in counted.items()}
    np.savez(tmp_path / "good.npz", **{k: v.numpy() for k, v in changed.items()})
    save_file(changed, tmp_path / "good.safetensors")
    prefixed = {f"module.{k}": v for k, v in changed.items()}
    torch.save({"state_dict": prefixed, "best": 91.0}, tmp_path / "good.th")
    for file in ("good.npz", "good.safetensors", "good.th"):
        network.load_state_dict(state)
        load_weights(network, tmp_path / file)
        assert all(torch.equal(network.state_dict()[k], v) for k, v in changed.items())
    cases = {
        "lacks '0.weight'": {k: v for k, v in counted.items() if k != "0.weight"},
        "has, but the network has not, 'extra'": {**counted, "extra": torch.zeros(1)},
        "has in another shape '0.bias'": {**counted, "0.bias": torch.zeros(4)},
    }
    for message, tensors in cases.items():
        save_file(tensors, tmp_path / "bad.safetensors")
        with pytest.raises(WeightsError, match=message):
            load_weights(network, tmp_path / "bad.safetensors")
    assert all(torch.equal(network.state_dict()[k], v) for k, v in changed.items())


def test_unreadable_weights(tmp_path):
    with pytest.raises(WeightsError, match="there is no file of weights"):
        read_weights(tmp_path / "none.npz")
    (tmp_path / "text.md").write_text("x")
    with pytest.raises(WeightsError, match=r"unknown kind: give \.npz, \.safetensors"):
        read_weights(tmp_path / "text.md")
    for suffix in (".npz", ".safetensors", ".pth"):
        path = tmp_path / f"broken{suffix}"
        path.write_bytes(b"PK\x03\x04 not what it says")
        with pytest.raises(WeightsError, match="cannot be read as weights"):
            read_weights(path)


def test_unknown_network():
    with pytest.raises(ValueError, match="'vgg' is unknown: choose one of digits, resnet20"):
        find_network("vgg")


@needs_data
@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_official_test_sets(name):
    loaded = load_cifar(name, "test", ROOT)
    assert loaded.images.shape == (10_000, 32, 32, 3)
    classes = int(name[5:])
    assert np.array_equal(np.bincount(loaded.labels), [10_000 // classes] * classes)


@needs_data
def test_official_pickle_form_of_the_real_images(tmp_path):
    loaded = load_cifar("cifar10", "test", ROOT)
    (tmp_path / "test_batch").write_bytes(
        official_pickle(loaded.images, loaded.labels.astype(np.uint8))
    )
    assert np.array_equal(load_cifar("cifar10", "test", tmp_path).images, loaded.images)


@needs_data
@pytest.mark.parametrize("name", [n for n, known in NETWORKS.items() if known.needs_data and known.weights])
def test_published_weights_load_strictly_and_classify(name):
    network = find_network(name)
    model = network.load(ROOT)
    images = network.data("test", ROOT).first(200)
    result = evaluate(model, network.batches(images))
    least = 0.6 if network.images == "cifar100" else 0.88
    assert result.images == 200 and result.accuracy > least


@needs_data
def test_resnet20_has_its_known_accuracy():
    network = find_network("resnet20-cifar10")
    result = evaluate(network.load(ROOT), network.batches(network.data("test", ROOT).first(500)))
    assert result.accuracy == pytest.approx(0.9173, abs=0.025)
