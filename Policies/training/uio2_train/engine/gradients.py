"""Gradients of a batch: on threads of one CPU process, or with accumulation and DDP on several processes and GPUs.

Either way a batch is cut into slices that are drawn by their own numbers, so that one process with two slices and two
processes with one each compute the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn

Draw = Callable[[int, int], Any]
"""The batch of a step's slice, which the module takes."""


class ThreadedGradients:
    """The mean over slices that threads take as they become free, each operation on one core.

    Threads inside an operation would wait for one another hundreds of times a step, which on a machine with other
    work costs more than half of the speed.
    """

    def __init__(
        self, module: nn.Module, trained: list[nn.Parameter], draw: Draw, threads: int, slices: int
    ) -> None:
        self._module, self._trained, self._draw, self._slices = module, trained, draw, slices
        self.pool = ThreadPoolExecutor(threads)

    def _slice(self, step: int, number: int) -> tuple[tuple[Tensor | None, ...], dict[str, float]]:
        total, parts = self._module(self._draw(step, number))
        gradients = torch.autograd.grad(total, self._trained, allow_unused=True)
        return gradients, {name: float(value.detach()) for name, value in {"loss": total, **parts}.items()}

    def __call__(self, step: int) -> dict[str, float]:
        """Sets ``grad`` of the trained weights; returns the losses."""
        sums: list[Tensor | None] = [None] * len(self._trained)
        losses: dict[str, float] = {}
        for gradients, values in self.pool.map(self._slice, [step] * self._slices, range(self._slices)):
            for name, value in values.items():
                losses[name] = losses.get(name, 0.0) + value / self._slices
            for index, gradient in enumerate(gradients):
                if gradient is not None:
                    present = sums[index]
                    sums[index] = gradient if present is None else present.add_(gradient)
        for parameter, total in zip(self._trained, sums, strict=True):
            parameter.grad = None if total is None else total.mul_(1.0 / self._slices)
        return losses


class PlainGradients:
    """Ordinary backward passes, accumulated over slices; gradients are averaged over processes by DDP."""

    def __init__(
        self, module: nn.Module, trained: list[nn.Parameter], draw: Draw, slices: int, device: torch.device,
        precision: str,
    ) -> None:  # fmt: skip
        self._trained, self._draw, self._slices, self._device = trained, draw, slices, device
        self._module: nn.Module = module
        self.pool = None
        self._bf16 = precision == "bf16"
        self._world = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
        if self._world > 1:
            ids = [device.index] if device.type == "cuda" else None
            self._module = nn.parallel.DistributedDataParallel(module, device_ids=ids, find_unused_parameters=True)

    def __call__(self, step: int) -> dict[str, float]:
        """Sets ``grad`` of the trained weights; returns the losses, averaged over processes."""
        for parameter in self._trained:
            parameter.grad = None
        losses: dict[str, Tensor] = {}
        for number in range(self._slices):
            last = number == self._slices - 1
            waits = isinstance(self._module, nn.parallel.DistributedDataParallel) and not last
            with self._module.no_sync() if waits else contextlib.nullcontext():  # type: ignore[operator]
                with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
                    total, parts = self._module(self._draw(step, number).to(self._device))
                (total / self._slices).backward()
            for name, value in {"loss": total, **parts}.items():
                losses[name] = losses.get(name, torch.zeros((), device=self._device)) + value.detach() / self._slices
        if self._world > 1:
            stacked = torch.stack(list(losses.values()))
            torch.distributed.all_reduce(stacked)
            losses = dict(zip(losses, stacked / self._world, strict=True))
        return {name: float(value) for name, value in losses.items()}
