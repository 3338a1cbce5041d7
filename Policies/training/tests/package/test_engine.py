"""Training: exact to go on from, the same on one process or two, whole or with adapters."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("pyarrow")
pytest.importorskip("av")

from test_recipe import UNITS, document  # noqa: E402

from uio2_train.__main__ import main  # noqa: E402
from uio2_train.commands.export import BundlePolicy, trained_model  # noqa: E402
from uio2_train.engine.lora import LoRALinear, adapt, merge  # noqa: E402
from uio2_train.engine.muon import Muon, orthogonalise  # noqa: E402
from uio2_train.engine.preparation import prepare  # noqa: E402
from uio2_train.engine.progress import duration  # noqa: E402
from uio2_train.engine.trainer import Trainer  # noqa: E402
from uio2_train.errors import TrainingError  # noqa: E402
from uio2_train.model import Inputs, load_model  # noqa: E402
from uio2_train.recipe_file import load_recipe  # noqa: E402

TINY = Path(__file__).resolve().parents[4] / "Tests" / "UnifiedIOTests" / "Fixtures" / "tiny-a"
SMALL = {"width": 32, "heads": 2, "hidden": 64, "layers": [1, 1], "vision": [24, 2, 48, 2], "latents": 2}
QUICK = {"steps": 6, "batch": 8, "slices": 2, "threads": 1, "warm_up_steps": 2}


def recipe_file(folder: Path, **changes) -> Path:
    """A recipe on the toy episodes with every objective that fits them."""
    made = document(**{"data__held_out": 0.34}) | {
        "model": SMALL, "training": dict(QUICK), "objectives": {"denoising": {"share": 0.5}},
    }  # fmt: skip
    for key, value in changes.items():
        made[key] = made.get(key, {}) | value if isinstance(value, dict) else value
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "toy.yaml"
    file.write_text(yaml.safe_dump(made))
    return file


def train(file: Path, run: Path, until: int | None = None) -> Trainer:
    from uio2_train.commands.train import prepare_run

    recipe = load_recipe(file)
    trainer = Trainer(prepare_run(recipe, run), run, lambda _: None, "cpu")
    trainer.train(until)
    return trainer


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in trainer.trained.items()}


def test_training_goes_on_exactly_where_it_was(tmp_path: Path) -> None:
    file = recipe_file(tmp_path)
    whole = weights(train(file, tmp_path / "a"))
    train(file, tmp_path / "b", until=3)
    resumed = train(file, tmp_path / "b")
    assert resumed.step == 6
    for name, value in weights(resumed).items():
        assert torch.equal(value, whole[name]), name
    rows = list(csv.DictReader(open(tmp_path / "b" / "losses.csv")))
    assert rows == [] or float(rows[-1]["step"]) <= 6


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_training_after_the_step_and_loses_nothing(number: int, tmp_path: Path) -> None:
    from uio2_train.commands.train import prepare_run

    file = recipe_file(tmp_path)
    whole = weights(train(file, tmp_path / "a"))
    trainer = Trainer(prepare_run(load_recipe(file), tmp_path / "b"), tmp_path / "b", lambda _: None, "cpu")
    gradients = trainer._gradients

    def interrupted(step: int) -> dict[str, float]:
        if step == 2:
            os.kill(os.getpid(), number)
        return gradients(step)

    trainer._gradients = interrupted  # type: ignore[method-assign, assignment]
    before = signal.getsignal(number)
    assert trainer.train() == number
    assert trainer.step == 3 and signal.getsignal(number) == before
    resumed = train(file, tmp_path / "b")
    assert resumed.step == 6
    for name, value in weights(resumed).items():
        assert torch.equal(value, whole[name]), name


def test_losses_fall_and_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("tensorboard")
    file = recipe_file(tmp_path, training=QUICK | {"steps": 40})
    lines: list[str] = []
    from uio2_train.commands.train import prepare_run

    trainer = Trainer(prepare_run(load_recipe(file), tmp_path / "run"), tmp_path / "run", lines.append, "cpu")
    trainer.train()
    rows = list(csv.DictReader(open(tmp_path / "run" / "losses.csv")))
    first, last = (float(rows[index]["action"]) for index in (0, -1))
    assert last < 0.85 * first, (first, last)
    assert {"step", "elapsed", "loss", "action", "text", "held_out_error"} <= set(rows[-1])
    assert (tmp_path / "run" / "losses.png").stat().st_size > 5000
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))
    assert any(line.endswith("left") and "samples/s" in line for line in lines)


def test_two_processes_compute_what_two_slices_do(tmp_path: Path) -> None:
    """torchrun with gloo; each process's batch is one of the slices that a single process has."""
    file = recipe_file(tmp_path, training=QUICK | {"steps": 3, "slices": 2})
    alone = weights(train(file, tmp_path / "alone"))
    words = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--rdzv-backend=c10d",
             "--rdzv-endpoint=localhost:0", "-m", "uio2_train", "train", str(file), "--folder", str(tmp_path / "two"),
             "--set", "training.slices=1", "--device", "cpu"]  # fmt: skip
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    run = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]
    assert "2 processes on cpu" in run.stdout
    state = torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 3
    for name, value in alone.items():
        assert torch.allclose(state["trained"][name], value, atol=2e-4), name


