"""An exported bundle as a policy: frames, state and instruction in, action tokens out; what a runtime must match."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from data import patches_of, prompts
from model import PolicyModel
from shards import decode_jpeg
from spec import ACTION_DIMENSIONS, ACTION_RANGE, CHUNK_LENGTH, RECIPES, dequantise
from uio2_train.model.products import fast_products
from uio2_train.tokenizer import Tokenizer


class Policy:
    """Greedy decoding of the exported (bf16-rounded) weights in float32, among location tokens only."""

    def __init__(self, bundle: Path) -> None:
        self.recipe = RECIPES[json.loads((bundle / "policy.json").read_text())["name"]]
        self.tokenizer = Tokenizer.load(bundle / "tokenizer.model")
        self.model = PolicyModel(json.loads((bundle / "config.json").read_text()))
        weights = {name: tensor.float() for name, tensor in load_file(bundle / "model.safetensors").items()}
        self.model.load_state_dict(weights)
        self.model.eval()

    @torch.no_grad()
    def tokens(
        self, jpegs: list[list[bytes]], proprioception: np.ndarray, sentences: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """JPEG frames ``[b][camera]``, proprioception ``[b, 4]`` and ``b`` instructions to token ids and margins.

        Both results are ``[b, 16]``; a margin is the gap between the best two location logits.
        """
        frames = np.stack([[decode_jpeg(data) for data in pair] for pair in jpegs])
        text = prompts(self.tokenizer, self.recipe, sentences, proprioception)
        with fast_products():
            encoded = self.model.look(text, patches_of(frames))
            ids, margins = self.model.locations(encoded, CHUNK_LENGTH * ACTION_DIMENSIONS, self.tokenizer.location_ids)
        return ids.numpy(), margins.numpy()

    def actions(self, tokens: np.ndarray) -> np.ndarray:
        """Token ids ``[b, 16]`` to native actions ``[b, chunk, 4]``."""
        bins = self.tokenizer.bins(tokens).reshape(-1, CHUNK_LENGTH, ACTION_DIMENSIONS)
        return dequantise(bins, ACTION_RANGE)
