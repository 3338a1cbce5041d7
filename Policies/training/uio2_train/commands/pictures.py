"""``pictures``: trains the small VQGAN of a recipe's policy on the frames of its image camera.

The picture after the codebook is compared with the frame, pixel by pixel and edge by edge; entries that no picture uses
begin again at what some picture has. The same command again goes on.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from ..data.pictures import target_picture
from ..errors import TrainingError
from ..model.image_tokenizer import ImageTokenizer
from ..model.products import keep_heap
from .train import PICTURES, prepare_run, read_recipe, recipe_arguments

REPORT_SECONDS = 60.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    recipe_arguments(parser)
    parser.add_argument("--threads", type=int, default=2)


def edges(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of neighbours, down and to the right, of ``[b, 3, h, w]``."""
    return pictures.diff(dim=2), pictures.diff(dim=3)


def loss(tokenizer: ImageTokenizer, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """The total, and the mean difference of a pixel (of a range of 2)."""
    restored, commitment = tokenizer(pictures)
    pixels = (restored - pictures).abs().mean()
    rest = sum((a - b).abs().mean() for a, b in zip(edges(restored), edges(pictures), strict=True))
    return pixels + (restored - pictures).square().mean() + rest + commitment, pixels


@torch.no_grad()
def revive(tokenizer: ImageTokenizer, latents: Tensor, random: np.random.Generator) -> int:
    """Moves entries that none of ``latents`` ``[n, e]`` is near to random ones of them; returns how many."""
    table = tokenizer.quantize.embedding.weight
    used = torch.zeros(len(table), dtype=torch.bool)
    used[tokenizer.quantize.nearest(latents)] = True
    dead = (~used).nonzero()[:, 0]
    chosen = torch.from_numpy(random.integers(len(latents), size=len(dead)))
    table[dead] = latents[chosen] + 0.01 * torch.randn(len(dead), table.shape[1])
    return len(dead)


def run(options: argparse.Namespace) -> None:
    """Trains."""
    recipe, folder = read_recipe(options)
    sizes = recipe.model.pictures
    prepared = prepare_run(recipe, folder)
    if "image" not in prepared.model.configuration.target_modalities:
        raise TrainingError("invalid_recipe", "objectives", "no objective makes the policy write pictures")
    tokenizer = prepared.model.tokenizer("image")
    assert isinstance(tokenizer, ImageTokenizer)
    tokenizer.requires_grad_(True).train()
    sampler, _ = prepared.samplers(folder / "cache", print)
    store, camera, size = sampler.store, sampler.store.plan.image_camera.name, sizes.size
    state_file = folder / "pictures.state"
    optimiser = torch.optim.AdamW(tokenizer.parameters(), lr=sizes.rate, betas=(0.9, 0.99), weight_decay=0.0)
    step = 0
    if state_file.is_file():
        state = torch.load(state_file, weights_only=True)
        tokenizer.load_state_dict(state["weights"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    keep_heap()
    torch.set_num_threads(options.threads)
    reported, seen = time.monotonic(), []
    while step < sizes.steps:
        random = np.random.default_rng([recipe.training.seed, step])
        drawn = sampler.draw(random, sizes.batch)
        frames = [store.frame(store.episodes[index], place, camera) for index, place in drawn]
        pictures = torch.stack([target_picture(frame, (size, size), 8)[0] for frame in frames])
        for group in optimiser.param_groups:
            warm = min(1.0, (step + 1) / 50)
            group["lr"] = sizes.rate * warm * (0.5 + 0.5 * float(np.cos(np.pi * step / sizes.steps)) + 1e-3)
        total, pixels = loss(tokenizer, pictures)
        optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(tokenizer.parameters(), 1.0)
        optimiser.step()
        if step % 20 == 0 and step < sizes.steps * 0.7:
            with torch.no_grad():
                revive(tokenizer, tokenizer.latents(pictures).movedim(1, -1).flatten(0, 2), random)
        seen.append(float(pixels.detach()))
        step += 1
        if step == sizes.steps or time.monotonic() - reported > REPORT_SECONDS:
            print(f"step {step} of {sizes.steps}: pixels off by {127.5 * np.mean(seen):.2f} of 255", flush=True)
            reported, seen = time.monotonic(), []
            _save(tokenizer, optimiser, step, folder)
    _save(tokenizer, optimiser, step, folder)


def _save(tokenizer: ImageTokenizer, optimiser: torch.optim.Optimizer, step: int, folder: Path) -> None:
    weights = {name: tensor.detach().contiguous() for name, tensor in tokenizer.state_dict().items()}
    for target, write in (
        (folder / PICTURES, lambda path: save_file(weights, path)),
        (
            folder / "pictures.state",
            lambda path: torch.save({"weights": weights, "optimiser": optimiser.state_dict(), "step": step}, path),
        ),
    ):
        partial = target.with_suffix(".partial")
        write(partial)
        os.replace(partial, target)
