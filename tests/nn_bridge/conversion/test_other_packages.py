"""Converted networks in the hands of accelerate and transformers."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torchvision_here import operators

from nn_bridge import ConversionError, convert, restore

pytestmark = pytest.mark.filterwarnings("ignore")
IDS = torch.arange(48).reshape(4, 12) % 100


def bert():
    operators()
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    small = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, vocab_size=100
    )
    return transformers.BertForSequenceClassification(small).eval()


@torch.no_grad()
def logits(model):
    return model(IDS).logits


def test_save_pretrained_holds_intervals_that_a_conversion_takes(tmp_path):
    model = bert()
    batch = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS), "labels": torch.zeros(4, dtype=torch.long)}
    converted = convert(model, precision=2**-7, calibrate=[batch])
    assert len(converted.report.sites) == 10 and 1e-5 < (logits(converted) - logits(model)).abs().max() < 0.1
    converted.save_pretrained(tmp_path)
    from safetensors.torch import load_file

    state = load_file(tmp_path / "model.safetensors")
    assert sum(key.endswith(".interval") for key in state) == 10
    again = convert(copy.deepcopy(model), precision=2**-7, calibrate=[batch])
    again.load_state_dict(state)
    assert torch.equal(logits(again), logits(converted))
    plain = type(model).from_pretrained(tmp_path).eval()  # names the intervals as unexpected: its own activations
    assert torch.equal(logits(plain), logits(model)) and torch.equal(logits(restore(again)), logits(model))
    other = convert(plain, precision=2**-9, calibrate=[batch])
    with pytest.raises(RuntimeError, match="another polynomial"):
        other.load_state_dict(state)


@pytest.mark.parametrize("mixed", ["no", "bf16"])
def test_accelerate_trains_the_polynomial_and_counts_each_site_once(mixed):
    operators()
    accelerate = pytest.importorskip("accelerate")
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)  # one a process, else
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    x = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
    converted = convert(network, precision=2**-6, calibrate=[x])
    expected = converted(x).detach()
    accelerator = accelerate.Accelerator(cpu=True, mixed_precision=mixed)
    prepared, optimiser = accelerator.prepare(converted, torch.optim.SGD(converted.parameters(), lr=0.1))
    converted.report.replacement.activations["1"].reset()
    value = prepared(x)
    assert (value - expected).abs().max() < (0.05 if mixed == "bf16" else 1e-6)
    assert converted.report.replacement.activations["1"].seen.elements == 16 * 8
    accelerator.backward(value.square().mean())
    optimiser.step()
    unwrapped = accelerator.unwrap_model(prepared)
    assert len(unwrapped.report.sites) == 1 and not torch.equal(unwrapped(x), expected)
    with pytest.raises(ConversionError, match="already converted"):
        convert(unwrapped, precision=2**-6, calibrate=[x])
