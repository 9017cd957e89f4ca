# SPDX-License-Identifier: Apache-2.0
"""Softmax, attention and norms, taken apart: what is linear, and the one site that divides.

==============================  ==============================================================
layer_norm(x, …, w, b)          w·normalised(x) + b; normalised is the site
rms_norm(x, …, w)               w·normalised(x), without the mean taken off
group_norm, instance_norm       the same of groups of channels
normalize(x)                    x/‖x‖: rms_norm over one axis, divided by √n
softmax, softmin, Softmax2d     a site themselves
scaled_dot_product_attention    softmax(q kᵀ/√d + mask) v: the softmax is the site
multi_head_attention_forward    projections, attention, projection
==============================  ==============================================================

A score of a mask is −∞, or so low that its exponential is 0 in double precision: the weight of such a
key is 0, whatever the polynomials do.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
import torch.fx
import torch.nn.functional as functional
from torch import nn

Parts = tuple[str, Callable[[], Any], Callable[[Any], Any], dict[str, Any]]
"""Name of the site's function, its input, what follows it, its options."""

VECTOR_FUNCTIONS = ("softmax", "layer_norm", "rms_norm")
"""Names of the sites that are functions of vectors."""
MODULES = (
    nn.Softmax, nn.Softmin, nn.Softmax2d, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.InstanceNorm1d,
    nn.InstanceNorm2d, nn.InstanceNorm3d, nn.MultiheadAttention,
)  # fmt: skip
_NO_MASK = -math.inf


def exact_softmax(x: torch.Tensor, dim: int) -> torch.Tensor:
    """What torch computes at a site of softmax."""
    return functional.softmax(x, dim)


def exact_layer_norm(x: torch.Tensor, dims: int, eps: float) -> torch.Tensor:
    """What torch computes at a site of layer normalisation.

    Examples
    --------
    >>> exact_layer_norm(torch.tensor([1.0, 3.0]), 1, 0.0)
    tensor([-1.,  1.])
    """
    return functional.layer_norm(x, list(x.shape[x.ndim - dims :]), eps=eps)


def exact_rms_norm(x: torch.Tensor, dims: int, eps: float) -> torch.Tensor:
    """What torch computes at a site of normalisation without a mean."""
    return functional.rms_norm(x, list(x.shape[x.ndim - dims :]), eps=eps)


def _one_node(function: Callable[..., Any]) -> Callable[..., Any]:
    """In a trace, one node of it."""

    @functools.wraps(function)
    def called(*args: Any) -> Any:
        known = next((a for a in args if isinstance(a, torch.fx.Proxy)), None)
        return function(*args) if known is None else known.tracer.create_proxy("call_function", called, args, {})

    return called


def _same(value: Any) -> Any:
    return value


def softmax(input: Any, dim: Any = None, _stacklevel: Any = 3, dtype: Any = None) -> Parts | None:
    """Softmax along one axis, which must be said."""
    if not isinstance(dim, int):
        return None
    dtype = _stacklevel if isinstance(_stacklevel, torch.dtype) else dtype  # of torch.softmax and of methods
    inner = (lambda: input) if dtype is None else (lambda: input.to(dtype))
    return "softmax", inner, _same, {"dim": dim}


def softmin(input: Any, dim: Any = None, _stacklevel: int = 3, dtype: Any = None) -> Parts | None:
    """Softmax of −x."""
    found = softmax(input, dim, dtype=dtype)
    return None if found is None else (found[0], lambda: -found[1](), *found[2:])


def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, cudnn_enable: bool = True
) -> Parts:
    """w·normalised(x) + b."""
    options = {"dims": len(normalized_shape), "eps": float(eps)}
    return "layer_norm", lambda: input, lambda value: _affine(value, weight, bias), options


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Parts:
    """w·normalised(x)."""
    known = isinstance(input, torch.Tensor)
    least = torch.finfo(input.dtype if known else torch.float32).eps
    options = {"dims": len(normalized_shape), "eps": least if eps is None else float(eps)}
    return "rms_norm", lambda: input, lambda value: _affine(value, weight, None), options


def _affine(value: Any, weight: Any, bias: Any) -> Any:
    value = value if weight is None else value * weight
    return value if bias is None else value + bias


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Parts:
    """Layer normalisation of the groups."""
    def inner() -> Any:
        each = input.flatten(1).shape[1] // num_groups  # −1 would not do for an empty batch
        return input.reshape(input.shape[0], num_groups, each)

    def finish(value: Any) -> Any:
        value = value.reshape(input.shape)
        if weight is not None:
            value = (value.transpose(1, -1) * weight).transpose(1, -1)
        return value if bias is None else (value.transpose(1, -1) + bias).transpose(1, -1)

    return "layer_norm", inner, finish, {"dims": 1, "eps": float(eps)}


