"""``budget``: memory and arithmetic of fine-tuning, by size of the release and way of training."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch

from ..engine.weights import choose_trainable
from ..model import Configuration, UnifiedIO
from ..model.presets import SIZES, released
from ..recipe import LoRARecipe, TrainingRecipe

GIB = 2**30


@dataclass(frozen=True)
class Shape:
    """What a sample is made of."""

    text_tokens: int = 64
    history_frames: int = 1
    answer_tokens: int = 29
    """Chunk times dimensions, and the end."""


@dataclass(frozen=True)
class Budget:
    """Of one way to train one size."""

    weights: int
    trained: int
    state_bytes: int
    """Weights, gradients, running average and the optimisers' state, all in f32."""
    sample_bytes: int
    """Activations that a sample keeps for the backward pass, roughly, in bf16."""
    sample_flops: float
    """Of forward and backward pass."""


def policy_configuration(name: str) -> Configuration:
    """A released size with what a policy uses: text, image and image history in, text out."""
    document = released(name) | {"input_modalities": ["text", "image", "image_history"], "target_modalities": ["text"]}
    return Configuration.of(document)


def forward_flops(configuration: Configuration, shape: Shape) -> float:
    """Products of a forward pass over one sample, two operations a multiplication."""
    t5, vit, history = configuration.t5, configuration.image_vit, configuration.image_history
    assert vit is not None and history is not None

    def attention(width: int, queries: int, keys: int) -> float:
        """Projections of queries and output, of keys and values, and the two products of attention."""
        return 4 * queries * width**2 + 4 * keys * width**2 + 4 * queries * keys * width

    def vision(patches: int) -> float:
        tokens = patches + 1
        block = attention(vit.emb_dim, tokens, tokens) + 4 * tokens * vit.emb_dim * vit.mlp_dim
        return vit.num_layers * block + 2 * patches * vit.emb_dim * t5.image_vit_patch_size**2 * 3

    def patches(size: tuple[int, int]) -> int:
        return size[0] * size[1] // t5.image_vit_patch_size**2

    image, frame = patches(t5.default_image_vit_size), patches(t5.default_image_history_vit_size)
    total = vision(image) + 4 * image * vit.emb_dim * t5.emb_dim
    latents, width = history.latents_size, history.emb_dim
    for layer in range(history.num_layers):
        keys = frame if layer in history.xattention_index else latents
        block = attention(width, latents, keys) + 4 * latents * width * history.mlp_dim
        total += shape.history_frames * block
    projections = 2 * frame * vit.emb_dim * width + 2 * latents * width * t5.emb_dim
    total += shape.history_frames * (vision(frame) + projections)
    source, answer = shape.text_tokens + image + shape.history_frames * latents, shape.answer_tokens
    mlp = 6 * t5.emb_dim * t5.mlp_dim
    total += t5.num_encoder_layers * (attention(t5.emb_dim, source, source) + source * mlp)
    for layer in range(t5.num_decoder_layers):
        total += attention(t5.emb_dim, answer, answer) + answer * mlp
        if t5.has_cross_attention(layer):
            total += attention(t5.emb_dim, answer, source)
    return total + 2 * answer * t5.emb_dim * t5.vocab_size


def budget(configuration: Configuration, recipe: TrainingRecipe, shape: Shape) -> Budget:
    """Counts weights on PyTorch's meta device: nothing is allocated."""
    with torch.device("meta"):
        model = UnifiedIO(configuration, tokenizers=False)
        trained = choose_trainable(model, recipe)
    weights = sum(parameter.numel() for parameter in model.parameters())
    count = sum(parameter.numel() for parameter in trained.values())
    # Weight; gradient, average and one (Muon) or two (AdamW) moments of what is trained.
    matrices = 0
    if recipe.lora is None:
        matrices = sum(
            p.numel() for name, p in trained.items() if p.ndim == 2 and "embed" not in name.rpartition(".")[0]
        )
    state = 4 * weights + 4 * (count + count + matrices + 2 * (count - matrices))
    t5, vit = configuration.t5, configuration.image_vit
    assert vit is not None
    source = shape.text_tokens + 576 + 32 * shape.history_frames
    # Values that layers keep: about 8 widths and 3 MLPs a token of a layer (attention itself is recomputed).
    kept = t5.num_encoder_layers * source * (8 * t5.emb_dim + 3 * t5.mlp_dim)
    kept += t5.num_decoder_layers * (shape.answer_tokens * (14 * t5.emb_dim + 3 * t5.mlp_dim) + 2 * source * t5.emb_dim)
    kept += vit.num_layers * (577 + 257 * shape.history_frames) * (9 * vit.emb_dim + 2 * vit.mlp_dim)
    # A backward pass costs twice the forward pass, without the gradients of weights once.
    passes = 2.0 if recipe.lora is not None else 3.0
    return Budget(weights, count, state, 2 * kept, passes * forward_flops(configuration, shape))


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--batch", type=int, default=32, help="samples of a step")
    parser.add_argument("--tflops", type=float, default=200.0, help="of the accelerator, as it really gives them")
    parser.add_argument("--samples", type=int, default=200_000, help="of the whole training")
    parser.add_argument("--history-frames", type=int, default=1)
    parser.add_argument("--rank", type=int, default=16, help="of adapters")


def run(options: argparse.Namespace) -> None:
    """Prints a table in Markdown."""
    shape = Shape(history_frames=options.history_frames)
    print(
        f"| size | trained | weights | trained weights | state | a batch of {options.batch} | TFLOP a sample | hours |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in SIZES:
        for way, lora in (("all", None), (f"LoRA, rank {options.rank}", LoRARecipe(rank=options.rank))):
            found = budget(policy_configuration(name), TrainingRecipe(steps=1, lora=lora), shape)
            hours = options.samples * found.sample_flops / (options.tflops * 1e12) / 3600
            print(
                f"| {name} | {way} | {found.weights / 1e6:,.0f} M | {found.trained / 1e6:,.1f} M "
                f"| {found.state_bytes / GIB:,.1f} GiB | {options.batch * found.sample_bytes / GIB:,.1f} GiB "
                f"| {found.sample_flops / 1e12:,.3g} | {hours:,.2g} |"
            )
