"""Networks of torchvision and timm, converted, written as ONNX and run by onnxruntime.

    python experiments/exported_networks.py [--type float32] [LIBRARY/NAME ...]

Weights are random (seeded), batch normalisation as the images have it. The file, of float64 unless said
otherwise, is compared with the converted network in float64; beside it stands what float32 does to the
network as it was ("rounding"), and what the polynomials do ("exact"). The last names of each list have attention or layer normalisation: what is
refused is on record too. Results are lines of exported-networks.jsonl; started again, it goes on
where it was.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

import nn_bridge
from nn_bridge.experiments.records import Records, key_of
from nn_bridge.files import git_commit, versions

RESULTS = Path(__file__).parent / "results" / "exported-networks.jsonl"
PRECISION, MARGIN, IMAGES, SIDE = 10, 1.25, 4, 64
NETWORKS = {
    "torchvision": (
        "squeezenet1_0", "squeezenet1_1", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5",
        "mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
        "resnet18", "resnet34", "resnet50", "googlenet", "densenet121", "efficientnet_b0", "regnet_y_400mf",
        "regnet_x_400mf", "alexnet", "vgg11", "resnext50_32x4d", "efficientnet_v2_s", "convnext_tiny", "swin_t",
    ),
    "timm": (
        "test_resnet", "test_byobnet", "test_efficientnet", "mobilenetv3_small_050", "ghostnet_050",
        "resnet10t", "resnet14t", "lcnet_050", "mobilenetv2_050", "efficientnet_lite0", "tinynet_e",
        "mnasnet_small", "hardcorenas_a", "regnetx_002", "regnety_002", "dla46_c", "hrnet_w18_small",
        "repvgg_a0", "rexnet_100", "fbnetc_100", "legacy_seresnet18", "test_vit", "test_convnext", "test_nfnet",
    ),
}  # fmt: skip


def library(name: str) -> Any:
    """torchvision or timm; torchvision's compiled operators, not used here, may be of another build."""
    spec = importlib.util.find_spec("torchvision")
    if spec is not None and "torchvision" not in sys.modules:
        for compiled in Path(next(iter(spec.submodule_search_locations or []))).glob("_C.*"):
            try:
                torch.ops.load_library(compiled)
            except OSError:
                made = torch.library.Library("torchvision", "FRAGMENT")
                for operator in ("nms", "qnms"):
                    made.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
                _KEPT.append(made)
    return importlib.import_module(name)


_KEPT: list[Any] = []  # definitions go with the library that made them


def network_of(package: str, name: str, images: torch.Tensor) -> nn.Module:
    """With random weights, in evaluation mode, its batch normalisations as the images have it."""
    torch.manual_seed(0)
    if package == "torchvision":
        options = {"init_weights": True, "aux_logits": False} if name == "googlenet" else {}
        network: nn.Module = getattr(library(package).models, name)(weights=None, num_classes=10, **options)
    else:
        sized = {"img_size": SIDE} if "vit" in name else {}
        network = library(package).create_model(name, pretrained=False, num_classes=10, **sized)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(images)
    return network.eval()


def measured(package: str, name: str, kind: str) -> dict[str, Any]:
    """What a file computes beside the converted network in float64, relative to its largest output."""
    images = torch.randn(IMAGES, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    network = network_of(package, name, images)
    converted = nn_bridge.convert(
        network, precision=2.0**-PRECISION, calibrate=[images], margin=MARGIN
    )
    written = getattr(torch, kind)
    with torch.no_grad():
        exact = network(images)
        precise = network.double()(images.double())
        got, operations = by_onnxruntime(converted.to(written), images.to(written))
        wide = converted.double()(images.double())
    if not bool(torch.isfinite(wide).all()):
        raise nn_bridge.ConversionError("at this precision its errors grow beyond its intervals, and it is not finite")

    def apart(one: torch.Tensor, other: torch.Tensor) -> float:
        return float((one.double() - other).abs().max() / other.abs().max())

    return {
        "capture": converted.report.capture,
        "sites": len(converted.report.sites),
        "kinds": sorted({site.kind for site in converted.report.sites}),
        "multiplications": converted.report.multiplications,
        "operations": operations,
        "onnx": apart(got, wide),
        "rounding": apart(exact, precise),
        "exact": apart(precise, wide),
    }


def by_onnxruntime(converted: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, int]]:
    """What it computes from the exported file, in the type of the images, and what is in the file."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = nn_bridge.export(converted, images[:1], Path(folder) / "net.onnx")
        about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (got,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    return torch.from_numpy(got), about["operations"]


def main() -> int:
    names = [f"{package}/{name}" for package, all_of in NETWORKS.items() for name in all_of]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=names, metavar="LIBRARY/NAME")
    parser.add_argument("--type", choices=("float64", "float32"), default="float64")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    records = Records(RESULTS)
    for chosen in given.networks:
        package, _, name = chosen.partition("/")
        identity = {"library": package, "network": name, "power": PRECISION, "margin": MARGIN,
                    "images": IMAGES, "side": SIDE, "type": given.type}  # fmt: skip
        if records.get(key_of(identity)) is not None:
            continue
        try:
            found = measured(package, name, given.type)
        except nn_bridge.BridgeError as error:
            found = {"refused": str(error)}
        records.add({"key": key_of(identity), **identity, **found,
                     "environment": {"versions": versions(), "commit": git_commit()}})  # fmt: skip
        sys.stdout.write(f"{chosen}: {found.get('refused', found.get('onnx'))}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
