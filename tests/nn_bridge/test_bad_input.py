"""What cannot be used gets one clear sentence, and nothing that was saved is lost."""

from __future__ import annotations

import json
import math
import resource
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

import nn_bridge
import nn_bridge.files as files
from nn_bridge import ConversionError, calibrate, convert, evaluate
from nn_bridge.errors import ArgumentError, PolyApproxError, TrainingError, WeightsError
from nn_bridge.models.networks import find_network
from nn_bridge.models.weights import load_weights, read_weights
from nn_bridge.propagation import Propagation, propagate
from nn_bridge.training import Configuration, Optimisation, fit

PRECISION = 2**-6


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()


def with_nan(name: str) -> nn.Sequential:
    made = network()
    with torch.no_grad():
        made.get_parameter(name).view(-1)[1] = math.nan
    return made


def travelled(model: nn.Module, loader: object) -> Propagation:
    """Errors measured with ranges that are known, so that nothing else looks at the data."""
    return propagate(model, loader, precision=PRECISION, calibrate={"1": 5.0})


X = torch.linspace(-1, 1, 15).reshape(5, 3)
LABELS = torch.zeros(5, dtype=torch.int64)
PAIRS = [(X, LABELS)]


class UnusedActivation(nn.Module):
    """Holds an activation that no input reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.act, self.map = nn.ReLU(), nn.Linear(3, 2)

    def forward(self, x):
        return self.map(x)


class Residual(nn.Module):
    def forward(self, x):
        return x + functional.pad(x, (0, 0)).flatten(1) * 2


# --- networks, ranges, loaders, numbers ---


@pytest.mark.parametrize("interval", ["per-layer", "global", 5.0])
@pytest.mark.parametrize("made", [nn.Linear(3, 2), Residual()], ids=["linear", "functions"])
def test_a_network_without_activation(made, interval):
    ranges = None if interval == 5.0 else [X]
    with pytest.raises(ConversionError, match=r"no activation was called in this (Lin|Res).*check"):
        convert(made, precision=PRECISION, interval=interval, calibrate=ranges)


def test_an_activation_that_nothing_reaches():
    with pytest.raises(ConversionError, match="no activation was called in this UnusedActivation"):
        convert(UnusedActivation(), precision=PRECISION, calibrate=[X])


@pytest.mark.parametrize(
    "made",
    [
        nn.Sequential(nn.Linear(3, 2), nn.TransformerEncoderLayer(2, 1)),  # calls F.relu inside
        nn.Sequential(nn.Flatten(), nn.Tanh()), nn.GELU(),
    ],
)  # fmt: skip
def test_a_network_whose_activations_are_hidden_is_not_refused(made):
    assert convert(made, precision=PRECISION, interval=5.0) is not made


def test_ranges_that_were_never_measured():
    with pytest.raises(ArgumentError, match=r"'per-layer' needs measured ranges: give calibrate="):
        convert(network(), precision=PRECISION)
    converted = convert(network(), precision=PRECISION, calibrate={"elsewhere": 3.0})
    with pytest.raises(ConversionError, match=r"a ReLU at '1' that has no range: calibrate with"):
        converted(X)
    for value in (math.nan, -3.0, math.inf):
        with pytest.raises(ArgumentError, match=rf"calibrate\['1'\] is {value}: give the largest"):
            convert(network(), precision=PRECISION, calibrate={"1": value})


@pytest.mark.parametrize(
    ("loader", "sentence"),
    [
        ([], "gave no batch: give at least one"),
        ([(X[:0], LABELS[:0])], "gave no batch"),
        (None, "the loader is a (NoneType|int): give a DataLoader or a list of batches"),
        (X, r"the loader is a Tensor: give a DataLoader or a list of batches, such as \[x\]"),
        ([({"x": X}, LABELS)], "a batch of tuple: give tensors, or pairs"),
        ([(X[:, :2], LABELS)], r"cannot take batch 1 of the loader, of shape \(5, 2\): mat1"),
        ([(X, LABELS), (X[:, :1], LABELS)], r"batch 2 of the loader, of shape \(5, 1\)"),
        ([(X.long(), LABELS)], r"cannot take batch 1 of the loader, of shape \(5, 3\): mat1"),
        ([(X / 0, LABELS)], "batch 1 of the loader is not finite while .*: it holds NaN or inf"),
        ([(X, LABELS), (X * math.nan, LABELS)], "batch 2 of the loader is not finite"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        calibrate, evaluate,
        lambda model, loader: convert(
            model, precision=PRECISION, calibrate=3 if loader is None else loader
        ),
        travelled,
    ],
    ids=["calibrate", "evaluate", "convert", "propagate"],
)  # fmt: skip
def test_loaders(loader, sentence, use):
    with pytest.raises(PolyApproxError, match=sentence):
        use(network(), loader)


def test_labels_of_another_shape():
    for labels in (LABELS[:4], LABELS[:, None], torch.zeros(5, 2)):
        with pytest.raises(ArgumentError, match=r"has labels of shape .* for 5 inputs: give one"):
            evaluate(network(), [(X, labels)])
        with pytest.raises(ArgumentError, match=r"has labels of shape .* for 5 inputs: give one"):
            travelled(network(), [(X, labels)])


@pytest.mark.parametrize("name", ["0.weight", "2.bias"])
def test_weights_that_are_not_numbers(name):
    uses = {
        "calibrating": lambda model: calibrate(model, [X]),
        "converting": lambda model: convert(model, precision=PRECISION, interval=5.0),
        "evaluating": lambda model: evaluate(model, PAIRS),
        "measuring how errors travel": lambda model: travelled(model, PAIRS),
    }
    for doing, use in uses.items():
        sentence = rf"'{name}' of the network is not finite while {doing}: load sound weights"
        with pytest.raises(ConversionError, match=sentence):
            use(with_nan(name))
    normalised = nn.Sequential(nn.BatchNorm1d(3), nn.ReLU())
    normalised[0].running_var[0] = math.inf
    with pytest.raises(ConversionError, match=r"'0.running_var' of the network is not finite"):
        calibrate(normalised, [X])


@pytest.mark.parametrize("use", [calibrate, evaluate, travelled])
def test_what_is_no_network(use):
    with pytest.raises(ArgumentError, match=r"the network is a str: give a torch.nn.Module"):
        use("network", PAIRS)


def test_the_finest_precision_that_float64_carries():
    converted = convert(nn.Sequential(nn.ReLU()), precision=2.0**-50, interval=5.0)
    x = torch.linspace(-5, 5, 10001, dtype=torch.float64)
    assert float((converted(x) - x.clamp(min=0)).abs().max()) <= 5 * 2.0**-48


@pytest.mark.parametrize("power", [60, 100])
def test_precision_beyond_float64(power):
    with pytest.raises(ConversionError, match=r"float64 does not carry .* 2\*\*-30"):
        convert(network(), precision=2.0**-power, interval=5.0)
    converted = convert(nn.Sequential(nn.Sigmoid()), precision=PRECISION, interval=5.0)
    assert float((converted(X) - X.sigmoid()).abs().max()) <= PRECISION


def test_the_finest_precision_that_is_offered_is_carried():
    x = torch.linspace(-1, 1, 20_001, dtype=torch.float64)[:, None]
    converted = convert(nn.ReLU(), precision=2.0**-30, interval=1.0)
    assert float((converted(x) - x.relu()).abs().max()) <= 2.0**-30


# --- names and weights ---


def test_an_unknown_network_and_the_nearest():
    with pytest.raises(ArgumentError, match=r"'resnt20-cifar10' is unknown.*nearest is resnet20-"):
        find_network("resnt20-cifar10")


def test_weights_of_another_architecture_and_damaged_ones(tmp_path):
    file = tmp_path / "w.safetensors"
    file.write_bytes(find_network("digits").weights.read_bytes()[:5000])
    with pytest.raises(WeightsError, match=r"w.safetensors cannot be read as weights: "):
        read_weights(file)
    with pytest.raises(WeightsError, match=r"does not fit Sequential: it lacks '0.weight' and 3"):
        load_weights(network(), find_network("digits").weights)
    torch.save(["a list"], tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"w.pth cannot be read as weights: "):
        read_weights(tmp_path / "w.pth")
    torch.save({"epoch": 3}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"w.pth does not fit Sequential: it lacks"):
        load_weights(network(), tmp_path / "w.pth")


# --- training: what was saved stays ---

SGD = Optimisation(epochs=2, batch=64, learning_rate=0.05)
RUN = Configuration("digits", start="random", images=128, seed=5, optimisation=SGD)


def final(folder: Path) -> dict[str, torch.Tensor]:
    return read_weights(folder / "weights.safetensors")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> dict[str, torch.Tensor]:
    folder = tmp_path_factory.mktemp("unbroken")
    fit(RUN, folder)
    return final(folder)


@contextmanager
def room_for(count: int):
    """Files may have so many bytes, as if the disk were full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def is_unbroken(folder: Path, unbroken: dict[str, torch.Tensor]) -> bool:
    fit(RUN, folder)
    found = final(folder)
    return all(torch.equal(value, found[name]) for name, value in unbroken.items())


