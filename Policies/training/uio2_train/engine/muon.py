"""Muon: momentum whose matrix updates are made orthogonal by a Newton-Schulz iteration."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from itertools import repeat
from typing import Any

import torch
from torch import Tensor

from ..model.products import product

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalise(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Pushes the singular values of ``[rows, columns]`` with rows <= columns towards 1."""
    a, b, c = _COEFFICIENTS
    x = matrix / (matrix.norm() + 1e-7)
    for _ in range(iterations):
        gram = product(x, x)
        x = a * x + product(b * gram + c * product(gram, gram), x.T.contiguous())
    return x


class Muon(torch.optim.Optimizer):
    """Muon for matrices only; the threads of ``pool``, when there is one, share them out."""

    pool: Executor | None = None

    def __init__(
        self, parameters: Iterable[Tensor], lr: float = 0.02, momentum: float = 0.95, weight_decay: float = 0.05
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of every matrix that has a gradient."""
        run: Any = map if self.pool is None else self.pool.map
        for group in self.param_groups:
            matrices = [parameter for parameter in group["params"] if parameter.grad is not None]
            list(run(self._update, matrices, repeat(group)))

    @torch.no_grad()
    def _update(self, parameter: Tensor, group: dict[str, float]) -> None:
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].lerp_(gradient, 1 - group["momentum"])
        direction = gradient.lerp(momentum, group["momentum"])
        rows, columns = parameter.shape
        wide = rows <= columns
        update = orthogonalise(direction if wide else direction.T.contiguous())
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(update if wide else update.T, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)
