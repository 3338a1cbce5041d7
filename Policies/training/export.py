"""Exports a checkpoint's averaged weights as a policy bundle (bf16), and records what the trainer itself would say.

    python export.py --recipe metaworld-mt50 --run DIR --output DIR
    python export.py --agreement --output DIR

``--agreement`` leaves the weights of the bundle at ``--output`` as they are and adds 500 observations of closed-loop
episodes with the tokens that this PyTorch model chooses for them, so that another runtime can be compared token by
token.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from config import policy_config
from policy import Policy
from rollout import Observer, roll
from spec import CHUNK_LENGTH, INSTRUCTIONS, RECIPES, REPOSITORY, SELECTION_SEEDS, Recipe
from uio2_train.model.products import keep_heap
from uio2_train.tokenizer import Tokenizer
from wordings import TRAINED

AGREEMENT_OBSERVATIONS = 500
AGREEMENT_FIRST_SEED = SELECTION_SEEDS + 5_000


_DESCRIPTIONS = {
    "metaworld-mt5": "Five Meta-World v3 tasks with a Sawyer arm: reach, push, close a drawer, press a button from "
    "above, open a door. Behaviour cloning of scripted experts, trained from scratch.",
    "metaworld-mt10": "The ten Meta-World v3 tasks of MT10 with a Sawyer arm, told apart by the instruction. Behaviour "
    "cloning of scripted experts and DAgger, begun from metaworld-mt5.",
    "metaworld-mt50": "All 50 Meta-World v3 tasks with a Sawyer arm, told apart by the instruction. Behaviour cloning "
    "of scripted experts and DAgger, trained from scratch.",
}


_LIMITS: dict[str, dict[str, object]] = {
    "metaworld-mt5": {
        "workspace": {"x": [-0.26, 0.38], "y": [0.36, 0.92], "z": [0.02, 0.46]},
        "maximum_speed_m_per_s": 1.2,
        "maximum_jump_m": 0.06,
    },
    "metaworld-mt10": {
        "workspace": {"x": [-0.29, 0.45], "y": [0.36, 0.94], "z": [0.02, 0.48]},
        "maximum_speed_m_per_s": 1.3,
        "maximum_jump_m": 0.065,
    },
    "metaworld-mt50": {
        "workspace": {"x": [-0.53, 0.53], "y": [0.36, 0.94], "z": [0.02, 0.52]},
        "maximum_speed_m_per_s": 1.3,
        "maximum_jump_m": 0.065,
    },
}
"""From what limits.py measures of the experts; the policies' cards say what they cost in success."""


def _sentences(recipe: Recipe, task: str) -> tuple[str, ...]:
    """What a task was trained under."""
    return TRAINED[task] if recipe.many_wordings else (INSTRUCTIONS[task],)


def _proprioception(recipe: Recipe) -> list[dict]:
    names = [("end_effector_x", "m"), ("end_effector_y", "m"), ("end_effector_z", "m"), ("gripper_opening", "1")]
    return [
        {"name": name, "unit": unit, "minimum": float(low), "maximum": float(high)}
        for (name, unit), (low, high) in zip(names, recipe.proprioception, strict=True)
    ]


def policy_description(recipe: Recipe) -> dict:
    """The contents of ``policy.json``."""
    dimensions = [
        {"name": f"delta_{axis}", "unit": "m", "minimum": -0.01, "maximum": 0.01, "role": f"translation_{axis}"}
        for axis in "xyz"
    ]
    dimensions.append({"name": "gripper", "unit": "1", "minimum": -1, "maximum": 1, "role": "gripper"})
    camera = {"width": 128, "height": 128}
    return {
        "$schema": "../policy.schema.json",
        "format_version": 1,
        "name": recipe.name,
        "description": _DESCRIPTIONS[recipe.name],
        "model": ".",
        "tokenizer": "tokenizer.model",
        "prompt": {"template": "{instruction} State: {state}"},
        "instructions": [text for task in recipe.tasks for text in _sentences(recipe, task)],
        "cameras": [
            {"name": "corner2", "input": "image", **camera, "vertical_field_of_view_degrees": 30},
            {"name": "topview", "input": "image_history", **camera, "vertical_field_of_view_degrees": 45},
        ],
        "proprioception": _proprioception(recipe),
        "action_space": {
            "type": "continuous",
            "chunk_length": CHUNK_LENGTH,
            "frame": "base",
            "mode": "delta",
            "dimensions": dimensions,
        },
        "control": {
            "rate_hz": 80,
            "hold": "zero",
            "deadline_ms": 200,
            "maximum_observation_age_ms": 500,
            "frozen_camera_ms": 1000,
        },
        "limits": _LIMITS[recipe.name],
    }