def test_a_disk_that_fills_up_while_a_checkpoint_is_written(tmp_path, unbroken):
    limit = room_for(20_000)

    def progress(label: str, step: int, steps: int, loss: float) -> None:
        if (label, step) == ("epoch 2", steps):
            limit.__enter__()

    try:
        with pytest.raises(TrainingError, match=r"checkpoint.pt cannot be written .*: make room.*"):
            fit(RUN, tmp_path, progress=progress)
    finally:
        limit.__exit__(None, None, None)
    names = {path.name for path in tmp_path.iterdir()}
    assert names - {"events"} == {"checkpoint.pt", "log.jsonl"}
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert len(json.loads(saved["epochs"])) == 1
    assert is_unbroken(tmp_path, unbroken)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_write_that_is_interrupted(stop, tmp_path, monkeypatch, unbroken):
    save, calls = torch.save, []

    def half(content, path):
        save(content, path)
        calls.append(path)
        if len(calls) == 2:
            Path(path).write_bytes(Path(path).read_bytes()[:1000])
            raise stop

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises((KeyboardInterrupt, TrainingError)):
        fit(RUN, tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.glob("tmp*"))
    (tmp_path / "tmpabc.pt").write_bytes(b"what a kill in mid-write leaves")
    assert is_unbroken(tmp_path, unbroken)


