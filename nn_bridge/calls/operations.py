# SPDX-License-Identifier: Apache-2.0
"""Which torch operations are additions and multiplications only.

The lists name what is known to be polynomial (or a mere rearrangement); anything else is reported
as remaining, so that an unknown operation is never taken for a polynomial one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

_ARITHMETIC = """
add sub subtract rsub mul multiply neg negative positive square addcmul lerp prod
matmul mm bmm mv dot vdot inner outer ger addmm addbmm baddbmm addmv addr einsum tensordot kron
linear bilinear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d conv_tbc
avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
mean sum cumsum trace interpolate upsample
"""
_LAYOUT = """
reshape view view_as reshape_as flatten unflatten ravel permute transpose t swapaxes swapdims
movedim moveaxis squeeze unsqueeze cat concat concatenate stack hstack vstack dstack split chunk
tensor_split unbind narrow select index_select gather getitem setitem expand expand_as broadcast_to
repeat tile repeat_interleave roll flip rot90 pad constant_pad_nd pixel_shuffle pixel_unshuffle
channel_shuffle unfold fold diag diagonal tril triu contiguous clone detach to type type_as float
double half bfloat16 cpu cuda copy requires_grad alias_copy atleast_1d atleast_2d
"""
_QUERIES = """
get set getattr size dim ndimension numel nelement stride len is_floating_point is_complex is_contiguous
data_ptr iter format repr str
zeros ones full empty arange tensor as_tensor zeros_like ones_like full_like empty_like eye linspace
new_zeros new_ones new_full new_empty new_tensor set_grad_enabled
"""
_OURS = "attention_scores attention_values"  # of nn_bridge.calls.normalising
POLYNOMIAL = frozenset(f"{_ARITHMETIC} {_LAYOUT} {_QUERIES} {_OURS}".split())
_READ_VALUES = ("__bool__", "__float__", "__int__", "__index__")
QUOTIENTS = ("div", "divide", "true_divide", "truediv")
_ONLY_IN_TRAINING = {
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout"), (2, True)),
    **dict.fromkeys(("alpha_dropout", "feature_alpha_dropout"), (2, False)),
    "batch_norm": (5, False),
}
"""Place and default of the argument ``training``."""

POLYNOMIAL_MODULES: tuple[type[nn.Module], ...] = (
    nn.Linear, nn.Bilinear, nn.Identity, nn.Flatten, nn.Unflatten,
    nn.Conv1d, nn.Conv2d, nn.Conv3d,
    nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
    nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
    nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d, nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d,
    nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReflectionPad3d,
    nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d,
    nn.PixelShuffle, nn.PixelUnshuffle, nn.ChannelShuffle, nn.Upsample, nn.Fold, nn.Unfold,
    nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict,
)  # fmt: skip
_POLYNOMIAL_IN_EVALUATION: tuple[type[nn.Module], ...] = (
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm,
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout,
)  # fmt: skip


_FUSED = "its activations run inside one call of torch: write the cell as a module, with a loop"
_ROOT = "it takes powers and a root of sums, no polynomial: use average pooling"
_JUMP = "it jumps, which no polynomial follows: use nn.Tanh, or nn.Hardtanh"
_COMPARES = "it compares, which no polynomial does: write it with torch.maximum, relu or clamp"
_DIVIDES = "it divides by what depends on the input: take polyapprox.minimax('1/x', …) on the range seen"
_NORMALISES = "it divides by a deviation of each input: convert(…, calibrate=loader) measures its range"
_EXPONENTIAL = "it needs a polynomial of its own: polyapprox.minimax('{}', …) on the range seen"
_SOFTMAX = "it takes exponentials and divides: convert(…, calibrate=loader) measures its ranges"
_LARGEST = "it searches the largest: use average pooling, or torch.maximum of two at a time"
_LOSS = "it belongs to the loss: leave it out of the network"
ADVICE = {
    **dict.fromkeys(("RNN", "LSTM", "GRU", "rnn_tanh", "rnn_relu", "lstm", "gru"), _FUSED),
    **dict.fromkeys(("RNNCell", "LSTMCell", "GRUCell"), _FUSED),
    **{f"{name}{d}d": _ROOT for name in ("LPPool", "lp_pool") for d in (1, 2, 3)},
    **dict.fromkeys(("Threshold", "threshold", "sign", "round", "floor"), _JUMP),
    **dict.fromkeys(("gt", "ge", "lt", "le", "eq", "ne", "where", "masked_fill", "bool"), _COMPARES),
    **dict.fromkeys(("div", "divide", "true_divide", "truediv", "rdiv", "rtruediv", "reciprocal"), _DIVIDES),
    **dict.fromkeys(
        ("LayerNorm", "layer_norm", "GroupNorm", "group_norm", "RMSNorm", "rms_norm", "normalize", "norm",
         "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "instance_norm", "linalg_vector_norm"),
        _NORMALISES,
    ),
    **{name: _EXPONENTIAL.format(name) for name in ("exp", "log", "sqrt", "rsqrt", "sin", "cos", "erf")},
    **dict.fromkeys(
        ("Softmax", "softmax", "Softmax2d", "scaled_dot_product_attention", "MultiheadAttention",
         "multi_head_attention_forward"),
        _SOFTMAX,
    ),
    **dict.fromkeys(("LogSoftmax", "log_softmax", "cross_entropy", "nll_loss"), _LOSS),
    **dict.fromkeys(("max", "min", "amax", "amin", "argmax", "topk", "sort", "max_pool3d", "MaxPool3d"), _LARGEST),
}  # fmt: skip
"""What to do about operations that are not replaced, by name."""
HIDING = frozenset(name for name, advice in ADVICE.items() if advice in (_FUSED, _ROOT))
"""Those that compute activations where nothing can be replaced."""


def remaining_function(
    function: Callable[..., Any] | str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str | None:
    """Name of a torch function that is not polynomial as it is called here; None if it is.

    Examples
    --------
    >>> remaining_function(torch.exp, (torch.ones(1),), {})
    'exp'
    >>> remaining_function(torch.add, (torch.ones(1), 2), {}) is None
    True
    """
    own_name = function if isinstance(function, str) else getattr(function, "__name__", "?")
    reflected = own_name.startswith("__r") and own_name not in ("__repr__", "__rsub__")
    name = own_name.strip("_")
    if own_name in _READ_VALUES:
        return name
    if name[:1] in "ri" and own_name.startswith("__") and name[1:] in (*POLYNOMIAL, "truediv"):
        name = name[1:]
    if name in POLYNOMIAL:
        return None
    if name == "assert" and args and isinstance(args[0], bool):  # of a shape, not of values
        return None
    if name in QUOTIENTS and not reflected and _is_constant(args[1:2], kwargs, "other"):
        return None
    if name == "pow" and not reflected:
        exponent = kwargs.get("exponent", args[1] if len(args) > 1 else None)
        if isinstance(exponent, int) and exponent >= 0:
            return None
    if name in _ONLY_IN_TRAINING:
        place, default = _ONLY_IN_TRAINING[name]
        given = args[place] if len(args) > place else kwargs.get("training", kwargs.get("train", default))
        return name if given else None
    return name


def _is_constant(rest: tuple[Any, ...], kwargs: dict[str, Any], key: str) -> bool:
    divisor = rest[0] if rest else kwargs.get(key)
    if kwargs.get("rounding_mode") is not None:
        return False
    return isinstance(divisor, (int, float, nn.Parameter))


def is_plain(module: nn.Module) -> bool:
    """Whether a layer is linear in evaluation mode, and calls nothing else.

    Examples
    --------
    >>> is_plain(nn.Linear(2, 2)), is_plain(nn.TransformerEncoderLayer(2, 1))
    (True, False)
    """
    return isinstance(module, (*POLYNOMIAL_MODULES, *_POLYNOMIAL_IN_EVALUATION))


def remaining_module(module: nn.Module) -> str | None:
    """Name of a torch layer that is not polynomial in its present mode; None if it is.

    Modules of other packages are judged by the functions that they call, not here.

    Examples
    --------
    >>> remaining_module(nn.MaxPool2d(2)), remaining_module(nn.AvgPool2d(2))
    ('MaxPool2d', None)
    """
    name = type(module).__name__
    if isinstance(module, torch.jit.ScriptModule):
        return f"{name} (compiled: cannot be looked into)"
    if not type(module).__module__.startswith("torch.") or isinstance(module, POLYNOMIAL_MODULES):
        return None
    if isinstance(module, _POLYNOMIAL_IN_EVALUATION):
        normalises = isinstance(module, nn.modules.batchnorm._BatchNorm)
        if normalises and module.running_mean is None:
            return f"{name} (without running statistics)"
        return f"{name} (in training mode: call eval())" if module.training else None
    return None if any(True for _ in module.children()) else name