def export_bundle(run: Path, output: Path, recipe: Recipe) -> None:
    """Writes model, configuration, tokenizer and ``policy.json``."""
    output.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.load(run / "tokenizer.model")
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    weights = {name: tensor.bfloat16().contiguous() for name, tensor in state["average"].items()}
    save_file(weights, output / "model.safetensors", metadata={"format": "pt"})
    (output / "model.safetensors").chmod(0o644)
    (output / "config.json").write_text(json.dumps(policy_config(tokenizer.padded_size, recipe.size), indent=1) + "\n")
    (output / "policy.json").write_text(json.dumps(policy_description(recipe), indent=2) + "\n")
    shutil.copyfile(run / "tokenizer.model", output / "tokenizer.model")
    when = {"minute": round(state["seconds"] / 60, 1), "step": state["step"], "samples": state["samples"]}
    (output / "exported.json").write_text(json.dumps(when) + "\n")
    count = sum(tensor.numel() for tensor in weights.values())
    print(f"step {state['step']}, minute {state['seconds'] / 60:.1f}: {count / 1e6:.2f} M weights -> {output}")


def _recorder(seen: list[tuple]) -> Observer:
    def observe(scene, index: int, seed: int, frames: list[bytes], tokens: np.ndarray, margins: np.ndarray) -> None:
        seen.append((frames, scene.proprioception(), tokens, margins, index))

    return observe


def record_agreement(bundle: Path) -> None:
    """Writes ``agreement/observations.safetensors``, 500 observations of all tasks from the policy's own episodes."""
    policy = Policy(bundle)
    tasks = policy.recipe.tasks
    a_task = AGREEMENT_OBSERVATIONS // len(tasks)
    kept: list[tuple] = []
    for task in tasks:
        seen: list[tuple] = []
        seeds = list(range(AGREEMENT_FIRST_SEED, AGREEMENT_FIRST_SEED + 12))
        roll(policy, task, seeds, 120, 4, 8, observer=_recorder(seen))
        picked = np.linspace(0, len(seen) - 1, a_task).round().astype(int)
        kept += [seen[i] for i in picked]
    jpegs = [data for frames, *_ in kept for data in frames]
    tensors = {
        "jpeg": np.frombuffer(b"".join(jpegs), dtype=np.uint8).copy(),
        "jpeg_offsets": np.cumsum([0] + [len(data) for data in jpegs], dtype=np.int64),
        "proprioception": np.stack([row[1] for row in kept]).astype(np.float32),
        "tokens": np.stack([row[2] for row in kept]).astype(np.int32),
        "margin": np.stack([row[3] for row in kept]).astype(np.float32),
        "task": np.array([row[4] for row in kept], dtype=np.int32),
    }
    description = {"tasks": [{"task": task, "instruction": INSTRUCTIONS[task]} for task in tasks]}
    folder = bundle / "agreement"
    folder.mkdir(exist_ok=True)
    path = folder / "observations.safetensors"
    save_file(
        {name: torch.from_numpy(array) for name, array in tensors.items()}, path,
        metadata={"description": json.dumps(description)},
    )  # fmt: skip
    path.chmod(0o644)
    print(f"{len(kept)} observations, {path.stat().st_size / 1e6:.1f} MB -> {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=RECIPES, default="metaworld-mt5")
    parser.add_argument("--run", type=Path, default=Path(__file__).parent / "data" / "run")
    parser.add_argument("--output", type=Path, help="default: the recipe's folder beside this one")
    parser.add_argument("--agreement", action="store_true", help="record observations from the bundle at --output")
    arguments = parser.parse_args()
    keep_heap()
    torch.set_num_threads(1)
    recipe = RECIPES[arguments.recipe]
    output = arguments.output or REPOSITORY / "Policies" / recipe.name
    if arguments.agreement:
        record_agreement(output)
    else:
        export_bundle(arguments.run, output, recipe)


if __name__ == "__main__":
    main()
