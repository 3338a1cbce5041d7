"""Where weights begin, which of them are trained, and by which optimiser."""

from __future__ import annotations

import math

import torch
from torch import nn

from ..model import UnifiedIO
from ..recipe import TrainingRecipe
from ..specification import BINS
from ..tokenizer import Tokenizer
from .lora import adapt
from .muon import Muon

_MUON = ("encoder.", "decoder.", "input_embedders.")
_NOT_MUON = ("positional_embedding", "latents", "vision_transformer.embedding.weight", "lora_a", "lora_b")


def initialise(model: UnifiedIO, tokenizer: Tokenizer) -> None:
    """Fan-in scaled matrices, unit embeddings, and location embeddings that are smooth in the bin's value.

    Near bins are near from the first step on, so a value does not have to be learnt a thousand times.
    """
    for name, parameter in model.named_parameters():
        if ".vqgan." in name:
            continue
        if name.endswith("token_embedder.weight"):
            nn.init.normal_(parameter, std=1.0)
        elif parameter.ndim == 2 and not name.endswith(("positional_embedding", "latents")):
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
    embedding = model.text_token_embedder.weight.data
    width = embedding.shape[1]
    cycles = torch.exp(torch.rand(width) * math.log(30 / 0.3)) * 0.3
    phases = torch.rand(width) * 2 * math.pi
    values = torch.arange(BINS) / (BINS - 1)
    smooth = math.sqrt(2) * torch.cos(2 * math.pi * values[:, None] * cycles + phases)
    rows = tokenizer.base + (BINS - 1) - torch.arange(BINS)
    embedding[rows] = smooth + 0.05 * torch.randn(BINS, width)


def choose_trainable(model: UnifiedIO, recipe: TrainingRecipe) -> dict[str, nn.Parameter]:
    """Freezes what is not trained, adds adapters where the recipe wants them; the trained weights by name.

    The tokenisers of pictures and sounds never change here: their codes are what is learnt.
    """
    if recipe.lora is not None:
        adapt(model, recipe.lora.rank, recipe.lora.alpha)
    trained = {}
    for name, parameter in model.named_parameters():
        if ".vqgan." in name:
            wanted = False
        elif recipe.lora is not None:
            wanted = "lora_" in name or any(part in name for part in recipe.lora.also)
        else:
            wanted = recipe.train is None or name.startswith(tuple(recipe.train))
        parameter.requires_grad_(wanted)
        if wanted:
            trained[name] = parameter
    return trained


def make_optimisers(
    trained: dict[str, nn.Parameter], muon_rate: float, adam_rate: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the network, AdamW for embeddings, patches, norms, biases and adapters."""
    muon: list[nn.Parameter] = []
    adam: list[nn.Parameter] = []
    for name, parameter in trained.items():
        inside = parameter.ndim == 2 and name.startswith(_MUON) and not name.endswith(_NOT_MUON)
        (muon if inside else adam).append(parameter)
    optimisers: list[torch.optim.Optimizer] = []
    if muon:
        optimisers.append(Muon(muon, lr=muon_rate, weight_decay=weight_decay))
    if adam:
        optimisers.append(torch.optim.AdamW(adam, lr=adam_rate, betas=(0.9, 0.98), weight_decay=0.0))
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["base"] = group["lr"]
    return optimisers
