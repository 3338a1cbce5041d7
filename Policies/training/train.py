"""Trains the policy on the shards of a folder; resumable, and it takes in shards that appear meanwhile.

    python train.py --recipe metaworld-mt50 --data DIR --run DIR [--state FILE] [--batch 64] [--slices 4] [--threads 2]
    python train.py --recipe metaworld-mt5 --data DIR --run DIR --minutes 95
    python train.py --recipe metaworld-mt50 --data DIR --run DIR --device cuda --batch 512

With ``--minutes`` the learning rate follows a cosine over the minutes of training, else ``schedule.json`` in the run's
folder (``schedule.py``). A checkpoint is written every few minutes and replaces the last one in one step; the portable
state goes to ``--state`` as well, and is where a run without a checkpoint begins.
"""

from __future__ import annotations

import argparse
import copy
import math
import signal
import time
from pathlib import Path

import numpy as np
import torch

import curve
from config import policy_config
from data import Dataset
from engine import BASE_RATES, ParallelGradients, action_errors, initialise, optimisers
from model import PolicyModel
from schedule import Cosine, Plateau, read_plateau
from spec import RECIPES, REPOSITORY, Recipe
from state import Progress, TrainingState, extract_tokenizer
from tokenizer import train as train_tokenizer
from uio2_train.model.products import fast_products, keep_heap
from uio2_train.tokenizer import Tokenizer
from warm_start import begin_from
from wordings import NEVER_TRAINED

CHECKPOINT_SECONDS = 180
REPORT_SAMPLES = 8_000
"""Samples between measurements: on a busy machine they would take a good part of what is left for training."""
GRADIENT_NORM = 1.0
AVERAGE_DECAY = 0.999
LONGEST_STEP = 20.0
"""Seconds; a step that took longer was paused meanwhile."""
HELD_OUT_SAMPLES = 400


