"""A run goes on exactly where it stopped, and nearly so from the small state."""

from __future__ import annotations

import argparse
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from config import policy_config
from engine import optimisers
from model import PolicyModel
from schedule import Cosine, Plateau, read_plateau
from spec import Recipe
from state import Progress, read_progress
from train import Trainer


@pytest.fixture
def make(folder: Path, recipe: Recipe, vocabulary: Path, tmp_path: Path, options: argparse.Namespace):
    """Makes a trainer whose run is in a folder of the given name."""

    def trainer(name: str, state: Path | None = None) -> Trainer:
        run = tmp_path / name
        run.mkdir(exist_ok=True)
        shutil.copyfile(vocabulary, run / "tokenizer.model")
        torch.manual_seed(0)
        return Trainer(recipe, folder, run, state or run / "state.safetensors", options)

    return trainer


def weights(trainer: Trainer) -> list[torch.Tensor]:
    return [*trainer.state.model.state_dict().values(), *trainer.state.average.state_dict().values()]


def test_resume_is_exact(make) -> None:
    whole = make("whole")
    losses = [whole.step(0.5) for _ in range(4)]
    first = make("parts")
    assert np.array_equal(losses[:2], [first.step(0.5) for _ in range(2)])
    first.save()
    second = make("parts")
    assert second.state.progress.step == 2 and second.state.progress.samples == 12
    assert np.array_equal(losses[2:], [second.step(0.5) for _ in range(2)])
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(second), strict=True))


def test_the_portable_state_continues_within_bf16(make, tmp_path: Path) -> None:
    first = make("first")
    for _ in range(3):
        first.step(0.5)
    first.save()
    state = tmp_path / "first" / "state.safetensors"
    count = sum(parameter.numel() for parameter in first.state.model.parameters())
    assert state.stat().st_size < 2 * (2 * count + 2 * count) + 100_000  # two sets of weights, at most two moments
    assert read_progress(state) == first.state.progress == Progress(3, 18, 0.0, 0, 4, 0)
    second = make("second", state)
    assert second.state.progress == Progress(3, 18, 0.0, 3, 4, 0)  # warms up again
    for ours, theirs in zip(weights(first), weights(second), strict=True):
        assert torch.equal(ours.bfloat16(), theirs.bfloat16())
    adam, original = second.state.optimisers[1].state_dict()["state"], first.state.optimisers[1].state_dict()["state"]
    assert adam.keys() == original.keys()
    assert all(torch.allclose(adam[k]["exp_avg"], original[k]["exp_avg"], rtol=0.01, atol=1e-12) for k in adam)
    assert np.isfinite(second.step(0.5)).all()


def test_bf16_gradients_are_near(make) -> None:
    """The path of a GPU (mixed precision, PyTorch's own layers), on a CPU."""
    trainer = make("run")
    compute, parameters = trainer._compute, list(trainer.state.model.parameters())
    indices = np.arange(12)
    exact = compute(indices, [0])
    gradients = [parameter.grad.clone() for parameter in parameters]
    compute.bf16 = True
    assert compute(indices, [0]) == pytest.approx(exact, rel=0.02)
    assert all(parameter.grad.dtype == torch.float32 for parameter in parameters)
    ours, theirs = (torch.cat([g.flatten() for g in grads]) for grads in (gradients, [p.grad for p in parameters]))
    assert torch.nn.functional.cosine_similarity(ours, theirs, dim=0) > 0.98


def test_a_report_names_every_held_out_task(make) -> None:
    trainer = make("run")
    line = trainer.report(trainer.step(1.0), Progress())
    assert list(line["held_out_by_task"]) == list(trainer.recipe.tasks[:3])
    assert 0 < line["held_out_error"] < 2 and "held_out_other_words" in line
    assert (trainer.run / "curve.jsonl").exists()


def test_schedules(tmp_path: Path) -> None:
    plateau = Plateau(samples=1000, fall=0.5)
    late = {"step": 500}
    assert plateau.factor(Progress(samples=400, **late)) == pytest.approx(1.001)
    assert plateau.factor(Progress(samples=750, **late)) == pytest.approx(0.501)
    assert plateau.over(Progress(samples=1000)) and not plateau.over(Progress(samples=999))
    assert plateau.factor(Progress(samples=0, step=500, warm_up_from=500)) < 0.01
    assert Cosine(10).factor(Progress(seconds=300, **late)) == pytest.approx(0.501)
    path = tmp_path / "schedule.json"
    assert read_plateau(path, 1_000) == Plateau(1_000)
    path.write_text('{"samples": 5, "fall": 0.1}')
    assert read_plateau(path, 1_000) == Plateau(5, 0.1)


def test_states_of_earlier_runs_fit_the_model() -> None:
    """AdamW's moments are saved by the place of a weight: names and places are those of the runs before."""
    model = PolicyModel(policy_config(2496, "mt5"))
    names = "\n".join(name for name, _ in model.named_parameters())
    assert hashlib.sha256(names.encode()).hexdigest()[:16] == "61848223b9b326ff"
    assert [len(group["params"]) for one in optimisers(model) for group in one.param_groups] == [69, 75]
