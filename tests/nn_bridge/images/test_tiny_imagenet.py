"""Tiny ImageNet in both forms, networks to train from scratch, crops of larger images."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nn_bridge.images.tiny_imagenet as tiny
from nn_bridge.errors import ArgumentError, DataError, WeightsError
from nn_bridge.images.sets import load_images, load_tiny_imagenet
from nn_bridge.models.networks import NETWORKS, find_network
from nn_bridge.training import Configuration, Optimisation, fit
from nn_bridge.training.batches import crop_and_mirror

ROOT = Path(os.environ.get("NN_BRIDGE_DATA", "/nowhere"))
needs_tiny = pytest.mark.skipif(
    not (ROOT / "tiny-imagenet").is_dir(), reason="NN_BRIDGE_DATA names no folder tiny-imagenet"
)
CLASSES = 5
NAMES = [f"n{91827364 - 7 * index:08d}" for index in range(CLASSES)]  # not in order of the name


def jpeg(value: int, mode: str = "RGB", side: int = 64) -> bytes:
    """An image of one brightness, nearly."""
    pixels = np.full((side, side), value, np.uint8)
    pixels[:8] = (value + 60) % 256
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def brightness(label: int, index: int) -> int:
    return 20 + 40 * label + 3 * index


def write_folder(root: Path, each: int, validation: list[int]) -> Path:
    """As tiny-imagenet-200.zip unpacks: files named by number, boxes that nobody reads."""
    folder = root / "tiny-imagenet-200"
    (folder / "val" / "images").mkdir(parents=True)
    (folder / "wnids.txt").write_text("\n".join(NAMES) + "\n")
    for label, name in enumerate(NAMES):
        images = folder / "train" / name / "images"
        images.mkdir(parents=True)
        (folder / "train" / name / f"{name}_boxes.txt").write_text("0\t0\t62\t62\n")
        for index in range(each):
            mode = "L" if index == 1 else "RGB"
            content = jpeg(brightness(label, index), mode)
            (images / f"{name}_{index}.JPEG").write_bytes(content)
    lines = []
    for index, label in enumerate(validation):
        (folder / "val" / "images" / f"val_{index}.JPEG").write_bytes(jpeg(brightness(label, 0)))
        lines.append(f"val_{index}.JPEG\t{NAMES[label]}\t0\t32\t44\t62\n")
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    return folder


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A folder with twelve training images and one validation image for each of five classes."""
    validation = [3, 1, 4, 0, 2]
    folder = write_folder(tmp_path, 12, validation)
    monkeypatch.setattr(tiny, "CLASSES", CLASSES)
    monkeypatch.setattr(tiny, "VERIFIED", {"train": 10, "test": 1})
    sums = {}
    for split, count in (("train", 50), ("test", 5)):
        sums[split] = tiny.digest(tiny.read_scans(tmp_path, split)[:count])
    monkeypatch.setattr(tiny, "CHECKSUMS", sums)
    return folder, validation


def centre(images: np.ndarray) -> list[int]:
    return images[:, 40, 40].mean(-1).round().astype(int).tolist()


def test_the_folder_gives_each_class_in_turn_by_number(small):
    folder, _ = small
    found = load_tiny_imagenet("train", folder.parent)
    assert found.images.shape == (60, 64, 64, 3) and found.images.dtype == np.uint8
    assert found.labels.tolist() == list(range(CLASSES)) * 12
    wanted = [brightness(label, index) for index in range(12) for label in range(CLASSES)]
    assert np.abs(np.array(centre(found.images)) - wanted).max() <= 1
    assert found.first(10).labels.tolist() == list(range(CLASSES)) * 2


def test_validation_images_are_the_test_set_in_the_order_of_the_listing(small):
    folder, validation = small
    for root in (folder.parent, folder):
        found = load_images("tiny-imagenet", "test", root)
        assert found.labels.tolist() == validation
        assert centre(found.images) == [brightness(label, 0) for label in validation]


