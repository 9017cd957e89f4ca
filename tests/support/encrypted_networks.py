"""Networks that nobody prepared for encryption."""

import torch
from torch import nn
from torch.nn import functional

import nn_bridge
import polyapprox


class Mixed(nn.Module):
    """Strides, a depthwise convolution, a projection shortcut, batch normalisation, two ends joined."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 4, 3, 2, 1, groups=4, bias=False)
        self.pointwise = nn.Conv2d(4, 8, 1)
        self.projection = nn.Conv2d(4, 8, 1, 2)
        self.head = nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.conv(x)))
        y = functional.relu(self.depthwise(x))
        z = (self.pointwise(y) + self.projection(x)).relu()
        ends = [functional.adaptive_avg_pool2d(z, 1).flatten(1), y.mean((2, 3))]
        return self.head(torch.cat(ends, 1))


def images(count: int, *shape: int) -> torch.Tensor:
    return torch.rand((count, *shape), generator=torch.Generator().manual_seed(1))


def mixed() -> nn.Module:
    torch.manual_seed(0)
    network = Mixed().eval()
    with torch.no_grad():
        network.norm.running_mean.uniform_(-0.3, 0.3)
        network.norm.running_var.uniform_(0.5, 1.5)
    return network


def converted(network: nn.Module, *shape: int, multiplications: int = 4, **given) -> nn.Module:
    relu = polyapprox.circuit("relu", multiplications=multiplications)
    given = {"calibrate": [images(40, *shape)], "margin": 1.25, **given}
    return nn_bridge.convert(network, approximation=relu, **given)