class Trainer:
    """One run: what it learns, from what, and the files it keeps."""

    def __init__(self, recipe: Recipe, data: Path, run: Path, state_file: Path, options: argparse.Namespace) -> None:
        self.recipe, self.run, self._state_file = recipe, run, state_file
        self._options, self._stopping = options, False
        self._reported_at = time.process_time()
        run.mkdir(parents=True, exist_ok=True)
        self._vocabulary = run / "tokenizer.model"
        checkpoint = run / "checkpoint.pt"
        if not self._vocabulary.exists():
            if state_file.exists():
                extract_tokenizer(state_file, self._vocabulary)
            else:
                train_tokenizer(self._vocabulary, recipe)
        self.tokenizer = Tokenizer.load(self._vocabulary)
        device = torch.device(options.device)
        model = PolicyModel(policy_config(self.tokenizer.padded_size, recipe.size))
        initialise(model, self.tokenizer)
        if recipe.begins_from and not (checkpoint.exists() or state_file.exists()):
            begin_from(REPOSITORY / "Policies" / recipe.begins_from, model, self.tokenizer)
        model.to(device)
        average = copy.deepcopy(model).requires_grad_(False)
        self.state = TrainingState(model, average, optimisers(model), Progress())
        if checkpoint.exists():
            self.state.load(checkpoint)
        elif state_file.exists():
            self.state.load_portable(state_file)
        self.dataset = Dataset(data, recipe, self.tokenizer, sampling=run / "sampling.json")
        self.held_out = Dataset(data, recipe, self.tokenizer, validation=True)
        self._compute = ParallelGradients(model, self.dataset, self.tokenizer, options.threads, options.slices, device)
        self.state.optimisers[0].pool = self._compute.pool if device.type == "cpu" else None

    def schedule(self) -> Cosine | Plateau:
        """The learning rate's course, as of now."""
        return Cosine(self._options.minutes) if self._options.minutes else read_plateau(self.run / "schedule.json", self.recipe.total_samples)

    def step(self, factor: float) -> np.ndarray:
        """One update at ``factor`` of the base rates; returns the losses of actions and of positions ``[2]``."""
        state, progress = self.state, self.state.progress
        for optimiser, rate in zip(state.optimisers, BASE_RATES, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * factor
        # Everything random in a step follows from its number: a restart goes on as if there had been none.
        seed = [self._options.seed, progress.step]
        indices = self.dataset.draw(np.random.default_rng(seed), self._options.batch)
        losses = self._compute(indices, seed)
        parameters = list(state.model.parameters())
        torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_NORM)
        for optimiser in state.optimisers:
            optimiser.step()
        decay = min(AVERAGE_DECAY, (progress.step + 1) / (progress.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(state.average.parameters()), parameters, 1 - decay)
        progress.step += 1
        progress.samples += self._options.batch
        return losses

    def save(self) -> None:
        """Writes both the exact checkpoint and the portable state."""
        progress = self.state.progress
        progress.next_round = max(progress.next_round, self.dataset.rounds("demonstrations"))
        progress.next_dagger_round = max(progress.next_dagger_round, self.dataset.rounds("dagger"))
        self.state.save(self.run / "checkpoint.pt")
        self._state_file.parent.mkdir(parents=True, exist_ok=True)
        self.state.save_portable(self._state_file, self._vocabulary)

    def report(self, losses: np.ndarray, last: Progress) -> dict:
        """Measures the averaged weights on held-out resets and adds a line to the learning curve.

        ``losses`` ``[2]`` is their mean since the progress ``last`` of the line before.
        """
        progress, processor = self.state.progress, time.process_time() - self._reported_at
        held_out, tasks, pool = self.held_out, self.recipe.tasks, self._compute.pool
        indices = np.unique(np.linspace(0, len(held_out) - 1, HELD_OUT_SAMPLES).astype(int))
        measure = [self.state.average, held_out, self.tokenizer, indices]
        error = action_errors(*measure, run=pool.map)
        line = {
            "minute": progress.seconds / 60,
            "step": progress.step,
            "samples": progress.samples,
            "samples_a_second": (progress.samples - last.samples) / max(progress.seconds - last.seconds, 1e-9),
            "samples_a_processor_second": (progress.samples - last.samples) / max(processor, 1e-9),
            "action_loss": float(losses[0]),
            "position_loss": float(losses[1]),
            "held_out_error": error.mean().item(),
            "held_out_first_step": error[:, :4].mean().item(),
        }
        if self.recipe.many_wordings:
            other = action_errors(*measure, say=lambda task: NEVER_TRAINED[tasks[task]][0], run=pool.map)
            line["held_out_other_words"] = other.mean().item()
        owners = held_out.batch_tasks(indices)
        line["held_out_by_task"] = {tasks[task]: error[owners == task].mean().item() for task in np.unique(owners)}
        line["dataset"] = len(self.dataset)
        curve.append(self.run, "training", **line)
        self._reported_at = time.process_time()
        print(f"held-out action error {line['held_out_error']:.4f} after {progress.samples} samples "
              f"of {line['dataset']}, {line['samples_a_second']:.0f} a second", flush=True)  # fmt: skip
        return line

    def _stop(self, *_: object) -> None:
        """Lets the present step end, then saves."""
        self._stopping = True

    def train(self) -> None:
        """Runs to the schedule's end."""
        progress, schedule = self.state.progress, self.schedule()
        size = sum(parameter.numel() for parameter in self.state.model.parameters()) / 1e6
        print(f"{size:.2f} M parameters, {len(self.dataset)} samples, step {progress.step}", flush=True)
        last_time, sums = time.monotonic(), []
        saved, reported = progress.seconds, copy.copy(progress)
        end = progress.seconds + 60 * self._options.for_minutes
        signal.signal(signal.SIGTERM, self._stop)
        while not (over := schedule.over(progress) or progress.seconds >= end) and not self._stopping:
            sums.append(self.step(schedule.factor(progress)))
            now = time.monotonic()
            progress.seconds, last_time = progress.seconds + min(now - last_time, LONGEST_STEP), now
            if progress.step % 50 == 0:
                mean = np.mean(sums[-50:], axis=0)
                print(f"step {progress.step} minute {progress.seconds / 60:.1f} action {mean[0]:.3f} "
                      f"position {mean[1]:.3f}", flush=True)  # fmt: skip
            if progress.seconds - saved > CHECKPOINT_SECONDS:
                self.save()
                self.dataset.refresh()
                saved, schedule = progress.seconds, self.schedule()
                if progress.samples - reported.samples >= REPORT_SAMPLES:
                    self.report(np.mean(sums, axis=0), reported)
                    reported, sums, last_time = copy.copy(progress), [], time.monotonic()
        if over and sums:
            self.report(np.mean(sums, axis=0), reported)
        self.save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = Path(__file__).parent / "data"
    parser.add_argument("--recipe", choices=RECIPES, default="metaworld-mt5")
    parser.add_argument("--data", type=Path, default=folder / "shards")
    parser.add_argument("--run", type=Path, default=folder / "run")
    parser.add_argument("--state", type=Path, help="the portable state; default: state.safetensors of the run")
    parser.add_argument("--minutes", type=float, default=0.0, help="a cosine of this length")
    parser.add_argument("--for-minutes", type=float, default=math.inf, help="stop after this long, to go on later")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--slices", type=int, default=4, help="parts of a batch that threads share out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if options.device == "cpu":
        keep_heap()
        torch.set_num_threads(1)  # see ParallelGradients
    torch.manual_seed(options.seed)
    state = options.state or options.run / "state.safetensors"
    with fast_products():
        Trainer(RECIPES[options.recipe], options.data, options.run, state, options).train()


if __name__ == "__main__":
    main()