def pack(scans: list[tiny.Scan], headers: list[bytes], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    np.savez(
        path,
        jpeg=np.frombuffer(b"".join(scan.coded for scan in scans), np.uint8),
        sizes=np.array([len(scan.coded) for scan in scans], np.uint32),
        labels=np.array([scan.label for scan in scans], np.uint8),
        head=np.array([headers.index(scan.header) for scan in scans], np.uint8),
        header0=np.frombuffer(headers[0], np.uint8),
        header1=np.frombuffer(headers[1], np.uint8),
    )


def test_the_packed_form_in_parts_is_the_same_set(small, tmp_path, monkeypatch):
    folder, _ = small
    expected = load_tiny_imagenet("train", folder.parent)
    scans = tiny.read_scans(folder.parent, "train")
    headers = [tiny.split_jpeg(jpeg(0, mode), 0).header for mode in ("RGB", "L")]
    monkeypatch.setattr(tiny, "HEADERS", hashlib.sha256(b"".join(headers)).hexdigest())
    root = tmp_path / "packed"
    root.mkdir()
    by_class = sorted(scans, key=lambda scan: scan.label)
    for part in (0, 1):  # images 0 to 5 of each class, and 6 to 11
        chosen = [s for i, s in enumerate(by_class) if i % 12 // 6 == part]
        pack(chosen, headers, root / "tiny-imagenet" / f"tiny-imagenet-train-{part + 1}.npz")
    found = load_tiny_imagenet("train", root)
    assert np.array_equal(found.images, expected.images)
    assert np.array_equal(found.labels, expected.labels)
    other = [headers[0][:30] + bytes([headers[0][30] ^ 1]) + headers[0][31:], headers[1]]
    coloured = [scan for scan in by_class if scan.header == headers[0]]
    changed = [tiny.Scan(other[0], scan.coded, scan.label) for scan in coloured]
    pack(changed, other, root / "tiny-imagenet" / "tiny-imagenet-train-1.npz")
    with pytest.raises(DataError, match=r"train-1.npz is damaged or of another form"):
        load_tiny_imagenet("train", root)


def test_what_is_wrong_with_a_folder_is_told(small, tmp_path):
    folder, _ = small
    root = folder.parent
    one = folder / "train" / NAMES[2] / "images" / f"{NAMES[2]}_3.JPEG"
    content = one.read_bytes()
    one.write_bytes(jpeg(200))
    with pytest.raises(DataError, match=r"\(train\) in .* are not the official ones .* copy"):
        load_tiny_imagenet("train", root)
    one.write_bytes(content[:-9])
    with pytest.raises(DataError, match=rf"{NAMES[2]}_3.JPEG is damaged or of another form"):
        load_tiny_imagenet("train", root)
    one.unlink()
    with pytest.raises(DataError, match=r"has 11 to 12 images in 5 classes, not equally many"):
        load_tiny_imagenet("train", root)
    (folder / "val" / "images" / "val_2.JPEG").unlink()
    with pytest.raises(DataError, match=r"val_2.JPEG is missing: the set is incomplete"):
        load_tiny_imagenet("test", root)
    listing = folder / "val" / "val_annotations.txt"
    listing.write_text("../../secret.JPEG\t" + NAMES[0] + "\t0\t0\t1\t1\n")
    with pytest.raises(DataError, match=r"val_annotations.txt has the line '\.\./\.\./secret"):
        load_tiny_imagenet("test", root)


def test_a_missing_set_is_told(tmp_path):
    with pytest.raises(DataError, match=r"not in .*: put there the folder tiny-imagenet-200 that"):
        load_tiny_imagenet("train", tmp_path)
    with pytest.raises(DataError, match=r"or tiny-imagenet/tiny-imagenet-val.npz"):
        load_tiny_imagenet("test", tmp_path)
    with pytest.raises(ArgumentError, match="split is 'val': choose 'train' or 'test'"):
        load_tiny_imagenet("val", tmp_path)


def test_images_of_another_size_are_refused_before_they_are_decoded(small, monkeypatch):
    folder, _ = small
    (folder / "val" / "images" / "val_0.JPEG").write_bytes(jpeg(9, side=72))
    monkeypatch.setitem(tiny.CHECKSUMS, "test", tiny.digest(tiny.read_scans(folder.parent, "test")))
    with pytest.raises(DataError, match="is damaged or of another form"):
        load_tiny_imagenet("test", folder.parent)


@pytest.fixture(scope="module")
def real():
    return load_tiny_imagenet("test", ROOT)


@needs_tiny
def test_the_real_validation_images_are_the_ones_that_were_hashed_decoded(real):
    found = real
    assert np.bincount(found.labels).tolist() == [50] * 200
    assert (
        hashlib.sha256(found.images.data).hexdigest()
        == "c2fd10cde1427ad6f16f45c978a0060bfd8f664727f6ad977ea5590280d57b8f"
    )


@needs_tiny
def test_real_files_in_the_folder_have_the_packed_scans():
    scans = tiny.read_scans(ROOT, "test")[:40]
    for scan in scans:
        whole = scan.header + scan.coded + b"\xff\xd9"
        assert tiny.split_jpeg(whole, scan.label) == scan


@needs_tiny
def test_the_real_training_images_come_in_turn():
    scans = tiny.read_scans(ROOT, "train")
    tiny.verify(scans, "train", ROOT)
    assert [scan.label for scan in scans[:400]] == list(range(200)) * 2


# --- networks to train from scratch ---


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("resnet110-cifar100", 32, 100), ("shufflenetv2-cifar10", 32, 10),
        ("dla34-cifar100", 32, 100), ("mobilenetv2-tiny-imagenet", 64, 200),
        ("shufflenetv2-tiny-imagenet", 64, 200), ("dla34-tiny-imagenet", 64, 200),
        ("resnet20-tiny-imagenet", 64, 200),
    ],
)  # fmt: skip
def test_every_architecture_is_known_for_every_set(name, shape, classes):
    network = find_network(name)
    assert network.build().eval()(torch.zeros(1, 3, shape, shape)).shape == (1, classes)
    assert network.images == name.split("-", 1)[1]