def instance_norm(
    input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Parts | None:  # fmt: skip
    """A group for each channel; with running statistics it is linear."""
    if use_input_stats is not True:
        return None
    def inner() -> Any:
        return input.flatten(2)

    _, _, finish, options = group_norm(input, 1, weight, bias, eps)
    return "layer_norm", inner, finish, options


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Parts | None:
    """x/‖x‖, of vectors that are not 0."""
    if p != 2 or not isinstance(dim, int) or out is not None:
        return None
    def finish(value: Any) -> Any:
        return value.transpose(dim, -1) * input.shape[dim] ** -0.5

    return "rms_norm", lambda: input.transpose(dim, -1), finish, {"dims": 1, "eps": 0.0}


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Parts:  # fmt: skip
    """softmax(q kᵀ/√d + mask) v; dropout only in training, where it stays."""
    def inner() -> Any:
        return attention_scores(query, key, attn_mask, is_causal, scale, enable_gqa)

    def finish(weights: Any) -> Any:
        return attention_values(weights, value, dropout_p, enable_gqa)

    return "softmax", inner, finish, {"dim": -1}


@_one_node
def attention_scores(
    query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None, causal: bool, scale: float | None, grouped: bool
) -> torch.Tensor:
    """q kᵀ/√d, with −∞ where a mask forbids.

    Examples
    --------
    >>> attention_scores(torch.ones(1, 2, 4), torch.ones(1, 2, 4), None, True, None, False)
    tensor([[[2., -inf],
             [2., 2.]]])
    """
    key = _repeated(key, query, grouped)
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    scores = (query * factor) @ key.transpose(-2, -1)
    if causal:
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~allowed, _NO_MASK)
    if mask is None:
        return scores
    return scores.masked_fill(~mask, _NO_MASK) if mask.dtype == torch.bool else scores + mask


@_one_node
def attention_values(weights: torch.Tensor, value: torch.Tensor, dropout: float, grouped: bool) -> torch.Tensor:
    """Weights times values."""
    if dropout > 0:
        weights = functional.dropout(weights, dropout)
    return weights @ _repeated(value, weights, grouped)


def _repeated(key: torch.Tensor, query: torch.Tensor, grouped: bool) -> torch.Tensor:
    return key.repeat_interleave(query.shape[-3] // key.shape[-3], -3) if grouped else key


def multi_head_attention_forward(
    query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any,
    in_proj_bias: Any, bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float,
    out_proj_weight: Any, out_proj_bias: Any, training: bool = True, key_padding_mask: Any = None,
    need_weights: bool = True, attn_mask: Any = None, use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None, k_proj_weight: Any = None, v_proj_weight: Any = None, static_k: Any = None,
    static_v: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
) -> Parts | None:  # fmt: skip
    """As torch computes it, sequences first: (length, batch, width), or (length, width)."""
    if add_zero_attn or any(v is not None for v in (bias_k, bias_v, static_k, static_v)):
        return None
    separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    matrices = separate if use_separate_proj_weight else in_proj_weight.chunk(3)
    offsets = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
    single = query.dim() == 2
    given = [v.unsqueeze(1) if single else v for v in (query, key, value)]
    q, k, v = (
        functional.linear(x, w, b).unflatten(-1, (num_heads, -1)).permute(1, 2, 0, 3)
        for x, w, b in zip(given, matrices, offsets, strict=True)
    )  # (batch, heads, length, width of a head)
    mask = _joint_mask(attn_mask, key_padding_mask, q)

    def finish(weights: Any) -> Any:
        values = attention_values(weights, v, dropout_p if training else 0.0, False)
        joined = functional.linear(values.permute(2, 0, 1, 3).flatten(2), out_proj_weight, out_proj_bias)
        shown = weights.mean(1) if average_attn_weights else weights
        result = joined.squeeze(1) if single else joined
        return result, ((shown.squeeze(0) if single else shown) if need_weights else None)

    return "softmax", lambda: attention_scores(q, k, mask, False, None, False), finish, {"dim": -1}


def _joint_mask(mask: Any, padding: Any, q: torch.Tensor) -> torch.Tensor | None:
    """Both masks as one that is added to the scores of (batch, heads, length, length)."""
    found = None
    if mask is not None:
        found = _added(mask, q)
        if found.dim() == 3:  # one for each head
            found = found.view(q.shape[0], q.shape[1], *found.shape[1:])
    if padding is None:
        return found
    keys = _added(padding if padding.dim() == 2 else padding.unsqueeze(0), q)[:, None, None, :]
    return keys if found is None else found + keys


def _added(mask: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, _NO_MASK)


RULES: dict[str, Callable[..., Parts | None]] = {
    "softmax": softmax,
    "softmin": softmin,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "normalize": normalize,
    "scaled_dot_product_attention": scaled_dot_product_attention,
    "multi_head_attention_forward": multi_head_attention_forward,
}
"""By name of torch's function."""
