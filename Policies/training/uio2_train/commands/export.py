"""``export``: the bundle that ``uio2 serve`` takes, from the running average of a run's weights."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from ..data.pictures import decode_picture
from ..data.samples import Sampler, prompt_text, squeeze_slot, stack_patches
from ..data.speech import sound_patches
from ..engine.lora import merge
from ..engine.preparation import extended, load_pictures
from ..engine.weights import choose_trainable
from ..errors import TrainingError
from ..model import Configuration, Inputs, UnifiedIO, generate, load_model, save_model
from ..recipe import Recipe
from ..tokenizer import Tokenizer
from .train import PICTURES, read_recipe, recipe_arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    recipe_arguments(parser)
    parser.add_argument("--output", type=Path, help="the bundle's folder; FOLDER/policy when left out")
    parser.add_argument("--precision", choices=("f32", "bf16", "release"), default="bf16")
    parser.add_argument("--agreement", type=int, default=0, metavar="N",
                        help="record N held-out observations with the tokens that PyTorch says")  # fmt: skip


def trained_model(recipe: Recipe, run: Path) -> tuple[UnifiedIO, dict[str, Any]]:
    """The model with the average of a run's weights, adapters merged, and the run's state."""
    file = run / "checkpoint.pt"
    if not file.is_file():
        raise TrainingError("missing_file", str(file), "there is no checkpoint; train first, or name the run's folder")
    state = torch.load(file, map_location="cpu", weights_only=True)
    configuration = Configuration.load(run / "config.json")
    if recipe.model.start is not None and recipe.model.extend:
        model = extended(recipe, recipe.path(recipe.model.start), Tokenizer.load(run / "tokenizer.model"))
    elif recipe.model.start is not None:
        model = load_model(recipe.path(recipe.model.start), configuration)
    else:
        torch.manual_seed(recipe.training.seed)
        model = UnifiedIO(configuration, tokenizers="image" in configuration.target_modalities)
    load_pictures(model, run / PICTURES)
    trained = choose_trainable(model, recipe.training)
    if trained.keys() != state["average"].keys():
        message = "holds other weights than the recipe trains; export with the recipe of the run"
        raise TrainingError("wrong_checkpoint", str(file), message)
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(state["average"][name])
    merge(model)
    return model.eval(), state


def export(recipe: Recipe, run: Path, output: Path, precision: str) -> str:
    """Writes the bundle; returns a line about it."""
    model, state = trained_model(recipe, run)
    output.mkdir(parents=True, exist_ok=True)
    count = save_model(model, output, precision)
    shutil.copyfile(run / "tokenizer.model", output / "tokenizer.model")
    shutil.copyfile(run / "policy.json", output / "policy.json")
    return f"step {state['step']}, {state['elapsed'] / 60:.1f} minutes: {count / 1e6:.2f} M weights -> {output}"


class BundlePolicy:
    """An exported bundle in PyTorch: greedy decoding among locations, what another runtime must match."""

    def __init__(self, bundle: Path) -> None:
        self.document = json.loads((bundle / "policy.json").read_text())
        self.tokenizer = Tokenizer.load(bundle / self.document["tokenizer"])
        self.model = load_model(bundle / self.document["model"])
        from ..data.samples import Canvas
        from ..specification import Quantities, Quantity

        space = self.document["action_space"]
        self.state, self.action = (
            Quantities(tuple(Quantity(p["name"], p["unit"], p["minimum"], p["maximum"]) for p in parts))
            for parts in (self.document["proprioception"], space["dimensions"])
        )
        self.count = len(self.action) * space["chunk_length"]
        self._image = Canvas(self.model.configuration, "image")
        self._history = Canvas(self.model.configuration, "image_history")

    @torch.no_grad()
    def tokens(
        self, instruction: str, state: np.ndarray, frames: dict[str, bytes], sound: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Token ids and margins ``[n]`` for one observation that begins an episode; frames are JPEG or PNG.

        A sound, int16 at 16 kHz, says the instruction in place of words.
        """
        text = prompt_text(self.document["prompt"]["template"], instruction, self.state.bins(state))
        ids = torch.tensor([self.tokenizer.prompt(text)])
        cameras = self.document["cameras"]
        image = next(camera["name"] for camera in cameras if camera["input"] == "image")
        others = [decode_picture(frames[c["name"]]) for c in cameras if c["input"] == "image_history"]
        history = stack_patches([others], self._history, len(others)) if others else None
        patches = squeeze_slot(stack_patches([[decode_picture(frames[image])]], self._image, 1))
        seconds = self.document.get("audio", {}).get("maximum_duration_s", 0.0)
        audio = None if sound is None else sound_patches([sound], seconds)
        encoded = self.model.encode(Inputs(ids, patches, history, audio))
        said = generate(self.model, encoded, self.count, allowed=self.tokenizer.location_ids)
        return said.ids[0].numpy(), said.margins[0].numpy()


def record_agreement(bundle: Path, sampler: Sampler, count: int) -> int:
    """Writes ``agreement/observations.safetensors`` from the sampler's episodes; returns how many there are."""
    policy, store = BundlePolicy(bundle), sampler.store
    cameras = [camera.name for camera in store.plan.cameras]
    instructions: dict[str, int] = {}
    jpegs: list[bytes] = []
    rows: list[tuple[np.ndarray, np.ndarray, np.ndarray, int]] = []
    for place in np.linspace(0, len(sampler) - 1, min(count, len(sampler))).astype(int):
        index, step = sampler.steps[place]
        episode = store.episodes[index]
        frames = {name: store.jpeg(episode, step, name) for name in cameras}
        state = episode.state[step].astype(np.float32)
        said = episode.instructions[step]
        tokens, margins = policy.tokens(said, state.astype(np.float64), frames)
        jpegs += frames.values()
        rows.append((state, tokens, margins, instructions.setdefault(said, len(instructions))))
    arrays = {
        "jpeg": np.frombuffer(b"".join(jpegs), dtype=np.uint8).copy(),
        "jpeg_offsets": np.cumsum([0] + [len(data) for data in jpegs], dtype=np.int64),
        "proprioception": np.stack([row[0] for row in rows]),
        "tokens": np.stack([row[1] for row in rows]).astype(np.int32),
        "margin": np.stack([row[2] for row in rows]).astype(np.float32),
        "task": np.array([row[3] for row in rows], dtype=np.int32),
    }
    description = {"tasks": [{"task": f"{number}", "instruction": text} for text, number in instructions.items()]}
    folder = bundle / "agreement"
    folder.mkdir(exist_ok=True)
    file = folder / "observations.safetensors"
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    save_file(tensors, file, metadata={"description": json.dumps(description)})
    file.chmod(0o644)
    return len(rows)


def run(options: argparse.Namespace) -> None:
    """Exports."""
    recipe, folder = read_recipe(options)
    output = options.output or folder / "policy"
    print(export(recipe, folder, output, options.precision))
    if options.agreement:
        from .train import prepare_run

        prepared = prepare_run(recipe, folder)
        train, held_out = prepared.samplers(folder / "cache", print)
        count = record_agreement(output, held_out or train, options.agreement)
        print(f"{count} observations with PyTorch's tokens -> {output / 'agreement'}")