def test_a_checkpoint_of_another_architecture(tmp_path, monkeypatch):
    from dataclasses import replace

    from nn_bridge.models import DigitsNet
    from nn_bridge.models.networks import NETWORKS

    fit(replace(RUN, optimisation=Optimisation(epochs=1, batch=64)), tmp_path)
    wider = replace(find_network("digits"), build=lambda: DigitsNet(8))
    monkeypatch.setitem(NETWORKS, "digits", wider)
    with pytest.raises(TrainingError, match=r"checkpoint.pt is of another architecture: give"):
        fit(replace(RUN, optimisation=Optimisation(epochs=1, batch=64)), tmp_path)


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, [1])
    with pytest.raises(TypeError):
        files.write_json(path, {"no JSON": object()})
    with room_for(10), pytest.raises(OSError):
        files.write_json(path, list(range(1000)))
    assert json.loads(path.read_text()) == [1]
    assert list(tmp_path.iterdir()) == [path]


# --- the command ---


def command(monkeypatch, capsys, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["nn-bridge", *arguments])
    monkeypatch.setattr("polyapprox.cli.talk.PATIENCE", 600)  # no line of progress on a slow machine
    with pytest.raises(SystemExit) as stop:
        nn_bridge.cli.main()
    return stop.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('network = "digits"\nlerning = 1', "unknown key lerning: the nearest is"),
        ('network = "digits"\n[noise]\nkid = "error"', "unknown key noise.kid: the nearest is "
                                                       "noise.kind"),
        ('network = "digit"', "the network 'digit' is unknown: choose one of digits"),
        ('network = "dla34-cifar10"', "no folder with data is given: name one with --data"),
        ('network = "digits"\nstart = "lost.safetensors"', "there is no file of weights lost.s"),
        ('network = "digits"\nstart = "{here}/bad.pth"', "bad.pth cannot be read as weights"),
        ("network = ", "train.toml cannot be read: "),
        ('network = "digits"\nimages = 128\n[optimisation]\nepochs = 1\nbatch = 16\n'
         "learning_rate = 1e12", "the loss is "),
    ],
)  # fmt: skip
def test_the_command_says_one_sentence(content, sentence, tmp_path, monkeypatch, capsys):
    import nn_bridge.cli  # noqa: F401

    monkeypatch.setenv("NN_BRIDGE_DATA", "")
    (tmp_path / "bad.pth").write_bytes(b"PK\x03\x04")
    file = tmp_path / "train.toml"
    file.write_text(content.replace("{here}", str(tmp_path)))
    code, text = command(monkeypatch, capsys, "train", str(file), "--out", str(tmp_path / "out"))
    assert code == 2 and sentence in text
    assert "Traceback" not in text and text.count("\n") == 1


def test_the_command_on_a_folder_that_cannot_be_made(tmp_path, monkeypatch, capsys):
    import nn_bridge.cli  # noqa: F401

    file = tmp_path / "train.toml"
    file.write_text('network = "digits"\nimages = 64\n[optimisation]\nepochs = 1\nbatch = 64\n')
    code, text = command(monkeypatch, capsys, "train", str(file), "--out", str(file / "out"))
    assert code == 2 and "there is no folder" in text
    assert "Traceback" not in text and text.count("\n") == 1
