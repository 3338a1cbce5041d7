"""The training loop: resumable to the step, on CPU threads, a GPU, or several processes.

The learning rate follows a cosine over the recipe's steps, or over its minutes, so that a busy machine gives a shorter
but complete run.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import TrainingError
from ..model.products import fast_products, keep_heap
from ..recipe import TrainingRecipe
from .gradients import PlainGradients, ThreadedGradients
from .preparation import Prepared
from .progress import Progress
from .weights import choose_trainable, make_optimisers


def process_numbers() -> tuple[int, int, int]:
    """Rank, processes and rank on this machine, as ``torchrun`` says them."""
    rank, world, local = (int(os.environ.get(name, default)) for name, default in
                          (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0")))  # fmt: skip
    return rank, world, local


class Stop:
    """Whether SIGINT or SIGTERM asked for an end: the step at hand is finished, and the run kept."""

    def __init__(self) -> None:
        self.signal: int | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Takes the two signals over; a second one ends the process as ever. Other threads than the main one cannot."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number: int, _: object) -> None:
            self.signal = number
            signal.signal(number, before[number])

        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in before:
            signal.signal(number, ask)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Average:
    """A running average of the trained weights; the others are the model's own."""

    def __init__(self, trained: dict[str, nn.Parameter], decay: float) -> None:
        self._trained, self._decay = trained, decay
        self.weights = {name: parameter.detach().clone() for name, parameter in trained.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes the weights after ``step`` in; early steps are soon forgotten."""
        decay = min(self._decay, (step + 1) / (step + 10))
        torch._foreach_lerp_(list(self.weights.values()), list(self._trained.values()), 1 - decay)

    @torch.no_grad()
    def exchange(self) -> None:
        """Puts the average into the model and the model's weights here; twice is as before."""
        for name, parameter in self._trained.items():
            kept = parameter.detach().clone()
            parameter.copy_(self.weights[name])
            self.weights[name].copy_(kept)


class Trainer:
    """Trains a prepared policy in a run's folder.

    Args:
        prepared: the policy.
        run: the folder; a run that is there goes on.
        report: is told what happens (on the first process alone).
        device: ``cpu``, ``cuda``, or the best there is when left out.
    """

    def __init__(self, prepared: Prepared, run: Path, report: Callable[[str], None], device: str | None = None) -> None:
        self.rank, self.world, local = process_numbers()
        self._report = report if self.rank == 0 else (lambda _: None)
        self.recipe: TrainingRecipe = prepared.recipe.training
        if (self.recipe.steps is None) == (self.recipe.minutes is None):
            raise TrainingError("invalid_recipe", "training", "expected either steps or minutes")
        kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.device = torch.device(f"cuda:{local}" if kind == "cuda" else kind)
        if self.world > 1 and not torch.distributed.is_initialized():
            torch.distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
        self._prepared, self._run, self._stop = prepared, run, Stop()
        run.mkdir(parents=True, exist_ok=True)
        self.step, self.elapsed = 0, 0.0
        self._build()
        self._resume()

    def _build(self) -> None:
        prepared, recipe = self._prepared, self.recipe
        torch.manual_seed(recipe.seed)
        self.model = prepared.model
        self.trained = choose_trainable(self.model, recipe)
        module = prepared.step()
        module.to(self.device).train()
        self.trained = {name: parameter for name, parameter in self.model.named_parameters() if name in self.trained}
        # Weights that are trained along and belong to no policy.
        self.heads: dict[str, nn.Parameter] = dict(getattr(module, "heads", {}))
        rates = recipe.muon_rate, recipe.adam_rate, recipe.weight_decay
        self.optimisers = make_optimisers(self.trained | self.heads, *rates)
        self.average = Average(self.trained, recipe.average_decay)
        self._sampler, self._held_out = prepared.samplers(self._run / "cache", self._report)
        self._batches = prepared.batches(self._sampler)
        parameters = [*self.trained.values(), *self.heads.values()]
        total = self.world * recipe.slices
        if recipe.batch % total:
            message = f"expected a multiple of {total} (processes times slices), found {recipe.batch}"
            raise TrainingError("invalid_recipe", "training.batch", message)
        self._gradients: ThreadedGradients | PlainGradients
        if self.device.type == "cpu" and self.world == 1:
            self._gradients = ThreadedGradients(module, parameters, self._draw, recipe.threads, recipe.slices)
        else:
            self._gradients = PlainGradients(
                module, parameters, self._draw, recipe.slices, self.device, recipe.precision
            )
        for optimiser in self.optimisers:
            optimiser.pool = self._gradients.pool  # type: ignore[attr-defined]

    def _draw(self, step: int, number: int) -> Any:
        """The batch of a slice, which follows from seed, step and number alone."""
        slices = self.world * self.recipe.slices
        random = np.random.default_rng([self.recipe.seed, step, self.rank * self.recipe.slices + number])
        return self._batches.draw(random, self.recipe.batch // slices)

    # Checkpoints

    @property
    def checkpoint(self) -> Path:
        """The run's state."""
        return self._run / "checkpoint.pt"

    def _resume(self) -> None:
        if not self.checkpoint.is_file():
            return
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if state["trained"].keys() != self.trained.keys():
            message = "was made with another recipe: other weights were trained; name another folder"
            raise TrainingError("wrong_checkpoint", str(self.checkpoint), message)
        with torch.no_grad():
            for name, parameter in self.trained.items():
                if parameter.shape != state["trained"][name].shape:
                    message = f"was made with another model: {name} has another shape; name another folder"
                    raise TrainingError("wrong_checkpoint", str(self.checkpoint), message)
                parameter.copy_(state["trained"][name])
                self.average.weights[name].copy_(state["average"][name])
            for name, parameter in self.heads.items():
                parameter.copy_(state["heads"][name])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step, self.elapsed = state["step"], state["elapsed"]

    def save(self) -> None:
        """Writes the run's state; a crash leaves the previous one whole."""
        if self.rank:
            return
        state = {
            "trained": {name: parameter.detach() for name, parameter in self.trained.items()},
            "average": self.average.weights, "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "heads": {name: parameter.detach() for name, parameter in self.heads.items()},
            "step": self.step, "elapsed": self.elapsed,
        }  # fmt: skip
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, self.checkpoint)

    # The loop

    def share_done(self) -> float:
        """How much of the training is done, 0..1."""
        if self.recipe.steps is not None:
            return self.step / self.recipe.steps
        return self.elapsed / (60 * float(self.recipe.minutes or 1))

    def _share_or_stop(self) -> float:
        return math.inf if self._stop.signal is not None else self.share_done()

    def _agreed(self, share: float) -> float:
        """The first process's share, so that all follow the same rate and end together."""
        if self.world == 1:
            return share
        value = torch.tensor([share], device=self.device, dtype=torch.float64)
        torch.distributed.broadcast(value, 0)
        return float(value[0])

    def train(self, until: int | None = None) -> int | None:
        """Trains to the end, to a step, or until a signal asks for an end; returns that signal.

        The run's folder has everything needed to go on in each case.
        """
        with self._stop.watching():
            self._train(until)
        return self._stop.signal

    def _train(self, until: int | None) -> None:
        keep_heap()
        if self.device.type == "cpu":
            torch.set_num_threads(1)  # see ThreadedGradients
        sizes = (
            sum(parameter.numel() for parameter in self.trained.values()),
            sum(p.numel() for p in self.model.parameters()),
        )
        self._report(
            f"{sizes[0] / 1e6:.2f} M of {sizes[1] / 1e6:.2f} M weights trained, {len(self._sampler)} samples, "
            f"{self.world} process{'es' if self.world > 1 else ''} on {self.device}, step {self.step}"
        )
        progress = Progress(self._run, self.step) if self.rank == 0 else None
        saved, then = self.elapsed, time.monotonic()
        with fast_products(self.device.type == "cpu"):
            while (share := self._agreed(self._share_or_stop())) < 1 and (until is None or self.step < until):
                losses = self._one_step(share)
                now = time.monotonic()
                self.elapsed, then = self.elapsed + now - then, now
                if progress is not None:
                    line = progress.add(self.step, losses, self.recipe.batch, self.share_done(), self.elapsed)
                    if line:
                        self._report(line)
                    if self.elapsed - saved > self.recipe.checkpoint_seconds:
                        saved = self.elapsed
                        self._checkpoint(progress)
            if progress is not None:
                self._checkpoint(progress)
                progress.close()
        if self.world > 1:
            torch.distributed.barrier()

    def _one_step(self, share: float) -> dict[str, float]:
        warm = min(1.0, (self.step + 1) / max(1, self.recipe.warm_up_steps))
        factor = warm * (0.5 + 0.5 * math.cos(math.pi * min(share, 1.0))) + 1e-3
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["base"] * factor
        losses = self._gradients(self.step)
        if not math.isfinite(losses["loss"]):
            message = f"is {losses['loss']} at step {self.step}; lower training.muon_rate and training.adam_rate"
            raise TrainingError("diverged", "loss", message)
        parameters: list[Tensor] = [*self.trained.values(), *self.heads.values()]
        nn.utils.clip_grad_norm_(parameters, self.recipe.gradient_norm)
        for optimiser in self.optimisers:
            optimiser.step()
        self.average.update(self.step)
        self.step += 1
        return losses

    def _checkpoint(self, progress: Progress) -> None:
        self.save()
        figures = self.validate()
        for name, value in figures.items():
            progress.note(self.step, name, value)
        if figures:
            told = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
            self._report(f"checkpoint at step {self.step}: {self._prepared.validation}: {told}")
        progress.write()

    def validate(self) -> dict[str, float]:
        """What the average does on held-out data; nothing where none are held out."""
        if self._held_out is None:
            return {}
        self.average.exchange()
        self.model.eval()
        try:
            return self._prepared.validate(self._held_out)
        finally:
            self.model.train()
            self.average.exchange()

    def state(self) -> dict[str, Any]:
        """Step and seconds trained."""
        return {"step": self.step, "elapsed": self.elapsed}