def test_a_run_of_another_recipe_is_not_overwritten(tmp_path: Path) -> None:
    train(recipe_file(tmp_path), tmp_path / "run", until=1)
    other = recipe_file(tmp_path / "other", model=SMALL | {"width": 64})
    with pytest.raises(TrainingError) as caught:
        train(other, tmp_path / "run")
    assert caught.value.code == "wrong_checkpoint"


def test_a_batch_that_cannot_be_shared_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="multiple of 2"):
        train(recipe_file(tmp_path, training=QUICK | {"batch": 7}), tmp_path / "run")


def test_orthogonalise_makes_singular_values_near_one() -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(20, 60)))
    assert 0.6 < float(values.min()) and float(values.max()) < 1.3


def test_muon_leaves_alone_what_has_no_gradient() -> None:
    a, b = (torch.nn.Parameter(torch.randn(4, 6)) for _ in range(2))
    before = b.detach().clone()
    a.grad = torch.randn(4, 6)
    Muon([a, b]).step()
    assert torch.equal(b, before)


def test_adapters_change_nothing_at_first_and_merge_into_plain_layers() -> None:
    model = load_model(TINY)
    text = Inputs(torch.tensor([[5, 9, 17, 1]]))
    before = model.encode(text).states
    names = list(model.state_dict())
    count = adapt(model, rank=3, alpha=6.0)
    assert count > 50
    assert torch.equal(model.encode(text).states, before)
    for module in model.modules():
        if isinstance(module, LoRALinear):
            torch.nn.init.normal_(module.lora_b, std=0.02)
    changed = model.encode(text).states
    assert not torch.allclose(changed, before, atol=1e-3)
    merge(model)
    assert list(model.state_dict()) == names
    assert torch.allclose(model.encode(text).states, changed, atol=1e-4)


@pytest.mark.parametrize("lora", [None, {"rank": 4}])
def test_a_checkpoint_of_the_releases_layout_is_fine_tuned_and_exported(tmp_path: Path, lora: dict | None) -> None:
    """From the release's layout at tiny size to a bundle: the recipe that ``uio2-large`` takes."""
    file = recipe_file(
        tmp_path, model={"start": str(TINY), "tokenizer": str(TINY / "tokenizer.model")},
        training=QUICK | {"steps": 4, "batch": 4, "lora": lora, "adam_rate": 3e-3},
        objectives={"next_frame": {"share": 0.5}, "denoising": {"share": 0.5, "image": 1.0, "dynamic_mask": True}},
    )  # fmt: skip
    trainer = train(file, tmp_path / "run")
    trained = sum(parameter.numel() for parameter in trainer.trained.values())
    learnable = sum(part.numel() for name, part in trainer.model.named_parameters() if ".vqgan." not in name)
    assert trained < learnable / 4 if lora else trained == learnable
    assert main(["export", str(file), "--folder", str(tmp_path / "run"), "--precision", "f32"]) == 0
    bundle = tmp_path / "run" / "policy"
    exported, original = load_model(bundle), load_model(TINY)
    assert exported.configuration.input_modalities == ("text", "image", "image_history")
    assert exported.configuration.target_modalities == ("text", "image")
    theirs = original.state_dict()
    assert all(name in theirs and value.shape == theirs[name].shape for name, value in exported.state_dict().items())
    moved = [name for name, value in exported.state_dict().items() if not torch.equal(value, theirs[name])]
    assert any("mlp.wo" in name for name in moved) and not any(".vqgan." in name for name in moved)


