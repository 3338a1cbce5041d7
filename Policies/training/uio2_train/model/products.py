"""Products of activations and weights.

On processors that MKL does not favour, oneDNN doubles the speed of training.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")

_fast = False


@contextmanager
def fast_products(enabled: bool = True) -> Iterator[None]:
    """Sends f32 products on the CPU to oneDNN meanwhile (for the whole process), where PyTorch was built with it."""
    global _fast
    before, _fast = _fast, enabled and HAS_ONEDNN
    try:
        yield
    finally:
        _fast = before


def keep_heap() -> None:
    """Asks glibc to keep freed memory: returning it after each operation costs more than many operations."""
    try:
        c = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    trim_threshold, top_pad, mmap_threshold, arena_max = -1, -2, -3, -8
    c.mallopt(arena_max, 1)
    c.mallopt(mmap_threshold, 32 << 20)
    c.mallopt(trim_threshold, 2**31 - 1)
    c.mallopt(top_pad, 64 << 20)


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x`` ``[n, i]`` times the transpose of ``weight`` ``[o, i]``, plus ``bias`` ``[o]``: ``[n, o]``, no gradient."""
    if _fast and x.device.type == "cpu" and x.dtype == torch.float32:
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return functional.linear(x, weight, bias)


class _LinearFunction(torch.autograd.Function):
    """The gradient of ``product``, itself made of two products."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        context.save_for_backward(flat, weight)
        context.has_bias = bias is not None
        return product(flat, weight, bias).view(*x.shape[:-1], weight.shape[0])

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = context.saved_tensors
        flat = gradients[0].reshape(-1, weight.shape[0])
        to_x = to_weight = None
        if context.needs_input_grad[0]:
            to_x = product(flat, weight.T).view(*gradients[0].shape[:-1], weight.shape[1])
        if context.needs_input_grad[1]:
            to_weight = product(flat.T, x.T)
        return to_x, to_weight, flat.sum(0) if context.has_bias else None


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``[..., i]`` to ``[..., o]`` with ``weight`` ``[o, i]``; differentiable."""
    if _fast and x.device.type == "cpu" and x.dtype == torch.float32:
        result: Tensor = _LinearFunction.apply(x, weight, bias)
        return result
    return functional.linear(x, weight, bias)


class Linear(nn.Linear):
    """``nn.Linear`` on ``linear``."""

    def forward(self, x: Tensor) -> Tensor:
        """``[..., i]`` to ``[..., o]``."""
        return linear(x, self.weight, self.bias)


class Group(nn.Module):
    """A module that holds others by name, where the release's names need a level in between."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
