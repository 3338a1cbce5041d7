"""Linear layers on oneDNN. On processors for which MKL picks slow kernels this doubles the speed of training."""

from __future__ import annotations

import ctypes

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def keep_heap() -> None:
    """Asks the allocator to keep freed memory: returning it after each operation costs more than many operations."""
    try:
        c = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    trim_threshold, top_pad, mmap_threshold, arena_max = -1, -2, -3, -8
    c.mallopt(arena_max, 1)
    c.mallopt(mmap_threshold, 32 << 20)
    c.mallopt(trim_threshold, 2**31 - 1)
    c.mallopt(top_pad, 64 << 20)


def has_own_gradient(x: Tensor) -> bool:
    """Whether the hand-written gradients here and in ``layers.py`` serve: float32 on a CPU."""
    return x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x`` ``[n, i]`` times the transpose of ``weight`` ``[o, i]``, plus ``bias`` ``[o]``: ``[n, o]``, no gradient."""
    if HAS_ONEDNN and x.device.type == "cpu":
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return functional.linear(x, weight, bias)


class _LinearFunction(torch.autograd.Function):
    """The gradient of ``product``, itself made of two products."""

    @staticmethod
    def forward(context, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        context.save_for_backward(flat, weight)
        context.has_bias = bias is not None
        return product(flat, weight, bias).view(*x.shape[:-1], weight.shape[0])

    @staticmethod
    def backward(context, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
        x, weight = context.saved_tensors
        flat = gradient.reshape(-1, gradient.shape[-1])
        to_x = None
        if context.needs_input_grad[0]:
            to_x = product(flat, weight.T).view(*gradient.shape[:-1], weight.shape[1])
        to_weight = product(flat.T, x.T)
        return to_x, to_weight, flat.sum(0) if context.has_bias else None


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``[..., i]`` to ``[..., o]`` with ``weight`` ``[o, i]``; differentiable."""
    if not has_own_gradient(x):
        return functional.linear(x, weight, bias)
    return _LinearFunction.apply(x, weight, bias)


class Linear(nn.Linear):
    """``nn.Linear`` on ``linear``."""

    def forward(self, x: Tensor) -> Tensor:
        """``[..., i]`` to ``[..., o]``."""
        return linear(x, self.weight, self.bias)