def test_the_product_is_complete_and_published_weights_are_kept():
    families = [f"resnet{n}" for n in (20, 32, 44, 56, 110)]
    families += ["shufflenetv2", "mobilenetv2", "dla34", "dla34-average"]
    families += ["mobilenetv2-x0.35", "dla34-average-x0.125"]
    sets = ("cifar10", "cifar100", "tiny-imagenet")
    assert {f"{f}-{s}" for f in families for s in sets} <= NETWORKS.keys()
    assert find_network("resnet20-cifar10").weights is not None
    assert find_network("resnet32-cifar100").weights is None


@needs_tiny
def test_normalisation_is_that_of_the_images(real):
    network = find_network("resnet20-tiny-imagenet")
    pixels = real.images[::10].reshape(-1, 3) / 255
    assert np.allclose(pixels.mean(0), network.mean, atol=0.01)
    assert np.allclose(pixels.std(0), network.deviation, atol=0.01)


def test_pretrained_weights_that_do_not_exist_are_told(tmp_path):
    with pytest.raises(WeightsError, match=r"no pretrained weights for 'dla34-cifar100': train"):
        find_network("dla34-cifar100").load(tmp_path)


def test_training_from_scratch_on_a_folder(small, tmp_path):
    folder, _ = small
    sgd = Optimisation(epochs=1, batch=8, learning_rate=0.01)
    start = {"images": 16, "optimisation": sgd, "channels_last": False}
    name = "resnet20-tiny-imagenet"
    done = []
    trained = fit(
        Configuration(name, start="random", **start), tmp_path / "out", data=folder.parent,
        progress=lambda label, step, steps, loss: done.append((step, steps)),
    )  # fmt: skip
    assert done == [(1, 2), (2, 2)]
    assert len(trained.record["epochs"]) == 1
    again = find_network(name).load(weights=tmp_path / "out" / "weights.safetensors")
    for one, other in zip(again.parameters(), trained.network.parameters(), strict=True):
        assert torch.equal(one, other)
    with pytest.raises(WeightsError, match=r"train it from scratch, with start = \"random\""):
        fit(Configuration(name, **start), data=folder.parent)


def test_larger_images_are_shifted_further():
    image = torch.arange(1.0, 64 * 64 + 1).reshape(1, 1, 64, 64)
    generator = torch.Generator().manual_seed(0)
    found = crop_and_mirror(image.expand(300, 1, 64, 64), generator)
    rows = {int(one[0, 32, 0] - 1) // 64 for one in found if one[0, 32, 0] > 0}
    assert rows == set(range(24, 41))  # 8 pixels either way