def test_the_exported_policy_says_what_the_trained_one_does(tmp_path: Path) -> None:
    file = recipe_file(tmp_path, training=QUICK | {"steps": 10})
    train(file, tmp_path / "run")
    words = ["export", str(file), "--folder", str(tmp_path / "run"), "--precision", "f32", "--agreement", "9"]
    assert main(words) == 0
    bundle = tmp_path / "run" / "policy"
    model, _ = trained_model(load_recipe(file), tmp_path / "run")
    policy = BundlePolicy(bundle)
    for name, value in policy.model.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
    assert json.loads((bundle / "policy.json").read_text())["name"] == "toy"

    from safetensors.torch import load_file

    recorded = load_file(bundle / "agreement" / "observations.safetensors")
    assert recorded["tokens"].shape == (9, 6) and recorded["proprioception"].shape == (9, 3)
    first = policy.tokenizer.base
    assert bool(((recorded["tokens"] >= first) & (recorded["tokens"] < first + 1000)).all())
    # A batch of the trainer's own sampler gives the same tokens: prompts and patches are made alike.
    prepared = prepare(load_recipe(file), (bundle / "tokenizer.model").read_bytes())
    _, held_out = prepared.samplers(None, lambda _: None)
    steps = [place for place in held_out.steps if place[1] >= 2][:4]
    batch = held_out.batch(steps)
    from uio2_train.model import generate

    said = generate(model, model.encode(batch.inputs), 6, allowed=policy.tokenizer.location_ids)
    assert said.ids.shape == (4, 6)
    assert len(UNITS) == 3 and np.isfinite(said.margins.numpy()).all()


def test_durations_are_for_people() -> None:
    assert [duration(x) for x in (8.4, 200, 7500)] == ["8 s", "3 min 20 s", "2 h 05 min"]


def test_the_budget_counts_the_arithmetic_that_pytorch_does() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from uio2_train.commands.budget import Shape, forward_flops, policy_configuration
    from uio2_train.model import Patches, Target, UnifiedIO

    configuration = policy_configuration("tiny")
    # Attention in plain products: the counter does not know the fused kernel of CPUs.
    model = UnifiedIO(configuration, tokenizers=False, official=True).requires_grad_(False)
    shape = Shape(text_tokens=20, history_frames=2, answer_tokens=7)
    inputs = Inputs(
        torch.ones(1, 20, dtype=torch.long), Patches(torch.zeros(1, 576, 768)), Patches(torch.zeros(1, 2, 256, 768))
    )
    with FlopCounterMode(display=False) as counter:
        encoded = model.encode(inputs)
        model.logits(model.decode(encoded, Target("text", torch.zeros(1, 7, dtype=torch.long))))
    counted = counter.get_total_flops()
    # The two perceiver layers and the resized positions are counted too; 3 % is left to them.
    assert abs(forward_flops(configuration, shape) / counted - 1) < 0.03, (forward_flops(configuration, shape), counted)


def test_the_budget_is_a_table_of_all_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", "--batch", "8"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2 + 8 and rows[2].startswith("| large | all | ")
    assert rows[4].startswith("| xl | all") and rows[7].startswith("| xxl | LoRA, rank 16 |")


def test_computation_in_bf16_is_near(tmp_path: Path) -> None:
    """What a GPU does with ``precision: bf16``, here on the CPU: the same losses to 2 %, gradients in f32."""
    from uio2_train.commands.train import prepare_run
    from uio2_train.engine.gradients import PlainGradients
    from uio2_train.objectives import StepBatches, TrainingStep

    file = recipe_file(tmp_path)
    prepared = prepare_run(load_recipe(file), tmp_path / "run")
    module = TrainingStep(prepared.recipe, prepared.model, prepared.tokenizer, 6, 3, 0)
    sampler, _ = prepared.samplers(None, lambda _: None)
    batches = StepBatches(prepared.recipe, sampler, prepared.model)
    parameters = list(prepared.model.parameters())

    def draw(step: int, number: int):
        return batches.draw(np.random.default_rng([step, number]), 4)

    found = {}
    for precision in ("f32", "bf16"):
        gradients = PlainGradients(module, parameters, draw, 2, torch.device("cpu"), precision)
        losses = gradients(0)
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        assert all(p.grad.dtype == torch.float32 for p in parameters if p.grad is not None)
        found[precision] = (losses["loss"], float(norm))
    assert np.allclose(found["f32"], found["bf16"], rtol=0.05), found
