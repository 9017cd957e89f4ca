"""Small networks that call ReLU in every way, for the tests of conversion."""

import torch
import torch.nn.functional as functional
from torch import nn


class Plain(nn.Module):
    """Linear, ReLU called in one way, linear."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 5)
        self.last = nn.Linear(5, 2)

    def act(self, x):
        raise NotImplementedError

    def forward(self, x):
        return self.last(self.act(self.first(x)))


class WithModule(Plain):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def act(self, x):
        return self.relu(x)


class WithInplaceModule(Plain):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def act(self, x):
        return self.relu(x)


class WithIgnoredResult(WithInplaceModule):
    def act(self, x):
        self.relu(x)
        return x


class WithFunctional(Plain):
    def act(self, x):
        return functional.relu(x)


class WithFunctionalInplace(Plain):
    def act(self, x):
        functional.relu(x, inplace=True)
        return x


class WithFunctionalUnderscore(Plain):
    def act(self, x):
        functional.relu_(x)
        return x


class WithTorch(Plain):
    def act(self, x):
        return torch.relu(input=x)


class WithTorchUnderscore(Plain):
    def act(self, x):
        torch.relu_(x)
        return x


class WithMethod(Plain):
    def act(self, x):
        return x.relu()


class WithMethodUnderscore(Plain):
    def act(self, x):
        x.relu_()
        return x


class WithBranch(Plain):
    """Not traceable: control flow depends on data."""

    def act(self, x):
        return torch.relu(x) if x.sum() > -1e9 else x.relu()


class WithAlias(Plain):
    def __init__(self):
        super().__init__()
        self.nonlinearity = functional.relu

    def act(self, x):
        return self.nonlinearity(x)


STYLES = {
    WithModule: ("relu", "nn.ReLU"),
    WithInplaceModule: ("relu", "nn.ReLU"),
    WithIgnoredResult: ("relu", "nn.ReLU"),
    WithFunctional: ("/relu1", "F.relu"),
    WithFunctionalInplace: ("/relu1", "F.relu"),
    WithFunctionalUnderscore: ("/relu1", "torch.relu_"),
    WithTorch: ("/relu1", "torch.relu"),
    WithTorchUnderscore: ("/relu1", "torch.relu_"),
    WithMethod: ("/relu1", "Tensor.relu"),
    WithMethodUnderscore: ("/relu1", "Tensor.relu_"),
    WithBranch: ("/relu1", "torch.relu"),
    WithAlias: ("/relu1", "F.relu"),
}


def seeded(make, *arguments):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        return make(*arguments).eval()


def inputs(*shape):
    generator = torch.Generator().manual_seed(12)
    return torch.randn(*shape, generator=generator)
